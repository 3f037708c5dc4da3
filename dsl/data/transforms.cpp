// The transforms: each is a small class with the shape it takes and gives, and what it does to one example.
#include "data/transforms.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numbers>
#include <numeric>

#include "data/image.hpp"
#include "data/transform.hpp"

namespace metac::data {

namespace {

std::string numbers(const std::vector<double>& values) {
  const auto all = fmt::format("{}", fmt::join(values, ", "));
  return values.size() == 1 ? all : fmt::format("[{}]", all);
}

void need_image(const Dataset& set, const char* what) {
  if (set.example_shape().rank() != 3)
    throw Error(fmt::format("{}: needs images, [height, width, channels]; an example of {} is {}", what, set.name(),
                            to_string(set.example_shape())));
}

std::int64_t last_axis(const Shape& shape) { return shape.empty() ? 1 : shape.back(); }

// Uniform in [0, 1) and normal numbers from the words of a key.
double uniform(Stream& stream) { return stream.next() * 0x1p-32; }

struct Normals {
  double first, second;
};
Normals normals(Stream& stream) {  // Box and Muller
  const double radius = std::sqrt(-2 * std::log(1 - uniform(stream)));
  const double angle = 2 * std::numbers::pi * uniform(stream);
  return {radius * std::cos(angle), radius * std::sin(angle)};
}

class Normalize : public Transform {
 public:
  Normalize(const Shape& shape, const std::vector<double>& mean, const std::vector<double>& deviation)
      : Transform(fmt::format("normalize({}, {})", numbers(mean), numbers(deviation)), shape, shape) {
    for (std::int64_t i = 0; i < last_axis(shape); ++i) {
      const auto at = [&](const std::vector<double>& v) {
        return v.size() == 1 ? v[0] : v[static_cast<std::size_t>(i)];
      };
      mean_.push_back(static_cast<float>(at(mean)));
      deviation_.push_back(static_cast<float>(at(deviation)));
    }
  }
  void apply(const float* from, const Row&, float* to) const override {
    const std::int64_t elements = in.elements();
    const auto entries = static_cast<std::int64_t>(mean_.size());
    for (std::int64_t i = 0; i < elements; i += entries)
      for (std::int64_t j = 0; j < entries; ++j)
        to[i + j] = (from[i + j] - mean_[static_cast<std::size_t>(j)]) / deviation_[static_cast<std::size_t>(j)];
  }

 private:
  std::vector<float> mean_, deviation_;
};

class Resize : public Transform {
 public:
  Resize(const Shape& shape, std::int64_t height, std::int64_t width)
      : Transform(fmt::format("resize({}, {})", height, width), shape, Shape{height, width, shape[2]}) {}
  void apply(const float* from, const Row&, float* to) const override {
    const Image image{
        static_cast<int>(in[0]), static_cast<int>(in[1]), static_cast<int>(in[2]), {from, from + in.elements()}};
    const Image resized = data::resize(image, static_cast<int>(out[0]), static_cast<int>(out[1]));
    std::copy(resized.pixels.begin(), resized.pixels.end(), to);
  }
};

class Rotate : public Transform {
 public:
  Rotate(std::string name, const Shape& shape, double least, double most)
      : Transform(std::move(name), shape, shape, least < most), least_(least), most_(most) {}

  void apply(const float* from, const Row& row, float* to) const override {
    double degrees = least_;
    if (random) {
      Stream stream(row.key);
      degrees += (most_ - least_) * uniform(stream);
    }
    const auto [cosine, sine] = direction(degrees);
    const double middle_row = (static_cast<double>(in[0]) - 1) / 2,
                 middle_column = (static_cast<double>(in[1]) - 1) / 2;
    for (std::int64_t r = 0; r < in[0]; ++r)
      for (std::int64_t c = 0; c < in[1]; ++c, to += in[2]) {
        const double right = static_cast<double>(c) - middle_column, up = middle_row - static_cast<double>(r);
        sample(from, middle_row + right * sine - up * cosine, middle_column + right * cosine + up * sine, to);
      }
  }

