// Random graphs, one for each seed: structure, shapes (empty ones, ones of one element), attributes, regions, inner
// gradients, and at the end the gradients of order 1 and 2 of some outputs.
#pragma once

#include <map>
#include <memory>
#include <random>
#include <vector>

#include "ops/ops.hpp"

namespace metac::testing {

struct RandomGraph {
  std::shared_ptr<Graph> graph = std::make_shared<Graph>();
  std::vector<Tensor> inputs, outputs;
  std::size_t derivatives = 0;    // outputs from here on are derivatives of those before
  std::map<NodeId, Array> given;  // values of all input nodes; those of f32 and f64 are equal
};

// The same seed gives the same expressions in both dtypes and both forms.
enum class Form {
  plain,
  // Every step stands behind an alias, and every constant is an input behind an alias: so no simplification sees more
  // than one step, and no two steps become one node.
  opaque
};
RandomGraph random_graph(std::uint32_t seed, Dtype, Form);

// Whether the graph of this seed is made without comparisons, rounding, sorting and choosing the largest.
bool is_smooth(std::uint32_t seed);

}  // namespace metac::testing
