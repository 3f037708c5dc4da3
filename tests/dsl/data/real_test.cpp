// The real data, where METAC_DATA says that it is: what the sets hold, and a check of the whole sampler by a known
// score.
#include <algorithm>
#include <array>
#include <boost/test/unit_test.hpp>
#include <chrono>
#include <cmath>

#include "data/episodes.hpp"
#include "data/groups.hpp"
#include "data/load.hpp"
#include "data/split.hpp"
#include "data/tabular.hpp"
#include "data/transforms.hpp"
#include "files.hpp"
#include "sets.hpp"

using namespace metac;
using namespace metac::data;
using namespace metac::data::testing;

namespace {

double milliseconds_of(auto act) {
  const auto start = std::chrono::steady_clock::now();
  act();
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();
}

std::array<int, 10> histogram(const Dataset& set) {
  std::array<int, 10> counts{};
  for (std::int64_t row = 0; row < set.size(); ++row) ++counts.at(static_cast<std::size_t>(set.label(row)));
  return counts;
}

// The share of queries whose nearest class mean, in raw pixels, is their own.
double nearest_mean_accuracy(const EpisodeSource& source, Key key, std::int64_t episodes) {
  const auto elements = static_cast<std::size_t>(source.dataset().example_shape().elements());
  const auto ways = static_cast<std::size_t>(source.ways());
  std::int64_t right = 0, all = 0;
  for (std::int64_t i = 0; i < episodes; ++i) {
    const Episodes e = source.sample(key, i, 1);
    const auto x = e.support_x.as<float>(), q = e.query_x.as<float>();
    const auto y = e.support_y.as<std::int32_t>(), answers = e.query_y.as<std::int32_t>();
    std::vector<double> means(ways * elements);
    for (std::size_t j = 0; j < x.size(); ++j)
      means[static_cast<std::size_t>(y[j / elements]) * elements + j % elements] +=
          x[j] / static_cast<double>(source.shots());
    for (std::size_t query = 0; query < answers.size(); ++query) {
      std::vector<double> distances(ways);
      for (std::size_t way = 0; way < ways; ++way)
        for (std::size_t j = 0; j < elements; ++j)
          distances[way] += std::pow(means[way * elements + j] - q[query * elements + j], 2);
      right += std::min_element(distances.begin(), distances.end()) - distances.begin() == answers[query];
      ++all;
    }
  }
  return 100.0 * static_cast<double>(right) / static_cast<double>(all);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(data_real)

BOOST_AUTO_TEST_CASE(omniglot_is_whole_and_splits_as_vinyals_did) {
  const auto directory = real_data();
  if (directory.empty()) return;
  const Dataset set = omniglot(directory);
  BOOST_TEST(set.size() == 32460);
  BOOST_TEST(set.class_count() == 1623);
  for (std::int64_t cls = 0; cls < set.class_count(); ++cls) BOOST_REQUIRE(set.rows_of(cls).size() == 20u);
  BOOST_TEST(set.classes().names[0] == "Arcadian/character01");
  const Parts parts = split_classes(set, "vinyals_split");
  BOOST_TEST(part(parts, "train").class_count() == 1028);
  BOOST_TEST(part(parts, "val").class_count() == 172);
  BOOST_TEST(part(parts, "test").class_count() == 423);
  BOOST_TEST(overlap(rotated_classes(part(parts, "train")), part(parts, "test")).classes == 0);
  BOOST_TEST(split_classes(set, "set", {"background", "evaluation"})[0].second.class_count() == 964);

  const auto file = [&](const char* name) { return directory / "omniglot/splits_vinyals" / name; };
  for (const Dataset& either : {set, rotated_classes(set)}) {
    const auto by_files = split_classes_by_files(
        either, {{"train", file("train.txt")}, {"val", file("val.txt")}, {"test", file("test.txt")}});
    for (std::size_t i = 0; i < 3; ++i) {
      BOOST_TEST(by_files[i].second.class_count() == parts[i].second.class_count() * (either.size() / set.size()));
      BOOST_TEST(overlap(by_files[i].second, parts[i].second).rows == by_files[i].second.size());
    }
  }
}

BOOST_AUTO_TEST_CASE(omniglot_of_other_sizes_is_the_same_drawings) {
  const auto directory = real_data();
  if (directory.empty()) return;
  const Dataset native = omniglot(directory), small = omniglot(directory, 14);
  BOOST_TEST((small.example_shape() == Shape{14, 14, 1}));
  BOOST_TEST(overlap(small, native).rows == small.size());
  // The same ink in the same places: correlation of 14 x 14 with 2 x 2 means of 28 x 28.
  double ab = 0, aa = 0, bb = 0, a1 = 0, b1 = 0, n = 0;
  for (std::uint32_t row = 0; row < 32460; row += 101) {
    const std::vector<std::uint32_t> one{row};
    const Array a = small.x(one), b = native.x(one);
    for (std::int64_t i = 0; i < 14; ++i)
      for (std::int64_t j = 0; j < 14; ++j) {
        const double u = a.at(i * 14 + j);
        const std::int64_t at = 2 * i * 28 + 2 * j;
        const double v = (b.at(at) + b.at(at + 1) + b.at(at + 28) + b.at(at + 29)) / 4;
        ab += u * v, aa += u * u, bb += v * v, a1 += u, b1 += v, ++n;
      }
  }
  const double correlation = (ab - a1 * b1 / n) / std::sqrt((aa - a1 * a1 / n) * (bb - b1 * b1 / n));
  BOOST_TEST_MESSAGE("correlation of sizes 14 and 28: " << correlation);
  BOOST_TEST(correlation > 0.8);
}

BOOST_AUTO_TEST_CASE(nearest_class_mean_scores_what_is_known) {
  const auto directory = real_data();
  if (directory.empty()) return;
  const Dataset test = part(split_classes(omniglot(directory), "vinyals_split"), "test");
  struct Case {
    std::int64_t ways, shots;
    double expected;
  };
  for (const auto& c : {Case{5, 1, 42.5}, Case{5, 5, 67.8}, Case{20, 1, 22.7}}) {
    const double accuracy =
        nearest_mean_accuracy(EpisodeSource(test, c.ways, c.shots, 15), Key{1, 0}, c.ways == 5 ? 600 : 150);
    BOOST_TEST_MESSAGE(c.ways << "-way " << c.shots << "-shot, nearest class mean on pixels: " << accuracy << " %");
    BOOST_TEST(std::abs(accuracy - c.expected) < 2);
  }
}

BOOST_AUTO_TEST_CASE(mnist_has_its_known_counts) {
  const auto directory = real_data();
  if (directory.empty()) return;
  const TrainTest set = mnist(directory);
  BOOST_TEST(set.train.size() == 60000);
  BOOST_TEST(histogram(set.train) == (std::array{5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949}),
             boost::test_tools::per_element());
  BOOST_TEST(histogram(set.test) == (std::array{980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009}),
             boost::test_tools::per_element());
  double mean = 0;
  const Array x = set.train.x();
  for (float value : x.as<float>()) mean += value;
  BOOST_TEST(std::abs(mean / (60000.0 * 784) - 0.1307) < 1e-4);  // the number every tutorial normalises by
  BOOST_TEST(overlap(set.train, set.test).rows == 0);
  BOOST_TEST(overlap(set.train, set.test).classes == 10);
}

BOOST_AUTO_TEST_CASE(fashion_mnist_and_an_idx_pair_in_colour) {
  const auto directory = real_data();
  if (directory.empty()) return;
  const TrainTest set = fashion_mnist(directory);
  BOOST_TEST(set.test.size() == 10000);
  BOOST_TEST(histogram(set.test)[9] == 1000);
  BOOST_TEST(set.train.classes().names[9] == "Ankle boot");
  const auto m = directory / "mnist-m";
  const Dataset colour =
      idx(m / "mnistm-open-test1k-images-idx4-ubyte.gz", m / "mnistm-open-test1k-labels-idx1-ubyte.gz");
  BOOST_TEST((colour.example_shape() == Shape{28, 28, 3}));
  BOOST_TEST(colour.size() == 1000);
}

BOOST_AUTO_TEST_CASE(mnist_and_mnist_m_are_two_domains_of_one_shape) {
  const auto directory = real_data();
  if (directory.empty()) return;
  const TrainTest target = mnist_m(directory);
  BOOST_TEST(target.train.size() == 2000);
  BOOST_TEST(target.test.size() == 1000);
  BOOST_TEST(target.train.class_count() == 10);
  const Dataset source = channels(mnist(directory).train, 3);
  BOOST_TEST((source.x_type(64) == target.train.x_type(64)));
  BOOST_TEST(source.classes().names == target.train.classes().names, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(tables_and_texts_have_their_known_counts) {
  const auto directory = real_data();
  if (directory.empty()) return;
  const Dataset weather = csv(directory / "tabular/weather_us10.csv",
                              {true, {"day", "min_temp_f", "max_temp_f"}, {"mean_temp_f"}, "station"});
  BOOST_TEST(weather.size() == 3650);
  BOOST_TEST(weather.class_count() == 10);
  BOOST_TEST(GroupSource(weather, 10, 300).sample(Key{1, 1}, 0, 2).query_y.shape()[1] == 300);
  const Dataset countries =
      csv(directory / "tabular/gapminder.csv", {true, {"year", "gdpPercap"}, {"lifeExp"}, "country"});
  BOOST_TEST(countries.class_count() == 142);
  BOOST_TEST(countries.y().at(0) == 28.801f);
  const auto clinc = directory / "text/clinc150";
  const Dataset train = text(clinc / "train.tsv", {false, "2", "1", 5000, 16});
  const Dataset test = text(clinc / "test.tsv", {false, "2", "1"}, train);
  BOOST_TEST(train.size() == 15000);
  BOOST_TEST(train.class_count() == 150);
  BOOST_TEST(test.size() == 4500);
  BOOST_TEST(test.class_count() == 150);
  BOOST_TEST(text(directory / "text/banking77/train.tsv", {false, "1", "0", 100, 8}).class_count() == 77);
}

BOOST_AUTO_TEST_CASE(the_authors_archive_is_the_same_drawings) {
  const auto directory = real_data();
  if (directory.empty()) return;
  const auto path = directory / "omniglot/images_background_small1.zip";
  const Dataset archive = images(path, {.class_depth = 2, .size = 0, .invert = true}), set = omniglot(directory, 105);
  BOOST_TEST((archive.example_shape() == Shape{105, 105, 1}));
  BOOST_TEST(archive.size() == 20 * archive.class_count());
  const auto& names = set.classes().names;
  for (std::int64_t cls = 0; cls < archive.class_count(); cls += 10) {
    const auto found = std::find(names.begin(), names.end(), archive.classes().names[static_cast<std::size_t>(cls)]);
    BOOST_REQUIRE(found != names.end());
    BOOST_TEST(same_bits(archive.x(archive.rows_of(cls)), set.x(set.rows_of(found - names.begin()))));
  }
}

BOOST_AUTO_TEST_CASE(loading_and_sampling_are_fast) {
  const auto directory = real_data();
  if (directory.empty()) return;
  const double loading = milliseconds_of([&] { omniglot(directory); });
  const Dataset turned = rotated_classes(part(split_classes(omniglot(directory), "vinyals_split"), "train"));
  const EpisodeSource source(turned, 5, 1, 1);
  Episodes episodes = source.sample(Key{1, 1}, 0, 32);
  double best = 1e9, fresh = 1e9;
  for (int step = 0; step < 200; ++step) {
    best = std::min(best, milliseconds_of([&] { source.sample_into(Key{1, 1}, 32 * step, episodes); }));
    fresh = std::min(fresh, milliseconds_of([&] { source.sample(Key{1, 1}, 32 * step, 32); }));
  }
  BOOST_TEST_MESSAGE("omniglot loads in " << loading << " ms; 32 episodes of 10 images take " << best
                                          << " ms, with new arrays " << fresh << " ms");
  BOOST_TEST(best < 10);  // a wide bound: sanitizers and busy machines; the aim is well under 1
}

BOOST_AUTO_TEST_SUITE_END()
