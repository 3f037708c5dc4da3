// Leaves that are only carried: frozen parts of a tree, which models use and nothing else sees; and trees that begin as
// others, whole or in part.
#include <fmt/format.h>
#include <unistd.h>

#include <boost/test/unit_test.hpp>
#include <cmath>
#include <filesystem>

#include "dsl/elaborate/reading.hpp"

namespace metac::dsl::test {
namespace {

const std::string tree = "let t = (a1: (w: 1.0, b: 2.0), a2: (w: 3.0, b: 4.0), head: (w: 5.0))\n";

// A learner of four numbers whose first layer is frozen, on tasks that do not matter.
const std::string frozen = R"(
tasks points() {
  support = (x: 1 * [[1.0], [2.0]], y: 1 * [[3.0], [5.0]])
  query = (x: 1 * [[1.0], [2.0]], y: 1 * [[3.0], [5.0]])
}
learner tuned(net, names) {
  learn theta = freeze(init(net), names)
  fn objective(task) = mse(net(theta, task.query.x), task.query.y)
  fn predict(task, x) = net(theta, x)
}
learner moved(net, names) {
  learn theta = freeze(init(net), names)
  fn direction(task) = grad(theta) { mse(net(theta, task.query.x), task.query.y) }
}
)";

}  // namespace

BOOST_AUTO_TEST_CASE(arithmetic_and_sums_see_what_is_not_frozen) {
  const std::string f = tree + "let w = freeze(t, [\"a*\"])\n";
  check_numbers(f + "print(sum(w), sum(square(w)), sum(-w), sum(2 * w - w / 2))", {5, 25, -5, 7.5});
  check_numbers(f + "let v = 2 * w - 1\nprint(v.a1.w, v.a1.b, v.a2.w, v.a2.b, v.head.w)", {1, 2, 3, 4, 9});
}

BOOST_AUTO_TEST_CASE(a_gradient_has_an_empty_place_for_what_is_frozen) {
  const std::string f = tree + "let w = freeze(t, [\"a1\", \"*.b\"])\nlet g = grad(w) { w.a1.w * w.a2.w * w.head.w }\n";
  const auto lines = printed(f + "print(g)\nprint(zeros_like(w))\nlet v = w - 0.1 * g\nprint(v)\nprint(sum(w - v))");
  BOOST_TEST(lines[0] == "(a1: (w: -, b: -), a2: (w: 5, b: -), head: (w: 3))");
  BOOST_TEST(lines[1] == "(a1: (w: -, b: -), a2: (w: 0, b: -), head: (w: 0))");
  BOOST_TEST(lines[2] == "(a1: (w: 1, b: 2), a2: (w: 2.5, b: 4), head: (w: 4.7))");
  BOOST_TEST(lines[3] == "0.8");
}

BOOST_AUTO_TEST_CASE(a_gradient_flows_through_what_a_tree_carries) {
  // Only the adaptation does not see it: d/dt of (w.head - grad) with grad = a1, so -1 for a1 and 1 for the head.
  check_numbers(
      tree +
          "let g = grad(t) {\n  var w = freeze(t, except: [\"head\"])\n  let h = grad(w) { w.a1.w * w.head.w }\n"
          "  w = w - h\n  return w.head.w + w.a2.b\n}\nprint(g.a1.w, g.a2.b, g.head.w)",
      {-1, 1, 1});
}

BOOST_AUTO_TEST_CASE(names_stand_for_layers_and_leaves) {
  const auto free = [](const std::string& names) { return numbers(tree + "print(sum(freeze(t, " + names + ")))")[0]; };
  BOOST_TEST(free("[]") == 15);
  BOOST_TEST(free("\"a1\"") == 12);
  BOOST_TEST(free("[\"a1\", \"head\"]") == 7);
  BOOST_TEST(free("\"*.w\"") == 6);
  BOOST_TEST(free("\"a*.b\"") == 9);
  BOOST_TEST(free("\"*\"") == 0);
  BOOST_TEST(free("\"*\", except: \"head\"") == 5);
  BOOST_TEST(free("except: [\"a*.b\", \"head\"]") == 11);
}

BOOST_AUTO_TEST_CASE(optimizers_move_and_remember_only_what_is_not_frozen) {
  const std::string two =
      "let w = freeze(t, [\"a*\"])\nlet (v, m) = RULE.update(w, grad(w) { w.head.w }, RULE.start(w))\nprint(v, m)";
  for (const std::string rule : {"sgd(1)", "momentum(1)", "adam(1)"}) {
    std::string script = tree + two;
    for (auto at = script.find("RULE"); at != std::string::npos; at = script.find("RULE")) script.replace(at, 4, rule);
    const auto line = printed(script).front();
    BOOST_TEST(line.find("(a1: (w: 1, b: 2), a2: (w: 3, b: 4), head: (w: 4") == 0, line);
    if (rule != "sgd(1)")
      BOOST_TEST(line.find("(a1: (w: -, b: -), a2: (w: -, b: -), head: (w:") != std::string::npos, line);
  }
}

