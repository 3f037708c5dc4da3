// Comments that document what stands below them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "syntax/tree.hpp"

namespace metac::dsl {

// The comments on the lines right above the byte `begin`, without a line between, as lines without `#`. `comments` are
// those of the text, in order.
std::string documentation_above(std::string_view text, const std::vector<Comment>& comments, std::uint32_t begin);

}  // namespace metac::dsl
