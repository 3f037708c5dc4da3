// What tasks remember while a learner is trained: its numbers by hand, nested sources, checkpoints of it, and what it
// is where nothing is trained.
#include <boost/test/unit_test.hpp>
#include <cmath>

#include "dsl/driver/recorder.hpp"

using namespace metac;
using namespace metac::dsl;
using namespace metac::dsl::testing;

namespace {

// All tasks ask for w = 2, and the half square of what is missing is their loss.
const std::string definitions = R"(
tasks twos() {
  support = (x: [[1.0]], y: [[2.0]])
  query = (x: [[1.0]], y: [[2.0]])
}
learner half_square() {
  learn w = 0.0
  fn objective(task) = mean(square(w - task.query.y)) / 2
  fn predict(task, x) = w + 0 * x
}
tasks counting(base, first = 0) {
  memory steps = first
  memory losses = 0.0
  memory gains = 0.0
  number = steps
  task ~ base
  on step(tasks) {
    steps = next(steps)
    losses = losses + sum(loss)
    gains = gains + sum(gain)
  }
  fn next(n) = n + 1
  return task
}
)";

std::vector<TrainState> states_of(const std::string& script, Options options = {}) {
  Recorder recorder;
  options.real = Dtype::f64;
  run_script(definitions + script, options, recorder);
  return recorder.states;
}
TrainState state_after(const std::string& source, const std::string& settings, const std::string& more = "",
                       Options options = {}) {
  const auto states = states_of(more + "experiment e {\n  let learner = half_square()\n  train learner on " + source +
                                    " { " + settings + " }\n}\n",
                                options);
  BOOST_TEST_REQUIRE(states.size() == 1u);
  return states.front();
}

Array part(const TrainState& state, const std::string& name) {
  for (const auto& [known, array] : state.list())
    if (known == name) return array;
  BOOST_TEST_REQUIRE(false, "the state has no " << name);
  return {};
}
double number(const TrainState& state, const std::string& name) { return part(state, name).at(0); }
std::vector<double> numbers(const TrainState& state, const std::string& name) {
  const Array array = part(state, name);
  std::vector<double> result;
  for (std::int64_t i = 0; i < array.elements(); ++i) result.push_back(array.at(i));
  return result;
}
std::vector<std::string> names_of(const TrainState& state) {
  std::vector<std::string> names;
  for (const auto& [name, array] : state.list())
    if (name.starts_with("source")) names.push_back(name);
  return names;
}

