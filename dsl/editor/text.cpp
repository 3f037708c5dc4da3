// Bytes to lines and columns, and back.
#include "editor/text.hpp"

#include <algorithm>

namespace metac::dsl {

namespace {

bool continues_character(char c) { return (static_cast<unsigned char>(c) & 0xC0) == 0x80; }

// Of the character that begins with this byte. What is no UTF-8 has columns, too.
std::int64_t columns(char first, Encoding encoding) {
  if (encoding == Encoding::utf8) return 1;  // each byte
  if (continues_character(first)) return 0;
  return static_cast<unsigned char>(first) >= 0xF0 ? 2 : 1;  // a surrogate pair
}

}  // namespace

Text::Text(std::string text) : text_(std::move(text)) { find_lines(); }

void Text::find_lines() {
  line_starts_ = {0};
  for (std::uint32_t at = 0; at < text_.size(); ++at) {
    const bool alone = text_[at] == '\r' && (at + 1 == text_.size() || text_[at + 1] != '\n');
    if (text_[at] == '\n' || alone) line_starts_.push_back(at + 1);
  }
}

std::uint32_t Text::line_end(std::size_t line) const {
  if (line + 1 == line_starts_.size()) return static_cast<std::uint32_t>(text_.size());
  const std::uint32_t next = line_starts_[line + 1];
  const bool two = next - line_starts_[line] >= 2 && text_[next - 1] == '\n' && text_[next - 2] == '\r';
  return next - (two ? 2 : 1);
}

std::optional<std::uint32_t> Text::byte(Place place, Encoding encoding) const {
  if (place == Place{lines(), 0}) return static_cast<std::uint32_t>(text_.size());
  if (place.line < 0 || place.column < 0 || place.line >= lines()) return std::nullopt;
  const auto line = static_cast<std::size_t>(place.line);
  const std::uint32_t end = line_end(line);
  std::uint32_t at = line_starts_[line];
  for (std::int64_t left = place.column; at < end && left > 0;) {
    std::uint32_t next = at + 1;
    std::int64_t width = columns(text_[at], encoding);
    while (next < end && continues_character(text_[next])) width += columns(text_[next++], encoding);
    if (width > left) break;
    left -= width;
    at = next;
  }
  return at;
}

Place Text::place(std::uint32_t byte, Encoding encoding) const {
  const auto at = std::min(byte, static_cast<std::uint32_t>(text_.size()));
  const auto after = std::upper_bound(line_starts_.begin(), line_starts_.end(), at);
  std::int64_t column = 0;
  for (std::uint32_t i = *(after - 1); i < at; ++i) column += columns(text_[i], encoding);
  return {after - line_starts_.begin() - 1, column};
}

void Text::replace(std::uint32_t begin, std::uint32_t end, std::string_view text) {
  text_.replace(begin, end - begin, text);
  find_lines();
}

}  // namespace metac::dsl
