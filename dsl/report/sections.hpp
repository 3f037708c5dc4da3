// The form of the tables of texts that are a part of the program: sections of a Markdown file, with examples.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace metac::dsl {

struct Section {
  std::vector<std::string> headings;  // "## ..." lines that follow each other, without the marks
  std::string text;                   // lines, without empty ones at the begin and the end
  std::vector<std::string> examples;  // what stands between fences
};

// What stands before the first heading belongs to none.
std::vector<Section> sections_of(std::string_view text);

}  // namespace metac::dsl
