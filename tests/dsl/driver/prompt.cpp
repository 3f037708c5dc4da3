// What is entered piece by piece: names, redefinitions, and mistakes that leave the rest as it was.
#include "driver/prompt.hpp"

#include <boost/test/unit_test.hpp>

#include "dsl/data/files.hpp"

using namespace metac;
using namespace metac::dsl;

namespace {

class Entered {
 public:
  Entered() : prompt({}, observer_) {}
  // What is shown of a text, or the codes of its mistakes.
  std::string operator()(const std::string& text) {
    Report report;
    std::string shown;
    prompt.enter(text, report, [&](const Value& value) { shown += summary_of(value); });
    for (const auto& diagnostic : report.all())
      if (diagnostic.severity == Severity::error) shown += diagnostic.code + "\n";
    return shown;
  }

 private:
  Observer observer_;

 public:
  Prompt prompt;
};

}  // namespace

BOOST_AUTO_TEST_SUITE(prompt)

BOOST_AUTO_TEST_CASE(a_text_goes_on_while_a_bracket_is_open_or_an_operator_waits) {
  for (const char* text : {"fn f(x) {", "f(1,", "[1, 2", "1 +", "let x =", "x |>", "if a then", "(\"a)\"", "{ # }"})
    BOOST_TEST(is_unfinished(text), text);
  for (const char* text : {"", "1 + 2", "f(x)", "let x = 3 # (", "\"(\"", ")", "fn f(x) { return x }", "x[1]"})
    BOOST_TEST(!is_unfinished(text), text);
}

BOOST_AUTO_TEST_CASE(names_are_seen_by_what_is_defined_before_and_after) {
  Entered enter;
  BOOST_TEST(enter("let a = 1\nfn f(x) = x + a + b()\nfn b() = 10\nf(100)\n") == "111\n");
  BOOST_TEST(enter("let a = 2\nf(100)\n") == "112\n");
  BOOST_TEST(enter("fn b() = 20\nf(100)\n") == "122\n");
  BOOST_TEST(enter("var c = 1\nc = c + a\nfor _ in 1..3 { c = 2 * c }\nc\n") == "24\n");
  BOOST_TEST(enter("fn c() = 5\nc()\n") == "5\n");
}

BOOST_AUTO_TEST_CASE(tensors_outlive_the_line_that_made_them) {
  Entered enter;
  BOOST_TEST(
      enter("let x = exp([0.0, 0.0])\nfn scaled(by) {\n let here = sqrt(x)\n return fn (y) = here * y * by\n}\n") ==
      "");
  BOOST_TEST(enter("let g = scaled(3)\n") == "");
  BOOST_TEST(enter("g(2)\n") == "f32[2]  [6, 6]\n");
  BOOST_TEST(enter("grad(x) { sum(x^3) }\n") == "f32[2]  [3, 3]\n");
}

BOOST_AUTO_TEST_CASE(a_mistake_leaves_what_was_there) {
  Entered enter;
  BOOST_TEST(enter("let x = [1.0, 2.0]\n") == "");
  BOOST_TEST(enter("fn g(a) = unknown(a)\n") == "E0201\n");
  BOOST_TEST(enter("g(1)\n") == "E0201\n");
  BOOST_TEST(enter("nobody = 1\n") == "E0202\n");
  BOOST_TEST(enter("let x = exp(x) + exp([1.0, 2.0, 3.0])\n") == "E0303\n");
  BOOST_TEST(enter("x\n") == "[1, 2]\n");  // what was to take its place has failed
  BOOST_TEST(enter("let y = 1\nlet z = y @ y\nlet w = 3\n") == "E0356\n");
  BOOST_TEST(enter("y\n") == "1\n");
  BOOST_TEST(enter("w\n") == "E0201\n");
  BOOST_TEST(enter("let w = z\n") == "E0201\n");
  BOOST_TEST(enter("1\nlet a = 1 / 0 @ 1\n2\n").starts_with("1\nE0"));  // what stands behind a mistake is not done
  BOOST_TEST(enter("x\n") == "[1, 2]\n");
}

