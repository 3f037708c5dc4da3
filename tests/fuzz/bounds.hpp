// A running error analysis: evaluates a graph of f64 node by node, and beside each element a bound of how far any
// computation of the same expressions may be from it that rounds with a given unit roundoff, in whatever order it adds.
//
// For every node: what the errors of its operands make of its result, to which its own rounding is added.
//  - Sums of products with coefficients 0 and 1 (matmul, convolution, sums, views, gather, ...): T(|x| + e) - T(|x|) by
//    the operator's own reference, as T is a polynomial without negative coefficients; its rounding is
//    (terms + 4) u T(|x| + e).
//  - Pointwise functions: their largest slope within the errors, by a formula for each; rounding is 8 u of the result,
//    which is more than the vector forms are measured to need (tests/engine/kernels/vector_math.cpp).
//  - What jumps (comparisons, rounding, places of the largest, orders): no error if the errors of the operands leave no
//    doubt about the result, else infinite, which is passed on: such elements are `undecided`.
// The terms of a chain of additions are remembered by their sizes, as a simplification or the gradient may add in
// another order, in which what cancels here is rounded first. Where operands are exact multiples of a small power of
// two, sums and products are exact and ties are decided.
#pragma once

#include <map>
#include <vector>

#include "engine/interpreter.hpp"

namespace metac::testing {

struct Bounded {
  Array value;
  std::vector<double> error;  // of each element; infinite where the result is undecided
  std::vector<double> terms;  // the sizes of what was added up to it: rounding depends on them where the order changes
};

struct Precision {
  double roundoff;     // largest relative error of one rounding
  double underflow;    // largest absolute error where numbers become denormal, or zero
  double largest;      // finite number
  double grid, range;  // products of two multiples of `grid` below `range` in size are exact, and so are their sums
};
inline constexpr Precision single_precision = {0x1p-24, 0x1p-120, 3.4e38, 0x1p-5, 0x1p13};
// Twice the roundoff: what is compared with the value in f64 rounds as it does.
inline constexpr Precision double_precision = {0x1p-52, 0x1p-1000, 1.7e308, 0x1p-12, 0x1p28};

// The outputs for given values of the inputs, which are exact.
std::vector<Bounded> bounded(const Graph&, std::span<const NodeId> outputs, const std::map<NodeId, Array>& inputs,
                             const Precision&);

}  // namespace metac::testing
