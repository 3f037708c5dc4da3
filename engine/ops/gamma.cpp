// The gamma distribution of shape a (and scale 1), in the logarithm y of its variable, so that no shape is too small:
// P(a, y), its density in y, the derivatives of both to a, and the quantile. Sampling is the quantile of a uniform
// number, so its derivative to the shape is the implicit one (Figurnov, Mohamed, Mnih 2018), at every order:
//   dy/du = 1 / density, dy/da = -(dP/da) / density.
// All are computed one element after the other, in double precision.
#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "ops/family.hpp"
#include "ops/gamma.hpp"
#include "ops/special.hpp"

namespace metac {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr double not_a_number = std::numeric_limits<double>::quiet_NaN();
constexpr double epsilon = std::numeric_limits<double>::epsilon();

// The first Taylor coefficients of a function of the shape.
constexpr int highest_order = 8;
using Taylor = std::array<double, highest_order + 1>;

// exp of a series, from c' = f' c.
Taylor exp_of(const Taylor& f, int order) {
  Taylor c{};
  c[0] = std::exp(f[0]);
  for (int m = 1; m <= order; ++m) {
    for (int j = 1; j <= m; ++j) c[m] += j * f[j] * c[m - j];
    c[m] /= m;
  }
  return c;
}

// log of e^(a y - e^y) / gamma(a + shift).
Taylor log_term(double a, double y, double shift, int order) {
  Taylor f{};
  f[0] = a * y - std::exp(y) - log_gamma(a + shift);
  double factorial = 1;
  for (int m = 1; m <= order; factorial *= ++m) f[m] = ((m == 1 ? y : 0) - polygamma_at(m - 1, a + shift)) / factorial;
  return f;
}

// P = sum of z^(a + n) e^-z / gamma(a + n + 1) over n, for z = e^y: every term is the one before times z / (a + n), as
// series in a.
Taylor distribution_series(double a, double y, int order) {
  const double z = std::exp(y);
  Taylor term = exp_of(log_term(a, y, 1, order), order), sum = term;
  for (double n = 1;; ++n) {
    double size = 0, whole = 0;
    for (int m = 0; m <= order; ++m) {
      term[m] = (term[m] * z - (m > 0 ? term[m - 1] : 0)) / (a + n);
      sum[m] += term[m];
      size = std::max(size, std::fabs(term[m])), whole = std::max(whole, std::fabs(sum[m]));
    }
    if (n + a > z && size <= 0.1 * epsilon * whole) return sum;
  }
}

double factorial_of(int n) { return std::tgamma(n + 1.0); }

bool is_order(double order) { return order >= 0 && order <= highest_order; }

double distribution_at(double order, double a, double y) {
  const double k = std::nearbyint(order);
  if (!is_order(k) || !(a > 0) || a == infinity || std::isnan(y)) return not_a_number;
  if (std::isinf(y)) return k == 0 && y > 0 ? 1 : 0;
  const int n = static_cast<int>(k);
  return factorial_of(n) * distribution_series(a, y, n)[n];
}

double density_at(double order, double a, double y) {
  const double k = std::nearbyint(order);
  if (k < 0) return 0;  // times 0, where the rule below needs it
  if (!is_order(k) || !(a > 0) || a == infinity || std::isnan(y)) return not_a_number;
  if (std::isinf(y)) return 0;
  const int n = static_cast<int>(k);
  return factorial_of(n) * exp_of(log_term(a, y, 0, n), n)[n];
}

// Newton's method on log P - log u, which is concave in y: from the left it never steps too far, until only rounding is
// left. P <= z^a / gamma(a + 1) gives a point on the left. With P as its first term times a sum, nothing underflows,
// and P / density is that sum / a.
double log_quantile(double a, double u, double) {
  if (!(a > 0) || a == infinity || !(u >= 0 && u <= 1)) return not_a_number;
  if (u == 0 || u == 1) return u == 0 ? -infinity : infinity;
  const double constant = log_gamma(a + 1);
  double y = (std::log(u) + constant) / a;
  for (;;) {
    const double z = std::exp(y);
    double term = 1, sum = 1;
    for (double n = 1; n + a <= z || term > 0.1 * epsilon * sum; ++n) sum += term *= z / (a + n);
    const double move = (std::log(u) - (a * y - z - constant) - std::log(sum)) * sum / a;
    y += move;
    if (!(move > 4 * epsilon * (1 + std::fabs(y)))) return y;
  }
}

extern const Operator distribution_operator, density_operator, quantile_operator;

Tensor with_order(const Operator& op, Tensor order, Tensor a, Tensor y) {
  return apply(op, {broadcast_to(order, a.shape()), a, y});
}
Tensor density(Tensor order, Tensor a, Tensor y) { return with_order(density_operator, order, a, y); }
Tensor distribution(Tensor order, Tensor a, Tensor y) { return with_order(distribution_operator, order, a, y); }
Tensor whole(Tensor like, double value) { return constant(like.graph(), value, like.dtype()); }

Tensors distribution_vjp(const VjpSite& site) {
  const Tensor ct = site.cotangents[0], order = site.inputs[0], a = site.inputs[1], y = site.inputs[2];
  return {Tensor{}, site.needed[1] ? ct * distribution(order + 1.0, a, y) : Tensor{},
          site.needed[2] ? ct * density(order, a, y) : Tensor{}};
}

// To y by the rule of products for (a - e^y) times the density.
Tensors density_vjp(const VjpSite& site) {
  const Tensor ct = site.cotangents[0], order = site.inputs[0], a = site.inputs[1], y = site.inputs[2];
  Tensors result(3);
  if (site.needed[1]) result[1] = ct * density(order + 1.0, a, y);
  if (site.needed[2])
    result[2] = ct * ((a - exp(y)) * density(order, a, y) + round(order) * density(order - 1.0, a, y));
  return result;
}

Tensors quantile_vjp(const VjpSite& site) {
  const Tensor a = site.inputs[0], y = site.node;
  const Tensor to_u = site.cotangents[0] / density(whole(a, 0), a, y);
  return {site.needed[0] ? neg(to_u * distribution(whole(a, 1), a, y)) : Tensor{}, to_u};
}

// Orders 0 and 1, or 1 and 2, beside shapes and logarithms.
std::vector<Sample> samples_with_order() {
  auto samples = pointwise_samples(3, Dtype::f32, 0.2, 1.4);
  for (auto& sample : pointwise_samples(3, Dtype::f32, 0.6, 2.4)) samples.push_back(sample);
  return samples;
}

const Operator distribution_operator = scalar_operator(
    "gamma_distribution",
    "derivative of order a to b of the gamma distribution of shape b at e^c; a is a whole number up to 8", Fn::call_3,
    distribution_at, samples_with_order, distribution_vjp);

const Operator density_operator = scalar_operator(
    "gamma_density", "derivative of order a to b of the density, in c, of the gamma distribution of shape b at e^c",
    Fn::call_3, density_at, samples_with_order, density_vjp);

const Operator quantile_operator = scalar_operator(
    "log_gamma_quantile", "logarithm of the number below which the gamma distribution of shape a has the share b",
    Fn::call_2, log_quantile, [] { return pointwise_samples(2, Dtype::f32, 0.2, 0.9); }, quantile_vjp);

const Register registered[] = {Register(distribution_operator), Register(density_operator),
                               Register(quantile_operator)};

}  // namespace

Tensor log_gamma_quantile(Tensor shape, Tensor share) {
  const Shape common = common_shape("log_gamma_quantile", shape.shape(), share.shape());
  return apply(quantile_operator, {broadcast_to(shape, common), broadcast_to(share, common)});
}

}  // namespace metac