BOOST_AUTO_TEST_CASE(training_leaves_frozen_parameters_as_they_were) {
  for (const std::string learner : {"tuned", "moved"}) {
    const std::string run =
        "experiment e {\n  let l = " + learner + "(mlp([3, 1]), NAMES)\n" +
        "  train l on points() { iterations: 20, batch: 2, optimizer: adam(0.1) }\n" +
        "  print(l.theta.linear1.weight, l.theta.linear1.offset)\n  print(l.theta.linear2.weight)\n}\n";
    const auto after = [&](const std::string& names) {
      std::string script = frozen + run;
      script.replace(script.find("NAMES"), 5, names);
      const Ran ran = run_text(script, 4);
      BOOST_REQUIRE_MESSAGE(ran.outcome == Outcome::done, ran.said);
      return ran.printed;
    };
    const auto first = after("[\"linear1\"]"), second = after("[\"linear2\"]"), none = after("[]");
    BOOST_TEST(first[0].find("[0, 0, 0]") != std::string::npos, "the offset of the frozen layer moved: " << first[0]);
    BOOST_TEST(none[0].find("[0, 0, 0]") == std::string::npos);
    BOOST_TEST(first[0] != none[0]);
    BOOST_TEST(second[1] != none[1]);
    BOOST_TEST(first[1] != second[1]);
  }
}

// Where events may change its form, a learner comes from its file as it is there: the file must say what is frozen.
BOOST_AUTO_TEST_CASE(a_file_says_what_is_frozen) {
  const auto file = std::filesystem::temp_directory_path() / fmt::format("metac_carried_{}.safetensors", getpid());
  const Ran ran = run_text(frozen + fmt::format(R"(
experiment e {{
  let learner = l2(tuned(mlp([3, 1]), ["linear1"]))
  train learner on points() {{ iterations: 1, optimizer: sgd(0.1) }}
  save(learner, "{0}")
  let kept = load(l2(tuned(mlp([3, 1]), ["linear1"])), "{0}")
  print(learner.learned, learner.anchor)
  print(kept.learned, kept.anchor)
  print(zeros_like(kept.learned.base.theta))
}}
)",
                                                file.string()));
  std::filesystem::remove(file);
  BOOST_REQUIRE_MESSAGE(ran.outcome == Outcome::done, ran.said);
  BOOST_TEST(ran.printed[0] == ran.printed[1]);
  BOOST_TEST(ran.printed[2] == "(linear1: (weight: -, offset: -), linear2: (weight: [[0], [0], [0]], offset: [0]))");
}

BOOST_AUTO_TEST_CASE(init_takes_over_what_fits_and_tells_the_rest) {
  const std::string start =
      "let x = 1 * [[1.0, 2.0]]\nlet old = init(mlp([4, 3]), x)\nlet new = init(NET, x, from: old)\n"
      "print(sum(abs(new.linear1.weight - old.linear1.weight)))";
  const auto with = [&](const std::string& net) {
    std::string script = start;
    script.replace(script.find("NET"), 3, net);
    return printed(script);
  };
  BOOST_TEST(with("mlp([4, 3])") == std::vector<std::string>{"0"}, boost::test_tools::per_element());
  const auto other = with("mlp([4, 4, 2])");
  BOOST_TEST(
      other[0].find("init: 2 of 6 parameters are taken over; drawn anew: linear2.weight [4, 4] (the tree has [4, "
                    "3]), linear2.offset [4] (the tree has [3]), linear3.weight [4, 2], linear3.offset [2]") == 0,
      other[0]);
  BOOST_TEST(other[1] == "0");
}

BOOST_AUTO_TEST_CASE(a_tree_is_one_vector_and_back) {
  check_numbers(tree + "print(to_vector(t))\nprint(to_vector(freeze(t, \"a1\")))", {1, 2, 3, 4, 5, 3, 4, 5});
  check_numbers(tree +
                    "let w = freeze(t, \"a1\")\nlet v = from_vector(10 * to_vector(w), w)\n"
                    "print(v.a1.w, v.a2.w, v.head.w, sum(v))",
                {1, 30, 50, 120});
  check_numbers(
      "let t = (a: [[1.0, 2.0], [3.0, 4.0]], b: 5.0)\nlet v = from_vector(to_vector(t), t)\nprint(v.a.shape, v.a[1], "
      "v.b)",
      {2, 2, 3, 4, 5});
}

}  // namespace metac::dsl::test
