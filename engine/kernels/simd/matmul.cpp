// The product kernels, compiled once per instruction set. A tile of results stays in registers while the summed axis
// runs by; a is read an element at a time and repeated over a vector, b a vector at a time. Sizes that are no multiple
// of a tile are cut into tiles of nearly equal height, and the last vector of a row is loaded under a mask.
#if defined(__AVX2__)
#include <immintrin.h>
#endif

#include "kernels/simd/table.hpp"
#include "kernels/simd/transpose.hpp"
#include "kernels/simd/vectors.hpp"

namespace metac::METAC_SIMD_NAMESPACE {
namespace {

constexpr std::int64_t smaller(std::int64_t a, std::int64_t b) { return a < b ? a : b; }

// ---- the last, partial vector of a row: nothing beside it is touched ----

template <class T>
inline Vector<T> load_first(const T* from, int count) {
  Vector<T> result = {};
  for (int i = 0; i < count; ++i) result[i] = from[i];
  return result;
}
template <class T>
inline void store_first(T* to, Vector<T> vector, int count) {
  T values[lanes<T>];
  store(values, vector);
  for (int i = 0; i < count; ++i) to[i] = values[i];
}
#if defined(__AVX512F__)
inline __mmask16 first_of_16(int count) { return static_cast<__mmask16>((1u << count) - 1); }
inline __mmask8 first_of_8(int count) { return static_cast<__mmask8>((1u << count) - 1); }
template <>
inline Vector<float> load_first(const float* from, int count) {
  return (Vector<float>)_mm512_maskz_loadu_ps(first_of_16(count), from);
}
template <>
inline void store_first(float* to, Vector<float> vector, int count) {
  _mm512_mask_storeu_ps(to, first_of_16(count), (__m512)vector);
}
template <>
inline Vector<double> load_first(const double* from, int count) {
  return (Vector<double>)_mm512_maskz_loadu_pd(first_of_8(count), from);
}
template <>
inline void store_first(double* to, Vector<double> vector, int count) {
  _mm512_mask_storeu_pd(to, first_of_8(count), (__m512d)vector);
}
#elif defined(__AVX2__)
inline __m256i first_of_8(int count) {
  return _mm256_cmpgt_epi32(_mm256_set1_epi32(count), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}
inline __m256i first_of_4(int count) {
  return _mm256_cmpgt_epi64(_mm256_set1_epi64x(count), _mm256_setr_epi64x(0, 1, 2, 3));
}
template <>
inline Vector<float> load_first(const float* from, int count) {
  return (Vector<float>)_mm256_maskload_ps(from, first_of_8(count));
}
template <>
inline void store_first(float* to, Vector<float> vector, int count) {
  _mm256_maskstore_ps(to, first_of_8(count), (__m256)vector);
}
template <>
inline Vector<double> load_first(const double* from, int count) {
  return (Vector<double>)_mm256_maskload_pd(from, first_of_4(count));
}
template <>
inline void store_first(double* to, Vector<double> vector, int count) {
  _mm256_maskstore_pd(to, first_of_4(count), (__m256d)vector);
}
#endif

// ---- one tile ----

template <class T, int rows, int vectors>
inline void store_tile(const Vector<T> (&sums)[rows][vectors], T* result, std::int64_t stride, int last) {
#pragma GCC unroll 16
  for (int i = 0; i < rows; ++i) {
#pragma GCC unroll 8
    for (int v = 0; v + 1 < vectors; ++v) store(result + i * stride + v * lanes<T>, sums[i][v]);
    T* end = result + i * stride + (vectors - 1) * lanes<T>;
    if (last == lanes<T>) {
      store(end, sums[i][vectors - 1]);
    } else {
      store_first(end, sums[i][vectors - 1], last);
    }
  }
}

template <class T, int rows, int vectors>
inline void load_tile(Vector<T> (&sums)[rows][vectors], const T* from, std::int64_t stride, int last) {
#pragma GCC unroll 16
  for (int i = 0; i < rows; ++i) {
#pragma GCC unroll 8
    for (int v = 0; v + 1 < vectors; ++v) sums[i][v] = load(from + i * stride + v * lanes<T>);
    const T* end = from + i * stride + (vectors - 1) * lanes<T>;
    sums[i][vectors - 1] = last == lanes<T> ? load(end) : load_first(end, last);
  }
}

// `last` is how many lanes of the last vector there are: all of them unless `partial`.
template <class T, int rows, int vectors, bool partial>
void tile(const Contraction& s, const T* a, const T* b, T* result, int last) {
  Vector<T> sums[rows][vectors];
#pragma GCC unroll 16
  for (int i = 0; i < rows; ++i)
#pragma GCC unroll 8
    for (int v = 0; v < vectors; ++v) sums[i][v] = Vector<T>{};
  if (s.accumulate) load_tile<T, rows, vectors>(sums, result, s.result_row, partial ? last : lanes<T>);

  const std::int64_t depth = s.k[2], a_row = s.a_row, a_step = s.a_k[2], b_step = s.b_k[2];
  for (std::int64_t outer = 0; outer < s.k[0]; ++outer) {
    for (std::int64_t middle = 0; middle < s.k[1]; ++middle) {
      const T* pa = a + outer * s.a_k[0] + middle * s.a_k[1];
      const T* pb = b + outer * s.b_k[0] + middle * s.b_k[1];
      for (std::int64_t k = 0; k < depth; ++k, pa += a_step, pb += b_step) {
        Vector<T> row[vectors];
#pragma GCC unroll 8
        for (int v = 0; v < vectors; ++v)
          row[v] = partial && v == vectors - 1 ? load_first(pb + v * lanes<T>, last) : load(pb + v * lanes<T>);
#pragma GCC unroll 16
        for (int i = 0; i < rows; ++i) {
          const T repeated = pa[i * a_row];
#pragma GCC unroll 8
          for (int v = 0; v < vectors; ++v) sums[i][v] += repeated * row[v];
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
constexpr int most_rows(int vectors) { return static_cast<int>(smaller(8, sums_in_registers / vectors)); }

template <class T>
using Tile = void (*)(const Contraction&, const T*, const T*, T*, int);

// The tile of one width for each height: entry [rows - 1].
template <class T>
struct Heights {
  Tile<T> entry[8] = {};
};

template <class T, int vectors, bool partial, int rows = 1>
constexpr void fill_heights(Heights<T>& heights) {
  heights.entry[rows - 1] = tile<T, rows, vectors, partial>;
  if constexpr (rows < most_rows(vectors)) fill_heights<T, vectors, partial, rows + 1>(heights);
}

template <class T, int vectors, bool partial>
constexpr Heights<T> tiles_of_width() {
  Heights<T> result;
  fill_heights<T, vectors, partial>(result);
  return result;
}

// By width: entry [vectors]. Widths of 5 and 7 are not used.
template <class T, bool partial>
constexpr Heights<T> tiles[9] = {{},
                                 tiles_of_width<T, 1, partial>(),
                                 tiles_of_width<T, 2, partial>(),
                                 tiles_of_width<T, 3, partial>(),
                                 tiles_of_width<T, 4, partial>(),
                                 {},
                                 tiles_of_width<T, 6, partial>(),
                                 {},
                                 tiles_of_width<T, 8, partial>()};

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
  const auto& heights = last == lanes<T> ? tiles<T, false>[vectors] : tiles<T, true>[vectors];
  const std::int64_t highest = most_rows(vectors);
  std::int64_t tiles_left = (s.rows + highest - 1) / highest;
  for (std::int64_t row = 0; row < s.rows; --tiles_left) {
    const std::int64_t height = (s.rows - row + tiles_left - 1) / tiles_left;
    heights.entry[height - 1](s, a + row * s.a_row, b, result + row * s.result_row, last);
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

// Adds the upper half to the lower until one lane is left.
template <class T>
inline T sum_of_lanes(Vector<T> vector) {
  T values[lanes<T>];
  store(values, vector);
#pragma GCC unroll 4
  for (int half = lanes<T> / 2; half > 0; half /= 2)
#pragma GCC unroll 8
    for (int i = 0; i < half; ++i) values[i] += values[i + half];
  return values[0];
}

template <class T, int rows, int columns, class Load>
inline void dot_step(const DotProducts& s, const T* a, const T* b, Vector<T> (&sums)[rows][columns], const Load& load) {
  Vector<T> right[columns];
#pragma GCC unroll 4
  for (int j = 0; j < columns; ++j) right[j] = load(b + j * s.b_column);
#pragma GCC unroll 4
  for (int i = 0; i < rows; ++i) {
    const Vector<T> left = load(a + i * s.a_row);
#pragma GCC unroll 4
    for (int j = 0; j < columns; ++j) sums[i][j] += left * right[j];
  }
}

template <class T, int rows, int columns>
void dot_tile(const DotProducts& s, const T* a, const T* b, T* result) {
  Vector<T> sums[rows][columns];
  for (int i = 0; i < rows; ++i)
    for (int j = 0; j < columns; ++j) sums[i][j] = Vector<T>{};
  std::int64_t k = 0;
  for (; k + lanes<T> <= s.depth; k += lanes<T>)
    dot_step<T, rows, columns>(s, a + k, b + k, sums, [](const T* from) { return load(from); });
  if (const int rest = static_cast<int>(s.depth - k); rest > 0)
    dot_step<T, rows, columns>(s, a + k, b + k, sums, [rest](const T* from) { return load_first(from, rest); });
  for (int i = 0; i < rows; ++i)
    for (int j = 0; j < columns; ++j) result[i * s.result_row + j] = sum_of_lanes<T>(sums[i][j]);
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

// ---- squares of products ----

template <class T, int rows, int vectors>
void squares_tile(const SquaredProducts& s, const T* a, const T* b, T* result, int last) {
  Vector<T> sums[rows][vectors];
#pragma GCC unroll 4
  for (int i = 0; i < rows; ++i)
#pragma GCC unroll 4
    for (int v = 0; v < vectors; ++v) sums[i][v] = Vector<T>{};
  for (std::int64_t k = 0; k < s.depth; ++k, a += s.a_k, b += s.b_k) {
    Vector<T> row[vectors];
#pragma GCC unroll 4
    for (int v = 0; v + 1 < vectors; ++v) row[v] = load(b + v * lanes<T>);
    const T* end = b + (vectors - 1) * lanes<T>;
    row[vectors - 1] = last == lanes<T> ? load(end) : load_first(end, last);
#pragma GCC unroll 4
    for (int i = 0; i < rows; ++i) {
      const T repeated = a[i];
#pragma GCC unroll 4
      for (int v = 0; v < vectors; ++v) {
        const Vector<T> product = repeated * row[v];
        sums[i][v] += product * product;
      }
    }
  }
  store_tile<T, rows, vectors>(sums, result, s.result_row, last);
}

template <class T, int vectors>
void squares_columns(const SquaredProducts& s, const T* a, const T* b, T* result, int last) {
  std::int64_t i = 0;
  for (; i + 4 <= s.rows; i += 4) squares_tile<T, 4, vectors>(s, a + i, b, result + i * s.result_row, last);
  for (; i < s.rows; ++i) squares_tile<T, 1, vectors>(s, a + i, b, result + i * s.result_row, last);
}

template <class T>
void squared_products(const SquaredProducts& s, const T* a, const T* b, T* result) {
  std::int64_t j = 0;
  for (; j + 2 * lanes<T> <= s.columns; j += 2 * lanes<T>) squares_columns<T, 2>(s, a, b + j, result + j, lanes<T>);
  for (; j < s.columns; j += lanes<T>)
    squares_columns<T, 1>(s, a, b + j, result + j, static_cast<int>(smaller(lanes<T>, s.columns - j)));
}

// ---- packing ----

template <class T>
void pack(const Packing& s, const T* b, T* result) {
  if (s.b_k == 1) return transpose(b, s.b_column, s.columns, s.depth, result, s.columns);
  for (std::int64_t k = 0; k < s.depth; ++k)
    for (std::int64_t j = 0; j < s.columns; ++j) result[k * s.columns + j] = b[k * s.b_k + j * s.b_column];
}

template <class T>
void fill_table(ProductTable<T>& table) {
  table.contract = contract<T>;
  table.dot_products = dot_products<T>;
  table.squared_products = squared_products<T>;
  table.pack = pack<T>;
}

}  // namespace

void fill_products(SimdTable& table) {
  fill_table(table.products_f32);
  fill_table(table.products_f64);
}

}  // namespace metac::METAC_SIMD_NAMESPACE
