// Runs frames. Binding resolves every pointer that never changes; a run patches the few that depend on the caller's
// arrays or on the task, then calls the kernels one after the other.
#include "plan/execute.hpp"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <unordered_map>

#include "base/memory.hpp"
#include "plan/parallel.hpp"

namespace metac {

BoundFrame::BoundFrame(const Frame& frame, std::byte* arena, int threads) : pointers_(frame.operands.size()) {
  resolve(frame, arena);
  calls_.reserve(frame.steps.size());
  std::unordered_map<const Kernel*, Kernel::State*> states;  // a kernel of several steps needs one only
  for (const Step& step : frame.steps) {
    std::byte* scratch = step.scratch < 0 ? nullptr : arena + step.scratch;
    if (step.loop != nullptr) {
      states_.push_back(std::make_unique<LoopState>(*step.loop, scratch, threads));
      states[step.loop] = states_.back().get();
    } else if (!states.contains(step.kernel.get())) {
      states_.push_back(step.kernel->make_state());
      states[step.kernel.get()] = states_.back().get();
    }
    calls_.push_back({step.kernel.get(), pointers_.data() + step.first, scratch, states[step.kernel.get()]});
  }
  for (const auto output : frame.outputs) outputs_.push_back(&pointers_[output]);
}

void BoundFrame::resolve(const Frame& frame, std::byte* arena) {
  for (std::uint32_t i = 0; i < frame.operands.size(); ++i) {
    const Operand& operand = frame.operands[i];
    const Storage& storage = frame.storages[operand.storage];
    switch (storage.space) {
      case Space::arena:
        pointers_[i] = arena + storage.offset + operand.offset;
        break;
      case Space::array:
        pointers_[i] = static_cast<std::byte*>(const_cast<void*>(frame.arrays[storage.index].data())) + operand.offset;
        break;
      case Space::external:
        patches_.push_back({i, storage.index, operand.offset});
        break;
    }
  }
}

void BoundFrame::split_patches(const LoopKernel& loop) {
  std::vector<Patch> fixed;
  for (const Patch& patch : patches_)
    if (loop.moves(patch.external))
      moving_.push_back({patch.slot, patch.external, patch.offset, loop.strides[patch.external]});
    else
      fixed.push_back(patch);
  patches_ = std::move(fixed);
}

void BoundFrame::patch(void* const* externals) {
  for (const Patch& patch : patches_)
    pointers_[patch.slot] = static_cast<std::byte*>(externals[patch.external]) + patch.offset;
}

void BoundFrame::run_task(void* const* externals, std::int64_t task) {
  for (const MovingPatch& patch : moving_)
    pointers_[patch.slot] = static_cast<std::byte*>(externals[patch.external]) + patch.offset + task * patch.stride;
  run();
}

void BoundFrame::run() {
  if (!times_.empty()) return run_timed();
  for (const Call& call : calls_) call.kernel->run(call.operands, call.scratch, call.state);
}

void BoundFrame::run_timed() {
  using Clock = std::chrono::steady_clock;
  for (std::size_t i = 0; i < calls_.size(); ++i) {
    const Call& call = calls_[i];
    const auto begun = Clock::now();
    call.kernel->run(call.operands, call.scratch, call.state);
    ++times_[i].calls;
    times_[i].nanoseconds += std::chrono::nanoseconds(Clock::now() - begun).count();
  }
}

void BoundFrame::measure() {
  times_.assign(calls_.size(), {});
  for (const auto& state : states_)
    if (auto* loop = dynamic_cast<LoopState*>(state.get()))
      for (auto& worker : loop->workers) worker.measure();
}

void BoundFrame::visit_times(const std::function<void(const Kernel&, std::int64_t, double)>& visit) const {
  for (std::size_t i = 0; i < times_.size(); ++i)
    if (dynamic_cast<const LoopState*>(calls_[i].state) == nullptr)
      visit(*calls_[i].kernel, times_[i].calls, 1e-9 * static_cast<double>(times_[i].nanoseconds));
  for (const auto& state : states_)
    if (const auto* loop = dynamic_cast<const LoopState*>(state.get()))
      for (const auto& worker : loop->workers) worker.visit_times(visit);
}

}  // namespace metac
