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

}  // namespace metac::dsl
