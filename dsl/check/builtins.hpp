// What the language has built in: tensors, derivatives, draws, data files. Signatures only, for the checker, the
// documentation and completion; the elaborator has an implementation for each (a test compares the two).
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace metac::dsl {

struct Builtin {
  const char* name;
  // As in a definition: "(x, axis = none, keep = false)". A second list: "(low, high)(shape)". "..." at the end of a
  // list takes any further positional arguments.
  const char* parameters;
  const char* doc;  // one line
  // For what one line does not explain: paragraphs, and a script, which a test runs.
  const char* more = "";
  const char* example = "";
};

std::span<const Builtin> builtins();
const Builtin* find_builtin(std::string_view name);

}  // namespace metac::dsl
