// Transforms of data sets: what each does to an example, that they cost no memory, keep lineage, and draw by key and
// row only.
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <numeric>
#include <set>

#include "base/memory.hpp"
#include "data/episodes.hpp"
#include "data/image.hpp"
#include "data/split.hpp"
#include "data/transforms.hpp"
#include "files.hpp"
#include "sets.hpp"

using namespace metac;
using namespace metac::data;
using namespace metac::data::testing;

namespace {

std::vector<float> values(const Array& x) { return {x.as<float>().begin(), x.as<float>().end()}; }

// One example [height, width, channels] that holds 0, 1, 2, ...
Dataset counting(std::int64_t height, std::int64_t width, std::int64_t channels, std::int64_t examples = 1) {
  std::vector<float> numbers(static_cast<std::size_t>(height * width * channels * examples));
  std::iota(numbers.begin(), numbers.end(), 0.0f);
  return Dataset::from_floats(
      "counting", Array::from<float>(Shape{examples, height, width, channels}, std::span<const float>(numbers)), {}, {},
      Lineage{"counting", "", {}});
}

std::vector<float> of_first(const Dataset& set) {
  const std::uint32_t first = 0;
  return values(set.x(std::span(&first, 1)));
}

void check(const std::vector<float>& found, const std::vector<float>& expected, double tolerance = 1e-5) {
  BOOST_REQUIRE(found.size() == expected.size());
  for (std::size_t i = 0; i < found.size(); ++i)
    BOOST_TEST(std::abs(found[i] - expected[i]) <= tolerance, i << ": " << found[i] << ", expected " << expected[i]);
}

Crop window(std::int64_t size, std::int64_t padding = 0) { return {size, size, padding, Window::centred, 0, 0}; }

}  // namespace

BOOST_AUTO_TEST_SUITE(data_transforms)

BOOST_AUTO_TEST_CASE(normalizing_takes_one_number_or_one_a_channel) {
  check(of_first(normalize(counting(1, 2, 2), {1}, {2})), {-0.5f, 0, 0.5f, 1});
  check(of_first(normalize(counting(1, 2, 2), {1, 2}, {1, 0.5})), {-1, -2, 1, 2});
  BOOST_TEST(fails_with(
      [] {
        normalize(counting(1, 2, 2), {1, 2, 3}, {1});
      },
      {"3 numbers", "counting", "needs 1, or 2"}));
  BOOST_TEST(fails_with([] { normalize(counting(1, 2, 2), {1}, {0}); }, {"deviation positive"}));
  BOOST_TEST(fails_with([] { normalize(counting(1, 2, 2), {std::nan("")}, {1}); }, {"mean is finite"}));
  BOOST_TEST(fails_with([] { normalize(counting(1, 2, 2), {1e300}, {1}); }, {"also as f32", "1e+300"}));
  BOOST_TEST(fails_with([] { normalize(counting(1, 2, 2), {0}, {1e-50}); }, {"also as f32", "1e-50"}));
}

BOOST_AUTO_TEST_CASE(measured_moments_normalize_to_mean_0_and_deviation_1) {
  const Dataset set = counting(2, 2, 2, 5);
  const Moments measured = moments(set);
  BOOST_TEST(measured.mean.size() == 2u);
  BOOST_TEST(measured.mean[0] == 19.0);
  BOOST_TEST(measured.mean[1] == 20.0);
  const Moments after = moments(normalize(set, measured.mean, measured.deviation));
  for (std::size_t i = 0; i < 2; ++i) {
    BOOST_TEST(std::abs(after.mean[i]) < 1e-6);
    BOOST_TEST(std::abs(after.deviation[i] - 1) < 1e-6);
  }
  const Array same = Array::from<float>(Shape{2, 1}, std::vector<float>{0.1f, 0.1f});
  BOOST_TEST(moments(Dataset::from_floats("same", same, {}, {}, {})).deviation[0] == 1.0);
}

BOOST_AUTO_TEST_CASE(images_are_resized_as_single_images_are) {
  const Dataset set = counting(4, 6, 2);
  const Dataset small = resize(set, 2, 9);
  BOOST_TEST((small.example_shape() == Shape{2, 9, 2}));
  const Image image{4, 6, 2, of_first(set)};
  check(of_first(small), resize(image, 2, 9).pixels, 0);
  BOOST_TEST(fails_with([&] { resize(set, 0, 3); }, {"1 to 4096", "0 x 3"}));
  BOOST_TEST(fails_with(
      [] {
        resize(Dataset::from_floats("rows", Array(Type{Dtype::f32, Shape{3, 7}}), {}, {}, {}), 2, 2);
      },
      {"resize: needs images", "rows", "[7]"}));
}

BOOST_AUTO_TEST_CASE(whole_quarters_are_exact_and_full_turns_return) {
  const Dataset set = counting(4, 4, 3);
  const Image image{4, 4, 3, of_first(set)};
  for (int quarters = -4; quarters <= 4; ++quarters)
    check(of_first(rotate(set, 90.0 * quarters)), rotated(image, quarters).pixels, 0);
}

