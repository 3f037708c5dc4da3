// One walk over a frame, for each form.
#include "plan/drawing.hpp"

#include <fmt/format.h>

#include <map>

#include "graph/drawing.hpp"
#include "plan/program.hpp"

namespace metac {
namespace {

// ---- dot ----

class Drawing {
 public:
  explicit Drawing(std::string& text) : text_(text) {}

  // A step reads what the last step before it wrote to the same storage. `prefix` makes names unique among all frames.
  void draw(const Frame& frame, const std::string& prefix, const std::string& indent) {
    std::map<std::uint32_t, std::string> writers;  // by storage
    for (std::size_t i = 0; i < frame.steps.size(); ++i) {
      const Step& step = frame.steps[i];
      const std::string name = fmt::format("{}{}", prefix, i);
      text_ += fmt::format("{}{} [label={}];\n", indent, name, quoted(step.kernel->describe()));
      for (std::uint32_t k = step.results; k < step.operands; ++k) {
        const std::uint32_t storage = frame.operands[step.first + k].storage;
        if (const auto writer = writers.find(storage); writer != writers.end())
          text_ += fmt::format("{}{} -> {};\n", indent, writer->second, name);
        else if (frame.storages[storage].space == Space::external)
          from_outside(frame.storages[storage].index, prefix, name, indent);
      }
      for (std::uint32_t k = 0; k < step.results; ++k) writers[frame.operands[step.first + k].storage] = name;
      if (step.loop != nullptr) draw_body(*step.loop, name, indent);
    }
  }

 private:
  void from_outside(std::uint32_t index, const std::string& prefix, const std::string& name,
                    const std::string& indent) {
    const std::string external = fmt::format("{}x{}", prefix, index);
    text_ += fmt::format("{}{} [label=\"external {}\", style=dashed];\n{}{} -> {};\n", indent, external, index, indent,
                         external, name);
  }
  void draw_body(const LoopKernel& loop, const std::string& name, const std::string& indent) {
    text_ += fmt::format("{}subgraph cluster_{} {{\n{}  label={};\n", indent, name, indent, quoted(loop.describe()));
    draw(loop.body, name + "_", indent + "  ");
    text_ += indent + "}\n";
  }

  std::string& text_;
};

// ---- JSON ----

std::string operand_json(const Frame& frame, const Operand& operand) {
  const Storage& storage = frame.storages[operand.storage];
  constexpr const char* spaces[] = {"arena", "external", "array", "part"};
  const char* space = spaces[static_cast<int>(storage.space)];
  const std::int64_t place = storage.offset >= 0 ? storage.offset : storage.index;
  return fmt::format(R"({{"space":"{}","place":{},"offset":{}}})", space, place, operand.offset);
}

std::string operands_json(const Frame& frame, const Step& step, std::uint32_t begin, std::uint32_t end) {
  std::string text;
  for (std::uint32_t k = begin; k < end; ++k)
    text += fmt::format("{}{}", k == begin ? "" : ",", operand_json(frame, frame.operands[step.first + k]));
  return text;
}

std::string frame_json(const Frame& frame) {
  std::string steps;
  for (const Step& step : frame.steps) {
    steps += fmt::format(R"({}{{"kernel":{},"parts":{},"node":{},"results":[{}],"operands":[{}],"scratch_bytes":{})",
                         steps.empty() ? "" : ",", quoted(step.kernel->describe()), step.parts, step.node,
                         operands_json(frame, step, 0, step.results),
                         operands_json(frame, step, step.results, step.operands), step.scratch_bytes());
    if (step.loop != nullptr) steps += ",\"body\":" + frame_json(step.loop->body);
    steps += "}";
  }
  return fmt::format(R"({{"steps":[{}]}})", steps);
}

std::string types_json(const std::vector<Type>& types) {
  std::string text;
  for (const Type& type : types) text += fmt::format("{}\"{}\"", text.empty() ? "" : ",", to_string(type));
  return text;
}

}  // namespace

std::string to_dot(const Plan& plan, const std::string& name) {
  std::string text = fmt::format("digraph {} {{\n  node [shape=box];\n", quoted(name));
  Drawing(text).draw(plan.frame, "s", "  ");
  return text + "}\n";
}

std::string to_json(const Plan& plan) {
  return fmt::format(R"({{"arena_bytes":{},"inputs":[{}],"outputs":[{}],"frame":{}}})", arena_bytes(plan),
                     types_json(plan.inputs), types_json(plan.outputs), frame_json(plan.frame));
}

}  // namespace metac
