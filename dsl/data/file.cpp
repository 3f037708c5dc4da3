// Reading whole files, plain or gzip, with a limit on their size before memory is taken.
#include "data/file.hpp"

#include <fmt/format.h>
#include <zlib.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>

#include "base/error.hpp"

namespace metac::data {

namespace {

namespace fs = std::filesystem;

constexpr std::size_t most_at_once = std::size_t{1} << 30;  // that zlib is given to write or read
constexpr int gzip_format = 15 + 16;                        // zlib: a window of 32 KB, and no other format than gzip

struct Closer {
  void operator()(std::FILE* file) const { std::fclose(file); }
};
using File = std::unique_ptr<std::FILE, Closer>;

File open(const fs::path& path) {
  std::error_code error;
  const auto status = fs::status(path, error);
  if (status.type() == fs::file_type::none)
    throw Error(fmt::format("{}: cannot be looked at: {}", path.string(), error.message()));
  if (!fs::exists(status)) throw Error(fmt::format("{}: there is no such file", path.string()));
  if (fs::is_directory(status)) throw Error(fmt::format("{}: a file was needed, this is a folder", path.string()));
  // A pipe or a device could make us wait, or give data, for ever.
  if (!fs::is_regular_file(status)) throw Error(fmt::format("{}: a file was needed, this is a device", path.string()));
  File file(std::fopen(path.c_str(), "rb"));
  if (!file) throw Error(fmt::format("{}: cannot be opened: {}", path.string(), std::strerror(errno)));
  return file;
}

// The bytes as they are stored, at most `limit` of them.
Bytes read_stored(const fs::path& path, std::size_t limit) {
  const File file = open(path);
  std::error_code unknown;
  const auto size = fs::file_size(path, unknown);
  Bytes bytes;
  if (!unknown) bytes.reserve(std::min<std::size_t>(size, limit));
  // Where the file is as long as it was said to be, all of it is one read, and the next byte shows that it ends.
  for (int next; bytes.size() < limit && (next = std::fgetc(file.get())) != EOF;) {
    bytes.push_back(static_cast<std::uint8_t>(next));
    const std::size_t before = bytes.size();
    bytes.resize(std::min(bytes.capacity(), limit));
    bytes.resize(before + std::fread(bytes.data() + before, 1, bytes.size() - before, file.get()));
  }
  if (std::ferror(file.get())) throw Error(fmt::format("{}: reading failed: {}", path.string(), std::strerror(errno)));
  return bytes;
}

bool is_gzip(const Bytes& bytes, std::size_t at = 0) {
  return bytes.size() >= at + 2 && bytes[at] == 0x1f && bytes[at + 1] == 0x8b;
}

// Unpacks the members of a gzip file one after the other, into at most `limit` bytes.
class Gunzip {
 public:
  Gunzip(const Bytes& packed, std::string name, std::size_t limit)
      : packed_(packed), name_(std::move(name)), limit_(limit) {
    if (inflateInit2(&stream_, gzip_format) != Z_OK) throw Error(fmt::format("{}: no memory to unpack it", name_));
  }
  ~Gunzip() { inflateEnd(&stream_); }
  Gunzip(const Gunzip&) = delete;
  Gunzip& operator=(const Gunzip&) = delete;

  // True when all was unpacked; false when the limit came first.
  bool run() {
    reserve();
    do {
      inflateReset(&stream_);
      if (!member()) return false;
    } while (is_gzip(packed_, read_));
    if (read_ < packed_.size())
      throw Error(fmt::format("{}: {} bytes follow the end of the gzip data", name_, packed_.size() - read_));
    return true;
  }
  Bytes take() { return std::move(unpacked_); }

 private:
  // The last four bytes of a gzip file say its unpacked size; believed as far as the packed size makes it possible
  // (deflate gains at most a factor of 1032).
  void reserve() {
    if (packed_.size() < 4) return;
    const auto* end = packed_.data() + packed_.size();
    const std::size_t claim = end[-4] | end[-3] << 8 | end[-2] << 16 | static_cast<std::size_t>(end[-1]) << 24;
    unpacked_.reserve(std::min({claim, packed_.size() * 1032, limit_}));
  }

  bool member() {
    for (;;) {
      const std::size_t before = unpacked_.size();
      const std::size_t room = std::min({unpacked_.capacity() - before, limit_ - before, most_at_once});
      // Where all is full, one more byte is tried for, to tell "exactly full" from "too much".
      std::uint8_t spare;
      unpacked_.resize(before + room);
      stream_.next_out = room > 0 ? unpacked_.data() + before : &spare;
      stream_.avail_out = static_cast<uInt>(room > 0 ? room : 1);
      stream_.next_in = const_cast<Bytef*>(packed_.data() + read_);
      stream_.avail_in = static_cast<uInt>(std::min(packed_.size() - read_, most_at_once));
      const int state = inflate(&stream_, Z_NO_FLUSH);
      read_ = static_cast<std::size_t>(stream_.next_in - packed_.data());
      if (room > 0) unpacked_.resize(before + room - stream_.avail_out);
      if (room == 0 && stream_.avail_out == 0) {
        if (before == limit_) return false;
        unpacked_.push_back(spare);
      }
      if (state == Z_STREAM_END) return true;
      if (state != Z_OK) fail(state);
    }
  }

  [[noreturn]] void fail(int state) const {
    if (state == Z_BUF_ERROR)
      throw Error(fmt::format("{}: the gzip data is cut short, after {} bytes", name_, packed_.size()));
    if (state == Z_MEM_ERROR) throw Error(fmt::format("{}: no memory to unpack it", name_));
    throw Error(fmt::format("{}: the gzip data is damaged, near byte {}: {}", name_, read_,
                            stream_.msg ? stream_.msg : "unknown reason"));
  }

  const Bytes& packed_;
  std::string name_;
  std::size_t limit_;
  std::size_t read_ = 0;
  Bytes unpacked_;
  z_stream stream_{};
};

}  // namespace

Bytes read_file(const fs::path& path, std::size_t limit) {
  const auto too_large = [&] {
    return Error(fmt::format("{}: holds more than {} bytes, the most that is read of it", path.string(), limit));
  };
  Bytes stored = read_stored(path, std::max(limit, limit + 1));
  if (!is_gzip(stored)) {
    if (stored.size() > limit) throw too_large();
    return stored;
  }
  // What was read to know that it is too large for a plain file may not be all of a gzip file.
  if (stored.size() > limit) stored = read_stored(path, file_limit);
  Gunzip gunzip(stored, path.string(), limit);
  if (!gunzip.run()) throw too_large();
  return gunzip.take();
}

Bytes read_start(const fs::path& path, std::size_t count) {
  // Packed data is never more than a little longer than what it holds, and its header at most some 64 KB.
  const Bytes stored = read_stored(path, count + count / 8 + (std::size_t{1} << 17));
  if (!is_gzip(stored)) return Bytes(stored.begin(), stored.begin() + std::min(count, stored.size()));
  Gunzip gunzip(stored, path.string(), count);
  gunzip.run();
  return gunzip.take();
}

}  // namespace metac::data
