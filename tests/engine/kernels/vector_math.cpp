// Errors of the vectorised elementary functions in f32, in units in the last place against f64, over the ranges that
// matter and all exponents. The bounds are the measured maxima rounded up: a change that loses a digit fails here.
#include <algorithm>
#include <bit>
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <random>
#include <vector>

#include "kernels/dispatch.hpp"
#include "kernels/pointwise.hpp"

namespace metac::test {
namespace {

double ulps(float got, double want) {
  if (std::isnan(want)) return std::isnan(got) ? 0 : 1e30;
  if (static_cast<double>(got) == want ||
      (std::isinf(got) && std::isinf(static_cast<float>(want)) && got == static_cast<float>(want)))
    return 0;
  if (std::isinf(got) || std::isinf(want)) return std::fabs(want) > 3.4028e38 && std::fabs(got) > 3.4028e38f ? 1 : 1e30;
  const double unit = std::max(std::ldexp(1.0, std::ilogb(want == 0 ? 1e-300 : want) - 23), 0x1p-149);
  return std::fabs(got - want) / unit;
}

struct Range {
  Fn fn;
  const char* name;
  double (*exact)(double);
  float low, high;
  double bound;
};

double sigmoid(double x) { return 1 / (1 + std::exp(-x)); }

const Range ranges[] = {
    {Fn::exp, "exp", std::exp, -104, 89, 1.1},
    {Fn::expm1, "expm1", std::expm1, -20, 89, 1.8},
    {Fn::expm1, "expm1", std::expm1, -1, 1, 1.8},
    {Fn::log, "log", std::log, 0, 10, 1.0},
    {Fn::log, "log", std::log, 0.5, 1.5, 1.0},
    {Fn::log, "log", std::log, 0, 3e38f, 1.0},
    {Fn::log1p, "log1p", std::log1p, -1, 1, 0.51},
    {Fn::log1p, "log1p", std::log1p, -1e-3f, 1e-3f, 0.51},
    {Fn::log1p, "log1p", std::log1p, 0, 1e30f, 0.51},
    {Fn::sin, "sin", std::sin, -4, 4, 1.6},
    {Fn::sin, "sin", std::sin, -1e5f, 1e5f, 1.6},
    {Fn::sin, "sin", std::sin, -1e7f, 1e7f, 1.6},
    {Fn::cos, "cos", std::cos, -4, 4, 1.6},
    {Fn::cos, "cos", std::cos, -1e5f, 1e5f, 1.6},
    {Fn::tanh, "tanh", std::tanh, -1, 1, 1.8},
    {Fn::tanh, "tanh", std::tanh, -12, 12, 1.8},
    {Fn::sigmoid, "sigmoid", sigmoid, -104, 104, 2.3},
    {Fn::sigmoid, "sigmoid", sigmoid, -4, 4, 2.3},
    {Fn::erf, "erf", std::erf, -1, 1, 0.51},
    {Fn::erf, "erf", std::erf, -5, 5, 0.51},
    {Fn::erf, "erf", std::erf, -1e30f, 1e30f, 0.51},
    {Fn::sqrt, "sqrt", std::sqrt, 0, 1e10f, 0.5},
};

std::vector<float> samples(float low, float high, std::mt19937& random) {
  std::vector<float> x;
  std::uniform_real_distribution<float> uniform(low, high);
  for (int i = 0; i < 300000; ++i) x.push_back(uniform(random));
  while (x.size() < 500000) {  // all exponents alike, down to the denormal numbers
    const float value = std::bit_cast<float>(static_cast<std::uint32_t>(random()));
    if (value >= low && value <= high) x.push_back(value);
  }
  return x;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(vector_math)

BOOST_AUTO_TEST_CASE(errors_stay_within_their_bounds) {
  std::mt19937 random(1);
  for (const auto& range : ranges) {
    const auto x = samples(range.low, range.high, random);
    std::vector<float> y(x.size());
    simd().pointwise.map[static_cast<int>(range.fn)][0][0](y.data(), x.data(), x.data(), x.data(),
                                                           static_cast<std::int64_t>(x.size()));
    double worst = 0;
    float where = 0;
    for (std::size_t i = 0; i < x.size(); ++i)
      if (const double error = ulps(y[i], range.exact(x[i])); error > worst) worst = error, where = x[i];
    BOOST_TEST_MESSAGE(range.name << " on [" << range.low << ", " << range.high << "]: " << worst << " ulp at "
                                  << where);
    BOOST_TEST(worst <= range.bound, range.name << ": " << worst << " ulp at " << where);
  }
}

BOOST_AUTO_TEST_CASE(powers_are_almost_rounded_correctly) {
  std::mt19937 random(2);
  constexpr int n = 500000;
  std::vector<float> x(n), y(n), z(n);
  for (int i = 0; i < n; ++i) {
    x[i] = i % 2 == 0 ? std::uniform_real_distribution<float>(0, 10)(random)
                      : std::bit_cast<float>(static_cast<std::uint32_t>(random()));
    y[i] = i % 3 == 0 ? static_cast<float>(static_cast<int>(random() % 41) - 20)
                      : std::uniform_real_distribution<float>(-8, 8)(random);
  }
  simd().pointwise.map[static_cast<int>(Fn::power)][0][0](z.data(), x.data(), y.data(), y.data(), n);
  double worst = 0;
  for (int i = 0; i < n; ++i)
    worst = std::max(worst, ulps(z[i], std::pow(static_cast<double>(x[i]), static_cast<double>(y[i]))));
  BOOST_TEST_MESSAGE("pow: " << worst << " ulp");
  BOOST_TEST(worst <= 0.51);
}

BOOST_AUTO_TEST_CASE(angles_of_all_octants_are_almost_rounded_correctly) {
  std::mt19937 random(4);
  constexpr int n = 500000;
  std::vector<float> y(n), x(n), z(n);
  for (int i = 0; i < n; ++i) {
    for (auto* value : {&y[i], &x[i]})
      *value = i % 2 == 0 ? std::uniform_real_distribution<float>(-10, 10)(random)
                          : std::bit_cast<float>(static_cast<std::uint32_t>(random()));
  }
  simd().pointwise.map[static_cast<int>(Fn::atan2)][0][0](z.data(), y.data(), x.data(), x.data(), n);
  double worst = 0;
  for (int i = 0; i < n; ++i)
    worst = std::max(worst, ulps(z[i], std::atan2(static_cast<double>(y[i]), static_cast<double>(x[i]))));
  BOOST_TEST_MESSAGE("atan2: " << worst << " ulp");
  BOOST_TEST(worst <= 0.51);
}

BOOST_AUTO_TEST_CASE(an_element_is_the_same_wherever_it_stands) {
  std::mt19937 random(3);
  const auto x = samples(-20, 20, random);
  for (Fn fn : {Fn::exp, Fn::expm1, Fn::log1p, Fn::sin, Fn::cos, Fn::tanh, Fn::sigmoid, Fn::erf}) {
    const auto map = simd().pointwise.map[static_cast<int>(fn)][0][0];
    std::vector<float> all(1000);
    map(all.data(), x.data(), x.data(), x.data(), 1000);
    for (int i = 0; i < 1000; ++i) {
      float one = 0;
      map(&one, &x[i], &x[i], &x[i], 1);
      BOOST_TEST(std::bit_cast<std::uint32_t>(one) == std::bit_cast<std::uint32_t>(all[i]));
    }
  }
}

BOOST_AUTO_TEST_CASE(an_instruction_set_can_be_lowered_by_its_name) {
  BOOST_TEST(best_table("baseline").name == std::string("baseline"));
  BOOST_TEST(best_table("").name == std::string(best_table("avx512").name));
  if (best_table("").name != std::string("baseline")) BOOST_TEST(best_table("avx2").name == std::string("avx2"));
  for (const char* unknown : {"AVX2", "sse", "avx512 "}) BOOST_CHECK_THROW(best_table(unknown), Error);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace metac::test