std::string mistake_of(const std::string& text) {
  const Diagnostic mistake = first_mistake(definitions + text);
  return mistake.code + " " + mistake.message;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(task_memory)

// With rate 1/2: w is 0, 1, 3/2, 7/4, and the loss of each task 2, 1/2, 1/8, 1/32.
BOOST_AUTO_TEST_CASE(it_changes_after_each_step_by_the_losses_of_the_tasks_and_what_they_gained) {
  const TrainState state = state_after("counting(twos())", "iterations: 3, batch: 4, optimizer: sgd(0.5)");
  BOOST_TEST(names_of(state) == (std::vector<std::string>{"source.steps", "source.losses", "source.gains"}),
             boost::test_tools::per_element());
  BOOST_TEST(number(state, "learner.w") == 1.75);
  BOOST_TEST(number(state, "source.steps") == 3);
  BOOST_TEST(number(state, "source.losses") == 4 * (2 + 0.5 + 0.125));
  BOOST_TEST(number(state, "source.gains") == 4 * (2 - 0.03125));
}

// The event sees what its body bound for each task of the step, and the memory that the step began with.
BOOST_AUTO_TEST_CASE(the_tasks_of_a_step_are_drawn_with_it_and_told_to_its_event) {
  const TrainState state = state_after("drawing()", "iterations: 5, batch: 3, optimizer: sgd(0.5)", R"(
tasks drawing() {
  memory level = 0.5
  memory seen = [0.0, 0.0, 0.0]
  memory times = 0.0
  let low = level
  drawn ~ uniform(low, low + 1)
  task ~ twos()
  parts = [drawn, low]
  on step(tasks) {
    seen = tasks.drawn
    level = level + 2
    times = times + 10 * step + progress + 0 * sum(tasks.parts[:, 1] - tasks.low) + 0 * tasks.task.support.x[2, 0, 0]
  }
  return task
}
)");
  BOOST_TEST(number(state, "source.level") == 10.5);
  const auto seen = numbers(state, "source.seen");
  for (const double value : seen) BOOST_TEST((value >= 8.5 && value < 9.5));
  BOOST_TEST(seen[0] != seen[1]);
  BOOST_TEST(std::abs(number(state, "source.times") - (10 * (0 + 1 + 2 + 3 + 4) + 0.2 + 0.4 + 0.6 + 0.8)) < 1e-12);
}

BOOST_AUTO_TEST_CASE(nested_sources_keep_their_own_and_the_base_is_first) {
  const TrainState state = state_after("ordered(counting(counting(twos(), first: 5)), [twos(), counting(twos())])",
                                       "iterations: 3, batch: 2, optimizer: sgd(0.5)", R"(
tasks ordered(base, others) {
  memory steps = 100
  other ~ others[1]
  task ~ base
  on step(tasks) { steps = steps + sum(tasks.task.query.y[:, 0, 0]) }
  return (support: task.support, query: other.query)
}
)");
  BOOST_TEST(
      names_of(state) == (std::vector<std::string>{"source.base.base.steps", "source.base.base.losses",
                                                   "source.base.base.gains", "source.base.steps", "source.base.losses",
                                                   "source.base.gains", "source.others.1.steps",
                                                   "source.others.1.losses", "source.others.1.gains", "source.steps"}),
      boost::test_tools::per_element());
  BOOST_TEST(number(state, "source.base.base.steps") == 8);
  BOOST_TEST(number(state, "source.base.steps") == 3);
  BOOST_TEST(number(state, "source.others.1.steps") == 3);
  BOOST_TEST(number(state, "source.steps") == 100 + 3 * 4);
  BOOST_TEST(number(state, "source.base.gains") == 2 * (2 - 0.03125));
  BOOST_TEST(number(state, "source.others.1.gains") == 2 * (2 - 0.03125));
}

BOOST_AUTO_TEST_CASE(one_source_that_is_given_twice_has_one_memory) {
  const TrainState state = state_after("pair(shared, shared)", "iterations: 3, batch: 2, optimizer: sgd(0.5)", R"(
let shared = counting(twos())
tasks pair(first, second) {
  task ~ second
  return task
}
)");
  BOOST_TEST(names_of(state).size() == 3u);
  BOOST_TEST(number(state, "source.first.steps") == 3);
}

// Dropout draws alike before and after the update: where nothing moves, nothing is gained.
BOOST_AUTO_TEST_CASE(the_gain_is_of_the_same_draws) {
  const std::string dropping = R"(
learner dropping() {
  learn w = 1.0
  fn objective(task) = w * mean(dropout(0.3)(full([50], 1.0)))
}
experiment e {
  var learner = dropping()
  train learner on counting(twos()) { iterations: 3, batch: 2, optimizer: sgd(0.0) }
  train learner on counting(twos()) { iterations: 3, batch: 2, optimizer: sgd(0.1) }
}
)";
  const auto states = states_of(dropping);
  BOOST_TEST(number(states.at(0), "source.gains") == 0);
  BOOST_TEST(number(states.at(0), "source.losses") != 6);  // it did draw
  BOOST_TEST(number(states.at(1), "source.gains") > 0.3);  // the rate times the square of about 1, six times
}

// A learner without an objective has the squared length of its direction for a loss: w - 2 here.
BOOST_AUTO_TEST_CASE(a_direction_is_told_by_its_squared_length) {
  const auto states = states_of(R"(
learner towards() {
  learn w = 0.0
  fn direction(task) = w - mean(task.query.y)
}
experiment e {
  let learner = towards()
  train learner on counting(twos()) { iterations: 2, batch: 1, optimizer: sgd(0.5) }
}
)");
  BOOST_TEST(number(states.at(0), "source.losses") == 4 + 1);
  BOOST_TEST(number(states.at(0), "source.gains") == 4 - 0.25);
}

BOOST_AUTO_TEST_CASE(each_training_begins_it_anew_with_draws_of_its_own) {
  const std::string script = R"(
tasks drawn(base) {
  memory direction = normal()([3])
  memory other = normal()([3])
  task ~ base
  return task
}
experiment e {
  var learner = half_square()
  train learner on drawn(drawn(counting(twos()))) { iterations: 2, batch: 2, optimizer: sgd(0.5) }
  train learner on drawn(drawn(counting(twos()))) { iterations: 4, batch: 2, optimizer: sgd(0.5) }
}
)";
  const auto states = states_of(script), again = states_of(script);
  BOOST_TEST(number(states.at(0), "source.base.base.steps") == 2);
  BOOST_TEST(number(states.at(1), "source.base.base.steps") == 4);
  std::vector<std::vector<double>> all;
  for (const auto& state : states)
    for (const std::string name : {"source.direction", "source.other", "source.base.direction", "source.base.other"})
      all.push_back(numbers(state, name));
  for (std::size_t i = 0; i < all.size(); ++i)
    for (std::size_t j = 0; j < i; ++j) BOOST_TEST((all[i] != all[j]));
  BOOST_TEST(difference(states.at(1), again.at(1)) == "");
}

