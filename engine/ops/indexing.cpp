// Operators that move elements by index: argmax, gather and scatter-add (each the other's transpose), and max-pooling
// as an index (which has no derivative) followed by taking the elements there, whose transpose puts them back.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "kernels/indexing.hpp"
#include "ops/family.hpp"
#include "ops/reference.hpp"

namespace metac {
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

// The first of equals; a NaN beats numbers.
bool beats(double challenger, double best) {
  return challenger > best || (std::isnan(challenger) && !std::isnan(best));
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

// bool, of the index's shape.
Tensor in_range(Tensor index, std::int64_t n) {
  return logical_and(less_equal(zeros_like(index), index),
                     less(index, constant(index.graph(), static_cast<double>(n), Dtype::i32)));
}

// Of an index of shape [..., 1, 1]: as many further axes as it takes to broadcast against rows of this rank.
Tensor with_trailing_ones(Tensor x, int rank) {
  return reshape(x, concatenated(x.shape(), Shape(rank - x.shape().rank(), 1)));
}

// The transpose of dropping a row is 0, while gather reads NaN there.
Tensor gather_or_zero(Tensor table, Tensor index) {
  const Tensor rows = gather(table, index);
  return select(with_trailing_ones(in_range(index, table.shape()[0]), rows.shape().rank()), rows, zeros_like(rows));
}

// Indices [size, ...] into tables of n rows, as indices into the tables one behind the other; those out of range stay
// so.
Tensor index_of_all(Tensor index, std::int64_t size, std::int64_t n) {
  Graph& graph = index.graph();
  const Tensor offset =
      with_trailing_ones(iota(graph, size) * constant(graph, static_cast<double>(n), Dtype::i32), index.shape().rank());
  return select(in_range(index, n), index + offset, constant(graph, -1, Dtype::i32));
}

bool index_fits(std::int64_t size, std::int64_t n) { return n == 0 || size <= largest_i32 / n; }

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

// ---- max-pooling ----

// attributes.numbers: window, stride, places before and after (each height then width); of putting also height and
// width of the image. Taking and putting go by the index alone; the windows tell them where to look first.
struct PoolGeometry {
  std::int64_t window[2], stride[2], before[2], after[2];
};

PoolGeometry geometry_of(const Attributes& attributes) {
  const auto& n = attributes.numbers;
  if (n.size() < 8) throw Bug("max_pool: needs eight attributes");
  return {{n[0], n[1]}, {n[2], n[3]}, {n[4], n[5]}, {n[6], n[7]}};
}

// Every window needs to hold a place of the image: less padding than window on each side sees to that.
bool windows_fit(const PoolGeometry& pool, const Shape& image) {
  if (image.rank() != 4) return false;
  for (int i : {0, 1}) {
    if (pool.window[i] < 1 || pool.stride[i] < 1 || pool.before[i] < 0 || pool.after[i] < 0) return false;
    if (std::max(pool.window[i], pool.stride[i]) > largest_i32) return false;
    if (std::max(pool.before[i], pool.after[i]) >= pool.window[i] || image[i + 1] < 1) return false;
    if (image[i + 1] + pool.before[i] + pool.after[i] < pool.window[i]) return false;
  }
  return true;
}

// Of images with windows that fit: the shape of an index of them.
Shape pooled_shape(const PoolGeometry& pool, const Shape& image) {
  Shape shape = image;
  for (int i : {0, 1})
    shape[i + 1] = (image[i + 1] + pool.before[i] + pool.after[i] - pool.window[i]) / pool.stride[i] + 1;
  return shape;
}

Type pool_index_type(const Site& site) {
  require_float(site.op, site.inputs[0]);
  const Shape& image = site.inputs[0].shape();
  const PoolGeometry pool = geometry_of(site.attributes);
  if (!windows_fit(pool, image))
    throw Error(
        fmt::format("[max_pool] {} was given for windows {}x{}, stride {}x{} and padding {}x{}; images "
                    "[n, height, width, channels], windows that fit and less padding than window are needed",
                    to_string(site.inputs[0].type()), pool.window[0], pool.window[1], pool.stride[0], pool.stride[1],
                    pool.before[0], pool.before[1]));
  return {Dtype::i32, pooled_shape(pool, image)};
}

// An index i32 of these images, and values (or the images themselves).
void require_pooled(const Site& site, const Shape& image) {
  const PoolGeometry pool = geometry_of(site.attributes);
  const Shape &values = site.inputs[0].shape(), &index = site.inputs[1].shape();
  require_float(site.op, site.inputs[0]);
  require_dtype(site.op, site.inputs[1], Dtype::i32);
  if (!windows_fit(pool, image) || index != pooled_shape(pool, image) || (values != image && values != index))
    throw Error(
        fmt::format("[{}] {} and {} were given for images {} and windows {}x{}; what pool_index makes of such "
                    "images is needed",
                    site.op.name, to_string(site.inputs[0].type()), to_string(site.inputs[1].type()), to_string(image),
                    pool.window[0], pool.window[1]));
}

Type pool_take_type(const Site& site) {
  require_pooled(site, site.inputs[0].shape());
  return {site.inputs[0].dtype(), site.inputs[1].shape()};
}

Type pool_put_type(const Site& site) {
  const Shape& values = site.inputs[0].shape();
  Shape image = values;
  for (int i : {0, 1})
    if (values.rank() == 4) image[i + 1] = site.attributes.numbers.at(8 + i);
  require_pooled(site, image);
  return {site.inputs[0].dtype(), image};
}

Pooling pooling_of(const Attributes& attributes, Dtype dtype, const Shape& image, const Shape& pooled) {
  const PoolGeometry pool = geometry_of(attributes);
  Pooling pooling{.dtype = dtype, .batch = image[0], .channels = image[3]};
  for (int i : {0, 1}) {
    pooling.input[i] = image[i + 1];
    pooling.output[i] = pooled[i + 1];
    pooling.window[i] = pool.window[i];
    pooling.stride[i] = pool.stride[i];
    pooling.before[i] = pool.before[i];
  }
  return pooling;
}

Attributes of_windows(const Attributes& attributes, std::initializer_list<std::int64_t> further) {
  std::vector<std::int64_t> values(attributes.numbers.begin(), attributes.numbers.begin() + 8);
  values.insert(values.end(), further);
  return numbers(std::move(values));
}

Tensor pool_batch(const BatchSite& site) {
  if (site.size == 0) return batch_by_map(site);
  Tensors merged;
  for (int i = 0; i < static_cast<int>(site.inputs.size()); ++i)
    merged.push_back(merge_first_axes(with_batch(site, i)));
  return split_first_axis(apply(site.op, merged, site.attributes), site.size);
}

void pool_index_reference(const Node& node, std::span<const Array> inputs, Array& result) {
  const PoolGeometry pool = geometry_of(node.attributes);
  const Shape& image = inputs[0].shape();
  for_each_position(result.shape(), [&](const Shape& to, std::int64_t index) {
    std::int64_t best = -1;
    double largest = 0;
    for_each_position({pool.window[0], pool.window[1]}, [&](const Shape& in_window, std::int64_t) {
      const std::int64_t y = to[1] * pool.stride[0] - pool.before[0] + in_window[0];
      const std::int64_t x = to[2] * pool.stride[1] - pool.before[1] + in_window[1];
      if (y < 0 || y >= image[1] || x < 0 || x >= image[2]) return;
      const double value = inputs[0].at(index_of({to[0], y, x, to[3]}, image));
      if (best < 0 || beats(value, largest)) best = y * image[2] + x, largest = value;
    });
    store(result, index, static_cast<double>(best));
  });
}

Shape place_in_image(const Shape& pooled, double index, std::int64_t width) {
  const auto place = static_cast<std::int64_t>(index);
  return {pooled[0], place / width, place % width, pooled[3]};
}

const Operator pool_index_operator = {
    .name = "pool_index",
    .doc = "place (row * width + column) of the largest element of each window; the first of equals; a NaN wins",
    .arity = 1,
    .type = pool_index_type,
    .batch = pool_batch,
    .kernel =
        [](const Node& node, std::span<const Layout> inputs) {
          return make_max_pool_index(pooling_of(node.attributes, inputs[0].dtype, inputs[0].shape, node.type.shape));
        },
    .samples =
        [] {
          return std::vector<Sample>{{{{Dtype::f32, {1, 1, 1, 1}}}, numbers({1, 1, 1, 1, 0, 0, 0, 0})},
                                     {{{Dtype::f32, {0, 4, 4, 2}}}, numbers({2, 2, 2, 2, 0, 0, 0, 0})},
                                     {{{Dtype::f32, {2, 5, 7, 3}}}, numbers({2, 2, 2, 2, 0, 0, 0, 0})},
                                     {{{Dtype::f32, {1, 6, 5, 2}}}, numbers({3, 3, 2, 2, 1, 1, 1, 1})},
                                     {{{Dtype::f32, {2, 4, 4, 1}}}, numbers({3, 2, 1, 2, 0, 1, 0, 0})}};
        },
    .reference = pool_index_reference};

extern const Operator pool_take_operator, pool_put_operator;

const Operator pool_take_operator = {
    .name = "pool_take",
    .doc = "the elements of images at the places of an index",
    .arity = 2,
    .type = pool_take_type,
    .vjp = [](const VjpSite& site) -> Tensors {
      const Shape& image = site.inputs[0].shape();
      return {apply(pool_put_operator, {site.cotangents[0], site.inputs[1]},
                    of_windows(site.attributes, {image[1], image[2]})),
              Tensor{}};
    },
    .batch = pool_batch,
    .kernel =
        [](const Node& node, std::span<const Layout> inputs) {
          return make_pool_take(pooling_of(node.attributes, inputs[0].dtype, inputs[0].shape, node.type.shape));
        },
    .samples =
        [] {
          const Attributes one = numbers({1, 1, 1, 1, 0, 0, 0, 0}), two = numbers({2, 2, 2, 2, 0, 0, 0, 0});
          return std::vector<Sample>{indexed({Dtype::f32, {1, 1, 1, 1}}, {1, 1, 1, 1}, one, 0, 1),
                                     indexed({Dtype::f32, {0, 4, 4, 2}}, {0, 2, 2, 2}, two, 0, 16),
                                     indexed({Dtype::f32, {2, 2, 2, 5}}, {2, 1, 1, 5}, two, 0, 4),
                                     indexed({Dtype::f32, {2, 5, 7, 3}}, {2, 2, 3, 3}, two, 0, 35)};
        },
    .reference =
        [](const Node&, std::span<const Array> inputs, Array& result) {
          const Shape& image = inputs[0].shape();
          for_each_position(result.shape(), [&](const Shape& to, std::int64_t index) {
            store(result, index, inputs[0].at(index_of(place_in_image(to, inputs[1].at(index), image[2]), image)));
          });
        }};

const Operator pool_put_operator = {
    .name = "pool_put",
    .doc = "images of zeros, plus each value at its place",
    .arity = 2,
    .type = pool_put_type,
    .vjp = [](const VjpSite& site) -> Tensors {
      return {apply(pool_take_operator, {site.cotangents[0], site.inputs[1]}, of_windows(site.attributes, {})),
              Tensor{}};
    },
    .batch = pool_batch,
    .kernel =
        [](const Node& node, std::span<const Layout> inputs) {
          return make_pool_put(pooling_of(node.attributes, inputs[0].dtype, node.type.shape, inputs[0].shape));
        },
    .samples =
        [] {
          const auto sample = [](const Shape& pooled, std::vector<std::int64_t> values, std::int64_t places) {
            return indexed({Dtype::f32, pooled}, pooled, numbers(std::move(values)), 0, places);
          };
          return std::vector<Sample>{sample({1, 1, 1, 1}, {1, 1, 1, 1, 0, 0, 0, 0, 1, 1}, 1),
                                     sample({0, 2, 2, 2}, {2, 2, 2, 2, 0, 0, 0, 0, 4, 4}, 16),
                                     sample({2, 1, 1, 5}, {2, 2, 2, 2, 0, 0, 0, 0, 2, 2}, 4),
                                     sample({2, 2, 3, 3}, {2, 3, 1, 1, 0, 0, 0, 0, 3, 5}, 15)};
        },
    .reference =
        [](const Node&, std::span<const Array> inputs, Array& result) {
          for (std::int64_t i = 0; i < result.elements(); ++i) store(result, i, 0);
          for_each_position(inputs[0].shape(), [&](const Shape& from, std::int64_t index) {
            const Shape to = place_in_image(from, inputs[1].at(index), result.shape()[2]);
            const std::int64_t place = index_of(to, result.shape());
            store(result, place, result.at(place) + inputs[0].at(index));
          });
        }};

const Register registered[] = {Register(argmax_operator),    Register(gather_operator),
                               Register(scatter_operator),   Register(pool_index_operator),
                               Register(pool_take_operator), Register(pool_put_operator)};

}  // namespace

Tensor argmax(Tensor x, int axis) {
  require_present("argmax", {x});
  return apply(argmax_operator, {x}, numbers({checked_axis("argmax", axis, x.shape())}));
}

Tensor gather(Tensor table, Tensor index) { return apply(gather_operator, {table, index}); }

Tensor scatter_add(Tensor rows, Tensor index, std::int64_t n) {
  return apply(scatter_operator, {rows, index}, numbers({n}));
}

Tensor max_pool(Tensor image, std::int64_t size, std::int64_t stride, std::int64_t padding) {
  const Attributes windows = numbers({size, size, stride, stride, padding, padding, padding, padding});
  return apply(pool_take_operator, {image, apply(pool_index_operator, {image}, windows)}, windows);
}

}  // namespace metac
