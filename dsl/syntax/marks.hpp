// What the formatter must know about the structure of a text: where statements and options begin, which `-` are signs,
// which brackets open a value rather than a call.
#pragma once

#include <cstdint>
#include <unordered_set>

#include "syntax/tree.hpp"

namespace metac::dsl {

struct Marks {
  std::unordered_set<std::uint32_t> starts;       // of statements, and of options of train and evaluate
  std::unordered_set<std::uint32_t> prefixes;     // unary minus and `not`
  std::unordered_set<std::uint32_t> groups;       // `(` of a record, `[` of a list, `(` of a pattern
  std::unordered_set<std::uint32_t> wide_slices;  // where the first end stops of a slice such as `a : b - 1`
};

Marks find_marks(const Module&);

}  // namespace metac::dsl
