// Runs frames. Binding resolves every pointer that never changes; a run patches the few that depend on the caller's
// arrays or on the task, then calls the kernels one after the other, those of steps in parts once for each part.
#include "plan/execute.hpp"

#include <algorithm>
#include <chrono>
#include <cstring>

#include "base/memory.hpp"
#include "plan/parallel.hpp"

namespace metac {

BoundFrame::BoundFrame(const Frame& frame, std::byte* arena, int threads)
    : frame_(frame), threads_(threads), pointers_(frame.operands.size()) {
  resolve(frame, arena);
  calls_.reserve(frame.steps.size());
  for (const Step& step : frame.steps)
    calls_.push_back({.kernel = step.kernel.get(),
                      .operands = pointers_.data() + step.first,
                      .scratch = step.scratch < 0 ? nullptr : arena + step.scratch,
                      .state = nullptr,
                      .number = number_of(*step.kernel),
                      .smaller = step.smaller == nullptr ? 0 : number_of(*step.smaller),
                      .step = static_cast<std::uint32_t>(calls_.size()),
                      .together = step.is_cut() ? step.together : 0});
  make_states(frame, arena);
  for (const auto output : frame.outputs) outputs_.push_back(&pointers_[output]);
}

std::uint32_t BoundFrame::number_of(const Kernel& kernel) {
  const auto [found, fresh] = numbers_.emplace(&kernel, static_cast<std::uint32_t>(kernels_.size()));
  if (fresh) kernels_.push_back(&kernel);
  return found->second;
}

void BoundFrame::make_states(const Frame& frame, std::byte* arena) {
  std::vector<const Step*> loops(kernels_.size(), nullptr);
  std::vector<char> cut(kernels_.size(), 0);
  std::uint32_t most_operands = 0;  // of a step in parts
  for (const Call& call : calls_) {
    const Step& step = frame.steps[call.step];
    if (step.loop != nullptr) loops[call.number] = &step;
    if (!step.is_cut()) continue;
    cut[call.number] = 1;
    if (step.smaller != nullptr) cut[call.smaller] = 1;
    most_operands = std::max(most_operands, step.operands);
  }
  workers_.resize(static_cast<std::size_t>(frame.workers(threads_)));
  for (Worker& worker : workers_) {
    const bool first = &worker == workers_.data();
    worker.operands.resize(most_operands);
    if (!first) worker.scratch = allocate(frame.part_scratch_bytes);
    for (std::size_t k = 0; k < kernels_.size(); ++k) {
      std::unique_ptr<Kernel::State> state;
      if (loops[k] != nullptr && first)
        state = std::make_unique<LoopState>(*loops[k]->loop,
                                            loops[k]->scratch < 0 ? nullptr : arena + loops[k]->scratch, threads_);
      else if (loops[k] == nullptr && (first || cut[k] != 0))
        state = kernels_[k]->make_state();
      worker.states.push_back(std::move(state));
    }
  }
  for (Call& call : calls_) call.state = workers_[0].states[call.number].get();
}

void BoundFrame::resolve(const Frame& frame, std::byte* arena) {
  for (std::uint32_t i = 0; i < frame.operands.size(); ++i) {
    const Operand& operand = frame.operands[i];
    const Storage& storage = frame.storages[operand.storage];
    switch (storage.space) {
      case Space::arena:
      case Space::part:
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
  const bool timed = !workers_[0].times.empty();
  for (std::size_t i = 0; i < calls_.size();) {
    const Call& call = calls_[i];
    if (call.together > 0) {
      parallel_for(threads_, frame_.steps[call.step].parts,
                   [this, i](int worker, std::int64_t part) { run_part(i, worker, part); });
      i += call.together;
      continue;
    }
    if (timed)
      run_timed(call.number, workers_[0], call.operands, call.scratch);
    else
      call.kernel->run(call.operands, call.scratch, call.state);
    ++i;
  }
}

// All steps of the chain that begins with this call.
void BoundFrame::run_part(std::size_t first, int w, std::int64_t part) {
  Worker& worker = workers_[static_cast<std::size_t>(w)];
  std::byte* const scratch = w == 0 ? calls_[first].scratch : worker.scratch.get();
  for (std::size_t i = first; i < first + calls_[first].together; ++i) {
    const Call& call = calls_[i];
    const Step& step = frame_.steps[call.step];
    const std::int64_t begin = step.place(part), size = step.place(part + 1) - begin;
    for (std::uint32_t k = 0; k < step.operands; ++k) {
      const Operand& operand = frame_.operands[step.first + k];
      auto* const base = static_cast<std::byte*>(call.operands[k]);
      worker.operands[k] = frame_.storages[operand.storage].space == Space::part
                               ? scratch + (base - call.scratch)
                               : base + operand.stride * (operand.by_part ? part : begin);
    }
    const std::uint32_t kernel = size < step.most_places() ? call.smaller : call.number;
    if (worker.times.empty())
      kernels_[kernel]->run(worker.operands.data(), scratch, worker.states[kernel].get());
    else
      run_timed(kernel, worker, worker.operands.data(), scratch);
  }
}

void BoundFrame::run_timed(std::uint32_t kernel, Worker& worker, void* const* operands, std::byte* scratch) {
  using Clock = std::chrono::steady_clock;
  const auto begun = Clock::now();
  kernels_[kernel]->run(operands, scratch, worker.states[kernel].get());
  ++worker.times[kernel].calls;
  worker.times[kernel].nanoseconds += std::chrono::nanoseconds(Clock::now() - begun).count();
}

void BoundFrame::measure() {
  for (Worker& worker : workers_) {
    worker.times.assign(kernels_.size(), {});
    for (const auto& state : worker.states)
      if (auto* loop = dynamic_cast<LoopState*>(state.get()))
        for (auto& inner : loop->workers) inner.measure();
  }
}

void BoundFrame::visit_times(const std::function<void(const Kernel&, std::int64_t, double)>& visit) const {
  for (const Worker& worker : workers_)
    for (std::size_t k = 0; k < worker.times.size(); ++k) {
      if (const auto* loop = dynamic_cast<const LoopState*>(worker.states[k].get()))
        for (const auto& inner : loop->workers) inner.visit_times(visit);
      else if (worker.times[k].calls > 0)
        visit(*kernels_[k], worker.times[k].calls, 1e-9 * static_cast<double>(worker.times[k].nanoseconds));
    }
}

}  // namespace metac
