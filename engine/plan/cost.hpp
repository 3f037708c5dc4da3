// What a plan costs, known before it runs.
#pragma once

#include "plan/plan.hpp"

namespace [[gnu::visibility("default")]] metac {

// Of one run. A loop that may stop early counts in full.
struct Cost {
  double operations = 0;  // additions, multiplications and the like
  double bytes = 0;       // of the operands of all kernels, each counted once a call; what is still in a cache counts, too
};
Cost cost_of(const Plan&);

// What an Executable with so many threads allocates when it is made.
std::size_t working_bytes(const Plan&, int threads);

}  // namespace metac
