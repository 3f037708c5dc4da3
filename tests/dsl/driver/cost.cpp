// What `check` tells of costs, beside what they are by hand. The memory is compared with runs in tests/dsl/command.
#include "driver/fit.hpp"
#include "dsl/driver/recorder.hpp"

using namespace metac;
using namespace metac::dsl;
using namespace metac::dsl::testing;

namespace {

// A learner whose objective is what an optimizer has reached after a hundred steps, and blocks of several layers.
const std::string recomputing = R"(
learner fitted(every) {
  learn rate = 0.01
  fn objective(task) {
    let rule = momentum(rate)
    let target = mean(task.support.y) + full([5000], 0.0)
    let start = (w: 0 * target, memory: rule.start(0 * target))
    let (last, _) = scan(fn (state, _) {
      let w = state.w
      let (next, memory) = rule.update(w, grad(w) { sum(square(sin(w) - target)) }, state.memory)
      return ((w: next, memory: memory), none)
    }, start, iota(100), recompute_every: every)
    return mean(square(last.w - target))
  }
}
learner banked(net) {
  learn theta = init(net)
  memory bank = full([1024, 1024], 0.0)
  fn objective(batch) = cross_entropy(predict(batch.x), batch.y)
  fn predict(x) = net(theta, x)
  on start(data) { bank = bank + 1 }
}
fn wave(x) = sin(0.01 * sum(x, axis: 1, keep: true) + x)
fn waves(x) = x |> wave |> wave |> wave |> wave
model deep(wrap)(x) = x |> flatten |> linear(2048) |> wrap(waves) |> wrap(waves) |> wrap(waves) |> linear(4)
)";

Costs costs_of(const std::string& experiment, int threads = 1) {
  Report report;
  Costs costs;
  Options options;
  options.threads = threads;
  const Script script = Script::from_text("test.meta",
                                          "let rows = glyphs(classes: 4, per_class: 40, size: 8)\n"
                                          "model images(x) = x |> conv2d(16, kernel: 3, padding: 1) |> conv2d(16, "
                                          "kernel: 3, padding: 1) |> flatten |> linear(4)\n"
                                          "let _used = [rows, images, fitted, deep, banked]\n" +
                                              recomputing + "experiment e {\n" + experiment + "\n}\n",
                                          report);
  BOOST_TEST_REQUIRE(script.valid());
  BOOST_TEST((check(script, options, report, nullptr, &costs) == Outcome::done));
  return costs;
}

const std::string options = " on rows { epochs: 3, batch: 100, optimizer: sgd(0.1) }\n";

}  // namespace

BOOST_AUTO_TEST_SUITE(cost)

BOOST_AUTO_TEST_CASE(of_products_is_what_they_are_by_hand) {
  const auto costs = costs_of("  let learner = classifier(mlp([500, 500, 4]))\n  train learner" + options);
  BOOST_TEST_REQUIRE(costs.trainings.size() == 1u);
  const TrainingCost& training = costs.trainings.front();
  BOOST_TEST(training.learner == "classifier");
  BOOST_TEST(training.steps == 6);  // the second batch of each epoch is short; a step is a usual one
  const std::vector<std::pair<std::string, std::int64_t>> layers{
      {"theta.linear1", 65 * 500}, {"theta.linear2", 501 * 500}, {"theta.linear3", 501 * 4}};
  BOOST_TEST((training.parameters == layers));
  // Forward, to the weights, and to the inputs of all layers but the first.
  const double weights = 64 * 500 + 500 * 500 + 500 * 4, behind = 500 * 500 + 500 * 4;
  BOOST_TEST(training.operations == 2 * 100 * (2 * weights + behind), boost::test_tools::tolerance(0.03));
  // The weights are read forward and for the inputs, and written; their gradients likewise.
  BOOST_TEST(training.bytes > 4 * 4 * weights);
  BOOST_TEST(training.bytes < 4 * 20 * weights);
}

