// Reductions of one tile, and the accumulators that join the tiles. Sums of f32 run in several lanes inside a tile and
// in f64 from tile to tile; the order depends on the program only. Maxima and minima pass NaN on.
#include "kernels/pointwise.hpp"
#include "kernels/simd/table.hpp"
#include "kernels/simd/vectors.hpp"

namespace metac::METAC_SIMD_NAMESPACE {
namespace {

// T and its vectors alike.
struct SumOf {
  template <class V>
  static V join(V a, V b) {
    return a + b;
  }
};
struct ProductOf {
  template <class V>
  static V join(V a, V b) {
    return a * b;
  }
};
struct MaximumOf {
  template <class V>
  static V join(V a, V b) {
    return (a > b) | (a != a) ? a : b;
  }
};
struct MinimumOf {
  template <class V>
  static V join(V a, V b) {
    return (a < b) | (a != a) ? a : b;
  }
};

// n >= 1 elements side by side: four vectors of lanes, joined pairwise; the rest one by one.
template <class F, class T>
T reduce_row(const T* p, std::int64_t n) {
  using V = Vector<T>;
  constexpr std::int64_t w = lanes<T>;
  if (n < w) {
    T result = p[0];
    for (std::int64_t i = 1; i < n; ++i) result = F::join(result, p[i]);
    return result;
  }
  V total = load(p);
  std::int64_t i = w;
  if (n >= 4 * w) {
    V one = load(p + w), two = load(p + 2 * w), three = load(p + 3 * w);
    for (i = 4 * w; i + 4 * w <= n; i += 4 * w) {
      total = F::join(total, load(p + i));
      one = F::join(one, load(p + i + w));
      two = F::join(two, load(p + i + 2 * w));
      three = F::join(three, load(p + i + 3 * w));
    }
    total = F::join(F::join(total, one), F::join(two, three));
  }
  for (; i + w <= n; i += w) total = F::join(total, load(p + i));
  T lane[w];
  store(lane, total);
  for (std::int64_t half = w / 2; half > 0; half /= 2)
    for (std::int64_t j = 0; j < half; ++j) lane[j] = F::join(lane[j], lane[j + half]);
  for (; i < n; ++i) lane[0] = F::join(lane[0], p[i]);
  return lane[0];
}

// Rows short enough to need no lanes: the length is known to the compiler, so that rows overlap.
template <class F, class T, int n>
void reduce_short_rows(T* result, const T* source, std::int64_t outer) {
  for (std::int64_t o = 0; o < outer; ++o) {
    T total = source[o * n];
    for (int i = 1; i < n; ++i) total = F::join(total, source[o * n + i]);
    result[o] = total;
  }
}

template <class F, class T>
void reduce_rows(T* result, const T* source, std::int64_t outer, std::int64_t n) {
  switch (n) {
    case 2:
      return reduce_short_rows<F, T, 2>(result, source, outer);
    case 3:
      return reduce_short_rows<F, T, 3>(result, source, outer);
    case 4:
      return reduce_short_rows<F, T, 4>(result, source, outer);
    case 5:
      return reduce_short_rows<F, T, 5>(result, source, outer);
    case 6:
      return reduce_short_rows<F, T, 6>(result, source, outer);
    case 7:
      return reduce_short_rows<F, T, 7>(result, source, outer);
    default:
      for (std::int64_t o = 0; o < outer; ++o) result[o] = reduce_row<F, T>(source + o * n, n);
  }
}

// Wide columns: the sums of a few vectors stay in registers while the rows go by.
template <class F, class T>
void reduce_columns(T* result, const T* source, std::int64_t rows, std::int64_t columns) {
  using V = Vector<T>;
  constexpr std::int64_t w = lanes<T>;
  std::int64_t c = 0;
  for (; c + 4 * w <= columns; c += 4 * w) {
    const T* p = source + c;
    V zero = load(p), one = load(p + w), two = load(p + 2 * w), three = load(p + 3 * w);
    for (std::int64_t r = 1; r < rows; ++r) {
      p += columns;
      zero = F::join(zero, load(p));
      one = F::join(one, load(p + w));
      two = F::join(two, load(p + 2 * w));
      three = F::join(three, load(p + 3 * w));
    }
    store(result + c, zero);
    store(result + c + w, one);
    store(result + c + 2 * w, two);
    store(result + c + 3 * w, three);
  }
  for (; c + w <= columns; c += w) {
    V total = load(source + c);
    for (std::int64_t r = 1; r < rows; ++r) total = F::join(total, load(source + r * columns + c));
    store(result + c, total);
  }
  for (; c < columns; ++c) {
    T total = source[c];
    for (std::int64_t r = 1; r < rows; ++r) total = F::join(total, source[r * columns + c]);
    result[c] = total;
  }
}

// result[i] = a[i] op b[i]
template <class F, class T>
void join_runs(T* result, const T* a, const T* b, std::int64_t n) {
  std::int64_t i = 0;
  for (; i + lanes<T> <= n; i += lanes<T>) store(result + i, F::join(load(a + i), load(b + i)));
  for (; i < n; ++i) result[i] = F::join(a[i], b[i]);
}

// Narrow columns: the lower half of the rows is added to the upper half, again and again: long vectors, pairwise sums.
template <class F, class T>
void fold_columns(T* result, const T* source, T* work, std::int64_t rows, std::int64_t columns) {
  while (rows > 1) {
    const std::int64_t half = rows / 2, kept = rows - half;
    T* target = half == 1 && kept == 1 ? result : work;
    join_runs<F, T>(target, source, source + kept * columns, half * columns);
    if (kept > half && source != work)
      for (std::int64_t i = half * columns; i < kept * columns; ++i) work[i] = source[i];
    source = work;
    rows = kept;
  }
}

template <class F, class T>
void reduce(void* result, const void* source, void* work, std::int64_t outer, std::int64_t reduced,
            std::int64_t inner) {
  auto* out = static_cast<T*>(result);
  const auto* in = static_cast<const T*>(source);
  if (reduced == 1) {
    for (std::int64_t i = 0; i < outer * inner; ++i) out[i] = in[i];
  } else if (inner == 1) {
    reduce_rows<F, T>(out, in, outer, reduced);
  } else {
    const bool narrow = inner < 2 * lanes<T> && reduced >= 4;
    for (std::int64_t o = 0; o < outer; ++o, out += inner, in += reduced * inner) {
      if (narrow) {
        fold_columns<F, T>(out, in, static_cast<T*>(work), reduced, inner);
      } else {
        reduce_columns<F, T>(out, in, reduced, inner);
      }
    }
  }
}

template <class F, class T, class A>
void accumulate(void* accumulator, const void* source, bool first, std::int64_t n) {
  auto* sum = static_cast<A*>(accumulator);
  const auto* x = static_cast<const T*>(source);
  if (first) {
    for (std::int64_t i = 0; i < n; ++i) sum[i] = static_cast<A>(x[i]);
  } else {
    for (std::int64_t i = 0; i < n; ++i) sum[i] = F::join(sum[i], static_cast<A>(x[i]));
  }
}

template <class A, class T>
void finish(void* result, const void* accumulator, std::int64_t n) {
  auto* out = static_cast<T*>(result);
  const auto* sum = static_cast<const A*>(accumulator);
  for (std::int64_t i = 0; i < n; ++i) out[i] = static_cast<T>(sum[i]);
}

template <class F, class T, class A>
void add(PointwiseTable& table, Reduction reduction, Dtype dtype) {
  const int r = static_cast<int>(reduction), d = static_cast<int>(dtype);
  table.reduce[r][d] = reduce<F, T>;
  table.accumulate[r][d] = accumulate<F, T, A>;
  table.finish[r][d] = finish<A, T>;
}

template <class T, class A>
void add_floating(PointwiseTable& table, Dtype dtype) {
  add<SumOf, T, A>(table, Reduction::sum, dtype);
  add<ProductOf, T, A>(table, Reduction::product, dtype);
  add<MaximumOf, T, T>(table, Reduction::maximum, dtype);
  add<MinimumOf, T, T>(table, Reduction::minimum, dtype);
}

}  // namespace

void fill_reductions(PointwiseTable& table) {
  add_floating<float, double>(table, Dtype::f32);
  add_floating<double, double>(table, Dtype::f64);
  // Sums and products of i32 wrap, as those of unsigned numbers do.
  add<SumOf, std::uint32_t, std::uint32_t>(table, Reduction::sum, Dtype::i32);
  add<ProductOf, std::uint32_t, std::uint32_t>(table, Reduction::product, Dtype::i32);
  add<MaximumOf, std::int32_t, std::int32_t>(table, Reduction::maximum, Dtype::i32);
  add<MinimumOf, std::int32_t, std::int32_t>(table, Reduction::minimum, Dtype::i32);
  add<MaximumOf, unsigned char, unsigned char>(table, Reduction::maximum, Dtype::boolean);
  add<MinimumOf, unsigned char, unsigned char>(table, Reduction::minimum, Dtype::boolean);
}

}  // namespace metac::METAC_SIMD_NAMESPACE
