// Philox against its published vectors, and what the draws made from it promise.
#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <map>
#include <numeric>
#include <set>

#include "base/error.hpp"
#include "data/random.hpp"

using namespace metac;
using namespace metac::data;

namespace {

using Words = std::array<std::uint32_t, 4>;

// Pearson's statistic of counts that should all be equal.
double chi_squared(const std::vector<int>& counts) {
  const double mean = std::accumulate(counts.begin(), counts.end(), 0.0) / static_cast<double>(counts.size());
  double sum = 0;
  for (int count : counts) sum += (count - mean) * (count - mean) / mean;
  return sum;
}

// A bound that a true draw passes with probability 0.9999 and more, by the normal approximation.
double bound(double freedom) { return freedom + 4 * std::sqrt(2 * freedom) + 8; }

}  // namespace

BOOST_AUTO_TEST_SUITE(data_random)

BOOST_AUTO_TEST_CASE(philox_gives_the_published_vectors) {
  struct Known {
    Words counter;
    Key key;
    Words expected;
  };
  const std::uint32_t ones = 0xffffffff;
  const Known vectors[] = {
      {{0, 0, 0, 0}, {0, 0}, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
      {{ones, ones, ones, ones}, {ones, ones}, {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
      {{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344},
       {0xa4093822, 0x299f31d0},
       {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
  };
  for (const auto& vector : vectors)
    BOOST_TEST(philox(vector.counter, vector.key) == vector.expected, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_stream_reads_blocks_in_order) {
  const Key key{7, 9};
  Stream stream(key);
  for (std::uint32_t block = 0; block < 3; ++block)
    for (auto word : philox({block, 0, 0, 0}, key)) BOOST_TEST(stream.next() == word);
}

BOOST_AUTO_TEST_CASE(folding_gives_keys_of_their_own) {
  std::set<std::pair<std::uint32_t, std::uint32_t>> keys;
  for (std::uint32_t parent = 0; parent < 100; ++parent)
    for (std::uint32_t word = 0; word < 100; ++word) {
      const Key key = fold_in(Key{parent, 0}, word);
      keys.insert({key.a, key.b});
    }
  BOOST_TEST(keys.size() == 10000u);
  BOOST_TEST((fold_in(Key{1, 2}, 3) == fold_in(Key{1, 2}, 3)));
  BOOST_TEST(!(fold_in_wide(Key{1, 2}, 3) == fold_in_wide(Key{1, 2}, 3ull << 32)));
}

BOOST_AUTO_TEST_CASE(uniform_below_is_uniform_and_in_range) {
  for (std::uint32_t n : {1u, 2u, 3u, 7u, 100u}) {
    Stream stream(Key{n, 1});
    std::vector<int> counts(n);
    for (int i = 0; i < 100000; ++i) ++counts.at(stream.uniform_below(n));
    if (n > 1) BOOST_TEST(chi_squared(counts) < bound(n - 1));
  }
}

// With n = 3 * 2^30, taking the remainder of a word would give the first third twice as often.
BOOST_AUTO_TEST_CASE(uniform_below_has_no_modulo_bias) {
  Stream stream(Key{5, 5});
  const std::uint32_t n = 3u << 30;
  std::vector<int> thirds(3);
  for (int i = 0; i < 30000; ++i) ++thirds.at(stream.uniform_below(n) / (1u << 30));
  BOOST_TEST(chi_squared(thirds) < bound(2));
}

BOOST_AUTO_TEST_CASE(uniform_below_zero_is_an_error) { BOOST_CHECK_THROW(uniform_below(Key{}, 0), Error); }

BOOST_AUTO_TEST_CASE(a_permutation_has_every_number_once) {
  for (std::uint32_t n : {0u, 1u, 2u, 63u, 64u, 65u, 1000u}) {
    auto numbers = permutation(Key{n, 3}, n);
    std::sort(numbers.begin(), numbers.end());
    std::vector<std::uint32_t> expected(n);
    std::iota(expected.begin(), expected.end(), 0u);
    BOOST_TEST(numbers == expected, boost::test_tools::per_element());
  }
}

BOOST_AUTO_TEST_CASE(all_orders_are_equally_likely) {
  std::map<std::vector<std::uint32_t>, int> seen;
  for (std::uint32_t i = 0; i < 24000; ++i) ++seen[permutation(Key{i, 11}, 4)];
  std::vector<int> counts;
  for (const auto& [order, count] : seen) counts.push_back(count);
  BOOST_TEST(counts.size() == 24u);
  BOOST_TEST(chi_squared(counts) < bound(23));
}

// The two ways of drawing (few numbers; all of them) must not be told apart.
BOOST_AUTO_TEST_CASE(a_choice_is_the_start_of_the_permutation) {
  for (std::uint32_t n : {1u, 5u, 70u, 300u})
    for (std::uint32_t seed = 0; seed < 20; ++seed) {
      const auto all = permutation(Key{seed, n}, n);
      for (std::uint32_t count : {0u, 1u, n / 2, std::min(n, 64u), n}) {
        const auto some = choice(Key{seed, n}, n, count);
        BOOST_TEST(some.size() == count);
        BOOST_TEST(std::equal(some.begin(), some.end(), all.begin()));
      }
    }
}

BOOST_AUTO_TEST_CASE(more_distinct_numbers_than_there_are_is_an_error) {
  BOOST_CHECK_THROW(choice(Key{}, 4, 5), Error);
}

BOOST_AUTO_TEST_SUITE_END()
