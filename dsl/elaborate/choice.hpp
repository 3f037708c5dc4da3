// Values that hold tensors: in one piece, and one of several by an index that is known only while the graph runs.
#pragma once

#include "elaborate/elaborator.hpp"

namespace metac::dsl {

// With each tensor replaced, also those in lists.
Value map_tensors(const Value&, const std::function<Tensor(Tensor)>&);
// With each list of numbers, or of tensors of one shape, as one tensor.
Value with_blocks(Elaborator&, const Value&);

// The value at `index` of several of one form (at least one): of tensors and differing numbers the rows that `gather`
// takes; what is the same in all stays as it is. Failure naming the first place where the forms differ.
Value choice(Elaborator&, const std::vector<Value>& values, Tensor index, Span);
// A source of which each draw draws a task from all of these and takes the one at `index`. Its tasks have the fields
// that the tasks of all have.
SourcePtr source_choice(std::vector<SourcePtr>, Tensor index);

}  // namespace metac::dsl