 private:
  struct Direction {
    double cosine, sine;
  };
  // Exact for whole quarters.
  static Direction direction(double degrees) {
    const double quarters = std::floor(degrees / 90), rest = (degrees - 90 * quarters) * std::numbers::pi / 180;
    const double c = rest == 0 ? 1 : std::cos(rest), s = rest == 0 ? 0 : std::sin(rest);
    switch (static_cast<int>(std::fmod(std::fmod(quarters, 4) + 4, 4))) {
      case 0:
        return {c, s};
      case 1:
        return {-s, c};
      case 2:
        return {-c, -s};
      default:
        return {s, -c};
    }
  }
  // Linear between the four pixels around a place; those outside of the image are 0.
  void sample(const float* from, double row, double column, float* to) const {
    std::fill(to, to + in[2], 0.0f);
    const double top = std::floor(row), left = std::floor(column);
    for (int down = 0; down < 2; ++down)
      for (int over = 0; over < 2; ++over) {
        const auto r = static_cast<std::int64_t>(top) + down, c = static_cast<std::int64_t>(left) + over;
        const double weight = (down ? row - top : 1 - (row - top)) * (over ? column - left : 1 - (column - left));
        if (weight == 0 || r < 0 || r >= in[0] || c < 0 || c >= in[1]) continue;
        const float* pixel = from + (r * in[1] + c) * in[2];
        for (std::int64_t i = 0; i < in[2]; ++i) to[i] += static_cast<float>(weight) * pixel[i];
      }
  }

  double least_, most_;
};

class Flip : public Transform {
 public:
  Flip(const Shape& shape, int axis, double chance)
      : Transform(chance < 1 ? fmt::format("flip({}, chance {})", axis, chance) : fmt::format("flip({})", axis), shape,
                  shape, chance < 1),
        chance_(chance) {
    for (int i = 0; i < shape.rank(); ++i) (i < axis ? outer_ : i > axis ? inner_ : length_) *= shape[i];
  }
  void apply(const float* from, const Row& row, float* to) const override {
    Stream stream(row.key);
    if (random && uniform(stream) >= chance_) {
      std::copy(from, from + in.elements(), to);
      return;
    }
    for (std::int64_t block = 0; block < outer_; ++block, from += length_ * inner_)
      for (std::int64_t i = length_; i-- > 0; to += inner_) std::copy_n(from + i * inner_, inner_, to);
  }

 private:
  double chance_;
  std::int64_t outer_ = 1, length_ = 1, inner_ = 1;
};

std::string name_of(const Crop& crop) {
  const char* const kind = crop.window == Window::random ? ", random" : "";
  return fmt::format("crop({}, {}, padding {}{}{})", crop.height, crop.width, crop.padding, kind,
                     crop.window == Window::placed ? fmt::format(", at {}, {}", crop.top, crop.left) : "");
}

class CropImage : public Transform {
 public:
  CropImage(const Shape& shape, const Crop& crop)
      : Transform(name_of(crop), shape, Shape{crop.height, crop.width, shape[2]}, crop.window == Window::random),
        crop_(crop) {}
  void apply(const float* from, const Row& row, float* to) const override {
    const std::int64_t free_rows = in[0] + 2 * crop_.padding - out[0],
                       free_columns = in[1] + 2 * crop_.padding - out[1];
    std::int64_t top = crop_.top, left = crop_.left;
    if (crop_.window == Window::centred) {
      top = free_rows / 2;
      left = free_columns / 2;
    } else if (crop_.window == Window::random) {
      Stream stream(row.key);
      top = stream.uniform_below(static_cast<std::uint32_t>(free_rows + 1));
      left = stream.uniform_below(static_cast<std::uint32_t>(free_columns + 1));
    }
    for (std::int64_t r = 0; r < out[0]; ++r)
      for (std::int64_t c = 0; c < out[1]; ++c, to += out[2]) {
        const std::int64_t old_row = top + r - crop_.padding, old_column = left + c - crop_.padding;
        if (old_row < 0 || old_row >= in[0] || old_column < 0 || old_column >= in[1])
          std::fill_n(to, out[2], 0.0f);
        else
          std::copy_n(from + (old_row * in[1] + old_column) * in[2], in[2], to);
      }
  }

