// Reductions over axes (attributes.numbers: the axes, ascending), which are dropped. Over no elements: a sum is 0, a
// product 1, a maximum -infinity. The plan fuses them behind pointwise operators. Batching shifts the axes.
#include <fmt/format.h>

#include <algorithm>

#include "ops/family.hpp"

namespace metac {
namespace {

Axes axes_of(const Attributes& attributes) { return {attributes.numbers.begin(), attributes.numbers.end()}; }

Shape kept_shape(Shape shape, const Axes& axes) {
  for (int axis : axes) shape[axis] = 1;
  return shape;
}

Shape dropped_shape(const Shape& shape, const Axes& axes) {
  Shape result;
  std::size_t next = 0;
  for (int axis = 0; axis < shape.rank(); ++axis) {
    if (next < axes.size() && axes[next] == axis)
      ++next;
    else
      result.push_back(shape[axis]);
  }
  return result;
}

Type reduce_type(const Site& site) {
  const Type& given = site.inputs[0].type();
  if (given.dtype == Dtype::boolean)
    throw Error(fmt::format("[{}] {} was given; numbers are needed (see cast)", site.op.name, to_string(given)));
  const Axes axes = axes_of(site.attributes);
  if (checked_axes(site.op.name, axes, given.shape) != axes)
    throw Bug(fmt::format("{}: axes need to be ascending and counted from the front", site.op.name));
  return {given.dtype, dropped_shape(given.shape, axes)};
}

// Over axes of size 1, or none, nothing is combined.
Tensor simplify_reduce(const Site& site) {
  for (auto axis : site.attributes.numbers)
    if (site.inputs[0].shape()[static_cast<int>(axis)] != 1) return {};
  return reshape(site.inputs[0], dropped_shape(site.inputs[0].shape(), axes_of(site.attributes)));
}

// A value of the result's shape, repeated over the axes that were reduced.
Tensor spread_back(Tensor value, const VjpSite& site) {
  const Shape shape = site.inputs[0].shape();
  return broadcast_to(reshape(value, kept_shape(shape, axes_of(site.attributes))), shape);
}

Tensors sum_vjp(const VjpSite& site) { return {spread_back(site.cotangents[0], site)}; }

// Shared equally between the elements that are the extreme: those that are not beaten, so that a NaN is its own.
Tensors extreme_vjp(const VjpSite& site, Tensor beaten) {
  const Tensor ct = site.cotangents[0];
  const Tensor count = sum(cast(logical_not(beaten), ct.dtype()), axes_of(site.attributes));
  return {select(beaten, zeros_like(site.inputs[0]), spread_back(ct / count, site))};
}

Tensors max_vjp(const VjpSite& site) { return extreme_vjp(site, less(site.inputs[0], spread_back(site.node, site))); }
Tensors min_vjp(const VjpSite& site) { return extreme_vjp(site, less(spread_back(site.node, site), site.inputs[0])); }

// Along the last axis of [rest, n]: the product of all elements before each one, by doubling the reach.
Tensor products_before(Tensor x) {
  const std::int64_t rest = x.shape()[0], n = x.shape()[1];
  const auto shifted = [&](Tensor y, std::int64_t by) {
    return concatenate({full(y.graph(), {rest, by}, 1, y.dtype()), slice_axis(y, 1, 0, n - by)}, 1);
  };
  Tensor result = shifted(x, 1);
  for (std::int64_t reach = 1; reach < n - 1; reach *= 2) result = result * shifted(result, reach);
  return result;
}

// The derivative to an element is the product of all others, also where some of them are 0.
Tensors prod_vjp(const VjpSite& site) {
  const Shape shape = site.inputs[0].shape();
  const Axes axes = axes_of(site.attributes);
  if (shape.elements() == 0) return {zeros_like(site.inputs[0])};
  Axes order, back(shape.rank());
  for (int axis = 0; axis < shape.rank(); ++axis)
    if (!std::count(axes.begin(), axes.end(), axis)) order.push_back(axis);
  order.insert(order.end(), axes.begin(), axes.end());
  for (int axis = 0; axis < shape.rank(); ++axis) back[order[axis]] = axis;
  const Tensor last = transpose(site.inputs[0], order);
  const std::int64_t rest = site.node.type().elements();
  const Tensor rows = reshape(last, {rest, shape.elements() / rest});
  const Tensor others = products_before(rows) * flip(products_before(flip(rows, 1)), 1);
  return {spread_back(site.cotangents[0], site) * transpose(reshape(others, last.shape()), back)};
}

Tensor reduce_batch(const BatchSite& site) {
  std::vector<std::int64_t> axes;
  for (auto axis : site.attributes.numbers) axes.push_back(axis + 1);
  return apply(site.op, {site.inputs[0]}, numbers(axes));
}

std::vector<Sample> reduce_samples() {
  return {{{{Dtype::f32, {}}}, numbers({})},          {{{Dtype::f32, {0}}}, numbers({0})},
          {{{Dtype::f32, {3, 0, 2}}}, numbers({1})},  {{{Dtype::f32, {3, 0, 2}}}, numbers({0})},
          {{{Dtype::f32, {1}}}, numbers({0})},        {{{Dtype::f32, {7}}}, numbers({0})},
          {{{Dtype::f32, {5, 3}}}, numbers({0})},     {{{Dtype::f32, {5, 3}}}, numbers({1})},
          {{{Dtype::i32, {3, 5}}}, numbers({1})},     {{{Dtype::f32, {2, 3, 5, 4}}}, numbers({1, 3})},
          {{{Dtype::f32, {3, 37}}}, numbers({0, 1})}, {{{Dtype::f32, {2, 3, 1, 4}}}, numbers({0, 1, 2})}};
}

Operator reduction(const char* name, const char* doc, Reduction kind, decltype(Operator::vjp) vjp) {
  return {.name = name,
          .doc = doc,
          .arity = 1,
          .type = reduce_type,
          .simplify = simplify_reduce,
          .vjp = vjp,
          .batch = reduce_batch,
          .reduction = kind,
          .samples = reduce_samples};
}

const Operator sum_operator = reduction("sum", "sum over axes", Reduction::sum, sum_vjp);
const Operator prod_operator = reduction("prod", "product over axes", Reduction::product, prod_vjp);
const Operator max_operator = reduction(
    "max", "largest over axes, or NaN; the derivative is shared equally between equals", Reduction::maximum, max_vjp);
const Operator min_operator = reduction(
    "min", "smallest over axes, or NaN; the derivative is shared equally between equals", Reduction::minimum, min_vjp);

const Register registered[] = {Register(sum_operator), Register(prod_operator), Register(max_operator),
                               Register(min_operator)};

Tensor reduce(const Operator& op, Tensor x, Axes axes, bool keep) {
  require_present(op.name, {x});
  axes = checked_axes(op.name, std::move(axes), x.shape());
  const Tensor result = apply(op, {x}, numbers({axes.begin(), axes.end()}));
  return keep ? reshape(result, kept_shape(x.shape(), axes)) : result;
}

}  // namespace

std::vector<int> all_axes(Tensor x) {
  require_present("all_axes", {x});
  Axes axes(x.shape().rank());
  for (int axis = 0; axis < x.shape().rank(); ++axis) axes[axis] = axis;
  return axes;
}

Tensor sum(Tensor x, std::vector<int> axes, bool keep) { return reduce(sum_operator, x, std::move(axes), keep); }
Tensor max(Tensor x, std::vector<int> axes, bool keep) { return reduce(max_operator, x, std::move(axes), keep); }
Tensor min(Tensor x, std::vector<int> axes, bool keep) { return reduce(min_operator, x, std::move(axes), keep); }
Tensor prod(Tensor x, std::vector<int> axes, bool keep) { return reduce(prod_operator, x, std::move(axes), keep); }
Tensor sum(Tensor x) { return sum(x, all_axes(x)); }

Tensor sum_to(Tensor x, const Shape& shape) {
  require_present("sum_to", {x});
  if (x.shape() == shape) return x;
  const int further = x.shape().rank() - shape.rank();
  if (further < 0 || common_shape("sum_to", x.shape(), shape) != x.shape())
    throw Error(fmt::format("[sum_to] {} was given for shape {}; a shape that broadcasts to it is needed",
                            to_string(x.type()), to_string(shape)));
  Axes axes;
  for (int axis = 0; axis < x.shape().rank(); ++axis)
    if (axis < further || (shape[axis - further] == 1 && x.shape()[axis] != 1)) axes.push_back(axis);
  return reshape(sum(x, axes), shape);
}

}  // namespace metac
