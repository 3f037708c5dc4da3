// The door of the room: plans, binds, checks what the caller gives, copies results out.
#include "plan/plan.hpp"

#include <fmt/format.h>

#include <cstring>

#include "base/memory.hpp"
#include "kernels/one_thread.hpp"
#include "plan/execute.hpp"
#include "plan/lower.hpp"
#include "plan/program.hpp"

namespace metac {
namespace {

std::vector<Type> types_of(const Graph& graph, std::span<const NodeId> ids) {
  std::vector<Type> types;
  for (const NodeId id : ids) types.push_back(graph.node(id).type);
  return types;
}

std::int64_t count_steps(const Frame& frame) {
  std::int64_t count = 0;
  for (const Step& step : frame.steps) count += step.map != nullptr ? count_steps(step.map->body) : 1;
  return count;
}

void check_inputs(std::span<const Array> inputs, const std::vector<Type>& types) {
  if (inputs.size() != types.size())
    throw Error(fmt::format("[run] {} inputs were given, {} are needed", inputs.size(), types.size()));
  for (std::size_t i = 0; i < types.size(); ++i)
    if (inputs[i].type() != types[i])
      throw Error(
          fmt::format("[run] input {} is {}, {} is needed", i, to_string(inputs[i].type()), to_string(types[i])));
}

}  // namespace

std::shared_ptr<const Plan> make_plan(const Program& program) {
  const OneThread guard;
  KernelCache cache;
  auto plan = std::make_shared<Plan>();
  plan->frame = Lowering(*program.graph, cache).program(program.inputs, program.outputs);
  plan->inputs = types_of(*program.graph, program.inputs);
  plan->outputs = types_of(*program.graph, program.outputs);
  return plan;
}

std::size_t arena_bytes(const Plan& plan) { return plan.frame.arena_bytes; }
std::int64_t steps(const Plan& plan) { return count_steps(plan.frame); }

struct Executable::Bound {
  Bound(std::shared_ptr<const Plan> given, int threads)
      : plan(std::move(given)),
        arena(allocate(plan->frame.arena_bytes)),
        frame(plan->frame, arena.get(), threads),
        externals(plan->inputs.size()) {}

  std::shared_ptr<const Plan> plan;
  std::shared_ptr<std::byte> arena;
  BoundFrame frame;
  std::vector<void*> externals;
};

Executable::Executable(std::shared_ptr<const Plan> plan, int threads) {
  if (threads < 1) throw Error(fmt::format("[run] {} threads were given, at least 1 is needed", threads));
  const OneThread guard;
  bound_ = std::make_unique<Bound>(std::move(plan), threads);
}

Executable::~Executable() = default;
Executable::Executable(Executable&&) noexcept = default;

void Executable::run(std::span<const Array> inputs, std::span<Array> outputs) {
  Bound& bound = *bound_;
  const std::vector<Type>& types = bound.plan->outputs;
  check_inputs(inputs, bound.plan->inputs);
  if (outputs.size() != types.size())
    throw Error(fmt::format("[run] room for {} outputs was given, {} are needed", outputs.size(), types.size()));
  // Kernels only read what is external to the program.
  for (std::size_t i = 0; i < inputs.size(); ++i) bound.externals[i] = const_cast<void*>(inputs[i].data());
  bound.frame.patch(bound.externals.data());
  {
    const OneThread guard;
    bound.frame.run();
  }
  for (std::size_t i = 0; i < types.size(); ++i) {
    if (outputs[i].type() != types[i]) outputs[i] = Array(types[i]);
    std::memcpy(outputs[i].data(), bound.frame.output(i), types[i].bytes());
  }
}

std::vector<Array> Executable::run(std::span<const Array> inputs) {
  std::vector<Array> outputs;
  for (const Type& type : bound_->plan->outputs) outputs.emplace_back(type);
  run(inputs, outputs);
  return outputs;
}

std::vector<Type> Executable::input_types() const { return bound_->plan->inputs; }
std::vector<Type> Executable::output_types() const { return bound_->plan->outputs; }

Executable compile(std::span<const Tensor> inputs, std::span<const Tensor> outputs, int threads) {
  return Executable(make_plan(finalize(inputs, outputs)), threads);
}

}  // namespace metac
