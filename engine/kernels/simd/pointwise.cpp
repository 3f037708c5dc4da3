// Pointwise functions over tiles.
#include "kernels/simd/table.hpp"

namespace metac::METAC_SIMD_NAMESPACE {

void fill_pointwise(PointwiseTable&) {}
void fill_reductions(PointwiseTable&) {}

}  // namespace metac::METAC_SIMD_NAMESPACE