BOOST_AUTO_TEST_CASE(a_name_is_what_it_was_until_it_is_bound_anew) {
  Entered enter;
  BOOST_TEST(enter("let a = a\n") == "E0203\n");
  BOOST_TEST(enter("var a = [1.0, a]\n") == "E0203\n");
  BOOST_TEST(enter("let (a, b) = (1, 2 * a)\n") == "E0203\n");
  BOOST_TEST(enter("a\nlet a = 1\n") == "E0203\n");
  BOOST_TEST(enter("for i in 1..3 { print(a) }\nlet a = 1\n") == "E0203\n");
  BOOST_TEST(enter("let a = 1\nlet b = a + 1\nfn seen() = a\n") == "");
  BOOST_TEST(enter("let a = 10 * a\na\n") == "10\n");
  BOOST_TEST(enter("let a = seen() + a\nseen()\n") == "20\n");
  BOOST_TEST(enter("a\nseen()\nlet a = 3\na\nseen()\n") == "20\n20\n3\n3\n");
  BOOST_TEST(enter("let (a, b) = (b, a)\na\nb\n") == "2\n3\n");
  BOOST_TEST(enter("var a = a\na = a + 1\na\n") == "3\n");
  BOOST_TEST(enter("fn f(n) = if n == 0 then a else f(n - 1)\nlet a = f(3)\na\n") == "3\n");
  BOOST_TEST(enter("a()\nfn a() = 5\n") == "5\n");
}

BOOST_AUTO_TEST_CASE(what_is_used_by_name_takes_the_place_of_what_was_bound) {
  const data::testing::TemporaryFolder folder;
  const std::string file = data::testing::write(folder / "parts.meta", "fn two() = 2\nlet three = 3\n").string();
  Entered enter;
  BOOST_TEST(enter("let two = 5\nlet three = 6\n") == "");
  BOOST_TEST(enter("use two, three from \"" + file + "\"\ntwo()\nthree\n") == "2\n3\n");
  BOOST_TEST(enter("let three = 7\nthree\n") == "7\n");
  BOOST_TEST(enter("use \"" + file + "\"\nthree\n") == "7\n");  // own names hide those of a whole file
}

BOOST_AUTO_TEST_CASE(functions_see_each_change_of_a_name) {
  Entered enter;
  BOOST_TEST(enter("var n = 0.0\nvar t = exp([0.0, 0.0])\nvar s = \"a\"\nlet rest = [1, 2]\n") == "");
  BOOST_TEST(enter("fn seen() = (n: 1.0 / n, t: t, s: s, rest: rest)\n") == "");
  BOOST_TEST(enter("seen().n\nseen().t\n") == "inf\nf32[2]  [1, 1]\n");
  BOOST_TEST(enter("n = -0.0\nseen().n\n") == "-inf\n");
  BOOST_TEST(enter("t = 2 * t\nseen().t\n") == "f32[2]  [2, 2]\n");
  BOOST_TEST(enter("for i in 1..3 {\n  n = n + i\n  s = s + \"b\"\n}\nseen().n\nseen().s\n") == "0.166667\n\"abbb\"\n");
  BOOST_TEST(enter("seen().rest\n") == "[1, 2]\n");
}

BOOST_AUTO_TEST_CASE(a_statement_without_enough_memory_leaves_every_name_as_it_was) {
  Entered enter;
  const std::string huge = "zeros()([100000, 100000, 100])\n";
  BOOST_TEST(enter("let y = 7\nvar v = 1.0\nfn seen() = v\n") == "");
  BOOST_TEST(enter("let z = " + huge) == "E0502\n");
  BOOST_TEST(enter("let w = 1\nw\n") == "1\n");
  BOOST_TEST(enter("z\n") == "E0201\n");
  BOOST_TEST(enter("let y = " + huge) == "E0502\n");
  BOOST_TEST(enter("y\n") == "7\n");
  BOOST_TEST(enter("v = " + huge) == "E0502\n");
  BOOST_TEST(enter("for i in 1..2 {\n  v = if i == 1 then 2.0 else " + huge + "}\n") == "E0502\n");
  BOOST_TEST(enter("v\nseen()\n") == "1\n1\n");
  BOOST_TEST(enter("v = v + 1\nseen()\n") == "2\n");
}

