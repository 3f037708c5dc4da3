// What the readers of files share: text in pieces, numbers out of bytes, where a set came from. Private to the room.
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.hpp"
#include "data/dataset.hpp"
#include "data/file.hpp"

namespace metac::data {

// What stands between the separators; one piece more than there are of them.
inline std::vector<std::string> pieces_of(std::string_view text, char separator) {
  std::vector<std::string> pieces(1);
  for (const char c : text) {
    if (c == separator)
      pieces.emplace_back();
    else
      pieces.back().push_back(c);
  }
  return pieces;
}

// The lines of a text, without the empty one behind its last end of a line, and without carriage returns.
inline std::vector<std::string> lines_of(const Bytes& text) {
  auto lines = pieces_of(std::string_view(reinterpret_cast<const char*>(text.data()), text.size()), '\n');
  if (lines.back().empty()) lines.pop_back();
  for (auto& line : lines)
    if (line.ends_with('\r')) line.pop_back();
  return lines;
}

// Element `index` of an array of T in native byte order.
template <class T>
double element(const Bytes& elements, std::int64_t index) {
  T value;
  std::memcpy(&value, elements.data() + static_cast<std::size_t>(index) * sizeof(T), sizeof(T));
  return static_cast<double>(value);
}

// The numbers of a file, `numbers.at(i)`, as floats. Error for one that is not finite, or not as a float.
template <class Numbers>
Array finite_floats(const Numbers& numbers, const Shape& shape, const std::string& name) {
  Array result(Type{Dtype::f32, shape});
  auto out = result.as<float>();
  for (std::size_t i = 0; i < out.size(); ++i) {
    out[i] = static_cast<float>(numbers.at(static_cast<std::int64_t>(i)));
    if (!std::isfinite(out[i]))
      throw Error(fmt::format("{}: row {} has a value that is no finite number", name,
                              static_cast<std::int64_t>(i) / std::max<std::int64_t>(shape.without(0).elements(), 1)));
  }
  return result;
}

// Of a set that is read from a file or folder: two ways to write its path are one origin.
inline Lineage lineage_of(const std::filesystem::path& path) {
  std::error_code unknown;
  const auto full = std::filesystem::weakly_canonical(path, unknown);
  return {unknown ? path.string() : full.string(), "", {}};
}

}  // namespace metac::data
