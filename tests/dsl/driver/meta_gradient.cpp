// The meta-gradient is the derivative of what is measured: in double precision it equals central differences of the
// meta-loss along random directions, through the scripts of the library. ReLU and max pooling have kinks, where
// differences say nothing: keys and steps are chosen so that none is near, which the quotient of half the step
// confirms.
#include "dsl/driver/objective.hpp"

using namespace metac;
using namespace metac::dsl;
using namespace metac::dsl::testing;

namespace {

const char* const sinusoid = R"(
let source = sinusoids(shots: 5, queries: 7)
let net = mlp([12, 12, 1])
fn learner_of(order, steps) = maml(net, loss: mse, inner_lr: 0.02, steps: steps, order: order)
)";

const char* const images_with = R"(
# Images of `ways` patterns with noise, drawn in the graph.
tasks patterns(ways = 3, shots = 2, queries = 2, size = 8) {
  let pattern = normal()([ways, size, size, 1])
  fn example() = (x: pattern + 0.5 * normal()([ways, size, size, 1]), y: iota(ways))
  fn together(examples) = (x: reshape(examples.x, [-1, size, size, 1]), y: reshape(examples.y, [-1]))
  support = together(sample(example, shots))
  query = together(sample(example, queries))
}
let source = patterns()
model block(channels)(x) =
  x |> conv2d(channels, padding: 1, weights: kaiming_uniform()) |> batch_norm("STATISTICS") |> relu |> max_pool(2)
model small_conv(x) = x |> block(4) |> block(5) |> flatten |> linear(3)
let net = small_conv
fn learner_of(order, steps) = maml(net, inner_lr: 0.1, steps: steps, order: order)
)";

const char* const learners = R"(
let second = learner_of(2, 2)
let first = learner_of(1, 2)
let first_once = learner_of(1, 1)
let unit_step = sgd(1.0)
let inner_step = sgd(INNER)

# The two halves of first-order MAML, each by itself.
learner on_support(net, loss) {
  learn theta = init(net)
  fn objective(task) = loss(net(theta, task.support.x), task.support.y)
}
learner on_query(net, loss) {
  learn theta = init(net)
  fn objective(task) = loss(net(theta, task.query.x), task.query.y)
}
let support_half = on_support(net, LOSS)
let query_half = on_query(net, LOSS)
)";

std::string replaced(std::string text, const std::string& word, const std::string& by) {
  for (auto at = text.find(word); at != std::string::npos; at = text.find(word)) text.replace(at, word.size(), by);
  return text;
}

std::string images(const std::string& statistics) { return replaced(images_with, "STATISTICS", statistics); }

std::string script(const std::string& tasks, const std::string& inner, const std::string& loss) {
  return tasks + replaced(replaced(learners, "INNER", inner), "LOSS", loss);
}

void check_orders(const std::string& text, data::Key key, double step) {
  Laboratory lab(text, Dtype::f64);
  Objective second(lab, "second", 3, key), first(lab, "first", 3, key);
  const Vector at = second.start(), gradient = second.gradient(at), without = first.gradient(at);
  const Worst worst = compare_with_differences(second, at, gradient, step);
  const double apart = distance(gradient, without) / norm(gradient);
  const double wrong = compare_with_differences(first, at, without, step).relative;
  BOOST_TEST_MESSAGE(at.size() << " parameters: order 2 is within " << worst.relative
                               << " of differences (half the step: " << worst.smooth << "); order 1 is " << apart
                               << " from order 2, and up to " << wrong << " from differences");
  BOOST_TEST(worst.relative < 1e-6);
  BOOST_TEST(worst.smooth < 1e-7);
  BOOST_TEST(apart > 1e-2);
  BOOST_TEST(wrong > 1e-2);
  BOOST_TEST(std::abs(first.loss(at) - second.loss(at)) < 1e-12);  // the order changes the derivative only
}

void check_first_order(const std::string& text, data::Key key) {
  Laboratory lab(text, Dtype::f64);
  Objective maml(lab, "first_once", 1, key), query(lab, "query_half", 1, key);
  Objective support(lab, "support_half", 1, key, "inner_step");
  const Vector at = maml.start(), adapted = support.after(at);
  const Vector given = maml.gradient(at), expected = query.gradient(adapted);
  const double error = distance(given, expected) / norm(expected);
  BOOST_TEST_MESSAGE("order 1 is within " << error << " of the gradient at the adapted weights");
  BOOST_TEST(norm(expected) > 1e-3);
  BOOST_TEST(error < 1e-12);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(meta_gradient)

BOOST_AUTO_TEST_CASE(of_a_multilayer_perceptron_equals_central_differences) {
  check_orders(script(sinusoid, "0.02", "mse"), {1, 2}, 1e-5);
}

BOOST_AUTO_TEST_CASE(of_a_convolutional_network_equals_central_differences) {
  check_orders(script(images("batch"), "0.1", "cross_entropy"), {1, 2}, 1e-5);
}

// The statistics of the support are functions of the adapted weights: so is the query's loss, through them.
BOOST_AUTO_TEST_CASE(through_observed_statistics_equals_central_differences) {
  check_orders(script(images("support"), "0.1", "cross_entropy"), {1, 2}, 1e-5);
}

BOOST_AUTO_TEST_CASE(of_training_with_running_statistics_equals_central_differences) {
  check_orders(script(images("running"), "0.1", "cross_entropy"), {1, 2}, 1e-5);
}

BOOST_AUTO_TEST_CASE(of_first_order_is_the_gradient_at_the_adapted_weights) {
  check_first_order(script(sinusoid, "0.02", "mse"), {3, 4});
  check_first_order(script(images("batch"), "0.1", "cross_entropy"), {3, 4});
}

BOOST_AUTO_TEST_SUITE_END()
