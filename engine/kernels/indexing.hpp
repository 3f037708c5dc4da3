// Kernels that move elements by index: gather, scatter, argmax, concatenation, padding.
#pragma once

#include <vector>

#include "kernels/kernel.hpp"

namespace metac {

// Index of the largest element along `axis` (the first of equals; a NaN wins): i32 of the shape without that axis.
KernelPtr make_argmax(const Type& input, int axis);

// rows = table[index]: table [n, ...], index i32 of any shape, result index.shape + [...]. An index out of range reads as
// NaN (f32, f64), the smallest i32, or false.
KernelPtr make_gather(const Type& table, const Type& index);
// The transpose of gather: result [n, ...] is zeros plus every row of `rows` at its index, added in row order; indices out
// of range are dropped.
KernelPtr make_scatter_add(const Type& rows, const Type& index, std::int64_t n);

// The same labels, i32 of any shape, if each is from 0 to classes - 1; else an Error with the first that is not.
KernelPtr make_checked_labels(const Type& labels, std::int64_t classes);

// Dense inputs side by side along `axis`.
KernelPtr make_concatenate(const std::vector<Type>& inputs, int axis);

// Zeros before and after: input (any strides) placed at `before` in a result of `shape`.
KernelPtr make_pad(const Layout& input, const Shape& before, const Shape& shape);

}  // namespace metac
