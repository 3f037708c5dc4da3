// The inner loops of max pooling, written so that the compiler turns them into vectors of channels: each place of the
// window is compared with all channels' indices, which is faster than gathering for the small windows that are used.
#include "kernels/simd/table.hpp"

namespace metac::METAC_SIMD_NAMESPACE {
namespace {

constexpr std::int64_t chunk = 32;  // channels at once: the best so far and their places stay in registers or nearby

template <class T>
void largest_of_chunk(const PoolWindow& window, const T* image, std::int32_t* index, std::int64_t n) {
  T best[chunk];
  std::int32_t place[chunk];
  for (std::int64_t i = 0; i < n; ++i) best[i] = image[window.offset[0] + i], place[i] = window.place[0];
  for (int p = 1; p < window.count; ++p) {
    const T* from = image + window.offset[p];
    const std::int32_t here = window.place[p];
    for (std::int64_t i = 0; i < n; ++i) {
      const T value = from[i];
      const bool better = (value > best[i]) | ((value != value) & (best[i] == best[i]));
      best[i] = better ? value : best[i];
      place[i] = better ? here : place[i];
    }
  }
  for (std::int64_t i = 0; i < n; ++i) index[i] = place[i];
}

template <class T>
void largest(const PoolWindow& window, const T* image, std::int32_t* index, std::int64_t n) {
  std::int64_t i = 0;
  for (; i + chunk <= n; i += chunk) largest_of_chunk(window, image + i, index + i, chunk);
  if (i < n) largest_of_chunk(window, image + i, index + i, n - i);
}

template <class T>
bool take_chunk(const PoolWindow& window, const T* image, const std::int32_t* index, T* result, std::int64_t n) {
  T value[chunk];
  std::int32_t place[chunk], found[chunk];
  for (std::int64_t i = 0; i < n; ++i) value[i] = T(0), place[i] = index[i], found[i] = 0;
  for (int p = 0; p < window.count; ++p) {
    const T* from = image + window.offset[p];
    const std::int32_t here = window.place[p];
    for (std::int64_t i = 0; i < n; ++i) {
      value[i] = place[i] == here ? from[i] : value[i];
      found[i] |= place[i] == here ? 1 : 0;
    }
  }
  std::int32_t all = 1;
  for (std::int64_t i = 0; i < n; ++i) all &= found[i];
  for (std::int64_t i = 0; i < n; ++i) result[i] = value[i];
  return all != 0;
}

template <class T>
bool take(const PoolWindow& window, const T* image, const std::int32_t* index, T* result, std::int64_t n) {
  bool all = true;
  std::int64_t i = 0;
  for (; i + chunk <= n; i += chunk) all &= take_chunk(window, image + i, index + i, result + i, chunk);
  if (i < n) all &= take_chunk(window, image + i, index + i, result + i, n - i);
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

template <class T>
void fill_table(PoolingTable<T>& table) {
  table.largest = largest<T>;
  table.take = take<T>;
  table.put = put<T>;
}

}  // namespace

void fill_pooling(SimdTable& table) {
  fill_table(table.pooling_f32);
  fill_table(table.pooling_f64);
}

}  // namespace metac::METAC_SIMD_NAMESPACE
