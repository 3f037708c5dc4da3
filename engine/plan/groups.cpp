// Fusion, as one online pass. Why it is right: an instruction reads only its own group, immediates, and stored values
// whose step has been emitted; two open groups are therefore independent and may be merged or emitted in any order.
#include <algorithm>

#include "plan/lower.hpp"
#include "transform/regions.hpp"

namespace metac {
namespace {

// A load that each of its elements serves so often is small.
constexpr std::int64_t least_repeats = 16;
// Values of fewer parts than this are in the cache when they are read again.
constexpr double least_rebuilt = 4;

std::uint32_t axis_mask(const Node& node) {
  std::uint32_t mask = 0;
  for (const auto axis : node.attributes.numbers) mask |= 1u << axis;
  return mask;
}

}  // namespace

void Lowering::visit_pointwise(NodeId id, const Node& node) {
  const Shape& shape = node.type.shape;
  const std::uint32_t group = meet(node.inputs, shape);
  const std::size_t typed = *node.op.pointwise == Fn::select ? 1 : 0;  // which input says the type of the operands
  Group::Instruction instruction{
      *node.op.pointwise, graph_.node(node.inputs[typed]).type.dtype, node.type.dtype, {}, id, node.op.call};
  for (std::size_t i = 0; i < node.inputs.size(); ++i) instruction.inputs[i] = source(group, node.inputs[i]);
  for (const NodeId input : node.inputs) used(input);
  values_[id] = {Value::member, add_instruction(group, instruction), group};
  ++groups_[group].live;
}

void Lowering::visit_reduction(NodeId id, const Node& node) {
  const NodeId input = node.inputs[0];
  const Type& type = graph_.node(input).type;
  const std::uint32_t axes = axis_mask(node);
  if (values_[input].kind == Value::member && !groups_[values_[input].index].reduces_over(axes))
    close(values_[input].index);
  std::uint32_t group = meet(node.inputs, type.shape);
  if (!groups_[group].reduces_over(axes)) group = open_group(type.shape);  // had been met through a shared load
  Group::Source from = source(group, input);
  // A kernel reduces or stores what an instruction made or a load brought; an immediate is neither.
  if (from.kind == Group::Source::immediate || axes == 0)
    from = {Group::Source::instruction, add_instruction(group, {Fn::copy, type.dtype, type.dtype, {from, {}, {}}, id})};
  used(input);
  if (axes == 0) {
    values_[id] = {Value::member, from.index, group};
    ++groups_[group].live;
    return;
  }
  values_[id] = {Value::reduced, static_cast<std::uint16_t>(groups_[group].reductions.size()), group};
  groups_[group].reductions.push_back({from, node.op.reduction, axes, id});
}

std::uint16_t Lowering::add_instruction(std::uint32_t group, const Group::Instruction& instruction) {
  groups_[group].instructions.push_back(instruction);
  return static_cast<std::uint16_t>(groups_[group].instructions.size() - 1);
}

// The group that a node with these inputs joins: one that holds or loads some of them, or a new one. Every other input
// is stored or a constant afterwards.
std::uint32_t Lowering::meet(std::span<const NodeId> inputs, const Shape& shape) {
  for (const NodeId input : inputs) {
    const Value value = values_[input];
    const bool joinable = value.kind == Value::member && groups_[value.index].shape == shape;
    if (!joinable && value.kind != Value::splat) settle(input);
  }
  std::uint32_t group = none;
  for (const NodeId input : inputs) {
    const Value value = values_[input];  // again each time: a merge moves members, a close stores them
    if (value.kind != Value::member) continue;
    group = group == none ? value.index : merge(group, value.index);
  }
  if (group == none) group = meet_loader(inputs, shape);
  // One instruction, perhaps a copy before a reduction; at most three loads and one result.
  if (group != none && !groups_[group].has_room(1, 4)) {
    close(group);
    group = none;
  }
  return group != none ? group : open_group(shape);
}

std::uint32_t Lowering::open_group(const Shape& shape) {
  const auto index = static_cast<std::uint32_t>(groups_.size());
  groups_.emplace_back();
  groups_[index].shape = shape;
  groups_[index].merged_into = index;
  return index;
}

// Nodes that read the same value side by side share its load.
std::uint32_t Lowering::meet_loader(std::span<const NodeId> inputs, const Shape& shape) {
  for (const NodeId input : inputs) {
    if (values_[input].kind != Value::stored) continue;
    std::uint32_t& loader = stored_[values_[input].index].loader;
    if (loader == none) continue;
    while (groups_[loader].merged_into != loader) {
      groups_[loader].merged_into = groups_[groups_[loader].merged_into].merged_into;
      loader = groups_[loader].merged_into;
    }
    if (groups_[loader].open && groups_[loader].shape == shape) return loader;
  }
  return none;
}

// One group of two, the smaller moved into the larger. If they do not fit together the larger is closed and the other
// remains.
std::uint32_t Lowering::merge(std::uint32_t a, std::uint32_t b) {
  if (a == b) return a;
  if (groups_[a].instructions.size() < groups_[b].instructions.size()) std::swap(a, b);
  Group &large = groups_[a], &small = groups_[b];
  if (!large.can_merge(small)) {
    close(a);
    return b;
  }
  count_visits(static_cast<std::int64_t>(small.instructions.size() + small.reductions.size()));
  const auto reductions = static_cast<std::uint16_t>(large.reductions.size());
  const std::uint16_t shift = large.merge(small);
  const auto move = [&](NodeId node) {
    Value& value = values_[node];
    value.index = a;
    value.slot = static_cast<std::uint16_t>(value.slot + (value.kind == Value::member ? shift : reductions));
  };
  for (const auto& instruction : small.instructions)
    if (values_[instruction.node].kind == Value::member) move(instruction.node);
  for (const auto& reduced : small.reductions) move(reduced.node);
  small.clear();
  small.merged_into = a;
  return a;
}

Group::Source Lowering::source(std::uint32_t group, NodeId input) {
  const Value value = values_[input];
  if (value.kind == Value::member) {
    if (value.index != group) throw Bug("plan: an operand lies in another open group");
    return {Group::Source::instruction, value.slot};
  }
  if (value.kind == Value::splat)
    return groups_[group].add_immediate(graph_.node(input).type.dtype, splats_[value.index]);
  Stored& stored = stored_[value.index];
  stored.loader = group;
  return groups_[group].add_load({stored.storage, stored.offset, stored.layout.dtype, stored.layout.strides});
}

void Lowering::used(NodeId id) {
  if (--remaining_[id] == 0 && values_[id].kind == Value::member) --groups_[values_[id].index].live;
}

// Values that take a few quick instructions to make from what the group loads anyway are not loaded: so e.g. the result
// of relu, which its derivative asks, need not be kept beside its input.
void Lowering::rebuild_loads(Group& group) {
  const auto has = [&](const Group::Load& load) {
    return std::any_of(group.loads.begin(), group.loads.end(), [&](const Group::Load& other) {
      return other.storage == load.storage && other.offset == load.offset && other.strides == load.strides;
    });
  };
  const auto is_small = [&](const Group::Load& load) {
    std::int64_t elements = 1;
    for (int axis = 0; axis < group.shape.rank(); ++axis)
      if (load.strides[axis] != 0) elements *= group.shape[axis];
    return elements * least_repeats <= group.shape.elements();
  };
  for (std::size_t i = 0; i < group.loads.size();) {
    const Group::Load& load = group.loads[i];
    const auto found = recipes_.find(load.storage);
    const bool rebuilt = found != recipes_.end() && found->second.shape == group.shape && load.offset == 0 &&
                         load.strides == row_major_strides(group.shape) &&
                         group.has_room(static_cast<int>(found->second.instructions.size()),
                                        static_cast<int>(found->second.loads.size())) &&
                         std::all_of(found->second.loads.begin(), found->second.loads.end(),
                                     [&](const Group::Load& needed) { return has(needed) || is_small(needed); });
    if (rebuilt)
      group.rebuild(i, found->second);
    else
      ++i;
  }
}

// Emits the group as one step. What somebody still waits for is stored.
void Lowering::close(std::uint32_t index) {
  Group group = std::move(groups_[index]);
  count_visits(static_cast<std::int64_t>(group.instructions.size() + group.reductions.size()));
  groups_[index].shape = group.shape;
  groups_[index].merged_into = index;
  groups_[index].clear();
  rebuild_loads(group);
  std::vector<std::uint16_t> kept;
  std::vector<Operand> operands;
  const auto store = [&](NodeId node) {
    values_[node] = new_result(graph_.node(node).type);
    operands.push_back(operand(values_[node].index));
  };
  for (std::size_t i = 0; i < group.instructions.size(); ++i) {
    const NodeId node = group.instructions[i].node;
    if (values_[node].kind != Value::member || remaining_[node] == 0) continue;
    kept.push_back(static_cast<std::uint16_t>(i));
    store(node);
    if (static_cast<double>(graph_.node(node).type.bytes()) < least_rebuilt * parts_.bytes) continue;
    if (auto recipe = group.recipe(kept.back())) recipes_.emplace(operands.back().storage, std::move(*recipe));
  }
  for (const auto& reduced : group.reductions) store(reduced.node);
  for (const auto& load : group.loads) operands.push_back({load.storage, load.offset});
  const NodeId last = group.reductions.empty() ? group.instructions.back().node : group.reductions.back().node;
  emit_program(group.program(kept), last, std::move(operands));
}

void Lowering::close_all() {
  for (std::uint32_t i = 0; i < groups_.size(); ++i)
    if (groups_[i].open) close(i);
}

}  // namespace metac
