// Whole files and members of zip archives, in memory. Every failure is an Error that names the path and says what was
// found; nothing is allocated on the word of a header alone.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "base/memory.hpp"

namespace metac::data {

// Counted as arrays are, since a data set keeps what its file held. `Bytes(n)` and `resize` leave the new bytes as they
// are, to be written next; `Bytes(n, 0)` is cleared.
using Bytes = std::vector<std::uint8_t, CountedAllocator<std::uint8_t>>;

// The most that one file may hold, unpacked: a compressed file of a few MB can claim anything.
inline constexpr std::size_t file_limit = std::size_t{2} << 30;

// The content of a file; one that starts as gzip does (1f 8b) is unpacked, all its members one after the other. Errors:
// missing, a folder, unreadable, more than `limit` bytes, gzip that is damaged, cut short or followed by other bytes.
Bytes read_file(const std::filesystem::path&, std::size_t limit = file_limit);

// The first `count` bytes of the same content, or all of it if there is less.
Bytes read_start(const std::filesystem::path&, std::size_t count);

// An open zip archive. Directories are not members.
class Zip {
 public:
  explicit Zip(const std::filesystem::path&);  // Error if missing or no zip
  ~Zip();
  Zip(const Zip&) = delete;
  Zip& operator=(const Zip&) = delete;

  // Names with `/` between folders, sorted by bytes. Two members of one name are an Error.
  const std::vector<std::string>& names() const { return names_; }
  // One member, checked against its size and checksum. Error if it is damaged or holds more than `limit`.
  Bytes read(const std::string& name, std::size_t limit = file_limit) const;
  const std::filesystem::path& path() const { return path_; }

 private:
  struct Handle;
  std::filesystem::path path_;
  std::unique_ptr<Handle> handle_;
  std::vector<std::string> names_;
};

// Does the file start as a zip archive does? False when it cannot be read.
bool is_zip(const std::filesystem::path&);

}  // namespace metac::data