BOOST_AUTO_TEST_CASE(a_stop_binds_nothing) {
  std::atomic<bool> stop{false};
  struct Stopping : Observer {
    explicit Stopping(std::atomic<bool>& asked) : stop(asked) {}
    void printed(const std::string&) override { stop = true; }
    std::atomic<bool>& stop;
  } observer(stop);
  Options options;
  options.stop = &stop;
  Prompt prompt(options, observer);
  Report report;
  const auto enter = [&](const char* text) { return prompt.enter(text, report, [](const Value&) {}); };
  BOOST_TEST((enter("let x = [1.0]\nvar y = 1.0\n") == Outcome::done));
  // What is computed only behind the statement, and the turns of a loop.
  for (const char* text :
       {"let (z, _) = (exp(x), print(\"stop\"))\n", "for i in 1..1_000_000 {\n  y = y + i\n  print(i)\n}\n"}) {
    stop = false;
    BOOST_TEST((enter(text) == Outcome::interrupted), text);
  }
  BOOST_TEST((enter("y = exp(x)\n") == Outcome::interrupted));
  BOOST_TEST(prompt.find("z") == nullptr);
  BOOST_TEST(to_text(*prompt.find("y")) == "1");
  stop = false;
  BOOST_TEST((enter("let z = exp(x) + y\n") == Outcome::done));
  BOOST_TEST(report.all().empty());
}

BOOST_AUTO_TEST_CASE(words_that_begin_definitions_are_names_where_none_follows) {
  Entered enter;
  BOOST_TEST(enter("let learner = 5\nlet tasks = (a: 1, b: 2)\n") == "");
  BOOST_TEST(enter("learner\n") == "5\n");
  BOOST_TEST(enter("learner + 1\n") == "6\n");
  BOOST_TEST(enter("learner # it is one\n") == "5\n");
  BOOST_TEST(enter("tasks.b\n") == "2\n");
  BOOST_TEST(enter("learner mine() {\n learn w = 1\n fn objective(task) = w\n}\nmine()\n") == "the learner `mine`\n");
}

BOOST_AUTO_TEST_CASE(what_is_inspected_may_have_a_comment) {
  Entered enter;
  for (const char* text : {"1 + 2", "1 + 2 # a sum", "1 +\n2 # in two lines"}) {
    Report report;
    std::string shown;
    const Outcome outcome = enter.prompt.inspect(text, report, [&](const Value& value) { shown += to_text(value); });
    BOOST_TEST((outcome == Outcome::done), text);
    BOOST_TEST(shown == "3");
  }
}

BOOST_AUTO_TEST_CASE(what_can_be_completed_are_names_and_what_stands_behind_a_dot) {
  Entered enter;
  BOOST_TEST(enter("let w = init(mlp([2, 1]), full([1, 3], 1.0))\nlet learner = maml(mlp([1]))\n") == "");
  const auto has = [](const std::vector<std::string>& all, const std::string& name) {
    return std::find(all.begin(), all.end(), name) != all.end();
  };
  for (const char* name : {"w", "learner", "maml", "sum", "train", "cross_entropy"})
    BOOST_TEST(has(enter.prompt.names(), name), name);
  BOOST_TEST(has(enter.prompt.members("w"), "linear1"));
  BOOST_TEST(has(enter.prompt.members("w.linear2"), "weight"));
  BOOST_TEST(has(enter.prompt.members("learner"), "adapt"));
  BOOST_TEST(enter.prompt.members("w.nothing").empty());
}

BOOST_AUTO_TEST_SUITE_END()
