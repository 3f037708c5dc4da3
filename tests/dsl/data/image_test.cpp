// PNG of every kind to floats, and what resizing and turning promise.
#include <png.h>

#include <boost/test/unit_test.hpp>
#include <cmath>

#include "data/image.hpp"
#include "files.hpp"

using namespace metac;
using namespace metac::data;
using namespace metac::data::testing;

namespace {

void check_pixels(const Image& image, int height, int width, int channels, const std::vector<float>& expected) {
  BOOST_TEST(image.height == height);
  BOOST_TEST(image.width == width);
  BOOST_TEST(image.channels == channels);
  BOOST_REQUIRE(image.pixels.size() == expected.size());
  for (std::size_t i = 0; i < expected.size(); ++i) BOOST_TEST(std::abs(image.pixels[i] - expected[i]) < 1e-6f);
}

Image of(int height, int width, std::vector<float> pixels) { return {height, width, 1, std::move(pixels)}; }

}  // namespace

BOOST_AUTO_TEST_SUITE(data_image)

BOOST_AUTO_TEST_CASE(grey_of_every_depth) {
  struct Case {
    int depth;
    Bytes row;
    std::vector<float> expected;
  };
  const Case cases[] = {
      {1, {0b10100000}, {1, 0, 1}},
      {2, {0b00011000}, {0, 1 / 3.0f, 2 / 3.0f}},
      {4, {0x0f, 0x30}, {0, 1, 0.2f}},
      {8, {0, 51, 255}, {0, 0.2f, 1}},
      {16, {0, 1, 0x80, 0, 0xff, 0xff}, {1 / 65535.0f, 32768 / 65535.0f, 1}},
  };
  for (const auto& c : cases)
    check_pixels(decode_png(png_bytes({3, 1, c.depth, PNG_COLOR_TYPE_GRAY, {c.row}, {}, {}, false}), "t"), 1, 3, 1,
                 c.expected);
}

BOOST_AUTO_TEST_CASE(colour_palette_and_transparency) {
  check_pixels(decode_png(png_bytes({1, 2, 8, PNG_COLOR_TYPE_RGB, {{255, 0, 51}, {0, 255, 0}}, {}, {}, false}), "t"), 2,
               1, 3, {1, 0, 0.2f, 0, 1, 0});
  check_pixels(
      decode_png(png_bytes({2, 1, 1, PNG_COLOR_TYPE_PALETTE, {{0b01000000}}, {0, 0, 0, 255, 51, 0}, {}, false}), "t"),
      1, 2, 3, {0, 0, 0, 1, 0.2f, 0});
  // The first colour, black, is wholly transparent: white.
  check_pixels(
      decode_png(png_bytes({2, 1, 1, PNG_COLOR_TYPE_PALETTE, {{0b01000000}}, {0, 0, 0, 255, 51, 0}, {0}, false}), "t"),
      1, 2, 3, {1, 1, 1, 1, 0.2f, 0});
  check_pixels(decode_png(png_bytes({2, 1, 8, PNG_COLOR_TYPE_GRAY_ALPHA, {{0, 255, 0, 51}}, {}, {}, false}), "t"), 1, 2,
               1, {0, 0.8f});
  check_pixels(
      decode_png(png_bytes({1, 1, 16, PNG_COLOR_TYPE_RGB_ALPHA, {{0xff, 0xff, 0, 0, 0, 0, 0, 0}}, {}, {}, false}), "t"),
      1, 1, 3, {1, 1, 1});
}

BOOST_AUTO_TEST_CASE(interlaced_images_are_the_same) {
  Png png{9, 9, 8, PNG_COLOR_TYPE_GRAY, {}, {}, {}, false};
  for (int row = 0; row < 9; ++row) {
    png.rows.emplace_back();
    for (int column = 0; column < 9; ++column) png.rows.back().push_back(static_cast<std::uint8_t>(row * 20 + column));
  }
  const auto plain = decode_png(png_bytes(png), "t");
  png.interlaced = true;
  BOOST_TEST((decode_png(png_bytes(png), "t").pixels == plain.pixels));
}

BOOST_AUTO_TEST_CASE(what_is_no_png_is_an_error) {
  BOOST_TEST(fails_with([] { decode_png({}, "empty.png"); }, {"empty.png", "no PNG"}));
  BOOST_TEST(fails_with([] { decode_png(Bytes{'G', 'I', 'F', '8', '9', 'a', 0, 0, 0}, "a.png"); }, {"no PNG"}));
  Bytes longer = grey_png(3, 3, 7);
  longer.push_back(0);
  BOOST_TEST(fails_with([&] { decode_png(longer, "a.png"); }, {"1 bytes follow"}));
}

