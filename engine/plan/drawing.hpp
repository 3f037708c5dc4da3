// Plans for other programs: drawn by graphviz, or read as JSON. For people there is to_text.
#pragma once

#include <string>

#include "plan/plan.hpp"

namespace metac {

// One `digraph` of the language dot: steps, and what each hands to which. The body of a region is a cluster.
std::string to_dot(const Plan&, const std::string& name);

// {"arena_bytes", "inputs", "outputs", "frame"} on one line. A frame has "steps" of {"kernel", "node", "results",
// "operands", "scratch_bytes"}, and of a region its "body"; an operand has its "space" (arena, external or array), the
// "place" there, in bytes in the arena, else a number, and the "offset" from it in bytes.
std::string to_json(const Plan&);

}  // namespace metac
