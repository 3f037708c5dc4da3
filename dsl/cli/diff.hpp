// What changed between two texts, line by line.
#pragma once

#include <string>
#include <string_view>

namespace metac::dsl {

// In the unified form of `diff -u`, with three lines around each change; empty if the texts are the same.
std::string unified_diff(std::string_view before, std::string_view after, const std::string& name_before,
                         const std::string& name_after);

}  // namespace metac::dsl
