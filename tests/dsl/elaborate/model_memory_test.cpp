// What models remember: leaves that a tree only carries, that `observe` measures, and that a training step moves once
// by the mean over its calls in training mode. Each number is one of a pencil.
#include <boost/test/unit_test.hpp>
#include <cmath>

#include "dsl/elaborate/reading.hpp"

namespace metac::dsl::test {
namespace {

// Two layers with a memory: one that is measured by `observe`, one that training moves half the way.
const std::string models = R"(
model measured(x) {
  param scale[1] ~ ones()
  memory middle = none
  if is_observing() { middle = mean(x) }
  if middle == none { return error("nothing was observed") }
  return scale * (x - middle)
}
model moving(x) {
  param scale[1] ~ ones()
  memory middle = 0
  if is_training() { middle = 0.5 * middle + 0.5 * mean(x) }
  return scale * (x - middle)
}
model shared(x) {
  let f = measured
  return f(x) + f(3 * x)
}
)";

const std::string observed = "let w = observe(measured, init(measured, [0.0]), [1.0, 3.0])\n";

// Tasks that differ, each with numbers of its own.
const std::string learners = models + R"(
tasks numbers() {
  shift ~ uniform(0, 10)
  support = (x: shift + [1.0, 3.0], y: full([2], 0.0))
  query = (x: shift + [5.0, 11.0, 2.0], y: full([3], 0.0))
}
fn size(net, w, x) = mean(square(net(w, x)))
# Halfway each step to the mean over the tasks and over the calls, as the tasks themselves say.
learner once(net) {
  learn theta = init(net)
  memory expected = 0.0
  fn objective(task) = size(net, theta, task.query.x)
  fn predict(task, x) = net(theta, x)
  on step(tasks) { expected = 0.5 * expected + 0.5 * mean(tasks.query.x) }
}
learner several(net) {
  learn theta = init(net)
  memory expected = 0.0
  fn objective(task) {
    var w = theta
    for _ in 1..2 { w = w - 0.01 * grad(w) { size(net, w, task.support.x) } }
    return size(net, w, task.query.x) + 0 * size(evaluating(net), w, 100 * task.query.x)
  }
  fn predict(task, x) = net(theta, x)
  on step(tasks) { expected = 0.5 * expected + 0.5 * (2 * mean(tasks.support.x) + mean(tasks.query.x)) / 3 }
}
learner rows_of_it(net) {
  learn theta = init(net)
  memory expected = 0.0
  fn objective(task) = sum(map(fn (x) = size(net, theta, [x]), task.query.x)) + map_sum(fn (x) = size(net, theta, [2 * x]), task.support.x)
  on step(tasks) { expected = 0.5 * expected + 0.5 * (3 * mean(tasks.query.x) + 2 * 2 * mean(tasks.support.x)) / 5 }
}
learner directed(net) {
  learn theta = init(net)
  memory expected = 0.0
  fn direction(task) = grad(theta) { size(net, theta, task.query.x) }
  on step(tasks) { expected = 0.5 * expected + 0.5 * mean(tasks.query.x) }
}
learner batches(net) {
  learn theta = init(net)
  memory expected = 0.0
  fn objective(batch) = size(net, theta, batch.x)
  fn predict(x) = net(theta, x)
  on step(batch) { expected = 0.5 * expected + 0.5 * mean(batch.x) }
}
)";

std::vector<double> after(const std::string& body) { return numbers(body, learners); }

}  // namespace

// ---- as leaves that are only carried ----

BOOST_AUTO_TEST_CASE(memory_is_a_leaf_that_nothing_but_the_model_sees) {
  const auto lines = printed(
      "let w = init(moving, [0.0])\nprint(w)\nprint(zeros_like(w), sum(w + 4), 2 * w)\n"
      "print(grad(w) { sum(moving(w, [3.0])) })\n"
      "let (v, m) = momentum(1).update(w, grad(w) { sum(moving(w, [3.0])) }, momentum(1).start(w))\nprint(v, m)",
      models);
  BOOST_TEST(lines[0] == "(scale: [1], middle: 0)");
  BOOST_TEST(lines[1] == "(scale: [0], middle: -) 5 (scale: [2], middle: 0)");
  BOOST_TEST(lines[2] == "(scale: [3], middle: -)");
  BOOST_TEST(lines[3] == "(scale: [-2], middle: 0) (velocity: (scale: [3], middle: -))");
}

BOOST_AUTO_TEST_CASE(a_result_carries_what_its_leftmost_operand_carried) {
  check_numbers(observed +
                    "let v = observe(measured, 2 * w, [9.0])\n"
                    "print((w + v).middle, (v - w).middle, (3 * w - v).middle, (w + v).scale)",
                {2, 9, 2, 3}, models);
}

