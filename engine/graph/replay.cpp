// Copying expressions from graph to graph, in the order of their ids.
#include <fmt/format.h>

#include "graph/graph.hpp"
#include "graph/operator.hpp"

namespace metac {

namespace {

// Marks what the outputs need of the nodes that come before `end`, without looking behind the nodes `from`.
std::vector<char> mark_needed(const Graph& source, std::span<const NodeId> from, std::span<const NodeId> outputs,
                              NodeId end) {
  std::vector<char> needed(end, 0), replaced(end, 0);
  for (NodeId id : from)
    if (id < end) replaced[id] = 1;
  for (NodeId id : outputs) needed[id] = 1;
  for (NodeId id = end; id-- > 0;)
    if (needed[id] && !replaced[id])
      for (NodeId input : source.node(id).inputs) needed[input] = 1;
  return needed;
}

}  // namespace

std::vector<Tensor> replay(const Graph& source, std::span<const NodeId> from, std::span<const Tensor> to,
                           std::span<const NodeId> outputs, Graph& into) {
  if (from.size() != to.size()) throw Bug("replay: as many nodes must be replaced as replacements are given");
  NodeId end = 0;
  for (NodeId id : outputs) end = std::max(end, id + 1);
  const std::vector<char> needed = mark_needed(source, from, outputs, end);

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