BOOST_AUTO_TEST_CASE(where_nothing_is_trained_it_is_as_in_the_beginning_and_progress_is_1) {
  Recorder recorder;
  Options one_by_one;
  one_by_one.tasks_at_once = 1;
  const std::string script = definitions + R"(
tasks telling(base) {
  memory level = 7
  memory drawn = uniform()([])
  task ~ base
  tells = [level, progress, drawn]
  on step(tasks) { level = level + 1 }
  support = task.support
  query = task.query
}
learner reads() {
  learn w = 0.0
  fn objective(task) = w + stop_gradient(sum(task.tells))
  fn predict(task, x) = task.tells
}
fn told_level(p, y) = p[0]
fn told_progress(p, y) = p[1]
fn told_draw(p, y) = p[2]
experiment e {
  let learner = reads()
  let source = telling(telling(twos()))
  train learner on source {
    iterations: 4, optimizer: sgd(0.1), validate: (on: source, every: 4, tasks: 4, metrics: [told_level, told_progress])
  }
  evaluate learner on source { tasks: 5, metrics: [told_level, told_progress, told_draw] }
}
)";
  run_script(script, one_by_one, recorder);
  BOOST_TEST_REQUIRE(recorder.results.size() == 2u);
  for (const auto& result : recorder.results) {
    for (const double level : result.rows[0].values) BOOST_TEST(level == 7);
    for (const double progress : result.rows[1].values) BOOST_TEST(progress == 1);
  }
  const auto draws = recorder.results[1].rows[2].values;  // drawn once, not for each task
  for (const double value : draws) BOOST_TEST(value == draws.front());
  BOOST_TEST((draws.front() > 0 && draws.front() < 1));
}

BOOST_AUTO_TEST_CASE(a_learner_that_is_measured_knows_no_step) {
  for (const std::string name : {"step", "progress"})
    BOOST_TEST(mistake_of("learner late() {\n  learn w = 0.0\n  fn objective(task) = w\n  fn predict(task, x) = x + " +
                          name + "\n}\nexperiment e { evaluate late() on twos() { tasks: 1 } }\n") ==
               "E0301 `" + name + "` is not known here");
  BOOST_TEST(
      mistake_of("tasks late() {\n  task ~ twos()\n  number = step\n  support = task.support\n  query = task.query\n"
                 "}\nexperiment e { evaluate half_square() on late() { tasks: 1 } }\n") ==
      "E0301 `step` is not known here");
}

BOOST_AUTO_TEST_CASE(it_is_a_part_of_the_state_that_is_compared_and_copied) {
  const TrainState state = state_after("counting(twos())", "iterations: 3, batch: 4, optimizer: sgd(0.5)");
  const TrainState copy = state.copy();
  BOOST_TEST(difference(state, copy) == "");
  Array losses = part(copy, "source.losses");  // shares its memory
  losses.as<double>()[0] += 1;
  BOOST_TEST(difference(state, copy) == "source.losses");
  BOOST_TEST(number(state, "source.losses") + 1 == number(copy, "source.losses"));
  TrainState taken = state.copy();
  taken.take(copy.list(), "a copy");
  BOOST_TEST(difference(taken, copy) == "");
}

BOOST_AUTO_TEST_CASE(the_same_bits_on_any_number_of_threads) {
  const std::string settings = "iterations: 20, batch: 9, optimizer: adam(1e-2)";
  const std::string source = "biased(counting(sinusoids(shots: 3, queries: 3)))";
  const std::string more = R"(
tasks biased(base) {
  memory weights = [0.0, 0.0, 0.0]
  let all = softmax(weights)
  arm ~ integers(3)
  task ~ base
  on step(tasks) { weights = weights + all_of(tasks.arm, gain) + 0.1 * normal()([3]) }
  fn all_of(arms, values) = sum(one_hot(arms, 3) * reshape(values, [-1, 1]), axis: 0)
  return (support: task.support, query: (x: task.query.x, y: task.query.y * all[0]))
}
)";
  Options options;
  const TrainState one = state_after(source, settings, more, options);
  BOOST_TEST(number(one, "source.weights") != 0);
  for (const int threads : {2, 4}) {
    options.threads = threads;
    BOOST_TEST(difference(one, state_after(source, settings, more, options)) == "");
  }
}

BOOST_AUTO_TEST_SUITE_END()
