// Episodes and epochs: what is drawn, that it is fair, and that it depends on nothing but key and index.
#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <numeric>
#include <set>
#include <thread>

#include "data/episodes.hpp"
#include "files.hpp"
#include "sets.hpp"

using namespace metac;
using namespace metac::data;
using namespace metac::data::testing;

namespace {

bool same(const Episodes& a, const Episodes& b) {
  return same_bits(a.support_x, b.support_x) && same_bits(a.support_y, b.support_y) &&
         same_bits(a.query_x, b.query_x) && same_bits(a.query_y, b.query_y) && same_bits(a.classes, b.classes);
}

// The row of small_set that an image is.
int row_of(std::span<const float> pixels) {
  const auto byte = [&](std::size_t i) { return static_cast<int>(pixels[i] * 255.0f + 0.5f); };
  return byte(0) + 250 * byte(1);
}

std::vector<int> rows_of_images(const Array& x) {
  std::vector<int> rows;
  const auto pixels = x.as<float>();
  for (std::size_t at = 0; at < pixels.size(); at += 9) rows.push_back(row_of(pixels.subspan(at, 9)));
  return rows;
}

double chi_squared(const std::vector<int>& counts) {
  const double mean = std::accumulate(counts.begin(), counts.end(), 0.0) / static_cast<double>(counts.size());
  double sum = 0;
  for (int count : counts) sum += (count - mean) * (count - mean) / mean;
  return sum;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(data_episodes)

BOOST_AUTO_TEST_CASE(shapes_are_as_promised) {
  const EpisodeSource source(small_set(10, 8), 5, 2, 3);
  const Episodes episodes = source.sample(Key{1, 2}, 0, 4);
  BOOST_TEST((episodes.support_x.type() == Type{Dtype::f32, Shape{4, 10, 3, 3, 1}}));
  BOOST_TEST((episodes.support_y.type() == Type{Dtype::i32, Shape{4, 10}}));
  BOOST_TEST((episodes.query_x.type() == Type{Dtype::f32, Shape{4, 15, 3, 3, 1}}));
  BOOST_TEST((episodes.query_y.type() == Type{Dtype::i32, Shape{4, 15}}));
  BOOST_TEST((episodes.classes.type() == Type{Dtype::i32, Shape{4, 5}}));
  BOOST_TEST(EpisodeSource(small_set(10, 8), 5, 2, 0).sample(Key{}, 0, 1).query_y.elements() == 0);
}

BOOST_AUTO_TEST_CASE(labels_are_right_and_support_and_query_disjoint) {
  const EpisodeSource source(small_set(10, 5), 4, 2, 3);  // every example of a class is used
  for (int i = 0; i < 200; ++i) {
    const Episodes e = source.sample(Key{3, 4}, i, 1);
    std::set<int> seen;
    std::vector<int> support(4), query(4);
    const auto check = [&](const Array& x, const Array& y, std::vector<int>& counts) {
      const auto rows = rows_of_images(x);
      for (std::size_t j = 0; j < rows.size(); ++j) {
        const auto label = static_cast<std::size_t>(y.as<std::int32_t>()[j]);
        ++counts.at(label);
        BOOST_TEST(seen.insert(rows[j]).second);
        BOOST_TEST(rows[j] % 10 == e.classes.as<std::int32_t>()[label]);
      }
    };
    check(e.support_x, e.support_y, support);
    check(e.query_x, e.query_y, query);
    BOOST_TEST(support == std::vector<int>(4, 2), boost::test_tools::per_element());
    BOOST_TEST(query == std::vector<int>(4, 3), boost::test_tools::per_element());
    const auto classes = e.classes.as<std::int32_t>();
    BOOST_TEST(std::set<int>(classes.begin(), classes.end()).size() == 4u);
  }
}

// Bounds: mean + 4 standard deviations of chi squared and a little more; the keys are fixed.
BOOST_AUTO_TEST_CASE(draws_are_fair) {
  const EpisodeSource source(small_set(10, 8), 5, 1, 2);
  std::vector<int> class_of_label(50), example(80), label_of_place(25), query_label_of_place(50);
  const Episodes e = source.sample(Key{8, 8}, 0, 4000);
  const auto classes = e.classes.as<std::int32_t>(), y = e.support_y.as<std::int32_t>(),
             q = e.query_y.as<std::int32_t>();
  for (std::size_t i = 0; i < classes.size(); ++i) ++class_of_label[i % 5 * 10 + static_cast<std::size_t>(classes[i])];
  for (std::size_t i = 0; i < y.size(); ++i) ++label_of_place[i % 5 * 5 + static_cast<std::size_t>(y[i])];
  for (std::size_t i = 0; i < q.size(); ++i) ++query_label_of_place[i % 10 * 5 + static_cast<std::size_t>(q[i])];
  for (int row : rows_of_images(e.support_x)) ++example[static_cast<std::size_t>(row)];
  BOOST_TEST(chi_squared(class_of_label) < 49 + 45);
  BOOST_TEST(chi_squared(label_of_place) < 24 + 35);
  BOOST_TEST(chi_squared(query_label_of_place) < 49 + 45);
  BOOST_TEST(chi_squared(example) < 79 + 55);
}

BOOST_AUTO_TEST_CASE(an_episode_depends_on_key_and_index_only) {
  const EpisodeSource source(small_set(10, 8), 5, 2, 3);
  const Episodes all = source.sample(Key{1, 2}, 100, 6);
  for (int i = 0; i < 6; ++i) {
    const Episodes one = source.sample(Key{1, 2}, 100 + i, 1);
    BOOST_TEST(same_bits(one.support_x.row(0), all.support_x.row(i)));
    BOOST_TEST(same_bits(one.query_y.row(0), all.query_y.row(i)));
  }
  BOOST_TEST(same(all, source.sample(Key{1, 2}, 100, 6)));
  BOOST_TEST(!same(all, source.sample(Key{1, 3}, 100, 6)));
  BOOST_TEST(!same(all, source.sample(Key{1, 2}, 101, 6)));
  BOOST_TEST(!same(all, source.sample(Key{1, 2}, 100 + (std::int64_t{1} << 32), 6)));
  Episodes again = source.sample(Key{9, 9}, 0, 6);
  source.sample_into(Key{1, 2}, 100, again);
  BOOST_TEST(same(all, again));
}

// From a second implementation in another language. A change of the sampler that changes results must be seen, not slip
// in.
BOOST_AUTO_TEST_CASE(the_draws_of_a_key_never_change) {
  const Episodes e = EpisodeSource(small_set(10, 8), 5, 1, 0).sample(Key{7, 0}, 0, 1);
  std::vector<std::int32_t> expected_classes{9, 4, 0, 8, 1}, expected_labels{0, 2, 3, 4, 1};
  BOOST_TEST(e.classes.as<std::int32_t>() == expected_classes, boost::test_tools::per_element());
  BOOST_TEST(e.support_y.as<std::int32_t>() == expected_labels, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(what_cannot_be_drawn_is_refused_at_once) {
  const Dataset set = small_set(10, 8),
                uneven = set.with_rows(std::vector<std::uint32_t>{0, 10, 20, 1, 11, 2, 12, 22}, "test");
  const auto fails = [&](const Dataset& d, std::int64_t ways, std::int64_t shots, std::int64_t queries,
                         const std::vector<std::string>& words) {
    return fails_with([&] { EpisodeSource(d, ways, shots, queries); }, words);
  };
  BOOST_TEST(fails(set, 11, 1, 1, {"11 ways", "small has 10"}));
  BOOST_TEST(fails(set, 0, 1, 1, {"ways", "0"}));
  BOOST_TEST(fails(set, -3, 1, 1, {"ways", "-3"}));
  BOOST_TEST(fails(set, 5, 0, 1, {"shots", "0"}));
  BOOST_TEST(fails(set, 5, 1, -1, {"queries", "-1"}));
  BOOST_TEST(fails(set, 5, 4, 5, {"4 shots and 5 queries need 9", "has 8"}));
  BOOST_TEST(fails(set, 5, INT64_MAX, INT64_MAX, {"has 8"}));
  BOOST_TEST(fails(uneven, 4, 1, 1, {"4 ways", "has 3"}));  // classes without examples are none
  BOOST_TEST(fails(uneven, 3, 1, 2, {"c1", "has 2"}));
  BOOST_TEST(fails(Dataset::from_bytes("s", Shape{1}, Bytes(9, 0), {}, {}, {}), 1, 1, 1, {"s has no classes"}));
  const EpisodeSource source(set, 5, 1, 1);
  BOOST_TEST(fails_with([&] { source.sample(Key{}, 0, 0); }, {"at least 1"}));
  BOOST_TEST(fails_with([&] { source.sample(Key{}, -1, 1); }, {"no episode -1"}));
  Episodes wrong = EpisodeSource(set, 5, 1, 2).sample(Key{}, 0, 2);
  BOOST_TEST(fails_with([&] { source.sample_into(Key{}, 0, wrong); }, {"query examples"}));
}

BOOST_AUTO_TEST_CASE(an_epoch_has_every_row_once) {
  const EpochBatches batches(50, 16);
  BOOST_TEST(batches.steps_per_epoch() == 4);
  BOOST_TEST(batches.batch_sizes() == (std::vector<std::int64_t>{16, 2}), boost::test_tools::per_element());
  std::vector<std::vector<std::uint32_t>> orders;
  for (std::int64_t epoch = 0; epoch < 3; ++epoch) {
    std::vector<std::uint32_t> order;
    for (std::int64_t step = 4 * epoch; step < 4 * epoch + 4; ++step) {
      const auto rows = batches.rows(Key{1, 1}, step);
      BOOST_TEST(static_cast<std::int64_t>(rows.size()) == batches.batch_size(step));
      order.insert(order.end(), rows.begin(), rows.end());
    }
    BOOST_TEST(std::set<std::uint32_t>(order.begin(), order.end()).size() == 50u);
    BOOST_TEST(order.size() == 50u);
    orders.push_back(order);
  }
  BOOST_TEST((orders[0] != orders[1]));
  BOOST_TEST((orders[1] != orders[2]));
}

BOOST_AUTO_TEST_CASE(a_batch_depends_on_key_and_step_only) {
  const EpochBatches a(50, 16), b(50, 16);
  for (std::int64_t step : {7, 2, 0, 11}) BOOST_TEST((a.rows(Key{1, 1}, step) == b.rows(Key{1, 1}, step)));
  const auto expected = b.rows(Key{1, 1}, 2);
  a.rows(Key{2, 2}, 2);
  BOOST_TEST((a.rows(Key{1, 1}, 2) == expected));
  BOOST_TEST((a.rows(Key{2, 2}, 2) != expected));
  BOOST_TEST(EpochBatches(50, 25).batch_sizes().size() == 1u);
  BOOST_TEST(EpochBatches(50, 1000).batch() == 50);
  BOOST_TEST(fails_with([] { EpochBatches(50, 0); }, {"at least 1"}));
  BOOST_TEST(fails_with([&] { a.rows(Key{}, -1); }, {"no step -1"}));
}

BOOST_AUTO_TEST_CASE(threads_may_share_a_source) {
  const EpochBatches batches(500, 16);
  const EpisodeSource source(small_set(10, 8), 5, 2, 3);
  std::vector<int> good(4, 0);
  std::vector<std::thread> threads;
  for (std::size_t t = 0; t < 4; ++t)
    threads.emplace_back([&, t] {
      const EpochBatches own(500, 16);
      for (std::int64_t step = 0; step < 200; ++step) {
        const bool same_rows = batches.rows(Key{1, 1}, step * 37 % 100) == own.rows(Key{1, 1}, step * 37 % 100);
        good[t] += same_rows && same(source.sample(Key{1, 1}, step, 1), source.sample(Key{1, 1}, step, 1));
      }
    });
  for (auto& thread : threads) thread.join();
  BOOST_TEST(good == std::vector<int>(4, 200), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_SUITE_END()
