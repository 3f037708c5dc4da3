// The inner loops of max pooling, a vector of channels at a time: each place of the window is compared with all
// channels' indices, which is faster than gathering for the small windows that are used.
#include "kernels/simd/table.hpp"
#include "kernels/simd/vectors.hpp"

namespace metac::METAC_SIMD_NAMESPACE {
namespace {

// Integers as wide as T, so that a comparison of values selects places.
template <class T>
struct WideIndex {
  using type = std::int64_t;
};
template <>
struct WideIndex<float> {
  using type = std::int32_t;
};
template <class T>
using Places = Vector<typename WideIndex<T>::type>;

template <class T>
inline Places<T> load_places(const std::int32_t* from) {
  typedef std::int32_t Narrow __attribute__((vector_size(4 * lanes<T>), aligned(4), may_alias));
  return __builtin_convertvector(*reinterpret_cast<const Narrow*>(from), Places<T>);
}
template <class T>
inline void store_places(std::int32_t* to, Places<T> places) {
  typedef std::int32_t Narrow __attribute__((vector_size(4 * lanes<T>)));
  typedef std::int32_t Loose __attribute__((vector_size(4 * lanes<T>), aligned(4), may_alias));
  *reinterpret_cast<Loose*>(to) = (Loose) __builtin_convertvector(places, Narrow);
}

// Vectors at once: enough comparisons under way to hide their latency.
constexpr int together = 4;

template <class T, int vectors>
inline void largest_of_vectors(const PoolWindow& window, const T* image, std::int32_t* index) {
  Vector<T> best[vectors];
  Places<T> place[vectors];
#pragma GCC unroll 4
  for (int v = 0; v < vectors; ++v) {
    best[v] = load(image + window.offset[0] + v * lanes<T>);
    place[v] = Places<T>{} + window.place[0];
  }
  for (int p = 1; p < window.count; ++p) {
    const T* from = image + window.offset[p];
    const Places<T> here = Places<T>{} + window.place[p];
#pragma GCC unroll 4
    for (int v = 0; v < vectors; ++v) {
      const Vector<T> value = load(from + v * lanes<T>);
      const Places<T> better = (value > best[v]) | ((value != value) & (best[v] == best[v]));
      best[v] = better ? value : best[v];
      place[v] = better ? here : place[v];
    }
  }
#pragma GCC unroll 4
  for (int v = 0; v < vectors; ++v) store_places<T>(index + v * lanes<T>, place[v]);
}

template <class T>
inline std::int32_t largest_of_one(const PoolWindow& window, const T* image) {
  T best = image[window.offset[0]];
  std::int32_t place = window.place[0];
  for (int p = 1; p < window.count; ++p) {
    const T value = image[window.offset[p]];
    if (value > best || (value != value && best == best)) best = value, place = window.place[p];
  }
  return place;
}

template <class T>
void largest(const PoolWindow& window, const T* image, std::int32_t* index, std::int64_t n) {
  std::int64_t i = 0;
  for (; i + together * lanes<T> <= n; i += together * lanes<T>)
    largest_of_vectors<T, together>(window, image + i, index + i);
  for (; i + lanes<T> <= n; i += lanes<T>) largest_of_vectors<T, 1>(window, image + i, index + i);
  for (; i < n; ++i) index[i] = largest_of_one(window, image + i);
}

// Which of the lanes were found, all bits set.
template <class T>
inline Places<T> take_vector(const PoolWindow& window, const T* image, const std::int32_t* index, T* result) {
  Vector<T> value = {};
  Places<T> found = {};
  const Places<T> place = load_places<T>(index);
  for (int p = 0; p < window.count; ++p) {
    // The loads wait for the index, so few of them are under way.
    __builtin_prefetch(image + window.offset[p] + window.ahead);
    const Places<T> hit = place == Places<T>{} + window.place[p];
    value = hit ? load(image + window.offset[p]) : value;
    found |= hit;
  }
  store(result, value);
  return found;
}

template <class T>
inline bool take_one(const PoolWindow& window, const T* image, std::int32_t index, T* result) {
  for (int p = 0; p < window.count; ++p) {
    if (index != window.place[p]) continue;
    *result = image[window.offset[p]];
    return true;
  }
  return false;
}

template <class T>
bool take(const PoolWindow& window, const T* image, const std::int32_t* index, T* result, std::int64_t n) {
  bool all = true;
  Places<T> found = ~Places<T>{};
  std::int64_t i = 0;
  for (; i + lanes<T> <= n; i += lanes<T>) found &= take_vector(window, image + i, index + i, result + i);
  for (; i < n; ++i) all &= take_one(window, image + i, index[i], result + i);
  for (int lane = 0; lane < lanes<T>; ++lane) all &= found[lane] != 0;
  return all;
}

bool all_named(const PoolWindow& window, const std::int32_t* index, std::int64_t n) {
  std::int64_t named = 0;  // a window names each of its places once, so no index is counted twice
  for (int p = 0; p < window.count; ++p) {
    const std::int32_t here = window.place[p];
    std::int32_t count = 0;
    for (std::int64_t i = 0; i < n; ++i) count += index[i] == here ? 1 : 0;
    named += count;
  }
  return named == n;
}

template <class T>
bool put(const PoolWindow& window, T* image, const T* values, const std::int32_t* index, std::int64_t n) {
  if (!all_named(window, index, n)) return false;
  for (int p = 0; p < window.count; ++p) {
    T* to = image + window.offset[p];
    const std::int32_t here = window.place[p];
    for (std::int64_t i = 0; i < n; ++i) to[i] += index[i] == here ? values[i] : T(0);
  }
  return true;
}

// Which of the lanes were found, all bits set. Zero is added, as in put, so that -0 becomes 0.
template <class T>
inline Places<T> fill_vector(const PoolWindow& window, T* image, const T* values, const std::int32_t* index) {
  Places<T> found = {};
  const Places<T> place = load_places<T>(index);
  const Vector<T> value = load(values) + T(0);
  for (int p = 0; p < window.count; ++p) {
    const Places<T> hit = place == Places<T>{} + window.place[p];
    store(image + window.offset[p], hit ? value : Vector<T>{});
    found |= hit;
  }
  return found;
}

template <class T>
inline bool fill_one(const PoolWindow& window, T* image, T value, std::int32_t index) {
  bool found = false;
  for (int p = 0; p < window.count; ++p) {
    const bool hit = index == window.place[p];
    image[window.offset[p]] = (hit ? value : T(0)) + T(0);
    found |= hit;
  }
  return found;
}

template <class T>
bool fill(const PoolWindow& window, T* image, const T* values, const std::int32_t* index, std::int64_t n) {
  bool all = true;
  Places<T> found = ~Places<T>{};
  std::int64_t i = 0;
  for (; i + lanes<T> <= n; i += lanes<T>) found &= fill_vector(window, image + i, values + i, index + i);
  for (; i < n; ++i) all &= fill_one(window, image + i, values[i], index[i]);
  for (int lane = 0; lane < lanes<T>; ++lane) all &= found[lane] != 0;
  return all;
}

template <class T>
void fill_table(PoolingTable<T>& table) {
  table.largest = largest<T>;
  table.take = take<T>;
  table.put = put<T>;
  table.fill = fill<T>;
}

}  // namespace

void fill_pooling(SimdTable& table) {
  fill_table(table.pooling_f32);
  fill_table(table.pooling_f64);
}

}  // namespace metac::METAC_SIMD_NAMESPACE
