// The standard library: every stdlib/**/*.meta, put into the program when it was built.
#pragma once

#include <span>
#include <string_view>

namespace metac::dsl {

struct LibraryFile {
  std::string_view path;  // "stdlib/layers/linear.meta"
  std::string_view text;
};

// In the order of their paths; the texts live as long as the program.
std::span<const LibraryFile> standard_library();

}  // namespace metac::dsl
