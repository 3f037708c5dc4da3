// The check of derivatives on scripts whose derivatives are known to be right, to have kinks, or to be stopped.
#include "driver/gradcheck.hpp"

#include <boost/test/unit_test.hpp>
#include <cmath>

#include "dsl/laboratory.hpp"

using namespace metac;
using namespace metac::dsl;
using namespace metac::dsl::testing;

namespace {

// A point of a line: support and query are alike.
const char* const points = R"(
tasks points() {
  a ~ uniform(0.5, 2)
  let x = [0.5, 1, -1.5]
  let y = a * x
  return (support: (x: x, y: y), query: (x: x, y: y))
}
)";

std::vector<CheckedLearner> check_of(const std::string& learner, const GradcheckOptions& how = {}) {
  const Script script = script_of(points + learner + R"(
experiment e {
  let found = mine()
  train found on points() { iterations: 10, batch: 4, optimizer: sgd(0.05) }
}
)");
  Report report;
  std::vector<CheckedLearner> learners;
  const Outcome outcome = gradcheck(script, {}, how, report, learners);
  for (const auto& diagnostic : report.all()) BOOST_TEST_MESSAGE(render(diagnostic, script.sources(), false));
  BOOST_TEST((outcome == Outcome::done));
  return learners;
}

CheckedLearner learner_of(const std::string& text, const GradcheckOptions& how = {}) {
  const auto all = check_of(text, how);
  BOOST_TEST_REQUIRE(all.size() == 1u);
  return all.front();
}

const CheckedDerivative& derivative(const CheckedLearner& learner, const std::string& what, int order = 1) {
  for (const auto& one : learner.derivatives)
    if (one.what == what && one.order == order) return one;
  BOOST_FAIL("nothing is said of " << what << " of order " << order);
  throw 0;
}

bool is(const CheckedLearner& learner, const std::string& what, int order, Agreement agreement) {
  const auto& found = derivative(learner, what, order);
  BOOST_TEST_MESSAGE(what << " of order " << order << ": difference " << found.difference);
  return found.agreement == agreement;
}

std::string adapting(const std::string& gradient) {
  return "learner mine() {\n  learn w = [0.3, 0.2]\n"
         "  fn misfit(w, set) = mean((w[0] * tanh(set.x) + w[1] - set.y)^4)\n"
         "  fn objective(task) {\n    let g = grad(w) { misfit(w, task.support) }\n"
         "    return misfit(w - 0.05 * " +
         gradient + ", task.query)\n  }\n}\n";
}

}  // namespace

BOOST_AUTO_TEST_SUITE(gradcheck_of)

BOOST_AUTO_TEST_CASE(a_smooth_objective_is_right_in_three_orders) {
  GradcheckOptions how;
  how.order = 3;
  const auto learner = learner_of(adapting("g"), how);
  for (const int order : {1, 2, 3}) {
    BOOST_TEST(is(learner, "objective", order, Agreement::right));
    BOOST_TEST(is(learner, "grad(w) { misfit(w, task.support) }", order, Agreement::right));
    BOOST_TEST(derivative(learner, "objective", order).difference < 1e-6);
  }
  BOOST_TEST(learner.numbers == 2);
  BOOST_TEST(derivative(learner, "objective").compared == how.tasks * how.directions);
  BOOST_TEST_REQUIRE(learner.first_order.has_value());
  BOOST_TEST(*learner.first_order < 1 - 1e-6);
  BOOST_TEST(!learner.stopped.has_value());
}

