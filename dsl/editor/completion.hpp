// What can be written at a place: names in scope, members behind a dot, arguments by name, options, keywords.
#pragma once

#include <string>
#include <vector>

#include "editor/analysis.hpp"

namespace metac::dsl {

struct Completion {
  enum class Kind { function, type, variable, member, argument, option, constant, keyword };
  std::string label;
  Kind kind = Kind::variable;
  std::string heading, documentation;  // of what it names; may be empty
  std::string insert;                  // in the place of the word that was begun
  int rank = 0;                        // smaller ones are nearer
};

struct Completions {
  std::uint32_t begin = 0, end = 0;  // the bytes of what was written of the word
  std::vector<Completion> all;
};

// Nothing inside of comments, strings and numbers. `path`, `text`: of the document as it is now.
Completions complete(const std::string& path, const std::string& text, std::uint32_t byte, const ReadText&);

}  // namespace metac::dsl
