// The product functions. The first computes one matrix of sums of products, where the summed axis may be three nested
// axes. A matrix product uses one of them; a convolution uses all three, so it needs no copy of the image's windows.
#pragma once

#include <cstdint>

namespace metac {

// result[i, j] = sum over k of a[i * a_row + k . a_k] * b[k . b_k + j], for the indices k below `k`. Strides count
// elements. Each sum starts at 0 and is added in the order of k (fused, where the machine can), so an element of the
// result does not depend on how many rows and columns there are around it. Where an axis is empty, zeros.
struct Contraction {
  std::int64_t rows = 0, columns = 0;
  std::int64_t k[3] = {1, 1, 1};
  std::int64_t a_row = 0, a_k[3] = {0, 0, 0};
  std::int64_t b_k[3] = {0, 0, 0};
  std::int64_t result_row = 0;
  bool accumulate = false;  // start each sum at the result that is there
};

// result[i, j] = sum over k of a[i * a_row + k] * b[j * b_column + k]: both operands lie along k. The sum is taken over
// vector lanes first, in an order that depends on `depth` only.
struct DotProducts {
  std::int64_t rows = 0, columns = 0, depth = 0;
  std::int64_t a_row = 0, b_column = 0, result_row = 0;
};

// result[i, j] = sum over k of (a[k * a_k + i] * b[k * b_k + j])^2, in the order of k; the product is squared, so it
// neither overflows nor vanishes where its square does not. Where depth is 0, zeros.
struct SquaredProducts {
  std::int64_t rows = 0, columns = 0, depth = 0;
  std::int64_t a_k = 0, b_k = 0, result_row = 0;
};

// result[k, j] = b[k * b_k + j * b_column]: makes rows contiguous.
struct Packing {
  std::int64_t depth = 0, columns = 0;
  std::int64_t b_k = 0, b_column = 0;
};

template <class T>
struct ProductTable {
  void (*contract)(const Contraction&, const T* a, const T* b, T* result) = nullptr;
  void (*dot_products)(const DotProducts&, const T* a, const T* b, T* result) = nullptr;
  void (*squared_products)(const SquaredProducts&, const T* a, const T* b, T* result) = nullptr;
  void (*pack)(const Packing&, const T* b, T* result) = nullptr;
};

}  // namespace metac
