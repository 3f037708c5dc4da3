// Text to tree and back. The only door to the grammar.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "report/report.hpp"
#include "syntax/tree.hpp"

namespace metac::dsl {

inline constexpr std::size_t longest_text = 16u << 20;  // bytes; a script is written by people
inline constexpr std::size_t longest_name = 200;        // characters

// Parses a file of `sources`. Mistakes go to `report`; the statements that could be read are returned, so that later
// stages can find further mistakes in them.
Module parse(const Sources&, std::uint32_t file, Report&);

// The canonical text of a module, comments included: parse(print(m)) has the same tree, and print is idempotent.
std::string print(const Module&, const Sources&);
std::string_view symbol(BinaryOp);  // as it is written: "+", "and"
// The tokens of a part of a text, without comments and line ends: the same for texts that differ only in form.
std::vector<std::string_view> tokens(std::string_view text);
// One expression on one line, for messages: `conv2d(channels, kernel: 3)`.
std::string print(const Expr&);

}  // namespace metac::dsl
