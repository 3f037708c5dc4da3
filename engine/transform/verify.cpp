// Checks every promise of a graph, node by node, its regions included.
#include <fmt/format.h>

#include <algorithm>

#include "graph/operator.hpp"
#include "ops/primitives.hpp"
#include "transform/transform.hpp"

namespace metac {

namespace {

void check(bool holds, const Graph& graph, NodeId id, const char* promise) {
  if (!holds) throw Bug(fmt::format("verify: %{} = {}: {}", id, graph.node(id).op.name, promise));
}

void verify_type(const Graph& graph, NodeId id, const Node& node) {
  // A Tensor can name a node of a mutable graph only; shape rules just read.
  Graph& mutable_graph = const_cast<Graph&>(graph);
  std::vector<Tensor> inputs;
  for (NodeId input : node.inputs) inputs.push_back(mutable_graph.tensor(input));
  const Type type = node.op.type({node.op, inputs, node.attributes, mutable_graph});
  check(type == node.type, graph, id, "its type is not what its shape rule says");
}

void verify_carries(const Graph& graph, NodeId id, const MapBody& body) {
  const auto type = [&](NodeId inner) { return body.region.graph->node(inner).type; };
  for (int j = 0; j < body.carries; ++j)
    check(type(body.region.inputs[body.carry_input(j)]) == type(body.region.outputs[body.carry_output(j)]), graph, id,
          "a carry changes its type from step to step");
  if (body.guard == MapBody::no_guard) return;
  check(body.guard >= 1 && body.guard < body.inputs_of_steps(), graph, id, "its guard is neither slice nor carry");
  check(type(body.region.inputs[body.guard]) == Type{Dtype::boolean, {}}, graph, id, "its guard is no bool scalar");
}

void verify_loop(const Graph& graph, NodeId id, const Node& node) {
  const MapBody& body = map_body(node);
  const Region& region = body.region;
  const NodeId size = region.graph->size();
  check((&node.op == &scan_operator) == (body.carries > 0), graph, id, "scans have carries, maps have none");
  check(body.sequences >= 1, graph, id, "its first sequence, the index, is missing");
  check(&graph.node(node.inputs[0]).op == &iota_operator, graph, id, "its first sequence is not an iota");
  check(body.outputs.size() + body.carries == region.outputs.size(), graph, id,
        "its outputs are not all stacked, summed or carried");
  check(static_cast<std::size_t>(body.inputs_of_steps()) <= region.inputs.size(), graph, id, "an input is missing");
  for (NodeId inner : region.inputs)
    check(inner < size && &region.graph->node(inner).op == &input_operator, graph, id,
          "an input of its body is not an input node");
  for (NodeId inner : region.outputs) check(inner < size, graph, id, "an output of its body does not exist");
  verify_carries(graph, id, body);
  std::vector<NodeId> inputs = region.inputs;
  std::sort(inputs.begin(), inputs.end());
  check(std::adjacent_find(inputs.begin(), inputs.end()) == inputs.end(), graph, id, "two inputs of its body are one");
  verify(*region.graph);
}

}  // namespace

void verify(const Graph& graph) {
  for (NodeId id = 0; id < graph.size(); ++id) {
    const Node node = graph.node(id);
    check(node.op.arity < 0 || static_cast<std::size_t>(node.op.arity) == node.inputs.size(), graph, id,
          "the number of its inputs is not its arity");
    for (NodeId input : node.inputs) check(input < id, graph, id, "an input comes after it");
    for (auto axis : node.type.shape) check(axis >= 0, graph, id, "a size is negative");
    verify_type(graph, id, node);
    if (is_loop(node)) verify_loop(graph, id, node);
  }
}

}  // namespace metac
