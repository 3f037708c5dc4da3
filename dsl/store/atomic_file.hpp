// A file that appears whole or not at all.
#pragma once

#include <filesystem>
#include <string_view>

namespace metac::store {

// Writes `content` to a temporary file beside `path`, brings it to the disk and renames it, so that a reader, also one
// after a crash, finds the old file or the new one. A file that is replaced keeps its permissions. Error if the folder
// is missing or full, or cannot be written.
void write_atomically(const std::filesystem::path& path, std::string_view content);

}  // namespace metac::store
