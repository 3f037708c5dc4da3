// What the grammar hands to the builder: the shape of the text as nodes, before it becomes a syntax tree. Operators are
// still in a row here (`a + b * c` is one `expression` of five children); the builder gives them their precedence.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "report/report.hpp"

namespace metac::dsl {

enum class NodeKind : std::uint8_t {
  // leaves
  name,
  number,
  string,
  keyword,
  prefix_operator,
  binary_operator,
  colon,
  trailing_comma,
  assign,
  draw,
  // expressions
  expression,
  as_name,
  postfix,
  call,
  index,
  index_item,
  member,
  field,
  parens,
  list,
  comprehension,
  pattern,
  lambda,
  parameters,
  parameter,
  derivative,
  work,
  options,
  if_then,
  // statements
  block,
  let,
  var,
  definition,
  use,
  param,
  shape,
  learn,
  memory,
  return_,
  for_,
  if_,
  on,
  simple
};

struct Node {
  NodeKind kind;
  std::uint32_t begin = 0;
  std::uint32_t end = 0;
  std::vector<Node> children;
};

struct Opening {
  char bracket = '\0';
  std::uint32_t at = 0;
};

// Thrown where the text cannot go on; caught at the statement it happened in.
struct Mistake {
  enum class Kind { expected, too_deep } kind = Kind::expected;
  std::string_view expected;       // "an expression"
  std::uint32_t at = 0;            // where the next token would have begun; blanks and line ends may still follow
  std::optional<Opening> opening;  // the innermost open bracket
};

// Nesting of expressions and blocks in each other. Bounds the recursion of the parser.
inline constexpr int maximum_nesting = 150;
// Height of a syntax tree: nesting, and the operators in one row. Bounds the recursion of every later stage.
inline constexpr int maximum_height = 1000;

// Reads the statements of a text, and reports what could not be read.
std::vector<Node> read_nodes(std::string_view text, std::uint32_t file, Report&);
// Rules that could loop without reading anything; there must be none.
std::size_t count_grammar_problems();

// The message of a mistake, with notes and hints.
void report_mistake(const Mistake&, std::string_view text, std::uint32_t file, Report&);
// Where to go on reading after a mistake in the statement that began at `begin`.
std::uint32_t resume_after(std::string_view text, std::uint32_t begin, std::uint32_t mistake, bool in_block);

}  // namespace metac::dsl
