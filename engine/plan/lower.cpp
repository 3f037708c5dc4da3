// The walk, upwards by ids: each needed node is met once, after its inputs, and leaves a value behind. Assumes a graph
// whose types are right (verify); guarantees that every step comes after the steps it reads from.
#include "plan/lower.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "plan/memory.hpp"
#include "transform/regions.hpp"

namespace metac {

namespace {

// Bytes of all operands of a step, more than one worker's share of the caches.
constexpr double least_from_memory = 8 << 20;

std::int64_t bytes_along(const Layout& layout, int axis) {
  return layout.strides[axis] * static_cast<std::int64_t>(size_of(layout.dtype));
}

}  // namespace

Frame Lowering::program(std::span<const NodeId> inputs, std::span<const NodeId> outputs) {
  values_.resize(graph_.size());
  for (std::size_t i = 0; i < inputs.size(); ++i) bind_input(inputs[i], static_cast<std::uint32_t>(i));
  lower(outputs);
  for (std::size_t i = 0; i < outputs.size(); ++i) deliver(outputs[i], static_cast<std::uint32_t>(inputs.size() + i));
  finish();
  return std::move(frame_);
}

std::unique_ptr<LoopKernel> Lowering::region(const MapBody& body, std::span<const std::int64_t> strides) {
  auto loop = std::make_unique<LoopKernel>();
  loop->length = body.length;
  values_.resize(graph_.size());
  const auto results = static_cast<std::uint32_t>(body.region.outputs.size());
  loop->results = results;
  for (std::uint32_t i = 0; i < body.region.inputs.size(); ++i) bind_input(body.region.inputs[i], results + i);
  lower(body.region.outputs);
  for (std::uint32_t k = 0; k < results; ++k) take_result(*loop, body, k);
  loop->strides.insert(loop->strides.end(), strides.begin(), strides.end());
  if (body.guard != MapBody::no_guard) loop->guard = results + body.guard;
  finish();
  loop->body = std::move(frame_);
  return loop;
}

// Slices and carries are written where they belong; what is added up stays in the body's memory until then.
void Lowering::take_result(LoopKernel& loop, const MapBody& body, std::uint32_t k) {
  const NodeId output = body.region.outputs[k];
  const Type& type = graph_.node(output).type;
  const int carry = static_cast<int>(k) - body.carry_output(0);
  if (carry < 0 && body.outputs[k] == MapBuilder::summed) {
    loop.strides.push_back(0);
    const auto index = static_cast<std::uint32_t>(frame_.outputs.size());
    loop.sums.push_back({k, index, type, loop.accumulator_bytes});
    loop.accumulator_bytes = room_for(loop.accumulator_bytes + type.bytes());
    return add_output(operand(dense(output)));
  }
  deliver(output, k);
  loop.strides.push_back(carry < 0 ? static_cast<std::int64_t>(type.bytes()) : 0);
  if (carry < 0) return;
  loop.carries.push_back(
      {k, static_cast<std::uint32_t>(loop.results) + body.carry_input(carry), type.bytes(), loop.carry_bytes});
  loop.carry_bytes = room_for(loop.carry_bytes + type.bytes());
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
  if (is_loop(node)) return visit_loop(id, node);
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
  emit_kernel(id, node, std::move(layouts), std::move(operands));
}

void Lowering::visit_loop(NodeId id, const Node& node) {
  const MapBody& body = map_body(node);
  std::vector<Operand> inputs, operands;
  std::vector<std::int64_t> strides;
  for (const NodeId input : node.inputs) {
    const bool sequence = static_cast<int>(strides.size()) < body.sequences;
    const std::uint32_t stored = sequence ? rows(input) : dense(input);
    const Layout& layout = stored_[stored].layout;
    inputs.push_back(operand(stored));
    strides.push_back(sequence ? layout.strides[0] * static_cast<std::int64_t>(size_of(layout.dtype)) : 0);
  }
  values_[id] = {Value::parts, 0, static_cast<std::uint32_t>(stored_.size())};
  for (int k = 0; k < static_cast<int>(body.region.outputs.size()); ++k)
    operands.push_back(operand(new_result(part_type(body, k)).index));
  operands.insert(operands.end(), inputs.begin(), inputs.end());
  // Of several tasks, each has less need of threads of its own, and parts have a cost also where there are none.
  Parts parts = parts_;
  if (body.carries == 0 && body.length > 1) {
    parts.threads = std::max<std::int64_t>(1, parts.threads / body.length);
    parts.least_microseconds *= static_cast<double>(body.length);
  }
  std::shared_ptr<const LoopKernel> kernel = Lowering(*body.region.graph, cache_, parts).region(body, strides);
  Draft draft;
  draft.node = id;
  draft.results = body.region.outputs.size();
  draft.operands = std::move(operands);
  draft.loop = kernel.get();
  draft.make = [kernel](std::int64_t) { return kernel; };
  drafts_.push_back(std::move(draft));
}

// By the first axis of more than one element: slices of results are dense then. Products over it are kept whole, as
// those of parts may leave the range of their dtype.
void Lowering::emit_program(PointwiseProgram program, NodeId id, std::vector<Operand> operands) {
  Draft draft;
  draft.node = id;
  draft.results = program.outputs.size();
  draft.operands = std::move(operands);
  draft.work = work_of(program);
  program.from_memory = draft.work.bytes >= least_from_memory;
  int axis = 0;
  while (axis < program.shape.rank() && program.shape[axis] == 1) ++axis;
  const auto multiplies = [axis](const PointwiseProgram::Output& output) {
    return output.reduction == Reduction::product && (output.axes >> axis & 1) != 0;
  };
  if (axis < program.shape.rank() && program.shape[axis] > 0 &&
      std::none_of(program.outputs.begin(), program.outputs.end(), multiplies)) {
    draft.length = program.shape[axis];
    for (std::size_t i = 0; i < draft.results; ++i) {
      const auto& output = program.outputs[i];
      if (output.reduction != Reduction::none && (output.axes >> axis & 1) != 0)
        draft.summed.push_back({i, program.dtype(output.source), output.reduction});
      else
        move_result(draft, i);
    }
    for (std::size_t i = 0; i < program.loads.size(); ++i) {
      const auto& load = program.loads[i];
      draft.operands[draft.results + i].stride = bytes_along({load.dtype, program.shape, load.strides}, axis);
    }
  }
  draft.make = [&cache = cache_, program = std::move(program), axis, cut = draft.length > 1](std::int64_t length) {
    PointwiseProgram part = program;
    if (cut) part.shape[axis] = length;
    return cache.of_program(std::move(part));
  };
  drafts_.push_back(std::move(draft));
}

void Lowering::emit_kernel(NodeId id, const Node& node, std::vector<Layout> inputs, std::vector<Operand> operands) {
  Draft draft;
  draft.node = id;
  draft.results = 1;
  draft.operands = std::move(operands);
  draft.work = work_of(node, inputs);
  draft.is_product = node.op.operations != nullptr;  // those whose work is more than an operation an element
  Operator::Cut cut;
  if (node.op.cut != nullptr && node.type.elements() > 0) {
    cut = node.op.cut(node);
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      if (cut.inputs[i] < 0) continue;
      draft.length = inputs[i].shape[cut.inputs[i]];
      draft.operands[i + 1].stride = bytes_along(inputs[i], cut.inputs[i]);
    }
    if (cut.result == Operator::Cut::summed)
      draft.summed.push_back({0, node.type.dtype, Reduction::sum});
    else
      move_result(draft, 0);
  }
  draft.make = [&cache = cache_, node, inputs = std::move(inputs), cut](std::int64_t length) {
    Type type = node.type;
    if (!cut.inputs.empty() && cut.result != Operator::Cut::summed) type.shape[cut.result] = length;
    std::vector<Layout> slices = inputs;
    for (std::size_t i = 0; i < cut.inputs.size(); ++i)
      if (cut.inputs[i] >= 0) slices[i].shape[cut.inputs[i]] = length;
    return cache.of_node({node.op, node.inputs, type, node.attributes, node.place, node.unique}, slices);
  };
  drafts_.push_back(std::move(draft));
}

void Lowering::move_result(Draft& draft, std::size_t i) const {
  draft.operands[i].stride = static_cast<std::int64_t>(frame_.storages[draft.operands[i].storage].bytes) / draft.length;
}

void Lowering::finish() {
  add_steps(frame_, std::move(drafts_), cache_, parts_);
  assign_memory(frame_);
}

}  // namespace metac
