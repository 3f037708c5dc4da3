// What a node lets through, for who looks at how derivatives flow.
#pragma once

#include <string_view>

#include "graph/graph.hpp"

namespace [[gnu::visibility("default")]] metac {

// Whether a derivative of the node goes on to its inputs: not from integers, comparisons, or where `stop_gradient` ends
// it.
bool carries_derivative(const Node&);

// What its operator is called: "matmul".
std::string_view operator_name(const Node&);

// The body of a region; null for all other nodes.
const Region* region_of(const Node&);

}  // namespace metac
