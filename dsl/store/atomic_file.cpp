// Temporary file, fsync, rename, fsync of the folder.
#include "store/atomic_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <regex>

#include "base/error.hpp"

namespace metac::store {
namespace {

// Where the symbolic links at a path end. In a circle there is no end: the last one is left, and no file can be made.
std::filesystem::path end_of_links(std::filesystem::path path) {
  constexpr int most = 40;  // as many as the kernel follows
  std::error_code code;
  for (int i = 0; i < most && std::filesystem::is_symlink(path, code); ++i)
    path = path.parent_path() / std::filesystem::read_symlink(path, code);
  return path;
}

// A name that no file has: one that a kill left may be called like the next one of another process.
std::string open_temporary(const std::filesystem::path& path, int& descriptor) {
  for (int turn = 0;; ++turn) {
    auto name = fmt::format("{}.{}-{}.tmp", path.string(), ::getpid(), turn);
    descriptor = ::open(name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    if (descriptor >= 0 || errno != EEXIST) return name;
  }
}

}  // namespace

// By way of the constructor of nothing, so that the destructor cleans up after a failure here, too.
AtomicFile::AtomicFile(const std::filesystem::path& path) : AtomicFile() {
  path_ = path;
  struct stat before;
  const bool there = ::stat(path.c_str(), &before) == 0;
  if (!there && errno == ELOOP) fail("its symbolic links have no end");
  if (there && S_ISDIR(before.st_mode)) {
    errno = EISDIR;
    fail("it could not be given its name");
  }
  if (there && !S_ISREG(before.st_mode)) {
    descriptor_ = ::open(path.c_str(), O_WRONLY | O_CLOEXEC);
    if (descriptor_ < 0) fail("it cannot be opened");
    return;
  }
  path_ = end_of_links(path);
  temporary_ = open_temporary(path_, descriptor_);
  if (descriptor_ < 0) {
    temporary_.clear();
    fail("no file can be made there");
  }
  if (there && ::fchmod(descriptor_, before.st_mode & 07777) != 0)
    fail("it could not be given the permissions of the file it replaces");
}

AtomicFile::~AtomicFile() {
  if (descriptor_ >= 0) ::close(descriptor_);
  if (!temporary_.empty()) ::unlink(temporary_.c_str());
}

void AtomicFile::write(std::string_view piece) {
  while (!piece.empty()) {
    const ssize_t written = ::write(descriptor_, piece.data(), piece.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) fail("writing stopped");
    piece.remove_prefix(static_cast<std::size_t>(written));
  }
}

void AtomicFile::keep() {
  if (temporary_.empty()) return;
  if (::fsync(descriptor_) != 0) fail("it did not reach the disk");
  if (::rename(temporary_.c_str(), path_.c_str()) != 0) fail("it could not be given its name");
  temporary_.clear();
  const auto folder = path_.has_parent_path() ? path_.parent_path() : std::filesystem::path(".");
  const int descriptor = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor >= 0) {
    ::fsync(descriptor);
    ::close(descriptor);
  }
}

void AtomicFile::fail(const char* what) const {
  throw Error(fmt::format("{} cannot be written: {} ({})", path_.string(), what, std::strerror(errno)));
}

void write_atomically(const std::filesystem::path& path, std::string_view content) {
  AtomicFile file(path);
  file.write(content);
  file.keep();
}

std::optional<std::string> file_of_temporary(const std::string& name) {
  static const std::regex form(R"((.+)\.[0-9]+-[0-9]+\.tmp)");
  std::smatch parts;
  return std::regex_match(name, parts, form) ? std::optional(parts[1].str()) : std::nullopt;
}

}  // namespace metac::store