BOOST_AUTO_TEST_CASE(an_angle_between_turns_about_the_centre) {
  // A bright pixel at (row 1, column 3) of 5 x 5 is 45 degrees up on the right; 45 more put it straight up, sqrt(2)
  // away.
  std::vector<float> pixels(25, 0.0f);
  pixels[1 * 5 + 3] = 1;
  const Dataset set =
      Dataset::from_floats("dot", Array::from<float>(Shape{1, 5, 5, 1}, std::span<const float>(pixels)), {}, {}, {});
  const auto turned = of_first(rotate(set, 45));
  // The pixel above the centre comes from between four, (1, 3) by 0.7071 in each direction.
  const auto largest = std::max_element(turned.begin(), turned.end()) - turned.begin();
  BOOST_TEST(largest == 1 * 5 + 2);
  BOOST_TEST(std::abs(turned[1 * 5 + 2] - 0.5) < 1e-6);
  BOOST_TEST(fails_with([&] { rotate(set, 10, 10); }, {"a lower and a higher angle", "(10, 10)"}));
  BOOST_TEST(fails_with([&] { rotate(set, INFINITY); }, {"finite"}));
}

BOOST_AUTO_TEST_CASE(flips_reverse_one_axis) {
  check(of_first(flip(counting(2, 2, 2), 0)), {4, 5, 6, 7, 0, 1, 2, 3});
  check(of_first(flip(counting(2, 2, 2), 1)), {2, 3, 0, 1, 6, 7, 4, 5});
  BOOST_TEST(fails_with([] { flip(counting(2, 2, 1), 3); }, {"no axis 3", "[2, 2, 1]"}));
  BOOST_TEST(fails_with([] { flip(counting(2, 2, 1), 1, 0); }, {"chance"}));
}

BOOST_AUTO_TEST_CASE(crops_are_windows_of_padded_images) {
  const Dataset set = counting(3, 3, 1);
  check(of_first(crop(set, window(1))), {4});
  check(of_first(crop(set, window(5, 1))), {0, 0, 0, 0, 0, 0, 0, 1, 2, 0, 0, 3, 4, 5, 0, 0, 6, 7, 8, 0, 0, 0, 0, 0, 0});
  check(of_first(crop(set, {2, 1, 0, Window::placed, 1, 2})), {5, 8});
  BOOST_TEST(fails_with([&] { crop(set, window(4)); }, {"4 x 4", "3 x 3"}));
  BOOST_TEST(fails_with([&] { crop(set, {2, 2, 0, Window::placed, 2, 0}); }, {"reaches out"}));
  BOOST_TEST(fails_with([&] { crop(set, window(1, -1)); }, {"padding"}));
}

BOOST_AUTO_TEST_CASE(channels_are_repeated_or_averaged) {
  check(of_first(channels(counting(1, 2, 1), 3)), {0, 0, 0, 1, 1, 1});
  check(of_first(channels(counting(1, 2, 3), 1)), {1, 4});
  BOOST_TEST((channels(counting(1, 2, 3), 3).transforms().empty()));
  BOOST_TEST(fails_with([] { channels(counting(1, 2, 3), 4); }, {"3 channels", "not 4"}));
}

BOOST_AUTO_TEST_CASE(a_permutation_is_one_for_all_rows_and_keeps_channels_together) {
  const Dataset set = counting(4, 4, 2, 3), other = permute(set, Key{1, 0}, "seed 1");
  const auto all = values(other.x());
  for (std::size_t place = 0; place < 16; ++place) {
    const float from = all[2 * place];
    BOOST_TEST(all[2 * place + 1] == from + 1);
    for (std::size_t row = 1; row < 3; ++row)
      BOOST_TEST(all[32 * row + 2 * place] == from + 32 * static_cast<float>(row));
  }
  const auto first = of_first(other);
  BOOST_TEST(std::set<float>(first.begin(), first.end()).size() == 32u);
  BOOST_TEST(of_first(permute(set, Key{2, 0}, "seed 2")) != first);
  BOOST_TEST(of_first(permute(set, Key{1, 0}, "seed 1")) == first);
}

BOOST_AUTO_TEST_CASE(transforms_follow_each_other_and_cost_no_memory) {
  const Dataset set = small_set(3, 400);
  const auto before = memory_in_use();
  std::vector<Dataset> tasks;
  for (std::uint32_t task = 0; task < 10; ++task) tasks.push_back(permute(set, Key{task, 0}, std::to_string(task)));
  const Dataset several = resize(normalize(rotate(set, 90), {0.5}, {0.5}), 6, 6);
  BOOST_TEST(memory_in_use() == before);
  BOOST_TEST((several.transforms() == std::vector<std::string>{"rotate(90)", "normalize(0.5, 0.5)", "resize(6, 6)"}));
  const Image image{3, 3, 1, of_first(set)};
  auto expected = rotated(image, 1);
  for (float& pixel : expected.pixels) pixel = (pixel - 0.5f) / 0.5f;
  check(of_first(several), resize(expected, 6, 6).pixels, 1e-6);
}

