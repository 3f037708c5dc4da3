// Reading IDX files: the header is checked against the bytes that are there before anything is believed.
#include "data/idx.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <limits>

#include "data/reading.hpp"

namespace metac::data {

namespace {

constexpr std::size_t longest_header = 4 + 4 * max_rank;

struct Header {
  IdxType type;
  Shape shape;
  std::size_t bytes;    // of the header
  std::size_t payload;  // that must follow it
};

bool known(std::uint8_t type) {
  switch (static_cast<IdxType>(type)) {
    case IdxType::u8:
    case IdxType::i8:
    case IdxType::i16:
    case IdxType::i32:
    case IdxType::f32:
    case IdxType::f64:
      return true;
  }
  return false;
}

Header parse_header(const Bytes& start, const std::string& name) {
  if (start.size() < 4)
    throw Error(fmt::format("{}: an IDX file has at least 4 bytes, this one {}", name, start.size()));
  if (start[0] != 0 || start[1] != 0)
    throw Error(
        fmt::format("{}: is no IDX file: it starts with the bytes {:02x} {:02x}, not 00 00", name, start[0], start[1]));
  if (!known(start[2]))
    throw Error(fmt::format("{}: has elements of type 0x{:02x}; IDX has 08, 09, 0b, 0c, 0d and 0e", name, start[2]));
  const int rank = start[3];
  if (rank < 1 || rank > max_rank)
    throw Error(fmt::format("{}: has {} axes; 1 to {} can be read", name, rank, max_rank));
  Header header{static_cast<IdxType>(start[2]), {}, 4 + 4 * static_cast<std::size_t>(rank), 0};
  if (start.size() < header.bytes)
    throw Error(
        fmt::format("{}: a header of {} axes has {} bytes, the file {}", name, rank, header.bytes, start.size()));
  for (int axis = 0; axis < rank; ++axis) {
    const std::uint8_t* size = start.data() + 4 + 4 * axis;
    if (size[0] & 0x80) throw Error(fmt::format("{}: the size of axis {} is negative", name, axis));
    header.shape.push_back(size[0] << 24 | size[1] << 16 | size[2] << 8 | size[3]);
  }
  std::int64_t payload = static_cast<std::int64_t>(size_of(header.type));
  for (auto size : header.shape)
    if (__builtin_mul_overflow(payload, size, &payload))
      throw Error(fmt::format("{}: its shape {} has too many elements", name, to_string(header.shape)));
  header.payload = static_cast<std::size_t>(payload);
  return header;
}

void swap_bytes(Bytes& elements, std::size_t size) {
  if (std::endian::native == std::endian::big || size == 1) return;
  for (std::size_t at = 0; at < elements.size(); at += size)
    std::reverse(elements.begin() + static_cast<std::ptrdiff_t>(at),
                 elements.begin() + static_cast<std::ptrdiff_t>(at + size));
}

}  // namespace

std::size_t size_of(IdxType type) {
  switch (type) {
    case IdxType::u8:
    case IdxType::i8:
      return 1;
    case IdxType::i16:
      return 2;
    case IdxType::i32:
    case IdxType::f32:
      return 4;
    case IdxType::f64:
      return 8;
  }
  throw Bug("size_of: no such IDX type");
}

std::string to_string(IdxType type) {
  switch (type) {
    case IdxType::u8:
      return "uint8";
    case IdxType::i8:
      return "int8";
    case IdxType::i16:
      return "int16";
    case IdxType::i32:
      return "int32";
    case IdxType::f32:
      return "float32";
    case IdxType::f64:
      return "float64";
  }
  throw Bug("to_string: no such IDX type");
}

double Idx::at(std::int64_t index) const {
  if (index < 0 || static_cast<std::size_t>(index) >= elements.size() / size_of(type))
    throw Bug(fmt::format("element {} of an IDX of shape {}", index, metac::to_string(shape)));
  switch (type) {
    case IdxType::u8:
      return element<std::uint8_t>(elements, index);
    case IdxType::i8:
      return element<std::int8_t>(elements, index);
    case IdxType::i16:
      return element<std::int16_t>(elements, index);
    case IdxType::i32:
      return element<std::int32_t>(elements, index);
    case IdxType::f32:
      return element<float>(elements, index);
    case IdxType::f64:
      return element<double>(elements, index);
  }
  throw Bug("Idx::at: no such type");
}

Idx parse_idx(Bytes content, const std::string& name) {
  const Header header = parse_header(content, name);
  const std::size_t found = content.size() - header.bytes;
  if (found != header.payload)
    throw Error(fmt::format("{}: {} {} needs {} bytes after the header, {} were found: the file {}", name,
                            to_string(header.type), to_string(header.shape), header.payload, found,
                            found < header.payload ? "is cut short" : "has bytes after its end"));
  content.erase(content.begin(), content.begin() + static_cast<std::ptrdiff_t>(header.bytes));
  swap_bytes(content, size_of(header.type));
  return {header.type, header.shape, std::move(content)};
}

Idx read_idx(const std::filesystem::path& path) {
  // What the header asks for bounds what is unpacked, so that a small file cannot fill the memory.
  constexpr std::size_t counted_excess = 1 << 16;  // so many bytes too many are still counted in the message
  const Header header = parse_header(read_start(path, longest_header), path.string());
  if (header.payload > file_limit)
    throw Error(fmt::format("{}: {} {} needs {} bytes; at most {} are read", path.string(), to_string(header.type),
                            to_string(header.shape), header.payload, file_limit));
  return parse_idx(read_file(path, header.bytes + header.payload + counted_excess), path.string());
}

}  // namespace metac::data
