// Compositions that arrange elements: stacking, one-hot.
#include <fmt/format.h>

#include "ops/family.hpp"

namespace metac {

Tensor stack(std::vector<Tensor> inputs, int axis) {
  if (inputs.empty()) throw Error("[stack] no tensors were given; at least one is needed");
  for (const auto& input : inputs) {
    require_present("stack", {input});
    if (input.shape() != inputs[0].shape())
      throw Error(fmt::format("[stack] shapes {} and {} were given; equal ones are needed",
                              to_string(inputs[0].shape()), to_string(input.shape())));
  }
  axis = checked_axis("stack", axis, inputs[0].shape().with_front(1));
  for (auto& input : inputs) input = insert_axis(input, axis);
  return concatenate(inputs, axis);
}

// Zeros where the index is out of range.
Tensor one_hot(Tensor index, std::int64_t n, Dtype dtype) {
  require_present("one_hot", {index});
  return cast(equal(insert_axis(index, index.shape().rank()), iota(index.graph(), n)), dtype);
}

}  // namespace metac
