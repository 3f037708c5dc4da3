// Training on data sets, learners round others, their events and memory, streams, selection and seeds.
#include <boost/test/unit_test.hpp>
#include <cmath>

#include "dsl/data/files.hpp"
#include "dsl/driver/recorder.hpp"
#include "store/safetensors.hpp"

using namespace metac;
using namespace metac::dsl;
using namespace metac::dsl::testing;

namespace {

std::vector<std::string> printed(const std::string& text, const Options& options = {}) {
  Recorder recorder;
  run_script(text, options, recorder);
  return recorder.lines;
}

// Every line of the script's own claims must be true.
void check_claims(const std::string& text) {
  const auto lines = printed(text);
  BOOST_TEST(!lines.empty());
  for (const auto& line : lines) BOOST_TEST((line.ends_with(" true") || line.ends_with(" 1")), line);
}

struct StreamRecorder : Recorder {
  void stream_measured(const StreamResult& result) override { streams.push_back(result); }
  void compared(const std::vector<Comparison>& pairs) override { comparisons = pairs; }
  void seeds_done(const std::vector<SeedSummary>& all) override { summaries = all; }
  std::vector<StreamResult> streams;
  std::vector<Comparison> comparisons;
  std::vector<SeedSummary> summaries;
};

const std::string rows = R"(
let drawings = glyphs(classes: 3, per_class: 11, size: 10)
let parts = split_rows(drawings, train: 23, test: 10)
)";

// Counts what happens to it and adds up how its base moves.
const std::string counting = rows + R"(
learner counting(base) {
  memory started = 0
  memory steps = 0
  memory ended = 0
  memory labels = [0, 0, 0]
  memory path = zeros_like(base.learned)
  memory slope = zeros_like(base.learned)
  on start(data) { started = started + data.size }
  on step(batch) {
    steps = steps + 1
    labels = labels + cast_int(sum(one_hot(batch.y, 3), axis: 0))
    path = path + (base.learned - before.base)
    slope = slope + gradient.base
  }
  on end(data) { ended = ended + data.size }
}
)";

}  // namespace

BOOST_AUTO_TEST_SUITE(life)

BOOST_AUTO_TEST_CASE(an_epoch_shows_every_row_once_and_events_see_each_step) {
  check_claims(counting + R"(
experiment claims {
  let learner = counting(classifier(mlp([4, 3])))
  train learner on parts.train { epochs: 2, batch: 5, optimizer: sgd(0.1) }
  print("started with all rows", learner.started == 23)
  print("ended with all rows", learner.ended == 23)
  print("two epochs of five steps", learner.steps == 10)
  print("every row twice", sum(learner.labels) == 46)
  print("the path is minus rate times the gradients", sum(abs(learner.path + 0.1 * learner.slope)) < 1e-4)
  print("and not nothing", sum(abs(learner.path)) > 0.01)
}
)");
}

BOOST_AUTO_TEST_CASE(two_learners_draw_alike_in_their_first_training_and_otherwise_in_the_second) {
  check_claims(counting + R"(
experiment claims {
  let plain = classifier(mlp([4, 3]))
  let wrapped = counting(plain)
  train plain on parts.train { epochs: 1, batch: 5, optimizer: sgd(0.1) }
  train wrapped on parts.train { epochs: 1, batch: 5, optimizer: sgd(0.1) }
  print("the wrapped one is the same", sum(abs(plain.theta - wrapped.learned.base.theta)) == 0)
  let once = evaluate plain on parts.test { metrics: [cross_entropy] }
  let same = evaluate wrapped on parts.test { metrics: [cross_entropy] }
  print("and predicts the same", once.mean == same.mean)
}
)");
}

