// What is known of a name: how it is defined, its documentation, where it is bound, and what it was bound to when the
// script was last elaborated.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "editor/analysis.hpp"
#include "outline/outline.hpp"

namespace metac::dsl {

struct Hover {
  Span span;                  // of the name
  std::string code;           // "fn misfit(w, x)", in the language; may be empty
  std::string documentation;  // lines that are laid out: they have columns, and equations; may be empty
  std::string text;           // paragraphs
};

// In words what a name was bound to, by the place where it is bound; empty: not known.
using BoundTo = std::function<std::string(Span definition)>;

// nullopt where no name stands and nothing is wrong.
std::optional<Hover> hover(const Analysis&, std::uint32_t byte, const BoundTo&);

// ---- for other answers ----

// How a name is defined, on one line, and its documentation.
struct Description {
  std::string heading, documentation;
};
Description describe(const Analysis&, const Declaration&);
// What the language itself gives a meaning: `exp`, `pi`, `step`, `train`.
std::optional<Description> describe_language(std::string_view name);

}  // namespace metac::dsl
