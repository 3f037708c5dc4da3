// Streams: labels of each scenario, the same transform for train and test, and tasks that share what they may not.
#include <boost/test/unit_test.hpp>
#include <numeric>
#include <set>

#include "base/memory.hpp"
#include "data/stream.hpp"
#include "data/transforms.hpp"
#include "files.hpp"
#include "sets.hpp"

using namespace metac;
using namespace metac::data;
using namespace metac::data::testing;

namespace {

// Train and test with the same images, of which the parts of the origin differ.
TrainTest small_pair(int classes, int each) {
  const Dataset set = small_set(classes, each);
  const auto part = [&](const std::string& name) {
    const Array x = set.x();
    const auto y = set.y();
    return Dataset::from_floats("small." + name, x, {y.as<std::int32_t>().begin(), y.as<std::int32_t>().end()},
                                set.classes(), Lineage{"small", name, {}});
  };
  return {part("train"), part("test")};
}

std::set<std::int32_t> labels(const Dataset& set) {
  const Array y = set.y();
  return {y.as<std::int32_t>().begin(), y.as<std::int32_t>().end()};
}

std::set<std::int32_t> active(const StreamTask& task) { return {task.active.begin(), task.active.end()}; }

}  // namespace

BOOST_AUTO_TEST_SUITE(data_stream)

BOOST_AUTO_TEST_CASE(permuted_tasks_have_one_order_for_train_and_test) {
  const TrainTest both = small_pair(3, 4);
  const TaskStream stream = permuted(both, 3, 1, Scenario::domain);
  BOOST_TEST(stream.classes == 3);
  std::set<std::string> orders;
  for (const auto& task : stream.tasks) {
    BOOST_TEST(same_bits(task.data.train.x(), task.data.test.x()));
    BOOST_TEST(!same_bits(task.data.train.x(), both.train.x()));
    BOOST_TEST((labels(task.data.train) == std::set<std::int32_t>{0, 1, 2}));
    BOOST_TEST((active(task) == std::set<std::int32_t>{0, 1, 2}));
    orders.insert(task.data.train.transforms().front());
    BOOST_TEST(task.data.train.rows_of(1).data() == both.train.rows_of(1).data());  // not a list of its own
  }
  BOOST_TEST(orders.size() == 3u);
  BOOST_TEST(stream.tasks[2].name == "permuted 3");
  BOOST_TEST(!same_bits(stream.tasks[0].data.train.x(), stream.tasks[1].data.train.x()));
  // Task i is the same in a longer stream, another with another seed.
  BOOST_TEST(same_bits(permuted(both, 5, 1, Scenario::domain).tasks[1].data.test.x(), stream.tasks[1].data.test.x()));
  BOOST_TEST(!same_bits(permuted(both, 3, 2, Scenario::domain).tasks[1].data.test.x(), stream.tasks[1].data.test.x()));
}

BOOST_AUTO_TEST_CASE(labels_are_numbered_through_where_tasks_have_their_own) {
  const TrainTest both = small_pair(3, 4);
  for (auto scenario : {Scenario::cls, Scenario::task}) {
    const TaskStream stream = permuted(both, 4, 0, scenario);
    BOOST_TEST(stream.classes == 12);
    for (std::size_t i = 0; i < 4; ++i) {
      const auto first = static_cast<std::int32_t>(3 * i);
      const auto& [train, test] = stream.tasks[i].data;
      BOOST_TEST((labels(train) == std::set<std::int32_t>{first, first + 1, first + 2}));
      BOOST_TEST((labels(train) == active(stream.tasks[i])));
      BOOST_TEST((labels(test) == labels(train)));
      BOOST_TEST(train.class_count() == 12);
      BOOST_TEST(train.origin_class(first + 1) == 1);
      BOOST_TEST(train.label(1) == first + both.train.label(1));
    }
    BOOST_TEST(stream.tasks[0].data.train.classes().names[4] == "permuted 2/c1");
  }
}

