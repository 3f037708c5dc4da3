// The text of a document as editors see it: lines that end with \n, \r\n or \r, and columns that count UTF-16 units, or
// bytes where both sides agree on it. Everything else in the house counts bytes from the beginning.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace metac::dsl {

enum class Encoding { utf8, utf16 };  // what a column counts

struct Place {  // line and column count from 0
  std::int64_t line = 0;
  std::int64_t column = 0;
  bool operator==(const Place&) const = default;
};

class Text {
 public:
  explicit Text(std::string text = "");

  const std::string& all() const { return text_; }
  std::int64_t lines() const { return static_cast<std::int64_t>(line_starts_.size()); }
  // The byte of a place. A column beyond the end of its line is that end; one inside of a character is its beginning.
  // The begin of the line behind the last one is the end of the text, as some editors say it. nullopt where there is no
  // such line.
  std::optional<std::uint32_t> byte(Place, Encoding) const;
  // A byte beyond the end counts as the end.
  Place place(std::uint32_t byte, Encoding) const;
  // Puts `text` in the place of the bytes [begin, end), which are in the text, in this order.
  void replace(std::uint32_t begin, std::uint32_t end, std::string_view text);

 private:
  void find_lines();
  std::uint32_t line_end(std::size_t line) const;  // without what ends it

  std::string text_;
  std::vector<std::uint32_t> line_starts_;
};

}  // namespace metac::dsl
