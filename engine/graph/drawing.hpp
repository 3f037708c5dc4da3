// Graphs for other programs: drawn by graphviz, or read as JSON. For people there is to_text.
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>

#include "graph/graph.hpp"

namespace metac {

// What is said beside a node, and nothing where it is to be left out.
using NodeNote = std::function<std::optional<std::string>(const Graph&, NodeId)>;

// As to_text of graph.hpp, with a remark behind each line.
std::string to_text(const Graph&, std::span<const NodeId> outputs, const NodeNote&);

// One `digraph` of the language dot. The body of a region is a cluster; dashed edges lead into it and out of it.
std::string to_dot(const Graph&, std::span<const NodeId> outputs, const std::string& name, const NodeNote& = {});

// {"nodes": [{"id", "op", "inputs", "attributes", "type", "body"}], "inputs", "outputs"}, on one line. Only a region
// has a `body`, of this form; its `inputs` are in the order of the region's. Where there are
// notes, each node has its `note`.
std::string to_json(const Graph&, std::span<const NodeId> inputs, std::span<const NodeId> outputs,
                    const NodeNote& = {});

// In quotes, for JSON and dot.
std::string quoted(std::string_view);

}  // namespace metac
