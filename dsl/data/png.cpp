// decode_png, on libpng's low-level interface (the simple one changes values of 16 bits).
#include <fmt/format.h>
#include <png.h>

#include <csetjmp>
#include <cstring>

#include "base/error.hpp"
#include "data/image.hpp"

namespace metac::data {

namespace {

// What the callbacks of libpng share with us. It lives outside the frame that longjmp leaves.
struct Source {
  std::span<const std::uint8_t> bytes;
  std::size_t read = 0;
  char message[128] = {};
};

void read_bytes(png_structp png, png_bytep out, std::size_t count) {
  auto& source = *static_cast<Source*>(png_get_io_ptr(png));
  if (count > source.bytes.size() - source.read) png_error(png, "the file is cut short");
  std::memcpy(out, source.bytes.data() + source.read, count);
  source.read += count;
}

[[noreturn]] void on_error(png_structp png, png_const_charp message) {
  auto& source = *static_cast<Source*>(png_get_error_ptr(png));
  std::strncpy(source.message, message, sizeof source.message - 1);
  png_longjmp(png, 1);
}

void on_warning(png_structp, png_const_charp) {}

// Owns libpng's two structures.
struct Decoder {
  explicit Decoder(Source& source) {
    png = png_create_read_struct(PNG_LIBPNG_VER_STRING, &source, on_error, on_warning);
    if (png) info = png_create_info_struct(png);
    if (!info) {
      png_destroy_read_struct(&png, nullptr, nullptr);
      throw Error("no memory to decode a PNG");
    }
    png_set_read_fn(png, &source, read_bytes);
  }
  ~Decoder() { png_destroy_read_struct(&png, &info, nullptr); }
  Decoder(const Decoder&) = delete;
  Decoder& operator=(const Decoder&) = delete;

  png_structp png = nullptr;
  png_infop info = nullptr;
};

struct Header {
  png_uint_32 width = 0, height = 0;
  int depth = 0, colour = 0, samples = 0;  // as stored
  int unpacked_depth = 0, channels = 0;    // as rows come out: 8 or 16 bits; 1 to 4 channels
  std::size_t row_bytes = 0;
};

// The functions that call setjmp have no objects with destructors and change no local variable after it, so a longjmp
// skips nothing. They return false after an error of libpng.
bool read_header(Decoder& decoder, Header& header) {
  png_structp png = decoder.png;
  png_infop info = decoder.info;
  if (setjmp(png_jmpbuf(png))) return false;
  png_set_user_limits(png, 1 << 20, 1 << 20);
  png_set_crc_action(png, PNG_CRC_ERROR_QUIT, PNG_CRC_WARN_DISCARD);
  png_read_info(png, info);
  png_get_IHDR(png, info, &header.width, &header.height, &header.depth, &header.colour, nullptr, nullptr, nullptr);
  header.samples = png_get_channels(png, info);
  return true;
}

bool choose_output(Decoder& decoder, Header& header) {
  png_structp png = decoder.png;
  png_infop info = decoder.info;
  if (setjmp(png_jmpbuf(png))) return false;
  if (header.colour == PNG_COLOR_TYPE_PALETTE) png_set_palette_to_rgb(png);
  // Fewer bits than 8 are spread over 0..255, which keeps value / largest: 255 is a multiple of 1, 3 and 15.
  if (header.colour == PNG_COLOR_TYPE_GRAY && header.depth < 8) png_set_expand_gray_1_2_4_to_8(png);
  if (png_get_valid(png, info, PNG_INFO_tRNS)) png_set_tRNS_to_alpha(png);
  png_set_interlace_handling(png);
  png_read_update_info(png, info);
  header.unpacked_depth = png_get_bit_depth(png, info);
  header.channels = png_get_channels(png, info);
  header.row_bytes = png_get_rowbytes(png, info);
  return true;
}

bool read_pixels(Decoder& decoder, png_bytepp rows) {
  png_structp png = decoder.png;
  if (setjmp(png_jmpbuf(png))) return false;
  png_read_image(png, rows);
  png_read_end(png, nullptr);
  return true;
}

// Grey or colour in [0, 1] from rows of 8 or 16 bits (big-endian), blended over white where there is alpha.
Image to_image(const Header& header, const std::vector<std::uint8_t>& raw) {
  Image image{static_cast<int>(header.height), static_cast<int>(header.width), header.channels <= 2 ? 1 : 3, {}};
  const std::size_t pixels = std::size_t{header.height} * header.width;
  const bool alpha = header.channels % 2 == 0, wide = header.unpacked_depth == 16;
  image.pixels.resize(pixels * static_cast<std::size_t>(image.channels));
  const auto value = [&](std::size_t sample) {
    return wide ? static_cast<float>(raw[2 * sample] << 8 | raw[2 * sample + 1]) / 65535.0f
                : static_cast<float>(raw[sample]) / 255.0f;
  };
  float* out = image.pixels.data();
  for (std::size_t pixel = 0; pixel < pixels; ++pixel) {
    const std::size_t first = pixel * static_cast<std::size_t>(header.channels);
    const float cover = alpha ? value(first + static_cast<std::size_t>(image.channels)) : 1.0f;
    for (int channel = 0; channel < image.channels; ++channel)
      *out++ = cover * value(first + static_cast<std::size_t>(channel)) + (1.0f - cover);
  }
  return image;
}

}  // namespace

Image decode_png(std::span<const std::uint8_t> content, const std::string& name) {
  if (content.size() < 8 || png_sig_cmp(content.data(), 0, 8) != 0) throw Error(fmt::format("{}: is no PNG", name));
  Source source{content};
  Decoder decoder(source);
  const auto damaged = [&] { return Error(fmt::format("{}: is a damaged PNG: {}", name, source.message)); };

  Header header;
  if (!read_header(decoder, header)) throw damaged();
  const std::int64_t pixels = std::int64_t{header.width} * header.height;
  if (pixels > pixel_limit)
    throw Error(
        fmt::format("{}: has {} x {} pixels; at most {} are read", name, header.height, header.width, pixel_limit));
  // Deflate gains at most a factor of 1032, so a few bytes cannot be a large image.
  const std::int64_t packed = pixels * header.depth * header.samples / 8 / 1032;
  if (packed > static_cast<std::int64_t>(content.size()))
    throw Error(fmt::format("{}: claims {} x {} pixels, more than its {} bytes can hold", name, header.height,
                            header.width, content.size()));

  if (!choose_output(decoder, header)) throw damaged();
  std::vector<std::uint8_t> raw(header.row_bytes * header.height);
  std::vector<png_bytep> rows(header.height);
  for (std::size_t row = 0; row < rows.size(); ++row) rows[row] = raw.data() + row * header.row_bytes;
  if (!read_pixels(decoder, rows.data())) throw damaged();
  if (source.read != content.size())
    throw Error(fmt::format("{}: {} bytes follow the end of the PNG", name, content.size() - source.read));
  return to_image(header, raw);
}

}  // namespace metac::data