BOOST_AUTO_TEST_CASE(an_objective_may_change_and_differentiate_what_its_base_has_learned) {
  check_claims(rows + R"(
learner pulled(base, strength) {
  memory anchor = zeros_like(base.learned)
  fn objective(batch) = base.objective(batch) + strength / 2 * sum(square(base.learned - anchor))
  fn doubled(x) {
    var other = base
    other.learned = 2 * base.learned
    return other.predict(x)
  }
  on end(data) {
    let slope = grad(base.learned) { sum(square(base.predict(data.x))) }
    anchor = slope
  }
}
experiment claims {
  let learner = pulled(classifier(mlp([3])), strength: 1.0)
  train learner on parts.train { epochs: 1, batch: 23, optimizer: sgd(0.0) }
  let w = learner.learned.base
  print("a function of the base sees the variable", sum(abs(learner.anchor)) > 0.001)
  let x = full([1, 100], 0.5)
  print("another state predicts otherwise", sum(abs(learner.doubled(x) - 2 * learner.predict(x))) < 1e-4)
  print("the penalty's gradient is there", sum(abs(w)) > 0)
}
)");
}

BOOST_AUTO_TEST_CASE(each_learn_has_its_optimizer) {
  check_claims(rows + R"(
learner two(features, head) {
  learn body = init(features)
  learn top = init(head, features(body, example.x))
  fn predict(x) = head(top, features(body, x))
  fn objective(batch) = cross_entropy(predict(batch.x), batch.y)
}
experiment claims {
  let first = two(mlp([4]), linear(3))
  train first on parts.train { iterations: 1, batch: 5, optimizer: sgd(0.0) }
  var learner = first
  train learner on parts.train { iterations: 3, batch: 5, optimizer: (body: sgd(0.0), top: momentum(0.1)) }
  print("the body stays", sum(abs(learner.body - first.body)) == 0)
  print("the top moves", sum(abs(learner.top - first.top)) > 0.001)
}
)");
}

BOOST_AUTO_TEST_CASE(the_best_in_validation_is_kept) {
  StreamRecorder recorder;
  run_script(rows + R"(
experiment best {
  let learner = classifier(mlp([6, 3]))
  train learner on parts.train {
    iterations: 40, batch: 4, optimizer: sgd(3.0), validate: (on: parts.test, every: 4), select: "best"
  }
  evaluate learner on parts.test { metrics: [accuracy], overlap: "intended" }
}
)",
             {}, recorder);
  BOOST_TEST_REQUIRE(recorder.results.size() == 11u);
  double best = 0;
  for (std::size_t i = 0; i < 10; ++i) best = std::max(best, recorder.results[i].rows.front().summary.mean);
  BOOST_TEST(recorder.results.back().rows.front().summary.mean == best);
  BOOST_TEST(recorder.states.front().step == 40);
}

BOOST_AUTO_TEST_CASE(what_is_no_number_in_validation_is_never_the_best) {
  StreamRecorder recorder;
  run_script(rows + R"(
fn undefined_at_first(p, y) = if max(abs(p)) < 1e-6 then nan else cross_entropy(p, y)
model zero(x) {
  param w[100, 3] ~ zeros()
  return flatten(x) @ w
}
experiment best {
  let learner = classifier(zero)
  train learner on parts.train {
    iterations: 4, batch: 4, optimizer: sgd(if step == 0 then 0.0 else 0.1)
    validate: (on: parts.test, every: 1, metrics: [undefined_at_first]), select: "lowest"
  }
  evaluate learner on parts.test { metrics: [undefined_at_first], overlap: "intended" }
}
)",
             {}, recorder);
  BOOST_TEST_REQUIRE(recorder.results.size() == 5u);
  BOOST_TEST(std::isnan(recorder.results[0].rows.front().summary.mean));
  double best = INFINITY;
  for (std::size_t i = 1; i < 4; ++i) best = std::min(best, recorder.results[i].rows.front().summary.mean);
  BOOST_TEST(recorder.results.back().rows.front().summary.mean == best);
}

struct StopBeforeValidation : Recorder {
  void train_progress(const TrainProgress& progress) override { stop = progress.step == 1; }
};

