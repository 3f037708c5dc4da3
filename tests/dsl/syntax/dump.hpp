// Trees as text with all structure and no places: `(+ a (* b c))`. Two trees are the same if their dumps are.
#pragma once

#include <string>

#include "syntax/tree.hpp"

namespace metac::dsl {

std::string dump(const Expr&);
std::string dump(const Statement&);
std::string dump(const Module&);  // one statement a line

}  // namespace metac::dsl
