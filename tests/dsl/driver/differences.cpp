// What is said of a derivative beside finite differences, for functions whose derivative is known.
#include "driver/differences.hpp"

#include <boost/test/unit_test.hpp>
#include <cmath>
#include <limits>

using namespace metac::dsl;

namespace {

using Vector = std::vector<double>;

Difference compared(const std::function<double(double)>& f, double derivative) {
  return compare_with_differences([&](double t) { return Vector{f(t)}; }, {derivative}, 1e-5);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(differences)

BOOST_AUTO_TEST_CASE(of_smooth_functions_are_right_to_ten_digits) {
  const auto f = [](double t) { return std::exp(std::sin(3 * t) + 1); };
  const double slope = 3 * std::exp(1);
  BOOST_TEST((compared(f, slope).agreement == Agreement::right));
  BOOST_TEST(compared(f, slope).relative < 1e-10);
}

BOOST_AUTO_TEST_CASE(find_a_derivative_that_is_wrong_by_a_ten_thousandth) {
  const Difference off = compared([](double t) { return std::tanh(1 + t); }, 1.0001 / std::pow(std::cosh(1.0), 2));
  BOOST_TEST((off.agreement == Agreement::wrong));
  BOOST_TEST(off.relative == 1e-4, boost::test_tools::tolerance(0.01));
  BOOST_TEST((compared([](double t) { return 5 + t; }, -1).agreement == Agreement::wrong));
  BOOST_TEST((compared([](double t) { return 5 + 1e-7 * t; }, 2e-7).agreement == Agreement::wrong));
  BOOST_TEST((compared([](double) { return 5.0; }, 1e-3).agreement == Agreement::wrong));
}

BOOST_AUTO_TEST_CASE(of_what_does_not_change_are_zero) {
  BOOST_TEST((compared([](double) { return 1e6 / 3; }, 0).agreement == Agreement::right));
  BOOST_TEST(compared([](double) { return 0.0; }, 0).relative == 0);
  BOOST_TEST((compared([](double t) { return 7 + t * t; }, 0).agreement == Agreement::right));
}

BOOST_AUTO_TEST_CASE(that_rounding_hides_are_not_called_right) {
  const auto f = [](double t) { return 1e12 + t; };
  for (const double derivative : {1.0, 7.0}) BOOST_TEST((compared(f, derivative).agreement == Agreement::lost));
  BOOST_TEST((compared(f, 1e3).agreement == Agreement::wrong));
  BOOST_TEST((compared([](double t) { return 1e6 + t; }, 1).agreement == Agreement::right));
}

BOOST_AUTO_TEST_CASE(at_kinks_and_jumps_are_no_mistake) {
  for (const double derivative : {0.0, 1.0, 0.5})
    BOOST_TEST((compared([](double t) { return 3 + std::max(t, 0.0); }, derivative).agreement != Agreement::wrong));
  BOOST_TEST((compared([](double t) { return std::max(t, 0.0); }, 0).agreement == Agreement::kink));
  BOOST_TEST((compared([](double t) { return std::sqrt(std::abs(t)); }, 0).agreement != Agreement::wrong));
  BOOST_TEST((compared([](double t) { return t > 0 ? 1.0 : 0.0; }, 0).agreement == Agreement::kink));
  const auto sign = [](double t) { return t > 0 ? 1.0 : t < 0 ? -1.0 : 0.0; };  // 0 in the middle of the jump
  BOOST_TEST((compared(sign, 0).agreement == Agreement::kink));
}

BOOST_AUTO_TEST_CASE(say_of_two_kinks_at_one_point_that_it_is_not_smooth) {
  const auto two = [](double t) { return std::max(t, 0.0) - 0.9 * std::max(-t, 0.0); };  // slopes 1 and 0.9
  BOOST_TEST(!compared(two, 0).smooth);
  BOOST_TEST(compared([](double t) { return std::exp(t); }, 0).smooth);
}

BOOST_AUTO_TEST_CASE(are_taken_nearer_than_the_next_kink) {
  const auto f = [](double t) { return std::exp(t) + std::max(t - 3e-5, 0.0); };
  BOOST_TEST((compared(f, 1).agreement == Agreement::right));
  BOOST_TEST((compared(f, 2).agreement == Agreement::wrong));
}

BOOST_AUTO_TEST_CASE(of_vectors_are_compared_in_all_components) {
  const auto f = [](double t) { return Vector{std::sin(t), std::cos(t), 4}; };
  BOOST_TEST((compare_with_differences(f, {1, 0, 0}, 1e-5).agreement == Agreement::right));
  BOOST_TEST((compare_with_differences(f, {1, 0, 0.01}, 1e-5).agreement == Agreement::wrong));
}

BOOST_AUTO_TEST_CASE(of_what_is_not_finite_are_none) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  BOOST_TEST((compared([](double t) { return t; }, nan).agreement == Agreement::not_finite));
  BOOST_TEST((compared([](double t) { return std::log(t); }, 1).agreement == Agreement::not_finite));
}

BOOST_AUTO_TEST_SUITE_END()
