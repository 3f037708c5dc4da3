// Pointwise functions: what they are at points one knows by heart, at their edges, and to three orders.
#include <numbers>

#include "engine/ops/bench.hpp"
#include "engine/ops/checks.hpp"
#include "kernels/pointwise.hpp"
#include "ops/family.hpp"
#include "transform/transform.hpp"

using namespace metac;
using namespace metac::testing;

namespace {

using std::numbers::pi;
using Function = Tensor (*)(Tensor);
constexpr double euler_gamma = 0.57721566490153286061, zeta3 = 1.20205690315959428540;

Array range(double from, double to, int count) {
  std::vector<double> numbers;
  for (int i = 0; i < count; ++i) numbers.push_back(from + (to - from) * i / (count - 1));
  return vector(numbers);
}

// The first three derivatives of f at the points of x.
std::vector<std::vector<double>> derivatives(Bench& bench, Tensor y, Tensor x) {
  std::vector<std::vector<double>> result;
  for (int order = 1; order <= 3; ++order) {
    y = grad(sum(y), x);
    result.push_back(bench.run(y));
  }
  return result;
}

void check_close(const std::vector<double>& given, const std::vector<double>& expected, double tolerance) {
  BOOST_REQUIRE_EQUAL(given.size(), expected.size());
  for (std::size_t i = 0; i < given.size(); ++i)
    BOOST_CHECK_MESSAGE(std::abs(given[i] - expected[i]) <= tolerance * std::abs(expected[i]),
                        "element " << i << " is " << given[i] << ", not " << expected[i]);
}

template <class F>
void check_against(Function function, F&& exact, double low, double high, double tolerance) {
  Bench bench;
  const Tensor x = bench.of(range(low, high, 101));
  std::vector<double> expected;
  for (const double value : bench.run(x)) expected.push_back(exact(value));
  check_close(bench.run(function(x)), expected, tolerance);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(pointwise)

BOOST_AUTO_TEST_CASE(compositions_have_three_derivatives_and_batches) {
  const auto unary = [](const char* name, Function f, double low, double high) {
    check_all(name, pointwise_samples(1, Dtype::f32, low, high), [f](auto x) { return f(x[0]); });
  };
  unary("rsqrt", rsqrt, 0.4, 2.5);
  unary("tan", tan, -1, 1);
  unary("asin", asin, -0.8, 0.8);
  unary("acos", acos, -0.8, 0.8);
  unary("atan", atan, -2, 2);
  unary("sinh", sinh, -2, 2);
  unary("cosh", cosh, -2, 2);
  unary("digamma", digamma, 0.5, 3);
  unary("softplus", softplus, -3, 3);
  unary("silu", silu, -3, 3);
  unary("gelu", gelu, -3, 3);
  unary("ceil", ceil, -3, 3);
  unary("is_nan", is_nan, -3, 3);
  unary("is_inf", is_inf, -3, 3);
  unary(
      "clip", [](Tensor x) { return clip(x, -0.5, 1); }, -2, 2);
  check_all("clip of three", pointwise_samples(3, Dtype::f32, -2, 2), [](auto x) { return clip(x[0], x[1], x[2]); });
  check_all("logical_xor", pointwise_samples(2, Dtype::boolean, 0, 1), [](auto x) { return logical_xor(x[0], x[1]); });
  check_all("remainder", pointwise_samples(2, Dtype::i32, 0, 1), [](auto x) { return remainder(x[0], x[1]); });
}

BOOST_AUTO_TEST_CASE(functions_equal_those_of_the_library_of_c) {
  check_against(
      tan, [](double x) { return std::tan(x); }, -10, 10, 1e-14);
  check_against(
      asin, [](double x) { return std::asin(x); }, -1, 1, 1e-15);
  check_against(
      acos, [](double x) { return std::acos(x); }, -1, 0.999999, 1e-15);
  check_against(
      atan, [](double x) { return std::atan(x); }, -1e3, 1e3, 1e-15);
  check_against(
      sinh, [](double x) { return std::sinh(x); }, -1e-3, 1e-3, 1e-15);
  check_against(
      sinh, [](double x) { return std::sinh(x); }, -700, 700, 1e-14);
  check_against(
      cosh, [](double x) { return std::cosh(x); }, -700, 700, 1e-14);
  check_against(
      erf, [](double x) { return std::erf(x); }, -6, 6, 1e-15);
  check_against(
      lgamma, [](double x) { return std::lgamma(x); }, -5.7, 50, 1e-13);
  check_against(
      rsqrt, [](double x) { return 1 / std::sqrt(x); }, 1e-6, 50, 1e-15);
  check_against(
      softplus, [](double x) { return x > 30 ? x : std::log1p(std::exp(x)); }, -200, 200, 1e-14);
}

BOOST_AUTO_TEST_CASE(the_inverse_of_erf_is_its_inverse_also_in_the_tails) {
  Bench b;
  const std::vector<double> y = {-5.5, -3, -0.4, -1e-9, 0, 1e-200, 0.2, 0.47, 0.48, 2, 4};
  std::vector<double> x;
  for (const double one : y) x.push_back(std::erf(one));
  const std::vector<double> back = b.run(erf_inverse(b.of(vector(x))));
  // One bit of x is so many of y.
  for (std::size_t i = 0; i < y.size(); ++i)
    BOOST_TEST(std::abs(back[i] - y[i]) <= 3e-16 * (std::abs(y[i]) + std::abs(x[i]) * std::exp(y[i] * y[i])));
  constexpr double infinity = std::numeric_limits<double>::infinity();
  const std::vector<double> edges = b.run(erf_inverse(b.of(vector({-1, 1, 1.5, -infinity}))));
  BOOST_TEST(edges[0] == -infinity);
  BOOST_TEST(edges[1] == infinity);
  BOOST_TEST((std::isnan(edges[2]) && std::isnan(edges[3])));
}

BOOST_AUTO_TEST_CASE(polygammas_are_known_at_whole_and_half_numbers) {
  Bench bench;
  const Tensor x = bench.of(vector({1, 0.5, 2, -0.5}));
  const double at_half = -euler_gamma - 2 * std::log(2);
  check_close(bench.run(digamma(x)), {-euler_gamma, at_half, 1 - euler_gamma, at_half + 2}, 1e-14);
  check_close(bench.run(polygamma(1, x)), {pi * pi / 6, pi * pi / 2, pi * pi / 6 - 1, pi * pi / 2 + 4}, 1e-14);
  check_close(bench.run(polygamma(2, x)), {-2 * zeta3, -14 * zeta3, -2 * zeta3 + 2, -14 * zeta3 + 16}, 1e-13);
  check_close(bench.run(polygamma(3, x)),
              {std::pow(pi, 4) / 15, std::pow(pi, 4), std::pow(pi, 4) / 15 - 6, std::pow(pi, 4) + 96}, 1e-13);
  const Tensor edges = bench.of(vector({0, -0.0, -3, inf, not_a_number, 1e300, -1e6 - 0.5}));
  check_near(bench.run(digamma(edges)),
             {-inf, inf, not_a_number, inf, not_a_number, std::log(1e300), 13.815511557963774});
  check_near(bench.run(polygamma(1, edges)), {inf, inf, inf, 0, not_a_number, 1e-300, pi * pi - 1e-6});
}

BOOST_AUTO_TEST_CASE(derivatives_that_are_infinite_or_undefined_at_a_point_are_zero_there) {
  Bench bench;
  const Tensor zero = bench.of(vector({0, -0.0})), one = bench.of(vector({1, -1}));
  check_near(bench.run(rsqrt(zero)), {inf, inf});
  for (const auto& order : derivatives(bench, rsqrt(zero), zero)) check_near(order, {0, 0});
  check_near(bench.run(asin(one)), {pi / 2, -pi / 2});
  check_near(bench.run(acos(one)), {0, pi});
  for (Function f : std::initializer_list<Function>{asin, acos})
    for (const auto& order : derivatives(bench, f(one), one)) check_near(order, {0, 0});
  const Tensor y = bench.of(vector({0, 0})), x = bench.of(vector({0, -0.0}));
  check_near(bench.run(atan2(y, x)), {0, pi});
  for (const Tensor& variable : {y, x})
    for (const auto& order : derivatives(bench, atan2(y, x), variable)) check_near(order, {0, 0});
}

BOOST_AUTO_TEST_CASE(the_angle_of_a_point_follows_ieee) {
  Bench bench;
  const Tensor y = bench.of(vector({-0.0, 0, inf, inf, -inf, 1, -1, not_a_number, 1, -1}));
  const Tensor x = bench.of(vector({-1, 1, inf, -inf, inf, 0, -0.0, 1, inf, -inf}));
  check_near(bench.run(atan2(y, x)), {-pi, 0, pi / 4, 3 * pi / 4, -pi / 4, pi / 2, -pi / 2, not_a_number, 0, -pi});
}

BOOST_AUTO_TEST_CASE(at_a_bound_the_derivative_is_that_of_what_is_clipped) {
  Bench bench;
  const Tensor x = bench.of(vector({-2, -1, 0, 1, 2, not_a_number}));
  check_near(bench.run(clip(x, -1, 1)), {-1, -1, 0, 1, 1, not_a_number});
  check_near(bench.run(grad(sum(clip(x, -1, 1)), x)), {0, 1, 1, 1, 0, 0});
}

BOOST_AUTO_TEST_CASE(activations_have_their_derivatives_at_zero_and_far_away) {
  Bench bench;
  const Tensor x = bench.of(vector({0, -800, 800, -inf, inf}));
  check_near(bench.run(softplus(x)), {std::log(2), 0, 800, 0, inf});
  const auto of_softplus = derivatives(bench, softplus(x), x);
  check_near(of_softplus[0], {0.5, 0, 1, 0, 1});
  check_near(of_softplus[1], {0.25, 0, 0, 0, 0});
  check_near(of_softplus[2], {0, 0, 0, 0, 0});
  const Tensor near = bench.of(vector({0, -30, 30}));
  check_near(bench.run(gelu(near)), {0, 0, 30});
  check_near(derivatives(bench, gelu(near), near)[0], {0.5, 0, 1});
  check_near(derivatives(bench, silu(near), near)[0], {0.5, -29 * std::exp(-30), 1 + 29 * std::exp(-30)});
}

BOOST_AUTO_TEST_CASE(rounding_goes_to_the_even_neighbour) {
  Bench bench;
  const Tensor x = bench.of(vector({0.5, 1.5, 2.5, -0.5, -1.5, 0.49999999999999994, 1e300, inf}));
  check(bench.run(round(x)), {0, 2, 2, -0.0, -2, 0, 1e300, inf});
  check(bench.run(ceil(x)), {1, 2, 3, -0.0, -1, 1, 1e300, inf});
  check_near(bench.run(grad(sum(round(x) * x), x)), {0, 2, 2, 0, -2, 0, 1e300, inf});
}

BOOST_AUTO_TEST_CASE(remainders_are_exact_and_have_the_sign_of_the_divisor) {
  Bench bench;
  const Tensor a = bench.of(vector({7, -7, 7, -7, 1e17, -1, 1, 5}));
  const Tensor b = bench.of(vector({3, 3, -3, -3, 0.1, inf, 0, not_a_number}));
  check(bench.run(remainder(a, b)), {1, 2, -2, -1, std::fmod(1e17, 0.1), inf, not_a_number, not_a_number});
  const Tensor to_a = grad(sum(remainder(a, b)), a), to_b = grad(sum(remainder(a, b)), b);
  check_near(bench.run(slice_axis(to_a, 0, 0, 4)), {1, 1, 1, 1});
  check_near(bench.run(slice_axis(to_b, 0, 0, 4)), {-2, 3, 3, -2});
  const Tensor i = bench.of(integers({4}, {7, -7, 5, std::numeric_limits<std::int32_t>::min()}));
  const Tensor j = bench.of(integers({4}, {3, 3, 0, -1}));
  check(bench.run(remainder(i, j)), {1, 2, 0, 0});
}

BOOST_AUTO_TEST_CASE(tests_and_comparisons) {
  Bench bench;
  const Tensor x = bench.of(vector({1, not_a_number, inf, -inf, -0.0})), y = bench.of(vector({2, 1, inf, 0, 0}));
  check(bench.run(is_nan(x)), {0, 1, 0, 0, 0});
  check(bench.run(is_inf(x)), {0, 0, 1, 1, 0});
  check(bench.run(greater(y, x)), {1, 0, 0, 1, 0});
  check(bench.run(greater_equal(y, x)), {1, 0, 1, 1, 1});
  check(bench.run(logical_xor(greater(y, x), greater_equal(y, x))), {0, 0, 1, 0, 1});
}

BOOST_AUTO_TEST_CASE(casts_are_limited_to_the_range) {
  Bench bench;
  const Tensor x = bench.of(vector({-1.9, 1.9, 1e20, -1e20, not_a_number, inf, 0, -0.0}));
  check(bench.run(cast(x, Dtype::i32)), {-1, 1, 2147483647, -2147483648.0, 0, 2147483647, 0, 0});
  check(bench.run(cast(x, Dtype::boolean)), {1, 1, 1, 1, 1, 1, 0, 0});
  check(bench.run(cast(cast(x, Dtype::boolean), Dtype::f64)), {1, 1, 1, 1, 1, 1, 0, 0});
}

BOOST_AUTO_TEST_CASE(what_does_not_fit_is_refused) {
  Graph graph;
  const Tensor x = input(graph, {Dtype::f32, {2}}), i = input(graph, {Dtype::i32, {2}});
  BOOST_CHECK_EQUAL(error_of([&] { clip(x, 1, 0); }),
                    "[clip] bounds 1 and 0 were given; a lower and an upper one are needed");
  BOOST_CHECK_EQUAL(error_of([&] { clip(x, not_a_number, 0); }).substr(0, 6), "[clip]");
  BOOST_CHECK_EQUAL(error_of([&] { polygamma(-1, x); }), "[polygamma] order -1 was given; one from 0 to 100 is needed");
  BOOST_CHECK_EQUAL(error_of([&] { logical_xor(x, x); }),
                    "[logical_xor] f32[2] and f32[2] were given; bools are needed");
  for (Function f : std::initializer_list<Function>{rsqrt, tan, asin, acos, atan, sinh, cosh, erf, erf_inverse, lgamma,
                                                    digamma, softplus, silu, gelu, ceil, round}) {
    BOOST_CHECK_THROW(f(i), Error);
    BOOST_CHECK_THROW(f(Tensor{}), Error);
  }
  for (Function f : {is_nan, is_inf}) BOOST_CHECK_THROW(f(Tensor{}), Error);
  BOOST_CHECK_THROW(remainder(x, i), Error);
  BOOST_CHECK_THROW(atan2(x, i), Error);
  BOOST_CHECK_THROW(clip(i, 0, 0.5), Error);
}

BOOST_AUTO_TEST_SUITE_END()
