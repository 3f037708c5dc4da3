// Pointwise functions that are compositions of operators: they need no rule of their own, at any order.
#include <fmt/format.h>

#include <cmath>
#include <limits>

#include "ops/family.hpp"

namespace metac {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

// The cosine of an angle with this sine, exact near 1.
Tensor other_side(Tensor x) { return sqrt((1.0 - x) * (1.0 + x)); }

}  // namespace

Tensor relu(Tensor x) {
  require_present("relu", {x});
  return maximum(x, zeros_like(x));
}

Tensor square(Tensor x) { return mul(x, x); }

Tensor ceil(Tensor x) { return neg(floor(neg(x))); }
Tensor is_nan(Tensor x) { return logical_not(equal(x, x)); }

Tensor is_inf(Tensor x) {
  require_present("is_inf", {x});
  return equal(abs(x), filled_like(x, infinity));
}

Tensor greater(Tensor a, Tensor b) { return less(b, a); }
Tensor greater_equal(Tensor a, Tensor b) { return less_equal(b, a); }

Tensor logical_xor(Tensor a, Tensor b) {
  require_present("logical_xor", {a, b});
  if (a.dtype() != Dtype::boolean || b.dtype() != Dtype::boolean)
    throw Error(
        fmt::format("[logical_xor] {} and {} were given; bools are needed", to_string(a.type()), to_string(b.type())));
  return not_equal(a, b);
}

// In this order, x counts where it equals a bound.
Tensor clip(Tensor x, Tensor low, Tensor high) { return minimum(high, maximum(low, x)); }

Tensor clip(Tensor x, double low, double high) {
  require_present("clip", {x});
  if (!(low <= high))
    throw Error(fmt::format("[clip] bounds {} and {} were given; a lower and an upper one are needed", low, high));
  return clip(x, constant(x.graph(), low, x.dtype()), constant(x.graph(), high, x.dtype()));
}

// At 0 the root is replaced by 1, so that no order of derivative meets the infinity.
Tensor rsqrt(Tensor x) {
  require_present("rsqrt", {x});
  const Tensor at_zero = equal(x, zeros_like(x));
  return select(at_zero, filled_like(x, infinity), 1.0 / sqrt(select(at_zero, filled_like(x, 1), x)));
}

Tensor tan(Tensor x) { return sin(x) / cos(x); }

Tensor asin(Tensor x) { return atan2(x, other_side(x)); }
Tensor acos(Tensor x) { return atan2(other_side(x), x); }

Tensor atan(Tensor x) {
  require_present("atan", {x});
  return atan2(x, filled_like(x, 1));
}

// The even powers cancel, so nothing is lost near 0.
Tensor sinh(Tensor x) { return 0.5 * (expm1(x) - expm1(neg(x))); }
Tensor cosh(Tensor x) { return 0.5 * (exp(x) + exp(neg(x))); }

// The exponential is of -|x|. Both choices are one function on each side of 0, so their derivatives there add up to
// those of the whole.
Tensor softplus(Tensor x) {
  require_present("softplus", {x});
  const Tensor negative = less(x, zeros_like(x));
  return log1p(exp(select(negative, x, neg(x)))) + select(negative, zeros_like(x), x);
}

Tensor silu(Tensor x) { return x * sigmoid(x); }
Tensor gelu(Tensor x) { return 0.5 * x * (1.0 + erf(x * std::sqrt(0.5))); }

}  // namespace metac