BOOST_AUTO_TEST_CASE(a_png_cut_short_anywhere_is_an_error) {
  const Bytes good = grey_png(20, 30, 7);
  for (std::size_t size = 0; size < good.size(); ++size)
    BOOST_CHECK_THROW(decode_png(std::span(good).first(size), "cut"), Error);
}

BOOST_AUTO_TEST_CASE(every_damaged_byte_of_a_png_is_found) {
  const Bytes good = png_bytes({5, 2, 8, PNG_COLOR_TYPE_GRAY, {{1, 2, 3, 4, 5}, {9, 8, 7, 6, 5}}, {}, {}, false});
  for (std::size_t at = 0; at < good.size(); ++at)
    for (std::uint8_t flip : {1, 0x80, 0x20}) {
      Bytes damaged = good;
      damaged[at] ^= flip;
      BOOST_CHECK_THROW(decode_png(damaged, "damaged"), Error);
    }
}

// The header is patched together with its checksum, so that only the size is wrong.
BOOST_AUTO_TEST_CASE(a_header_that_claims_too_much_fails_at_once) {
  for (int side : {8000, 60000, 1000000}) {
    Bytes bytes = grey_png(2, 2, 0);
    for (int i = 0; i < 4; ++i)
      bytes[static_cast<std::size_t>(16 + i)] = bytes[static_cast<std::size_t>(20 + i)] =
          static_cast<std::uint8_t>(side >> (24 - 8 * i));
    std::uint32_t crc = 0xffffffff;
    for (std::size_t at = 12; at < 29; ++at) {
      crc ^= bytes[at];
      for (int bit = 0; bit < 8; ++bit) crc = crc >> 1 ^ (crc & 1 ? 0xEDB88320u : 0u);
    }
    for (int i = 0; i < 4; ++i)
      bytes[static_cast<std::size_t>(29 + i)] = static_cast<std::uint8_t>(~crc >> (24 - 8 * i));
    BOOST_TEST(fails_with([&] { decode_png(bytes, "huge"); }, {side == 8000 ? "can hold" : "at most"}));
  }
}

BOOST_AUTO_TEST_CASE(shrinking_takes_the_mean_of_what_is_covered) {
  check_pixels(resize(of(2, 4, {0, 1, 1, 1, 1, 0, 0, 0}), 1, 2), 1, 2, 1, {0.5f, 0.5f});
  // 3 to 2: the new pixels cover 1.5 old ones each.
  check_pixels(resize(of(1, 3, {0, 0.6f, 0.9f}), 1, 2), 1, 2, 1, {0.2f, 0.8f});
}

BOOST_AUTO_TEST_CASE(growing_interpolates_between_centres) {
  check_pixels(resize(of(1, 2, {0, 1}), 1, 4), 1, 4, 1, {0, 0.25f, 0.75f, 1});
  check_pixels(resize(of(1, 1, {0.3f}), 2, 3), 2, 3, 1, std::vector<float>(6, 0.3f));
}

BOOST_AUTO_TEST_CASE(resizing_keeps_constant_images_and_the_mean) {
  const Image constant{7, 5, 3, std::vector<float>(7 * 5 * 3, 0.4f)};
  for (int size : {1, 2, 3, 5, 6, 7, 20})
    for (float value : resize(constant, size, 8 - size % 7).pixels) BOOST_TEST(std::abs(value - 0.4f) < 1e-6f);
  Image ramp = of(10, 10, {});
  double mean = 0, small_mean = 0;
  for (int i = 0; i < 100; ++i) ramp.pixels.push_back(static_cast<float>(i * 37 % 100) / 100.0f);
  for (float value : ramp.pixels) mean += value / 100;
  for (float value : resize(ramp, 3, 7).pixels) small_mean += value / 21;
  BOOST_TEST(std::abs(mean - small_mean) < 1e-6);
  BOOST_TEST((resize(ramp, 10, 10).pixels == ramp.pixels));
  BOOST_TEST(fails_with([&] { resize(ramp, 0, 3); }, {"0 x 3"}));
}

BOOST_AUTO_TEST_CASE(turning_is_counter_clockwise) {
  // 1 2      2 4
  // 3 4  ->  1 3
  const Image image = of(2, 2, {0.1f, 0.2f, 0.3f, 0.4f});
  check_pixels(rotated(image, 1), 2, 2, 1, {0.2f, 0.4f, 0.1f, 0.3f});
  BOOST_TEST((rotated(image, 3).pixels == rotated(image, -1).pixels));
  BOOST_TEST((rotated(image, 4).pixels == image.pixels));
  check_pixels(rotated(of(1, 3, {0, 0.5f, 1}), 1), 3, 1, 1, {1, 0.5f, 0});
  check_pixels(inverted(of(1, 2, {0, 0.25f})), 1, 2, 1, {1, 0.75f});
}

BOOST_AUTO_TEST_SUITE_END()
