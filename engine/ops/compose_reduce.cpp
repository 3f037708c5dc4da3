// Compositions over axes: means, moments, norms, log-sum-exp, conditions. Over no elements a mean is NaN, a norm 0, a
// log-sum-exp -infinity; `any` is false and `all` true.
#include <fmt/format.h>

#include <cmath>
#include <limits>

#include "ops/family.hpp"

namespace metac {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

// How many elements go into each of the results; 0 if there are none, also when there is no result either.
std::int64_t reduced_count(Tensor x, Tensor result) {
  const std::int64_t results = result.type().elements();
  return results == 0 ? 0 : x.type().elements() / results;
}

// Bools as 0 and 1, reduced to an extreme: of nothing, that is far outside of 0 and 1 on the right side.
Tensor reduce_conditions(const char* name, Tensor (*extreme)(Tensor, Axes, bool), Tensor x, Axes axes, bool keep) {
  require_present(name, {x});
  if (x.dtype() != Dtype::boolean)
    throw Error(fmt::format("[{}] {} was given; bool is needed", name, to_string(x.type())));
  axes = checked_axes(name, std::move(axes), x.shape());
  const Tensor reduced = extreme(cast(x, Dtype::i32), axes, keep);
  return less(zeros_like(reduced), reduced);
}

// x to the power `exponent`, with 0 and no derivative at 0, at any order.
Tensor power_or_zero(Tensor x, double exponent) {
  const Tensor at_zero = equal(x, zeros_like(x));
  return select(at_zero, zeros_like(x), pow(select(at_zero, filled_like(x, 1), x), filled_like(x, exponent)));
}

}  // namespace

Tensor mean(Tensor x, std::vector<int> axes, bool keep) {
  require_float("mean", x);
  const Tensor total = sum(x, std::move(axes), keep);
  return total / static_cast<double>(reduced_count(x, total));
}

Tensor mean(Tensor x) { return mean(x, all_axes(x)); }

Tensor variance(Tensor x, std::vector<int> axes, bool keep, int correction) {
  require_float("variance", x);
  if (correction < 0) throw Error(fmt::format("[variance] correction {} was given; at least 0 is needed", correction));
  axes = checked_axes("variance", std::move(axes), x.shape());
  const Tensor total = sum(square(x - mean(x, axes, true)), axes, keep);
  return total / static_cast<double>(std::max<std::int64_t>(0, reduced_count(x, total) - correction));
}

Tensor standard_deviation(Tensor x, std::vector<int> axes, bool keep, int correction) {
  return sqrt(variance(x, std::move(axes), keep, correction));
}

Tensor norm(Tensor x, std::vector<int> axes, bool keep, double order) {
  require_float("norm", x);
  if (!(order >= 1)) throw Error(fmt::format("[norm] order {} was given; at least 1 is needed", order));
  if (order == 1) return sum(abs(x), std::move(axes), keep);
  if (order == 2) return sqrt(sum(square(x), std::move(axes), keep));
  if (order == infinity) {
    const Tensor largest = max(abs(x), std::move(axes), keep);
    return maximum(largest, zeros_like(largest));  // the largest of none is -infinity
  }
  return power_or_zero(sum(power_or_zero(abs(x), order), std::move(axes), keep), 1 / order);
}

// What is subtracted changes nothing but the range, so no derivative needs to flow through it. Where the sum is 0, it
// is replaced by 1: the derivative of -infinity is 0.
Tensor logsumexp(Tensor x, std::vector<int> axes, bool keep) {
  require_float("logsumexp", x);
  axes = checked_axes("logsumexp", std::move(axes), x.shape());
  const Tensor largest = stop_gradient(max(x, axes, true));
  const Tensor shift = select(is_finite(largest), largest, zeros_like(largest));
  const Tensor total = sum(exp(x - shift), axes, keep);
  const Tensor none = equal(total, zeros_like(total));
  const Tensor logarithm = log(select(none, filled_like(total, 1), total)) + reshape(shift, total.shape());
  return select(none, filled_like(total, -infinity), logarithm);
}

Tensor log_softmax(Tensor x, int axis) {
  const Tensor shifted = x - stop_gradient(max(x, {axis}, true));
  return shifted - log(sum(exp(shifted), {axis}, true));
}

Tensor softmax(Tensor x, int axis) {
  const Tensor powers = exp(x - stop_gradient(max(x, {axis}, true)));
  return powers / sum(powers, {axis}, true);
}

Tensor any(Tensor x, std::vector<int> axes, bool keep) {
  return reduce_conditions("any", max, x, std::move(axes), keep);
}

Tensor all(Tensor x, std::vector<int> axes, bool keep) {
  return reduce_conditions("all", min, x, std::move(axes), keep);
}

// The smallest is the largest of the opposite. Of i32 that is -1 - x, which does not overflow.
Tensor argmin(Tensor x, int axis) {
  require_present("argmin", {x});
  checked_axis("argmin", axis, x.shape());
  return argmax(x.dtype() == Dtype::i32 ? -1.0 - x : neg(x), axis);
}

}  // namespace metac