BOOST_AUTO_TEST_CASE(split_takes_classes_in_order) {
  const TrainTest both = small_pair(6, 4);
  const TaskStream own = split(both, 3, Scenario::cls), same = split(both, 3, Scenario::domain);
  BOOST_TEST(own.classes == 6);
  BOOST_TEST(same.classes == 2);
  for (std::size_t i = 0; i < 3; ++i) {
    const auto first = static_cast<std::int32_t>(2 * i);
    BOOST_TEST((labels(own.tasks[i].data.train) == std::set<std::int32_t>{first, first + 1}));
    BOOST_TEST((labels(same.tasks[i].data.train) == std::set<std::int32_t>{0, 1}));
    BOOST_TEST((active(same.tasks[i]) == std::set<std::int32_t>{0, 1}));
    BOOST_TEST(own.tasks[i].data.test.size() == 8);
    BOOST_TEST(same_bits(own.tasks[i].data.test.x(), same.tasks[i].data.test.x()));
    for (std::int64_t row = 0; row < 8; ++row)
      BOOST_TEST(own.tasks[i].data.test.label(row) == both.test.label(own.tasks[i].data.test.origin_row(row)));
  }
  BOOST_TEST(own.tasks[1].data.train.classes().names[5] == "c5");
  BOOST_TEST(fails_with([&] { split(both, 4, Scenario::cls); }, {"6 classes", "4 equal parts"}));
  BOOST_TEST(fails_with([&] { split(both, 0, Scenario::cls); }, {"1 to", "0 was given"}));
}

BOOST_AUTO_TEST_CASE(rotated_tasks_are_turned_images) {
  const TrainTest both = small_pair(3, 4);
  const TaskStream stream = rotated(both, {0, 90}, Scenario::domain);
  BOOST_TEST(same_bits(stream.tasks[0].data.test.x(), both.test.x()));
  BOOST_TEST(same_bits(stream.tasks[1].data.test.x(), rotate(both.test, 90).x()));
  BOOST_TEST(stream.tasks[1].name == "rotated 90");
  BOOST_TEST(fails_with([&] { rotated(both, {30, 60, 30}, Scenario::domain); }, {"share 12 examples to test on"}));
  BOOST_TEST(fails_with([&] { rotated(both, {}, Scenario::domain); }, {"0 was given"}));
}

BOOST_AUTO_TEST_CASE(streams_by_hand_are_checked) {
  const TrainTest a = small_pair(3, 4);
  const Dataset other = small_set(3, 4, "other"), more = small_set(4, 4, "more");
  const auto domain = Scenario::domain;
  const TaskStream fine =
      stream({{"a", a}, {"b", {other.take(6), other.with_rows(std::vector<std::uint32_t>{6, 7}, "rest")}}}, domain);
  BOOST_TEST(fine.tasks.size() == 2u);
  BOOST_TEST(stream({{"a", a}}, Scenario::cls).classes == 3);
  BOOST_TEST(fails_with([&] { stream({}, domain); }, {"no tasks"}));
  BOOST_TEST(fails_with([&] { stream({{"a", a}, {"b", a}}, domain); }, {"a and b share 12 examples"}));
  BOOST_TEST(fails_with([&] { stream({{"a", {other, other}}}, domain); }, {"a is tested on 12", "it is trained on"}));
  BOOST_TEST(fails_with(
      [&] {
        stream({{"a", {a.train, a.test}}, {"b", {a.test, other}}}, domain);
      },
      {"a is tested on 12", "b is trained on"}));
  BOOST_TEST(fails_with([&] { stream({{"a", {a.train, more}}}, domain); }, {"different classes (3 and 4"}));
  BOOST_TEST(fails_with(
      [&] {
        stream({{"a", a}, {"b", {more.take(8), more.with_rows(std::vector<std::uint32_t>{9}, "r")}}}, domain);
      },
      {"a has 3 classes, b has 4"}));
  BOOST_TEST(fails_with([&] { stream({{"a", {resize(a.train, 2, 2), a.test}}}, domain); }, {"[2, 2, 1]", "[3, 3, 1]"}));
  BOOST_TEST(fails_with([] { scenario_of("tasks"); }, {"\"domain\", \"class\" or \"task\", not \"tasks\""}));
  // Test examples under other transforms are other tasks.
  BOOST_TEST(stream({{"a", a}, {"b", {flip(a.train, 1), flip(a.test, 1)}}}, domain).tasks.size() == 2u);
}

BOOST_AUTO_TEST_CASE(a_long_stream_shares_its_images) {
  const TrainTest both = small_pair(10, 100);
  const auto before = memory_in_use();
  const TaskStream stream = permuted(both, 50, 0, Scenario::task);
  BOOST_TEST(memory_in_use() == before);
  BOOST_TEST(stream.classes == 500);
}

BOOST_AUTO_TEST_SUITE_END()
