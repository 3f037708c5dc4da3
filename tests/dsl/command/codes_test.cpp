// The table of codes, dsl/report/codes.md: it has every code of the sources and no other, each example has the mistake
// that it is given for, and each code is shown by a golden test.
#include "report/codes.hpp"

#include <boost/test/unit_test.hpp>
#include <fstream>
#include <regex>
#include <set>

#include "dsl/command/process.hpp"
#include "dsl/command/workshop.hpp"

namespace metac::dsl::test {
namespace {

namespace fs = std::filesystem;

// The parts of a text that a pattern with one group finds.
std::set<std::string> found_in(const std::string& text, const std::regex& pattern) {
  std::set<std::string> found;
  for (std::sregex_iterator it(text.begin(), text.end(), pattern), end; it != end; ++it) found.insert((*it)[1]);
  return found;
}

std::set<std::string> codes_of_the_sources() {
  std::set<std::string> all;
  for (const auto& entry : fs::recursive_directory_iterator(METAC_SOURCE_DIR "/dsl"))
    if (entry.path().extension() == ".cpp")
      all.merge(found_in(read_all(entry.path()), std::regex("\"([EW]0[0-9]{3})\"")));
  return all;
}

std::set<std::string> codes_of_the_table() {
  std::set<std::string> all;
  for (const auto& family : code_families())
    for (const auto& each : family.codes) BOOST_TEST(all.insert(each.code).second, each.code << " stands there twice");
  return all;
}

// What the checker says first: these guard programs that elaborate what was not checked.
const std::set<std::string> guards{"E0331", "E0337", "E0370", "E0372", "E0375", "E0377", "E0380", "E0382", "E0412"};

const std::set<std::string> not_to_be_arranged{
    "E0007",  // the system has no memory for small things
    "E0302",  // every `let` and default is computed within an experiment; in `--set` it becomes E0003
    "E0312",  // everything within an experiment has a key to draw from
};

const std::set<std::string> without_example{
    "E0104", "E0106", "E0223",  // their scripts are long
    "E0601", "E0602",  // need a program
};

// Codes that a run of an example shows.
std::set<std::string> shown_by(const std::string& example) {
  std::vector<std::string> arguments;
  if (example.starts_with("metac ")) {
    arguments = words_of(example.substr(6));
  } else {
    std::ofstream(workshop() / "example.meta") << example;
    arguments = arguments_of(example, "example.meta");
  }
  const Finished finished = run_command(workshop(), arguments);
  return found_in(finished.err, std::regex("\\[([EW]0[0-9]{3})\\]"));
}

}  // namespace

BOOST_AUTO_TEST_SUITE(codes)

BOOST_AUTO_TEST_CASE(the_table_has_the_codes_of_the_sources_and_no_others) {
  const auto used = codes_of_the_sources(), explained = codes_of_the_table();
  BOOST_TEST(used.size() > 150u);
  for (const auto& one : used) BOOST_TEST(explained.contains(one), one << " is not in dsl/report/codes.md");
  for (const auto& one : explained) BOOST_TEST(used.contains(one), one << " of dsl/report/codes.md is said nowhere");
}

BOOST_AUTO_TEST_CASE(every_code_has_words_of_its_own) {
  std::set<std::string> titles, texts;
  for (const auto& family : code_families()) {
    BOOST_TEST(family.text.size() > 60u, family.codes.front().code << " is not explained");
    BOOST_TEST(texts.insert(family.text).second, family.codes.front().code << " is explained as another code");
    for (const auto& each : family.codes) {
      BOOST_TEST(each.title.size() > 5u, each.code);
      BOOST_TEST(titles.insert(each.title).second, "two codes have the title `" << each.title << "`");
    }
  }
}

BOOST_AUTO_TEST_CASE(every_example_has_the_mistake_that_it_is_given_for) {
  for (const auto& family : code_families()) {
    std::set<std::string> shown;
    for (const auto& example : family.examples) shown.merge(shown_by(example));
    for (const auto& each : family.codes) {
      const bool none =
          guards.contains(each.code) || not_to_be_arranged.contains(each.code) || without_example.contains(each.code);
      BOOST_TEST(shown.contains(each.code) != none, each.code << (none ? " needs no exception" : " has no example"));
      const bool own = family.examples.size() == family.codes.size();
      if (own && !none) {
        const std::string example = family.examples_of(each.code).front();
        BOOST_TEST(shown_by(example).contains(each.code), "this is no example of " << each.code << ":\n" << example);
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(every_code_is_shown_by_a_golden_test) {
  const std::set<std::string> of_programs{"E0601", "E0602"};  // tests/embed
  std::set<std::string> shown;
  for (const char* folder : {"/dsl/command/cases", "/dsl/bad"})
    for (const auto& entry : fs::directory_iterator(METAC_TESTS_DIR + std::string(folder)))
      if (entry.path().extension() == ".expected")
        shown.merge(found_in(read_all(entry.path()), std::regex("([EW]0[0-9]{3})")));
  for (const auto& one : codes_of_the_sources()) {
    const bool exception = guards.contains(one) || not_to_be_arranged.contains(one) || of_programs.contains(one);
    BOOST_TEST(shown.contains(one) != exception,
               one << (exception ? " is shown and needs no exception" : " has no .expected file that shows it"));
  }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace metac::dsl::test
