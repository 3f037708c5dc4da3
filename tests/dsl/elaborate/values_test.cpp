// Builtins, layers and their names, draws, trees, conditions on tensors, slices, optimizers.
#include <boost/test/unit_test.hpp>
#include <cmath>

#include "check/builtins.hpp"
#include "dsl/elaborate/reading.hpp"
#include "elaborate/elaborator.hpp"

namespace metac::dsl::test {
namespace {

std::string one_line(const std::string& body, const std::string& definitions = "", std::uint64_t seed = 0) {
  const auto lines = printed(body, definitions, seed);
  BOOST_REQUIRE(lines.size() == 1u);
  return lines.front();
}

const std::string draws = R"(tasks noise() {
  a ~ normal()
  b ~ normal()
  fn example() {
    x ~ normal()
    return (x: [x], y: [x])
  }
  support = sample(example, 3)
  query = sample(example, 3)
}
learner look() {
  learn w = 0.0
  fn objective(task) = w
  fn predict(task, x) = (a: task.a, b: task.b, support: task.support.x, query: x)
}
fn first_a(p, y) = p.a
fn second_a(p, y) = p.b
fn first_support(p, y) = p.support[0, 0]
fn next_support(p, y) = p.support[1, 0]
fn first_query(p, y) = p.query[0, 0]
)";

std::vector<double> drawn(const std::string& definitions, std::uint64_t seed, int threads = 1) {
  const Ran ran = run_text(definitions +
                               "experiment e { evaluate look() on noise() { tasks: 4, metrics: [first_a, second_a, "
                               "first_support, next_support, first_query] } }\n",
                           seed, threads);
  BOOST_REQUIRE_MESSAGE(ran.outcome == Outcome::done, ran.said);
  std::vector<double> means;
  for (const auto& row : ran.results.front().rows) means.push_back(row.summary.mean);
  return means;
}

}  // namespace

BOOST_AUTO_TEST_CASE(every_builtin_is_implemented_as_its_signature_says) {
  for (const Builtin& builtin : builtins()) {
    const auto value = builtin_callable(builtin);
    BOOST_TEST(value.has_value(), builtin.name << " has a signature and no implementation");
    if (value) BOOST_TEST(value->callable()->name == builtin.name);
  }
}

