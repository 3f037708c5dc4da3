// See slopes.hpp.
#include "fuzz/slopes.hpp"

#include <algorithm>

namespace metac::testing {

double comparison_error(const Operand& a, const Operand& b) {
  const double doubt = a.error + b.error;
  return doubt == 0 || std::abs(a.value - b.value) > doubt ? 0 : unknown;
}

namespace {

double step_error(const Operand& a, double (*step)(double)) {
  return a.error == 0 || step(a.low()) == step(a.high()) ? 0 : unknown;
}

double sign_of(double a) { return a > 0 ? 1 : a < 0 ? -1 : 0; }

double quotient_error(const Operand& a, const Operand& b, double value) {
  const double least = std::abs(b.value) - b.error;
  return least > 0 ? (a.error + std::abs(value) * b.error) / least : unknown;
}

double power_error(const Operand& a, const Operand& b, double value) {
  if (a.error == 0 && b.error == 0) return 0;
  const double size = std::abs(a.value), least = size - a.error;
  if (least <= 0 || (b.error > 0 && a.value < 0)) return unknown;
  const double exponent = std::abs(std::log(size)) * b.error + b.size() * std::log1p(a.error / least);
  return std::abs(value) * std::expm1(exponent);
}

double angle_error(const Operand& y, const Operand& x) {
  const double doubt = y.error + x.error, radius = std::hypot(y.value, x.value);
  if (doubt == 0) return 0;
  if (radius <= doubt || (x.low() <= 0 && std::abs(y.value) <= y.error)) return unknown;  // the cut is near
  return std::asin(doubt / radius);
}

double root_error(const Operand& a) {
  if (a.error == 0) return 0;
  return a.low() < 0 ? unknown : a.error / (std::sqrt(a.value) + std::sqrt(a.low()));
}

double logarithm_error(const Operand& a) {
  if (a.error == 0) return 0;
  return a.low() <= 0 ? unknown : std::log1p(a.error / a.low());
}

double cast_error(const Operand& a, Dtype from, Dtype to) {
  if (to == Dtype::boolean) return comparison_error(a, {0, 0});
  if (to == Dtype::i32 && is_float(from)) return step_error(a, std::trunc);
  return a.error;
}

}  // namespace

double slope_error(const Node& node, Dtype operand, const Operand& a, const Operand& b, const Operand& c,
                   double value) {
  switch (*node.op.pointwise) {
    case Fn::copy:
    case Fn::negate:
    case Fn::absolute:
    case Fn::tanh:
      return a.error;
    case Fn::sin:
    case Fn::cos:
      return std::isinf(a.error) ? unknown : std::min(a.error, 2.0);
    case Fn::sigmoid:
      return a.error / 4;
    case Fn::erf:
      return a.error * 1.13;
    case Fn::sign:
      return step_error(a, sign_of);
    case Fn::floor:
      return step_error(a, std::floor);
    case Fn::round:
      return step_error(a, std::nearbyint);
    case Fn::is_finite:
      return std::isfinite(a.high()) || a.error == 0 ? 0 : unknown;
    case Fn::exp:
    case Fn::expm1:
      return a.error == 0 ? 0 : std::exp(a.value) * std::expm1(a.error);
    case Fn::log:
      return logarithm_error(a);
    case Fn::log1p:
      return logarithm_error({1 + a.value, a.error});
    case Fn::sqrt:
      return root_error(a);
    case Fn::add:
    case Fn::subtract:
    case Fn::maximum:
    case Fn::minimum:
      return a.error + b.error;
    case Fn::multiply:
      return std::abs(a.value) * b.error + a.error * b.size();
    case Fn::divide:
      return quotient_error(a, b, value);
    case Fn::power:
      return power_error(a, b, value);
    case Fn::atan2:
      return angle_error(a, b);
    case Fn::equal:
    case Fn::not_equal:
    case Fn::less:
    case Fn::less_equal:
      return comparison_error(a, b);
    case Fn::select:
      if (a.error > 0) return std::abs(b.value - c.value) + b.error + c.error;
      return a.value != 0 ? b.error : c.error;
    case Fn::cast:
      return cast_error(a, operand, node.type.dtype);
    default:  // logic, and functions that are given by their meaning alone
      return a.error + b.error + c.error == 0 ? 0 : unknown;
  }
}

bool hangs_on_the_sign_of_a_zero(Fn fn, const Operand& a, const Operand& b) {
  switch (fn) {
    case Fn::divide:
      return b.value == 0;
    case Fn::power:
      return a.value == 0 && b.value < 0;
    case Fn::atan2:
      return a.value == 0 && b.value <= 0;
    default:
      return false;
  }
}

bool adds_or_multiplies(Fn fn) { return fn == Fn::add || fn == Fn::subtract || fn == Fn::multiply; }

bool takes_over(Fn fn) {
  constexpr Fn fns[] = {Fn::copy,  Fn::negate,  Fn::absolute, Fn::sign,  Fn::floor,
                        Fn::round, Fn::maximum, Fn::minimum,  Fn::select};
  return std::find(std::begin(fns), std::end(fns), fn) != std::end(fns);
}

}  // namespace metac::testing
