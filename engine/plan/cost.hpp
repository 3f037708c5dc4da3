// What a program costs, known before it runs.
#pragma once

#include "plan/plan.hpp"

namespace [[gnu::visibility("default")]] metac {

struct Cost {
  // Of products and convolutions each multiplication and each addition; of everything else one for each element that is
  // made, or added up.
  double operations = 0;
  double bytes = 0;  // that kernels read and write; what is still in a cache counts, too
};
Cost cost_of(const Program&, const Plan&);

// What an Executable with so many threads allocates when it is made.
std::size_t working_bytes(const Plan&, int threads);

}  // namespace metac
