// How the transformations go through a `map`: its derivative and its batching rule. They live here and not with the
// operator because they transform its body.
#pragma once

#include <optional>
#include <vector>

#include "graph/operator.hpp"
#include "transform/transform.hpp"

namespace metac {

// Cotangents of a map's inputs; one cotangent for each of its parts, empty where zero. A new map replays the body and
// differentiates inside it: slices' cotangents are stacked, captures' summed.
std::vector<Tensor> map_vjp(const VjpSite&);

// The map with a batch inside its body. Its stacked parts have the batch as second axis, its summed parts as first:
// `part_batch` puts it first.
Tensor map_batch(const BatchSite&);
Tensor part_batch(const BatchSite&);

// The program with its maps in chunks of tasks, where that is cheaper; nothing where there is no such map.
std::optional<Program> in_chunks(const Program&);

// Counts what nodes_visited() gives.
void count_visits(std::int64_t nodes);

}  // namespace metac
