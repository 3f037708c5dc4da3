// A plan for people: a line a kernel, the bodies of regions indented.
#include <fmt/format.h>

#include "plan/program.hpp"

namespace metac {
namespace {

std::string operand_text(const Frame& frame, const Operand& operand) {
  const Storage& storage = frame.storages[operand.storage];
  switch (storage.space) {
    case Space::arena:
    case Space::part:
      return fmt::format("@{}", storage.offset + operand.offset);
    case Space::external:
      return fmt::format("external {}{}", storage.index, operand.offset == 0 ? "" : fmt::format("+{}", operand.offset));
    case Space::array:
      return fmt::format("array {}{}", storage.index, operand.offset == 0 ? "" : fmt::format("+{}", operand.offset));
  }
  throw Bug("text: no such space");
}

std::string operands_text(const Frame& frame, const Step& step, std::uint32_t begin, std::uint32_t end) {
  std::string text;
  for (std::uint32_t i = begin; i < end; ++i) {
    if (i > begin) text += ", ";
    text += operand_text(frame, frame.operands[step.first + i]);
  }
  return text;
}

void add_frame(std::string& text, const Frame& frame, int depth) {
  const std::string indent(2 * static_cast<std::size_t>(depth), ' ');
  std::size_t chain_end = 0;
  for (std::size_t i = 0; i < frame.steps.size(); ++i) {
    const Step& step = frame.steps[i];
    text += fmt::format("{}{}: {} <- {}({})", indent, i, operands_text(frame, step, 0, step.results),
                        step.kernel->describe(), operands_text(frame, step, step.results, step.operands));
    if (step.scratch_bytes() > 0) text += fmt::format(" scratch {} bytes @{}", step.scratch_bytes(), step.scratch);
    const bool with_last = i > 0 && i < chain_end;
    if (!with_last) chain_end = i + step.together;
    text += fmt::format("  # %{}{}\n", step.node,
                        !step.is_cut() ? ""
                        : with_last    ? ", part by part with the step before"
                                       : fmt::format(", in {} parts", step.parts));
    if (step.loop != nullptr) add_frame(text, step.loop->body, depth + 1);
  }
  for (const auto output : frame.outputs)
    text += fmt::format("{}sum of {}\n", indent, operand_text(frame, frame.operands[output]));
}

}  // namespace

std::string to_text(const Plan& plan) {
  std::string text = fmt::format("{} kernels, arena of {} bytes\n", steps(plan), arena_bytes(plan));
  const std::size_t inputs = plan.inputs.size();
  for (std::size_t i = 0; i < inputs; ++i) text += fmt::format("external {}: {}\n", i, to_string(plan.inputs[i]));
  for (std::size_t i = 0; i < plan.outputs.size(); ++i)
    text += fmt::format("external {}: result {}\n", inputs + i, to_string(plan.outputs[i]));
  add_frame(text, plan.frame, 0);
  return text;
}

}  // namespace metac
