// The order of elements along one axis. Sorting is reading in that order, so that its derivative is the reading's.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "ops/family.hpp"
#include "ops/reference.hpp"

namespace metac {
namespace {

// attributes.numbers are the axis, and 1 for descending order.
int axis_of(const Attributes& attributes) { return static_cast<int>(attributes.numbers.at(0)); }

Type argsort_type(const Site& site) {
  const Type& given = site.inputs[0].type();
  if (given.dtype == Dtype::boolean)
    throw Error(fmt::format("[argsort] {} was given; numbers are needed (see cast)", to_string(given)));
  const int axis = checked_axis("argsort", axis_of(site.attributes), given.shape);
  if (given.shape[axis] > std::numeric_limits<std::int32_t>::max())
    throw Error(fmt::format("[argsort] {} was given for axis {}; at most 2^31 - 1 elements are needed",
                            to_string(given), axis));
  return {Dtype::i32, given.shape};
}

// NaN counts as larger than every number.
template <class T>
bool less_or_nan_last(T a, T b) {
  return a < b || (b != b && a == a);
}

// Of elements that lie `stride` apart. Equal ones are in the order of their indices, so there is only one result,
// whatever the algorithm.
template <class T>
void sort_indices(const T* values, std::int64_t stride, bool descending, std::int32_t* indices, std::int64_t n) {
  std::iota(indices, indices + n, 0);
  std::sort(indices, indices + n, [=](std::int32_t i, std::int32_t j) {
    const T a = values[i * stride], b = values[j * stride];
    if (descending ? less_or_nan_last(b, a) : less_or_nan_last(a, b)) return true;
    if (descending ? less_or_nan_last(a, b) : less_or_nan_last(b, a)) return false;
    return i < j;
  });
}

template <class T>
KernelPtr make_argsort(const Type& type, int axis, bool descending) {
  const std::int64_t outer = leading(type.shape, axis).elements(), n = type.shape[axis];
  const std::int64_t inner = trailing(type.shape, type.shape.rank() - axis - 1).elements();
  const auto run = [=](void* const* operands, std::byte* scratch) {
    auto* const order = reinterpret_cast<std::int32_t*>(scratch);
    for (std::int64_t row = 0; row < outer * inner; ++row) {
      const std::int64_t first = row / inner * n * inner + row % inner;
      sort_indices(static_cast<const T*>(operands[1]) + first, inner, descending, order, n);
      auto* const to = static_cast<std::int32_t*>(operands[0]) + first;
      for (std::int64_t i = 0; i < n; ++i) to[i * inner] = order[i];
    }
  };
  return make_kernel(fmt::format("argsort {}x{}x{}", outer, n, inner), run,
                     static_cast<std::size_t>(n) * sizeof(std::int32_t));
}

KernelPtr argsort_kernel(const Node& node, std::span<const Layout> inputs) {
  const int axis = axis_of(node.attributes);
  const bool descending = node.attributes.numbers[1] != 0;
  if (inputs[0].dtype == Dtype::f32) return make_argsort<float>(inputs[0].type(), axis, descending);
  if (inputs[0].dtype == Dtype::f64) return make_argsort<double>(inputs[0].type(), axis, descending);
  return make_argsort<std::int32_t>(inputs[0].type(), axis, descending);
}

// The place of each element is the number of those that come before it.
void argsort_reference(const Node& node, std::span<const Array> inputs, Array& result) {
  const int axis = axis_of(node.attributes);
  const Shape& shape = result.shape();
  const auto value_at = [&](const Shape& position) {
    const double value = inputs[0].at(index_of(position, shape));
    return node.attributes.numbers[1] != 0 ? -value : value;
  };
  const auto rank = [&](double value) { return std::isnan(value) ? (node.attributes.numbers[1] != 0 ? -1 : 1) : 0; };
  for_each_position(shape, [&](const Shape& position, std::int64_t) {
    const double value = value_at(position);
    Shape other = position, place = position;
    place[axis] = 0;
    for (other[axis] = 0; other[axis] < shape[axis]; ++other[axis]) {
      const double rival = value_at(other);
      const bool tie = rank(rival) == rank(value) && (rank(value) != 0 || rival == value);
      const bool first = tie ? other[axis] < position[axis]
                             : rank(rival) < rank(value) || (rank(rival) == rank(value) && rival < value);
      place[axis] += first;
    }
    store(result, index_of(place, shape), static_cast<double>(position[axis]));
  });
}

const Operator argsort_operator = {
    .name = "argsort",
    .doc = "the order of the elements along one axis; equal ones keep theirs, NaN counts as larger than every number",
    .arity = 1,
    .type = argsort_type,
    .batch =
        [](const BatchSite& site) {
          const auto& given = site.attributes.numbers;
          return argsort(site.inputs[0], static_cast<int>(given[0]) + 1, given[1] != 0);
        },
    .kernel = argsort_kernel,
    .samples =
        [] {
          std::vector<Sample> samples;
          for (std::int64_t descending : {0, 1})
            for (const auto& [type, axis] : std::vector<std::pair<Type, std::int64_t>>{{{Dtype::f32, {1}}, 0},
                                                                                       {{Dtype::f32, {0}}, 0},
                                                                                       {{Dtype::f32, {3, 0, 2}}, 0},
                                                                                       {{Dtype::f32, {41}}, 0},
                                                                                       {{Dtype::i32, {4, 9}}, 1},
                                                                                       {{Dtype::f32, {2, 7, 3}}, 1}})
              samples.push_back({.inputs = {type}, .attributes = numbers({axis, descending})});
          return samples;
        },
    .reference = argsort_reference};

const Register registered{argsort_operator};

}  // namespace

Tensor argsort(Tensor x, int axis, bool descending) {
  require_present("argsort", {x});
  return apply(argsort_operator, {x}, numbers({checked_axis("argsort", axis, x.shape()), descending ? 1 : 0}));
}

Tensor sort(Tensor x, int axis, bool descending) { return gather_along(x, argsort(x, axis, descending), axis); }

TopK top_k(Tensor x, std::int64_t k, int axis) {
  require_present("top_k", {x});
  axis = checked_axis("top_k", axis, x.shape());
  if (k < 0 || k > x.shape()[axis])
    throw Error(fmt::format("[top_k] {} of axis {} of {} were asked for; a number from 0 to {} is needed", k, axis,
                            to_string(x.type()), x.shape()[axis]));
  const Tensor order = slice_axis(argsort(x, axis, true), axis, 0, k);
  return {gather_along(x, order, axis), order};
}

}  // namespace metac
