// The functions that the tile interpreter (kernels/pointwise.hpp) is made of. All run over n consecutive elements.
#pragma once

#include <cstdint>

namespace metac {

inline constexpr int simd_functions = 40;  // at least the number of Fn
inline constexpr int simd_dtypes = 4;      // f32, f64, i32, bool, as in Dtype

// result[i] = f(a[i], b[i], c[i]). The result may be the same memory as an operand of the same element size.
using MapFunction = void (*)(void* result, const void* a, const void* b, const void* c, std::int64_t n);
// result[o][i] = reduction over r of source[o][r][i]; reduced >= 1. Overwrites nothing of the source. `work` has room for
// half of the source.
using ReduceFunction = void (*)(void* result, const void* source, void* work, std::int64_t outer, std::int64_t reduced,
                                std::int64_t inner);
// accumulator[i] = accumulator[i] op source[i], or = source[i] at the first time.
using AccumulateFunction = void (*)(void* accumulator, const void* source, bool first, std::int64_t n);
// result[i] = accumulator[i], rounded.
using FinishFunction = void (*)(void* result, const void* accumulator, std::int64_t n);
// result[o][i] = source[o * outer_stride + i * inner_stride] (elements)
using GatherFunction = void (*)(void* result, const void* source, std::int64_t outer, std::int64_t outer_stride,
                                std::int64_t inner, std::int64_t inner_stride);

struct PointwiseTable {
  // By function, dtype of its operands, and a mask of the operands of which there is only one element for all i. Null
  // where a function has no meaning for the dtype.
  MapFunction map[simd_functions][simd_dtypes][8] = {};
  MapFunction cast[simd_dtypes][simd_dtypes] = {};  // [from][to]
  ReduceFunction reduce[5][simd_dtypes] = {};        // [Reduction][dtype]
  AccumulateFunction accumulate[5][simd_dtypes] = {};
  FinishFunction finish[5][simd_dtypes] = {};
  GatherFunction gather[9] = {};  // by size of an element
  int lanes_of_code = 0;          // f32 in a vector of machine code (kernels/generated.hpp); 0: none is made
};

}  // namespace metac
