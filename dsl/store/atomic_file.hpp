// A file that appears whole or not at all.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

namespace metac::store {

// Written in pieces to a temporary file beside its place, which `keep` brings to the disk and renames, so that a
// reader, also one after a crash, finds the old file or the new one. A file that is replaced keeps its permissions, and
// a symbolic link stays one: what it points to is replaced. To a device or a pipe the pieces go directly. Every member
// throws Error if the folder is missing or full, or cannot be written.
class AtomicFile {
 public:
  explicit AtomicFile(const std::filesystem::path&);
  ~AtomicFile();  // without `keep`, nothing is left of it
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;
  void write(std::string_view piece);
  void keep();

 private:
  AtomicFile() = default;
  [[noreturn]] void fail(const char* what) const;

  std::filesystem::path path_;
  std::string temporary_;  // its name; empty where the pieces go directly
  int descriptor_ = -1;
};

void write_atomically(const std::filesystem::path& path, std::string_view content);

// The file that a temporary file of this name was to become: one that a kill left behind. Nothing for other names.
std::optional<std::string> file_of_temporary(const std::string& name);

}  // namespace metac::store