 private:
  Crop crop_;
};

class Noise : public Transform {
 public:
  Noise(const Shape& shape, double deviation)
      : Transform(fmt::format("noise({})", deviation), shape, shape, true), deviation_(deviation) {}
  void apply(const float* from, const Row& row, float* to) const override {
    Stream stream(row.key);
    const std::int64_t elements = in.elements();
    for (std::int64_t i = 0; i < elements; i += 2) {
      const auto [first, second] = normals(stream);
      to[i] = from[i] + static_cast<float>(deviation_ * first);
      if (i + 1 < elements) to[i + 1] = from[i + 1] + static_cast<float>(deviation_ * second);
    }
  }

 private:
  double deviation_;
};

class Permute : public Transform {
 public:
  Permute(const Shape& shape, std::int64_t places, Key key, const std::string& what)
      : Transform(fmt::format("permute({})", what), shape, shape),
        order_(permutation(key, static_cast<std::uint32_t>(places))),
        values_(shape.elements() / places) {}
  void apply(const float* from, const Row&, float* to) const override {
    for (auto place : order_) to = std::copy_n(from + place * values_, values_, to);
  }

 private:
  std::vector<std::uint32_t> order_;
  std::int64_t values_;  // of one place
};

class Channels : public Transform {
 public:
  Channels(const Shape& shape, std::int64_t count)
      : Transform(fmt::format("channels({})", count), shape, Shape{shape[0], shape[1], count}) {}
  void apply(const float* from, const Row&, float* to) const override {
    const std::int64_t pixels = in[0] * in[1];
    for (std::int64_t pixel = 0; pixel < pixels; ++pixel, from += in[2], to += out[2]) {
      const float mean = std::accumulate(from, from + in[2], 0.0f) / static_cast<float>(in[2]);
      std::fill_n(to, out[2], mean);
    }
  }
};

// Values are kept as f32: so small a deviation may be 0 there, so large a mean infinite.
bool finite(const std::vector<double>& values) {
  return std::all_of(values.begin(), values.end(), [](double v) { return std::isfinite(static_cast<float>(v)); });
}

}  // namespace

Dataset normalize(const Dataset& set, const std::vector<double>& mean, const std::vector<double>& deviation) {
  const auto entries = static_cast<std::size_t>(last_axis(set.example_shape()));
  for (const auto* values : {&mean, &deviation})
    if (values->size() != 1 && values->size() != entries)
      throw Error(
          fmt::format("normalize: {} numbers were given; {} needs 1, or {}: one for each entry of the last axis "
                      "of an example, {}",
                      values->size(), set.name(), entries, to_string(set.example_shape())));
  if (!finite(mean) || !finite(deviation) ||
      std::any_of(deviation.begin(), deviation.end(), [](double v) { return static_cast<float>(v) <= 0; }))
    throw Error(fmt::format("normalize: a mean is finite and a deviation positive, also as f32; {} and {} were given",
                            numbers(mean), numbers(deviation)));
  return set.transformed(std::make_shared<const Normalize>(set.example_shape(), mean, deviation));
}

Moments moments(const Dataset& set) {
  if (set.x_dtype() != Dtype::f32) throw Error(fmt::format("normalize: {} has no numbers to measure", set.name()));
  const auto entries = static_cast<std::size_t>(last_axis(set.example_shape()));
  const std::int64_t elements = set.example_shape().elements();
  const double count = static_cast<double>(set.size()) * static_cast<double>(elements) / static_cast<double>(entries);
  Moments result{std::vector<double>(entries), std::vector<double>(entries)};
  std::vector<float> example(static_cast<std::size_t>(elements));
  const auto add = [&](auto&& each) {
    for (std::uint32_t row = 0; row < set.size(); ++row) {
      set.copy_x(std::span(&row, 1), {}, example.data());
      for (std::size_t i = 0; i < example.size(); ++i) each(i % entries, static_cast<double>(example[i]));
    }
  };
  add([&](std::size_t entry, double value) { result.mean[entry] += value; });
  for (auto& mean : result.mean) mean /= count;
  add([&](std::size_t entry, double value) {
    result.deviation[entry] += (value - result.mean[entry]) * (value - result.mean[entry]);
  });
  for (std::size_t entry = 0; entry < entries; ++entry) {
    // Rounding leaves a little where nothing changes.
    const double deviation = std::sqrt(result.deviation[entry] / count);
    result.deviation[entry] = deviation > 1e-9 * std::abs(result.mean[entry]) ? deviation : 1;
  }
  return result;
}

Dataset resize(const Dataset& set, std::int64_t height, std::int64_t width) {
  need_image(set, "resize");
  constexpr std::int64_t largest = 4096;
  if (height < 1 || width < 1 || height > largest || width > largest)
    throw Error(fmt::format("resize: sizes are from 1 to {}, {} x {} was given", largest, height, width));
  return set.transformed(std::make_shared<const Resize>(set.example_shape(), height, width));
}

Dataset rotate(const Dataset& set, double degrees) {
  need_image(set, "rotate");
  if (!std::isfinite(degrees)) throw Error(fmt::format("rotate: an angle is finite, {} was given", degrees));
  return set.transformed(
      std::make_shared<const Rotate>(fmt::format("rotate({})", degrees), set.example_shape(), degrees, degrees));
}

Dataset rotate(const Dataset& set, double least, double most) {
  need_image(set, "rotate");
  if (!std::isfinite(least) || !std::isfinite(most) || least >= most)
    throw Error(fmt::format("rotate: a range has a lower and a higher angle, ({}, {}) was given", least, most));
  return set.transformed(
      std::make_shared<const Rotate>(fmt::format("rotate({} to {})", least, most), set.example_shape(), least, most));
}

Dataset flip(const Dataset& set, int axis, double chance) {
  const int rank = set.example_shape().rank();
  if (axis < 0 || axis >= rank)
    throw Error(fmt::format("flip: there is no axis {} in an example of {}, {}", axis, set.name(),
                            to_string(set.example_shape())));
  if (!(chance > 0 && chance <= 1)) throw Error(fmt::format("flip: a chance is above 0 and at most 1, not {}", chance));
  return set.transformed(std::make_shared<const Flip>(set.example_shape(), axis, chance));
}

Dataset crop(const Dataset& set, const Crop& crop) {
  need_image(set, "crop");
  constexpr std::int64_t largest = 4096;
  const Shape& shape = set.example_shape();
  if (crop.padding < 0 || crop.padding > largest)
    throw Error(fmt::format("crop: a padding is from 0 to {}, {} was given", largest, crop.padding));
  const std::int64_t rows = shape[0] + 2 * crop.padding, columns = shape[1] + 2 * crop.padding;
  if (crop.height < 1 || crop.width < 1 || crop.height > rows || crop.width > columns)
    throw Error(fmt::format("crop: {} x {} was asked for; images of {} have, with the padding, {} x {}", crop.height,
                            crop.width, set.name(), rows, columns));
  if (crop.window == Window::placed &&
      (crop.top < 0 || crop.left < 0 || crop.top > rows - crop.height || crop.left > columns - crop.width))
    throw Error(fmt::format("crop: {} x {} at ({}, {}) reaches out of images of {} x {}", crop.height, crop.width,
                            crop.top, crop.left, rows, columns));
  return set.transformed(std::make_shared<const CropImage>(shape, crop));
}

Dataset noise(const Dataset& set, double deviation) {
  if (!std::isfinite(deviation) || deviation <= 0)
    throw Error(fmt::format("noise: a deviation is positive, {} was given", deviation));
  return set.transformed(std::make_shared<const Noise>(set.example_shape(), deviation));
}

Dataset permute(const Dataset& set, Key key, const std::string& what) {
  const Shape& shape = set.example_shape();
  if (shape.empty()) throw Error(fmt::format("permute: an example of {} is one number", set.name()));
  const std::int64_t places = shape.rank() == 3 ? shape[0] * shape[1] : shape[0];
  return set.transformed(std::make_shared<const Permute>(shape, places, key, what));
}

Dataset channels(const Dataset& set, std::int64_t count) {
  need_image(set, "channels");
  const std::int64_t there = set.example_shape()[2];
  if (count < 1 || count > 1024)
    throw Error(fmt::format("channels: images have 1 to 1024 channels, {} was given", count));
  if (there != 1 && count != 1 && there != count)
    throw Error(
        fmt::format("channels: images of {} have {} channels: they can become 1, not {}", set.name(), there, count));
  return there == count ? set : set.transformed(std::make_shared<const Channels>(set.example_shape(), count));
}

}  // namespace metac::data
