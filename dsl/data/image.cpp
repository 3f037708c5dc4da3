// Resizing (by covered area when smaller, linearly between centres when larger), inverting and turning images.
#include "data/image.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/error.hpp"

namespace metac::data {

namespace {

// How much of which old places makes a new one: `first` and the ones after it, with weights that sum to 1.
struct Taps {
  int first = 0;
  std::vector<float> weights;
};

// The part of each old place that [place * scale, (place + 1) * scale) covers.
Taps covering(int place, double scale, int old_size) {
  const double begin = place * scale, end = (place + 1) * scale;
  Taps taps{static_cast<int>(begin), {}};
  const int last = std::min(old_size, static_cast<int>(std::ceil(end)));
  for (int old = taps.first; old < last; ++old) {
    const double covered = std::min(end, old + 1.0) - std::max(begin, static_cast<double>(old));
    taps.weights.push_back(static_cast<float>(std::max(covered, 0.0) / scale));
  }
  return taps;
}

Taps between_centres(int place, double scale, int old_size) {
  const double at = std::clamp((place + 0.5) * scale - 0.5, 0.0, old_size - 1.0);
  const int first = std::min(static_cast<int>(at), std::max(old_size - 2, 0));
  if (old_size == 1) return {0, {1.0f}};
  const auto second = static_cast<float>(at - first);
  return {first, {1.0f - second, second}};
}

std::vector<Taps> taps_of_axis(int old_size, int new_size) {
  const double scale = static_cast<double>(old_size) / new_size;
  std::vector<Taps> taps;
  for (int place = 0; place < new_size; ++place)
    taps.push_back(new_size < old_size ? covering(place, scale, old_size) : between_centres(place, scale, old_size));
  return taps;
}

Image resize_rows(const Image& image, int height) {
  if (height == image.height) return image;
  Image result{height, image.width, image.channels, {}};
  const std::size_t row_size = static_cast<std::size_t>(image.width) * static_cast<std::size_t>(image.channels);
  result.pixels.assign(static_cast<std::size_t>(height) * row_size, 0.0f);
  const auto taps = taps_of_axis(image.height, height);
  for (std::size_t row = 0; row < taps.size(); ++row) {
    float* out = result.pixels.data() + row * row_size;
    for (std::size_t t = 0; t < taps[row].weights.size(); ++t) {
      const float* in = image.pixels.data() + (static_cast<std::size_t>(taps[row].first) + t) * row_size;
      const float weight = taps[row].weights[t];
      for (std::size_t i = 0; i < row_size; ++i) out[i] += weight * in[i];
    }
  }
  return result;
}

Image resize_columns(const Image& image, int width) {
  if (width == image.width) return image;
  Image result{image.height, width, image.channels, {}};
  const auto channels = static_cast<std::size_t>(image.channels);
  result.pixels.assign(static_cast<std::size_t>(image.height) * static_cast<std::size_t>(width) * channels, 0.0f);
  const auto taps = taps_of_axis(image.width, width);
  float* out = result.pixels.data();
  for (int row = 0; row < image.height; ++row) {
    const float* line =
        image.pixels.data() + static_cast<std::size_t>(row) * static_cast<std::size_t>(image.width) * channels;
    for (const Taps& tap : taps)
      for (std::size_t channel = 0; channel < channels; ++channel) {
        const float* in = line + static_cast<std::size_t>(tap.first) * channels + channel;
        float sum = 0;
        for (std::size_t t = 0; t < tap.weights.size(); ++t) sum += tap.weights[t] * in[t * channels];
        *out++ = sum;
      }
  }
  return result;
}

Image rotated_once(const Image& image) {
  Image result{image.width, image.height, image.channels, std::vector<float>(image.pixels.size())};
  float* out = result.pixels.data();
  for (int row = 0; row < result.height; ++row)
    for (int column = 0; column < result.width; ++column)
      for (int channel = 0; channel < image.channels; ++channel)
        *out++ = image.at(column, image.width - 1 - row, channel);
  return result;
}

}  // namespace

Image resize(const Image& image, int height, int width) {
  if (height < 1 || width < 1)
    throw Error(fmt::format("an image cannot be resized to {} x {}: sizes must be positive", height, width));
  if (std::int64_t{height} * width > pixel_limit)
    throw Error(
        fmt::format("an image cannot be resized to {} x {}: the most are {} pixels", height, width, pixel_limit));
  if (image.height < 1 || image.width < 1) throw Error("an empty image cannot be resized");
  // The axis that shrinks goes first: less work, the same result.
  return height <= image.height ? resize_columns(resize_rows(image, height), width)
                                : resize_rows(resize_columns(image, width), height);
}

Image inverted(Image image) {
  for (float& value : image.pixels) value = 1.0f - value;
  return image;
}

std::uint8_t to_byte(float value) { return static_cast<std::uint8_t>(std::clamp(value, 0.0f, 1.0f) * 255.0f + 0.5f); }

Image rotated(const Image& image, int quarters) {
  Image result = image;
  for (int turn = 0; turn < ((quarters % 4) + 4) % 4; ++turn) result = rotated_once(result);
  return result;
}

}  // namespace metac::data
