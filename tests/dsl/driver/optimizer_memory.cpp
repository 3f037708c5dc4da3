// `optimizer: same` goes on with the optimizer of the learner's last training, its memory included.
#include "dsl/driver/recorder.hpp"

using namespace metac;
using namespace metac::dsl;
using namespace metac::dsl::testing;

namespace {

// Nothing is drawn, so what a training does depends on its start and its optimizer alone. Learns to be 3; that it is
// near 1 is best in validation.
const std::string definitions = R"(
tasks ones() {
  fn example() = (x: [0.0], y: [1.0])
  support = sample(example, 1)
  query = sample(example, 1)
}
learner number() {
  learn w = [0.0]
  fn objective(task) = sum(square(w - 3)) + 0 * sum(task.query.x)
  fn predict(task, x) = w + 0 * x
}
)";

// The number after these trainings, each as (iterations, optimizer, further options).
double after(const std::vector<std::string>& trainings, const std::string& wrapped = "number()") {
  std::string script = definitions + "experiment e {\n  let learner = " + wrapped + "\n";
  for (const auto& options : trainings) script += "  train learner on ones() { " + options + " }\n";
  Recorder recorder;
  run_script(script + "}\n", {}, recorder);
  BOOST_TEST_REQUIRE(recorder.states.size() == trainings.size());
  return leaves(recorder.states.back().learner).front().value.get<Array>()->at(0);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(optimizer_memory)

BOOST_AUTO_TEST_CASE(goes_on_to_the_same_bits_as_one_long_training) {
  for (const std::string rule : {"adam(0.1)", "momentum(0.01)", "(w: adam(0.1))", "sgd(0.1)"}) {
    const std::string fresh = "optimizer: " + rule;
    const double whole = after({"iterations: 9, " + fresh});
    BOOST_TEST(after({"iterations: 4, " + fresh, "iterations: 5, optimizer: same"}) == whole, rule);
    BOOST_TEST(
        after({"iterations: 4, " + fresh, "iterations: 3, optimizer: same", "iterations: 2, optimizer: same"}) == whole,
        rule);
    // A fresh one has to gain its momentum again; that of sgd is none.
    BOOST_TEST((after({"iterations: 4, " + fresh, "iterations: 5, " + fresh}) == whole) == (rule == "sgd(0.1)"), rule);
  }
}

BOOST_AUTO_TEST_CASE(may_stand_in_a_branch) {
  const std::string rule = "optimizer: if 1 == 1 then adam(0.1) else same",
                    same = "optimizer: if 1 == 2 then sgd(1) else same";
  BOOST_TEST(after({"iterations: 4, " + rule, "iterations: 5, " + same}) == after({"iterations: 9, " + rule}));
}

BOOST_AUTO_TEST_CASE(is_that_of_the_state_that_was_selected) {
  const std::string rule = "optimizer: momentum(0.05)",
                    select = ", validate: (on: ones(), every: 1, tasks: 1), select: \"lowest\"";
  const std::string more = "iterations: 3, optimizer: same";
  // On its way to 3 it passes near 1 once.
  int best = 1;
  for (int step = 2; step <= 10; ++step) {
    const auto distance = [&](int steps) {
      return std::abs(after({"iterations: " + std::to_string(steps) + ", " + rule}) - 1);
    };
    if (distance(step) < distance(best)) best = step;
  }
  BOOST_TEST(best > 1);
  BOOST_TEST(best < 10);
  BOOST_TEST(after({"iterations: 10, " + rule + select, more}) ==
             after({"iterations: " + std::to_string(best) + ", " + rule, more}));
}

BOOST_AUTO_TEST_CASE(belongs_to_the_state_of_a_training) {
  Recorder recorder;
  run_script(definitions +
                 "experiment e {\n  let learner = number()\n"
                 "  train learner on ones() { iterations: 4, optimizer: adam(0.1) }\n"
                 "  train learner on ones() { iterations: 5, optimizer: same }\n}\n",
             {}, recorder);
  bool counted = false;
  for (const auto& [name, array] : recorder.states.at(1).list())
    if (name == "optimizer.count") counted = array.at(0) == 9;
  BOOST_TEST(counted);
}

BOOST_AUTO_TEST_SUITE_END()
