// Kernels that move elements by index: pooling windows, gather, scatter, argmax, concatenation, padding.
#pragma once

#include <vector>

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
KernelPtr make_max_pool_index(const Pooling&);           // operands: index, image
KernelPtr make_pool_take(const Pooling&);                // operands: result [batch, oh, ow, channels], image, index
KernelPtr make_pool_put(const Pooling&);                 // operands: image (zeros, plus each value at its index), values, index

// Index of the largest element along `axis` (the first of equals; a NaN wins): i32 of the shape without that axis.
KernelPtr make_argmax(const Type& input, int axis);

// rows = table[index]: table [n, ...], index i32 of any shape, result index.shape + [...]. An index out of range reads as
// NaN (f32, f64), the smallest i32, or false.
KernelPtr make_gather(const Type& table, const Type& index);
// The transpose of gather: result [n, ...] is zeros plus every row of `rows` at its index, added in row order; indices out
// of range are dropped.
KernelPtr make_scatter_add(const Type& rows, const Type& index, std::int64_t n);

// Dense inputs side by side along `axis`.
KernelPtr make_concatenate(const std::vector<Type>& inputs, int axis);

// Zeros before and after: input (any strides) placed at `before` in a result of `shape`.
KernelPtr make_pad(const Layout& input, const Shape& before, const Shape& shape);

}  // namespace metac
