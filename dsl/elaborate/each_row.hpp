// The graph of one row, run for all rows at once.
#pragma once

#include <functional>

#include "elaborate/elaborator.hpp"

namespace metac::dsl {

// `one` makes a value of one row of each of the sequences and of its number, in the graph that these are of; the result
// has the same form with a further first axis of `count`: batched by the operators' own rules. Of what `one` comes to
// know of classes the labels in its result are kept; the rest is forgotten with its graph.
using OneRow = std::function<Value(const std::vector<Tensor>& slices, Tensor index)>;
Value each_row(Elaborator&, const std::vector<Tensor>& sequences, std::int64_t count, const OneRow& one, Span);

// The context of draws and graphs inside of one of `count` rows: each draws for itself.
Context row_context(Elaborator&, Tensor index, std::int64_t count);

}  // namespace metac::dsl
