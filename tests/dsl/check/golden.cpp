// Scripts in good/ check without a word; scripts in bad/ say exactly what stands in the .expected file beside them.
// METAC_UPDATE=1 rewrites those files: read the difference before committing it.
#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>

#include "dsl/check/check_program.hpp"

namespace metac::dsl::test {

namespace {

std::vector<std::string> scripts_in(const std::string& folder) {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (entry.path().extension() == ".meta") names.push_back(entry.path().filename().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

const std::string good = METAC_TESTS_DIR "/dsl/good";
const std::string bad = METAC_TESTS_DIR "/dsl/bad";

}  // namespace

BOOST_AUTO_TEST_CASE(good_scripts_check_without_a_word) {
  for (const std::string& name : scripts_in(good)) {
    const Checked checked = check_file(good, name);
    BOOST_TEST(checked.text == "", name << " says:\n" << checked.text);
    BOOST_TEST((checked.program != nullptr), name);
  }
}

BOOST_AUTO_TEST_CASE(bad_scripts_say_what_is_expected) {
  const bool update = std::getenv("METAC_UPDATE") != nullptr;
  for (const std::string& name : scripts_in(bad)) {
    const std::string path = bad + "/" + name.substr(0, name.size() - 5) + ".expected";
    const std::string found = check_file(bad, name).text;
    if (update) std::ofstream(path, std::ios::binary) << found;
    const std::string expected = std::filesystem::exists(path) ? read_file(path) : "";
    BOOST_TEST(found == expected, name << " says:\n" << found << "but expected is:\n" << expected);
    BOOST_TEST(!found.empty(), name << " is not bad");
  }
}

// A code that no script shows is a code nobody has read the message of.
BOOST_AUTO_TEST_CASE(every_code_of_the_checker_has_a_bad_script) {
  std::set<std::string> shown;
  for (const std::string& name : scripts_in(bad)) {
    const Checked checked = check_file(bad, name);
    for (const Diagnostic& diagnostic : checked.report.all()) shown.insert(diagnostic.code);
  }
  std::set<std::string> used;
  for (const auto& entry : std::filesystem::directory_iterator(METAC_SOURCE_DIR "/dsl/check")) {
    if (entry.path().extension() != ".cpp") continue;
    const std::string text = read_file(entry.path().string());
    for (const char* kind : {"\"E02", "\"W02"}) {
      for (std::size_t at = text.find(kind); at != std::string::npos; at = text.find(kind, at + 1))
        used.insert(text.substr(at + 1, 5));
    }
  }
  BOOST_TEST(used.size() > 20u);
  for (const std::string& code : used) BOOST_TEST(shown.count(code) == 1u, code << " has no script in tests/dsl/bad");
}

}  // namespace metac::dsl::test
