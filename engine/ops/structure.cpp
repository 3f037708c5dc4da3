// Operators that choose elements or put them beside others: slice and flip (views of memory), pad and concatenate. Each
// one's derivative is made of the others.
#include <fmt/format.h>

#include <algorithm>

#include "kernels/indexing.hpp"
#include "ops/family.hpp"
#include "ops/reference.hpp"

namespace metac {
namespace {

// ---- slice ----

struct SliceBounds {
  Shape begin, end, step;
};

SliceBounds slice_bounds(const Attributes& attributes) {
  const int rank = static_cast<int>(attributes.numbers.size()) / 3;
  return {unpacked(attributes, 0, rank), unpacked(attributes, rank, rank), unpacked(attributes, 2 * rank, rank)};
}

Type slice_type(const Site& site) {
  const Type& given = site.inputs[0].type();
  const auto [begin, end, step] = slice_bounds(site.attributes);
  bool fits = begin.rank() == given.shape.rank();
  for (int axis = 0; fits && axis < begin.rank(); ++axis)
    fits = 0 <= begin[axis] && begin[axis] <= end[axis] && end[axis] <= given.shape[axis] && step[axis] >= 1;
  if (!fits)
    throw Error(fmt::format(
        "[slice] {} was given for begin {}, end {} and step {}; 0 <= begin <= end <= size and step >= 1 are needed on "
        "every axis",
        to_string(given), to_string(begin), to_string(end), to_string(step)));
  Shape shape;
  for (int axis = 0; axis < begin.rank(); ++axis) {
    const std::int64_t length = end[axis] - begin[axis];
    shape.push_back(length == 0 ? 0 : (length - 1) / step[axis] + 1);
  }
  return {given.dtype, shape};
}

// Along one axis: element i goes to place begin + i * step of an axis of this size, zeros between. The zeros between
// come from a further axis of size `step` that is padded and merged; all other axes are merged meanwhile, to keep the
// rank low.
Tensor spread(Tensor x, int axis, std::int64_t begin, std::int64_t step, std::int64_t size) {
  const Shape shape = x.shape();
  const Shape before = leading(shape, axis), after = trailing(shape, shape.rank() - axis - 1);
  const std::int64_t first = before.elements(), last = after.elements(), count = shape[axis];
  if (step > 1) {
    x = pad(reshape(x, {first, count, 1, last}), {0, 0, 0, 0}, {0, 0, step - 1, 0});
    x = reshape(x, {first, count * step, last});
  } else {
    x = reshape(x, {first, count, last});
  }
  const std::int64_t kept = std::min(count * step, size - begin);
  x = pad(slice_axis(x, 1, 0, kept), {0, begin, 0}, {0, size - begin - kept, 0});
  return reshape(x, concatenated(before, after.with_front(size)));
}

Tensors slice_vjp(const VjpSite& site) {
  const auto [begin, end, step] = slice_bounds(site.attributes);
  const Shape given = site.inputs[0].shape();
  Tensor ct = site.cotangents[0];
  Shape before = begin, after = begin;
  for (int axis = 0; axis < given.rank(); ++axis) {
    if (step[axis] > 1) ct = spread(ct, axis, begin[axis], step[axis], given[axis]);
    before[axis] = step[axis] > 1 ? 0 : begin[axis];
    after[axis] = step[axis] > 1 ? 0 : given[axis] - end[axis];
  }
  return {pad(ct, before, after)};
}

std::optional<Operator::View> slice_view(const Node& node, const Layout& input) {
  const auto [begin, end, step] = slice_bounds(node.attributes);
  Operator::View view{{input.dtype, node.type.shape, input.strides}, 0};
  for (int axis = 0; axis < begin.rank(); ++axis) {
    view.layout.strides[axis] *= step[axis];
    view.offset += begin[axis] * input.strides[axis];
  }
  if (!has_elements(node.type.shape)) view.offset = 0;  // not past the end of the memory
  return view;
}

Tensor simplify_slice(const Site& site);

const Operator slice_operator = {
    .name = "slice",
    .doc = "the elements begin, begin + step, ... before end of every axis",
    .arity = 1,
    .type = slice_type,
    .simplify = simplify_slice,
    .vjp = slice_vjp,
    .batch =
        [](const BatchSite& site) {
          const auto [begin, end, step] = slice_bounds(site.attributes);
          return slice(site.inputs[0], begin.with_front(0), end.with_front(site.size), step.with_front(1));
        },
    .view = slice_view,
    .samples =
        [] {
          return std::vector<Sample>{{{{Dtype::f32, {}}}, numbers({})},
                                     {{{Dtype::f32, {0, 3}}}, numbers({0, 1, 0, 3, 1, 1})},
                                     {{{Dtype::f32, {5}}}, numbers({5, 5, 1})},
                                     {{{Dtype::f32, {7}}}, numbers({3, 4, 1})},
                                     {{{Dtype::f32, {9, 2}}}, numbers({1, 0, 8, 2, 3, 1})},
                                     {{{Dtype::i32, {11}}}, numbers({2, 11, 4})},
                                     {{{Dtype::f32, {4, 3, 5, 6}}}, numbers({1, 0, 2, 1, 3, 2, 5, 6, 1, 2, 3, 1})}};
        },
    .reference =
        [](const Node& node, std::span<const Array> inputs, Array& result) {
          const auto [begin, end, step] = slice_bounds(node.attributes);
          for_each_position(result.shape(), [&, &begin = begin, &step = step](const Shape& to, std::int64_t index) {
            Shape from = to;
            for (int axis = 0; axis < to.rank(); ++axis) from[axis] = begin[axis] + to[axis] * step[axis];
            store(result, index, inputs[0].at(index_of(from, inputs[0].shape())));
          });
        }};

// A slice of a slice is one slice.
Tensor slice_of_slice(const Site& site, const Node& inner) {
  auto [begin, end, step] = slice_bounds(site.attributes);
  const SliceBounds first = slice_bounds(inner.attributes);
  const Shape shape = site.op.type(site).shape;
  for (int axis = 0; axis < begin.rank(); ++axis) {
    const std::int64_t last = begin[axis] + (shape[axis] - 1) * step[axis];
    begin[axis] = first.begin[axis] + (shape[axis] > 0 ? begin[axis] * first.step[axis] : 0);
    end[axis] = shape[axis] > 0 ? first.begin[axis] + last * first.step[axis] + 1 : begin[axis];
    step[axis] *= first.step[axis];
  }
  return slice(site.graph.tensor(inner.inputs[0]), begin, end, step);
}

Tensor simplify_slice(const Site& site) {
  if (site.op.type(site).shape == site.inputs[0].shape()) return site.inputs[0];
  if (const auto inner = inner_of(site, slice_operator)) return slice_of_slice(site, *inner);
  return still_constant(site);
}

// ---- pad ----

Type pad_type(const Site& site) {
  const Type& given = site.inputs[0].type();
  const int rank = static_cast<int>(site.attributes.numbers.size()) / 2;
  const Shape before = unpacked(site.attributes, 0, rank), after = unpacked(site.attributes, rank, rank);
  const auto& values = site.attributes.numbers;
  if (rank != given.shape.rank() || std::any_of(values.begin(), values.end(), [](auto value) { return value < 0; }))
    throw Error(
        fmt::format("[pad] {} was given for {} zeros before and {} after; counts of at least 0 for each of {} axes "
                    "are needed",
                    to_string(given), to_string(before), to_string(after), given.shape.rank()));
  Shape shape = given.shape;
  for (int axis = 0; axis < rank; ++axis)
    shape[axis] = added_sizes("pad", added_sizes("pad", shape[axis], before[axis]), after[axis]);
  return {given.dtype, shape};
}

Shape zeros_before(const Attributes& attributes) {
  return unpacked(attributes, 0, static_cast<int>(attributes.numbers.size()) / 2);
}

Tensor simplify_pad(const Site& site);

const Operator pad_operator = {.name = "pad",
                               .doc = "zeros before and after, on every axis",
                               .arity = 1,
                               .type = pad_type,
                               .simplify = simplify_pad,
                               .vjp = [](const VjpSite& site) -> Tensors {
                                 const Shape begin = zeros_before(site.attributes);
                                 Shape end = begin;
                                 for (int axis = 0; axis < end.rank(); ++axis)
                                   end[axis] += site.inputs[0].shape()[axis];
                                 return {slice(site.cotangents[0], begin, end)};
                               },
                               .batch =
                                   [](const BatchSite& site) {
                                     const int rank = static_cast<int>(site.attributes.numbers.size()) / 2;
                                     return pad(site.inputs[0], zeros_before(site.attributes).with_front(0),
                                                unpacked(site.attributes, rank, rank).with_front(0));
                                   },
                               .kernel =
                                   [](const Node& node, std::span<const Layout> inputs) {
                                     return make_pad(inputs[0], zeros_before(node.attributes), node.type.shape);
                                   },
                               .strided = 1,
                               .samples =
                                   [] {
                                     return std::vector<Sample>{
                                         {{{Dtype::f32, {}}}, numbers({})},
                                         {{{Dtype::f32, {0, 3}}}, numbers({1, 0, 2, 1})},
                                         {{{Dtype::f32, {1}}}, numbers({0, 1})},
                                         {{{Dtype::f32, {7, 3}}}, numbers({2, 0, 1, 5})},
                                         {{{Dtype::i32, {3}}}, numbers({1, 1})},
                                         {{{Dtype::boolean, {3}}}, numbers({1, 2})},
                                         {{{Dtype::f32, {2, 3, 5, 4}}}, numbers({0, 1, 2, 0, 1, 1, 0, 3})}};
                                   },
                               .reference =
                                   [](const Node& node, std::span<const Array> inputs, Array& result) {
                                     const Shape before = zeros_before(node.attributes);
                                     for (std::int64_t i = 0; i < result.elements(); ++i) store(result, i, 0);
                                     for_each_position(inputs[0].shape(), [&](const Shape& from, std::int64_t index) {
                                       Shape to = from;
                                       for (int axis = 0; axis < to.rank(); ++axis) to[axis] += before[axis];
                                       store(result, index_of(to, result.shape()), inputs[0].at(index));
                                     });
                                   }};

Tensor simplify_pad(const Site& site) {
  const auto& values = site.attributes.numbers;
  if (std::all_of(values.begin(), values.end(), [](auto value) { return value == 0; })) return site.inputs[0];
  if (const auto inner = inner_of(site, pad_operator)) {
    const int rank = static_cast<int>(values.size()) / 2;
    auto sums = values;
    for (std::size_t i = 0; i < sums.size(); ++i) sums[i] += inner->attributes.numbers[i];
    const Attributes total = numbers(sums);
    return pad(site.graph.tensor(inner->inputs[0]), unpacked(total, 0, rank), unpacked(total, rank, rank));
  }
  return {};
}

// ---- flip ----

Type flip_type(const Site& site) {
  checked_axis("flip", static_cast<int>(site.attributes.numbers.at(0)), site.inputs[0].shape());
  return site.inputs[0].type();
}

Tensor simplify_flip(const Site& site);

const Operator flip_operator = {
    .name = "flip",
    .doc = "one axis from its end to its beginning",
    .arity = 1,
    .type = flip_type,
    .simplify = simplify_flip,
    .vjp = [](const VjpSite& site) -> Tensors {
      return {flip(site.cotangents[0], static_cast<int>(site.attributes.numbers[0]))};
    },
    .batch =
        [](const BatchSite& site) { return flip(site.inputs[0], static_cast<int>(site.attributes.numbers[0]) + 1); },
    .view = [](const Node& node, const Layout& input) -> std::optional<Operator::View> {
      const int axis = static_cast<int>(node.attributes.numbers[0]);
      Operator::View view{input, 0};
      if (has_elements(input.shape)) view.offset = (input.shape[axis] - 1) * input.strides[axis];
      view.layout.strides[axis] = -input.strides[axis];
      return view;
    },
    .samples =
        [] {
          return std::vector<Sample>{{{{Dtype::f32, {1}}}, numbers({0})},
                                     {{{Dtype::f32, {0, 3}}}, numbers({1})},
                                     {{{Dtype::f32, {7}}}, numbers({0})},
                                     {{{Dtype::i32, {4, 3}}}, numbers({0})},
                                     {{{Dtype::f32, {2, 3, 5, 4}}}, numbers({2})}};
        },
    .reference =
        [](const Node& node, std::span<const Array> inputs, Array& result) {
          const int axis = static_cast<int>(node.attributes.numbers[0]);
          for_each_position(result.shape(), [&](const Shape& to, std::int64_t index) {
            Shape from = to;
            from[axis] = to.rank() == 0 ? 0 : result.shape()[axis] - 1 - to[axis];
            store(result, index, inputs[0].at(index_of(from, inputs[0].shape())));
          });
        }};

Tensor simplify_flip(const Site& site) {
  if (site.inputs[0].shape()[static_cast<int>(site.attributes.numbers[0])] <= 1) return site.inputs[0];
  const auto inner = inner_of(site, flip_operator);
  if (inner && inner->attributes == site.attributes) return site.graph.tensor(inner->inputs[0]);
  return still_constant(site);
}

// ---- concatenate ----

Type concatenate_type(const Site& site) {
  if (site.inputs.empty()) throw Error("[concatenate] no tensors were given; at least one is needed");
  const Type& first = site.inputs[0].type();
  const int axis = checked_axis("concatenate", static_cast<int>(site.attributes.numbers.at(0)), first.shape);
  Shape shape = first.shape;
  shape[axis] = 0;
  for (const auto& input : site.inputs) {
    require_same_dtype("concatenate", site.inputs[0], input);
    if (input.shape().rank() != shape.rank() || !(input.shape().without(axis) == shape.without(axis)))
      throw Error(
          fmt::format("[concatenate] shapes {} and {} were given for axis {}; on the other axes they need to be equal",
                      to_string(first.shape), to_string(input.shape()), axis));
    shape[axis] = added_sizes("concatenate", shape[axis], input.shape()[axis]);
  }
  return {first.dtype, shape};
}

Tensors concatenate_vjp(const VjpSite& site) {
  const int axis = static_cast<int>(site.attributes.numbers[0]);
  Tensors result;
  std::int64_t begin = 0;
  for (std::size_t i = 0; i < site.inputs.size(); ++i) {
    const std::int64_t end = begin + site.inputs[i].shape()[axis];
    result.push_back(site.needed[i] ? slice_axis(site.cotangents[0], axis, begin, end) : Tensor{});
    begin = end;
  }
  return result;
}

void concatenate_reference(const Node& node, std::span<const Array> inputs, Array& result) {
  const int axis = static_cast<int>(node.attributes.numbers[0]);
  std::int64_t begin = 0;
  for (const auto& input : inputs) {
    for_each_position(input.shape(), [&](const Shape& from, std::int64_t index) {
      Shape to = from;
      to[axis] += begin;
      store(result, index_of(to, result.shape()), input.at(index));
    });
    begin += input.shape()[axis];
  }
}

const Operator concatenate_operator = {
    .name = "concatenate",
    .doc = "side by side along one axis",
    .arity = -1,
    .type = concatenate_type,
    .simplify = [](const Site& site) { return site.inputs.size() == 1 ? site.inputs[0] : Tensor{}; },
    .vjp = concatenate_vjp,
    .batch =
        [](const BatchSite& site) {
          Tensors inputs;
          for (int i = 0; i < static_cast<int>(site.inputs.size()); ++i) inputs.push_back(with_batch(site, i));
          return concatenate(inputs, static_cast<int>(site.attributes.numbers[0]) + 1);
        },
    .kernel =
        [](const Node& node, std::span<const Layout> inputs) {
          std::vector<Type> types;
          for (const auto& input : inputs) types.push_back(input.type());
          return make_concatenate(types, static_cast<int>(node.attributes.numbers[0]));
        },
    .samples =
        [] {
          return std::vector<Sample>{{{{Dtype::f32, {1}}, {Dtype::f32, {1}}}, numbers({0})},
                                     {{{Dtype::f32, {0, 3}}, {Dtype::f32, {2, 3}}}, numbers({0})},
                                     {{{Dtype::f32, {0, 3}}, {Dtype::f32, {0, 1}}}, numbers({1})},
                                     {{{Dtype::f32, {5, 2}}, {Dtype::f32, {5, 3}}, {Dtype::f32, {5, 1}}}, numbers({1})},
                                     {{{Dtype::i32, {3}}, {Dtype::i32, {4}}}, numbers({0})},
                                     {{{Dtype::f32, {2, 3, 5, 4}}, {Dtype::f32, {2, 3, 2, 4}}}, numbers({2})}};
        },
    .reference = concatenate_reference};

const Register registered[] = {Register(slice_operator), Register(pad_operator), Register(flip_operator),
                               Register(concatenate_operator)};

}  // namespace

Tensor slice(Tensor x, const Shape& begin, const Shape& end, const Shape& step) {
  require_present("slice", {x});
  Shape steps = step.empty() ? Shape(begin.rank(), 1) : step;
  if (end.rank() != begin.rank() || steps.rank() != begin.rank())
    throw Error(fmt::format("[slice] begin {}, end {} and step {} were given; as many numbers in each are needed",
                            to_string(begin), to_string(end), to_string(step)));
  // A step beyond the end is a step to the end: steps of slices of slices multiply, and the derivative fills each step.
  for (int axis = 0; axis < std::min(steps.rank(), x.shape().rank()); ++axis)
    steps[axis] = std::min(steps[axis], std::max<std::int64_t>(1, x.shape()[axis]));
  return apply(slice_operator, {x}, numbers(packed({begin, end, steps})));
}

Tensor slice_axis(Tensor x, int axis, std::int64_t begin, std::int64_t end, std::int64_t step) {
  require_present("slice", {x});
  axis = checked_axis("slice", axis, x.shape());
  Shape first(x.shape().rank(), 0), last = x.shape(), steps(x.shape().rank(), 1);
  first[axis] = begin;
  last[axis] = end;
  steps[axis] = step;
  return slice(x, first, last, steps);
}

Tensor index_axis(Tensor x, int axis, std::int64_t index) {
  require_present("index_axis", {x});
  axis = checked_axis("index_axis", axis, x.shape());
  const std::int64_t size = x.shape()[axis];
  if (index < -size || index >= size)
    throw Error(fmt::format("[index_axis] index {} of axis {} of {} was given; an index from {} to {} is needed", index,
                            axis, to_string(x.type()), -size, size - 1));
  if (index < 0) index += size;
  return reshape(slice_axis(x, axis, index, index + 1), x.shape().without(axis));
}

Tensor pad(Tensor x, const Shape& before, const Shape& after) {
  if (before.rank() != after.rank())
    throw Error(fmt::format("[pad] {} zeros before and {} after were given; as many numbers in each are needed",
                            to_string(before), to_string(after)));
  return apply(pad_operator, {x}, numbers(packed({before, after})));
}

Tensor flip(Tensor x, int axis) {
  require_present("flip", {x});
  return apply(flip_operator, {x}, numbers({checked_axis("flip", axis, x.shape())}));
}

Tensor concatenate(std::vector<Tensor> inputs, int axis) {
  if (inputs.empty()) throw Error("[concatenate] no tensors were given; at least one is needed");
  require_present("concatenate", {inputs[0]});
  return apply(concatenate_operator, inputs, numbers({checked_axis("concatenate", axis, inputs[0].shape())}));
}

}  // namespace metac