BOOST_AUTO_TEST_CASE(a_stop_during_validation_leaves_a_checkpoint_from_before_it) {
  const data::testing::TemporaryFolder folder;
  const std::string script = rows + R"(
experiment stopped {
  let learner = classifier(mlp([6, 3]))
  train learner on parts.train {
    iterations: 3, batch: 4, optimizer: adam(1e-2), validate: (on: parts.test, every: 1), select: "best"
  }
}
)";
  Options options;
  options.out = (folder / "run").string();
  StopBeforeValidation stopped;
  run_script(script, options, stopped);
  BOOST_TEST(stopped.results.empty());
  BOOST_TEST(std::filesystem::exists(folder / "run" / "training-1-step-1.safetensors"));
  options.resume = true;
  Recorder resumed, whole;
  run_script(script, options, resumed);
  run_script(script, {}, whole);
  BOOST_TEST(resumed.results.size() == 3u);
  BOOST_TEST_REQUIRE(resumed.states.size() == 1u);
  BOOST_TEST(difference(resumed.states.front(), whole.states.front()) == "");
}

BOOST_AUTO_TEST_CASE(data_sets_give_the_same_bits_on_any_number_of_threads) {
  const std::string script = R"(
let drawings = glyphs(classes: 3, per_class: 11, size: 16)
experiment bits {
  let learner = classifier(conv4(ways: 3, channels: 8))
  train learner on drawings { epochs: 1, batch: 8, optimizer: adam(1e-3) }
}
)";
  std::vector<TrainState> states;
  for (const int threads : {1, 2, 4}) {
    Options options;
    options.threads = threads;
    Recorder recorder;
    run_script(script, options, recorder);
    BOOST_TEST_REQUIRE(recorder.states.size() == 1u);
    states.push_back(recorder.states.front());
  }
  BOOST_TEST(difference(states[0], states[1]) == "");
  BOOST_TEST(difference(states[0], states[2]) == "");
}

BOOST_AUTO_TEST_CASE(a_stream_fills_a_matrix_for_each_learner) {
  StreamRecorder recorder;
  run_script(rows + R"(
experiment along {
  let stream = permuted(parts, tasks: 3)
  for learner in [classifier(mlp([5, 3])), classifier(mlp([6, 3]))] {
    evaluate learner on stream { metrics: [accuracy] }
    for task in stream {
      train learner on task { iterations: 5, batch: 5, optimizer: adam(1e-2) }
      evaluate learner on stream { after: task, metrics: [accuracy] }
    }
  }
}
)",
             {}, recorder);
  BOOST_TEST_REQUIRE(recorder.streams.size() == 2 * 4u);
  for (std::size_t i = 0; i < recorder.streams.size(); ++i) {
    const StreamResult& result = recorder.streams[i];
    BOOST_TEST(result.matrix.size() == i % 4);
    BOOST_TEST(result.complete() == (i % 4 == 3));
    BOOST_TEST(result.untrained.size() == 3u);  // measured elsewhere in the text, and of the same matrix
    for (const auto& row : result.matrix) BOOST_TEST(row.size() == 3u);
  }
}

BOOST_AUTO_TEST_CASE(a_trained_learner_is_measured_on_a_stream_as_it_is_now) {
  StreamRecorder recorder;
  run_script(rows + R"(
experiment life {
  let stream = permuted(parts, tasks: 2)
  var learner = classifier(mlp([5, 3]))
  for task in stream {
    train learner on task { iterations: 5, batch: 5, optimizer: adam(1e-2) }
    evaluate learner on stream { after: task, metrics: [accuracy] }
  }
  evaluate learner on stream { metrics: [accuracy] }
  train learner on joint(stream) { iterations: 5, batch: 5, optimizer: adam(1e-2) }
  evaluate learner on stream { metrics: [accuracy] }
}
)",
             {}, recorder);
  BOOST_TEST_REQUIRE(recorder.streams.size() == 4u);
  BOOST_TEST(recorder.streams[1].complete());
  BOOST_TEST(recorder.streams[1].when() == "after permuted 2");
  for (const std::size_t i : {2, 3}) {
    const StreamResult& result = recorder.streams[i];
    BOOST_TEST(result.when() == "now");
    BOOST_TEST(result.latest().size() == 2u);
    BOOST_TEST((result.untrained.empty() && result.matrix.empty() && !result.complete()));
  }
  BOOST_TEST(recorder.streams[2].now == recorder.streams[1].matrix.back());
}

