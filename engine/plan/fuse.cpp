// Filling a group and writing it down as a program. Assumes that its callers keep to the limits.
#include "plan/fuse.hpp"

#include <algorithm>
#include <bit>
#include <functional>

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

namespace {

// Beyond, reading the value costs less than making it.
constexpr int most_of_recipe = 4;

bool is_quick(Fn fn) {
  switch (fn) {
    case Fn::copy:
    case Fn::negate:
    case Fn::absolute:
    case Fn::add:
    case Fn::subtract:
    case Fn::multiply:
    case Fn::maximum:
    case Fn::minimum:
    case Fn::select:
      return true;
    default:
      return fn >= Fn::equal && fn <= Fn::logical_not;
  }
}

}  // namespace

std::optional<Group> Group::recipe(std::uint16_t instruction) const {
  std::vector<std::uint16_t> needed{instruction};  // falling: inputs come before what reads them
  for (std::size_t next = 0; next < needed.size(); ++next) {
    const Instruction& made = instructions[needed[next]];
    if (!is_quick(made.fn)) return std::nullopt;
    for (int i = 0; i < arity(made.fn); ++i)
      if (made.inputs[i].kind == Source::instruction) needed.push_back(made.inputs[i].index);
    std::sort(needed.begin() + static_cast<std::ptrdiff_t>(next) + 1, needed.end(), std::greater<>());
    needed.erase(std::unique(needed.begin(), needed.end()), needed.end());
    if (needed.size() > most_of_recipe) return std::nullopt;
  }
  Group result;
  result.shape = shape;
  for (auto from = needed.rbegin(); from != needed.rend(); ++from) {
    Instruction made = instructions[*from];
    for (int i = 0; i < arity(made.fn); ++i) {
      Source& input = made.inputs[i];
      if (input.kind == Source::load)
        input = result.add_load(loads[input.index]);
      else if (input.kind == Source::immediate)
        input = result.add_immediate(immediates[input.index].dtype, immediates[input.index].value);
      else
        input.index =
            static_cast<std::uint16_t>(std::find(needed.rbegin(), needed.rend(), input.index) - needed.rbegin());
    }
    result.instructions.push_back(made);
  }
  return result;
}

void Group::rebuild(std::size_t load, const Group& recipe) {
  Group result;
  result.shape = shape;
  result.loads = loads;
  result.loads.erase(result.loads.begin() + static_cast<std::ptrdiff_t>(load));
  result.immediates = immediates;
  result.merge(recipe);
  const auto shift = static_cast<std::uint16_t>(result.instructions.size());
  const auto translate = [&](Source& source) {
    if (source.kind == Source::load && source.index == load)
      source = {Source::instruction, static_cast<std::uint16_t>(shift - 1)};
    else if (source.kind == Source::load && source.index > load)
      --source.index;
    else if (source.kind == Source::instruction)
      source.index = static_cast<std::uint16_t>(source.index + shift);
  };
  for (Instruction& instruction : instructions)
    for (int i = 0; i < arity(instruction.fn); ++i) translate(instruction.inputs[i]);
  for (Reduced& reduced : reductions) translate(reduced.source);
  instructions.insert(instructions.begin(), result.instructions.begin(), result.instructions.end());
  loads = std::move(result.loads);
  immediates = std::move(result.immediates);
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
    PointwiseProgram::Instruction translated{
        instruction.fn, instruction.operand, instruction.result, {0, 0, 0}, instruction.call};
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
