// Where in a text a cursor stands, from its tokens: known also where the text cannot be parsed yet.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "syntax/tree.hpp"

namespace metac::dsl {

// An open bracket.
struct Bracket {
  char open = '(';
  std::string callee;                  // in front of a `(`: a name, or empty
  std::size_t list = 0;                // 1 for the second `(..)` of a call
  std::optional<WorkExpr::Kind> work;  // whose options a `{` holds
  std::set<std::string> named;         // what was written in front of a `:` in it
};

struct Surroundings {
  bool silent = false;               // in a comment, a string or a number
  std::uint32_t begin = 0, end = 0;  // of the word that was begun
  bool after_dot = false;
  bool begins_statement = false;
  bool begins_item = false;  // right after `(`, `,`, `{`, or the begin of a line in braces
  std::optional<Bracket> bracket;
  std::string closers;  // of the brackets around it, the innermost first
};

Surroundings surroundings(std::string_view text, std::uint32_t byte);

}  // namespace metac::dsl
