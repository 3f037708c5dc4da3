// Counts operations in the graph, where operators still have names, and bytes in the plan, where kernels are fused.
#include "plan/cost.hpp"

#include <algorithm>
#include <string_view>

#include "base/memory.hpp"
#include "ops/primitives.hpp"
#include "plan/program.hpp"

namespace metac {
namespace {

double elements(const Graph& graph, NodeId id) { return static_cast<double>(graph.node(id).type.elements()); }

double operations_of(const Graph& graph, std::span<const NodeId> outputs);

// Each operator of the family of convolutions does what the forward one does with the same images and weights: for each
// element of the result a product with the weights of one filter.
double of_convolution(double result, const Type& weights) {
  return 2 * result * static_cast<double>(weights.elements()) /
         static_cast<double>(std::max<std::int64_t>(weights.shape.back(), 1));
}

double operations_of(const Graph& graph, NodeId id) {
  const Node node = graph.node(id);
  const std::string_view name = node.op.name;
  const double made = elements(graph, id);
  if (node.op.region) {
    const MapBody& body = map_body(node);
    return static_cast<double>(body.length) * operations_of(*body.region.graph, body.region.outputs);
  }
  if (node.inputs.empty() || node.op.view != nullptr || &node.op == &part_operator) return 0;
  if (&node.op == &matmul_operator) {
    const double columns = static_cast<double>(std::max<std::int64_t>(node.type.shape.back(), 1));
    const double rows = std::max(made / columns, 1.0);  // of all products together
    return 2 * made * elements(graph, node.inputs[0]) / rows;
  }
  if (name == "squared_products") return 3 * made * static_cast<double>(graph.node(node.inputs[0]).type.shape[0]);
  if (name == "convolution") return of_convolution(made, graph.node(node.inputs[1]).type);
  if (name == "convolution_data")
    return of_convolution(elements(graph, node.inputs[0]), graph.node(node.inputs[1]).type);
  if (name == "convolution_weights") return of_convolution(elements(graph, node.inputs[1]), node.type);
  return node.op.reduction != Reduction::none ? elements(graph, node.inputs[0]) : made;
}

double operations_of(const Graph& graph, std::span<const NodeId> outputs) {
  const auto needed = needed_by(graph, outputs);
  double sum = 0;
  for (NodeId id = 0; id < needed.size(); ++id)
    if (needed[id]) sum += operations_of(graph, id);
  return sum;
}

// `external` has the size of each external operand of the frame.
double bytes_of(const Frame& frame, const std::vector<double>& external) {
  const auto size = [&](std::uint32_t operand) {
    const Storage& storage = frame.storages[frame.operands[operand].storage];
    return storage.space == Space::external ? external[storage.index] : static_cast<double>(storage.bytes);
  };
  double sum = 0;
  for (const Step& step : frame.steps) {
    std::vector<double> operands;
    for (std::uint32_t i = 0; i < step.operands; ++i) operands.push_back(size(step.first + i));
    if (step.map == nullptr) {
      for (const double operand : operands) sum += operand;
      continue;
    }
    for (std::size_t i = 0; i < operands.size(); ++i)
      if (step.map->strides[i] != 0) operands[i] = static_cast<double>(std::abs(step.map->strides[i]));
    sum += static_cast<double>(step.map->length) * bytes_of(step.map->body, operands);
  }
  return sum;
}

}  // namespace

Cost cost_of(const Program& program, const Plan& plan) {
  std::vector<double> external;
  for (const auto* types : {&plan.inputs, &plan.outputs})
    for (const Type& type : *types) external.push_back(static_cast<double>(type.bytes()));
  return {operations_of(*program.graph, program.outputs), bytes_of(plan.frame, external)};
}

// As BoundFrame and MapState allocate: the arena, in which the first worker of each map is, and the further workers.
std::size_t working_bytes(const Plan& plan, int threads) {
  std::size_t bytes = plan.frame.arena_bytes;
  for (const Step& step : plan.frame.steps) {
    if (step.map == nullptr) continue;
    const std::int64_t pieces = step.map->pieces(), workers = std::min<std::int64_t>(threads, pieces);
    if (workers < 2) continue;
    bytes += static_cast<std::size_t>(workers - 1) * step.map->body.arena_bytes;
    bytes += static_cast<std::size_t>(pieces - 1) * step.map->accumulator_bytes;
  }
  return bytes;
}

}  // namespace metac
