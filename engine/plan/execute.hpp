// A frame bound to memory: one worker's own pointers and states. Nothing here allocates after construction.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "plan/frame.hpp"

namespace metac {

class BoundFrame {
 public:
  // `arena` has at least frame.arena_bytes and outlives this, as does the frame. Regions in the frame may use `threads`
  // workers.
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
    Kernel::State* state;
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

  void resolve(const Frame& frame, std::byte* arena);
  void run_timed();

  std::vector<void*> pointers_;  // one for each operand of the frame
  std::vector<Call> calls_;
  std::vector<Patch> patches_;
  std::vector<MovingPatch> moving_;
  std::vector<void* const*> outputs_;
  std::vector<std::unique_ptr<Kernel::State>> states_;
  std::vector<Time> times_;  // of the calls; empty: they are not timed
};

// The workers of one step with a region. The first uses the scratch of the step; further ones, and the accumulators
// that they need, have memory of their own.
struct LoopState final : Kernel::State {
  LoopState(const LoopKernel&, std::byte* scratch, int threads);

  std::vector<BoundFrame> workers;
  std::vector<std::byte*> accumulators;  // by piece
  std::vector<void*> operands;           // of a scan: as they are for the step at hand
  std::vector<std::shared_ptr<std::byte>> memory;
};

}  // namespace metac
