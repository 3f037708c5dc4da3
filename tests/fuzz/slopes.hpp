// Pointwise functions in the running error analysis of bounds.hpp: what errors of the operands do to the result.
#pragma once

#include <cmath>

#include "graph/operator.hpp"

namespace metac::testing {

inline constexpr double unknown = INFINITY;  // error of what is undecided

struct Operand {
  double value, error, terms = 0;
  double low() const { return value - error; }
  double high() const { return value + error; }
  double size() const { return std::abs(value) + error; }
};

// The largest change of the result within the errors of the operands.
double slope_error(const Node&, Dtype operand, const Operand& a, const Operand& b, const Operand& c, double value);
// The sign of a zero is not compared, as it depends on the order of a sum; so neither is what hangs on it.
bool hangs_on_the_sign_of_a_zero(Fn, const Operand& a, const Operand& b);
// 0 if the errors leave no doubt which is larger, or both are exact; else unknown.
double comparison_error(const Operand&, const Operand&);
bool adds_or_multiplies(Fn);
bool takes_over(Fn);  // the result is one of the operands, but for its sign, or a whole number

}  // namespace metac::testing
