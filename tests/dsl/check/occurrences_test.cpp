// What the checker tells editors: what each name stands for, and what can stand at a place; of scripts with mistakes,
// too.
#include "check/occurrences.hpp"

#include <algorithm>
#include <boost/test/unit_test.hpp>

#include "check/builtins.hpp"
#include "dsl/check/check_program.hpp"

namespace metac::dsl::test {

namespace {

struct Found {
  std::shared_ptr<Sources> sources = std::make_shared<Sources>();
  Occurrences names;
  std::string text;

  // "line:column", or "nowhere".
  std::string place(Span span) const {
    if (span == nowhere) return "nowhere";
    const Position at = sources->position(span.file, span.begin);
    return (span.file == 0 ? "" : sources->name(span.file) + ":") + std::to_string(at.line) + ":" +
           std::to_string(at.column);
  }

  // Every occurrence of this name in the script and where it is bound, in the order of the text: "1:4 -> 1:4, ..".
  std::string of(const std::string& name) const {
    std::vector<const Occurrence*> all;
    for (const Occurrence& each : names.all)
      if (each.name.text == name && each.name.span.file == 0) all.push_back(&each);
    std::stable_sort(all.begin(), all.end(),
                     [](const auto* a, const auto* b) { return a->name.span.begin < b->name.span.begin; });
    std::string result;
    for (const Occurrence* each : all)
      result += (result.empty() ? "" : ", ") + place(each->name.span) + " -> " + place(each->definition);
    return result;
  }
};

// `probe`: a word of the text, of which the first occurrence is asked about.
Found find(const std::string& text, const std::string& probe = "", const std::string& module = "") {
  Found found;
  found.text = text;
  const std::uint32_t script = found.sources->add("script.meta", text);
  if (!probe.empty()) {
    const auto at = static_cast<std::uint32_t>(text.find(probe));
    found.names.probe.place = {script, at, at + static_cast<std::uint32_t>(probe.size())};
  }
  static const std::string library_text = read_file(METAC_TESTS_DIR "/dsl/check/library.meta");
  static const LibraryFile library{"library.meta", library_text};
  Report report;
  const ModuleLoader load = [&](const std::string&, const std::string&) { return std::optional(module); };
  check(found.sources, script, load, report, {&library, 1}, found.names);
  return found;
}

std::string visible(const Found& found) {
  BOOST_TEST(found.names.probe.met);
  std::string names = " ";
  for (const Declaration& each : found.names.probe.visible) names += each.name.text + " ";
  return names;
}

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

}  // namespace

BOOST_AUTO_TEST_SUITE(occurrences)

BOOST_AUTO_TEST_CASE(names_lead_to_where_they_are_bound) {
  const Found found = find(
      "fn f(x, rate = 2) {\n  let x2 = x * rate\n  var s = x2\n  for x in [x2] { s = s + x }\n  return exp(s)\n}\n"
      "let y = f(1, rate: 3)\nlet z = y + f(y)\n");
  BOOST_TEST(found.of("x") == "1:6 -> 1:6, 2:12 -> 1:6, 4:7 -> 4:7, 4:27 -> 4:7");
  BOOST_TEST(found.of("s") == "3:7 -> 3:7, 4:19 -> 3:7, 4:23 -> 3:7, 5:14 -> 3:7");
  BOOST_TEST(found.of("rate") == "1:9 -> 1:9, 2:16 -> 1:9, 7:14 -> 1:9");
  BOOST_TEST(found.of("f") == "1:4 -> 1:4, 7:9 -> 1:4, 8:13 -> 1:4");
  BOOST_TEST(found.of("y") == "7:5 -> 7:5, 8:9 -> 7:5, 8:15 -> 7:5");
  BOOST_TEST(found.of("exp") == "5:10 -> nowhere");
}

BOOST_AUTO_TEST_CASE(names_of_other_files_lead_there) {
  const Found found =
      find("use twice from \"m.meta\"\nlet a = twice(x: 1) + mse(1, 2)\n", "", "\nfn twice(x) = 2 * x\n");
  BOOST_TEST(found.of("twice") == "1:5 -> m.meta:2:4, 2:9 -> m.meta:2:4");
  BOOST_TEST(found.of("x") == "2:15 -> m.meta:2:10");
  BOOST_TEST(found.of("m.meta") == "1:16 -> m.meta:1:1");
  BOOST_TEST(contains(found.of("mse"), "-> library.meta:"));
}

BOOST_AUTO_TEST_CASE(members_lead_to_the_learner_that_has_them_where_it_is_known) {
  const std::string learner = "learner l(net) {\n  learn theta = init(net)\n  fn objective(b) = sum(theta)\n}\n";
  const Found found = find(learner +
                           "experiment e {\n  let a = l(mlp([1]))\n  let b = a\n  print(b.theta, b.other)\n}\n"
                           "fn f(c) = c.theta\nlet d = l(mlp([1]), theta: 1)\n");
  BOOST_TEST(found.of("theta") == "2:9 -> 2:9, 3:25 -> 2:9, 8:11 -> 2:9, 10:13 -> nowhere, 11:21 -> 2:9");
  BOOST_TEST(found.of("other") == "8:20 -> nowhere");
}

BOOST_AUTO_TEST_CASE(names_bound_to_each_other_in_a_ring_are_no_endless_chain) {
  const Found found = find("let a = b\nlet b = a\nlet c = a.x\n");
  BOOST_TEST(found.of("x") == "3:11 -> nowhere");
}

BOOST_AUTO_TEST_CASE(scripts_with_mistakes_have_them_too) {
  const Found found = find("fn f(x) = nothing(x)\nlet a = * 2\nfn g(y) = y\n");
  BOOST_TEST(found.of("x") == "1:6 -> 1:6, 1:19 -> 1:6");
  BOOST_TEST(found.of("nothing") == "1:11 -> nowhere");
  BOOST_TEST(found.of("y") == "3:6 -> 3:6, 3:11 -> 3:6");
}

BOOST_AUTO_TEST_CASE(declarations_say_what_and_where_they_are) {
  const Found found = find("learner l(rate) {\n  learn w = 1.0\n  fn objective(b) = w * rate\n}\n");
  const auto declaration = [&](const std::string& word) {
    const auto at = static_cast<std::uint32_t>(found.text.find(word));
    const Declaration* result = found.names.declaration({0, at, at + 1});
    BOOST_REQUIRE(result != nullptr);
    return *result;
  };
  BOOST_TEST(declaration("l(rate").definition->name.text == "l");
  BOOST_TEST(declaration("l(rate").global.has_value());
  BOOST_TEST((declaration("rate)").kind == SymbolKind::parameter));
  BOOST_TEST((declaration("w = 1.0").kind == SymbolKind::learn));
  BOOST_TEST(declaration("w = 1.0").inside->name.text == "l");
  BOOST_TEST(declaration("objective").definition->name.text == "objective");
  BOOST_TEST(declaration("b) = w").inside->name.text == "objective");
}

BOOST_AUTO_TEST_CASE(a_place_sees_the_names_around_it) {
  const std::string text =
      "let top = 1\nfn f(x) {\n  let a = 1\n  let b = here\n  let c = 2\n  return a + b + c + x\n}\nfn g(y) = y\n";
  const std::string names = visible(find(text, "here"));
  BOOST_TEST(names.starts_with(" a x "), names);
  for (const char* each : {" top ", " f ", " g ", " mse ", " step "}) BOOST_TEST(contains(names, each), each);
  for (const char* each : {" b ", " c ", " y ", " here "}) BOOST_TEST(!contains(names, each), each);
  BOOST_TEST(!find(text, "").names.probe.met);
}

BOOST_AUTO_TEST_CASE(behind_a_dot_the_owner_or_the_fields_are_told) {
  const std::string learner = "learner l(net) {\n  learn theta = init(net)\n  fn objective(b) = sum(theta)\n}\n";
  const Found of_learner = find(learner + "experiment e {\n  let a = l(mlp([1]))\n  print(a.here)\n}\n", "here");
  BOOST_TEST(of_learner.names.probe.is_member);
  BOOST_REQUIRE(of_learner.names.probe.base != nullptr);
  BOOST_TEST(of_learner.names.probe.base->name.text == "l");
  const Found of_record = find("fn f() {\n  let w = (slope: 1, offset: 2)\n  return w.here\n}\n", "here");
  BOOST_TEST(of_record.names.probe.fields == (std::set<std::string>{"offset", "slope"}));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace metac::dsl::test