BOOST_AUTO_TEST_CASE(a_transformed_row_is_still_the_row_of_its_origin) {
  const Dataset set = small_set(3, 4);
  const Parts parts = split_rows(noise(rotate(set, 90), 0.1), {{"a", 6}, {"b", 6}}, Key{});
  BOOST_TEST(overlap(part(parts, "a"), part(parts, "b")).rows == 0);
  BOOST_TEST(overlap(part(parts, "a"), set).rows == 6);
  BOOST_TEST(part(parts, "a").lineage().history.front() == "rotate(90)");
}

BOOST_AUTO_TEST_CASE(classes_are_turned_where_the_turn_stands) {
  const Dataset set = small_set(2, 1);
  const std::vector<std::uint32_t> second{1};  // class 0, turned by 90 degrees
  const auto before = values(rotated_classes(flip(set, 1)).x(second)),
             after = values(flip(rotated_classes(set), 1).x(second));
  const Image image{3, 3, 1, of_first(set)};
  const auto mirrored = [](Image i) {
    for (int row = 0; row < 3; ++row)
      std::swap(i.pixels[static_cast<std::size_t>(3 * row)], i.pixels[static_cast<std::size_t>(3 * row + 2)]);
    return i;
  };
  check(before, rotated(mirrored(image), 1).pixels, 0);
  check(after, mirrored(rotated(image, 1)).pixels, 0);
  BOOST_TEST(before != after);
}

BOOST_AUTO_TEST_CASE(draws_depend_on_key_and_row_only) {
  const Dataset set = small_set(3, 20);
  Crop moved = window(3, 1);
  moved.window = Window::random;
  const std::vector<Dataset> random{rotate(set, -15, 15), flip(set, 1, 0.5), crop(set, moved), noise(set, 0.1)};
  const std::vector<std::uint32_t> rows{3, 4, 5}, other{5, 3};
  for (const auto& one : random) {
    const Array x = one.x(rows, Key{1, 2});
    BOOST_TEST(same_bits(x, one.x(rows, Key{1, 2})));
    const Array y = one.x(other, Key{1, 2});
    BOOST_TEST(same_bits(y.row(0), x.row(2)));
    BOOST_TEST(same_bits(y.row(1), x.row(0)));
    std::set<std::vector<float>> drawn;
    for (std::uint32_t i = 0; i < 40; ++i) drawn.insert(values(one.x(std::span(rows).first(1), Key{i, 7})));
    BOOST_TEST(drawn.size() > 1u);
  }
  // The two flips of one set are drawn by themselves.
  const Dataset twice = flip(flip(set, 1, 0.5), 0, 0.5);
  std::set<std::vector<float>> drawn;
  for (std::uint32_t i = 0; i < 60; ++i) drawn.insert(values(twice.x(std::span(rows).first(1), Key{i, 7})));
  BOOST_TEST(drawn.size() == 4u);
}

BOOST_AUTO_TEST_CASE(draws_have_the_distribution_they_say) {
  const Dataset set = Dataset::from_floats("zero", Array(Type{Dtype::f32, Shape{1, 40001}}), {}, {}, {});
  const auto drawn = of_first(noise(set, 0.5));
  double sum = 0, squares = 0;
  for (float value : drawn) {
    sum += value;
    squares += value * value;
  }
  const auto count = static_cast<double>(drawn.size());
  BOOST_TEST(std::abs(sum / count) < 0.01);
  BOOST_TEST(std::abs(std::sqrt(squares / count) - 0.5) < 0.01);
  BOOST_TEST(fails_with([&] { noise(set, 0); }, {"deviation is positive"}));

  const Dataset pair = counting(1, 2, 1);
  int flipped = 0;
  for (std::uint32_t i = 0; i < 4000; ++i) {
    const std::uint32_t row = 0;
    flipped += flip(pair, 1, 0.25).x(std::span(&row, 1), Key{i, 0}).as<float>()[0] == 1;
  }
  BOOST_TEST(std::abs(flipped / 4000.0 - 0.25) < 0.03);
}

BOOST_AUTO_TEST_CASE(episodes_and_epochs_draw_transforms_anew) {
  const Dataset set = noise(small_set(3, 4), 0.1);
  const EpisodeSource source(set, 3, 1, 3);  // every example is used
  const auto first = source.sample(Key{1, 1}, 0, 2);
  BOOST_TEST(same_bits(first.support_x.row(1), source.sample(Key{1, 1}, 1, 1).support_x.row(0)));
  BOOST_TEST(!same_bits(first.query_x.row(0), first.query_x.row(1)));
  const EpochBatches batches(set.size(), 12);
  const auto rows = batches.rows(Key{3, 3}, 0);
  BOOST_TEST(!same_bits(set.x(rows, batches.gathering(Key{3, 3}, 0)), set.x(rows, batches.gathering(Key{3, 3}, 1))));
}

BOOST_AUTO_TEST_SUITE_END()
