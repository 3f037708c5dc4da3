// Contractions: matrix products and the closed family of 2-D convolutions. f32 and f64.
#pragma once

#include "kernels/kernel.hpp"

namespace metac {

// a [batch..., m, k] times b [batch..., k, n], any strides (0 along batch axes shares an operand). Result [batch..., m, n].
// Own kernels for small products, oneDNN for large f32 ones. k = 0 gives zeros.
KernelPtr make_matmul(const Layout& a, const Layout& b);

// a [k, m] and b [k, n], dense, give [m, n]: the sum over k of (a[k, i] * b[k, j])^2.
KernelPtr make_squared_products(const Type& a, const Type& b);

// Images are [batch, height, width, channels], weights [kernel_height, kernel_width, in, out], all dense.
// output = (input + before + after - kernel) / stride + 1 for each of the two axes.
struct Convolution {
  Dtype dtype = Dtype::f32;
  std::int64_t batch = 0, channels = 0, filters = 0;   // filters = channels of the result
  std::int64_t input[2] = {0, 0}, kernel[2] = {0, 0}, output[2] = {0, 0};
  std::int64_t stride[2] = {1, 1}, before[2] = {0, 0}, after[2] = {0, 0};
};

// One trilinear form, read three ways; each is the gradient of the other two.
KernelPtr make_convolution(const Convolution&);          // operands: result, image, weights
KernelPtr make_convolution_data(const Convolution&);     // operands: image gradient, result gradient, weights
KernelPtr make_convolution_weights(const Convolution&);  // operands: weights gradient, image, result gradient

}  // namespace metac
