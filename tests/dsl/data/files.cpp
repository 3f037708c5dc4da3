// Files for the tests of data: temporary folders, gzip, zip and PNG written on the spot.
#include "files.hpp"

#include <png.h>
#include <unistd.h>
#include <zip.h>
#include <zlib.h>

#include <boost/test/unit_test.hpp>
#include <cstdlib>
#include <fstream>
#include <stdexcept>

namespace metac::data::testing {

namespace fs = std::filesystem;

TemporaryFolder::TemporaryFolder() {
  std::string pattern = (fs::temp_directory_path() / "metac-data-XXXXXX").string();
  if (!mkdtemp(pattern.data())) throw std::runtime_error("no temporary folder");
  path_ = pattern;
}

TemporaryFolder::~TemporaryFolder() {
  std::error_code ignored;
  fs::remove_all(path_, ignored);
}

fs::path write(const fs::path& path, const Bytes& content) {
  fs::create_directories(path.parent_path());
  std::ofstream file(path, std::ios::binary);
  file.write(reinterpret_cast<const char*>(content.data()), static_cast<std::streamsize>(content.size()));
  if (!file) throw std::runtime_error("cannot write " + path.string());
  return path;
}

fs::path write(const fs::path& path, const std::string& content) {
  return write(path, Bytes(content.begin(), content.end()));
}

Bytes gzip(const Bytes& content) {
  z_stream stream{};
  deflateInit2(&stream, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY);
  Bytes packed(deflateBound(&stream, content.size()));
  stream.next_in = const_cast<Bytef*>(content.data());
  stream.avail_in = static_cast<uInt>(content.size());
  stream.next_out = packed.data();
  stream.avail_out = static_cast<uInt>(packed.size());
  deflate(&stream, Z_FINISH);
  packed.resize(stream.total_out);
  deflateEnd(&stream);
  return packed;
}

Bytes idx_bytes(std::uint8_t type, const std::vector<std::uint32_t>& sizes, const Bytes& elements) {
  Bytes bytes{0, 0, type, static_cast<std::uint8_t>(sizes.size())};
  for (auto size : sizes)
    for (int shift : {24, 16, 8, 0}) bytes.push_back(static_cast<std::uint8_t>(size >> shift));
  bytes.insert(bytes.end(), elements.begin(), elements.end());
  return bytes;
}

Bytes png_bytes(const Png& image) {
  png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, nullptr, nullptr, nullptr);
  png_infop info = png_create_info_struct(png);
  Bytes bytes;
  const auto write_some = [](png_structp p, png_bytep data, std::size_t size) {
    auto& out = *static_cast<Bytes*>(png_get_io_ptr(p));
    out.insert(out.end(), data, data + size);
  };
  png_set_write_fn(png, &bytes, write_some, nullptr);
  png_set_IHDR(png, info, static_cast<png_uint_32>(image.width), static_cast<png_uint_32>(image.height), image.depth,
               image.colour, image.interlaced ? PNG_INTERLACE_ADAM7 : PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT,
               PNG_FILTER_TYPE_DEFAULT);
  if (!image.palette.empty())
    png_set_PLTE(png, info, reinterpret_cast<png_const_colorp>(image.palette.data()),
                 static_cast<int>(image.palette.size() / 3));
  if (!image.transparent.empty())
    png_set_tRNS(png, info, image.transparent.data(), static_cast<int>(image.transparent.size()), nullptr);
  png_write_info(png, info);
  std::vector<png_bytep> rows;
  for (const auto& row : image.rows) rows.push_back(const_cast<png_bytep>(row.data()));
  png_write_image(png, rows.data());
  png_write_end(png, nullptr);
  png_destroy_write_struct(&png, &info);
  return bytes;
}

Bytes grey_png(int height, int width, std::uint8_t value) {
  Png png{width, height, 8, PNG_COLOR_TYPE_GRAY, {}, {}, {}, false};
  png.rows.assign(static_cast<std::size_t>(height), Bytes(static_cast<std::size_t>(width), value));
  return png_bytes(png);
}

void write_zip(const fs::path& path, const Members& members) {
  int error = 0;
  zip_t* zip = zip_open(path.c_str(), ZIP_CREATE | ZIP_TRUNCATE, &error);
  if (!zip) throw std::runtime_error("cannot write " + path.string());
  for (const auto& [name, content] : members)
    zip_file_add(zip, name.c_str(), zip_source_buffer(zip, content.data(), content.size(), 0), ZIP_FL_ENC_UTF_8);
  if (zip_close(zip) != 0) throw std::runtime_error("cannot write " + path.string());
}

bool message_has(const std::string& message, const std::vector<std::string>& words) {
  for (const auto& word : words)
    if (message.find(word) == std::string::npos) {
      BOOST_TEST_MESSAGE("expected \"" << word << "\" in: " << message);
      return false;
    }
  return true;
}

fs::path real_data() {
  const char* directory = std::getenv("METAC_DATA");
  if (directory && *directory) return directory;
  BOOST_TEST_MESSAGE("skipped: METAC_DATA is not set, so the real data is not read");
  return {};
}

}  // namespace metac::data::testing
