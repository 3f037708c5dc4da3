// What stdlib/tasks makes of other sources: a curriculum begins with the easy ones and ends with all, a bandit finds
// the part that teaches.
#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <sstream>

#include "dsl/driver/recorder.hpp"

using namespace metac;
using namespace metac::dsl;
using namespace metac::dsl::testing;

namespace {

std::string mistake_of(const std::string& text) { return first_mistake(text).message; }

std::vector<double> part_of(const TrainState& state, const std::string& name) {
  std::vector<double> values;
  for (const auto& [known, array] : state.list())
    if (known == name)
      for (std::int64_t i = 0; i < array.elements(); ++i) values.push_back(array.at(i));
  BOOST_TEST_REQUIRE(!values.empty(), "the state has no " << name);
  return values;
}

// A learner that moves nothing and keeps, for each quarter of its training, the mean of a number of its tasks.
const std::string watching = R"(
learner watching(number) {
  learn w = 0.0
  memory sums = full([4], 0.0)
  memory times = full([4], 0.0)
  fn objective(task) = 0 * w * mean(task.support.y)
  fn predict(task, x) = number(task) + 0 * x
  on step(tasks) {
    let quarter = one_hot(cast_int(floor(4 * progress)), 4)
    sums = sums + quarter * mean(map(number, tasks))
    times = times + quarter
  }
}
fn level(p, y) = mean(p)
)";
const std::string graded = watching + R"(
tasks graded() {
  hardness ~ uniform(0, 1)
  support = (x: [[hardness]], y: [[hardness]])
  query = (x: [[hardness]], y: [[hardness]])
}
)";

// Parts that differ in how much there is to learn: the loss of a task is (w - 5)^2 times a number.
const std::string pulls = R"(
tasks pull(strength) {
  weight = 1.0 * strength
  support = (x: [[0.0]], y: [[0.0]])
  query = (x: [[0.0]], y: [[0.0]])
}
learner pulled() {
  learn w = 0.0
  memory drawn = full([4, 3], 0.0)
  fn objective(task) = task.weight * square(w - 5)
  on step(tasks) {
    let kind = cast_int(tasks.weight > 0.01) + cast_int(tasks.weight > 0.5)
    let quarter = one_hot(cast_int(floor(4 * progress)), 4)
    drawn = drawn + reshape(quarter, [4, 1]) * sum(one_hot(kind, 3), axis: 0)
  }
}
)";

}  // namespace

BOOST_AUTO_TEST_SUITE(task_selection)

