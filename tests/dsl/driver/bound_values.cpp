// What names are bound to while a script is checked: told to editors, for their hovers.
#include <boost/test/unit_test.hpp>

#include "driver/driver.hpp"

using namespace metac;
using namespace metac::dsl;

namespace {

struct Checked {
  Script script;
  BoundValues values;
  // The descriptions of the name at the first occurrence of `words`.
  std::vector<std::string> of(const std::string& words) const {
    const auto at = static_cast<std::uint32_t>(script.sources().text(0).find(words));
    const auto found = values.find({0, at});
    return found == values.end() ? std::vector<std::string>{} : found->second;
  }
};

Checked checked(const std::string& text, ModuleLoader load = nullptr) {
  Report report;
  Checked result{Script::from_text("script.meta", text, report, std::move(load)), {}};
  check(result.script, {}, report, nullptr, nullptr, &result.values);
  for (const auto& diagnostic : report.all()) BOOST_TEST_MESSAGE(render(diagnostic, result.script.sources()));
  return result;
}

using Words = std::vector<std::string>;

}  // namespace

BOOST_AUTO_TEST_SUITE(bound_values)

BOOST_AUTO_TEST_CASE(statements_parameters_and_loops_tell_what_they_bind) {
  const auto found = checked(
      "fn f(x, n = 2) {\n  let y = x + 1\n  return y * n\n}\n"
      "experiment e(rate = 0.5) {\n  let (a, b) = (f(zeros()([3])), f(zeros()([2, 2])))\n  for i in 1..1000 { print(i) "
      "}\n"
      "  print(a, b, rate)\n}\n");
  const Words both{"a tensor f32[3]", "a tensor f32[2, 2]"};
  BOOST_TEST(found.of("x, n") == both, boost::test_tools::per_element());
  BOOST_TEST(found.of("y = x") == both, boost::test_tools::per_element());
  BOOST_TEST(found.of("n = 2") == Words{"the int 2"}, boost::test_tools::per_element());
  BOOST_TEST(found.of("a, b) =") == Words{"a tensor f32[3]"}, boost::test_tools::per_element());
  BOOST_TEST(found.of("b) =") == Words{"a tensor f32[2, 2]"}, boost::test_tools::per_element());
  BOOST_TEST(found.of("i in") == (Words{"the int 1", "the int 2", "the int 3"}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(what_is_learned_tells_its_form) {
  const auto found = checked(
      "learner guess() {\n  learn value = [0.0, 1.0]\n  fn objective(task) = mean(square(value))\n}\n"
      "experiment e {\n  let l = guess()\n  train l on sinusoids() { iterations: 1, batch: 1, optimizer: sgd(0.1) "
      "}\n}\n");
  BOOST_TEST(found.of("value = [") == Words{"a tensor f32[2]"}, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(used_files_come_from_whoever_loads_them) {
  const auto found = checked("use \"m.meta\"\nexperiment e { let a = twice(2)\n  print(a) }\n",
                             [](const std::string& path, const std::string&) -> std::optional<std::string> {
                               return path == "m.meta" ? "fn twice(x) = 2 * x\n" : std::optional<std::string>();
                             });
  BOOST_TEST(found.of("a = twice") == Words{"the int 4"}, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_SUITE_END()
