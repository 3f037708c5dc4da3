// Reductions over axes (attributes.numbers: the axes, ascending), which are dropped. Over no elements: a sum is 0, a
// product 1, a maximum -infinity. The plan fuses them behind pointwise operators. Batching shifts the axes.
// Cumulative sums and products along one axis.
#include <fmt/format.h>

#include <algorithm>

#include "ops/family.hpp"
#include "ops/reference.hpp"

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

// Shared equally between the elements that are the extreme, or between the NaNs where there are some.
Tensors extreme_vjp(const VjpSite& site) {
  const Tensor ct = site.cotangents[0], x = site.inputs[0];
  const Tensor chosen = logical_or(equal(x, spread_back(site.node, site)), not_equal(x, x));
  const Tensor count = sum(cast(chosen, ct.dtype()), axes_of(site.attributes));
  return {select(chosen, spread_back(ct / count, site), zeros_like(x))};
}

// Along the last axis of [rest, n]: the product of all elements before each one, by doubling the reach.
Tensor products_before(Tensor x) {
  const std::int64_t rest = x.shape()[0], n = x.shape()[1];
  if (n == 0) return x;
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
const Operator max_operator =
    reduction("max", "largest over axes, or NaN; the derivative is shared equally between equals", Reduction::maximum,
              extreme_vjp);
const Operator min_operator =
    reduction("min", "smallest over axes, or NaN; the derivative is shared equally between equals", Reduction::minimum,
              extreme_vjp);

// ---- cumulative_sum: attributes.numbers are the axis, and 1 to go from its end to its beginning ----

Type cumulative_type(const Site& site) {
  const Type& given = site.inputs[0].type();
  if (given.dtype == Dtype::boolean)
    throw Error(fmt::format("[cumulative_sum] {} was given; numbers are needed (see cast)", to_string(given)));
  checked_axis("cumulative_sum", static_cast<int>(site.attributes.numbers.at(0)), given.shape);
  return given;
}

// `T` elements of [outer, n, inner] are added up in `Sum`, row by row.
template <class T, class Sum>
KernelPtr make_cumulative(const Type& type, int axis, bool backwards) {
  const std::int64_t outer = leading(type.shape, axis).elements(), n = type.shape[axis];
  const std::int64_t inner = trailing(type.shape, type.shape.rank() - axis - 1).elements();
  const auto run = [=](void* const* operands, std::byte* scratch) {
    auto* const sums = reinterpret_cast<Sum*>(scratch);
    for (std::int64_t o = 0; o < outer; ++o) {
      std::fill_n(sums, inner, Sum(0));
      for (std::int64_t step = 0; step < n; ++step) {
        const std::int64_t row = (o * n + (backwards ? n - 1 - step : step)) * inner;
        const T* from = static_cast<const T*>(operands[1]) + row;
        T* to = static_cast<T*>(operands[0]) + row;
        for (std::int64_t i = 0; i < inner; ++i) to[i] = static_cast<T>(sums[i] += static_cast<Sum>(from[i]));
      }
    }
  };
  return make_kernel(fmt::format("cumulative_sum {}x{}x{}", outer, n, inner), run,
                     static_cast<std::size_t>(inner) * sizeof(Sum), true);
}

KernelPtr cumulative_kernel(const Node& node, std::span<const Layout> inputs) {
  const int axis = static_cast<int>(node.attributes.numbers[0]);
  const bool backwards = node.attributes.numbers[1] != 0;
  const Type type = inputs[0].type();
  if (type.dtype == Dtype::f32) return make_cumulative<float, double>(type, axis, backwards);
  if (type.dtype == Dtype::f64) return make_cumulative<double, double>(type, axis, backwards);
  return make_cumulative<std::int32_t, std::uint32_t>(type, axis, backwards);  // wraps
}

void cumulative_reference(const Node& node, std::span<const Array> inputs, Array& result) {
  const int axis = static_cast<int>(node.attributes.numbers[0]);
  const Shape& shape = result.shape();
  for_each_position(shape, [&](const Shape& to, std::int64_t index) {
    const bool backwards = node.attributes.numbers[1] != 0;
    double total = 0;
    Shape from = to;
    for (from[axis] = backwards ? to[axis] : 0; from[axis] < (backwards ? shape[axis] : to[axis] + 1); ++from[axis])
      total += inputs[0].at(index_of(from, shape));
    const bool wraps = result.dtype() == Dtype::i32;
    store(result, index, wraps ? static_cast<std::int32_t>(static_cast<std::int64_t>(total)) : total);
  });
}

const Operator cumulative_operator = {
    .name = "cumulative_sum",
    .doc = "along one axis the sum of each element and those before it, or those after it",
    .arity = 1,
    .type = cumulative_type,
    .vjp = [](const VjpSite& site) -> Tensors {
      const auto& given = site.attributes.numbers;
      return {cumulative_sum(site.cotangents[0], static_cast<int>(given[0]), given[1] == 0)};
    },
    .batch =
        [](const BatchSite& site) {
          const auto& given = site.attributes.numbers;
          return cumulative_sum(site.inputs[0], static_cast<int>(given[0]) + 1, given[1] != 0);
        },
    .kernel = cumulative_kernel,
    .samples =
        [] {
          std::vector<Sample> samples;
          for (std::int64_t backwards : {0, 1})
            for (const auto& [type, axis] : std::vector<std::pair<Type, std::int64_t>>{{{Dtype::f32, {1}}, 0},
                                                                                       {{Dtype::f32, {0}}, 0},
                                                                                       {{Dtype::f32, {3, 0, 2}}, 2},
                                                                                       {{Dtype::f32, {0, 3}}, 1},
                                                                                       {{Dtype::f32, {7}}, 0},
                                                                                       {{Dtype::i32, {4, 3}}, 0},
                                                                                       {{Dtype::f32, {2, 5, 3}}, 1}})
              samples.push_back({.inputs = {type}, .attributes = numbers({axis, backwards})});
          return samples;
        },
    .reference = cumulative_reference};

const Register registered[] = {Register(sum_operator), Register(prod_operator), Register(max_operator),
                               Register(min_operator), Register(cumulative_operator)};

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

Tensor cumulative_sum(Tensor x, int axis, bool reverse) {
  require_present("cumulative_sum", {x});
  return apply(cumulative_operator, {x}, numbers({checked_axis("cumulative_sum", axis, x.shape()), reverse ? 1 : 0}));
}

Tensor cumulative_product(Tensor x, int axis) {
  require_present("cumulative_product", {x});
  axis = checked_axis("cumulative_product", axis, x.shape());
  if (x.dtype() == Dtype::boolean)
    throw Error(fmt::format("[cumulative_product] {} was given; numbers are needed (see cast)", to_string(x.type())));
  if (!has_elements(x.shape())) return x;
  const int last = x.shape().rank() - 1;
  const Tensor moved = move_axis(x, axis, last);
  const Tensor rows = reshape(moved, {-1, x.shape()[axis]});
  return move_axis(reshape(products_before(rows) * rows, moved.shape()), last, axis);
}

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
