// Max-pooling as an index (which has no derivative) followed by taking the elements there, whose transpose puts them
// back. Taking and putting are each other's derivative, so every order exists.
#include "kernels/pooling.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "ops/family.hpp"
#include "ops/reference.hpp"

namespace metac {
namespace {

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
    .cut =
        [](const Node&) {
          return Operator::Cut{0, {0}};
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

// Images or values and places in an image, of which there are so many.
Sample indexed(const Shape& first, const Shape& index, const Attributes& attributes, std::int64_t places) {
  return {.inputs = {{Dtype::f32, first}, {Dtype::i32, index}}, .attributes = attributes, .integer_high = places};
}

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
    .cut =
        [](const Node&) {
          return Operator::Cut{0, {0, 0}};
        },
    .samples =
        [] {
          const Attributes one = numbers({1, 1, 1, 1, 0, 0, 0, 0}), two = numbers({2, 2, 2, 2, 0, 0, 0, 0});
          return std::vector<Sample>{
              indexed({1, 1, 1, 1}, {1, 1, 1, 1}, one, 1), indexed({0, 4, 4, 2}, {0, 2, 2, 2}, two, 16),
              indexed({2, 2, 2, 5}, {2, 1, 1, 5}, two, 4), indexed({2, 5, 7, 3}, {2, 2, 3, 3}, two, 35)};
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
    .cut =
        [](const Node&) {
          return Operator::Cut{0, {0, 0}};
        },
    .samples =
        [] {
          const auto sample = [](const Shape& pooled, std::vector<std::int64_t> values, std::int64_t places) {
            return indexed(pooled, pooled, numbers(std::move(values)), places);
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

const Register registered[] = {Register(pool_index_operator), Register(pool_take_operator),
                               Register(pool_put_operator)};

Tensor max_pool_2d(Tensor image, const Windows& w, int first) {
  const auto pair = [first](const Shape& of) { return Shape{of[first], of[first + 1]}; };
  const Attributes windows = numbers(packed({pair(w.size), pair(w.stride), pair(w.before), pair(w.after)}));
  return apply(pool_take_operator, {image, apply(pool_index_operator, {image}, windows)}, windows);
}

// Over three sizes: first within the planes, then from plane to plane. The first of equals stays the first.
Tensor max_pool_3d(Tensor x, const Windows& w) {
  const Shape shape = x.shape();
  const Tensor planes = reshape(x, {checked_product("max_pool", shape[0], shape[1]), shape[2], shape[3], shape[4]});
  const Tensor pooled = max_pool_2d(planes, w, 1);
  const std::int64_t height = pooled.shape()[1], width = pooled.shape()[2];
  const Tensor columns = reshape(pooled, {shape[0], shape[1], height * width, shape[4]});
  const Windows along = {{w.size[0], 1}, {w.stride[0], 1}, {w.before[0], 0}, {w.after[0], 0}};
  const Tensor result = max_pool_2d(columns, along, 0);
  return reshape(result, {shape[0], result.shape()[1], height, width, shape[4]});
}

}  // namespace

Tensor max_pool(Tensor x, const PoolingWindow& window) {
  require_float("max_pool", x);
  const Windows w = windows_of("max_pool", x, window);
  if (w.size.rank() == 3) return max_pool_3d(x, w);
  if (w.size.rank() == 2) return max_pool_2d(x, w, 0);
  const Windows row = {w.size.with_front(1), w.stride.with_front(1), w.before.with_front(0), w.after.with_front(0)};
  const Tensor pooled = max_pool_2d(insert_axis(x, 1), row, 0);
  return reshape(pooled, pooled.shape().without(1));
}

}  // namespace metac
