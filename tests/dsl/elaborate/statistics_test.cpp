// What a result says of its tasks: mean, interval, median, trimmed mean, and values that diverged.
#include "driver/statistics.hpp"

#include <boost/test/unit_test.hpp>
#include <cmath>
#include <limits>

namespace metac::dsl::test {

BOOST_AUTO_TEST_CASE(a_summary_has_the_textbook_values) {
  const Summary s = summarise({1, 2, 3, 10});
  BOOST_TEST(s.mean == 4);
  BOOST_TEST(s.median == 2.5);
  BOOST_TEST(s.count == 4);
  // s^2 = (9 + 4 + 1 + 36) / 3; t of 3 degrees is 3.1824
  BOOST_TEST(s.interval == 3.1824 * std::sqrt(50.0 / 3 / 4), boost::test_tools::tolerance(2e-3));
  BOOST_TEST(summarise({7, 7}).interval == 0);
  BOOST_TEST(std::isnan(summarise({7}).interval));
  BOOST_TEST(std::isnan(summarise({}).interval));
  BOOST_TEST(summarise({3, 1, 2}).median == 2);
  BOOST_TEST(summarise({}).count == 0);
}

BOOST_AUTO_TEST_CASE(one_percent_is_trimmed_at_each_end) {
  std::vector<double> values(200, 1.0);
  values[3] = values[70] = 1000;
  values[9] = values[90] = -1000;
  BOOST_TEST(summarise(values).trimmed_mean == 1);
}

BOOST_AUTO_TEST_CASE(diverged_values_are_counted_and_large) {
  const double nan = std::numeric_limits<double>::quiet_NaN(), infinity = std::numeric_limits<double>::infinity();
  const Summary s = summarise({1, nan, 2, infinity, 3});
  BOOST_TEST(s.diverged == 2);
  BOOST_TEST(!std::isfinite(s.mean));
  BOOST_TEST(s.median == 3);
}

BOOST_AUTO_TEST_CASE(quantiles_are_those_of_the_tables) {
  const std::pair<long, double> table[] = {{1, 12.706}, {2, 4.303},  {3, 3.182},  {5, 2.571},
                                           {10, 2.228}, {30, 2.042}, {599, 1.964}};
  for (const auto& [degrees, quantile] : table)
    BOOST_TEST(std::abs(student_quantile(degrees) - quantile) < 5e-3, degrees << " degrees");
}

}  // namespace metac::dsl::test
