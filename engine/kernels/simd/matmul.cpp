// The product kernels, compiled once per instruction set. A tile of results stays in registers while the summed axis runs
// by; a is read an element at a time and repeated over a vector, b a vector at a time. Sizes that are no multiple of a
// tile are cut into tiles of nearly equal height, and the last vector of a row is loaded under a mask.
#include <algorithm>
#include <array>
#include <cstring>
#include <utility>
#include <xsimd/xsimd.hpp>

#include "kernels/simd/contraction.hpp"
#include "kernels/simd/table.hpp"

namespace metac {
namespace {

template <class T>
using Vector = xsimd::batch<T, Isa>;
template <class T>
constexpr int lanes = static_cast<int>(Vector<T>::size);

// ---- the last, partial vector of a row ----

template <class T>
inline Vector<T> load_first(const T* from, int count) {
#if defined(__AVX512F__)
  if constexpr (std::is_same_v<T, float>) return _mm512_maskz_loadu_ps(static_cast<__mmask16>((1u << count) - 1), from);
  if constexpr (std::is_same_v<T, double>) return _mm512_maskz_loadu_pd(static_cast<__mmask8>((1u << count) - 1), from);
#elif defined(__AVX2__)
  if constexpr (std::is_same_v<T, float>) {
    const auto lane = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
    return _mm256_maskload_ps(from, _mm256_cmpgt_epi32(_mm256_set1_epi32(count), lane));
  }
  if constexpr (std::is_same_v<T, double>) {
    const auto lane = _mm256_setr_epi64x(0, 1, 2, 3);
    return _mm256_maskload_pd(from, _mm256_cmpgt_epi64(_mm256_set1_epi64x(count), lane));
  }
#endif
  alignas(64) T values[lanes<T>] = {};
  for (int i = 0; i < count; ++i) values[i] = from[i];
  return Vector<T>::load_aligned(values);
}

template <class T>
inline void store_first(T* to, Vector<T> vector, int count) {
  alignas(64) T values[lanes<T>];
  vector.store_aligned(values);
  for (int i = 0; i < count; ++i) to[i] = values[i];
}

// ---- one tile ----

template <class T, int rows, int vectors>
inline void store_tile(const Vector<T> (&sums)[rows][vectors], T* result, std::int64_t stride, int last) {
#pragma GCC unroll 16
  for (int i = 0; i < rows; ++i) {
#pragma GCC unroll 8
    for (int v = 0; v + 1 < vectors; ++v) sums[i][v].store_unaligned(result + i * stride + v * lanes<T>);
    T* end = result + i * stride + (vectors - 1) * lanes<T>;
    if (last == lanes<T>) {
      sums[i][vectors - 1].store_unaligned(end);
    } else {
      store_first(end, sums[i][vectors - 1], last);
    }
  }
}

// `last` is how many lanes of the last vector there are: all of them unless `partial`.
template <class T, int rows, int vectors, bool partial>
void tile(const Contraction& s, const T* a, const T* b, T* result, int last) {
  Vector<T> sums[rows][vectors];
#pragma GCC unroll 16
  for (int i = 0; i < rows; ++i)
#pragma GCC unroll 8
    for (int v = 0; v < vectors; ++v) sums[i][v] = Vector<T>(T(0));

  const std::int64_t depth = s.k[2], a_row = s.a_row, a_step = s.a_k[2], b_step = s.b_k[2];
  for (std::int64_t outer = 0; outer < s.k[0]; ++outer) {
    for (std::int64_t middle = 0; middle < s.k[1]; ++middle) {
      const T* pa = a + outer * s.a_k[0] + middle * s.a_k[1];
      const T* pb = b + outer * s.b_k[0] + middle * s.b_k[1];
      for (std::int64_t k = 0; k < depth; ++k, pa += a_step, pb += b_step) {
        Vector<T> row[vectors];
#pragma GCC unroll 8
        for (int v = 0; v < vectors; ++v)
          row[v] = partial && v == vectors - 1 ? load_first(pb + v * lanes<T>, last)
                                               : Vector<T>::load_unaligned(pb + v * lanes<T>);
#pragma GCC unroll 16
        for (int i = 0; i < rows; ++i) {
          const Vector<T> repeated(pa[i * a_row]);
#pragma GCC unroll 8
          for (int v = 0; v < vectors; ++v) sums[i][v] = xsimd::fma(repeated, row[v], sums[i][v]);
        }
      }
    }
  }
  store_tile<T, rows, vectors>(sums, result, s.result_row, partial ? last : lanes<T>);
}

// ---- cutting a matrix into tiles ----

// Sums that stay in registers, beside a row of b and an element of a.
#if defined(__AVX512F__) || defined(__aarch64__)
constexpr int sums_in_registers = 24;
#else
constexpr int sums_in_registers = 12;
#endif
constexpr int most_vectors = 8;
constexpr int most_rows(int vectors) { return std::min(8, sums_in_registers / vectors); }

template <class T>
using Tile = void (*)(const Contraction&, const T*, const T*, T*, int);

// The tiles of one width, by height: entry [rows - 1].
template <class T, int vectors, bool partial, std::size_t... index>
constexpr std::array<Tile<T>, 8> tiles_of_width(std::index_sequence<index...>) {
  return {tile<T, static_cast<int>(index) + 1, vectors, partial>...};
}

template <class T, bool partial>
const std::array<Tile<T>, 8>& tiles(int vectors) {
#define METAC_WIDTH(n) tiles_of_width<T, n, partial>(std::make_index_sequence<most_rows(n)>{})
  static constexpr std::array<Tile<T>, 8> table[] = {METAC_WIDTH(1), METAC_WIDTH(2), METAC_WIDTH(3), METAC_WIDTH(4),
                                                     METAC_WIDTH(6), METAC_WIDTH(8)};
#undef METAC_WIDTH
  static constexpr int place[] = {0, 0, 1, 2, 3, 3, 4, 4, 5};
  return table[place[vectors]];
}

// Few rows want wide tiles, so that enough sums are under way at once to hide the latency of an addition.
int vectors_of_next_tile(std::int64_t rows, std::int64_t left) {
  if (rows == 1 && left >= 8) return 8;
  if (rows <= 2 && left >= 6) return 6;
  if (rows <= 3 && left >= 4) return 4;
  if (left == 3) return 3;
  return left >= 2 ? 2 : 1;
}

template <class T>
void contract_columns(const Contraction& s, const T* a, const T* b, T* result, int vectors, int last) {
  const auto& table = last == lanes<T> ? tiles<T, false>(vectors) : tiles<T, true>(vectors);
  const std::int64_t highest = most_rows(vectors);
  std::int64_t tiles_left = (s.rows + highest - 1) / highest;
  for (std::int64_t row = 0; row < s.rows; --tiles_left) {
    const std::int64_t height = (s.rows - row + tiles_left - 1) / tiles_left;
    table[height - 1](s, a + row * s.a_row, b, result + row * s.result_row, last);
    row += height;
  }
}

template <class T>
void contract(const Contraction& s, const T* a, const T* b, T* result) {
  std::int64_t left = (s.columns + lanes<T> - 1) / lanes<T>;
  for (std::int64_t column = 0; column < s.columns;) {
    const int vectors = vectors_of_next_tile(s.rows, left);
    left -= vectors;
    const int last = left > 0 ? lanes<T> : static_cast<int>(s.columns - column) - (vectors - 1) * lanes<T>;
    contract_columns(s, a, b + column, result + column, vectors, last);
    column += vectors * lanes<T>;
  }
}

// ---- both operands along the summed axis ----

template <class T, int rows, int columns>
void dot_tile(const DotProducts& s, const T* a, const T* b, T* result) {
  Vector<T> sums[rows][columns];
  for (int i = 0; i < rows; ++i)
    for (int j = 0; j < columns; ++j) sums[i][j] = Vector<T>(T(0));
  const auto step = [&](auto&& load) __attribute__((always_inline)) {
    Vector<T> right[columns];
#pragma GCC unroll 4
    for (int j = 0; j < columns; ++j) right[j] = load(b + j * s.b_column);
#pragma GCC unroll 4
    for (int i = 0; i < rows; ++i) {
      const Vector<T> left = load(a + i * s.a_row);
#pragma GCC unroll 4
      for (int j = 0; j < columns; ++j) sums[i][j] = xsimd::fma(left, right[j], sums[i][j]);
    }
  };
  std::int64_t k = 0;
  for (; k + lanes<T> <= s.depth; k += lanes<T>)
    step([&](const T* from) __attribute__((always_inline)) { return Vector<T>::load_unaligned(from + k); });
  if (const int rest = static_cast<int>(s.depth - k); rest > 0)
    step([&](const T* from) __attribute__((always_inline)) { return load_first(from + k, rest); });
  for (int i = 0; i < rows; ++i)
    for (int j = 0; j < columns; ++j) result[i * s.result_row + j] = xsimd::hadd(sums[i][j]);
}

template <class T, int rows>
void dot_rows(const DotProducts& s, const T* a, const T* b, T* result) {
  std::int64_t j = 0;
  for (; j + 2 <= s.columns; j += 2) dot_tile<T, rows, 2>(s, a, b + j * s.b_column, result + j);
  if (j < s.columns) dot_tile<T, rows, 1>(s, a, b + j * s.b_column, result + j);
}

template <class T>
void dot_products(const DotProducts& s, const T* a, const T* b, T* result) {
  std::int64_t i = 0;
  for (; i + 4 <= s.rows; i += 4) dot_rows<T, 4>(s, a + i * s.a_row, b, result + i * s.result_row);
  for (; i < s.rows; ++i) dot_rows<T, 1>(s, a + i * s.a_row, b, result + i * s.result_row);
}

// ---- packing ----

#if defined(__AVX2__)
// An 8x8 block of a transposed matrix through registers: the plain loop is five times slower.
inline void transpose_block(const float* from, std::int64_t from_stride, float* to, std::int64_t to_stride) {
  __m256 r[8], t[8];
  for (int i = 0; i < 8; ++i) r[i] = _mm256_loadu_ps(from + i * from_stride);
  for (int i = 0; i < 8; i += 2) t[i] = _mm256_unpacklo_ps(r[i], r[i + 1]), t[i + 1] = _mm256_unpackhi_ps(r[i], r[i + 1]);
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
#else
inline void transpose_block(const float* from, std::int64_t from_stride, float* to, std::int64_t to_stride) {
  for (int i = 0; i < 8; ++i)
    for (int j = 0; j < 8; ++j) to[j * to_stride + i] = from[i * from_stride + j];
}
#endif

inline void transpose_block(const double* from, std::int64_t from_stride, double* to, std::int64_t to_stride) {
  for (int i = 0; i < 8; ++i)
    for (int j = 0; j < 8; ++j) to[j * to_stride + i] = from[i * from_stride + j];
}

template <class T>
void pack(const Packing& s, const T* b, T* result) {
  constexpr std::int64_t block = 8;
  for (std::int64_t j = 0; j < s.columns; j += block)
    for (std::int64_t k = 0; k < s.depth; k += block) {
      const std::int64_t wide = std::min(block, s.columns - j), high = std::min(block, s.depth - k);
      const T* from = b + j * s.b_column + k * s.b_k;
      T* to = result + k * s.columns + j;
      if (wide == block && high == block && s.b_k == 1) {
        transpose_block(from, s.b_column, to, s.columns);
        continue;
      }
      for (std::int64_t row = 0; row < high; ++row)
        for (std::int64_t column = 0; column < wide; ++column)
          to[row * s.columns + column] = from[row * s.b_k + column * s.b_column];
    }
}

}  // namespace
}  // namespace metac
