// Members of zip archives, read with libzip; sizes and checksums are checked when a member is closed.
#include <fmt/format.h>
#include <zip.h>

#include <algorithm>
#include <cstdio>

#include "base/error.hpp"
#include "data/file.hpp"

namespace metac::data {

namespace fs = std::filesystem;

struct Zip::Handle {
  zip_t* zip = nullptr;
  ~Handle() {
    if (zip) zip_discard(zip);
  }
};

namespace {

struct MemberCloser {
  void operator()(zip_file_t* member) const { zip_fclose(member); }
};

zip_t* open(const fs::path& path) {
  std::error_code unknown;
  if (!fs::exists(path, unknown)) throw Error(fmt::format("{}: there is no such file", path.string()));
  int code = 0;
  if (zip_t* zip = zip_open(path.c_str(), ZIP_RDONLY | ZIP_CHECKCONS, &code)) return zip;
  zip_error_t error;
  zip_error_init_with_code(&error, code);
  const std::string reason = zip_error_strerror(&error);
  zip_error_fini(&error);
  throw Error(fmt::format("{}: is no zip archive that can be read: {}", path.string(), reason));
}

}  // namespace

Zip::Zip(const fs::path& path) : path_(path), handle_(std::make_unique<Handle>()) {
  handle_->zip = open(path);
  const zip_int64_t count = zip_get_num_entries(handle_->zip, 0);
  for (zip_int64_t i = 0; i < count; ++i) {
    const char* name = zip_get_name(handle_->zip, static_cast<zip_uint64_t>(i), ZIP_FL_ENC_GUESS);
    if (!name || !*name) throw Error(fmt::format("{}: member {} has no name", path.string(), i));
    if (std::string member = name; member.back() != '/') names_.push_back(std::move(member));
  }
  std::sort(names_.begin(), names_.end());
  const auto twice = std::adjacent_find(names_.begin(), names_.end());
  if (twice != names_.end()) throw Error(fmt::format("{}: has two members named {}", path.string(), *twice));
}

Zip::~Zip() = default;

Bytes Zip::read(const std::string& name, std::size_t limit) const {
  const auto fail = [&](const std::string& what) {
    return Error(fmt::format("{}: member {}: {}", path_.string(), name, what));
  };
  zip_t* const zip = handle_->zip;
  zip_stat_t stat;
  zip_stat_init(&stat);
  if (zip_stat(zip, name.c_str(), ZIP_FL_ENC_GUESS, &stat) != 0) throw fail("there is no such member");
  constexpr auto sizes = ZIP_STAT_INDEX | ZIP_STAT_SIZE | ZIP_STAT_COMP_SIZE;
  if ((stat.valid & sizes) != sizes) throw fail("the archive does not say its size");
  if (stat.size > limit) throw fail(fmt::format("holds {} bytes; at most {} are read", stat.size, limit));
  // Deflate gains at most a factor of 1032; other methods may gain more, but are not used for images.
  if (stat.size / 1032 > stat.comp_size + 1)
    throw fail(fmt::format("claims {} bytes, more than its {} packed bytes can hold", stat.size, stat.comp_size));

  std::unique_ptr<zip_file_t, MemberCloser> member(zip_fopen_index(zip, stat.index, 0));
  if (!member) throw fail(fmt::format("cannot be opened: {}", zip_strerror(zip)));
  // One byte more is asked for: only the read that finds the end checks the checksum.
  Bytes bytes(stat.size + 1);
  zip_uint64_t read = 0;
  while (read < bytes.size()) {
    const zip_int64_t got = zip_fread(member.get(), bytes.data() + read, bytes.size() - read);
    if (got < 0) throw fail(fmt::format("is damaged: {}", zip_file_strerror(member.get())));
    if (got == 0) break;
    read += static_cast<zip_uint64_t>(got);
  }
  if (read != stat.size) throw fail(fmt::format("is damaged: {} bytes were needed, {} found", stat.size, read));
  if (zip_fclose(member.release()) != 0) throw fail("is damaged: its checksum does not fit");
  bytes.resize(stat.size);
  return bytes;
}

bool is_zip(const fs::path& path) {
  std::error_code unknown;
  if (!fs::is_regular_file(path, unknown)) return false;
  std::FILE* file = std::fopen(path.c_str(), "rb");
  if (!file) return false;
  unsigned char start[4] = {};
  const bool full = std::fread(start, 1, 4, file) == 4;
  std::fclose(file);
  // "PK", then 3 4 for a first member, or 5 6 for the end of an archive without any.
  return full && start[0] == 'P' && start[1] == 'K' &&
         ((start[2] == 3 && start[3] == 4) || (start[2] == 5 && start[3] == 6));
}

}  // namespace metac::data
