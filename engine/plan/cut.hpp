// Large work in parts: steps over whole operands that are run slice by slice. The parts of a step need nothing of each
// other, so threads may share them; and where a step reads only that slice which the step before has just written, one
// part runs through both while its slice is still in the cache. How many parts there are depends on shapes only, so
// results have the same bits for any number of threads.
#pragma once

#include <functional>
#include <vector>

#include "kernels/pointwise.hpp"
#include "plan/cost.hpp"
#include "plan/frame.hpp"
#include "plan/share.hpp"

namespace metac {

// A step whose kernel is not made yet.
struct Draft {
  struct Summed {  // a result of which each part makes one of its own
    std::size_t result;
    Dtype dtype;
    Reduction reduction;
  };

  NodeId node = 0;
  std::size_t results = 0;
  std::vector<Operand> operands;  // with their strides along the axis that may be cut
  std::int64_t length = 1;        // of that axis; 1: there is none
  std::vector<Summed> summed;
  Cost work;                // of the whole
  bool is_product = false;  // bound by arithmetic, and slower in small parts
  const LoopKernel* loop = nullptr;
  std::function<std::shared_ptr<const Kernel>(std::int64_t length)> make;  // the kernel for so much of the axis
};

// Makes the steps of the frame. Their order changes only where nothing depends on it.
void add_steps(Frame&, std::vector<Draft>, KernelCache&, const Parts&);

}  // namespace metac
