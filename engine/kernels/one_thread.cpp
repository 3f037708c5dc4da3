// See one_thread.hpp. Nothing is set where nothing changes: primitives run within a guard of the plan.
#include "kernels/one_thread.hpp"

#include <omp.h>

namespace metac {

OneThread::OneThread() : before_(omp_get_max_threads()) {
  if (before_ != 1) omp_set_num_threads(1);
}

OneThread::~OneThread() {
  if (before_ != 1) omp_set_num_threads(before_);
}

}  // namespace metac
