// What all kernels share: questions about layouts.
#include "kernels/kernel.hpp"

namespace metac {

bool Layout::is_dense() const {
  std::int64_t expected = 1;
  for (int axis = shape.rank() - 1; axis >= 0; --axis) {
    if (shape[axis] != 1 && strides[axis] != expected) return false;
    expected *= shape[axis];
  }
  return true;
}

}  // namespace metac
