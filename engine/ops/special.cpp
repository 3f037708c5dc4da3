// Special functions: the inverse of erf; the logarithm of the gamma function and its derivatives, the polygamma
// functions, which are closed under differentiation. They are rare, so they are computed one element after the other,
// in double precision.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

#include "ops/family.hpp"
#include "ops/special.hpp"

namespace metac {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr double not_a_number = std::numeric_limits<double>::quiet_NaN();

// The Bernoulli numbers B2, B4, ...
constexpr double bernoulli[] = {1.0 / 6,       -1.0 / 30, 1.0 / 42,      -1.0 / 30,     5.0 / 66,
                                -691.0 / 2730, 7.0 / 6,   -3617.0 / 510, 43867.0 / 798, -174611.0 / 330};

bool is_pole(double x) { return x <= 0 && x == std::floor(x); }

// Moved to where the asymptotic series is exact (Abramowitz and Stegun 6.3.18), from the left half by reflection.
double digamma_of(double x) {
  if (x == 0) return std::copysign(infinity, -x);
  if (is_pole(x) || std::isnan(x)) return not_a_number;
  if (x < 0) return digamma_of(1 - x) - std::numbers::pi / std::tan(std::numbers::pi * (x - std::round(x)));
  double moved = 0;
  for (; x < 10; ++x) moved += 1 / x;
  double tail = 0, power = 1;
  for (int k = 0; k < 8; ++k) tail += bernoulli[k] / (2 * (k + 1)) * (power /= x * x);
  return std::log(x) - 0.5 / x - tail - moved;
}

// The sum of (q + k)^-s over k = 0, 1, ..., for whole s >= 2 and q > 0, by Euler and Maclaurin.
double hurwitz_zeta(double s, double q) {
  double sum = 0;
  const double least = 12 + s;
  for (; q < least; ++q) sum += std::pow(q, -s);
  const double power = std::pow(q, -s);
  sum += power * q / (s - 1) + 0.5 * power;
  double factor = s * power / q / 2;  // s (s + 1) .. (s + 2k) q^(-s - 2k - 1) / (2k + 2)!
  for (int k = 0; k < 10; ++k) {
    sum += bernoulli[k] * factor;
    factor *= (s + 2 * k + 1) * (s + 2 * k + 2) / (q * q) / ((2 * k + 3) * (2 * k + 4));
  }
  return sum;
}

// The same sum for any x that is no pole: of the terms with x + k < 0, the sizes are again such sums.
double zeta_of_both_sides(double s, double x) {
  if (x > 0) return hurwitz_zeta(s, x);
  const double negative = std::ceil(-x);        // so many terms
  const double smallest = -(x + negative - 1);  // the size of the last of them
  const double sum = hurwitz_zeta(s, smallest) - hurwitz_zeta(s, smallest + negative);
  return hurwitz_zeta(s, x + negative) + (std::fmod(s, 2) == 0 ? sum : -sum);
}

}  // namespace

double log_gamma(double x) {
  int sign = 0;  // the plain function writes it to a variable that all threads share
  return lgamma_r(x, &sign);
}

double polygamma_at(double order, double x) {
  const double n = std::nearbyint(order);
  if (!(n >= 0 && n <= highest_polygamma) || std::isnan(x) || x == -infinity) return not_a_number;
  if (n == 0) return digamma_of(x);
  if (is_pole(x)) return std::fmod(n, 2) == 1 ? infinity : not_a_number;
  if (x == infinity) return 0;
  const double size = std::tgamma(n + 1) * zeta_of_both_sides(n + 1, x);
  return std::fmod(n, 2) == 1 ? size : -size;
}

namespace {

// Halley's steps from a start that is right to three digits (Winitzki 2008, "A handy approximation for the error
// function and its inverse"). 1 - |x| is exact from 1/2 on, so that erfc keeps the digits of the tail.
double erf_inverse_of(double x, double, double) {
  if (x == 0 || !(std::abs(x) < 1)) return x == 0 ? x : std::abs(x) == 1 ? std::copysign(infinity, x) : not_a_number;
  constexpr double a = 0.147;
  const double size = std::abs(x), log_rest = std::log1p(-x * x), middle = 2 / (std::numbers::pi * a) + log_rest / 2;
  double y = std::sqrt(std::max(0.0, std::sqrt(middle * middle - log_rest / a) - middle));
  for (int step = 0; step < 3; ++step) {
    const double beyond = size < 0.5 ? std::erf(y) - size : (1 - size) - std::erfc(y);
    const double newton = beyond * std::exp(y * y) / (2 * std::numbers::inv_sqrtpi);
    y -= newton / (1 + y * newton);
  }
  return std::copysign(y, x);
}

const Operator erf_inverse_operator = scalar_operator(
    "erf_inverse", "the number whose erf is a", Fn::call_1, erf_inverse_of,
    [] { return pointwise_samples(1, Dtype::f32, -0.8, 0.8); },
    [](const VjpSite& site) -> Tensors {
      return {site.cotangents[0] * exp(square(erf_inverse(site.inputs[0]))) * (0.5 / std::numbers::inv_sqrtpi)};
    });

double polygamma_of(double order, double x, double) { return polygamma_at(order, x); }

extern const Operator polygamma_operator;

Tensor polygamma(Tensor order, Tensor x) { return apply(polygamma_operator, {broadcast_to(order, x.shape()), x}); }

const Operator lgamma_operator = scalar_operator(
    "lgamma", "logarithm of the size of the gamma function", Fn::call_1,
    [](double x, double, double) { return log_gamma(x); }, [] { return pointwise_samples(1, Dtype::f32, 0.4, 4); },
    [](const VjpSite& site) -> Tensors { return {site.cotangents[0] * digamma(site.inputs[0])}; });

const Operator polygamma_operator = scalar_operator(
    "polygamma", "derivative of order a + 1 of lgamma at b; a is a whole number, to which there is no derivative",
    Fn::call_2, polygamma_of, [] { return pointwise_samples(2, Dtype::f32, 0.6, 3.4); },
    [](const VjpSite& site) -> Tensors {
      if (!site.needed[1]) return {Tensor{}, Tensor{}};
      return {Tensor{}, site.cotangents[0] * polygamma(site.inputs[0] + 1.0, site.inputs[1])};
    });

const Register registered[] = {Register(erf_inverse_operator), Register(lgamma_operator), Register(polygamma_operator)};

}  // namespace

Tensor erf_inverse(Tensor x) { return apply(erf_inverse_operator, {x}); }
Tensor lgamma(Tensor x) { return apply(lgamma_operator, {x}); }
Tensor digamma(Tensor x) { return polygamma(0, x); }

Tensor polygamma(int order, Tensor x) {
  require_present("polygamma", {x});
  if (order < 0 || order > highest_polygamma)
    throw Error(fmt::format("[polygamma] order {} was given; one from 0 to {} is needed", order, highest_polygamma));
  return polygamma(constant(x.graph(), order, x.dtype()), x);
}

}  // namespace metac
