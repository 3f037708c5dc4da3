// Collects the functions of this instruction set.
#include "kernels/simd/table.hpp"

#define METAC_STRING_(x) #x
#define METAC_STRING(x) METAC_STRING_(x)

namespace metac::METAC_SIMD_NAMESPACE {

void fill_pointwise(PointwiseTable&);
void fill_reductions(PointwiseTable&);
void fill_products(SimdTable&);
void fill_pooling(SimdTable&);

void fill(SimdTable& table) {
  table.name = METAC_STRING(METAC_SIMD_NAMESPACE);
#if defined(__AVX512F__)
  table.pointwise.lanes_of_code = 16;
#elif defined(__AVX2__)
  table.pointwise.lanes_of_code = 8;
#endif
  fill_pointwise(table.pointwise);
  fill_reductions(table.pointwise);
  fill_products(table);
  fill_pooling(table);
}

}  // namespace metac::METAC_SIMD_NAMESPACE
