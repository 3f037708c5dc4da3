// Operators that move elements by index: argmax, gather and scatter-add (each the other's transpose), and last_place,
// which says who wins where several write to one place.
#include <fmt/format.h>

#include <limits>

#include "kernels/indexing.hpp"
#include "ops/family.hpp"
#include "ops/reference.hpp"

namespace metac {

Tensor in_range(Tensor index, std::int64_t n) {
  return logical_and(less_equal(zeros_like(index), index),
                     less(index, constant(index.graph(), static_cast<double>(n), Dtype::i32)));
}

Tensor with_trailing_ones(Tensor x, int rank) {
  return reshape(x, concatenated(x.shape(), Shape(rank - x.shape().rank(), 1)));
}

Tensor index_of_all(Tensor index, std::int64_t size, std::int64_t n) {
  Graph& graph = index.graph();
  const Tensor offset =
      with_trailing_ones(iota(graph, size) * constant(graph, static_cast<double>(n), Dtype::i32), index.shape().rank());
  return select(in_range(index, n), index + offset, constant(graph, -1, Dtype::i32));
}

bool index_fits(std::int64_t size, std::int64_t n) {
  return n == 0 || size <= std::numeric_limits<std::int32_t>::max() / n;
}

namespace {

// ---- argmax: attributes.numbers is the axis ----

int axis_of(const Attributes& attributes) { return static_cast<int>(attributes.numbers.at(0)); }

Type argmax_type(const Site& site) {
  const Type& given = site.inputs[0].type();
  if (given.dtype == Dtype::boolean)
    throw Error(fmt::format("[argmax] {} was given; numbers are needed", to_string(given)));
  const int axis = checked_axis("argmax", axis_of(site.attributes), given.shape);
  const Shape shape = given.shape.without(axis);
  if (given.shape[axis] == 0 && shape.elements() > 0)
    throw Error(
        fmt::format("[argmax] {} was given for axis {}; at least one element is needed", to_string(given), axis));
  if (given.shape[axis] > largest_i32)
    throw Error(fmt::format("[argmax] {} was given for axis {}; places that can be counted in i32 are needed",
                            to_string(given), axis));
  return {Dtype::i32, shape};
}

void argmax_reference(const Node& node, std::span<const Array> inputs, Array& result) {
  const int axis = axis_of(node.attributes);
  const Shape& shape = inputs[0].shape();
  for_each_position(result.shape(), [&](const Shape& to, std::int64_t index) {
    Shape from = concatenated(concatenated(leading(to, axis), {0}), trailing(to, to.rank() - axis));
    std::int64_t best = 0;
    double largest = inputs[0].at(index_of(from, shape));
    for (from[axis] = 1; from[axis] < shape[axis]; ++from[axis]) {
      const double value = inputs[0].at(index_of(from, shape));
      if (beats(value, largest)) best = from[axis], largest = value;
    }
    store(result, index, static_cast<double>(best));
  });
}

const Operator argmax_operator = {
    .name = "argmax",
    .doc = "index of the largest element along an axis, the first of equals; a NaN wins",
    .arity = 1,
    .type = argmax_type,
    .batch =
        [](const BatchSite& site) {
          return apply(site.op, {site.inputs[0]}, numbers({site.attributes.numbers[0] + 1}));
        },
    .kernel = [](const Node& node,
                 std::span<const Layout> inputs) { return make_argmax(inputs[0].type(), axis_of(node.attributes)); },
    .samples =
        [] {
          return std::vector<Sample>{{{{Dtype::f32, {1}}}, numbers({0})},
                                     {{{Dtype::f32, {7}}}, numbers({0})},
                                     {{{Dtype::f32, {0, 3}}}, numbers({1})},
                                     {{{Dtype::i32, {4, 6}}}, numbers({1})},
                                     {{{Dtype::f32, {2, 3, 5, 4}}}, numbers({2})}};
        },
    .reference = argmax_reference};

// ---- gather and scatter_add ----

Type gather_type(const Site& site) {
  const Type& table = site.inputs[0].type();
  require_dtype(site.op, site.inputs[1], Dtype::i32);
  if (table.shape.empty())
    throw Error(fmt::format("[gather] {} was given; a table with at least one axis is needed", to_string(table)));
  return {table.dtype, concatenated(site.inputs[1].shape(), table.shape.without(0))};
}

Type scatter_type(const Site& site) {
  const Type& rows = site.inputs[0].type();
  const Shape& index = site.inputs[1].shape();
  require_dtype(site.op, site.inputs[1], Dtype::i32);
  const std::int64_t n = site.attributes.numbers.at(0);
  const bool fits = rows.shape.rank() >= index.rank() && leading(rows.shape, index.rank()) == index;
  if (!fits || rows.dtype == Dtype::boolean || n < 0)
    throw Error(
        fmt::format("[scatter_add] rows {}, indices {} and {} places were given; rows of numbers whose first axes "
                    "are those of the indices, and at least 0 places are needed",
                    to_string(rows), to_string(index), n));
  return {rows.dtype, trailing(rows.shape, rows.shape.rank() - index.rank()).with_front(n)};
}

// The transpose of dropping a row is 0, while gather reads NaN there.
Tensor gather_or_zero(Tensor table, Tensor index) {
  const Tensor rows = gather(table, index);
  return select(with_trailing_ones(in_range(index, table.shape()[0]), rows.shape().rank()), rows, zeros_like(rows));
}

Tensor gather_batch(const BatchSite& site) {
  const Tensor table = site.inputs[0], index = site.inputs[1];
  if (!site.batched[0]) return gather(table, index);
  if (!site.batched[1]) return move_axis(gather(move_axis(table, 0, 1), index), index.shape().rank(), 0);
  const std::int64_t n = table.shape()[1];
  if (!index_fits(site.size, n)) return batch_by_map(site);
  return gather(merge_first_axes(table), index_of_all(index, site.size, n));
}

Tensor scatter_batch(const BatchSite& site) {
  const std::int64_t n = site.attributes.numbers[0];
  const Tensor index = site.inputs[1];
  if (!site.batched[1])
    return move_axis(scatter_add(move_axis(site.inputs[0], 0, index.shape().rank()), index, n), 1, 0);
  if (!index_fits(site.size, n) || site.size == 0) return batch_by_map(site);
  return split_first_axis(scatter_add(with_batch(site, 0), index_of_all(index, site.size, n), site.size * n),
                          site.size);
}

double missing_value(Dtype dtype) {
  if (is_float(dtype)) return std::numeric_limits<double>::quiet_NaN();
  return dtype == Dtype::i32 ? std::numeric_limits<std::int32_t>::min() : 0;
}

void gather_reference(const Node&, std::span<const Array> inputs, Array& result) {
  const std::int64_t n = inputs[0].shape()[0], row = inputs[0].shape().without(0).elements();
  for (std::int64_t i = 0; i < inputs[1].elements(); ++i) {
    const auto from = static_cast<std::int64_t>(inputs[1].at(i));
    const bool there = 0 <= from && from < n;
    for (std::int64_t j = 0; j < row; ++j)
      store(result, i * row + j, there ? inputs[0].at(from * row + j) : missing_value(result.dtype()));
  }
}

void scatter_reference(const Node&, std::span<const Array> inputs, Array& result) {
  const std::int64_t n = result.shape()[0], row = result.shape().without(0).elements();
  for (std::int64_t i = 0; i < result.elements(); ++i) store(result, i, 0);
  for (std::int64_t i = 0; i < inputs[1].elements(); ++i) {
    const auto to = static_cast<std::int64_t>(inputs[1].at(i));
    if (to < 0 || to >= n) continue;
    for (std::int64_t j = 0; j < row; ++j)
      store(result, to * row + j, result.at(to * row + j) + inputs[0].at(i * row + j));
  }
}

Sample indexed(Type first, Shape index, Attributes attributes, std::int64_t low, std::int64_t high) {
  return {.inputs = {first, {Dtype::i32, index}}, .attributes = attributes, .integer_low = low, .integer_high = high};
}

const Operator gather_operator = {
    .name = "gather",
    .doc = "rows of a table by index; NaN (the smallest i32, false) where the index is out of range",
    .arity = 2,
    .type = gather_type,
    .vjp = [](const VjpSite& site) -> Tensors {
      return {scatter_add(site.cotangents[0], site.inputs[1], site.inputs[0].shape()[0]), Tensor{}};
    },
    .batch = gather_batch,
    .kernel = [](const Node&,
                 std::span<const Layout> inputs) { return make_gather(inputs[0].type(), inputs[1].type()); },
    .samples =
        [] {
          return std::vector<Sample>{
              indexed({Dtype::f32, {1}}, {}, {}, 0, 1),       indexed({Dtype::f32, {4, 3}}, {0}, {}, 0, 4),
              indexed({Dtype::f32, {4, 0}}, {2}, {}, 0, 4),   indexed({Dtype::f32, {5, 3}}, {7}, {}, 0, 5),
              indexed({Dtype::i32, {3}}, {2, 2}, {}, 0, 3),   indexed({Dtype::i32, {3, 2}}, {5}, {}, -2, 5),
              indexed({Dtype::boolean, {3}}, {4}, {}, -1, 4), indexed({Dtype::f32, {4, 3, 2, 2}}, {2, 3}, {}, 0, 4)};
        },
    .reference = gather_reference};

const Operator scatter_operator = {
    .name = "scatter_add",
    .doc = "zeros, plus each row at its index; rows whose index is out of range are dropped",
    .arity = 2,
    .type = scatter_type,
    .vjp = [](const VjpSite& site) -> Tensors {
      return {gather_or_zero(site.cotangents[0], site.inputs[1]), Tensor{}};
    },
    .batch = scatter_batch,
    .kernel =
        [](const Node& node, std::span<const Layout> inputs) {
          return make_scatter_add(inputs[0].type(), inputs[1].type(), node.attributes.numbers[0]);
        },
    .samples =
        [] {
          return std::vector<Sample>{indexed({Dtype::f32, {}}, {}, numbers({1}), 0, 1),
                                     indexed({Dtype::f32, {0, 3}}, {0}, numbers({4}), 0, 4),
                                     indexed({Dtype::f32, {2, 0}}, {2}, numbers({3}), 0, 3),
                                     indexed({Dtype::f32, {7, 3}}, {7}, numbers({4}), -1, 5),
                                     indexed({Dtype::f32, {3}}, {3}, numbers({0}), 0, 2),
                                     indexed({Dtype::i32, {2, 3}}, {2, 3}, numbers({4}), 0, 4),
                                     indexed({Dtype::f32, {2, 3, 2, 2}}, {2, 3}, numbers({5}), 0, 5)};
        },
    .reference = scatter_reference};

// ---- last_place: attributes.numbers is how many numbers are looked for ----

Type last_place_type(const Site& site) {
  const Type& index = site.inputs[0].type();
  const std::int64_t n = site.attributes.numbers.at(0);
  require_dtype(site.op, site.inputs[0], Dtype::i32);
  if (index.shape.empty() || n < 0 || index.shape.back() > std::numeric_limits<std::int32_t>::max())
    throw Error(
        fmt::format("[last_place] {} and {} places were given; indices i32[..., m] with m below 2^31, and at "
                    "least 0 places are needed",
                    to_string(index), n));
  return {Dtype::i32, concatenated(leading(index.shape, index.shape.rank() - 1), {n})};
}

KernelPtr last_place_kernel(const Node& node, std::span<const Layout> inputs) {
  const std::int64_t m = inputs[0].shape.back(), n = node.type.shape.back();
  const std::int64_t rows = leading(inputs[0].shape, inputs[0].shape.rank() - 1).elements();
  return make_kernel(fmt::format("last_place {}x{} of {}", rows, m, n), [=](void* const* operands, std::byte*) {
    auto* places = static_cast<std::int32_t*>(operands[0]);
    const auto* index = static_cast<const std::int32_t*>(operands[1]);
    std::fill_n(places, rows * n, -1);
    for (std::int64_t row = 0; row < rows; ++row, places += n, index += m)
      for (std::int64_t i = 0; i < m; ++i)
        if (index[i] >= 0 && index[i] < n) places[index[i]] = static_cast<std::int32_t>(i);
  });
}

const Operator last_place_operator = {
    .name = "last_place",
    .doc = "for each of n numbers the last place where the indices i32[..., m] hold it, or -1",
    .arity = 1,
    .type = last_place_type,
    .batch = batch_by_broadcast,
    .kernel = last_place_kernel,
    .samples =
        [] {
          std::vector<Sample> samples;
          for (const auto& [shape, n] :
               std::vector<std::pair<Shape, std::int64_t>>{{{1}, 1}, {{0}, 3}, {{4}, 0}, {{9}, 5}, {{2, 3, 6}, 4}})
            samples.push_back(
                {.inputs = {{Dtype::i32, shape}}, .attributes = numbers({n}), .integer_low = -1, .integer_high = 6});
          return samples;
        },
    .reference =
        [](const Node&, std::span<const Array> inputs, Array& result) {
          const std::int64_t m = inputs[0].shape().back(), n = result.shape().back();
          for (std::int64_t place = 0; place < result.elements(); ++place) {
            double last = -1;
            for (std::int64_t i = 0; i < m; ++i)
              if (inputs[0].at(place / n * m + i) == static_cast<double>(place % n)) last = static_cast<double>(i);
            store(result, place, last);
          }
        }};

// ---- checked_labels: attributes.numbers is the number of classes ----

Type labels_type(const Site& site) {
  require_dtype(site.op, site.inputs[0], Dtype::i32);
  const std::int64_t classes = site.attributes.numbers.at(0);
  if (classes < 0) throw Error(fmt::format("[checked_labels] {} classes were given; at least 0 are needed", classes));
  return site.inputs[0].type();
}

const Operator labels_operator = {
    .name = "checked_labels",
    .doc =
        "the same labels or indices, if each is from 0 to one less than there is room for; else the run ends with an "
        "Error",
    .arity = 1,
    .type = labels_type,
    .batch = [](const BatchSite& site) { return apply(site.op, {site.inputs[0]}, site.attributes); },
    .kernel =
        [](const Node& node, std::span<const Layout> inputs) {
          return make_checked_labels(inputs[0].type(), node.attributes.numbers[0]);
        },
    .samples =
        [] {
          const auto labels = [](Shape shape, std::int64_t classes) {
            return Sample{.inputs = {{Dtype::i32, shape}},
                          .attributes = numbers({classes}),
                          .integer_low = 0,
                          .integer_high = classes};
          };
          return std::vector<Sample>{labels({}, 1), labels({0}, 3), labels({7}, 3), labels({2, 3}, 5)};
        },
    .reference =
        [](const Node&, std::span<const Array> inputs, Array& result) {
          for (std::int64_t i = 0; i < result.elements(); ++i) store(result, i, inputs[0].at(i));
        }};

const Register registered[] = {Register(argmax_operator), Register(gather_operator), Register(scatter_operator),
                               Register(last_place_operator), Register(labels_operator)};

}  // namespace

Tensor argmax(Tensor x, int axis) {
  require_present("argmax", {x});
  return apply(argmax_operator, {x}, numbers({checked_axis("argmax", axis, x.shape())}));
}

Tensor gather(Tensor table, Tensor index) { return apply(gather_operator, {table, index}); }

Tensor checked_labels(Tensor labels, std::int64_t classes) {
  return apply(labels_operator, {labels}, numbers({classes}));
}

Tensor scatter_add(Tensor rows, Tensor index, std::int64_t n) {
  return apply(scatter_operator, {rows, index}, numbers({n}));
}

Tensor last_place(Tensor index, std::int64_t n) { return apply(last_place_operator, {index}, numbers({n})); }

}  // namespace metac