BOOST_AUTO_TEST_CASE(a_first_order_update_says_where_it_is_stopped) {
  const auto learner = learner_of(adapting("stop_gradient(g)")), exact = learner_of(adapting("g"));
  const auto& found = derivative(learner, "objective");
  BOOST_TEST((found.agreement == Agreement::stopped));
  BOOST_TEST(found.stop.begin > 0u);
  BOOST_TEST(!is_mistake(found, false));
  BOOST_TEST(is_mistake(found, true));
  BOOST_TEST(is(learner, "grad(w) { misfit(w, task.support) }", 1, Agreement::right));
  // Its gradient is what is left of the exact one without derivatives of derivatives, at whatever weights.
  BOOST_TEST_REQUIRE(learner.stopped.has_value());
  BOOST_TEST(*learner.first_order == *learner.stopped, boost::test_tools::tolerance(1e-12));
  BOOST_TEST(*learner.stopped < 1 - 1e-6);
}

BOOST_AUTO_TEST_CASE(an_objective_at_a_kink_names_the_kink) {
  const auto learner = learner_of(
      "learner mine() {\n  learn w = [0.0]\n  memory first = [1.0]\n  fn objective(task) = sum(relu(w * first))"
      " + mean(square(w[0] * task.query.x))\n  on step(tasks) { w = 0 * w }\n}\n");
  BOOST_TEST(is(learner, "mean(square(w[0] * task.query.x))", 1, Agreement::right));
  BOOST_TEST(is(learner, "sum(relu(w * first))", 1, Agreement::kink));
  BOOST_TEST(derivative(learner, "objective").kinks == derivative(learner, "objective").compared);
  for (const auto& one : learner.derivatives) BOOST_TEST(!is_mistake(one, true));
}

// Units that begin at 0 and pull in opposite directions: the slopes to both sides are nearly alike, and not 0.
BOOST_AUTO_TEST_CASE(several_kinks_at_one_point_are_kinks) {
  const auto learner = learner_of(
      "learner mine() {\n  learn w = full([2], 0.0)\n  fn objective(task) = sum(relu(w)) - 0.9 * sum(relu(-w))"
      "\n  on step(tasks) { w = 0 * w }\n}\n");
  for (const auto& one : learner.derivatives) BOOST_TEST((one.agreement == Agreement::kink), one.what);
}

BOOST_AUTO_TEST_CASE(terms_are_told_one_by_one) {
  const auto learner = learner_of(
      "learner mine() {\n  learn w = [1.0]\n  fn objective(task) = mean(square(w[0] * task.query.x - task.query.y))"
      " + 0.1 * sum(square(w))\n}\n");
  BOOST_TEST(is(learner, "0.1 * sum(square(w))", 2, Agreement::right));
  BOOST_TEST(learner.derivatives.size() == 6u);
}

BOOST_AUTO_TEST_CASE(a_direction_has_its_own_derivatives_compared_and_is_set_beside_the_gradient) {
  const std::string direction =
      "  fn direction(task) = (w: 2 * mean((w * task.query.x - task.query.y) * task.query.x))\n";
  const std::string head = "learner mine() {\n  learn w = 0.3\n";
  const auto alone = learner_of(head + direction + "}\n");
  BOOST_TEST(is(alone, "direction", 1, Agreement::right));
  BOOST_TEST(!alone.direction.has_value());
  const auto both =
      learner_of(head + direction + "  fn objective(task) = mean(square(w * task.query.x - task.query.y))\n}\n");
  BOOST_TEST_REQUIRE(both.direction.has_value());
  BOOST_TEST(*both.direction == 1.0, boost::test_tools::tolerance(1e-12));
}

BOOST_AUTO_TEST_CASE(what_is_stopped_in_a_loop_is_not_called_wrong) {
  const auto learner = learner_of(
      "learner mine() {\n  learn w = [1.5]\n  fn objective(task) =\n"
      "    map_sum(fn (x) = w[0] * stop_gradient(w[0] * x * x), task.query.x)^2\n}\n");
  const auto& found = derivative(learner, "objective");
  BOOST_TEST((found.agreement == Agreement::untold));
  BOOST_TEST(is_mistake(found, true));
  BOOST_TEST(!is_mistake(found, false));
}

BOOST_AUTO_TEST_SUITE_END()
