// Named arrays in one file: the safetensors format (eight bytes with the length of a JSON header, the header, the
// data).
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "base/array.hpp"

namespace metac::store {

struct Tensors {
  std::vector<std::pair<std::string, Array>> arrays;  // in the order of the data
  std::map<std::string, std::string> metadata;

  const Array* find(const std::string& name) const;
};

// Written atomically. A checksum of the data is added to the metadata ("crc32") and returned.
std::string write_safetensors(const std::filesystem::path&, const Tensors&);

// Types F32, F64, I32 and BOOL. Errors: missing, no safetensors file, sizes that do not fit, another type, a checksum
// that is wrong. A file without a checksum, from elsewhere, is read; with `crc32`, it must be the file of that
// checksum.
Tensors read_safetensors(const std::filesystem::path&, const std::string& crc32 = "");

}  // namespace metac::store
