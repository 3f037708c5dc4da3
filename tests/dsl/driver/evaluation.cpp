// What `evaluate` tells: values that depend on the tasks only, statistics that are those of the values, and the mark of
// predictions that depend on the other queries.
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <numeric>

#include "dsl/driver/recorder.hpp"

using namespace metac;
using namespace metac::dsl;
using namespace metac::dsl::testing;

namespace {

const char* const waves = R"(
experiment waves(tasks = 130) {
  let learner = maml(mlp([40, 40, 1]), loss: mse, inner_lr: 0.01)
  evaluate learner on sinusoids(shots: 5) { tasks: tasks, with: (updates: [0, 1, 3]), metrics: [mse, mae] }
}
)";

EvaluationResult measured(const std::string& text, const Options& options) {
  Recorder recorder;
  run_script(text, options, recorder);
  BOOST_TEST_REQUIRE(recorder.results.size() == 1);
  return recorder.results.front();
}

void check_same_values(const EvaluationResult& a, const EvaluationResult& b) {
  BOOST_TEST_REQUIRE(a.rows.size() == b.rows.size());
  for (std::size_t row = 0; row < a.rows.size(); ++row)
    BOOST_TEST(a.rows[row].values == b.rows[row].values, a.rows[row].metric << " " << a.rows[row].point);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(evaluation)

BOOST_AUTO_TEST_CASE(does_not_depend_on_how_many_tasks_are_measured_at_once) {
  Options options;
  const auto usual = measured(waves, options);
  for (const int at_once : {-1, 1, 7, 130, 1000}) {  // at least one, whatever is asked for
    options.tasks_at_once = at_once;
    check_same_values(usual, measured(waves, options));
  }
}

BOOST_AUTO_TEST_CASE(does_not_depend_on_threads) {
  Options options;
  const auto one = measured(waves, options);
  for (const int threads : {2, 3, 4}) {
    options.threads = threads;
    check_same_values(one, measured(waves, options));
  }
}

BOOST_AUTO_TEST_CASE(more_tasks_are_the_same_tasks_and_further_ones) {
  Options options;
  const auto few = measured(waves, options);
  options.settings["tasks"] = "200";
  const auto many = measured(waves, options);
  for (std::size_t row = 0; row < few.rows.size(); ++row) {
    auto first = many.rows[row].values;
    BOOST_TEST(first.size() == 200u);
    first.resize(130);
    BOOST_TEST(few.rows[row].values == first);
  }
}

BOOST_AUTO_TEST_CASE(tells_the_mean_and_interval_of_the_values) {
  const auto result = measured(waves, {});
  BOOST_TEST(result.count == 130);
  BOOST_TEST_REQUIRE(result.rows.size() == 6u);  // metrics fastest
  BOOST_TEST(result.rows[1].metric == "mae");
  BOOST_TEST(result.rows[4].point == "updates: 3");
  for (const auto& row : result.rows) {
    const double n = 130, t = 1.9785;  // Student's t for 129 degrees, 97.5 %
    const double mean = std::accumulate(row.values.begin(), row.values.end(), 0.0) / n;
    double squares = 0;
    for (const double value : row.values) squares += (value - mean) * (value - mean);
    BOOST_TEST(row.summary.count == 130);
    BOOST_TEST(std::abs(row.summary.mean - mean) < 1e-12 * mean);
    BOOST_TEST(std::abs(row.summary.interval - t * std::sqrt(squares / (n - 1) / n)) < 1e-4 * row.summary.interval);
    auto sorted = row.values;
    std::sort(sorted.begin(), sorted.end());
    BOOST_TEST(row.summary.median == (sorted[64] + sorted[65]) / 2);
    BOOST_TEST(std::abs(row.summary.trimmed_mean - std::accumulate(sorted.begin() + 1, sorted.end() - 1, 0.0) / 128) <
               1e-12 * mean);
  }
}

BOOST_AUTO_TEST_CASE(in_double_precision_differs_by_rounding_only) {
  Options options;
  const auto single = measured(waves, options);
  options.real = Dtype::f64;
  const auto wide = measured(waves, options);
  for (std::size_t row = 0; row < single.rows.size(); ++row) {
    BOOST_TEST(single.rows[row].values != wide.rows[row].values);
    for (std::size_t task = 0; task < 130; ++task) {
      const double a = single.rows[row].values[task], b = wide.rows[row].values[task];
      BOOST_TEST(std::abs(a - b) < 1e-4 * (1 + std::abs(b)));
    }
  }
}

BOOST_AUTO_TEST_CASE(of_a_constant_guess_is_what_a_pencil_gives) {
  // Labels are 0 and 2, the guess is 1 + number of the update: errors 1 and 1, or 4 and 0.
  const auto result = measured(R"(
tasks pair() {
  fn example() = (x: [0.0], y: [0.0])
  let both = sample(example, 2)
  support = both
  query = (x: both.x, y: [[0.0], [2.0]])
}
learner guess() {
  learn one = [1.0]
  fn objective(task) = mse(one, task.query.y)
  fn predict(task, x, updates = 0) = one + updates + 0 * x
}
experiment pencil { evaluate guess() on pair() { tasks: 3, with: (updates: [0, 1]), metrics: [mse] } }
)",
                               {});
  BOOST_TEST(result.rows.at(0).summary.mean == 1);
  BOOST_TEST(result.rows.at(1).summary.mean == 2);
  BOOST_TEST(result.rows.at(1).summary.interval == 0);
}

BOOST_AUTO_TEST_CASE(is_marked_transductive_for_batch_norm_and_not_for_an_mlp) {
  const std::string tasks = R"(
tasks dots(ways = 3) {
  fn example() = (x: normal()([ways, 8, 8, 1]), y: iota(ways))
  fn together(examples) = (x: reshape(examples.x, [-1, 8, 8, 1]), y: reshape(examples.y, [-1]))
  support = together(sample(example, 1))
  query = together(sample(example, 2))
}
model flat(x) = x |> flatten |> mlp([6, 3])
model normed(x) = x |> conv_block(4) |> flatten |> linear(3)
)";
  const auto of = [&](const std::string& net) {
    return measured(tasks + "experiment mark { evaluate maml(" + net + ") on dots() { tasks: 2 } }\n", {});
  };
  BOOST_TEST(transductive(of("normed").statistics));
  BOOST_TEST(of("flat").statistics.empty());
  BOOST_TEST(of("flat").rows.at(0).metric == "accuracy");
}

BOOST_AUTO_TEST_SUITE_END()
