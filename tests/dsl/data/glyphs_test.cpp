// Invented characters: the same bits everywhere, and characters that can be told apart.
#include <boost/test/unit_test.hpp>
#include <numeric>

#include "data/glyphs.hpp"
#include "files.hpp"

using namespace metac;
using namespace metac::data;
using namespace metac::data::testing;

namespace {

std::uint32_t checksum(const Dataset& set) {
  std::uint32_t sum = 2166136261u;
  const Array x = set.x();
  for (float value : x.as<float>()) sum = (sum ^ static_cast<std::uint32_t>(value * 255 + 0.5f)) * 16777619u;
  return sum;
}

double distance(std::span<const float> a, std::span<const float> b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += (a[i] - b[i]) * (a[i] - b[i]);
  return sum;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(data_glyphs)

BOOST_AUTO_TEST_CASE(glyphs_are_the_same_bits_on_any_machine) {
  const Dataset set = glyphs(4, 3, 28, Key{1, 0});
  BOOST_TEST(set.size() == 12);
  BOOST_TEST((set.example_shape() == Shape{28, 28, 1}));
  BOOST_TEST(set.classes().names[3] == "glyph003");
  BOOST_TEST(set.label(11) == 3);
  BOOST_TEST(checksum(set) == 2117048213u);
  BOOST_TEST(checksum(glyphs(2, 2, 105, Key{1, 0})) == 2694482749u);
}

BOOST_AUTO_TEST_CASE(more_glyphs_change_nothing_of_those_before) {
  const Dataset few = glyphs(2, 2, 20, Key{5, 5}), more = glyphs(3, 4, 20, Key{5, 5});
  BOOST_TEST(same_bits(few.x(few.rows_of(1)), more.x(more.rows_of(1).first(2))));
  BOOST_TEST(!same_bits(glyphs(2, 2, 20, Key{5, 6}).x(), few.x()));
}

// One drawing of each of 5 classes tells 5 more drawings of them apart far better than chance, by pixels alone: the
// characters differ more than the drawings of one.
BOOST_AUTO_TEST_CASE(characters_can_be_told_apart) {
  const Dataset set = glyphs(60, 6, 28, Key{2, 0});
  const Array x = set.x();
  const auto image = [&](std::int64_t cls, std::int64_t i) { return x.row(6 * cls + i); };
  int right = 0, all = 0;
  for (std::int64_t first = 0; first < 60; first += 5)
    for (std::int64_t cls = 0; cls < 5; ++cls)
      for (std::int64_t i = 1; i < 6; ++i) {
        std::vector<double> distances;
        const Array query = image(first + cls, i);
        for (std::int64_t other = 0; other < 5; ++other) {
          const Array support = image(first + other, 0);
          distances.push_back(distance(query.as<float>(), support.as<float>()));
        }
        right += std::min_element(distances.begin(), distances.end()) - distances.begin() == cls;
        ++all;
      }
  const double share = static_cast<double>(right) / all;
  BOOST_TEST_MESSAGE("5-way 1-shot of glyphs by the nearest image: " << share);
  BOOST_TEST(share > 0.5);
  BOOST_TEST(share < 0.95);  // it is no task if pixels are enough
  double ink = 0;
  for (float value : x.as<float>()) ink += value;
  ink /= static_cast<double>(x.elements());
  BOOST_TEST(ink > 0.05);
  BOOST_TEST(ink < 0.3);
}

BOOST_AUTO_TEST_CASE(glyphs_that_cannot_be_are_errors) {
  BOOST_TEST(fails_with([] { glyphs(0, 1, 28, {}); }, {"at least 1 class", "0 of 1"}));
  BOOST_TEST(fails_with([] { glyphs(1, 1, 7, {}); }, {"8 to 256", "7"}));
  BOOST_TEST(fails_with([] { glyphs(1 << 30, 1 << 30, 28, {}); }, {"more than"}));
}

BOOST_AUTO_TEST_SUITE_END()