BOOST_AUTO_TEST_CASE(the_functions_it_is_made_of) {
  const auto lines = printed_numbers(R"(
experiment e {
  let x = [3.0, 1.0, 2.0, 5.0, 4.0]
  print(nth_smallest(x, 0), nth_smallest(x, 4), nth_smallest(x, 2, among: 3), nth_smallest([7.0, 7.0, 7.0], 1))
  print(quantile(x, 0.0), quantile(x, 0.2), quantile(x, 0.8), quantile(x, 1.0), quantile(x, 0.8, among: 3))
  print(max(abs(sum(one_hot(categorical([1.0, 0.0, 2.0, 5.0])([10_000]), 4), axis: 0) / 10_000 - [0.125, 0, 0.25, 0.625])))
  print(categorical([0, 3])([2, 2]))
}
)");
  BOOST_TEST(lines.at(0) == (std::vector<double>{1, 3, 0, 1}), boost::test_tools::per_element());
  BOOST_TEST(lines.at(1) == (std::vector<double>{1, 1, 4, 5, 2}), boost::test_tools::per_element());
  BOOST_TEST(lines.at(2).at(0) < 4 * std::sqrt(0.25 / 10'000));
  BOOST_TEST(lines.at(3) == (std::vector<double>{1, 1, 1, 1}), boost::test_tools::per_element());
}

// The i-th of n uniform numbers has the mean i / (n + 1). Of four candidates the first quarter of the training takes
// the smallest for half of its steps, then one of the two smallest; the second one of three, then any; the rest any.
BOOST_AUTO_TEST_CASE(a_curriculum_begins_with_the_easy_tasks_and_ends_with_all) {
  const auto lines = printed_numbers(graded + R"(
experiment e {
  let learner = watching(fn (task) = task.hardness)
  train learner on curriculum(graded(), fn (task) = task.hardness, candidates: 4) {
    iterations: 400, batch: 50, optimizer: sgd(0.0)
  }
  print(learner.sums / learner.times)
  let hard = watching(fn (task) = task.hardness)
  train hard on curriculum(graded(), fn (task) = -task.hardness, candidates: 4, until: 1) {
    iterations: 400, batch: 50, optimizer: sgd(0.0)
  }
  print(hard.sums / hard.times)
  let after = evaluate learner on curriculum(graded(), fn (task) = task.hardness) { tasks: 2000, metrics: [level] }
  print(after.mean)
}
)");
  const double expected[] = {0.25, 0.45, 0.5, 0.5}, opposite[] = {0.8, 0.7, 0.6, 0.5};
  const double deviation = std::sqrt(1.0 / 12 / 5000);
  for (int quarter = 0; quarter < 4; ++quarter) {
    BOOST_TEST(std::abs(lines.at(0).at(quarter) - expected[quarter]) < 5 * deviation);
    BOOST_TEST(std::abs(lines.at(1).at(quarter) - opposite[quarter]) < 5 * deviation);
  }
  BOOST_TEST(std::abs(lines.at(2).at(0) - 0.5) < 5 * std::sqrt(1.0 / 12 / 2000));  // those of the base
}

// Episodes come from the host, and their difficulty is measured on their images.
BOOST_AUTO_TEST_CASE(a_curriculum_goes_round_episodes) {
  const auto lines = printed_numbers(watching + R"(
let drawings = glyphs(classes: 12, per_class: 4, size: 8)
fn ink(task) = mean(task.support.x)
experiment e {
  let learner = watching(ink)
  train learner on curriculum(episodes(drawings, ways: 2..3, shots: 1, queries: 1), ink, candidates: 6) {
    iterations: 80, batch: 10, optimizer: sgd(0.0)
  }
  print(learner.sums / learner.times)
}
)");
  const auto& ink = lines.at(0);
  BOOST_TEST(ink.at(0) < 0.9 * ink.at(2));
  BOOST_TEST(ink.at(0) < 0.9 * ink.at(3));
  BOOST_TEST(ink.at(0) < ink.at(1));
}

// One step of ten tasks by hand, from the rewards that are kept: those of the part that teaches are not 0.
BOOST_AUTO_TEST_CASE(a_bandit_moves_its_weights_as_the_paper_says) {
  Recorder recorder;
  Options options;
  options.real = Dtype::f64;
  run_script(pulls + R"(
experiment e {
  let learner = pulled()
  train learner on bandit([pull(0), pull(1)], rate: 0.3, exploration: 0.1, history: 20) {
    iterations: 1, batch: 10, optimizer: sgd(0.001)
  }
}
)",
             options, recorder);
  const TrainState& state = recorder.states.at(0);
  const auto rewards = part_of(state, "source.rewards"), weights = part_of(state, "source.weights");
  BOOST_TEST(part_of(state, "source.seen").front() == 10);
  std::vector<double> sorted(rewards.begin(), rewards.begin() + 10);
  BOOST_TEST(std::all_of(rewards.begin() + 10, rewards.end(), [](double r) { return r == 0; }));
  std::sort(sorted.begin(), sorted.end());
  const double low = sorted[1], high = sorted[7];  // a fifth and four fifths of nine, rounded down
  BOOST_TEST(low == 0);
  BOOST_TEST(high > 0.01);
  double moved[2] = {0, 0};
  for (int task = 0; task < 10; ++task) {
    const double scaled = std::clamp(2 * (rewards[task] - low) / (high - low) - 1, -1.0, 1.0);
    moved[rewards[task] > 0 ? 1 : 0] += 0.3 * scaled / 10 / 0.5;
  }
  // With t = 2 each weight is the mean of both.
  const double shared = std::log(0.5 * (std::exp(moved[0]) + std::exp(moved[1])));
  const double largest = std::max(moved[0], moved[1]);
  for (const double weight : weights) BOOST_TEST(std::abs(weight - (shared - largest)) < 1e-12);

  Recorder longer;
  run_script(pulls + R"(
experiment e {
  let learner = pulled()
  train learner on bandit([pull(0), pull(1), pull(0)], rate: 0.3, history: 20) {
    iterations: 40, batch: 10, optimizer: sgd(0.001)
  }
}
)",
             options, longer);
  const auto later = part_of(longer.states.at(0), "source.weights");
  BOOST_TEST(later[1] > later[0] + 1);
  BOOST_TEST(later[1] > later[2] + 1);
  BOOST_TEST(part_of(longer.states.at(0), "source.time").front() == 41);
}

