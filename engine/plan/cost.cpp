// Adds up the work of the kernels of a plan, those of a region once for each of its tasks.
#include "plan/cost.hpp"

#include <algorithm>

#include "base/memory.hpp"
#include "plan/program.hpp"

namespace metac {
namespace {

Cost cost_of(const Frame& frame) {
  Cost sum;
  for (const Step& step : frame.steps) {
    const Cost one = step.loop != nullptr ? cost_of(step.loop->body) : step.work;
    const double times = step.loop != nullptr ? static_cast<double>(step.loop->length) : 1;
    sum.operations += times * one.operations;
    sum.bytes += times * one.bytes;
  }
  return sum;
}

// As BoundFrame and LoopState allocate: the first worker of a loop is in the arena, the further ones are not.
std::size_t beside_the_arena(const Frame& frame, int threads) {
  std::size_t bytes = static_cast<std::size_t>(frame.workers(threads) - 1) * frame.part_scratch_bytes;
  for (const Step& step : frame.steps) {
    if (step.loop == nullptr) continue;
    const LoopKernel& loop = *step.loop;
    const auto workers = static_cast<std::size_t>(loop.workers(threads));
    bytes += workers * beside_the_arena(loop.body, loop.threads_of_each(threads));
    if (workers < 2) continue;
    bytes += (workers - 1) * loop.body.arena_bytes;
    bytes += static_cast<std::size_t>(loop.pieces() - 1) * loop.accumulator_bytes;
  }
  return bytes;
}

}  // namespace

Cost cost_of(const Plan& plan) { return cost_of(plan.frame); }

std::size_t working_bytes(const Plan& plan, int threads) {
  return plan.frame.arena_bytes + beside_the_arena(plan.frame, threads);
}

}  // namespace metac
