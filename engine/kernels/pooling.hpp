// Max pooling as an index and its two uses, take and put, which are each other's gradient.
#pragma once

#include "kernels/kernel.hpp"

namespace metac {

// Windows over images [batch, height, width, channels]. Places outside the image never win.
struct Pooling {
  Dtype dtype = Dtype::f32;
  std::int64_t batch = 0, channels = 0;
  std::int64_t input[2] = {0, 0}, output[2] = {0, 0};
  std::int64_t window[2] = {0, 0}, stride[2] = {0, 0}, before[2] = {0, 0};
};

// i32 index [batch, oh, ow, channels] of the largest element of each window, as row * width + column of the image. The
// first of equals wins; a NaN wins over numbers.
KernelPtr make_max_pool_index(const Pooling&);  // operands: index, image
KernelPtr make_pool_take(const Pooling&);       // operands: result [batch, oh, ow, channels], image, index
KernelPtr make_pool_put(const Pooling&);        // operands: image (zeros, plus each value at its index), values, index

}  // namespace metac
