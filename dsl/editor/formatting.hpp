// A text in its canonical form, and what has to change for it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "report/report.hpp"

namespace metac::dsl {

// nullopt if the text cannot be read as a script; the report says why.
std::optional<std::string> formatted(Sources&, std::uint32_t file, Report&);

// The lines that differ: bytes [begin, end) of the one text, and what stands there in the other.
struct Change {
  std::uint32_t begin = 0, end = 0;
  std::string text;
};
// nullopt for equal texts.
std::optional<Change> change_between(const std::string& before, const std::string& after);

}  // namespace metac::dsl
