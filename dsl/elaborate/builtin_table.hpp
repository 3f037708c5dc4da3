// Where the files of builtins meet.
#pragma once

#include <map>
#include <string>

#include "elaborate/elaborator.hpp"

namespace metac::dsl {

void add_data_builtins(std::map<std::string, BuiltinFunction, std::less<>>&);
void add_row_builtins(std::map<std::string, BuiltinFunction, std::less<>>&);
void add_tree_builtins(std::map<std::string, BuiltinFunction, std::less<>>&);

}  // namespace metac::dsl
