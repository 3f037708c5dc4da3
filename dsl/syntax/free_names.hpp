// The names that a function takes from around it.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "syntax/tree.hpp"

namespace metac::dsl {

// The names in a body, and in the defaults of its parameters, that neither of them binds where they stand.
std::set<std::string> free_names(const std::vector<Parameter>& parameters, const Body&);

}  // namespace metac::dsl
