// Trees whose leaves share their first axis, such as a batch of examples or a sequence: what functions of single rows
// take apart.
#pragma once

#include <functional>

#include "elaborate/elaborator.hpp"

namespace metac::dsl {

// What is known while the script is compiled, such as a number of classes, stands beside the rows and has none.
bool stands_beside(const Value& leaf);
// The tree with f of each leaf that has rows. Failure for a scalar.
Value map_rows(Elaborator&, const Value& tree, Span, const std::function<Tensor(const Leaf&, Tensor)>& f);
// How many rows all leaves have. Failure where they differ, or where there are none.
std::int64_t row_count(Elaborator&, const Value& tree, Span);
// The tensors of a tree that have rows, and the tree with one row of each in their place.
std::vector<Tensor> sequences_of(Elaborator&, const Value& tree, Span);
Value with_slices(Elaborator&, const Value& tree, const std::vector<Tensor>& sequences,
                  const std::vector<Tensor>& slices, Span);

// The number, from 0, of the one of `size` places that an index of the script names: negative ones count from the end.
std::int64_t place_of(Elaborator&, std::int64_t index, std::int64_t size, Span);
// Indices of `size` places as a tensor of i32. Numbers that are known now are read as above.
Tensor indices_of(Elaborator&, const Value& indices, std::int64_t size, Span);
// The slices along an axis at these indices. One that is outside gives NaN where there is NaN; else it ends the run.
Tensor slices_at(Tensor x, Tensor indices, int axis);

}  // namespace metac::dsl
