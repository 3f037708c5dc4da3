// What each pointwise function means, in double precision and one element at a time: for constant folding and tests.
#include <bit>
#include <cmath>
#include <limits>

#include "kernels/pointwise.hpp"

namespace metac {
namespace {

double wrap(std::int64_t value) { return static_cast<std::int32_t>(static_cast<std::uint32_t>(value)); }

double integer_power(std::int64_t base, std::int64_t exponent) {
  if (exponent < 0) return base == 1 ? 1 : base == -1 ? (exponent % 2 != 0 ? -1 : 1) : 0;
  std::uint32_t result = 1;
  auto factor = static_cast<std::uint32_t>(base);
  for (; exponent != 0; exponent /= 2, factor *= factor)
    if (exponent % 2 != 0) result *= factor;
  return static_cast<std::int32_t>(result);
}

double evaluate_integer(Fn fn, double x, double y) {
  const auto a = static_cast<std::int64_t>(x), b = static_cast<std::int64_t>(y);
  switch (fn) {
    case Fn::negate:
      return wrap(-a);
    case Fn::absolute:
      return wrap(a < 0 ? -a : a);
    case Fn::add:
      return wrap(a + b);
    case Fn::subtract:
      return wrap(a - b);
    case Fn::multiply:
      return wrap(a * b);
    case Fn::divide:
      return b == 0 ? 0 : wrap(a / b);
    case Fn::power:
      return integer_power(a, b);
    default:
      throw Bug("evaluate: a function that i32 does not have");
  }
}

double evaluate_float(Fn fn, double a, double b) {
  switch (fn) {
    case Fn::negate:
      return -a;
    case Fn::absolute:
      return std::fabs(a);
    case Fn::add:
      return a + b;
    case Fn::subtract:
      return a - b;
    case Fn::multiply:
      return a * b;
    case Fn::divide:
      return a / b;
    case Fn::power:
      return std::pow(a, b);
    case Fn::exp:
      return std::exp(a);
    case Fn::expm1:
      return std::expm1(a);
    case Fn::log:
      return std::log(a);
    case Fn::log1p:
      return std::log1p(a);
    case Fn::sqrt:
      return std::sqrt(a);
    case Fn::sin:
      return std::sin(a);
    case Fn::cos:
      return std::cos(a);
    case Fn::tanh:
      return std::tanh(a);
    case Fn::erf:
      return std::erf(a);
    case Fn::atan2:
      return std::atan2(a, b);
    case Fn::sigmoid:
      return a < 0 ? std::exp(a) / (1 + std::exp(a)) : 1 / (1 + std::exp(-a));
    default:
      throw Bug("evaluate: no such function");
  }
}

double convert(double a, Dtype to) {
  if (to == Dtype::boolean) return a != 0;
  if (to != Dtype::i32) return a;
  constexpr double low = std::numeric_limits<std::int32_t>::min(), high = std::numeric_limits<std::int32_t>::max();
  return std::isnan(a) ? 0 : a <= low ? low : a >= high ? high : std::trunc(a) + 0.0;
}

double evaluate_unrounded(Fn fn, Dtype operand, Dtype result, double a, double b, double c) {
  switch (fn) {
    case Fn::copy:
      return a;
    case Fn::sign:
      return a > 0 ? 1 : a < 0 ? -1 : a;
    case Fn::floor:
      return std::floor(a);
    case Fn::round:
      return std::nearbyint(a);
    case Fn::is_finite:
      return std::isfinite(a);
    case Fn::maximum:
      return a > b || std::isnan(a) ? a : b;
    case Fn::minimum:
      return a < b || std::isnan(a) ? a : b;
    case Fn::equal:
      return a == b;
    case Fn::not_equal:
      return a != b;
    case Fn::less:
      return a < b;
    case Fn::less_equal:
      return a <= b;
    case Fn::logical_and:
      return a != 0 && b != 0;
    case Fn::logical_or:
      return a != 0 || b != 0;
    case Fn::logical_not:
      return a == 0;
    case Fn::select:
      return a != 0 ? b : c;
    case Fn::cast:
      return convert(a, result);
    default:
      return operand == Dtype::i32 ? evaluate_integer(fn, a, b) : evaluate_float(fn, a, b);
  }
}

}  // namespace

int arity(Fn fn) {
  if (fn <= Fn::is_finite || fn == Fn::logical_not || fn == Fn::cast || fn == Fn::call_1) return 1;
  return fn == Fn::select || fn == Fn::call_3 ? 3 : 2;
}

Dtype PointwiseProgram::dtype(std::size_t reg) const {
  if (reg < loads.size()) return loads[reg].dtype;
  reg -= loads.size();
  return reg < immediates.size() ? immediates[reg].dtype : instructions[reg - immediates.size()].result;
}

double evaluate(Fn fn, Dtype operand, Dtype result, double a, double b, double c, Scalar call) {
  const double value = fn < Fn::call_1 ? evaluate_unrounded(fn, operand, result, a, b, c) : call(a, b, c);
  return result == Dtype::f32 ? static_cast<float>(value) : value;
}

}  // namespace metac
