// Every script of examples/ runs to its end and prints what it measured: short, on data that is made here, and on the
// real data where METAC_DATA names it. A new example is found by itself; what is short is said by the names of its
// parameters.
#include <boost/test/unit_test.hpp>
#include <cstdlib>
#include <fstream>
#include <map>
#include <set>

#include "driver/driver.hpp"
#include "dsl/command/process.hpp"
#include "files.hpp"

namespace metac::dsl::test {
namespace {

namespace fs = std::filesystem;
using data::Bytes;

// What makes an example short, for those of its parameters that have these names.
const std::map<std::string, std::string> short_settings{
    {"iterations", "2"}, {"steps", "2"},      {"epochs", "1"},           {"few_epochs", "1"}, {"seeds", "1"},
    {"tasks", "2"},      {"test_tasks", "4"}, {"hidden", "8"},           {"channels", "2"},   {"examples", "20"},
    {"capacity", "20"},  {"batch", "16"},     {"fisher_examples", "10"},
};
constexpr double longest = 30;  // seconds: far more than any takes, on a busy machine

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

// Images of ten classes that differ in brightness, for the loader of these names.
void write_digits(const fs::path& folder, const std::string& images, const std::string& labels, std::uint32_t rows,
                  std::uint32_t channels) {
  Bytes pixels, classes;
  for (std::uint32_t row = 0; row < rows; ++row) {
    classes.push_back(static_cast<std::uint8_t>(row % 10));
    for (std::uint32_t pixel = 0; pixel < 28 * 28 * channels; ++pixel)
      pixels.push_back(static_cast<std::uint8_t>(20 * (row % 10) + (pixel * 7 + row) % 50));
  }
  std::vector<std::uint32_t> sizes{rows, 28, 28};
  if (channels > 1) sizes.push_back(channels);
  data::testing::write(folder / images, data::testing::idx_bytes(8, sizes, pixels));
  data::testing::write(folder / labels, data::testing::idx_bytes(8, {rows}, classes));
}

void write_characters(const fs::path& folder) {
  constexpr std::uint32_t classes = 80, each = 20;
  Bytes pixels, labels;
  std::string table = "index\tset\talphabet\tcharacter\tvinyals_split\n";
  for (std::uint32_t cls = 0; cls < classes; ++cls) {
    const std::string part = cls < 40 ? "train" : cls < 50 ? "val" : "test", name = std::to_string(cls);
    table += name + "\tmade\tHere\tcharacter" + name + "\t" + part + "\n";
    for (std::uint32_t drawing = 0; drawing < each; ++drawing) {
      labels.insert(labels.end(), {0, static_cast<std::uint8_t>(cls)});  // int16, the high byte first
      for (std::uint32_t pixel = 0; pixel < 28 * 28; ++pixel)
        pixels.push_back((pixel * (cls + 3) + drawing) % 9 == 0 ? 255 : 0);
    }
  }
  using namespace data::testing;
  write(folder / "omniglot-all-28x28-images-idx3-ubyte", idx_bytes(8, {classes * each, 28, 28}, pixels));
  write(folder / "omniglot-all-labels-idx1-int16", idx_bytes(11, {classes * each}, labels));
  write(folder / "classes.tsv", table);
}

void write_data(const fs::path& folder) {
  for (const std::string set : {"mnist", "fashion-mnist"})
    for (const auto& [part, rows] : std::vector<std::pair<std::string, std::uint32_t>>{{"train", 100}, {"t10k", 50}})
      write_digits(folder / set, part + "-images-idx3-ubyte", part + "-labels-idx1-ubyte", rows, 1);
  for (const std::string part : {"train", "test"})
    write_digits(folder / "mnist-m", "mnistm-" + part + "-images-idx4-ubyte", "mnistm-" + part + "-labels-idx1-ubyte",
                 60, 3);
  write_characters(folder / "omniglot");
}

void check_run(const fs::path& example, const fs::path& folder, const std::string& data) {
  BOOST_TEST_CONTEXT(example.filename().string() << " on " << data) {
    std::size_t experiments = 0;
    const Finished finished = run_command(folder, arguments(example, data, &experiments));
    BOOST_TEST(finished.code == 0, "it ended with " << finished.code << "\n" << finished.err);
    BOOST_TEST(finished.seconds < longest,
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
