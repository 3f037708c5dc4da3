// The random generator: published vectors, fixed keys, independence of neighbours, and the shape of its distributions.
#include "kernels/random.hpp"

#include <boost/test/unit_test.hpp>
#include <map>
#include <set>

#include "engine/kernels/run_kernel.hpp"
#include "kernels/philox.hpp"

using namespace metac;
using namespace metac::testing;

BOOST_AUTO_TEST_SUITE(random_numbers)

namespace {

Array keys(const Shape& shape, std::vector<std::int32_t> words) { return Array::from<std::int32_t>(shape, words); }

Array draw(Distribution distribution, Dtype dtype, const Array& key, const Shape& shape) {
  Shape batch, result;
  for (int axis = 0; axis + 1 < key.shape().rank(); ++axis)
    batch.push_back(key.shape()[axis]), result.push_back(key.shape()[axis]);
  for (const auto size : shape) result.push_back(size);
  return run(*make_random(distribution, dtype, batch, shape), {dtype, result}, {&key});
}

struct Moments {
  double mean = 0, variance = 0, skew = 0, kurtosis = 0, least = 1e30, largest = -1e30;
};

Moments moments(const Array& array) {
  Moments m;
  const auto n = static_cast<double>(array.elements());
  for (std::int64_t i = 0; i < array.elements(); ++i) {
    const double value = array.at(i);
    m.mean += value / n;
    m.least = std::min(m.least, value), m.largest = std::max(m.largest, value);
  }
  for (std::int64_t i = 0; i < array.elements(); ++i) m.variance += std::pow(array.at(i) - m.mean, 2) / n;
  for (std::int64_t i = 0; i < array.elements(); ++i) {
    const double z = (array.at(i) - m.mean) / std::sqrt(m.variance);
    m.skew += z * z * z / n, m.kurtosis += z * z * z * z / n;
  }
  return m;
}

// Sum of products of neighbours, over their number.
double correlation(const Array& array, std::int64_t distance, double mean, double variance) {
  double sum = 0;
  for (std::int64_t i = distance; i < array.elements(); ++i)
    sum += (array.at(i) - mean) * (array.at(i - distance) - mean);
  return sum / static_cast<double>(array.elements() - distance) / variance;
}

constexpr std::int64_t many = 1 << 18;  // the standard error of a mean of variance 1 is 0.002
constexpr double four_errors = 0.008;

}  // namespace

