// Derivatives, batching and clean-up: functions from graph to graph.
#pragma once

#include <vector>

#include "graph/graph.hpp"

namespace metac {

// Vector-Jacobian product: cotangents of `wrt` for the given cotangents of `outputs` (of one graph, or of graphs around
// it). Sweeps ids downwards over the nodes between `wrt` and the outputs only. Empty where nothing flows; an empty
// cotangent is zero. The variables must be inputs or aliases of the innermost of the graphs (Error): make an alias there
// of any other value, and build the outputs from the alias.
std::vector<Tensor> vjp(std::span<const Tensor> outputs, std::span<const Tensor> cotangents, std::span<const Tensor> wrt);
// Of a scalar floating output. Empty where it does not depend on the variable.
std::vector<Tensor> grad(Tensor output, std::span<const Tensor> wrt);
Tensor grad(Tensor output, Tensor wrt);  // zeros where it does not depend
// Tangent of the output for a tangent of `wrt`: two reverse sweeps.
Tensor jvp(Tensor output, std::span<const Tensor> wrt, std::span<const Tensor> tangents);

// The outputs of `region` with `inputs`, of which the batched ones have a further first axis of `size`. Each result says
// whether it is batched.
struct Batched {
  Tensor value;
  bool batched = false;
};
std::vector<Batched> batch(const Region&, std::span<const Batched> inputs, std::int64_t size, Graph& into);

// The graph that is planned: only what the outputs need, aliases and stop_gradient dissolved, interned again, regions too
// (unused inputs and outputs of regions dropped, equal regions merged, what depends on no slice moved out of its body). Some
// constants may be left that nothing uses.
struct Program {
  std::shared_ptr<Graph> graph;
  std::vector<NodeId> inputs;   // as given, also those that are not needed
  std::vector<NodeId> outputs;
};
Program finalize(std::span<const Tensor> inputs, std::span<const Tensor> outputs);

// Checks every promise of a graph (types, order of ids, regions): Bug where one is broken.
void verify(const Graph&);

// How many nodes the transformations and the planning have looked at in this thread: for tests of their cost.
std::int64_t nodes_visited();

}  // namespace metac
