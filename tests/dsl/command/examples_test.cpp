// Every script of examples/ runs to its end and prints what it measured: short, on data that is made here, and on the
// real data where METAC_DATA names it. A new example is found by itself; what is short is said by the names of its
// parameters.
#include <sys/resource.h>

#include <boost/test/unit_test.hpp>
#include <cstdlib>
#include <fstream>
#include <map>
#include <set>

#include "driver/driver.hpp"
#include "dsl/command/made_data.hpp"
#include "dsl/command/process.hpp"
#include "files.hpp"

namespace metac::dsl::test {
namespace {

namespace fs = std::filesystem;

// What makes an example short, for those of its parameters that have these names.
const std::map<std::string, std::string> short_settings{
    {"iterations", "2"}, {"steps", "2"},      {"epochs", "1"},           {"few_epochs", "1"}, {"seeds", "1"},
    {"tasks", "2"},      {"test_tasks", "4"}, {"hidden", "8"},           {"channels", "2"},   {"examples", "20"},
    {"capacity", "20"},  {"batch", "16"},     {"fisher_examples", "10"},
};

std::vector<fs::path> examples() {
  std::vector<fs::path> found;
  for (const auto& entry : fs::directory_iterator(fs::path(METAC_SOURCE_DIR) / "examples"))
    if (entry.path().extension() == ".meta") found.push_back(entry.path());
  std::sort(found.begin(), found.end());
  return found;
}

std::vector<std::string> arguments(const fs::path& example, const std::string& data, std::size_t* experiments) {
  Report report;
  const Script script = Script::load(example.string(), report);
  BOOST_TEST_REQUIRE(script.valid(), example << " has mistakes");
  std::vector<std::string> result{"run", example.string(), "--data", data, "--threads", "2"};
  std::set<std::string> names;
  for (const auto* experiment : script.program()->experiments())
    for (const auto& list : experiment->lists)
      for (const auto& parameter : list.parameters) names.insert(parameter.name.text);
  for (const auto& [name, value] : short_settings)
    if (names.contains(name)) result.insert(result.end(), {"--set", name + "=" + value});
  *experiments = script.program()->experiments().size();
  return result;
}

std::size_t count(const std::string& text, const std::string& part) {
  std::size_t found = 0;
  for (auto at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++found;
  return found;
}

void check_run(const fs::path& example, const fs::path& folder, const std::string& data) {
  BOOST_TEST_CONTEXT(example.filename().string() << " on " << data) {
    std::size_t experiments = 0;
    const Finished finished = run_command(folder, arguments(example, data, &experiments));
    BOOST_TEST(finished.code == 0, "it ended with " << finished.code << "\n" << finished.err);
    BOOST_TEST(finished.seconds < longest / 2,
               "it took " << finished.seconds << " s; give it parameters such as `iterations` and `test_tasks`");
    BOOST_TEST(count(finished.out, "experiment ") >= experiments);
    BOOST_TEST(count(finished.out, "diverged") == 0u, finished.out);
    std::ifstream in(example);
    const std::string text{std::istreambuf_iterator<char>(in), {}};
    // A table of an `evaluate`, or the end of a matrix; what measures nothing prints.
    const auto measured = count(finished.out, "trimmed 1 %  protocol\n") + count(finished.out, ", protocol ");
    BOOST_TEST(measured >= (count(text, "evaluate ") > 0 ? experiments : 0), "no table:\n" << finished.out);
    BOOST_TEST(count(finished.out, "\n") > experiments, "it prints nothing");
  }
}

double seconds_of_children() {
  rusage used{};
  getrusage(RUSAGE_CHILDREN, &used);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + 1e-6 * static_cast<double>(time.tv_usec);
  };
  return seconds(used.ru_utime) + seconds(used.ru_stime);
}

bool needs_data(const fs::path& example, const fs::path& folder) {
  return run_command(folder, {"check", example.string()}).code != 0;
}

}  // namespace

BOOST_AUTO_TEST_CASE(every_example_runs_on_made_data) {
  const data::testing::TemporaryFolder folder;
  write_data(folder / "data");
  const auto all = examples();
  BOOST_TEST(all.size() >= 10u);
  for (const auto& example : all) check_run(example, folder.path(), "data");
}

BOOST_AUTO_TEST_CASE(every_example_is_checked_in_a_moment) {
  const data::testing::TemporaryFolder folder;
  write_data(folder / "data");
  std::pair<double, std::string> longest;
  for (const auto& example : examples()) {
    double best = 1e9;  // seconds of its processor, the least of several: the machine may be busy
    for (int turn = 0; turn < 3; ++turn) {
      const double before = seconds_of_children();
      const Finished finished = run_command(folder.path(), {"check", example.string(), "--data", "data"});
      best = std::min(best, seconds_of_children() - before);
      BOOST_TEST(finished.code == 0, example << ": " << finished.err);
    }
    longest = std::max(longest, std::pair(best, example.filename().string()));
  }
  BOOST_TEST_MESSAGE("the longest is " << longest.second << ": " << longest.first << " s");
  BOOST_TEST(longest.first < (sanitized ? 6 : 1));  // below 0.3 on a machine that does nothing else
}

BOOST_AUTO_TEST_CASE(every_derivative_of_an_example_equals_differences) {
  const data::testing::TemporaryFolder folder;
  write_data(folder / "data");
  std::size_t compared = 0;
  for (const auto& example : examples()) {
    std::size_t experiments = 0;
    auto asked = arguments(example, "data", &experiments);
    asked.front() = "gradcheck";
    for (const char* word : {"--tasks", "1", "--directions", "1", "--steps", "2"}) asked.emplace_back(word);
    const Finished finished = run_command(folder.path(), asked);
    BOOST_TEST(finished.code == 0, example << " ends with " << finished.code << "\n" << finished.out << finished.err);
    compared += count(finished.out, "  right  ") + count(finished.out, "  stopped  ");
    BOOST_TEST(count(finished.out, "  untold  ") == 0u, finished.out);
  }
  BOOST_TEST(compared >= 60u);
}

BOOST_AUTO_TEST_CASE(every_example_that_needs_data_runs_on_the_real_one) {
  const char* real = std::getenv("METAC_DATA");
  if (real == nullptr || *real == '\0') {
    BOOST_TEST_MESSAGE("skipped: METAC_DATA is not set");
    return;
  }
  const data::testing::TemporaryFolder folder;
  std::size_t ran = 0;
  for (const auto& example : examples())
    if (needs_data(example, folder.path())) check_run(example, folder.path(), fs::absolute(real).string()), ++ran;
  BOOST_TEST(ran >= 6u);
}

}  // namespace metac::dsl::test