BOOST_AUTO_TEST_CASE(layers_are_named_after_their_models) {
  BOOST_TEST(one_line("print(str(init(net, full([1, 2], 1.0))))",
                      "model net(x) = x |> linear(1) |> linear(1) |> linear(1) as head")
                 .find("linear1: (weight") != std::string::npos);
  const std::string blocks = one_line("let t = init(conv4(2, channels: 1), full([1, 16, 16, 1], 1.0))\nprint(t)");
  for (const char* name : {"conv_block1: (conv2d: (weight", "conv_block4:", "head: (weight"})
    BOOST_TEST(blocks.find(name) != std::string::npos, blocks);
  BOOST_TEST(blocks.find("linear") == std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_layer_applied_twice_has_one_set_of_parameters) {
  const std::string twice = "model net(x) {\n  let f = linear(2)\n  return x |> f |> f\n}";
  check_numbers("print(len(leaves(init(net, full([1, 2], 1.0)))))", {2}, twice);
  check_numbers(
      "let x = full([1, 2], 1.0)\nlet t = init(net, x)\nlet w = t.linear.weight\nprint(sum(abs(net(t, x) - x @ w @ "
      "w)))",
      {0}, twice);
  check_numbers("print(len(leaves(init(net, full([1, 2], 1.0)))))", {4}, "model net(x) = x |> linear(2) |> linear(2)");
}

BOOST_AUTO_TEST_CASE(layer_norm_makes_mean_zero_and_variance_one) {
  check_numbers(
      "let x = 1 * [[1.0, 2.0, 6.0], [-3.0, 5.0, 100.0]]\nlet y = layer_norm()(init(layer_norm(), x), x)\n"
      "print(mean(y, axis: 1), mean(square(y), axis: 1))",
      {0, 0, 1, 1});
}

BOOST_AUTO_TEST_CASE(an_embedding_takes_rows_of_its_table) {
  check_numbers(
      "let x = 1 * [[2, 0], [2, 2]]\nlet w = init(embedding(3, 4), x)\nlet y = embedding(3, 4)(w, x)\n"
      "print(y.shape, sum(abs(y[0, 0] - w.weight[2])), sum(abs(y[0, 1] - w.weight[0])))\n"
      "print(sum(grad(w) { sum(embedding(3, 4)(w, x)) }.weight, axis: 1))",
      {2, 2, 4, 0, 0, 4, 0, 12});
}

BOOST_AUTO_TEST_CASE(draws_of_a_task_differ_and_repeat_with_the_seed) {
  const auto base = drawn(draws, 1);
  for (std::size_t i = 0; i < base.size(); ++i)
    for (std::size_t j = i + 1; j < base.size(); ++j)
      BOOST_TEST(base[i] != base[j], "the draws " << i << " and " << j << " are one");
  BOOST_TEST(drawn(draws, 1) == base, boost::test_tools::per_element());
  BOOST_TEST(drawn(draws, 1, 2) == base, boost::test_tools::per_element());
  BOOST_TEST(drawn(draws, 2)[0] != base[0]);
}

BOOST_AUTO_TEST_CASE(lines_and_comments_change_no_draw) {
  std::string moved = "# a comment\n\n\n" + draws;
  moved.replace(moved.find("  b ~"), 5, "\n  # here too\n    b   ~");
  BOOST_TEST(drawn(moved, 1) == drawn(draws, 1), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(calls_and_turns_of_a_loop_draw_differently) {
  const auto two = numbers("print(draw_normal([1]), draw_normal([1]))");
  BOOST_TEST(two[0] != two[1]);
  const auto calls = numbers("print(some(), some())", "fn some() {\n  x ~ normal()\n  return x\n}");
  BOOST_TEST(calls[0] != calls[1]);
  const auto turns = numbers(
      "print(some())",
      "fn some() {\n  var all = []\n  for _ in 1..3 {\n    x ~ normal()\n    all = all + [x]\n  }\n  return all\n}");
  BOOST_REQUIRE(turns.size() == 3u);
  BOOST_TEST(turns[0] != turns[1]);
  BOOST_TEST(turns[1] != turns[2]);
  BOOST_TEST(numbers("print(draw_normal([3]))", "", 5) == numbers("print(draw_normal([3]))", "", 5),
             boost::test_tools::per_element());
  BOOST_TEST(numbers("print(draw_normal([1]))", "", 5)[0] != numbers("print(draw_normal([1]))", "", 6)[0]);
}

BOOST_AUTO_TEST_CASE(arithmetic_works_on_trees) {
  check_numbers(
      "let a = (u: [1.0, 2.0], v: 3.0)\nlet b = (u: [10.0, 20.0], v: 30.0)\nlet c = b - 2 * a\nprint(c.u, c.v, sum(a))",
      {8, 16, 24, 6});
  check_numbers("var w = (head: 1.0, body: 2.0)\nw.head = w.head - 5\nprint(w.head, w.body)", {-4, 2});
  check_numbers("let z = zeros_like((u: [1.0, 2.0], v: 3.0))\nprint(z.u, z.v)", {0, 0, 0});
}

BOOST_AUTO_TEST_CASE(an_if_on_a_tensor_selects) {
  check_numbers("let x = full([1], 1.0) * [-1.0, 0.0, 2.0]\nprint(if x > 0 then x else 10 * x)", {-10, 0, 2});
  check_numbers(
      "let x = sum(full([2], 1.0))\nlet t = if x > 1 then (a: x, b: 0.0) else (a: 0.0, b: x)\nprint(t.a, t.b)", {2, 0});
}

BOOST_AUTO_TEST_CASE(slices_exclude_their_end) {
  check_numbers("print([1, 2, 3, 4][1:3], [1, 2, 3][-1], [1, 2, 3][:-1])", {2, 3, 3, 1, 2});
  check_numbers("let x = reshape(cast_float(iota(6)), [2, 3])\nprint(x[1], x[:, 1], x[0:1, 1:])",
                {3, 4, 5, 1, 4, 1, 2});
  check_numbers("let x = cast_float(iota(4))\nprint(x[2:2].shape, x[iota(2)])", {0, 0, 1});
  check_numbers("var total = 0\nfor i in 1..0 { total = total + i }\nprint(total)", {0});
}

// How much fits on the stack depends on the build, so only that it ends, and how, is said here.
BOOST_AUTO_TEST_CASE(calls_and_parentheses_inside_each_other_end_in_a_message) {
  const std::string open(140, '('), close(140, ')');
  const Ran ran = run_text("fn f(n) = " + open + "f(n + 1)" + close + "\nexperiment e { print(f(0)) }\n");
  BOOST_TEST((ran.outcome == Outcome::wrong_script));
  BOOST_TEST(ran.said.find("[E0304]") != std::string::npos, ran.said);
}

BOOST_AUTO_TEST_CASE(rows_are_brought_together_by_class) {
  check_numbers("let b = by_class((x: [10, 20, 30, 40, 50], y: [2, 0, 1, 0, 2]))\nprint(b.x, b.y)",
                {20, 40, 30, 10, 50, 0, 0, 1, 2, 2});
}

BOOST_AUTO_TEST_CASE(optimizers_take_the_steps_of_their_papers) {
  const std::string two_steps =
      "\n  let (w, m) = rule.update([1.0, -2.0], [0.5, -1.0], rule.start([1.0, -2.0]))\n"
      "  let (v, n) = rule.update(w, [0.25, 1.0], m)\n  print(w, v)";
  check_numbers("let rule = sgd(0.1)" + two_steps, {0.95, -1.9, 0.925, -2.0});
  // velocity: 0.5, -1; then 0.9 * 0.5 + 0.25 = 0.7 and -0.9 + 1 = 0.1
  check_numbers("let rule = momentum(0.1)" + two_steps, {0.95, -1.9, 0.88, -1.91});
  const auto adam = [](double w, double g1, double g2) {
    const double m1 = 0.1 * g1, v1 = 0.001 * g1 * g1, first = w - 0.01 * (m1 / 0.1) / (std::sqrt(v1 / 0.001) + 1e-8);
    const double m2 = 0.9 * m1 + 0.1 * g2, v2 = 0.999 * v1 + 0.001 * g2 * g2;
    const double second = first - 0.01 * (m2 / (1 - 0.81)) / (std::sqrt(v2 / (1 - 0.999 * 0.999)) + 1e-8);
    return std::pair{first, second};
  };
  const auto [a1, a2] = adam(1, 0.5, 0.25);
  const auto [b1, b2] = adam(-2, -1, 1);
  check_numbers("let rule = adam(0.01)" + two_steps, {a1, b1, a2, b2});
}

}  // namespace metac::dsl::test