BOOST_AUTO_TEST_CASE(a_stream_has_a_matrix_for_each_metric_and_place_of_a_list) {
  StreamRecorder recorder;
  run_script(rows + R"(
experiment along {
  let stream = permuted(parts, tasks: 2)
  let a = classifier(mlp([5, 3]))
  let b = classifier(mlp([5, 3]))
  for task in stream {
    train a on task { iterations: 5, batch: 5, optimizer: adam(1e-2) }
    evaluate [a, b] on stream { after: task, metrics: [fn (p, y) = accuracy(p, y), fn (p, y) = cross_entropy(p, y)] }
    evaluate a on stream { after: task, metrics: [accuracy] }
  }
}
)",
             {}, recorder);
  BOOST_TEST_REQUIRE(recorder.streams.size() == 2 * 5u);
  for (std::size_t i = 0; i < recorder.streams.size(); ++i) BOOST_TEST(recorder.streams[i].matrix.size() == i / 5 + 1);
  BOOST_TEST(recorder.streams[0].matrix != recorder.streams[1].matrix);
  BOOST_TEST(recorder.streams[5].matrix != recorder.streams[7].matrix);
  BOOST_TEST(recorder.streams[5].matrix == recorder.streams[9].matrix);
}

BOOST_AUTO_TEST_CASE(the_first_task_measured_again_leaves_what_was_known_before_training) {
  StreamRecorder recorder;
  run_script(rows + R"(
experiment along {
  let stream = permuted(parts, tasks: 2)
  let learner = classifier(mlp([5, 3]))
  evaluate learner on stream { metrics: [accuracy] }
  for task in stream {
    for _ in 1..2 {
      train learner on task { iterations: 5, batch: 5, optimizer: adam(1e-2) }
      evaluate learner on stream { after: task, metrics: [accuracy] }
    }
  }
}
)",
             {}, recorder);
  BOOST_TEST_REQUIRE(recorder.streams.size() == 5u);
  for (const StreamResult& result : recorder.streams) BOOST_TEST(result.untrained == recorder.streams[0].untrained);
  const auto rows_of = [&](std::size_t i) { return recorder.streams[i].matrix.size(); };
  for (std::size_t i = 0; i < 5; ++i) BOOST_TEST(rows_of(i) == (i + 1) / 2);
  BOOST_TEST(recorder.streams[4].matrix[0] == recorder.streams[2].matrix[0], boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(the_measures_of_a_stream_are_those_of_its_matrix) {
  StreamResult result;
  result.tasks = {"a", "b", "c"};
  result.matrix = {{0.9, 0.3, 0.2}, {0.7, 0.8, 0.4}, {0.6, 0.5, 0.95}};
  result.untrained = {0.1, 0.2, 0.1};
  const double tolerance = 1e-12;
  BOOST_TEST(std::abs(result.average() - (0.6 + 0.5 + 0.95) / 3) < tolerance);
  BOOST_TEST(std::abs(result.backward_transfer() - ((0.6 - 0.9) + (0.5 - 0.8)) / 2) < tolerance);
  BOOST_TEST(std::abs(result.forgetting() - ((0.9 - 0.6) + (0.8 - 0.5)) / 2) < tolerance);
  BOOST_TEST(std::abs(result.forward_transfer() - ((0.3 - 0.2) + (0.4 - 0.1)) / 2) < tolerance);
}

BOOST_AUTO_TEST_CASE(learners_are_compared_in_pairs_and_a_loss_by_transfer_is_warned_of) {
  StreamRecorder recorder;
  run_script(rows + R"(
let gain = (name: "gain", gain_of: accuracy, warning: "it hurts")
experiment pairs {
  let good = classifier(mlp([6, 3]))
  let bad = classifier(mlp([6, 3]))
  train good on parts.train { epochs: 40, batch: 5, optimizer: adam(1e-2) }
  evaluate [bad, good] on parts.test { metrics: [accuracy, gain] }
}
)",
             {}, recorder);
  BOOST_TEST_REQUIRE(recorder.results.size() == 2u);
  BOOST_TEST_REQUIRE(recorder.comparisons.size() == 2u);
  const double bad = recorder.results[0].rows[0].summary.mean, good = recorder.results[1].rows[0].summary.mean;
  BOOST_TEST(good > bad);
  BOOST_TEST(std::abs(recorder.comparisons[0].difference.mean - (bad - good)) < 1e-12);
  BOOST_TEST(recorder.comparisons[0].warning == "");
  BOOST_TEST(recorder.comparisons[1].warning == "it hurts");
}

