// A derivative beside finite differences of what it is the derivative of.
#pragma once

#include <functional>
#include <vector>

namespace metac::dsl {

enum class Agreement {
  right,
  lost,     // neither shows: rounding of the values is larger than the derivative and the differences
  stopped,  // right for a function in which what `stop_gradient` stops stays as it is, and for no other
  untold,   // other than the differences, and a `stop_gradient` in a loop may be why
  kink,     // there is none: differences to both sides stay apart however small the step is
  wrong,
  not_finite,  // the value, or the derivative, is NaN or infinite
};

struct Difference {
  double relative = 0;  // |differences - derivative| / the larger of both; 0 where only rounding is left
  Agreement agreement = Agreement::right;
  bool smooth = true;  // false: the slopes to both sides stay apart, which need not be why the derivative is another
};

// The derivative of f at 0 beside central differences, extrapolated to a step of 0 (Richardson 1911), in the Euclidean
// norm. Steps get smaller until they agree to within the tolerance, so what is not smooth farther away does no harm. f
// may have several components; it is called for the same places again.
Difference compare_with_differences(const std::function<std::vector<double>(double)>& f,
                                    const std::vector<double>& derivative, double tolerance);

}  // namespace metac::dsl
