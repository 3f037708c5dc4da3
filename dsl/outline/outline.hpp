// What a text defines, as it is read: for lists, documentation and editors. Needs no check, so a script with mistakes
// has an outline, too.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "check/builtins.hpp"
#include "check/check.hpp"
#include "check/words.hpp"

namespace metac::dsl {

struct OutlineParameter {
  std::string name;
  std::string default_value;  // as an expression; empty: it must be given
};

struct Outline {
  std::string kind;  // the word it is defined with: "learner", "fn", "let", "learn", "on"; or "builtin", "word",
                     // "constant", "name"
  std::string name;
  std::vector<std::vector<OutlineParameter>> lists;
  std::string documentation;  // lines, without `#`
  Span place;                 // of the name; of what the language has, nowhere
  // Of a learner, optimizer, tasks or model: what it learns, remembers, draws, defines.
  std::vector<Outline> members = {};
  Span whole = {};  // the statement it is written in; of what the language has, nowhere
};

// The top level of a module, in order.
std::vector<Outline> outline(const Module&, const Sources&);
// Of a name that a checked program knows.
Outline outline_of(const std::string& name, const Global&, const Sources&);
Outline outline_of(const Builtin&);
Outline outline_of(const Word&);
// Of what the language itself gives this name: a builtin, or a word.
std::optional<Outline> outline_of_language(std::string_view name);
// Of a definition, wherever it stands; and without its members, which takes no reading of the text.
Outline outline_of(const Definition&, const Sources&);
Outline outline_of(const Definition&);
// "learner mine(net, rate = 0.1)".
std::string heading(const Outline&);
// Its first sentence, or as much of it as its first line has.
std::string summary(const Outline&);
// The member of this name; nullptr if there is none.
const Outline* find_member(const Outline&, const std::string& name);

}  // namespace metac::dsl
