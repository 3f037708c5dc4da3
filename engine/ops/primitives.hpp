// What the transformations and the plan need to know of single operators: those that they treat as cases of their own.
#pragma once

#include "graph/operator.hpp"
#include "ops/ops.hpp"

namespace metac {

extern const Operator matmul_operator, map_operator, part_operator, alias_operator, stop_gradient_operator,
    constant_operator, array_operator, iota_operator;

double constant_value(const Node&);  // of a node of constant_operator, as it is in its own dtype
Array array_value(const Node&);      // of a node of array_operator: shares its memory

// Runtime facts of a `map` node, for the transformations and the plan. Its inputs are the sequences (the first of them
// is always an iota: the index), then the captures; attributes.object is the Body.
struct MapBody {
  Region region;
  int sequences = 0;
  std::int64_t length = 0;
  std::vector<MapBuilder::Output> outputs;
};
const MapBody& map_body(const Node&);
Tensor part(Tensor map_node, int index);
// The map of a body, on inputs that fit it (as checked by its shape rule).
Tensor push_map(Graph&, std::span<const Tensor> inputs, MapBody);

// A batching rule that every operator may use: runs the operator in a `map` over the batch.
Tensor batch_by_map(const BatchSite&);

}  // namespace metac
