// Training and evaluation: dropout draws in calls from an objective, and nowhere else.
#include "dsl/driver/objective.hpp"
#include "dsl/driver/recorder.hpp"

using namespace metac;
using namespace metac::dsl;
using namespace metac::dsl::testing;

namespace {

const char* const learners = R"(
let source = sinusoids()
let unit_step = sgd(1.0)
let x = fn () = full([1000], 1.0)
learner drops() {
  learn w = 1.0
  fn objective(task) = w * mean(dropout(0.3)(x()))
}
learner zeros_of_it() {
  learn w = 1.0
  fn objective(task) = w * mean(cast_float(dropout(0.3)(x()) == 0))
}
learner keeps() {
  learn w = 1.0
  fn objective(task) = w * mean(evaluating(dropout(0.3))(x()))
}
learner both() {
  learn w = 1.0
  fn objective(task) = w * mean(evaluating(dropout(0.3))(x()) - dropout(0.3)(x()))
}
let dropping = drops()
let zero = zeros_of_it()
let keeping = keeps()
let difference = both()
)";

double loss(Laboratory& lab, const std::string& learner, data::Key key) {
  return Objective(lab, learner, 1, key).loss({1.0});
}

}  // namespace

BOOST_AUTO_TEST_SUITE(modes)

BOOST_AUTO_TEST_CASE(dropout_draws_in_training) {
  Laboratory lab(learners, Dtype::f64);
  const double deviation = std::sqrt(0.3 * 0.7 / 1000);
  for (const std::uint32_t number : {1, 2, 3}) {
    BOOST_TEST(std::abs(loss(lab, "zero", {number, 7}) - 0.3) < 4 * deviation);
    BOOST_TEST(std::abs(loss(lab, "dropping", {number, 7}) - 1) < 4 * deviation / 0.7);
  }
  BOOST_TEST(loss(lab, "dropping", {1, 7}) != loss(lab, "dropping", {2, 7}));
}

BOOST_AUTO_TEST_CASE(evaluating_is_for_the_call_and_what_it_calls_only) {
  Laboratory lab(learners, Dtype::f64);
  BOOST_TEST(loss(lab, "keeping", {1, 7}) == 1);
  BOOST_TEST(loss(lab, "difference", {1, 7}) != 0);
}

BOOST_AUTO_TEST_CASE(predictions_are_in_evaluation) {
  Recorder recorder;
  run_script(R"(
learner drops() {
  learn w = 1.0
  fn objective(task) = w
  fn predict(task, x) = dropout(0.5)(full(x.shape, 1.0))
}
fn off(p, y) = sum(abs(p - 1))
experiment e { evaluate drops() on sinusoids() { tasks: 5, metrics: [off] } }
)",
             {}, recorder);
  BOOST_TEST_REQUIRE(recorder.results.size() == 1);
  BOOST_TEST(recorder.results.front().rows.front().summary.mean == 0);
}

BOOST_AUTO_TEST_SUITE_END()
