// Counter-based random numbers: Philox4x32-10 (Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3"). A
// key is a pair of i32; the same key gives the same numbers, whatever the threads.
#pragma once

#include "kernels/distribution.hpp"
#include "kernels/kernel.hpp"

namespace metac {

// keys i32[batch..., 2] and numbers i32[batch...] to new keys i32[batch..., 2]: the first two words of Philox with the
// counter (number, 0, 0, "fold" in ASCII). Dense operands: result, keys, numbers.
KernelPtr make_fold_in(const Shape& batch);

// keys i32[batch..., 2] to samples [batch..., shape...]; element i of a key's samples depends on the key and i only.
// f32 and f64 draws of one key agree to f32 precision. Operands: result, keys.
KernelPtr make_random(Distribution, Dtype, const Shape& batch, const Shape& shape);

// keys i32[batch..., 2] to indices i32[batch..., count]: for each key `count` different ones of 0 .. n - 1 in random
// order, every order equally likely. The first indices of a key do not depend on `count`. Operands: result, keys.
KernelPtr make_distinct(const Shape& batch, std::int64_t n, std::int64_t count);

}  // namespace metac
