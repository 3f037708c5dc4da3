// A frame bound to memory: its pointers, and the states of the workers that share the parts of its steps. Nothing here
// allocates after construction.
#pragma once

#include <functional>
#include <memory>
#include <unordered_map>
#include <vector>

#include "plan/frame.hpp"

namespace metac {

class BoundFrame {
 public:
  // `arena` has at least frame.arena_bytes and outlives this, as does the frame. The tasks of regions in the frame and
  // the parts of its steps may use `threads` workers.
  BoundFrame(const Frame& frame, std::byte* arena, int threads);
  BoundFrame(BoundFrame&&) = default;

  void patch(void* const* externals);  // sets the pointers that depend on them, except those that move
  void run();

  // For the body of a region: externals that move from task to task.
  void split_patches(const LoopKernel&);
  void run_task(void* const* externals, std::int64_t task);

  void measure();  // each call from now on
  // visit(kernel, calls, seconds) for each step of the frame and, in their place, of the bodies of its regions.
  void visit_times(const std::function<void(const Kernel&, std::int64_t, double)>& visit) const;

  const void* output(std::size_t index) const { return *outputs_[index]; }

 private:
  struct Call {
    const Kernel* kernel;
    void* const* operands;
    std::byte* scratch;
    Kernel::State* state;           // of the first worker
    std::uint32_t number, smaller;  // of kernels_; `smaller` only of steps in parts
    std::uint32_t step;
    std::uint32_t together;  // calls of the chain that begins here, if it is run in parts; else 0
  };
  struct Patch {
    std::uint32_t slot, external;
    std::int64_t offset;
  };
  struct MovingPatch {
    std::uint32_t slot, external;
    std::int64_t offset, stride;
  };

  struct Time {
    std::int64_t calls = 0, nanoseconds = 0;
  };
  // What runs whole steps, and parts; all but the first one parts only.
  struct Worker {
    std::vector<std::unique_ptr<Kernel::State>> states;  // by kernel
    std::vector<Time> times;                             // by kernel; empty: they are not timed
    std::vector<void*> operands;                         // of the part at hand
    std::shared_ptr<std::byte> scratch;                  // null for the first, which has that of the steps
  };

  void resolve(const Frame& frame, std::byte* arena);
  std::uint32_t number_of(const Kernel&);
  void make_states(const Frame& frame, std::byte* arena);
  void run_part(std::size_t call, int worker, std::int64_t part);
  void run_timed(std::uint32_t kernel, Worker&, void* const* operands, std::byte* scratch);

  const Frame& frame_;
  int threads_;
  std::vector<void*> pointers_;  // one for each operand of the frame; of a step in parts: of its first part
  std::vector<Call> calls_;
  std::vector<Patch> patches_;
  std::vector<MovingPatch> moving_;
  std::vector<void* const*> outputs_;
  std::vector<const Kernel*> kernels_;  // each once: a kernel of several steps needs one state only
  std::unordered_map<const Kernel*, std::uint32_t> numbers_;
  std::vector<Worker> workers_;
};

// The workers of one step with a region. The first uses the scratch of the step; further ones, and the accumulators
// that they need, have memory of their own.
struct LoopState final : Kernel::State {
  LoopState(const LoopKernel&, std::byte* scratch, int threads);

  int threads;
  std::vector<BoundFrame> workers;
  std::vector<std::byte*> accumulators;  // by piece
  std::vector<void*> operands;           // of a scan: as they are for the step at hand
  std::vector<std::shared_ptr<std::byte>> memory;
};

}  // namespace metac
