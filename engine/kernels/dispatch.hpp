// The choice of the instruction set, made once at start.
#pragma once

#include "kernels/simd/table.hpp"

namespace metac {

// The table of the best instruction set of this machine, or of the one that the environment variable METAC_ISA names
// (baseline, avx2, avx512) if that is lower.
const SimdTable& simd();

}  // namespace metac