BOOST_AUTO_TEST_CASE(a_bandit_prefers_the_part_that_teaches) {
  for (const std::uint64_t seed : {1, 2, 3}) {
    Options options;
    options.seed = seed;
    const auto lines = printed_numbers(pulls + R"(
experiment e {
  let learner = pulled()
  train learner on bandit([pull(0), pull(0.1), pull(1)], rate: 0.05) { iterations: 200, batch: 10, optimizer: sgd(0.001) }
  print(learner.drawn / 500)
}
)",
                                  options);
    const auto& shares = lines.at(0);  // of the parts, for each quarter of the training
    BOOST_TEST(shares.at(0) + shares.at(1) + shares.at(2) == 1, boost::test_tools::tolerance(1e-6));
    BOOST_TEST(shares.at(2) < 0.8);
    BOOST_TEST(shares.at(11) > 0.8);
    BOOST_TEST(shares.at(9) < 0.15);
    BOOST_TEST(shares.at(9) > 0.005);  // it goes on exploring
  }
}

BOOST_AUTO_TEST_CASE(a_bandit_on_a_curriculum_is_the_same_on_any_number_of_threads) {
  const std::string script = R"(
let drawings = glyphs(classes: 12, per_class: 4, size: 8)
experiment e {
  let learner = protonet(mlp([8]))
  let all = episodes(drawings, ways: 3, shots: 1, queries: 1)
  let parts = [all, curriculum(all, fn (task) = mean(task.support.x), candidates: 3)]
  train learner on bandit(parts) { iterations: 12, batch: 7, optimizer: adam(1e-3) }
  evaluate learner on bandit(parts) { tasks: 30, metrics: [accuracy], overlap: "intended" }
}
)";
  std::vector<Recorder> runs(3);
  const int threads[] = {1, 2, 4};
  for (int i = 0; i < 3; ++i) {
    Options options;
    options.threads = threads[i];
    run_script(script, options, runs[i]);
    BOOST_TEST_REQUIRE(runs[i].states.size() == 1u);
    BOOST_TEST(difference(runs[0].states[0], runs[i].states[0]) == "");
    BOOST_TEST(runs[0].results[0].rows[0].values == runs[i].results[0].rows[0].values);
  }
}

BOOST_AUTO_TEST_CASE(settings_that_make_no_sense_are_refused) {
  const auto trained_on = [](const std::string& source) {
    return mistake_of(pulls + "experiment e {\n  let learner = pulled()\n  train learner on " + source +
                      " { iterations: 1, optimizer: sgd(0.1) }\n}\n");
  };
  BOOST_TEST(trained_on("bandit([pull(1)])") == "at least two parts are needed, not 1");
  BOOST_TEST(trained_on("curriculum(pull(1), fn (task) = task.weight, until: 0)") ==
             "until is above 0 and at most 1, not 0");
}

BOOST_AUTO_TEST_SUITE_END()
