// A syntax tree as one kind of node, for whoever prints or walks it without knowing each form.
#pragma once

#include <string>
#include <vector>

#include "syntax/tree.hpp"

namespace metac::dsl {

struct Picture {
  std::string role;   // what it is to its parent: "condition", "argument lr"; empty: one of a row
  std::string form;   // "call", "let", "number"
  std::string value;  // of a leaf, and the names that a form binds: "3", "theta"
  Span span;
  std::vector<Picture> parts;
};

Picture picture(const Statement&);
Picture picture(const Expr&);

}  // namespace metac::dsl