BOOST_AUTO_TEST_CASE(philox_gives_the_published_vectors) {
  constexpr std::uint32_t ones = 0xffffffff;
  BOOST_TEST((philox({0, 0, 0, 0}, {0, 0}) == PhiloxCounter{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  BOOST_TEST((philox({ones, ones, ones, ones}, {ones, ones}) ==
              PhiloxCounter{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
  BOOST_TEST((philox({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}) ==
              PhiloxCounter{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

BOOST_AUTO_TEST_CASE(bits_of_key_zero_are_philox_of_the_counter) {
  const auto bits = draw(Distribution::bits, Dtype::i32, keys({2}, {0, 0}), {6});
  const auto first = philox({0, 0, 0, 0}, {0, 0}), second = philox({1, 0, 0, 0}, {0, 0});
  for (int i = 0; i < 6; ++i)
    BOOST_TEST(static_cast<std::uint32_t>(bits.as<std::int32_t>()[i]) == (i < 4 ? first[i] : second[i - 4]));
}

BOOST_AUTO_TEST_CASE(an_element_depends_on_its_key_and_place_only) {
  for (const auto distribution : {Distribution::uniform, Distribution::normal, Distribution::truncated_normal}) {
    const auto long_draw = draw(distribution, Dtype::f32, keys({2}, {5, -6}), {103});
    const auto short_draw = draw(distribution, Dtype::f32, keys({2}, {5, -6}), {2, 5});
    const auto several = draw(distribution, Dtype::f32, keys({3, 2}, {1, 2, 5, -6, 3, 4}), {10});
    for (std::int64_t i = 0; i < 10; ++i) {
      BOOST_TEST(short_draw.at(i) == long_draw.at(i));
      BOOST_TEST(several.at(10 + i) == long_draw.at(i));
    }
  }
}

BOOST_AUTO_TEST_CASE(f64_draws_agree_with_f32_draws) {
  for (const auto distribution : {Distribution::uniform, Distribution::normal, Distribution::truncated_normal}) {
    const auto key = keys({2}, {11, 12});
    const auto narrow = draw(distribution, Dtype::f32, key, {999}), wide = draw(distribution, Dtype::f64, key, {999});
    for (std::int64_t i = 0; i < 999; ++i)
      BOOST_REQUIRE(narrow.at(i) == static_cast<double>(static_cast<float>(wide.at(i))));
  }
}

BOOST_AUTO_TEST_CASE(uniform_numbers_fill_the_interval) {
  const auto draws = draw(Distribution::uniform, Dtype::f32, keys({2}, {1, 2}), {many});
  const auto m = moments(draws);
  BOOST_TEST(std::abs(m.mean - 0.5) < four_errors * 0.29);
  BOOST_TEST(std::abs(m.variance - 1.0 / 12) < four_errors * 0.08);
  BOOST_TEST(m.least >= 0);
  BOOST_TEST(m.least < 1e-4);
  BOOST_TEST(m.largest < 1);
  BOOST_TEST(m.largest > 1 - 1e-4);
  for (const std::int64_t distance : {1, 2, 3, 4, 8})
    BOOST_TEST(std::abs(correlation(draws, distance, m.mean, m.variance)) < four_errors);
}

BOOST_AUTO_TEST_CASE(normal_numbers_have_the_moments_of_the_normal_distribution) {
  const auto draws = draw(Distribution::normal, Dtype::f32, keys({2}, {3, 4}), {many});
  const auto m = moments(draws);
  BOOST_TEST(std::abs(m.mean) < four_errors);
  BOOST_TEST(std::abs(m.variance - 1) < four_errors * 1.42);
  BOOST_TEST(std::abs(m.skew) < four_errors * 2.5);
  BOOST_TEST(std::abs(m.kurtosis - 3) < four_errors * 5);
  BOOST_TEST(m.largest > 4);
  BOOST_TEST(m.largest < 6.7);
  BOOST_TEST(m.least < -4);
  for (const std::int64_t distance : {1, 2, 3, 4, 8})
    BOOST_TEST(std::abs(correlation(draws, distance, m.mean, m.variance)) < four_errors);
}

BOOST_AUTO_TEST_CASE(truncated_normal_numbers_stay_within_two) {
  const auto draws = draw(Distribution::truncated_normal, Dtype::f32, keys({2}, {5, 6}), {many});
  const auto m = moments(draws);
  BOOST_TEST(m.largest <= 2);
  BOOST_TEST(m.largest > 1.99);
  BOOST_TEST(m.least >= -2);
  BOOST_TEST(m.least < -1.99);
  BOOST_TEST(std::abs(m.mean) < four_errors);
  BOOST_TEST(std::abs(m.variance - 0.774) < four_errors);  // 1 - 4 pdf(2) / (1 - 2 cdf(-2))
}

BOOST_AUTO_TEST_CASE(derived_keys_differ_from_each_other_and_from_the_samples) {
  const std::int64_t n = 4096;
  std::vector<std::int32_t> words, numbers;
  for (std::int64_t i = 0; i < n; ++i)
    words.insert(words.end(), {7, 8}), numbers.push_back(static_cast<std::int32_t>(i) - 5);
  const auto key = keys({n, 2}, words), number = keys({n}, numbers);
  const auto derived = run(*make_fold_in({n}), {Dtype::i32, {n, 2}}, {&key, &number});
  const auto bits = draw(Distribution::bits, Dtype::i32, keys({2}, {7, 8}), {4 * n});
  std::set<std::int64_t> pairs;
  const auto pair_at = [](const Array& array, std::int64_t i) {
    return static_cast<std::int64_t>(array.at(2 * i)) * (std::int64_t{1} << 32) +
           static_cast<std::int64_t>(array.at(2 * i + 1));
  };
  for (std::int64_t i = 0; i < n; ++i) pairs.insert(pair_at(derived, i));
  for (std::int64_t i = 0; i < 2 * n; ++i) pairs.insert(pair_at(bits, i));
  BOOST_TEST(pairs.size() == static_cast<std::size_t>(3 * n));
}

BOOST_AUTO_TEST_CASE(distinct_indices_are_a_part_of_a_shuffle) {
  const auto key = keys({2, 2}, {1, 2, 3, 4});
  const auto whole = run(*make_distinct({2}, 1000, 1000), {Dtype::i32, {2, 1000}}, {&key});
  const auto part = run(*make_distinct({2}, 1000, 7), {Dtype::i32, {2, 7}}, {&key});
  for (const std::int64_t row : {0, 1}) {
    std::set<double> seen;
    for (std::int64_t i = 0; i < 1000; ++i) seen.insert(whole.at(1000 * row + i));
    BOOST_TEST(seen.size() == 1000u);
    BOOST_TEST(*seen.begin() == 0);
    BOOST_TEST(*seen.rbegin() == 999);
    for (std::int64_t i = 0; i < 7; ++i) BOOST_TEST(part.at(7 * row + i) == whole.at(1000 * row + i));
  }
  BOOST_TEST(whole.at(0) != whole.at(1000));
}

BOOST_AUTO_TEST_CASE(distinct_indices_of_a_key_do_not_depend_on_the_keys_before) {
  for (const std::int64_t n : {1, 2, 9, 50})
    for (const std::int64_t count : {std::int64_t{1}, (n + 1) / 2, n}) {
      const auto key = keys({6, 2}, {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 1, 2});
      const auto together = run(*make_distinct({6}, n, count), {Dtype::i32, {6, count}}, {&key});
      for (const std::int64_t row : {1, 4, 5}) {
        const Array own = key.row(row);
        BOOST_TEST(same_bits(together.row(row), run(*make_distinct({}, n, count), {Dtype::i32, {count}}, {&own})));
      }
    }
}

BOOST_AUTO_TEST_CASE(all_orders_of_distinct_indices_are_equally_likely) {
  constexpr std::int64_t each = 2000, orders = 60;  // 5 * 4 * 3
  std::vector<std::int32_t> words;
  for (std::int32_t i = 0; i < each * orders; ++i) words.insert(words.end(), {i, 99});
  const auto key = keys({each * orders, 2}, words);
  const auto drawn = run(*make_distinct({each * orders}, 5, 3), {Dtype::i32, {each * orders, 3}}, {&key});
  std::map<int, int> counts;
  for (std::int64_t i = 0; i < each * orders; ++i)
    ++counts[static_cast<int>(25 * drawn.at(3 * i) + 5 * drawn.at(3 * i + 1) + drawn.at(3 * i + 2))];
  BOOST_TEST(counts.size() == static_cast<std::size_t>(orders));
  double chi_square = 0;
  for (const auto& [order, count] : counts) chi_square += std::pow(count - each, 2) / static_cast<double>(each);
  BOOST_TEST(chi_square < 59 + 4 * std::sqrt(2 * 59.0));  // 59 degrees of freedom: four deviations
}

BOOST_AUTO_TEST_CASE(nothing_to_draw) {
  BOOST_TEST(draw(Distribution::normal, Dtype::f32, keys({0, 2}, {}), {3}).elements() == 0);
  BOOST_TEST(draw(Distribution::normal, Dtype::f32, keys({2}, {1, 2}), {0}).elements() == 0);
}

BOOST_AUTO_TEST_CASE(samples_of_the_wrong_type_are_the_callers_error) {
  BOOST_CHECK_THROW(make_random(Distribution::normal, Dtype::i32, {}, {3}), Error);
  BOOST_CHECK_THROW(make_random(Distribution::bits, Dtype::f32, {}, {3}), Error);
}

BOOST_AUTO_TEST_SUITE_END()
