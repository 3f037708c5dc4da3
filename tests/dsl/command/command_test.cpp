// The real command on bad input: what it prints and its exit code stand in an .expected file beside each script of
// cases/, whose first line says the arguments, and for each line of command_lines.txt. METAC_UPDATE=1 rewrites those
// files.
#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <map>
#include <nlohmann/json.hpp>
#include <regex>
#include <set>
#include <sstream>

#include "dsl/command/process.hpp"
#include "dsl/command/workshop.hpp"

namespace metac::dsl::test {
namespace {

namespace fs = std::filesystem;

const fs::path here = METAC_TESTS_DIR "/dsl/command";

struct Case {
  std::string name;
  std::vector<std::string> arguments;
};

// "# metac check --data data" in x.meta is `metac check x.meta --data data`.
std::vector<Case> cases() {
  std::vector<Case> result;
  for (const auto& entry : fs::directory_iterator(here / "cases")) {
    if (entry.path().extension() != ".meta") continue;
    const std::string text = read_all(entry.path()), file = entry.path().filename().string();
    BOOST_REQUIRE_MESSAGE(text.starts_with("# metac "), file << " does not begin with its arguments");
    result.push_back({entry.path().stem().string(), arguments_of(text, file)});
  }
  std::ifstream lines(here / "command_lines.txt");
  for (std::string line; std::getline(lines, line);)
    if (const auto colon = line.find(':'); line.front() != '#')
      result.push_back({"line_" + line.substr(0, colon), words_of(line.substr(colon + 1))});
  std::sort(result.begin(), result.end(), [](const Case& a, const Case& b) { return a.name < b.name; });
  return result;
}

// What a run says, without what differs between two of them: times, and the lines of progress that follow the clock;
// without what changes with the texts of the library,
// and without the folder that it ran in.
std::string transcript(const Case& one, const Finished& finished) {
  std::string text = "$ metac";
  for (const auto& argument : one.arguments) text += " " + argument;
  text += "\n" + finished.out;
  if (!finished.err.empty()) text += "--- stderr\n" + finished.err;
  text += "=> " + std::to_string(finished.code) + "\n";
  const std::string folder = workshop().string();
  for (auto at = text.find(folder); at != std::string::npos; at = text.find(folder, at))
    text.replace(at, folder.size(), "HERE");
  text = std::regex_replace(text, std::regex(R"([0-9.]+ steps/s  .* left)"), "# steps/s");
  text = std::regex_replace(text, std::regex(R"(\n  \S+ step \d+/\d+  .*# steps/s.*)"), "");
  text = std::regex_replace(text, std::regex(R"((  |protocol |"protocol":")[0-9a-f]{8}\b)"), "$1########");
  text = std::regex_replace(text, std::regex(R"(memory at most \S+ MiB)"), "memory at most # MiB");
  text = std::regex_replace(text, std::regex(R"(and \S+ ?[kMG]?B read)"), "and # read");
  text = std::regex_replace(text, std::regex(R"(needs \S+ MiB of memory)"), "needs # MiB of memory");
  text = std::regex_replace(text, std::regex(R"(("peak_bytes":|"bytes":)[0-9.e+]+)"), "$1#");
  text = std::regex_replace(text, std::regex(R"(( (right|stopped|untold|kink|wrong) +)[0-9.]+e[-+]\d+)"), "$1#");
  text = std::regex_replace(text, std::regex(R"(("difference":|"cosine_\w+":)[-0-9.e+]+)"), "$1#");
  return std::regex_replace(text, std::regex(R"(steps in [0-9.]+ s)"), "steps in #");
}

void check_json_lines(const std::string& name, const std::string& out) {
  std::istringstream lines(out);
  for (std::string line; std::getline(lines, line);)
    BOOST_TEST(nlohmann::json::accept(line), name << " prints a line that is no JSON: " << line);
}

}  // namespace

// Under the sanitizers the stack ends before their 400 calls.
const std::set<std::string> ends_the_stack{"lets_without_end", "default_without_end", "learner_default_without_end"};

BOOST_AUTO_TEST_CASE(the_command_says_what_is_expected) {
  const bool update = std::getenv("METAC_UPDATE") != nullptr;
  for (const Case& one : cases()) {
    if (sanitized && ends_the_stack.contains(one.name)) continue;
    const Finished finished = run_command(workshop(), one.arguments);
    const std::string found = transcript(one, finished);
    const fs::path path = here / "cases" / (one.name + ".expected");
    if (update) std::ofstream(path, std::ios::binary) << found;
    const std::string expected = read_all(path);
    BOOST_TEST(found == expected, one.name << " says:\n" << found << "but expected is:\n" << expected);
    BOOST_TEST(finished.code < 70, one.name << " ends with " << finished.code);
    if (std::count(one.arguments.begin(), one.arguments.end(), "--json")) check_json_lines(one.name, finished.out);
  }
}

// The last line of `check --json` says what the last one of `run --json` then measures.
BOOST_AUTO_TEST_CASE(check_tells_the_memory_that_a_run_takes) {
  const std::map<std::string, std::string> scripts{
      {"tasks",
       "let learner = maml(mlp([200, 200, 1]), loss: mse)\n"
       "  train learner on sinusoids() { iterations: 3, batch: 40, optimizer: adam(),\n"
       "    validate: (on: sinusoids(), every: 1, tasks: 60), select: \"best\" }\n"
       "  evaluate learner on sinusoids() { tasks: 80, with: (updates: [1, 10]), metrics: [mse] }"},
      {"images",
       "let learner = protonet(conv4_encoder(channels: 16))\n"
       "  let parts = split_classes(glyphs(classes: 30, per_class: 8, size: 20), train: 20, test: 10)\n"
       "  train learner on episodes(parts.train, ways: 5, shots: 1, queries: 5) { iterations: 2, batch: 4,\n"
       "    optimizer: momentum(0.1) }\n"
       "  evaluate learner on episodes(parts.test, ways: 5, shots: 1, queries: 5) { tasks: 30 }"},
      {"life",
       "let drawings = split_rows(glyphs(classes: 6, per_class: 60, size: 16), train: 300, test: 60)\n"
       "  let learner = ewc(replay(classifier(mlp([300, 6])), capacity: 200), estimator: fisher(sampled: 50))\n"
       "  let stream = split(drawings, tasks: 2, scenario: \"class\")\n"
       "  for task in stream { train learner on task { iterations: 3, batch: 32, optimizer: adam() } }\n"
       "  evaluate learner on stream"},
      {"event",
       "let drawings = split_rows(glyphs(classes: 6, per_class: 60, size: 16), train: 300, test: 60)\n"
       "  let learner = l2(classifier(mlp([1000, 500, 6])))\n"
       "  train learner on drawings.train { iterations: 2, batch: 4, optimizer: sgd(0.1) }"},
  };
  for (const std::string threads : {"1", "2"})
    for (const auto& [name, body] : scripts) BOOST_TEST_CONTEXT(name << " on " << threads << " threads") {
        std::ofstream(workshop() / "memory.meta") << "experiment e {\n  " << body << "\n}\n";
        const auto peak = [&](const std::string& command) {
          const Finished finished = run_command(workshop(), {command, "memory.meta", "--json", "--threads", threads});
          BOOST_TEST_REQUIRE(finished.code == 0, finished.err << finished.out);
          const auto last = finished.out.rfind("\n", finished.out.size() - 2) + 1;
          return nlohmann::json::parse(finished.out.substr(last)).at("peak_bytes").get<double>();
        };
        const double told = peak("check"), measured = peak("run");
        BOOST_TEST_MESSAGE(told << " told, " << measured << " measured");
        BOOST_TEST(told > 0.9 * measured);
        BOOST_TEST(told < 1.1 * measured);
      }
}

BOOST_AUTO_TEST_CASE(interrupt_ends_a_training_after_its_step) {
  const fs::path script = workshop() / "long.meta";
  std::ofstream(script)
      << "experiment long {\n  let learner = maml(mlp([40, 40, 1]), loss: mse)\n"
         "  train learner on sinusoids() { iterations: 100_000_000, batch: 4, optimizer: adam() }\n}\n";
  const Stop stop{.signal = SIGINT, .text = "\"progress\"", .times = 3};
  const Finished finished = run_command(workshop(), {"run", "long.meta", "--threads", "1", "--json"}, stop);
  BOOST_TEST(finished.code == 130);
  // Progress is told every 0.1 s at most.
  BOOST_TEST(std::count(finished.out.begin(), finished.out.end(), '\n') < 25, "it went on for seconds");
  // oneDNN's products for AVX2 keep the stack pointer in the heap: a handler on their thread would write over what lies
  // there. So no signal is caught, a thread waits for them.
  const auto caught = finished.status.find("SigCgt:");
  BOOST_REQUIRE(caught != std::string::npos);
  const auto mask = std::stoull(finished.status.substr(caught + 7), nullptr, 16);
  for (const int signal : {SIGINT, SIGTERM}) BOOST_TEST((mask >> (signal - 1) & 1) == 0u, "a handler of " << signal);
  BOOST_TEST(finished.err == "metac: stopped on request\n");
  BOOST_TEST((finished.out.empty() || finished.out.back() == '\n'));
  check_json_lines("interrupted", finished.out);
}

BOOST_AUTO_TEST_CASE(an_unknown_instruction_set_is_a_mistake_of_the_caller) {
  const char* before = std::getenv("METAC_ISA");
  const std::string restored = before == nullptr ? "" : before;
  setenv("METAC_ISA", "AVX2", 1);
  const Finished finished = run_command(workshop(), {"run", "fine.meta"});
  before == nullptr ? unsetenv("METAC_ISA") : setenv("METAC_ISA", restored.c_str(), 1);
  BOOST_TEST(finished.code == 2);
  BOOST_TEST(finished.err == "metac: error: METAC_ISA is `AVX2`, it can be baseline, avx2 or avx512\n");
}

BOOST_AUTO_TEST_CASE(a_table_has_a_line_for_each_number) {
  const fs::path script = workshop() / "table.meta";
  std::ofstream(script)
      << "experiment table(seeds = 2) {\n  let learner = maml(mlp([4, 1]), loss: mse)\n"
         "  evaluate learner on sinusoids() { tasks: 7, with: (updates: [0, 1]), metrics: [mse, mae] }\n}\n";
  const Finished finished = run_command(workshop(), {"run", "table.meta", "--csv", "table.csv"});
  BOOST_TEST(finished.code == 0);
  std::istringstream lines(read_all(workshop() / "table.csv"));
  std::vector<std::string> all;
  for (std::string line; std::getline(lines, line);) all.push_back(line);
  BOOST_TEST_REQUIRE(all.size() == 1 + 2 * 4 + 4u);  // a heading, four numbers for each seed, and their means
  for (const auto& line : all) BOOST_TEST(std::count(line.begin(), line.end(), ',') >= 14, line);
  const auto protocol = [&](std::size_t line) { return all[line].substr(all[line].rfind(',') + 1); };
  BOOST_TEST(protocol(0) == "protocol");
  BOOST_TEST(protocol(1).size() == 8u);
  for (const std::size_t line : {5, 9}) BOOST_TEST(protocol(line) == protocol(1));  // the next seed, and the mean
  for (const std::size_t line : {2, 3, 4}) BOOST_TEST(protocol(line) != protocol(1));
  BOOST_TEST(all[1].starts_with("table,0,evaluation,maml,\"sinusoids(shots: 10, queries: 10)\",updates: 0,mse,"));
  BOOST_TEST(all[5].starts_with("table,1,evaluation,maml,"));
  BOOST_TEST(all[9].starts_with("table,,over seeds,"));

  const Finished refused = run_command(workshop(), {"run", "table.meta", "--csv", "no/such/folder.csv"});
  BOOST_TEST(refused.code == 3);
  BOOST_TEST(refused.err.find("no/such/folder.csv cannot be written") != std::string::npos);
}

}  // namespace metac::dsl::test
