// Texts and the way from a byte to a line and a column.
#include "source/source.hpp"

#include <algorithm>

namespace metac::dsl {

namespace {

bool continues_character(char c) { return (static_cast<unsigned char>(c) & 0xC0) == 0x80; }

std::vector<std::uint32_t> find_line_starts(std::string_view text) {
  std::vector<std::uint32_t> starts = {0};
  for (std::uint32_t at = 0; at < text.size(); ++at) {
    if (text[at] == '\n') starts.push_back(at + 1);
  }
  return starts;
}

}  // namespace

std::uint32_t Sources::add(std::string name, std::string text, Excerpt excerpt) {
  auto file = std::make_unique<File>();
  file->name = std::move(name);
  file->text = std::move(text);
  file->line_starts = find_line_starts(file->text);
  file->line_starts.front() = excerpt.added;
  file->excerpt = excerpt;
  files_.push_back(std::move(file));
  return static_cast<std::uint32_t>(files_.size() - 1);
}

const std::string& Sources::name(std::uint32_t file) const { return files_.at(file)->name; }

std::string_view Sources::text(std::uint32_t file) const { return files_.at(file)->text; }

std::string_view Sources::text(Span span) const {
  const std::string_view all = text(span.file);
  const std::size_t begin = std::min<std::size_t>(span.begin, all.size());
  const std::size_t end = std::clamp<std::size_t>(span.end, begin, all.size());
  return all.substr(begin, end - begin);
}

// A byte beyond the end counts as the end.
Position Sources::position(std::uint32_t file, std::uint32_t byte) const {
  const File& source = *files_.at(file);
  const auto at =
      std::max(static_cast<std::uint32_t>(std::min<std::size_t>(byte, source.text.size())), source.excerpt.added);
  const auto after = std::upper_bound(source.line_starts.begin(), source.line_starts.end(), at);
  const std::uint32_t line_start = *(after - 1);
  const auto continuing =
      std::count_if(source.text.begin() + line_start, source.text.begin() + at, continues_character);
  return {static_cast<int>(after - source.line_starts.begin()) + source.excerpt.first_line - 1,
          static_cast<int>(at - line_start - continuing) + 1};
}

std::string_view Sources::line(std::uint32_t file, int line) const {
  const File& source = *files_.at(file);
  line -= source.excerpt.first_line - 1;
  if (line < 1 || line > static_cast<int>(source.line_starts.size())) return {};
  std::string_view rest = std::string_view(source.text).substr(source.line_starts[line - 1]);
  rest = rest.substr(0, rest.find('\n'));
  if (rest.ends_with('\r')) rest.remove_suffix(1);
  return rest;
}

}  // namespace metac::dsl
