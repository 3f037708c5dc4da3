// `batch` for users: a function is traced as a region, the axes are moved to the front and back.
#include <fmt/format.h>

#include "transform/transform.hpp"

namespace metac {
namespace {

using Tensors = std::vector<Tensor>;

// An axis counted from the front, of `rank` axes.
int checked_axis(const char* what, std::size_t i, int axis, int rank) {
  const int counted = axis < 0 ? axis + rank : axis;
  if (counted < 0 || counted >= rank)
    throw Error(fmt::format("[batch] axis {} of {} {} was given, it has {} axes", axis, what, i, rank));
  return counted;
}

// One for each of `count`, where one may be given for all.
template <class Axis>
std::vector<Axis> for_each_of(const char* what, const std::vector<Axis>& given, std::size_t count) {
  if (given.size() == count) return given;
  if (given.size() != 1) throw Error(fmt::format("[batch] {} axes were given for {} {}s", given.size(), count, what));
  return std::vector<Axis>(count, given[0]);
}

Tensor move_axis(Tensor x, int from, int to) {
  std::vector<int> order;
  for (int axis = 0; axis < x.shape().rank(); ++axis)
    if (axis != from) order.push_back(axis);
  order.insert(order.begin() + to, from);
  return transpose(x, order);
}

// The arguments with the axis of the examples in front, and how many there are.
struct Examples {
  std::vector<Batched> arguments;
  std::int64_t size = -1;

  Examples(TensorList given, const InAxes& axes) {
    for (std::size_t i = 0; i < given.size(); ++i) {
      if (!axes[i]) {
        arguments.push_back({given[i], false});
        continue;
      }
      const int axis = checked_axis("argument", i, *axes[i], given[i].shape().rank());
      arguments.push_back({move_axis(given[i], axis, 0), true});
      const std::int64_t here = given[i].shape()[axis];
      if (size >= 0 && here != size)
        throw Error(
            fmt::format("[batch] argument {} has {} examples along axis {}, others have {}", i, here, axis, size));
      size = here;
    }
    if (size < 0) throw Error("[batch] no argument has an axis of examples, at least one is needed");
  }
};

}  // namespace

Tensors batch(const TensorFunction& f, TensorList given, const InAxes& in_axes, const std::vector<int>& out_axes) {
  require_present("batch", given);
  Examples examples(given, for_each_of("argument", in_axes, given.size()));
  Graph& outer = innermost(given);
  const auto body = std::make_shared<Graph>(outer);
  Region region{body, {}, {}};
  Tensors one;
  for (const Batched& argument : examples.arguments) {
    const Type& type = argument.value.type();
    one.push_back(input(*body, argument.batched ? Type{type.dtype, type.shape.without(0)} : type));
    region.inputs.push_back(one.back().id());
  }
  const Tensors results = f(one);
  require_present("batch", results);
  for (const Tensor& result : results) region.outputs.push_back(body->capture(result).id());
  for (const Graph::Capture& capture : body->captures()) {
    region.inputs.push_back(capture.inner);
    examples.arguments.push_back({capture.outer, false});
  }
  body->close();

  const auto axes = for_each_of("result", out_axes, results.size());
  const std::vector<Batched> values = batch(region, examples.arguments, examples.size, outer);
  Tensors moved;
  for (std::size_t k = 0; k < values.size(); ++k) {
    Tensor all = values[k].value;
    if (!values[k].batched) all = broadcast_to(all, all.shape().with_front(examples.size));
    moved.push_back(move_axis(all, 0, checked_axis("result", k, axes[k], all.shape().rank())));
  }
  return moved;
}

}  // namespace metac
