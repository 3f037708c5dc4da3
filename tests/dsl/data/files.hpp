// What the tests of data write to disk: a folder that goes away, and small IDX, gzip, PNG and zip files.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "base/error.hpp"
#include "data/file.hpp"

namespace metac::data::testing {

class TemporaryFolder {
 public:
  TemporaryFolder();
  ~TemporaryFolder();
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  std::filesystem::path operator/(const std::string& name) const { return path_ / name; }
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

// Writes, making the folders on the way.
std::filesystem::path write(const std::filesystem::path& path, const Bytes& content);
std::filesystem::path write(const std::filesystem::path& path, const std::string& content);

Bytes gzip(const Bytes& content);
Bytes idx_bytes(std::uint8_t type, const std::vector<std::uint32_t>& sizes, const Bytes& elements);

// colour and depth are those of libpng; rows are packed as PNG stores them. `palette` and `transparent` may be empty.
struct Png {
  int width = 1, height = 1, depth = 8, colour = 0;
  std::vector<Bytes> rows;
  std::vector<std::uint8_t> palette;      // red, green, blue, ...
  std::vector<std::uint8_t> transparent;  // of the palette
  bool interlaced = false;
};
Bytes png_bytes(const Png&);
Bytes grey_png(int height, int width, std::uint8_t value);  // one colour

using Members = std::vector<std::pair<std::string, Bytes>>;
void write_zip(const std::filesystem::path& path, const Members& members);

// Does `act` throw an Error whose message has all of `words`? Prints the message if not.
template <class Act>
bool fails_with(Act act, const std::vector<std::string>& words);
bool message_has(const std::string& message, const std::vector<std::string>& words);

template <class Act>
bool fails_with(Act act, const std::vector<std::string>& words) {
  try {
    act();
  } catch (const Error& error) {
    return message_has(error.what(), words);
  }
  return message_has("(no error)", words);
}

// The real data, or an empty path and a message that its test does nothing.
std::filesystem::path real_data();

}  // namespace metac::data::testing
