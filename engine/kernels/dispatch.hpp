// The choice of the instruction set, made once at start.
#pragma once

#include <string_view>

#include "kernels/simd/table.hpp"

namespace metac {

// The table of the best instruction set of this machine that is not above `limit`: baseline, avx2, avx512, or empty for no
// limit. Error where it is something else.
SimdTable best_table(std::string_view limit);

// Of the limit that the environment variable METAC_ISA says; the same in the whole process.
const SimdTable& simd();

}  // namespace metac
