// Bytes to messages. Where a header is wrong, nobody knows where the next message begins.
#include "editor/frames.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <utility>

namespace metac::dsl {

namespace {

constexpr std::string_view end_of_header = "\r\n\r\n";
constexpr std::size_t longest_header = 4096;
constexpr std::size_t longest_message = 256u << 20;

bool is_same_word(std::string_view a, std::string_view b) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
  return std::ranges::equal(a, b, [&](char x, char y) { return lower(x) == lower(y); });
}

std::string_view trimmed(std::string_view text) {
  while (text.starts_with(' ')) text.remove_prefix(1);
  while (text.ends_with(' ')) text.remove_suffix(1);
  return text;
}

}  // namespace

std::string framed(std::string_view message) {
  return fmt::format("Content-Length: {}\r\n\r\n{}", message.size(), message);
}

std::optional<std::size_t> Frames::length_in(std::string_view header) {
  std::optional<std::size_t> length;
  while (!header.empty()) {
    const std::string_view line = header.substr(0, header.find("\r\n"));
    header.remove_prefix(std::min(line.size() + 2, header.size()));
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos || line.find('\n') != std::string_view::npos) {
      mistake_ = fmt::format("a header has lines `name: value` that end with \\r\\n, not `{}`", line.substr(0, 40));
      return std::nullopt;
    }
    if (!is_same_word(trimmed(line.substr(0, colon)), "Content-Length")) continue;
    const std::string_view number = trimmed(line.substr(colon + 1));
    std::size_t value = 0;
    const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), value);
    if (error != std::errc() || end != number.data() + number.size() || value > longest_message) {
      mistake_ = fmt::format("`Content-Length` is a number of bytes up to {}, not `{}`", longest_message,
                             number.substr(0, 40));
      return std::nullopt;
    }
    length = value;
  }
  if (!length) mistake_ = "a header has no `Content-Length`";
  return length;
}

std::optional<std::string> Frames::next() {
  if (!mistake_.empty()) return std::nullopt;
  const std::size_t header = waiting_.find(end_of_header);
  if (std::min(header, waiting_.size()) > longest_header) {
    mistake_ = fmt::format("a header has no end within {} bytes", longest_header);
    return std::nullopt;
  }
  if (header == std::string::npos) return std::nullopt;
  const auto length = length_in(std::string_view(waiting_).substr(0, header));
  const std::size_t begin = header + end_of_header.size();
  if (!length || waiting_.size() - begin < *length) return std::nullopt;
  std::string message = waiting_.substr(begin, *length);
  waiting_.erase(0, begin + *length);
  return message;
}

}  // namespace metac::dsl
