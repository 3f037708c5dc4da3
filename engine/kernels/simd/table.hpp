// What the sources in this folder export: plain function pointers, one table for each instruction set. Everything else
// in the folder is private to its variant. Reached through `simd()` of kernels/dispatch.hpp.
#pragma once

#include "kernels/simd/pointwise_table.hpp"
#include "kernels/simd/pooling_table.hpp"
#include "kernels/simd/product_table.hpp"

namespace metac {

struct SimdTable {
  const char* name = "";
  PointwiseTable pointwise;
  ProductTable<float> products_f32;
  ProductTable<double> products_f64;
  PoolingTable<float> pooling_f32;
  PoolingTable<double> pooling_f64;
};

// Defined in simd/table.cpp, once for each variant.
namespace baseline { void fill(SimdTable&); }
namespace avx2 { void fill(SimdTable&); }
namespace avx512 { void fill(SimdTable&); }

}  // namespace metac
