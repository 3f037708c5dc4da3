// Every place of a name, over all scripts that know it, and another name for it. A renaming that would change what some
// name stands for is refused, and so is one that cannot be known to be complete.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "editor/analysis.hpp"

namespace metac::dsl {

struct Bytes {
  std::uint32_t begin = 0, end = 0;
  auto operator<=>(const Bytes&) const = default;
};
using Places = std::map<std::string, std::vector<Bytes>>;  // by the path of the file; in order

// A renaming that cannot be done: why, in one sentence for people.
struct Refusal {
  std::string reason;
};

// The name at this byte, if it may be renamed at all; Refusal is thrown.
Name renamable(const Analysis&, std::uint32_t byte);
// Where the name at this byte is written, in all of the analyses; the first of them is that of the document.
Places places_of(const std::vector<const Analysis*>&, std::uint32_t byte, bool with_definition = true);
// The places to be replaced by `name`. Refusal is thrown.
Places rename(const std::vector<const Analysis*>&, std::uint32_t byte, const std::string& name, const ReadText&);

}  // namespace metac::dsl
