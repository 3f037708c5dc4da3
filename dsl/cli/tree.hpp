// The first stages of `metac graph`: what was read, and what its names mean.
#pragma once

#include "cli/commands.hpp"

namespace metac::dsl {

// The syntax trees of the script, or of the definition that was asked for. Exit codes, as all commands.
int print_trees(const GraphRequest&, const Script&, const Report&);
// Its definitions, with what each uses of others, of the library and of the language.
int print_checked(const GraphRequest&, const Script&);

}  // namespace metac::dsl
