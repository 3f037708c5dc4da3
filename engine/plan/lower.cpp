// The walk, upwards by ids: each needed node is met once, after its inputs, and leaves a value behind. Assumes a graph
// whose types are right (verify); guarantees that every step comes after the steps it reads from.
#include "plan/lower.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "plan/memory.hpp"
#include "transform/regions.hpp"

namespace metac {

Frame Lowering::program(std::span<const NodeId> inputs, std::span<const NodeId> outputs) {
  values_.resize(graph_.size());
  for (std::size_t i = 0; i < inputs.size(); ++i) bind_input(inputs[i], static_cast<std::uint32_t>(i));
  lower(outputs);
  for (std::size_t i = 0; i < outputs.size(); ++i) deliver(outputs[i], static_cast<std::uint32_t>(inputs.size() + i));
  assign_memory(frame_);
  return std::move(frame_);
}

std::unique_ptr<MapKernel> Lowering::region(const MapBody& body) {
  auto map = std::make_unique<MapKernel>();
  map->length = body.length;
  values_.resize(graph_.size());
  const auto results = static_cast<std::uint32_t>(body.region.outputs.size());
  for (std::uint32_t i = 0; i < body.region.inputs.size(); ++i) bind_input(body.region.inputs[i], results + i);
  lower(body.region.outputs);
  const auto bytes = [&](NodeId id) { return static_cast<std::int64_t>(graph_.node(id).type.bytes()); };
  for (std::uint32_t i = 0; i < results; ++i) {
    const NodeId output = body.region.outputs[i];
    const bool stacked = body.outputs[i] == MapBuilder::stacked;
    map->strides.push_back(stacked ? bytes(output) : 0);
    if (stacked) {
      deliver(output, i);
      continue;
    }
    const Type& type = graph_.node(output).type;
    const auto index = static_cast<std::uint32_t>(frame_.outputs.size());
    map->sums.push_back({i, index, type, map->accumulator_bytes});
    map->accumulator_bytes = room_for(map->accumulator_bytes + type.bytes());
    add_output(operand(dense(output)));
  }
  for (std::size_t i = 0; i < body.region.inputs.size(); ++i)
    map->strides.push_back(static_cast<int>(i) < body.sequences ? bytes(body.region.inputs[i]) : 0);
  assign_memory(frame_);
  map->body = std::move(frame_);
  return map;
}

// The kernel that makes an output writes it straight to the external memory (of the caller, or a slice of the outer
// memory), unless what it makes is not just that.
void Lowering::deliver(NodeId output, std::uint32_t external) {
  const std::uint32_t stored = dense(output);
  const Operand value = operand(stored);
  Storage& storage = frame_.storages[value.storage];
  const std::size_t bytes = graph_.node(output).type.bytes();
  if (storage.space == Space::arena && value.offset == 0 && storage.bytes == bytes) {
    storage.space = Space::external;
    storage.index = external;
  } else {
    copy(output, stored, add_storage(Space::external, external, bytes));
  }
}

void Lowering::add_output(const Operand& result) {
  frame_.outputs.push_back(static_cast<std::uint32_t>(frame_.operands.size()));
  frame_.operands.push_back(result);
}

void Lowering::bind_input(NodeId id, std::uint32_t external) {
  const Type& type = graph_.node(id).type;
  values_[id] = {Value::stored, 0, add_stored(add_storage(Space::external, external, type.bytes()), type)};
}

// Steps for everything that the outputs need.
void Lowering::lower(std::span<const NodeId> outputs) {
  count_uses(outputs);
  for (NodeId id = 0; id < graph_.size(); ++id)
    if (remaining_[id] > 0 && values_[id].kind == Value::unknown) visit(id);
  close_all();
}

void Lowering::count_uses(std::span<const NodeId> outputs) {
  remaining_.assign(graph_.size(), 0);
  NodeId end = 0;
  for (const NodeId output : outputs) {
    ++remaining_[output];
    end = std::max(end, output + 1);
  }
  for (NodeId id = end; id-- > 0;)
    if (remaining_[id] > 0)
      for (const NodeId input : graph_.node(id).inputs) ++remaining_[input];
}

void Lowering::visit(NodeId id) {
  const Node node = graph_.node(id);
  const Operator& op = node.op;
  count_visits(1 + static_cast<std::int64_t>(node.inputs.size()));
  if (&op == &map_operator) return visit_map(id, node);
  if (&op == &part_operator) {
    values_[id] = {Value::stored, 0,
                   values_[node.inputs[0]].index + static_cast<std::uint32_t>(node.attributes.numbers[0])};
    return;
  }
  if (node.inputs.empty()) return visit_leaf(id, node);
  if (op.pointwise) return visit_pointwise(id, node);
  if (op.reduction != Reduction::none) return visit_reduction(id, node);
  if (op.view) return visit_view(id, node);
  if (op.kernel) return visit_kernel(id, node);
  throw Bug(fmt::format("plan: `{}` has no lowering", op.name));
}

void Lowering::visit_kernel(NodeId id, const Node& node) {
  std::vector<Layout> layouts;
  std::vector<Operand> operands(1);
  for (std::size_t i = 0; i < node.inputs.size(); ++i) {
    const bool strided = i < 32 && (node.op.strided >> i & 1) != 0;
    const std::uint32_t stored = strided ? settle(node.inputs[i]) : dense(node.inputs[i]);
    layouts.push_back(strided ? stored_[stored].layout : Layout::dense(stored_[stored].layout.type()));
    operands.push_back(operand(stored));
  }
  values_[id] = new_result(node.type);
  operands[0] = operand(values_[id].index);
  emit(cache_.of_node(node, layouts), id, operands, 1);
}

void Lowering::visit_map(NodeId id, const Node& node) {
  const MapBody& body = map_body(node);
  std::vector<Operand> inputs, operands;
  for (const NodeId input : node.inputs) inputs.push_back(operand(dense(input)));
  values_[id] = {Value::parts, 0, static_cast<std::uint32_t>(stored_.size())};
  for (std::size_t i = 0; i < body.region.outputs.size(); ++i) {
    Type type = body.region.graph->node(body.region.outputs[i]).type;
    if (body.outputs[i] == MapBuilder::stacked) type.shape = type.shape.with_front(body.length);
    operands.push_back(operand(new_result(type).index));
  }
  operands.insert(operands.end(), inputs.begin(), inputs.end());
  std::shared_ptr<const MapKernel> kernel = Lowering(*body.region.graph, cache_).region(body);
  emit(kernel, id, operands, body.region.outputs.size());
  frame_.steps.back().map = kernel.get();
}

void Lowering::emit(std::shared_ptr<const Kernel> kernel, NodeId node, std::span<const Operand> operands,
                    std::size_t results) {
  Step step;
  step.kernel = std::move(kernel);
  step.node = node;
  step.first = static_cast<std::uint32_t>(frame_.operands.size());
  step.results = static_cast<std::uint32_t>(results);
  step.operands = static_cast<std::uint32_t>(operands.size());
  frame_.operands.insert(frame_.operands.end(), operands.begin(), operands.end());
  frame_.steps.push_back(std::move(step));
}

}  // namespace metac