BOOST_AUTO_TEST_CASE(a_difference_stays_one_over_the_seeds) {
  StreamRecorder recorder;
  run_script(rows + R"(
experiment pairs(seeds = 2) {
  let (a, b) = (classifier(mlp([6, 3])), classifier(mlp([7, 3])))
  evaluate [a, b] on parts.test { metrics: [accuracy] }
}
)",
             {}, recorder);
  BOOST_TEST_REQUIRE(recorder.summaries.size() == 3u);
  for (std::size_t i = 0; i < 3; ++i) BOOST_TEST(recorder.summaries[i].difference == (i == 2));
}

BOOST_AUTO_TEST_CASE(an_experiment_with_seeds_is_each_of_them) {
  const std::string script = rows + R"(
experiment several(seeds = 3) {
  let learner = classifier(mlp([6, 3]))
  train learner on parts.train { epochs: 5, batch: 5, optimizer: adam(1e-2) }
  evaluate learner on parts.test { metrics: [cross_entropy] }
}
)";
  StreamRecorder all;
  Options options;
  options.seed = 5;
  run_script(script, options, all);
  BOOST_TEST_REQUIRE(all.results.size() == 3u);
  BOOST_TEST_REQUIRE(all.summaries.size() == 1u);
  double sum = 0;
  options.settings["seeds"] = "1";
  for (int i = 0; i < 3; ++i) {
    Recorder one;
    options.seed = 5 + static_cast<std::uint64_t>(i);
    run_script(script, options, one);
    BOOST_TEST(one.results.front().rows.front().values == all.results[i].rows.front().values);
    sum += one.results.front().rows.front().summary.mean;
  }
  BOOST_TEST(std::abs(all.summaries.front().over_seeds.mean - sum / 3) < 1e-12);
  BOOST_TEST(all.summaries.front().over_seeds.count == 3);
}

BOOST_AUTO_TEST_CASE(a_file_with_an_endless_name_is_refused) {
  const data::testing::TemporaryFolder folder;
  store::write_safetensors(folder / "x", {{{"learner." + std::string(1'000'000, '.'), Array::scalar<float>(1)}}, {}});
  Report report;
  Recorder recorder;
  const Script script = Script::from_text(
      "x.meta",
      "experiment e {\n  let l = load(classifier(mlp([3])), \"" + (folder / "x").string() + "\")\n  print(l)\n}\n",
      report);
  BOOST_TEST((run(script, {}, recorder, report) == Outcome::wrong_script));
  BOOST_TEST_REQUIRE(report.all().size() == 1u);
  BOOST_TEST(report.all().front().code == "E0437");
}

BOOST_AUTO_TEST_SUITE_END()
