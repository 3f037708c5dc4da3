// A folder that one run writes to at a time.
#pragma once

#include <filesystem>

namespace metac::store {

// Held as long as it lives, at most as long as the process: a kill leaves no lock behind. Error if another one holds
// it, in this process or another, or if the folder cannot be read. On a file system that knows no locks it holds
// nothing.
class FolderLock {
 public:
  explicit FolderLock(const std::filesystem::path& folder);
  ~FolderLock();
  FolderLock(const FolderLock&) = delete;
  FolderLock& operator=(const FolderLock&) = delete;

 private:
  int descriptor_;
};

}  // namespace metac::store