BOOST_AUTO_TEST_CASE(a_tree_begins_with_an_empty_place_where_nothing_is_remembered) {
  const auto lines = printed("let w = init(measured, [0.0])\nprint(w)\nprint(leaves(w))", models);
  BOOST_TEST(lines[0] == "(scale: [1], middle: -)");
  BOOST_TEST(lines[1] == "[[1]]");
}

BOOST_AUTO_TEST_CASE(init_takes_over_what_a_tree_remembers_and_frozen_copies_keep_it) {
  check_numbers(
      "let old = init(moving, [0.0])\nvar w = old\nw.middle = 7\nlet new = init(moving, [0.0], from: freeze(w))\n"
      "print(new.middle, sum(new), sum(moving(new, [8.0])))",
      {7, 1, 1}, models);
}

// ---- observe ----

BOOST_AUTO_TEST_CASE(observe_gives_a_tree_with_what_layers_remember_of_x) {
  check_numbers(observed + "print(w.middle, measured(w, [5.0]), w.scale)", {2, 3, 1}, models);
  check_numbers(observed + "let v = observe(measured, w, [10.0])\nprint(v.middle, w.middle)", {10, 2}, models);
  check_numbers(observed + "print(observe(moving, init(moving, [0.0]), [9.0]).middle)", {0},
                models);  // no call of training
}

BOOST_AUTO_TEST_CASE(observe_takes_the_mean_over_all_calls_of_a_layer) {
  check_numbers("print(observe(shared, init(shared, [0.0]), [1.0, 3.0]).measured.middle)", {4}, models);
  const std::string rows = "let t = init(measured, [0.0])\nlet x = [1.0, 2.0, 6.0]\n";
  check_numbers(rows + "print(observe(fn (w, x) = sum(map(fn (r) = measured(w, [r]), x)), t, x).middle)", {3}, models);
  check_numbers(rows + "print(observe(fn (w, x) = map_sum(fn (r) = measured(w, [r]), x), t, x).middle)", {3}, models);
  // Three calls in rows and one beside them.
  check_numbers(
      rows + "print(observe(fn (w, x) = sum(map(fn (r) = measured(w, [r]), x)) + measured(w, [11.0]), t, x).middle)",
      {5}, models);
}

BOOST_AUTO_TEST_CASE(observe_goes_through_functions_and_parts_of_trees) {
  check_numbers(
      "let t = (a: init(measured, [0.0]), b: (c: init(measured, [0.0])))\n"
      "let w = observe(fn (w, x) = measured(w.b.c, measured(w.a, x) + 1), t, [4.0, 6.0])\n"
      "print(w.a.middle, w.b.c.middle)",
      {5, 1}, models);
}

BOOST_AUTO_TEST_CASE(observe_is_the_tree_itself_where_nothing_is_remembered) {
  check_numbers("let w = (a: 1.0, b: 2.0)\nlet v = observe(fn (_w, _x) = error(\"not called\"), w, [1.0])\nprint(v)",
                {1, 2});
}

// The square of scale * (s * 5 - (s * 1 + s * 3) / 2) at s = 2 and scale = 2, through what was observed and, second, past it.
BOOST_AUTO_TEST_CASE(derivatives_flow_through_what_was_observed) {
  const std::string net =
      "model net(x) {\n  param s[1] ~ ones()\n  return measured(s * x)\n}\nfn loss(w, x) = sum(square(net(w, x)))\n";
  check_numbers(
      "let w = 2 * init(net, [0.0])\nlet g = grad(w) { loss(observe(net, w, [1.0, 3.0]), [5.0]) }\n"
      "let v = observe(net, w, [1.0, 3.0])\nlet h = grad(v) { loss(v, [5.0]) }\nprint(g.s, h.s)",
      {2 * 12 * 6, 2 * 12 * 10}, models + net);
}

// ---- training ----

BOOST_AUTO_TEST_CASE(a_step_moves_memory_once_by_the_mean_over_tasks_and_calls_in_training_mode) {
  for (const std::string learner : {"once", "several", "rows_of_it", "directed"}) BOOST_TEST_CONTEXT(learner) {
      const auto found = after("let l = " + learner +
                               "(moving)\ntrain l on numbers() { iterations: 3, batch: 4, "
                               "optimizer: sgd(0.001) }\nprint(l.theta.middle, l.expected, l.theta.scale)");
      BOOST_TEST_REQUIRE(found.size() == 3u);
      BOOST_TEST(found[1] > 1);
      BOOST_TEST(std::abs(found[0] - found[1]) < 1e-4 * found[1], found[0] << " is not " << found[1]);
      BOOST_TEST(found[2] != 1);
    }
}

