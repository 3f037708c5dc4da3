// Functions that are compositions of operators: they need no rule of their own, at any order.
#include <fmt/format.h>

#include <limits>

#include "ops/family.hpp"

namespace metac {

Tensor relu(Tensor x) {
  require_present("relu", {x});
  return maximum(x, zeros_like(x));
}

Tensor square(Tensor x) { return mul(x, x); }

Tensor mean(Tensor x, std::vector<int> axes, bool keep) {
  const Tensor total = sum(x, std::move(axes), keep);
  if (!is_float(x.dtype())) throw Error(fmt::format("[mean] {} was given; f32 or f64 is needed", to_string(x.type())));
  // Of no elements the count is 0 and the mean NaN, also when the result is empty too.
  const std::int64_t results = total.type().elements();
  const std::int64_t count = results == 0 ? 0 : x.type().elements() / results;
  return total / static_cast<double>(count);
}

Tensor mean(Tensor x) { return mean(x, all_axes(x)); }

// The largest logit is subtracted, which changes nothing but the range: no derivative needs to flow through it.
Tensor log_softmax(Tensor x, int axis) {
  const Tensor shifted = x - stop_gradient(max(x, {axis}, true));
  return shifted - log(sum(exp(shifted), {axis}, true));
}

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
