// Contractions: the matrix product, whose derivative is itself with transposed operands (views, which its kernels take
// as they are), and the closed family of 2-D convolutions: one trilinear form <result, image * weights> read three
// ways, each of which is the derivative of the other two.
#include <fmt/format.h>

#include "kernels/linear.hpp"
#include "ops/family.hpp"
#include "ops/reference.hpp"

namespace metac {
namespace {

// ---- matmul: [batch..., m, k] x [batch..., k, n] ----

Type matmul_type(const Site& site) {
  const Shape &a = site.inputs[0].shape(), &b = site.inputs[1].shape();
  require_same_dtype("matmul", site.inputs[0], site.inputs[1]);
  require_float(site.op, site.inputs[0]);
  const int batch = a.rank() - 2;
  if (batch < 0 || b.rank() != a.rank() || leading(a, batch) != leading(b, batch) || a[batch + 1] != b[batch])
    throw Error(fmt::format("[matmul] shapes {} and {} were given; [batch..., m, k] and [batch..., k, n] are needed",
                            to_string(a), to_string(b)));
  return {site.inputs[0].dtype(), concatenated(leading(a, batch), {a[batch], b[batch + 1]})};
}

Tensor swap_last(Tensor x) {
  const int rank = x.shape().rank();
  Axes order = all_axes(x);
  std::swap(order[rank - 1], order[rank - 2]);
  return transpose(x, order);
}

Tensors matmul_vjp(const VjpSite& site) {
  const Tensor ct = site.cotangents[0];
  return {site.needed[0] ? matmul(ct, swap_last(site.inputs[1])) : Tensor{},
          site.needed[1] ? matmul(swap_last(site.inputs[0]), ct) : Tensor{}};
}

// The public function merges a batch of rows into one product where the second operand is a plain matrix.
Tensor matmul_batch(const BatchSite& site) {
  if (!site.batched[1] && site.inputs[1].shape().rank() == 2) return matmul(site.inputs[0], site.inputs[1]);
  return matmul(with_batch(site, 0), with_batch(site, 1));
}

void matmul_reference(const Node&, std::span<const Array> inputs, Array& result) {
  const Shape &a = inputs[0].shape(), &b = inputs[1].shape();
  const std::int64_t m = a[a.rank() - 2], k = a.back(), n = b.back();
  for (std::int64_t index = 0; index < result.elements(); ++index) {
    const std::int64_t column = index % n, row = index / n % m, batch = index / n / m;
    double total = 0;
    for (std::int64_t i = 0; i < k; ++i)
      total += inputs[0].at((batch * m + row) * k + i) * inputs[1].at((batch * k + i) * n + column);
    store(result, index, total);
  }
}

std::vector<Sample> matmul_samples() {
  const auto of = [](Shape a, Shape b) { return Sample{{{Dtype::f32, a}, {Dtype::f32, b}}}; };
  return {of({1, 1}, {1, 1}), of({0, 3}, {3, 2}),       of({2, 0}, {0, 3}),       of({3, 7}, {7, 5}),
          of({5, 3}, {3, 1}), of({3, 4, 5}, {3, 5, 2}), of({0, 2, 3}, {0, 3, 2}), of({2, 3, 2, 5}, {2, 3, 5, 3})};
}

}  // namespace

const Operator matmul_operator = {
    .name = "matmul",
    .doc = "matrix product of [batch..., m, k] and [batch..., k, n]",
    .arity = 2,
    .type = matmul_type,
    .vjp = matmul_vjp,
    .batch = matmul_batch,
    .kernel = [](const Node&, std::span<const Layout> inputs) { return make_matmul(inputs[0], inputs[1]); },
    .strided = 0b11,
    .samples = matmul_samples,
    .reference = matmul_reference};

namespace {

// ---- the squares of a batch of outer products, added up: what the diagonal of a Fisher information is made of ----

Type squared_products_type(const Site& site) {
  const Shape &a = site.inputs[0].shape(), &b = site.inputs[1].shape();
  require_same_dtype("squared_products", site.inputs[0], site.inputs[1]);
  require_float(site.op, site.inputs[0]);
  if (a.rank() != 2 || b.rank() != 2 || a[0] != b[0])
    throw Error(fmt::format("[squared_products] shapes {} and {} were given; [k, m] and [k, n] are needed",
                            to_string(a), to_string(b)));
  return {site.inputs[0].dtype(), {a[1], b[1]}};
}

// It is square(a)' @ square(b), but for what overflows on the way.
Tensors squared_products_vjp(const VjpSite& site) {
  const Tensor ct = site.cotangents[0], a = site.inputs[0], b = site.inputs[1];
  return {site.needed[0] ? 2.0 * a * matmul(square(b), swap_last(ct)) : Tensor{},
          site.needed[1] ? 2.0 * b * matmul(square(a), ct) : Tensor{}};
}

void squared_products_reference(const Node&, std::span<const Array> inputs, Array& result) {
  const std::int64_t k = inputs[0].shape()[0], m = inputs[0].shape()[1], n = inputs[1].shape()[1];
  for (std::int64_t index = 0; index < result.elements(); ++index) {
    double total = 0;
    for (std::int64_t i = 0; i < k; ++i) {
      const double product = inputs[0].at(i * m + index / n) * inputs[1].at(i * n + index % n);
      total += product * product;
    }
    store(result, index, total);
  }
}

std::vector<Sample> squared_products_samples() {
  const auto of = [](std::int64_t k, std::int64_t m, std::int64_t n) {
    return Sample{{{Dtype::f32, {k, m}}, {Dtype::f32, {k, n}}}};
  };
  return {of(1, 1, 1), of(0, 3, 2), of(3, 0, 2), of(3, 2, 0), of(2, 5, 3), of(3, 4, 9), of(2, 1, 37)};
}

const Operator squared_products_operator = {
    .name = "squared_products",
    .doc = "sum over k of (a[k, i] * b[k, j])^2",
    .arity = 2,
    .type = squared_products_type,
    .vjp = squared_products_vjp,
    .batch = batch_by_map,
    .kernel = [](const Node&,
                 std::span<const Layout> inputs) { return make_squared_products(inputs[0].type(), inputs[1].type()); },
    .samples = squared_products_samples,
    .reference = squared_products_reference};

// ---- convolutions ----

// The attributes of all three: strides, zeros before and after (height then width), and the two sizes that the operands
// do not tell: of the image for its gradient, of the kernel for the gradient of the weights, else 0.
struct Geometry {
  std::int64_t stride[2], before[2], after[2], extent[2];
};

Geometry geometry_of(const Attributes& attributes) {
  const auto& n = attributes.numbers;
  return {{n[0], n[1]}, {n[2], n[3]}, {n[4], n[5]}, {n[6], n[7]}};
}

Attributes with_extent(Attributes attributes, std::int64_t height, std::int64_t width) {
  attributes.numbers[6] = height;
  attributes.numbers[7] = width;
  return attributes;
}

// The whole form, from the shapes of image [n, h, w, c], weights [kh, kw, c, o] and result [n, oh, ow, o].
Convolution form_of(const Attributes& attributes, Dtype dtype, const Shape& image, const Shape& weights,
                    const Shape& result) {
  const Geometry geometry = geometry_of(attributes);
  Convolution form{.dtype = dtype, .batch = image[0], .channels = image[3], .filters = weights[3]};
  for (int i : {0, 1}) {
    form.input[i] = image[i + 1];
    form.kernel[i] = weights[i];
    form.output[i] = result[i + 1];
    form.stride[i] = geometry.stride[i];
    form.before[i] = geometry.before[i];
    form.after[i] = geometry.after[i];
  }
  return form;
}

[[noreturn]] void refuse_shapes(const char* name, const Shape& a, const Shape& b, const char* needed) {
  throw Error(fmt::format("[{}] shapes {} and {} were given; {}", name, to_string(a), to_string(b), needed));
}

void require_images(const Site& site, const char* needed) {
  require_same_dtype(site.op.name, site.inputs[0], site.inputs[1]);
  require_float(site.op, site.inputs[0]);
  if (site.inputs[0].shape().rank() != 4 || site.inputs[1].shape().rank() != 4)
    refuse_shapes(site.op.name, site.inputs[0].shape(), site.inputs[1].shape(), needed);
  const auto& n = site.attributes.numbers;
  if (n.size() != 8) throw Bug(fmt::format("{}: needs eight attributes", site.op.name));
  for (int i = 0; i < 8; ++i)
    if (n[i] < (i < 2 ? 1 : 0) || (i < 6 && n[i] > largest_i32))
      throw Error(
          fmt::format("[{}] stride {}x{} and padding {}x{} were given; strides of at least 1 and padding of at "
                      "least 0 are needed, below 2^31",
                      site.op.name, n[0], n[1], n[2], n[3]));
}

// Size of the result along one axis; 0 when the kernel does not fit.
std::int64_t output_size(const Geometry& geometry, int axis, std::int64_t input, std::int64_t kernel) {
  const std::int64_t room = input + geometry.before[axis] + geometry.after[axis] - kernel;
  return room < 0 || kernel < 1 ? 0 : room / geometry.stride[axis] + 1;
}

constexpr const char* forward_needs =
    "images [n, height, width, channels] and weights [kernel height, kernel width, channels, filters] that fit into "
    "the "
    "padded image are needed";
constexpr const char* data_needs =
    "a result's gradient [n, height, width, filters] and weights [kernel height, kernel width, channels, filters] of "
    "one "
    "convolution are needed";
constexpr const char* weights_needs =
    "images [n, height, width, channels] and a result's gradient [n, height, width, filters] of one convolution are "
    "needed";

Type convolution_type(const Site& site) {
  require_images(site, forward_needs);
  const Shape &image = site.inputs[0].shape(), &weights = site.inputs[1].shape();
  const Geometry geometry = geometry_of(site.attributes);
  const std::int64_t height = output_size(geometry, 0, image[1], weights[0]);
  const std::int64_t width = output_size(geometry, 1, image[2], weights[1]);
  if (image[3] != weights[2] || height == 0 || width == 0) refuse_shapes("conv2d", image, weights, forward_needs);
  return {site.inputs[0].dtype(), {image[0], height, width, weights[3]}};
}

Type data_type(const Site& site) {
  require_images(site, data_needs);
  const Shape &result = site.inputs[0].shape(), &weights = site.inputs[1].shape();
  const Geometry geometry = geometry_of(site.attributes);
  if (result[3] != weights[3] || result[1] != output_size(geometry, 0, geometry.extent[0], weights[0]) ||
      result[2] != output_size(geometry, 1, geometry.extent[1], weights[1]))
    refuse_shapes(site.op.name, result, weights, data_needs);
  return {site.inputs[0].dtype(), {result[0], geometry.extent[0], geometry.extent[1], weights[2]}};
}

Type weights_type(const Site& site) {
  require_images(site, weights_needs);
  const Shape &image = site.inputs[0].shape(), &result = site.inputs[1].shape();
  const Geometry geometry = geometry_of(site.attributes);
  if (image[0] != result[0] || result[1] != output_size(geometry, 0, image[1], geometry.extent[0]) ||
      result[2] != output_size(geometry, 1, image[2], geometry.extent[1]))
    refuse_shapes(site.op.name, image, result, weights_needs);
  return {site.inputs[0].dtype(), {geometry.extent[0], geometry.extent[1], image[3], result[3]}};
}

// visit(n, y, x, c, ky, kx, oy, ox, o) for every term of the form: image[n,y,x,c] weights[ky,kx,c,o] result[n,oy,ox,o].
template <class Visit>
void for_each_term(const Convolution& form, Visit&& visit) {
  const Shape terms = {form.batch,     form.output[0], form.output[1], form.filters,
                       form.kernel[0], form.kernel[1], form.channels};
  for_each_position(terms, [&](const Shape& at, std::int64_t) {
    const std::int64_t y = at[1] * form.stride[0] + at[4] - form.before[0];
    const std::int64_t x = at[2] * form.stride[1] + at[5] - form.before[1];
    if (y < 0 || y >= form.input[0] || x < 0 || x >= form.input[1]) return;
    visit(Shape{at[0], y, x, at[6]}, Shape{at[4], at[5], at[6], at[3]}, Shape{at[0], at[1], at[2], at[3]});
  });
}

void accumulate(Array& result, const Shape& position, double value) {
  const std::int64_t index = index_of(position, result.shape());
  store(result, index, result.at(index) + value);
}

double at(const Array& array, const Shape& position) { return array.at(index_of(position, array.shape())); }

void set_zero(Array& array) {
  for (std::int64_t i = 0; i < array.elements(); ++i) store(array, i, 0);
}

// A batch of images beside shared second operands is a larger batch; else the operator runs for each element.
Tensor merge_images(const BatchSite& site) {
  if (site.batched[1] || site.size == 0) return batch_by_map(site);
  return split_first_axis(apply(site.op, {merge_first_axes(site.inputs[0]), site.inputs[1]}, site.attributes),
                          site.size);
}

extern const Operator convolution_operator, data_operator, weights_operator;

Tensor forward(const Attributes& attributes, Tensor image, Tensor weights) {
  return apply(convolution_operator, {image, weights}, with_extent(attributes, 0, 0));
}
Tensor data(const Attributes& attributes, Tensor result, Tensor weights, const Shape& image) {
  return apply(data_operator, {result, weights}, with_extent(attributes, image[1], image[2]));
}
Tensor weights(const Attributes& attributes, Tensor image, Tensor result, const Shape& weights) {
  return apply(weights_operator, {image, result}, with_extent(attributes, weights[0], weights[1]));
}

Tensors convolution_vjp(const VjpSite& site) {
  const Tensor ct = site.cotangents[0], x = site.inputs[0], w = site.inputs[1];
  return {site.needed[0] ? data(site.attributes, ct, w, x.shape()) : Tensor{},
          site.needed[1] ? weights(site.attributes, x, ct, w.shape()) : Tensor{}};
}

Tensors data_vjp(const VjpSite& site) {
  const Tensor ct = site.cotangents[0], result = site.inputs[0], w = site.inputs[1];
  return {site.needed[0] ? forward(site.attributes, ct, w) : Tensor{},
          site.needed[1] ? weights(site.attributes, ct, result, w.shape()) : Tensor{}};
}

Tensors weights_vjp(const VjpSite& site) {
  const Tensor ct = site.cotangents[0], x = site.inputs[0], result = site.inputs[1];
  return {site.needed[0] ? data(site.attributes, result, ct, x.shape()) : Tensor{},
          site.needed[1] ? forward(site.attributes, x, ct) : Tensor{}};
}

// The cases of all three: image, weights, stride, before, after.
struct Case {
  Shape image, weights;
  std::int64_t stride, before, after;
};

const std::vector<Case>& convolution_cases() {
  static const std::vector<Case> cases = {{{1, 1, 1, 1}, {1, 1, 1, 1}, 1, 0, 0}, {{0, 3, 3, 2}, {3, 3, 2, 2}, 1, 1, 1},
                                          {{2, 5, 4, 3}, {3, 3, 3, 2}, 1, 1, 1}, {{1, 6, 5, 1}, {3, 2, 1, 3}, 2, 1, 0},
                                          {{2, 4, 4, 2}, {2, 2, 2, 1}, 2, 0, 0}, {{1, 5, 6, 2}, {1, 1, 2, 3}, 3, 0, 0},
                                          {{1, 3, 3, 0}, {2, 2, 0, 2}, 1, 0, 0}, {{1, 2, 2, 1}, {3, 3, 1, 2}, 2, 2, 1}};
  return cases;
}

template <int kind>  // 0 forward, 1 data, 2 weights
std::vector<Sample> convolution_samples() {
  std::vector<Sample> samples;
  for (const auto& [image, weights, stride, before, after] : convolution_cases()) {
    Attributes attributes = numbers({stride, stride, before, before, after, after, 0, 0});
    const Geometry geometry = geometry_of(attributes);
    const Shape result = {image[0], output_size(geometry, 0, image[1], weights[0]),
                          output_size(geometry, 1, image[2], weights[1]), weights[3]};
    if (kind == 1) attributes = with_extent(attributes, image[1], image[2]);
    if (kind == 2) attributes = with_extent(attributes, weights[0], weights[1]);
    samples.push_back(
        {{{Dtype::f32, kind == 1 ? result : image}, {Dtype::f32, kind == 2 ? result : weights}}, attributes});
  }
  return samples;
}

const Operator convolution_operator = {
    .name = "convolution",
    .doc = "2-D convolution of images [n, h, w, c] with weights [kh, kw, c, o]",
    .arity = 2,
    .type = convolution_type,
    .vjp = convolution_vjp,
    .batch = merge_images,
    .kernel =
        [](const Node& node, std::span<const Layout> inputs) {
          return make_convolution(
              form_of(node.attributes, inputs[0].dtype, inputs[0].shape, inputs[1].shape, node.type.shape));
        },
    .samples = convolution_samples<0>,
    .reference =
        [](const Node& node, std::span<const Array> inputs, Array& result) {
          set_zero(result);
          const auto form = form_of(node.attributes, Dtype::f64, inputs[0].shape(), inputs[1].shape(), result.shape());
          for_each_term(form, [&](const Shape& image, const Shape& weights, const Shape& to) {
            accumulate(result, to, at(inputs[0], image) * at(inputs[1], weights));
          });
        }};

const Operator data_operator = {
    .name = "convolution_data",
    .doc = "gradient of a convolution to its images, from the gradient of its result and the weights",
    .arity = 2,
    .type = data_type,
    .vjp = data_vjp,
    .batch = merge_images,
    .kernel =
        [](const Node& node, std::span<const Layout> inputs) {
          return make_convolution_data(
              form_of(node.attributes, inputs[0].dtype, node.type.shape, inputs[1].shape, inputs[0].shape));
        },
    .samples = convolution_samples<1>,
    .reference =
        [](const Node& node, std::span<const Array> inputs, Array& result) {
          set_zero(result);
          const auto form = form_of(node.attributes, Dtype::f64, result.shape(), inputs[1].shape(), inputs[0].shape());
          for_each_term(form, [&](const Shape& image, const Shape& weights, const Shape& from) {
            accumulate(result, image, at(inputs[0], from) * at(inputs[1], weights));
          });
        }};

const Operator weights_operator = {
    .name = "convolution_weights",
    .doc = "gradient of a convolution to its weights, from the images and the gradient of its result",
    .arity = 2,
    .type = weights_type,
    .vjp = weights_vjp,
    .batch = batch_by_map,
    .kernel =
        [](const Node& node, std::span<const Layout> inputs) {
          return make_convolution_weights(
              form_of(node.attributes, inputs[0].dtype, inputs[0].shape, node.type.shape, inputs[1].shape));
        },
    .samples = convolution_samples<2>,
    .reference =
        [](const Node& node, std::span<const Array> inputs, Array& result) {
          set_zero(result);
          const auto form = form_of(node.attributes, Dtype::f64, inputs[0].shape(), result.shape(), inputs[1].shape());
          for_each_term(form, [&](const Shape& image, const Shape& weights, const Shape& from) {
            accumulate(result, weights, at(inputs[0], image) * at(inputs[1], from));
          });
        }};

const Register registered[] = {Register(matmul_operator), Register(squared_products_operator),
                               Register(convolution_operator), Register(data_operator), Register(weights_operator)};

// Operands with equal batch axes, each at least a matrix.
Tensor matmul_of_batches(Tensor a, Tensor b) {
  const Shape &shape_a = a.shape(), &shape_b = b.shape();
  const Shape matrix_a = trailing(shape_a, 2), matrix_b = trailing(shape_b, 2);
  const Shape batch =
      common_shape("matmul", leading(shape_a, shape_a.rank() - 2), leading(shape_b, shape_b.rank() - 2));
  return apply(matmul_operator,
               {broadcast_to(a, concatenated(batch, matrix_a)), broadcast_to(b, concatenated(batch, matrix_b))});
}

}  // namespace

Tensor matmul(Tensor a, Tensor b) {
  require_present("matmul", {a, b});
  const int rank_a = a.shape().rank(), rank_b = b.shape().rank();
  const bool fits = rank_a >= 1 && rank_b >= 1 && a.shape().back() == b.shape()[rank_b == 1 ? 0 : rank_b - 2];
  if (!fits)
    throw Error(fmt::format("[matmul] shapes {} and {} were given; [..., m, k] and [..., k, n] with one k are needed",
                            to_string(a.shape()), to_string(b.shape())));
  if (rank_a == 1) {
    const Tensor one_row = matmul(insert_axis(a, 0), b);
    return reshape(one_row, one_row.shape().without(one_row.shape().rank() - (rank_b == 1 ? 1 : 2)));
  }
  if (rank_b == 1) return reshape(matmul(a, insert_axis(b, 1)), leading(a.shape(), rank_a - 1));
  if (rank_b > 2 || rank_a == 2) return matmul_of_batches(a, b);
  // Many rows beside one matrix: a single product, and so is its derivative to that matrix.
  const Shape rows = leading(a.shape(), rank_a - 1);
  const Tensor merged = apply(matmul_operator, {reshape(a, {rows.elements(), a.shape().back()}), b});
  return reshape(merged, concatenated(rows, {b.shape().back()}));
}

Tensor squared_products(Tensor a, Tensor b) {
  require_present("squared_products", {a, b});
  return apply(squared_products_operator, {a, b});
}

Tensor conv2d(Tensor image, Tensor weights, Window window) {
  require_present("conv2d", {image, weights});
  const std::int64_t stride = window.stride, padding = window.padding;
  return apply(convolution_operator, {image, weights},
               numbers({stride, stride, padding, padding, padding, padding, 0, 0}));
}

}  // namespace metac
