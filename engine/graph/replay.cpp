// Copying expressions from graph to graph, in the order of their ids.
#include <fmt/format.h>

#include "graph/graph.hpp"
#include "graph/operator.hpp"

namespace metac {

std::vector<Tensor> replay(const Graph& source, std::span<const NodeId> from, std::span<const Tensor> to,
                           std::span<const NodeId> outputs, Graph& into) {
  if (from.size() != to.size()) throw Bug("replay: as many nodes must be replaced as replacements are given");
  const std::vector<char> needed = needed_by(source, outputs, from);
  const auto end = static_cast<NodeId>(needed.size());

  // Where the source is `into` or around it, what does not depend on the replaced nodes is there already.
  Graph* shared = &into;
  while (shared && shared != &source) shared = shared->parent();

  std::vector<Tensor> copies(end);
  std::vector<char> changed(end, 0);
  for (std::size_t i = 0; i < from.size(); ++i) {
    if (from[i] >= end) continue;
    copies[from[i]] = to[i];
    changed[from[i]] = 1;
  }
  std::vector<Tensor> inputs;
  for (NodeId id = 0; id < end; ++id) {
    if (!needed[id] || changed[id]) continue;
    const Node node = source.node(id);
    inputs.clear();
    for (NodeId input : node.inputs) {
      inputs.push_back(copies[input]);
      changed[id] |= changed[input];
    }
    if (shared && !changed[id]) {
      copies[id] = {shared, id};
    } else if (node.unique) {
      if (&node.op == &input_operator) throw Bug(fmt::format("replay: the input %{} is not given", id));
      copies[id] = into.push_unique(node.op, inputs, node.attributes);
    } else {
      copies[id] = into.push(node.op, inputs, node.attributes);
    }
  }
  std::vector<Tensor> results;
  for (NodeId id : outputs) results.push_back(copies[id]);
  return results;
}

}  // namespace metac
