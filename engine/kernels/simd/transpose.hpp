// Matrices with their axes exchanged. Only for sources of this folder.
#pragma once

#if defined(__AVX2__)
#include <immintrin.h>
#endif

#include <cstdint>

namespace metac::METAC_SIMD_NAMESPACE {
namespace {

constexpr std::int64_t block_size = 8;

template <class T>
inline void transpose_block(const T* from, std::int64_t from_stride, T* to, std::int64_t to_stride) {
  for (int i = 0; i < block_size; ++i)
    for (int j = 0; j < block_size; ++j) to[j * to_stride + i] = from[i * from_stride + j];
}
#if defined(__AVX2__)
// Through registers: the plain loop is five times slower. The numbers are moved only, so they may be of any kind.
template <>
inline void transpose_block(const float* from, std::int64_t from_stride, float* to, std::int64_t to_stride) {
  __m256 r[8], t[8];
  for (int i = 0; i < 8; ++i) r[i] = _mm256_loadu_ps(from + i * from_stride);
  for (int i = 0; i < 8; i += 2)
    t[i] = _mm256_unpacklo_ps(r[i], r[i + 1]), t[i + 1] = _mm256_unpackhi_ps(r[i], r[i + 1]);
  for (int i = 0; i < 8; i += 4)
    for (int j = 0; j < 2; ++j) {
      r[i + 2 * j] = _mm256_shuffle_ps(t[i + j], t[i + j + 2], 0x44);
      r[i + 2 * j + 1] = _mm256_shuffle_ps(t[i + j], t[i + j + 2], 0xee);
    }
  for (int i = 0; i < 4; ++i) {
    _mm256_storeu_ps(to + i * to_stride, _mm256_permute2f128_ps(r[i], r[i + 4], 0x20));
    _mm256_storeu_ps(to + (i + 4) * to_stride, _mm256_permute2f128_ps(r[i], r[i + 4], 0x31));
  }
}
template <>
inline void transpose_block(const std::uint32_t* from, std::int64_t from_stride, std::uint32_t* to,
                            std::int64_t to_stride) {
  transpose_block(reinterpret_cast<const float*>(from), from_stride, reinterpret_cast<float*>(to), to_stride);
}
#endif

// to[column, row] = from[row, column]. Rows lie `from_stride` elements apart, columns of the result `to_stride`.
template <class T>
inline void transpose(const T* from, std::int64_t from_stride, std::int64_t rows, std::int64_t columns, T* to,
                      std::int64_t to_stride) {
  for (std::int64_t i = 0; i < rows; i += block_size)
    for (std::int64_t j = 0; j < columns; j += block_size) {
      const T* corner = from + i * from_stride + j;
      T* target = to + j * to_stride + i;
      const std::int64_t high = rows - i, wide = columns - j;
      if (high >= block_size && wide >= block_size) {
        transpose_block(corner, from_stride, target, to_stride);
        continue;
      }
      for (std::int64_t row = 0; row < high && row < block_size; ++row)
        for (std::int64_t column = 0; column < wide && column < block_size; ++column)
          target[column * to_stride + row] = corner[row * from_stride + column];
    }
}

}  // namespace
}  // namespace metac::METAC_SIMD_NAMESPACE
