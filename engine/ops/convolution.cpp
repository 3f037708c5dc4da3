// The closed family of convolutions over one, two or three spatial axes: one trilinear form <result, image * weights>
// read three ways, each of which is the derivative of the other two.
#include <fmt/format.h>

#include <algorithm>

#include "kernels/linear.hpp"
#include "ops/family.hpp"
#include "ops/reference.hpp"

namespace metac {
namespace {

// The attributes of all three: for each spatial axis the stride, zeros before, zeros after, dilation, and the size that
// the operands do not tell (of the image for its gradient, of the kernel for the gradient of the weights, else 0); then
// the number of groups.
struct Geometry {
  Shape stride, before, after, dilation, extent;
  std::int64_t groups;
  int rank() const { return stride.rank(); }
};

Geometry geometry_of(const Attributes& attributes) {
  const int rank = static_cast<int>(attributes.numbers.size() - 1) / 5;
  const auto part = [&](int i) { return unpacked(attributes, i * rank, rank); };
  return {part(0), part(1), part(2), part(3), part(4), attributes.numbers.back()};
}

Attributes attributes_of(const Geometry& g) {
  auto values = packed({g.stride, g.before, g.after, g.dilation, g.extent});
  values.push_back(g.groups);
  return numbers(std::move(values));
}

Attributes with_extent(const Attributes& attributes, const Shape& extent) {
  Geometry geometry = geometry_of(attributes);
  geometry.extent = extent;
  return attributes_of(geometry);
}

// The spatial sizes of images [n, .., c] or a result; of weights [.., c, o] they are the first.
Shape places(const Shape& image) { return trailing(leading(image, image.rank() - 1), image.rank() - 2); }
Shape kernel_sizes(const Shape& weights) { return leading(weights, weights.rank() - 2); }

// The whole form, from the shapes of image [n, .., c], weights [.., c / groups, o] and result [n, .., o].
Convolution form_of(const Attributes& attributes, Dtype dtype, const Shape& image, const Shape& weights,
                    const Shape& result) {
  const Geometry geometry = geometry_of(attributes);
  Convolution form{.dtype = dtype,
                   .batch = image[0],
                   .channels = image.back(),
                   .filters = weights.back(),
                   .groups = geometry.groups};
  for (int axis = 0; axis < geometry.rank(); ++axis) {
    const int to = axis + spatial_axes - geometry.rank();
    form.input[to] = image[axis + 1];
    form.kernel[to] = weights[axis];
    form.output[to] = result[axis + 1];
    form.stride[to] = geometry.stride[axis];
    form.dilation[to] = geometry.dilation[axis];
    form.before[to] = geometry.before[axis];
    form.after[to] = geometry.after[axis];
  }
  return form;
}

// ---- type rules ----

// What is not as it is by default, in words.
std::string described(const Geometry& g) {
  std::string text = fmt::format("stride {} and padding {}", by_axis(g.stride), by_axis(g.before));
  if (g.after != g.before) text += fmt::format(" before and {} after", by_axis(g.after));
  if (g.dilation != Shape(g.rank(), 1)) text += fmt::format(", dilation {}", by_axis(g.dilation));
  return g.groups == 1 ? text : fmt::format("{}, {} groups", text, g.groups);
}

[[noreturn]] void refuse_shapes(const char* name, const Geometry& g, const Shape& a, const Shape& b,
                                const char* needed) {
  throw Error(fmt::format("[{}] shapes {} and {} were given for {}; {}", name, to_string(a), to_string(b), described(g),
                          needed));
}

bool all_at_least(const Shape& sizes, std::int64_t least) {
  return std::all_of(sizes.begin(), sizes.end(), [least](auto size) { return size >= least; });
}

Geometry checked_geometry(const Site& site, const char* needed) {
  require_same_dtype(site.op.name, site.inputs[0], site.inputs[1]);
  require_float(site.op, site.inputs[0]);
  const Geometry g = geometry_of(site.attributes);
  if (g.rank() < 1 || g.rank() > spatial_axes || site.attributes.numbers.size() % 5 != 1)
    throw Bug(fmt::format("{}: needs attributes for one to three spatial axes", site.op.name));
  const Shape &a = site.inputs[0].shape(), &b = site.inputs[1].shape();
  const auto& values = site.attributes.numbers;
  const bool fits = all_at_least(g.stride, 1) && all_at_least(g.before, 0) && all_at_least(g.after, 0) &&
                    all_at_least(g.dilation, 1) && all_at_least(g.extent, 0) && g.groups >= 1 &&
                    std::all_of(values.begin(), values.begin() + 4 * g.rank(), [](auto n) { return n <= largest_i32; });
  if (!fits)
    throw Error(fmt::format(
        "[{}] {} were given; strides and dilations of at least 1, padding of at least 0, all below 2^31, and "
        "at least 1 group are needed",
        site.op.name, described(g)));
  if (a.rank() != g.rank() + 2 || b.rank() != g.rank() + 2) refuse_shapes(site.op.name, g, a, b, needed);
  return g;
}

// Size of the result along one axis; 0 when the kernel does not fit, or its size cannot be counted.
std::int64_t output_size(const Geometry& g, int axis, std::int64_t input, std::int64_t kernel) {
  std::int64_t padded = 0, reach = 0;
  if (kernel < 1 || __builtin_add_overflow(g.before[axis], g.after[axis], &padded) ||
      __builtin_add_overflow(padded, input, &padded) || __builtin_mul_overflow(kernel - 1, g.dilation[axis], &reach) ||
      reach >= padded)
    return 0;
  return (padded - reach - 1) / g.stride[axis] + 1;
}

Shape output_sizes(const Geometry& g, const Shape& input, const Shape& kernel) {
  Shape result = input;
  for (int axis = 0; axis < g.rank(); ++axis) result[axis] = output_size(g, axis, input[axis], kernel[axis]);
  return result;
}

bool channels_fit(const Geometry& g, std::int64_t channels, std::int64_t of_weights, std::int64_t filters) {
  return channels % g.groups == 0 && channels / g.groups == of_weights && filters % g.groups == 0;
}

constexpr const char* forward_needs =
    "images [n, sizes.., channels] and weights [kernel sizes.., channels / groups, filters] that fit into the padded "
    "image are needed";
constexpr const char* data_needs =
    "a result's gradient [n, sizes.., filters] and weights [kernel sizes.., channels / groups, filters] of one "
    "convolution are needed";
constexpr const char* weights_needs =
    "images [n, sizes.., channels] and a result's gradient [n, sizes.., filters] of one convolution are needed";

Type convolution_type(const Site& site) {
  const Geometry g = checked_geometry(site, forward_needs);
  const Shape &image = site.inputs[0].shape(), &weights = site.inputs[1].shape();
  const Shape sizes = output_sizes(g, places(image), kernel_sizes(weights));
  if (!channels_fit(g, image.back(), weights[g.rank()], weights.back()) || !all_at_least(sizes, 1))
    refuse_shapes(site.op.name, g, image, weights, forward_needs);
  return {site.inputs[0].dtype(), concatenated(sizes, {weights.back()}).with_front(image[0])};
}

Type data_type(const Site& site) {
  const Geometry g = checked_geometry(site, data_needs);
  const Shape &result = site.inputs[0].shape(), &weights = site.inputs[1].shape();
  const std::int64_t channels = checked_product(site.op.name, weights[g.rank()], g.groups);
  if (result.back() != weights.back() || weights.back() % g.groups != 0 || !all_at_least(kernel_sizes(weights), 1) ||
      places(result) != output_sizes(g, g.extent, kernel_sizes(weights)))
    refuse_shapes(site.op.name, g, result, weights, data_needs);
  return {site.inputs[0].dtype(), concatenated(g.extent, {channels}).with_front(result[0])};
}

Type weights_type(const Site& site) {
  const Geometry g = checked_geometry(site, weights_needs);
  const Shape &image = site.inputs[0].shape(), &result = site.inputs[1].shape();
  if (image[0] != result[0] || !all_at_least(g.extent, 1) || image.back() % g.groups != 0 ||
      result.back() % g.groups != 0 || places(result) != output_sizes(g, places(image), g.extent))
    refuse_shapes(site.op.name, g, image, result, weights_needs);
  return {site.inputs[0].dtype(), concatenated(g.extent, {image.back() / g.groups, result.back()})};
}

// ---- derivatives and batching ----

extern const Operator convolution_operator, data_operator, weights_operator;

Tensor forward(const Attributes& attributes, Tensor image, Tensor weights) {
  return apply(convolution_operator, {image, weights},
               with_extent(attributes, Shape(geometry_of(attributes).rank(), 0)));
}
Tensor data(const Attributes& attributes, Tensor result, Tensor weights, const Shape& image) {
  return apply(data_operator, {result, weights}, with_extent(attributes, places(image)));
}
Tensor weights(const Attributes& attributes, Tensor image, Tensor result, const Shape& weights) {
  return apply(weights_operator, {image, result}, with_extent(attributes, kernel_sizes(weights)));
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

// A batch of images beside shared second operands is a larger batch; else the operator runs for each element.
Tensor merge_images(const BatchSite& site) {
  if (site.batched[1] || site.size == 0) return batch_by_map(site);
  return split_first_axis(apply(site.op, {merge_first_axes(site.inputs[0]), site.inputs[1]}, site.attributes),
                          site.size);
}

// Two for each element of the result and weight of its filter, those over the padding included.
double operations(std::int64_t result_elements, const Shape& weights) {
  return weights.back() == 0 ? 0 : 2.0 * static_cast<double>(result_elements * (weights.elements() / weights.back()));
}

// ---- reference ----

// visit(image, weights, result): the positions of every term of the form.
template <class Visit>
void for_each_term(const Geometry& g, const Shape& image, const Shape& weights, const Shape& result, Visit&& visit) {
  const std::int64_t channels = weights[g.rank()], filters = weights.back() / g.groups;
  for_each_position(result, [&](const Shape& to, std::int64_t) {
    for_each_position(leading(weights, g.rank() + 1), [&](const Shape& in_kernel, std::int64_t) {
      Shape from = to;
      bool inside = true;
      for (int axis = 0; axis < g.rank(); ++axis) {
        from[axis + 1] = to[axis + 1] * g.stride[axis] + in_kernel[axis] * g.dilation[axis] - g.before[axis];
        inside = inside && from[axis + 1] >= 0 && from[axis + 1] < image[axis + 1];
      }
      from[g.rank() + 1] = to.back() / filters * channels + in_kernel[g.rank()];
      if (inside) visit(from, concatenated(in_kernel, {to.back()}), to);
    });
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

// ---- samples ----

// The cases of all three: image, weights, stride, before, after, dilation (alike on all axes), groups.
struct Case {
  Shape image, weights;
  std::int64_t stride = 1, before = 0, after = 0, dilation = 1, groups = 1;
};

const std::vector<Case>& convolution_cases() {
  static const std::vector<Case> cases = {{{1, 1, 1, 1}, {1, 1, 1, 1}},
                                          {{0, 3, 3, 2}, {3, 3, 2, 2}, 1, 1, 1},
                                          {{2, 5, 4, 3}, {3, 3, 3, 2}, 1, 1, 1},
                                          {{1, 6, 5, 1}, {3, 2, 1, 3}, 2, 1, 0},
                                          {{2, 4, 4, 2}, {2, 2, 2, 1}, 2, 0, 0},
                                          {{1, 5, 6, 2}, {1, 1, 2, 3}, 3, 0, 0},
                                          {{1, 3, 3, 0}, {2, 2, 0, 2}},
                                          {{1, 2, 2, 1}, {3, 3, 1, 2}, 2, 2, 1},
                                          {{1, 7, 5, 4}, {3, 2, 2, 6}, 1, 1, 2, 2, 2},
                                          {{1, 5, 5, 3}, {2, 2, 1, 3}, 2, 1, 0, 3, 3},
                                          {{2, 7, 3}, {3, 3, 2}, 2, 1, 1},
                                          {{1, 8, 2}, {2, 1, 4}, 3, 0, 2, 4, 2},
                                          {{1, 3, 4, 3, 2}, {2, 3, 2, 2, 2}, 1, 1, 0},
                                          {{1, 4, 3, 5, 2}, {2, 1, 2, 1, 2}, 2, 1, 1, 2, 2}};
  return cases;
}

template <int kind>  // 0 forward, 1 data, 2 weights
std::vector<Sample> convolution_samples() {
  std::vector<Sample> samples;
  for (const auto& one : convolution_cases()) {
    const int rank = one.image.rank() - 2;
    const auto everywhere = [rank](std::int64_t value) { return Shape(rank, value); };
    const Shape image_sizes = places(one.image), kernel = kernel_sizes(one.weights);
    const Geometry g = {everywhere(one.stride),
                        everywhere(one.before),
                        everywhere(one.after),
                        everywhere(one.dilation),
                        kind == 0   ? everywhere(0)
                        : kind == 1 ? image_sizes
                                    : kernel,
                        one.groups};
    const Shape result =
        concatenated(output_sizes(g, image_sizes, kernel), {one.weights.back()}).with_front(one.image[0]);
    samples.push_back({{{Dtype::f32, kind == 1 ? result : one.image}, {Dtype::f32, kind == 2 ? result : one.weights}},
                       attributes_of(g)});
  }
  return samples;
}

// ---- the operators ----

const Operator convolution_operator = {
    .name = "convolution",
    .doc = "convolution of images [n, sizes.., c] with weights [kernel sizes.., c / groups, o]",
    .arity = 2,
    .type = convolution_type,
    .vjp = convolution_vjp,
    .batch = merge_images,
    .kernel =
        [](const Node& node, std::span<const Layout> inputs) {
          return make_convolution(
              form_of(node.attributes, inputs[0].dtype, inputs[0].shape, inputs[1].shape, node.type.shape));
        },
    .cut =
        [](const Node&) {
          return Operator::Cut{0, {0, -1}};
        },
    .operations = [](const Node& node,
                     std::span<const Layout> inputs) { return operations(node.type.elements(), inputs[1].shape); },
    .samples = convolution_samples<0>,
    .reference =
        [](const Node& node, std::span<const Array> inputs, Array& result) {
          set_zero(result);
          for_each_term(geometry_of(node.attributes), inputs[0].shape(), inputs[1].shape(), result.shape(),
                        [&](const Shape& image, const Shape& weights, const Shape& to) {
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
    .cut =
        [](const Node&) {
          return Operator::Cut{0, {0, -1}};
        },
    .operations =
        [](const Node&, std::span<const Layout> inputs) {
          return operations(inputs[0].shape.elements(), inputs[1].shape);
        },
    .samples = convolution_samples<1>,
    .reference =
        [](const Node& node, std::span<const Array> inputs, Array& result) {
          set_zero(result);
          for_each_term(geometry_of(node.attributes), result.shape(), inputs[1].shape(), inputs[0].shape(),
                        [&](const Shape& image, const Shape& weights, const Shape& from) {
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
    .cut =
        [](const Node&) {
          return Operator::Cut{Operator::Cut::summed, {0, 0}};
        },
    .operations =
        [](const Node& node, std::span<const Layout> inputs) {
          return operations(inputs[1].shape.elements(), node.type.shape);
        },
    .samples = convolution_samples<2>,
    .reference =
        [](const Node& node, std::span<const Array> inputs, Array& result) {
          set_zero(result);
          for_each_term(geometry_of(node.attributes), inputs[0].shape(), result.shape(), inputs[1].shape(),
                        [&](const Shape& image, const Shape& weights, const Shape& from) {
                          accumulate(result, weights, at(inputs[0], image) * at(inputs[1], from));
                        });
        }};

const Register registered[] = {Register(convolution_operator), Register(data_operator), Register(weights_operator)};

Geometry geometry_of(const char* name, Tensor image, const ConvolutionWindow& window) {
  const int rank = image.shape().rank() - 2;
  if (rank < 1 || rank > spatial_axes)
    throw Error(fmt::format("[{}] {} was given; images [n, sizes.., channels] with one to three sizes are needed", name,
                            to_string(image.type())));
  const Shape before = for_each_axis(name, "a padding", window.padding, rank);
  return {for_each_axis(name, "a stride", window.stride, rank),
          before,
          window.padding_after.empty() ? before : for_each_axis(name, "a padding", window.padding_after, rank),
          for_each_axis(name, "a dilation", window.dilation, rank),
          Shape(rank, 0),
          window.groups};
}

// How far the image of a transposed convolution reaches along one axis: the smallest of those that give this result.
std::int64_t transposed_size(const char* name, const Geometry& g, int axis, std::int64_t result, std::int64_t kernel) {
  if (result == 0 || kernel == 0) return 0;
  const std::int64_t reach = added_sizes(name, checked_product(name, result - 1, g.stride[axis]),
                                         added_sizes(name, checked_product(name, kernel - 1, g.dilation[axis]), 1));
  return reach - added_sizes(name, g.before[axis], g.after[axis]);
}

}  // namespace

Tensor convolution(Tensor image, Tensor weights, const ConvolutionWindow& window) {
  require_present("convolution", {image, weights});
  return apply(convolution_operator, {image, weights}, attributes_of(geometry_of("convolution", image, window)));
}

Tensor convolution_transposed(Tensor image, Tensor weights, const ConvolutionWindow& window, const Shape& further) {
  const char* name = "convolution_transposed";
  require_present(name, {image, weights});
  Geometry g = geometry_of(name, image, window);
  const Shape added = for_each_axis(name, "a number of further places", further, g.rank());
  if (weights.shape().rank() != g.rank() + 2 || !all_at_least(added, 0) || !all_at_least(g.stride, 1) ||
      !all_at_least(g.dilation, 1) || !all_at_least(g.before, 0) || !all_at_least(g.after, 0))
    refuse_shapes(
        name, g, image.shape(), weights.shape(),
        "weights [kernel sizes.., channels of the result / groups, channels], strides and dilations of at least "
        "1, padding and further places of at least 0 are needed");
  for (int axis = 0; axis < g.rank(); ++axis) {
    const std::int64_t size = transposed_size(name, g, axis, image.shape()[axis + 1], weights.shape()[axis]);
    g.extent[axis] = added_sizes(name, size, added[axis]);
    if (size < 0 || added[axis] >= g.stride[axis])
      refuse_shapes(name, g, image.shape(), weights.shape(),
                    "a result of at least 0 places, and fewer further places than the stride are needed");
  }
  return apply(data_operator, {image, weights}, attributes_of(g));
}

}  // namespace metac
