// Documentation is the block of comments that ends on the line above.
#include "syntax/documentation.hpp"

namespace metac::dsl {

namespace {

// The comment's words, without `#` and the blank after it.
std::string_view comment_text(std::string_view text, Span span) {
  std::string_view words = text.substr(span.begin + 1, span.end - span.begin - 1);
  if (words.starts_with(' ')) words.remove_prefix(1);
  while (words.ends_with(' ')) words.remove_suffix(1);
  return words;
}

}  // namespace

std::string documentation_above(std::string_view text, const std::vector<Comment>& comments, std::uint32_t begin) {
  std::vector<std::string_view> lines;
  std::uint32_t below = begin;
  const auto line_breaks = [&](std::uint32_t from) {
    const std::string_view between = text.substr(from, below - from);
    const auto first = between.find('\n');
    const bool blank = between.find_first_not_of(" \t\r\n;") == std::string_view::npos;
    return blank && first != std::string_view::npos && between.find('\n', first + 1) == std::string_view::npos;
  };
  auto at = comments.end();
  while (at != comments.begin() && (at - 1)->span.begin >= begin) --at;
  for (; at != comments.begin(); --at) {
    const Comment& comment = *(at - 1);
    if (!comment.own_line || !line_breaks(comment.span.end)) break;
    lines.push_back(comment_text(text, comment.span));
    below = comment.span.begin;
  }
  std::string result;
  for (auto line = lines.rbegin(); line != lines.rend(); ++line) {
    if (!result.empty()) result += '\n';
    result += *line;
  }
  return result;
}

}  // namespace metac::dsl
