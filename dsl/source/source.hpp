// Source texts, and places in them. Every later stage points at text with a Span.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace metac::dsl {

// Bytes [begin, end) of one file of a Sources. An empty span is a position between two characters.
struct Span {
  std::uint32_t file = 0;
  std::uint32_t begin = 0;
  std::uint32_t end = 0;
  bool operator==(const Span&) const = default;
};

// From the first byte of `a` to the last of `b`; both are of the same file.
inline Span join(Span a, Span b) { return {a.file, a.begin < b.begin ? a.begin : b.begin, a.end > b.end ? a.end : b.end}; }

// Line and column count from 1; the column counts characters (code points), not bytes.
struct Position {
  int line = 1;
  int column = 1;
};

// Where a text that was taken out of another stood: line and column are those of the whole.
struct Excerpt {
  int first_line = 1;
  std::uint32_t added = 0;  // so many characters were put before it, which nobody wrote and nobody is shown
};

// All texts of one compilation: the script, its modules, the standard library. Append-only; file ids are indices.
class Sources {
 public:
  std::uint32_t add(std::string name, std::string text, Excerpt = {});
  int size() const { return static_cast<int>(files_.size()); }
  const std::string& name(std::uint32_t file) const;
  std::string_view text(std::uint32_t file) const;
  std::string_view text(Span) const;
  Position position(std::uint32_t file, std::uint32_t byte) const;
  std::string_view line(std::uint32_t file, int line) const;  // without its line end

 private:
  struct File {
    std::string name;
    std::string text;
    std::vector<std::uint32_t> line_starts;
    Excerpt excerpt;
  };
  std::vector<std::unique_ptr<File>> files_;
};

}  // namespace metac::dsl
