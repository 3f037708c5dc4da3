// What the documents show is true: every example of the reference runs and prints what stands below it, or is refused
// with the code that its first line names; the tutorial shows its scripts as they are, and each runs in seconds.
#include <boost/test/unit_test.hpp>
#include <fstream>
#include <nlohmann/json.hpp>
#include <regex>
#include <sstream>

#include "dsl/command/process.hpp"
#include "dsl/command/workshop.hpp"

namespace metac::dsl::test {
namespace {

namespace fs = std::filesystem;

struct Example {
  int line = 0;
  std::string file;  // "example.meta", or as the fence says: ```meta nets.meta
  std::string text;
  std::string printed;  // the block of text that follows at once; empty if there is none
};

// The blocks ```meta of a document.
std::vector<Example> examples_of(const fs::path& document) {
  std::istringstream lines(read_all(document));
  std::vector<Example> found;
  std::string line, kind;
  int number = 0, end_of_last = -2;
  while (std::getline(lines, line)) {
    ++number;
    if (!line.starts_with("```")) {
      if (kind == "meta") found.back().text += line + "\n";
      if (kind == "printed") found.back().printed += line + "\n";
    } else if (!kind.empty()) {
      if (kind == "meta") end_of_last = number;
      kind.clear();
    } else {
      kind = line.substr(3);
      if (kind.empty()) kind = "plain";
      if (kind == "meta" || kind.starts_with("meta ")) {
        found.push_back({number, kind == "meta" ? "example.meta" : kind.substr(5), "", ""});
        kind = "meta";
      }
      if (kind == "text" && number == end_of_last + 1) kind = "printed";
    }
  }
  return found;
}

std::string printed_by(const std::string& events) {
  std::istringstream lines(events);
  std::string text;
  for (std::string line; std::getline(lines, line);) {
    const auto event = nlohmann::json::parse(line);
    if (event.value("event", "") == "print") text += event.at("text").get<std::string>() + "\n";
  }
  return text;
}

bool has_experiment(const std::string& text) { return std::regex_search(text, std::regex("(^|\n)experiment ")); }

void check_refused(const Example& example, const std::string& code) {
  const Finished finished = run_command(workshop(), {"check", "example.meta"});
  const bool at_once = finished.err.find("[" + code + "]") != std::string::npos;
  const Finished run = at_once ? finished : run_command(workshop(), {"run", "example.meta", "--threads", "1"});
  BOOST_TEST(run.err.find("[" + code + "]") != std::string::npos, "it says\n" << run.err << "of\n" << example.text);
  BOOST_TEST(run.code != 0);
}

void check_runs(const Example& example) {
  auto arguments = arguments_of(example.text, example.file);
  if (!example.text.starts_with("# metac ")) arguments.front() = has_experiment(example.text) ? "run" : "fmt";
  if (arguments.front() == "run") arguments.insert(arguments.end(), {"--threads", "1", "--json"});
  if (arguments.front() == "fmt") arguments.push_back("--check");
  const Finished finished = run_command(workshop(), arguments);
  BOOST_TEST(finished.code == 0, "it says\n" << finished.err << finished.out << "of\n" << example.text);
  if (!example.printed.empty()) BOOST_TEST(printed_by(finished.out) == example.printed, "of\n" << example.text);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(documents)

BOOST_AUTO_TEST_CASE(every_example_of_the_reference_is_true) {
  const auto examples = examples_of(METAC_SOURCE_DIR "/dsl/REFERENCE.md");
  BOOST_TEST(examples.size() >= 60u);
  for (const Example& example : examples) {
    BOOST_TEST_CONTEXT("dsl/REFERENCE.md:" << example.line) {
      std::ofstream(workshop() / example.file) << example.text;
      std::smatch code;
      const bool refused = std::regex_search(example.text, code, std::regex("^# ([EW]0[0-9]{3})\n"));
      refused ? check_refused(example, code[1]) : check_runs(example);
    }
  }
}

BOOST_AUTO_TEST_CASE(the_tutorial_shows_its_scripts_and_each_runs_in_seconds) {
  const fs::path folder = METAC_SOURCE_DIR "/examples/tutorial";
  std::vector<fs::path> scripts;
  for (const auto& entry : fs::directory_iterator(folder))
    if (entry.path().extension() == ".meta") scripts.push_back(entry.path());
  std::sort(scripts.begin(), scripts.end());
  const auto shown = examples_of(folder / "README.md");
  BOOST_TEST_REQUIRE(scripts.size() == 10u);
  BOOST_TEST_REQUIRE(shown.size() == scripts.size());
  for (std::size_t i = 0; i < scripts.size(); ++i) {
    BOOST_TEST_CONTEXT(scripts[i].filename().string()) {
      BOOST_TEST(shown[i].text == read_all(scripts[i]), "README.md shows it otherwise, at line " << shown[i].line);
      const Finished finished = run_command(workshop(), {"run", scripts[i].string(), "--threads", "2"});
      BOOST_TEST(finished.code == 0, finished.err);
      BOOST_TEST(finished.out.find("diverged") == std::string::npos, finished.out);
      BOOST_TEST(finished.seconds < 30);  // one or two on a free machine
    }
  }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace metac::dsl::test
