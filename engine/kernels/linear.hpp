// Contractions: matrix products and the closed family of convolutions over up to three spatial axes. f32 and f64.
#pragma once

#include "kernels/kernel.hpp"

namespace metac {

// a [batch..., m, k] times b [batch..., k, n], any strides (0 along batch axes shares an operand). Result [batch..., m,
// n]. Own kernels for small products, oneDNN for large f32 ones. k = 0 gives zeros.
KernelPtr make_matmul(const Layout& a, const Layout& b);

// a [k, m] and b [k, n], dense, give [m, n]: the sum over k of (a[k, i] * b[k, j])^2.
KernelPtr make_squared_products(const Type& a, const Type& b);

// Images are [batch, depth, height, width, channels], weights [kernel depth, height, width, channels / groups,
// filters], all dense; what has fewer spatial axes has sizes of 1 in front. Channels and filters are in as many equal
// groups, and each group of filters sees one group of channels. output = (input + before + after - dilation * (kernel -
// 1) - 1) / stride + 1 for each of the spatial axes.
inline constexpr int spatial_axes = 3;

struct Convolution {
  Dtype dtype = Dtype::f32;
  std::int64_t batch = 0, channels = 0, filters = 0, groups = 1;  // filters = channels of the result
  std::int64_t input[spatial_axes] = {1, 1, 1}, kernel[spatial_axes] = {1, 1, 1}, output[spatial_axes] = {1, 1, 1};
  std::int64_t stride[spatial_axes] = {1, 1, 1}, dilation[spatial_axes] = {1, 1, 1};
  std::int64_t before[spatial_axes] = {0, 0, 0}, after[spatial_axes] = {0, 0, 0};
};

// One trilinear form, read three ways; each is the gradient of the other two.
KernelPtr make_convolution(const Convolution&);          // operands: result, image, weights
KernelPtr make_convolution_data(const Convolution&);     // operands: image gradient, result gradient, weights
KernelPtr make_convolution_weights(const Convolution&);  // operands: weights gradient, image, result gradient

}  // namespace metac
