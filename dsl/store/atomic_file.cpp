// Temporary file, fsync, rename, fsync of the folder.
#include "store/atomic_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/error.hpp"

namespace metac::store {
namespace {

// Closes a descriptor and, unless it was kept, removes the file.
struct Temporary {
  std::string path;
  int descriptor = -1;
  bool kept = false;
  ~Temporary() {
    if (descriptor >= 0) ::close(descriptor);
    if (!kept) ::unlink(path.c_str());
  }
};

[[noreturn]] void fail(const std::filesystem::path& path, const char* what) {
  throw Error(fmt::format("{} cannot be written: {} ({})", path.string(), what, std::strerror(errno)));
}

}  // namespace

void write_atomically(const std::filesystem::path& path, std::string_view content) {
  Temporary file{fmt::format("{}.{}.tmp", path.string(), ::getpid())};
  file.descriptor = ::open(file.path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (file.descriptor < 0) fail(path, "no file can be made there");
  struct stat before;
  if (::stat(path.c_str(), &before) == 0 && ::fchmod(file.descriptor, before.st_mode & 07777) != 0)
    fail(path, "it could not be given the permissions of the file it replaces");
  while (!content.empty()) {
    const ssize_t written = ::write(file.descriptor, content.data(), content.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) fail(path, "writing stopped");
    content.remove_prefix(static_cast<std::size_t>(written));
  }
  if (::fsync(file.descriptor) != 0) fail(path, "it did not reach the disk");
  if (::rename(file.path.c_str(), path.c_str()) != 0) fail(path, "it could not be given its name");
  file.kept = true;
  const auto folder = path.has_parent_path() ? path.parent_path() : std::filesystem::path(".");
  const int descriptor = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor >= 0) {
    ::fsync(descriptor);
    ::close(descriptor);
  }
}

}  // namespace metac::store
