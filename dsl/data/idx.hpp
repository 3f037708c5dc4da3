// IDX, the format of MNIST: two zero bytes, the type, the rank, big-endian sizes, big-endian elements. Plain or gzip.
// What is returned has exactly the elements that its shape says.
#pragma once

#include <filesystem>
#include <string>

#include "base/array.hpp"
#include "data/file.hpp"

namespace metac::data {

enum class IdxType : std::uint8_t { u8 = 0x08, i8 = 0x09, i16 = 0x0B, i32 = 0x0C, f32 = 0x0D, f64 = 0x0E };

std::size_t size_of(IdxType);
std::string to_string(IdxType);

struct Idx {
  IdxType type = IdxType::u8;
  Shape shape;
  Bytes elements;  // in this machine's byte order

  double at(std::int64_t index) const;  // any type, as a double
};

// Errors: no IDX, an unknown type, more than max_rank axes, sizes over 2^31-1 or whose product overflows, too few or
// too many bytes. `name` stands for the file in messages.
Idx parse_idx(Bytes content, const std::string& name);
Idx read_idx(const std::filesystem::path&);

}  // namespace metac::data
