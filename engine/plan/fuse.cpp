// Filling a group and writing it down as a program. Assumes that its callers keep to the limits.
#include "plan/fuse.hpp"

#include <bit>

#include "base/error.hpp"

namespace metac {

bool Group::has_room(int more_instructions, int more_operands) const {
  return static_cast<int>(instructions.size()) + more_instructions <= max_pointwise_instructions &&
         operands() + more_operands <= max_pointwise_operands;
}

bool Group::can_merge(const Group& other) const {
  const bool alike = other.reductions.empty() || reduces_over(other.reductions[0].axes);
  return alike && has_room(static_cast<int>(other.instructions.size()), other.operands());
}

Group::Source Group::add_load(const Load& load) {
  for (std::size_t i = 0; i < loads.size(); ++i)
    if (loads[i].storage == load.storage && loads[i].offset == load.offset && loads[i].dtype == load.dtype &&
        loads[i].strides == load.strides)
      return {Source::load, static_cast<std::uint16_t>(i)};
  loads.push_back(load);
  return {Source::load, static_cast<std::uint16_t>(loads.size() - 1)};
}

Group::Source Group::add_immediate(Dtype dtype, double value) {
  const auto bits = std::bit_cast<std::uint64_t>(value);
  for (std::size_t i = 0; i < immediates.size(); ++i)
    if (immediates[i].dtype == dtype && std::bit_cast<std::uint64_t>(immediates[i].value) == bits)
      return {Source::immediate, static_cast<std::uint16_t>(i)};
  immediates.push_back({dtype, value});
  return {Source::immediate, static_cast<std::uint16_t>(immediates.size() - 1)};
}

std::uint16_t Group::merge(const Group& other) {
  const auto shift = static_cast<std::uint16_t>(instructions.size());
  std::vector<Source> new_loads, new_immediates;
  for (const auto& load : other.loads) new_loads.push_back(add_load(load));
  for (const auto& immediate : other.immediates)
    new_immediates.push_back(add_immediate(immediate.dtype, immediate.value));
  const auto translate = [&](Source source) -> Source {
    if (source.kind == Source::load) return new_loads[source.index];
    if (source.kind == Source::immediate) return new_immediates[source.index];
    return {Source::instruction, static_cast<std::uint16_t>(source.index + shift)};
  };
  for (Instruction instruction : other.instructions) {
    for (int i = 0; i < arity(instruction.fn); ++i) instruction.inputs[i] = translate(instruction.inputs[i]);
    instructions.push_back(instruction);
  }
  for (Reduced reduced : other.reductions) {
    reduced.source = translate(reduced.source);
    reductions.push_back(reduced);
  }
  live += other.live;
  return shift;
}

PointwiseProgram Group::program(const std::vector<std::uint16_t>& stored) const {
  const auto reg = [&](Source source) {
    std::size_t base = 0;
    if (source.kind != Source::load) base += loads.size();
    if (source.kind == Source::instruction) base += immediates.size();
    return static_cast<std::uint16_t>(base + source.index);
  };
  PointwiseProgram program{shape, {}, immediates, {}, {}};
  for (const auto& load : loads) program.loads.push_back({load.dtype, load.strides});
  for (const auto& instruction : instructions) {
    PointwiseProgram::Instruction translated{instruction.fn, instruction.operand, instruction.result, {0, 0, 0},
                                               instruction.call};
    for (int i = 0; i < arity(instruction.fn); ++i) translated.inputs[i] = reg(instruction.inputs[i]);
    program.instructions.push_back(translated);
  }
  for (const auto index : stored) program.outputs.push_back({reg({Source::instruction, index})});
  for (const auto& reduced : reductions)
    program.outputs.push_back({reg(reduced.source), reduced.reduction, reduced.axes});
  return program;
}

void Group::clear() {
  loads = {};
  immediates = {};
  instructions = {};
  reductions = {};
  open = false;
}

}  // namespace metac
