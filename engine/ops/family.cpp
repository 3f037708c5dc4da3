// See family.hpp.
#include "ops/family.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <memory>

namespace metac {

Tensor apply(const Operator& op, std::span<const Tensor> inputs, Attributes attributes) {
  require_present(op.name, inputs);
  // Sizes, positions and steps: within these bounds, sums of a few of them do not overflow.
  for (const auto number : attributes.numbers)
    if (number > most_elements || number < -most_elements)
      throw Error(fmt::format("[{}] {} was given; a number within {} and {} is needed", op.name, number, -most_elements,
                              most_elements));
  return innermost(inputs).push(op, inputs, std::move(attributes));
}

Tensor apply(const Operator& op, std::initializer_list<Tensor> inputs, Attributes attributes) {
  return apply(op, std::span(inputs.begin(), inputs.size()), std::move(attributes));
}

Attributes numbers(std::vector<std::int64_t> values) { return {.numbers = std::move(values), .object = nullptr}; }

std::vector<std::int64_t> packed(std::initializer_list<Shape> shapes) {
  std::vector<std::int64_t> values;
  for (const auto& shape : shapes) values.insert(values.end(), shape.begin(), shape.end());
  return values;
}

Shape unpacked(const Attributes& attributes, int first, int count) {
  return Shape(std::span(attributes.numbers).subspan(first, count));
}

void require_float(const char* name, const Tensor& input) {
  require_present(name, {input});
  if (!is_float(input.dtype()))
    throw Error(fmt::format("[{}] {} was given; f32 or f64 is needed", name, to_string(input.type())));
}

void require_float(const Operator& op, const Tensor& input) { require_float(op.name, input); }

void require_dtype(const Operator& op, const Tensor& input, Dtype needed) {
  if (input.dtype() != needed)
    throw Error(fmt::format("[{}] {} was given; {} is needed", op.name, to_string(input.type()), to_string(needed)));
}

void require_same_dtype(const char* name, const Tensor& a, const Tensor& b) {
  if (a.dtype() != b.dtype())
    throw Error(fmt::format("[{}] {} and {} were given; both need the same element type", name, to_string(a.type()),
                            to_string(b.type())));
}

std::int64_t checked_product(const char* name, std::int64_t a, std::int64_t b) {
  std::int64_t result = 0;
  if (__builtin_mul_overflow(a, b, &result))
    throw Error(fmt::format("[{}] the result would have a size of {} * {}, which is too large", name, a, b));
  return result;
}

Shape for_each_axis(const char* name, const char* what, const Shape& given, int count) {
  if (given.rank() == count) return given;
  if (given.rank() == 1) return Shape(count, given[0]);
  throw Error(fmt::format("[{}] {} {} was given; one for each of {} axes, or one for all, is needed", name, what,
                          to_string(given), count));
}

int checked_axis(const char* name, int axis, const Shape& shape) {
  if (axis < -shape.rank() || axis >= shape.rank())
    throw Error(fmt::format("[{}] axis {} of shape {} was given; that shape has {} axes", name, axis, to_string(shape),
                            shape.rank()));
  return axis < 0 ? axis + shape.rank() : axis;
}

Axes checked_axes(const char* name, Axes axes, const Shape& shape) {
  for (auto& axis : axes) axis = checked_axis(name, axis, shape);
  std::sort(axes.begin(), axes.end());
  const auto twice = std::adjacent_find(axes.begin(), axes.end());
  if (twice != axes.end())
    throw Error(fmt::format("[{}] axis {} of shape {} was given twice; each is needed at most once", name, *twice,
                            to_string(shape)));
  return axes;
}

Shape common_shape(const char* name, const Shape& a, const Shape& b) {
  const int rank = std::max(a.rank(), b.rank());
  Shape result(rank, 1);
  for (int back = 1; back <= rank; ++back) {
    const std::int64_t size_a = back <= a.rank() ? a[a.rank() - back] : 1;
    const std::int64_t size_b = back <= b.rank() ? b[b.rank() - back] : 1;
    if (size_a != size_b && size_a != 1 && size_b != 1)
      throw Error(
          fmt::format("[{}] shapes {} and {} were given; counted from the last axis, sizes need to be equal or 1", name,
                      to_string(a), to_string(b)));
    result[rank - back] = size_a == 1 ? size_b : size_a;
  }
  return result;
}

Shape concatenated(const Shape& a, const Shape& b) {
  Shape result = a;
  for (auto size : b) result.push_back(size);
  return result;
}

std::int64_t added_sizes(const char* name, std::int64_t a, std::int64_t b) {
  std::int64_t sum;
  if (__builtin_add_overflow(a, b, &sum))
    throw Error(fmt::format("[{}] sizes {} and {} were given for one axis; their sum is too large", name, a, b));
  return sum;
}

Shape leading(const Shape& shape, int count) { return Shape(shape.span().first(count)); }
Shape trailing(const Shape& shape, int count) { return Shape(shape.span().last(count)); }

Tensor insert_axis(Tensor x, int axis) {
  const int rank = x.shape().rank();
  return reshape(x, concatenated(concatenated(leading(x.shape(), axis), {1}), trailing(x.shape(), rank - axis)));
}

Tensor move_axis(Tensor x, int from, int to) {
  Axes permutation;
  for (int axis = 0; axis < x.shape().rank(); ++axis)
    if (axis != from) permutation.push_back(axis);
  permutation.insert(permutation.begin() + to, from);
  return transpose(x, permutation);
}

void reference_by_kernel(const Node& node, std::span<const Array> inputs, Array& result) {
  std::vector<Layout> layouts;
  std::vector<void*> operands = {result.data()};
  for (const auto& input : inputs) {
    layouts.push_back(Layout::dense(input.type()));
    operands.push_back(const_cast<void*>(input.data()));
  }
  const KernelPtr kernel = node.op.kernel(node, layouts);
  const auto state = kernel->make_state();
  std::vector<std::byte> scratch(kernel->scratch_bytes() + 64);
  void* aligned = scratch.data();
  std::size_t room = scratch.size();
  std::align(64, kernel->scratch_bytes(), aligned, room);
  kernel->run(operands.data(), static_cast<std::byte*>(aligned), state.get());
}

std::optional<Node> inner_of(const Site& site, const Operator& op) {
  const Node inner = site.inputs[0].graph().node(site.inputs[0].id());
  if (&inner.op != &op) return std::nullopt;
  return inner;
}

Tensor still_constant(const Site& site) {
  const auto value = constant_value(site.inputs[0]);
  if (!value) return {};
  const Type type = site.op.type(site);
  return full(site.graph, type.shape, *value, type.dtype);
}

bool has_elements(const Shape& shape) { return std::find(shape.begin(), shape.end(), 0) == shape.end(); }

Tensor with_batch(const BatchSite& site, int input) {
  const Tensor& value = site.inputs[input];
  return site.batched[input] ? value : broadcast_to(value, value.shape().with_front(site.size));
}

Tensor batch_by_broadcast(const BatchSite& site) {
  Tensors inputs;
  for (int i = 0; i < static_cast<int>(site.inputs.size()); ++i) inputs.push_back(with_batch(site, i));
  return site.graph.push(site.op, inputs, site.attributes);
}

Tensor merge_first_axes(Tensor x) {
  const Shape& shape = x.shape();
  return reshape(x, trailing(shape, shape.rank() - 2).with_front(shape[0] * shape[1]));
}

Tensor split_first_axis(Tensor x, std::int64_t size) {
  const Shape& shape = x.shape();
  if (size == 0) throw Bug("split_first_axis: the sizes of a split of nothing are not known");
  return reshape(x, trailing(shape, shape.rank() - 1).with_front(shape[0] / size).with_front(size));
}

}  // namespace metac
