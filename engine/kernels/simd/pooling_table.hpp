// Pooling over the channels of one window: all functions run over n consecutive channels.
#pragma once

#include <cstdint>

namespace metac {

// The places of one window that lie inside the image, as offsets of their first channel; at most `most_places`.
struct PoolWindow {
  static constexpr int most_places = 64;
  int count = 0;
  std::int64_t offset[most_places];  // in elements, from the image
  std::int32_t place[most_places];   // row * width + column
  std::int64_t ahead = 0;            // elements from a place to that of a window which is read soon
};

template <class T>
struct PoolingTable {
  // index[i] = the place of the largest image[offset + i]; the first of equals, but a NaN over numbers. count >= 1.
  void (*largest)(const PoolWindow&, const T* image, std::int32_t* index, std::int64_t n) = nullptr;
  // result[i] = image[offset + i] of the place that index[i] names. False if some index names none: then nothing is
  // promised.
  bool (*take)(const PoolWindow&, const T* image, const std::int32_t* index, T* result, std::int64_t n) = nullptr;
  // image[offset + i] += values[i] at the place that index[i] names. False, and nothing is changed, if some names none.
  bool (*put)(const PoolWindow&, T* image, const T* values, const std::int32_t* index, std::int64_t n) = nullptr;
  // The same for places that nothing was written to yet: all others of the window become 0. False: nothing is promised.
  bool (*fill)(const PoolWindow&, T* image, const T* values, const std::int32_t* index, std::int64_t n) = nullptr;
};

}  // namespace metac