BOOST_AUTO_TEST_CASE(of_convolutions_is_what_they_are_by_hand) {
  const auto costs = costs_of("  let learner = classifier(images)\n  train learner" + options);
  BOOST_TEST_REQUIRE(costs.trainings.size() == 1u);
  const double places = 100 * 8 * 8, first = places * 16 * 9, second = places * 16 * 9 * 16,
               last = 100 * 8 * 8 * 16 * 4;
  BOOST_TEST(costs.trainings.front().operations == 2 * (2 * first + 3 * second + 3 * last),
             boost::test_tools::tolerance(0.05));
}

BOOST_AUTO_TEST_CASE(of_tasks_is_that_of_each_and_memory_grows_with_the_threads) {
  const auto of_batch = [](const std::string& batch, int threads) {
    return costs_of(
        "  let learner = maml(mlp([50, 1]), loss: mse)\n  train learner on sinusoids() { iterations: 7, batch: " +
            batch + ", optimizer: sgd(0.1) }\n",
        threads);
  };
  const auto few = of_batch("4", 1), many = of_batch("40", 1), parallel = of_batch("40", 4);
  BOOST_TEST(many.trainings.front().operations > 9 * few.trainings.front().operations);
  BOOST_TEST(many.trainings.front().operations < 10 * few.trainings.front().operations);
  BOOST_TEST(parallel.trainings.front().operations == many.trainings.front().operations);
  BOOST_TEST(parallel.peak_memory > many.peak_memory);
}

// What is kept for derivatives is traded for operations.
BOOST_AUTO_TEST_CASE(of_what_is_computed_again_is_less_memory_and_more_operations) {
  const auto unrolled = [](const std::string& every) {
    return costs_of("  let learner = fitted(" + every +
                    ")\n  train learner on sinusoids(shots: 5) { iterations: 2, batch: 1, optimizer: sgd(0.1) }\n");
  };
  const auto kept = unrolled("0"), recomputed = unrolled("10");
  // The states of 100 steps, two vectors of 5000 each; with every tenth of them kept, 10 and the 10 between two.
  BOOST_TEST(kept.peak_memory > 100 * 2 * 5000 * 4);
  BOOST_TEST(recomputed.peak_memory < kept.peak_memory / 3);
  BOOST_TEST(recomputed.trainings.front().operations > 1.1 * kept.trainings.front().operations);

  const auto deep = [](const std::string& wrap) {
    return costs_of("  let learner = classifier(deep(" + wrap + "))\n  train learner" + options);
  };
  const auto plain = deep("fn (f) = f"), again = deep("checkpoint");
  // Of twelve arrays [100, 2048] between operations nine are computed again.
  BOOST_TEST(again.peak_memory + 6 * 100 * 2048 * 4 < plain.peak_memory);
  BOOST_TEST(again.trainings.front().operations > plain.trainings.front().operations + 9 * 100 * 2048);
}

// What computes a state writes it where it stays: no copy of it is made.
BOOST_AUTO_TEST_CASE(of_an_event_has_its_results_once) {
  const std::size_t bank = 4 << 20;
  const auto costs = costs_of(
      "  let learner = banked(mlp([4]))\n  train learner on rows { iterations: 1, batch: 40, "
      "optimizer: sgd(0.1) }\n");
  BOOST_TEST(costs.peak_memory > 2 * bank);
  BOOST_TEST(costs.peak_memory < 3.2 * bank);
}

// A machine of many cores: what fits is found in a few rehearsals, and is the most that does.
BOOST_AUTO_TEST_CASE(of_threads_are_fitted_in_few_rehearsals) {
  int rehearsals = 0;
  const auto rehearse = [&](const Options& now, Costs& found) {
    ++rehearsals;
    found.peak_memory = static_cast<std::size_t>(100 + now.threads);
    return Outcome::done;
  };
  for (const int most : {1, 2, 137, 511, 512}) {
    Options options;
    options.threads = 512;
    options.memory = static_cast<std::size_t>(100 + most);
    Costs costs;
    Report report;
    rehearsals = 0;
    BOOST_TEST((fit_memory(options, costs, rehearse, report) == Outcome::done));
    BOOST_TEST(options.threads == most);
    BOOST_TEST(costs.peak_memory == options.memory);
    BOOST_TEST(rehearsals < 15);
  }
}

BOOST_AUTO_TEST_SUITE_END()
