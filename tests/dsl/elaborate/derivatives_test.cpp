// Derivatives as operators of the language: what counts as the variable, nesting, forms of the result, closed forms.
#include <boost/test/unit_test.hpp>

#include "dsl/elaborate/reading.hpp"

namespace metac::dsl::test {
BOOST_AUTO_TEST_CASE(only_occurrences_in_the_block_count) {
  check_numbers("let w = 3.0\nlet s = w * w\nprint(grad(w) { s * w })", {9});
  check_numbers("let w = 3.0\nprint(grad(w) { w * w * w })", {27});
  check_numbers("let w = 3.0\nlet v = 2.0\nprint(grad(w) { v * v })", {0});
}

BOOST_AUTO_TEST_CASE(derivatives_nest_to_any_depth) {
  check_numbers("let x = 2.0\nprint(grad(x) { grad(x) { grad(x) { x^4 } } })", {48});
  check_numbers("let x = 0.5\nprint(slope(slope(sin))(x))", {-0.479426}, "fn slope(f)(x) = grad(x) { f(x) }");
  check_numbers("let a = 2.0\nlet b = 3.0\nprint(grad(a) { grad(b) { a * a * b * b } })", {24});
}

BOOST_AUTO_TEST_CASE(a_gradient_has_the_form_of_its_variable) {
  check_numbers("let w = (a: [1.0, 2.0], b: (c: 3.0))\nlet g = grad(w) { sum(w.a * w.a) * w.b.c }\nprint(g.a, g.b.c)",
                {6, 12, 5});
  check_numbers("let w = (head: 2.0, body: 5.0)\nprint(grad(w.head) { w.head * w.head * w.body })", {20});
  check_numbers("let a = 2.0\nlet b = 3.0\nlet (p, q) = grad(a, b) { a * a * b }\nprint(p, q)", {12, 4});
  check_numbers("let w = 3.0\nlet (value, g) = value_and_grad(w) { w * w }\nprint(value, g)", {9, 6});
}

BOOST_AUTO_TEST_CASE(jvp_and_hessian_have_closed_forms) {
  check_numbers("let x = [1.0, 2.0]\nprint(jvp(x, along: [0.5, -1.0]) { x * x })", {1, -4});
  check_numbers("let x = [1.0, 2.0]\nprint(hessian(x) { x[0]^3 * x[1] + x[1]^2 })", {12, 3, 3, 2});
  check_numbers("let x = [1.0, 2.0]\nprint(jvp(x, along: [1.0, 0.0]) { grad(x) { x[0]^3 * x[1] } })", {12, 3});
}

BOOST_AUTO_TEST_CASE(stop_gradient_makes_constants) {
  check_numbers("let w = 3.0\nprint(grad(w) { w * stop_gradient(w * w) })", {9});
  check_numbers("let t = (a: 2.0, b: 3.0)\nprint(grad(t) { stop_gradient(t).a * t.b }.b)", {2});
}

BOOST_AUTO_TEST_CASE(a_gradient_reaches_the_functions_of_a_learner) {
  // One step of sgd on the penalty |grad objective|^2 of objective = w^2 x: d/dw (2 w x)^2 = 8 w x^2, at w = 1, x = 1.
  const Ran ran = run_text(R"(tasks ones() {
  support = (x: [[1.0]], y: [[1.0]])
  query = (x: [[1.0]], y: [[1.0]])
}
learner steep() {
  learn w = 1.0
  fn inner(task) = sum(w * w * task.query.x)
  fn objective(task) = square(grad(w) { inner(task) })
}
experiment e {
  let learner = steep()
  train learner on ones() { iterations: 1, optimizer: sgd(0.01) }
  print(learner.w)
}
)");
  BOOST_REQUIRE_MESSAGE(ran.outcome == Outcome::done, ran.said);
  BOOST_TEST(std::stod(ran.printed.front()) == 1 - 0.08, boost::test_tools::tolerance(1e-5));
}

}  // namespace metac::dsl::test
