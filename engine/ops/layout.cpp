// Operators that show the same elements in another order or shape, or repeat them: reshape, transpose, broadcast. Views
// of memory wherever strides can say it. The derivatives of the first two are their inverses, that of broadcast is a
// sum.
#include <fmt/format.h>

#include <algorithm>

#include "ops/family.hpp"
#include "ops/reference.hpp"

namespace metac {
namespace {

Shape shape_attribute(const Attributes& attributes) { return Shape(attributes.numbers); }

// ---- reshape ----

Type reshape_type(const Site& site) {
  const Type& given = site.inputs[0].type();
  const Shape shape = shape_attribute(site.attributes);
  if (std::any_of(shape.begin(), shape.end(), [](auto size) { return size < 0; }) ||
      shape.elements() != given.elements())
    throw Error(fmt::format("[reshape] {} was given for shape {}; a shape of {} elements is needed", to_string(given),
                            to_string(shape), given.elements()));
  return {given.dtype, shape};
}

// Strides that show the elements of `input` in a new shape, if there are any: each run of axes of the new shape has to
// cover a run of axes of the old one that lie one behind the other.
std::optional<Shape> reshaped_strides(const Layout& input, const Shape& shape) {
  if (!has_elements(shape)) return row_major_strides(shape);
  Shape sizes, strides;  // of the input, without axes of size 1
  for (int axis = 0; axis < input.shape.rank(); ++axis)
    if (input.shape[axis] != 1) sizes.push_back(input.shape[axis]), strides.push_back(input.strides[axis]);
  Shape result(shape.rank(), 0);
  int old_axis = 0, new_axis = 0;
  while (old_axis < sizes.rank()) {
    int old_end = old_axis + 1, new_end = new_axis + 1;
    std::int64_t old_count = sizes[old_axis], new_count = shape[new_axis];
    while (old_count != new_count) {
      if (old_count < new_count)
        old_count *= sizes[old_end++];
      else
        new_count *= shape[new_end++];
    }
    for (int axis = old_axis; axis + 1 < old_end; ++axis)
      if (strides[axis] != sizes[axis + 1] * strides[axis + 1]) return std::nullopt;
    std::int64_t stride = strides[old_end - 1];
    for (int axis = new_end - 1; axis >= new_axis; --axis) result[axis] = stride, stride *= shape[axis];
    old_axis = old_end, new_axis = new_end;
  }
  return result;
}

std::optional<Operator::View> reshape_view(const Node& node, const Layout& input) {
  const auto strides = reshaped_strides(input, node.type.shape);
  if (!strides) return std::nullopt;
  return Operator::View{{input.dtype, node.type.shape, *strides}, 0};
}

Tensor simplify_reshape(const Site& site);

const Operator reshape_operator = {
    .name = "reshape",
    .doc = "the same elements in row-major order, in another shape",
    .arity = 1,
    .type = reshape_type,
    .simplify = simplify_reshape,
    .vjp = [](const VjpSite& site) -> Tensors { return {reshape(site.cotangents[0], site.inputs[0].shape())}; },
    .batch =
        [](const BatchSite& site) {
          return reshape(site.inputs[0], shape_attribute(site.attributes).with_front(site.size));
        },
    .view = reshape_view,
    .samples =
        [] {
          return std::vector<Sample>{
              {{{Dtype::f32, {}}}, numbers({1, 1})},     {{{Dtype::f32, {0, 3}}}, numbers({5, 0, 2})},
              {{{Dtype::f32, {1}}}, numbers({})},        {{{Dtype::f32, {7, 3}}}, numbers({3, 7})},
              {{{Dtype::i32, {6}}}, numbers({2, 1, 3})}, {{{Dtype::f32, {2, 3, 5, 4}}}, numbers({6, 20})}};
        },
    .reference =
        [](const Node&, std::span<const Array> inputs, Array& result) {
          for (std::int64_t i = 0; i < result.elements(); ++i) store(result, i, inputs[0].at(i));
        }};

Tensor simplify_reshape(const Site& site) {
  const Shape shape = shape_attribute(site.attributes);
  if (shape == site.inputs[0].shape()) return site.inputs[0];
  if (const auto inner = inner_of(site, reshape_operator)) return reshape(site.graph.tensor(inner->inputs[0]), shape);
  return still_constant(site);
}

// ---- transpose ----

Type transpose_type(const Site& site) {
  const Type& given = site.inputs[0].type();
  const Shape permutation = shape_attribute(site.attributes);
  Shape shape;
  unsigned seen = 0;
  for (auto axis : permutation)
    if (axis >= 0 && axis < given.shape.rank()) seen |= 1u << axis, shape.push_back(given.shape[axis]);
  if (permutation.rank() != given.shape.rank() || seen + 1 != 1u << given.shape.rank())
    throw Error(fmt::format("[transpose] {} was given for axes {}; each of the {} axes is needed once",
                            to_string(given), to_string(permutation), given.shape.rank()));
  return {given.dtype, shape};
}

Tensor simplify_transpose(const Site& site);

Axes inverse(const Attributes& attributes) {
  Axes result(attributes.numbers.size());
  for (std::size_t axis = 0; axis < result.size(); ++axis) result[attributes.numbers[axis]] = static_cast<int>(axis);
  return result;
}

std::optional<Operator::View> transpose_view(const Node& node, const Layout& input) {
  Shape strides;
  for (auto axis : node.attributes.numbers) strides.push_back(input.strides[axis]);
  return Operator::View{{input.dtype, node.type.shape, strides}, 0};
}

const Operator transpose_operator = {
    .name = "transpose",
    .doc = "axes in another order: axis i of the result is axis permutation[i] of the input",
    .arity = 1,
    .type = transpose_type,
    .simplify = simplify_transpose,
    .vjp = [](const VjpSite& site) -> Tensors { return {transpose(site.cotangents[0], inverse(site.attributes))}; },
    .batch =
        [](const BatchSite& site) {
          Axes permutation = {0};
          for (auto axis : site.attributes.numbers) permutation.push_back(static_cast<int>(axis) + 1);
          return transpose(site.inputs[0], permutation);
        },
    .view = transpose_view,
    .samples =
        [] {
          return std::vector<Sample>{{{{Dtype::f32, {}}}, numbers({})},
                                     {{{Dtype::f32, {0, 3}}}, numbers({1, 0})},
                                     {{{Dtype::f32, {1, 1}}}, numbers({1, 0})},
                                     {{{Dtype::f32, {7, 5}}}, numbers({1, 0})},
                                     {{{Dtype::boolean, {3, 4}}}, numbers({1, 0})},
                                     {{{Dtype::f32, {2, 3, 5, 4}}}, numbers({2, 0, 3, 1})}};
        },
    .reference =
        [](const Node& node, std::span<const Array> inputs, Array& result) {
          for_each_position(result.shape(), [&](const Shape& to, std::int64_t index) {
            Shape from = to;
            for (int axis = 0; axis < to.rank(); ++axis) from[node.attributes.numbers[axis]] = to[axis];
            store(result, index, inputs[0].at(index_of(from, inputs[0].shape())));
          });
        }};

Tensor simplify_transpose(const Site& site) {
  const auto& permutation = site.attributes.numbers;
  if (std::is_sorted(permutation.begin(), permutation.end())) return site.inputs[0];
  if (const auto inner = inner_of(site, transpose_operator)) {
    Axes composed;
    for (auto axis : permutation) composed.push_back(static_cast<int>(inner->attributes.numbers[axis]));
    return transpose(site.graph.tensor(inner->inputs[0]), composed);
  }
  return still_constant(site);
}

// ---- broadcast ----

Type broadcast_type(const Site& site) {
  const Type& given = site.inputs[0].type();
  const Shape shape = shape_attribute(site.attributes);
  bool fits = given.shape.rank() <= shape.rank();
  for (int back = 1; fits && back <= given.shape.rank(); ++back) {
    const auto from = given.shape[given.shape.rank() - back], to = shape[shape.rank() - back];
    fits = to >= 0 && (from == to || from == 1);
  }
  if (!fits || std::any_of(shape.begin(), shape.end(), [](auto size) { return size < 0; }))
    throw Error(fmt::format(
        "[broadcast] {} was given for shape {}; counted from the last axis, its sizes need to be equal to those or 1",
        to_string(given), to_string(shape)));
  return {given.dtype, shape};
}

Tensor simplify_broadcast(const Site& site);

std::optional<Operator::View> broadcast_view(const Node& node, const Layout& input) {
  const Shape& shape = node.type.shape;
  const int further = shape.rank() - input.shape.rank();
  Shape strides(shape.rank(), 0);
  for (int axis = 0; axis < input.shape.rank(); ++axis)
    if (input.shape[axis] != 1) strides[axis + further] = input.strides[axis];
  return Operator::View{{input.dtype, shape, strides}, 0};
}

Tensor broadcast_batch(const BatchSite& site) {
  const Shape shape = shape_attribute(site.attributes);
  const Shape& given = site.inputs[0].shape();  // with its batch axis
  const Shape ones(shape.rank() - (given.rank() - 1), 1);
  const Shape aligned = concatenated(ones, trailing(given, given.rank() - 1)).with_front(site.size);
  return broadcast_to(reshape(site.inputs[0], aligned), shape.with_front(site.size));
}

const Operator broadcast_operator = {
    .name = "broadcast",
    .doc = "repeated along new first axes and along axes of size 1",
    .arity = 1,
    .type = broadcast_type,
    .simplify = simplify_broadcast,
    .vjp = [](const VjpSite& site) -> Tensors { return {sum_to(site.cotangents[0], site.inputs[0].shape())}; },
    .batch = broadcast_batch,
    .view = broadcast_view,
    .samples =
        [] {
          return std::vector<Sample>{{{{Dtype::f32, {}}}, numbers({})},
                                     {{{Dtype::f32, {}}}, numbers({3, 2})},
                                     {{{Dtype::f32, {1, 3}}}, numbers({0, 3})},
                                     {{{Dtype::f32, {0, 1}}}, numbers({2, 0, 4})},
                                     {{{Dtype::f32, {7}}}, numbers({3, 7})},
                                     {{{Dtype::i32, {2, 1}}}, numbers({2, 5})},
                                     {{{Dtype::f32, {3, 1, 5}}}, numbers({2, 3, 4, 5})}};
        },
    .reference =
        [](const Node&, std::span<const Array> inputs, Array& result) {
          const Shape& given = inputs[0].shape();
          for_each_position(result.shape(), [&](const Shape& to, std::int64_t index) {
            Shape from = trailing(to, given.rank());
            for (int axis = 0; axis < given.rank(); ++axis)
              if (given[axis] == 1) from[axis] = 0;
            store(result, index, inputs[0].at(index_of(from, given)));
          });
        }};

Tensor simplify_broadcast(const Site& site) {
  const Shape shape = shape_attribute(site.attributes);
  if (shape == site.inputs[0].shape()) return site.inputs[0];
  if (const auto inner = inner_of(site, broadcast_operator))
    return broadcast_to(site.graph.tensor(inner->inputs[0]), shape);
  // Axes of size 1 in front say nothing: without them, equal broadcasts are one node.
  const Shape& given = site.inputs[0].shape();
  int ones = 0;
  while (ones < given.rank() && given[ones] == 1) ++ones;
  if (ones == 0) return {};
  return broadcast_to(reshape(site.inputs[0], trailing(given, given.rank() - ones)), shape);
}

const Register registered[] = {Register(reshape_operator), Register(transpose_operator), Register(broadcast_operator)};

// The shape with its one -1 replaced by what is left.
Shape completed(const Type& given, Shape shape) {
  Shape others;
  int open = -1;
  for (int axis = 0; axis < shape.rank(); ++axis) {
    if (shape[axis] >= 0) {
      others.push_back(shape[axis]);
    } else if (shape[axis] == -1 && open < 0) {
      open = axis;
    } else {
      throw Error(fmt::format("[reshape] shape {} was given; sizes of at least 0 are needed, with at most one -1",
                              to_string(shape)));
    }
  }
  if (open < 0) return shape;
  const std::int64_t known = others.elements();
  if (known == 0 || given.elements() % known != 0)
    throw Error(fmt::format("[reshape] {} was given for shape {}; its {} elements need to be a multiple of {}",
                            to_string(given), to_string(shape), given.elements(), known));
  shape[open] = given.elements() / known;
  return shape;
}

}  // namespace

Tensor reshape(Tensor x, const Shape& shape) {
  require_present("reshape", {x});
  const Shape full_shape = completed(x.type(), shape);
  if (full_shape == x.shape()) return x;
  return apply(reshape_operator, {x}, numbers(packed({full_shape})));
}

Tensor transpose(Tensor x, std::vector<int> permutation) {
  require_present("transpose", {x});
  std::vector<std::int64_t> axes;
  for (int axis : permutation) axes.push_back(checked_axis("transpose", axis, x.shape()));
  return apply(transpose_operator, {x}, numbers(std::move(axes)));
}

Tensor broadcast_to(Tensor x, const Shape& shape) {
  require_present("broadcast", {x});
  if (shape == x.shape()) return x;
  return apply(broadcast_operator, {x}, numbers(packed({shape})));
}

}  // namespace metac
