// Regions at run time: the tasks of a `map` on several workers, the steps of a `scan` one after the other.
#include <algorithm>
#include <cstring>

#include "base/memory.hpp"
#include "plan/execute.hpp"
#include "plan/parallel.hpp"

namespace metac {

// Threads beyond the pieces help in the bodies: with the tasks of regions there, and the parts of steps.
LoopState::LoopState(const LoopKernel& loop, std::byte* scratch, int threads_of_all) : threads(threads_of_all) {
  const std::int64_t pieces = loop.pieces();
  const int count = loop.workers(threads), of_each = loop.threads_of_each(threads);
  std::byte* const own = scratch + loop.carry_bytes;
  workers.emplace_back(loop.body, own + loop.accumulator_bytes, of_each);
  for (int w = 1; w < count; ++w) {
    memory.push_back(allocate(loop.body.arena_bytes));
    workers.emplace_back(loop.body, memory.back().get(), of_each);
  }
  for (auto& worker : workers) worker.split_patches(loop);
  if (!loop.carries.empty()) operands.resize(loop.strides.size());
  if (count <= 1) {
    accumulators.assign(static_cast<std::size_t>(pieces), own);
    return;
  }
  for (std::int64_t piece = 0; piece < pieces; ++piece) {
    memory.push_back(allocate(piece == 0 ? 0 : loop.accumulator_bytes));
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

void copy_bytes(void* to, const void* from, std::size_t bytes) {
  if (bytes > 0 && to != from) std::memcpy(to, from, bytes);
}

// One run of a map or scan: what all workers need to know.
struct LoopRun {
  const LoopKernel& loop;
  void* const* operands;
  LoopState& state;
  std::byte* places;  // the second ones of the carries

  void run() const {
    for (auto& worker : state.workers) worker.patch(operands);
    begin_carries();
    const bool shared = state.workers.size() > 1;
    if (shared)
      parallel_for(state.threads, loop.pieces(), [this](int worker, std::int64_t piece) { run_piece(worker, piece); });
    for (std::int64_t piece = 0; piece < loop.pieces(); ++piece) {
      if (!shared) run_piece(0, piece);
      if (piece > 0) add_piece(piece);
    }
    if (loop.pieces() == 0) clear_sums(0);
    end_carries();
  }

  void run_piece(int w, std::int64_t piece) const {
    const std::int64_t first = loop.first_task(piece), end = loop.first_task(piece + 1);
    bool summing = false;
    for (std::int64_t task = first; task < end; ++task) {
      if (!is_run(task)) {
        const bool for_good = loop.strides[loop.guard] == 0;  // a carry: it stays as it is
        leave_out(task, for_good ? end : task + 1);
        if (for_good) break;
        continue;
      }
      state.workers[w].run_task(loop.carries.empty() ? operands : state.operands.data(), task);
      add_results(w, piece, summing);
      hand_on();
      summing = true;
    }
    if (!summing) clear_sums(piece);
  }

  // ---- sums ----

  // Piece 0 adds up in the result itself.
  std::byte* sum_of(const LoopKernel::Sum& sum, std::int64_t piece) const {
    return piece == 0 ? static_cast<std::byte*>(operands[sum.operand]) : state.accumulators[piece] + sum.offset;
  }

  void add_results(int w, std::int64_t piece, bool summing) const {
    for (const auto& sum : loop.sums) {
      if (summing)
        add_array(sum.type, sum_of(sum, piece), state.workers[w].output(sum.output));
      else
        copy_bytes(sum_of(sum, piece), state.workers[w].output(sum.output), sum.type.bytes());
    }
  }

  void clear_sums(std::int64_t piece) const {
    for (const auto& sum : loop.sums) std::memset(sum_of(sum, piece), 0, sum.type.bytes());
  }

  void add_piece(std::int64_t piece) const {
    for (const auto& sum : loop.sums) add_array(sum.type, operands[sum.operand], sum_of(sum, piece));
  }

  // ---- guards ----

  bool is_run(std::int64_t task) const {
    if (loop.guard < 0) return true;
    void* const* const now = loop.carries.empty() ? operands : state.operands.data();
    return *(static_cast<const unsigned char*>(now[loop.guard]) + task * loop.strides[loop.guard]) != 0;
  }

  void leave_out(std::int64_t task, std::int64_t end) const {
    for (std::size_t k = 0; k < loop.results; ++k)
      if (loop.strides[k] > 0)
        std::memset(static_cast<std::byte*>(operands[k]) + task * loop.strides[k], 0,
                    static_cast<std::size_t>((end - task) * loop.strides[k]));
  }

  // ---- carries: read where they begin, then by turns in the second place and the result ----

  void begin_carries() const {
    if (loop.carries.empty()) return;
    std::copy(operands, operands + state.operands.size(), state.operands.begin());
    if (loop.length % 2 == 0)  // so that the last of all steps writes to the result
      for (const auto& carry : loop.carries) state.operands[carry.result] = places + carry.offset;
  }

  void hand_on() const {
    for (const auto& carry : loop.carries) {
      void* const written = state.operands[carry.result];
      state.operands[carry.initial] = written;
      state.operands[carry.result] = written == operands[carry.result] ? places + carry.offset : operands[carry.result];
    }
  }

  void end_carries() const {
    for (const auto& carry : loop.carries)
      copy_bytes(operands[carry.result], state.operands[carry.initial], carry.bytes);
  }
};

}  // namespace

std::int64_t LoopKernel::pieces() const { return std::min<std::int64_t>(length, carries.empty() ? 16 : 1); }

int LoopKernel::workers(int threads) const { return static_cast<int>(std::clamp<std::int64_t>(pieces(), 1, threads)); }

int LoopKernel::threads_of_each(int threads) const { return (threads + workers(threads) - 1) / workers(threads); }

bool LoopKernel::moves(std::uint32_t operand) const {
  const auto is = [operand](const Carry& carry) { return carry.result == operand || carry.initial == operand; };
  return strides[operand] != 0 || std::any_of(carries.begin(), carries.end(), is);
}

void LoopKernel::run(void* const* operands, std::byte* scratch, State* state) const {
  LoopRun{*this, operands, static_cast<LoopState&>(*state), scratch}.run();
}

std::string LoopKernel::describe() const { return (carries.empty() ? "map " : "scan ") + std::to_string(length); }

}  // namespace metac
