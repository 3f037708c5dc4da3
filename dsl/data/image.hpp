// Images in memory: decoding PNG, resizing, inverting, turning. Values are floats in [0, 1].
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace metac::data {

struct Image {
  int height = 0, width = 0;
  int channels = 1;           // 1: grey, 3: red, green, blue
  std::vector<float> pixels;  // [height, width, channels]

  float at(int row, int column, int channel = 0) const {
    return pixels[(static_cast<std::size_t>(row) * width + column) * channels + channel];
  }
};

// The most pixels an image may have.
inline constexpr std::int64_t pixel_limit = std::int64_t{1} << 26;

// Any PNG: 1 to 16 bits, palette, grey or colour, interlaced or not. A value is the stored one over the largest its
// depth can hold; gamma and colour profiles are ignored. Transparent pixels are blended over white, as a viewer would
// show them. A palette gives 3 channels, even if all its colours are grey. `name` stands for the file in messages.
// Errors: no PNG, damaged, cut short, bytes after its end, over `pixel_limit`, more pixels than its bytes could hold.
Image decode_png(std::span<const std::uint8_t> content, const std::string& name);

// Each axis by itself: where it shrinks, a new pixel is the mean of the old ones it covers, each weighted by the part
// covered; where it grows, linear interpolation between pixel centres (new centre i at (i + 0.5) * old / new - 0.5),
// and the border pixel beyond the outermost centres. Constant images stay so, up to rounding. Error if a size is
// below 1.
Image resize(const Image&, int height, int width);

Image inverted(Image);  // 1 - value

// round(255 * value), with values outside of [0, 1] at its ends.
std::uint8_t to_byte(float value);

// Turned counter-clockwise by `quarters` times 90 degrees; any integer. Heights and widths swap where it is odd.
Image rotated(const Image&, int quarters);

}  // namespace metac::data
