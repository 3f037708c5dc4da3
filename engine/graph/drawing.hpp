// Graphs for other programs: drawn by graphviz, or read as JSON. For people there is to_text.
#pragma once

#include <span>
#include <string>

#include "graph/graph.hpp"

namespace metac {

// One `digraph` of the language dot. The body of a region is a cluster; dashed edges lead into it and out of it.
std::string to_dot(const Graph&, std::span<const NodeId> outputs, const std::string& name);

// {"nodes": [{"id", "op", "inputs", "attributes", "type", "body"}], "inputs", "outputs"}, on one line. Only a region
// has a `body`, of this form; its `inputs` are in the order of the region's.
std::string to_json(const Graph&, std::span<const NodeId> inputs, std::span<const NodeId> outputs);

}  // namespace metac
