// How the transformations go through a `map` or `scan`: its derivative and its batching rule. They live here and not
// with the operator because they transform its body.
#pragma once

#include <optional>
#include <vector>

#include "graph/operator.hpp"
#include "ops/primitives.hpp"
#include "transform/transform.hpp"

namespace metac {

// Cotangents of a loop's inputs; one cotangent for each of its parts, empty where zero. A new loop replays the body and
// differentiates inside it: slices' cotangents are stacked, captures' summed, carries' handed on from step to step,
// from the last to the first.
std::vector<Tensor> loop_vjp(const VjpSite&);

// The parts of the loop with a batch inside its body, those that differ with a further first axis. Where examples
// differ in which steps they run, each one runs a loop of its own.
std::vector<Batched> loop_batch(const BatchSite&);

// The outputs of a function with a rule of its own, all with a further first axis, and the rule batched.
std::vector<Batched> custom_batch(const BatchSite&);

// The program with its maps in chunks of tasks, where that is cheaper; nothing where there is no such map.
std::optional<Program> in_chunks(const Program&);

// Counts what nodes_visited() gives.
void count_visits(std::int64_t nodes);

}  // namespace metac