BOOST_AUTO_TEST_CASE(batches_of_a_data_set_move_it_alike) {
  const auto found = after(
      "let l = batches(moving)\ntrain l on glyphs(classes: 2, per_class: 9, size: 8) { iterations: 5, batch: 4, "
      "optimizer: sgd(0.1) }\nprint(l.theta.middle, l.expected)");
  BOOST_TEST(found.at(1) > 0.01);
  BOOST_TEST(std::abs(found.at(0) - found.at(1)) < 1e-5 * found.at(1), found[0] << " is not " << found[1]);
}

BOOST_AUTO_TEST_CASE(predictions_and_events_do_not_move_it) {
  const auto found = after(R"(
let l = several(moving)
train l on numbers() { iterations: 2, batch: 3, optimizer: sgd(0.001) }
let before = l.theta.middle
evaluate l on numbers() { tasks: 3, metrics: [mse] }
let b = batches(moving)
train b on glyphs(classes: 2, per_class: 9, size: 8) { iterations: 2, batch: 4, optimizer: sgd(0.1) }
var again = remembering(b)
train again on glyphs(classes: 2, per_class: 9, size: 8) { iterations: 1, batch: 4, optimizer: sgd(0.0) }
print(l.theta.middle - before, again.end_before - again.end_after, again.learned.base.theta.middle - again.end_after)
}
learner remembering(base) {
  memory end_before = 0.0
  memory end_after = 0.0
  on end(data) {
    end_before = base.learned.theta.middle
    let size = mean(square(base.predict(data.x)))
    end_after = base.learned.theta.middle + 0 * size
  }
)");
  BOOST_TEST(found == (std::vector<double>{0, 0, 0}), boost::test_tools::per_element());
}

// In evaluation mode the memory is used: half of the way to what the last step saw, not what is there now.
BOOST_AUTO_TEST_CASE(evaluation_uses_what_is_remembered) {
  check_numbers(
      "let l = batches(moving)\ntrain l on glyphs(classes: 2, per_class: 9, size: 8) { iterations: 2, batch: 4, "
      "optimizer: sgd(0.0) }\nprint(sum(l.predict([4.0])) - 4 + l.theta.middle)",
      {0}, learners);
}

BOOST_AUTO_TEST_CASE(memory_that_is_frozen_in_what_is_learned_stays_and_its_layer_is_in_evaluation_mode) {
  const std::string net = R"(
model net(x) = x |> moving as first |> moving as second
learner tuned(names) {
  learn theta = freeze(init(net), names)
  fn objective(task) = size(net, theta, task.query.x)
}
# Frozen for the adaptation only.
learner adapted() {
  learn theta = init(net)
  fn objective(task) {
    var w = freeze(theta, ["first"])
    w = w - 0.01 * grad(w) { size(net, w, task.support.x) }
    return size(net, w, task.query.x)
  }
}
)";
  const std::string train = "train l on numbers() { iterations: 2, batch: 3, optimizer: sgd(0.001) }\n";
  const auto frozen = numbers(
      "let l = tuned([\"first\"])\n" + train + "print(l.theta.first.middle, l.theta.second.middle)", learners + net);
  BOOST_TEST(frozen.at(0) == 0);
  BOOST_TEST(frozen.at(1) > 1);  // the first layer does not take the mean off
  const auto free =
      numbers("let l = tuned([])\n" + train + "print(l.theta.first.middle, l.theta.second.middle)", learners + net);
  BOOST_TEST(free.at(0) > 1);
  BOOST_TEST(free.at(1) < free.at(0));
  const auto adapted = numbers("let l = adapted()\n" + train + "print(l.theta.first.middle)", learners + net);
  BOOST_TEST(adapted.at(0) > 1);
}

// A learner's memory changes in `on` only, also where it holds a tree that models use.
BOOST_AUTO_TEST_CASE(copies_in_the_memory_of_a_learner_stay) {
  const auto found = numbers(
      "let l = pair()\ntrain l on numbers() { iterations: 2, batch: 3, optimizer: sgd(0.001) }\n"
      "print(l.theta.middle, l.old.middle)",
      learners + R"(
learner pair() {
  learn theta = init(moving)
  memory old = theta
  fn objective(task) = size(moving, theta, task.query.x) + stop_gradient(size(moving, old, task.query.x))
}
)");
  BOOST_TEST(found.at(0) > 1);
  BOOST_TEST(found.at(1) == 0);
}

}  // namespace metac::dsl::test
