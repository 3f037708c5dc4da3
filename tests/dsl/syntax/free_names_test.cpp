// Which names a function takes from around it: those that it does not bind before it mentions them.
#include "syntax/free_names.hpp"

#include <boost/test/unit_test.hpp>

#include "dsl/syntax/reading.hpp"

using namespace metac::dsl;

BOOST_AUTO_TEST_SUITE(free_names)

BOOST_AUTO_TEST_CASE(are_those_that_nothing_binds_before) {
  struct Case {
    const char* text;
    std::set<std::string> names;
  };
  const Case cases[] = {
      {"fn f(x, y = a) = x + y * z", {"a", "z"}},
      {"fn f(a = b, b = 1) = b", {"b"}},
      {"fn f(x) = meta.theta.head", {"meta"}},
      {"fn f(x) = g(meta: x, [h])", {"g", "h"}},
      {"fn f(x) = (meta: x, other: \"meta\")", {}},
      {"fn f(x) {\n let a = a\n return a\n}", {"a"}},
      {"fn f(x) {\n if c {\n  let a = 1\n }\n return a\n}", {"a", "c"}},
      {"fn f(x) {\n let (a, b) = x\n var c = a\n c = d\n u ~ normal(b, c)\n return u\n}", {"d", "normal"}},
      {"fn f(x) {\n for i in i { print(i) }\n return i\n}", {"i", "print"}},
      {"fn f(x) = [a * k for (a, k) in a if k > limit]", {"a", "limit"}},
      {"fn f(x) = fn (a, b = c) = a + b + x + d", {"c", "d"}},
      {"fn f(x) {\n let g = fn (a) = a\n return a\n}", {"a"}},
      {"fn f(x) {\n fn g(a) = h(g(a))\n return g(x)\n}", {"h"}},
      {"fn f(x) = grad(w) { sum(w * x) }", {"w", "sum"}},
      {"model f(size)(x) {\n param w[size, n] ~ zeros()\n memory m = none\n m = x\n return w @ x + m\n}",
       {"n", "none", "zeros"}},
      {"learner f(net) {\n fn objective(task) = predict(task, task.x)\n learn theta = init(net)\n fn predict(task, x) "
       "= "
       "net(theta, x)\n on step(batch) { print(batch) }\n}",
       {"init", "print"}},
  };
  for (const Case& one : cases) {
    const Reading reading(one.text);
    BOOST_TEST_REQUIRE(reading.messages() == "", reading.messages());
    const auto& definition = std::get<Definition>(reading.module.statements.front()->node);
    std::vector<Parameter> parameters;
    for (const auto& list : definition.lists)
      parameters.insert(parameters.end(), list.parameters.begin(), list.parameters.end());
    BOOST_TEST(metac::dsl::free_names(parameters, definition.body) == one.names, boost::test_tools::per_element());
  }
}

BOOST_AUTO_TEST_SUITE_END()
