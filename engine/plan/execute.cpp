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
    if (step.map != nullptr) {
      states_.push_back(std::make_unique<MapState>(*step.map, scratch, threads));
      states[step.map] = states_.back().get();
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

void BoundFrame::split_patches(const std::vector<std::int64_t>& strides) {
  std::vector<Patch> fixed;
  for (const Patch& patch : patches_)
    if (strides[patch.external] == 0)
      fixed.push_back(patch);
    else
      moving_.push_back({patch.slot, patch.external, patch.offset, strides[patch.external]});
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
    if (auto* map = dynamic_cast<MapState*>(state.get()))
      for (auto& worker : map->workers) worker.measure();
}

void BoundFrame::visit_times(const std::function<void(const Kernel&, std::int64_t, double)>& visit) const {
  for (std::size_t i = 0; i < times_.size(); ++i)
    if (dynamic_cast<const MapState*>(calls_[i].state) == nullptr)
      visit(*calls_[i].kernel, times_[i].calls, 1e-9 * static_cast<double>(times_[i].nanoseconds));
  for (const auto& state : states_)
    if (const auto* map = dynamic_cast<const MapState*>(state.get()))
      for (const auto& worker : map->workers) worker.visit_times(visit);
}

// ---- regions ----

MapState::MapState(const MapKernel& map, std::byte* scratch, int threads) {
  const auto count = static_cast<int>(std::min<std::int64_t>(threads, map.pieces()));
  workers.emplace_back(map.body, scratch + map.accumulator_bytes, 1);
  for (int w = 1; w < count; ++w) {
    memory.push_back(allocate(map.body.arena_bytes));
    workers.emplace_back(map.body, memory.back().get(), 1);
  }
  for (auto& worker : workers) worker.split_patches(map.strides);
  if (count <= 1) {
    accumulators.assign(static_cast<std::size_t>(map.pieces()), scratch);
    return;
  }
  for (std::int64_t piece = 0; piece < map.pieces(); ++piece) {
    memory.push_back(allocate(piece == 0 ? 0 : map.accumulator_bytes));
    accumulators.push_back(memory.back().get());
  }
}

namespace {

template <class T>
void add_elements(void* to, const void* from, std::int64_t count) {
  T* __restrict sum = static_cast<T*>(to);
  const T* __restrict term = static_cast<const T*>(from);
  for (std::int64_t i = 0; i < count; ++i) sum[i] += term[i];
}

void add_array(const Type& type, void* to, const void* from) {
  switch (type.dtype) {
    case Dtype::f32:
      return add_elements<float>(to, from, type.elements());
    case Dtype::f64:
      return add_elements<double>(to, from, type.elements());
    case Dtype::i32:
      return add_elements<std::uint32_t>(to, from, type.elements());  // wraps
    case Dtype::boolean:
      break;
  }
  throw Bug("map: a bool cannot be added up");
}

// One run of a `map` step: what all workers need to know.
struct MapRun {
  const MapKernel& map;
  void* const* operands;
  MapState& state;

  // Piece 0 adds up in the result itself.
  std::byte* sum_of(const MapKernel::Sum& sum, std::int64_t piece) const {
    return piece == 0 ? static_cast<std::byte*>(operands[sum.operand]) : state.accumulators[piece] + sum.offset;
  }

  void run_piece(int w, std::int64_t piece) const {
    BoundFrame& worker = state.workers[w];
    const std::int64_t first = map.first_task(piece), end = map.first_task(piece + 1);
    for (std::int64_t task = first; task < end; ++task) {
      worker.run_task(operands, task);
      for (const auto& sum : map.sums) {
        if (task > first)
          add_array(sum.type, sum_of(sum, piece), worker.output(sum.output));
        else
          std::memcpy(sum_of(sum, piece), worker.output(sum.output), sum.type.bytes());
      }
    }
  }

  void add_piece(std::int64_t piece) const {
    for (const auto& sum : map.sums) add_array(sum.type, operands[sum.operand], sum_of(sum, piece));
  }
};

}  // namespace

std::int64_t MapKernel::pieces() const { return std::min<std::int64_t>(length, 16); }

void MapKernel::run(void* const* operands, std::byte*, State* state) const {
  const MapRun run{*this, operands, static_cast<MapState&>(*state)};
  if (length == 0)
    for (const auto& sum : sums) std::memset(operands[sum.operand], 0, sum.type.bytes());
  for (auto& worker : run.state.workers) worker.patch(operands);
  const int threads = static_cast<int>(run.state.workers.size());
  if (threads > 1)
    parallel_for(threads, pieces(), [&run](int worker, std::int64_t piece) { run.run_piece(worker, piece); });
  for (std::int64_t piece = 0; piece < pieces(); ++piece) {
    if (threads == 1) run.run_piece(0, piece);
    if (piece > 0) run.add_piece(piece);
  }
}

std::string MapKernel::describe() const { return "map " + std::to_string(length); }

}  // namespace metac
