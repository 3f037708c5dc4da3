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
#include "dsl/data/files.hpp"

namespace metac::dsl::test {
namespace {

namespace fs = std::filesystem;
using data::Bytes;

const fs::path here = METAC_TESTS_DIR "/dsl/command";

std::string read_all(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

Bytes npy(const std::string& type, const std::string& shape, const Bytes& values) {
  std::string header = "{'descr': '" + type + "', 'fortran_order': False, 'shape': " + shape + ", }";
  header += std::string(63 - (10 + header.size()) % 64, ' ') + "\n";
  std::string file("\x93NUMPY\x01\x00", 8);
  file += {static_cast<char>(header.size()), 0};
  file += header;
  Bytes bytes(file.begin(), file.end());
  bytes.insert(bytes.end(), values.begin(), values.end());
  return bytes;
}

// The scripts, and beside them good and bad data files of every kind.
const fs::path& workshop() {
  static const data::testing::TemporaryFolder folder;
  static const bool made = [] {
    for (const auto& entry : fs::directory_iterator(here / "cases"))
      if (entry.path().extension() == ".meta") fs::copy_file(entry.path(), folder.path() / entry.path().filename());
    const fs::path data = folder.path() / "data";
    const Bytes images(12 * 64, 100);
    Bytes labels;
    for (int i = 0; i < 12; ++i) labels.push_back(static_cast<std::uint8_t>(i % 3));
    using namespace data::testing;
    write(data / "images", idx_bytes(8, {12, 8, 8}, images));
    write(data / "rectangles", idx_bytes(8, {12, 8, 4}, Bytes(12 * 32, 1)));
    write(data / "labels", idx_bytes(8, {12}, labels));
    write(data / "labels_below_zero", idx_bytes(11, {12}, Bytes(24, 0xff)));  // int16
    write(data / "x.npy", npy("<f4", "(3, 4)", Bytes(48)));
    write(data / "labels_below_zero.npy", npy("<i4", "(3,)", {0, 0, 0, 0, 1, 0, 0, 0, 0xfe, 0xff, 0xff, 0xff}));
    write(data / "few_labels.npy", npy("<i4", "(2,)", Bytes(8)));
    for (const std::string part : {"train", "t10k"}) {
      write(data / "mnist" / (part + "-images-idx3-ubyte"), idx_bytes(8, {3, 28, 28}, Bytes(3 * 28 * 28)));
      write(data / "mnist" / (part + "-labels-idx1-ubyte"), idx_bytes(8, {3}, {0, 1, 12}));
    }
    write(data / "few_labels", idx_bytes(8, {5}, Bytes(5, 0)));
    write(data / "truncated", idx_bytes(8, {12, 8, 8}, Bytes(100, 1)));
    write(data / "huge", idx_bytes(8, {0xffffffff, 0xffffffff, 0xffffffff}, Bytes(100, 1)));
    write(data / "text", std::string("these are no images\n"));
    write(data / "table.csv", std::string("station,day,rain\nA,0,0.5\nB,0,1\nA,1,2\nB,1,0\nA,2,3\n"));
    write(data / "sentences.tsv", std::string("b\tthe cat\na\ta bird\n"));
    write(data / "latin.tsv", std::string("b\tthe cat\na\tcaf\xe9\n"));
    Bytes packed = gzip(idx_bytes(8, {12, 8, 8}, images));
    write(data / "cut.gz", Bytes(packed.begin(), packed.begin() + static_cast<std::ptrdiff_t>(packed.size() / 2)));
    fs::create_directories(data / "empty");
    write(data / "drawings" / "a" / "1.png", grey_png(4, 4, 200));
    write(data / "drawings" / "b" / "1.png", grey_png(6, 4, 100));
    Bytes png = grey_png(16, 16, 7);
    png.resize(png.size() / 2);
    write(data / "corrupt_png" / "a" / "1.png", png);
    write(data / "no_png" / "a" / "1.png", std::string("no picture"));
    write(data / "corrupt.zip", std::string("PK\x03\x04 and then nothing good"));
    return true;
  }();
  (void)made;
  return folder.path();
}

std::vector<std::string> words_of(const std::string& line) {
  std::istringstream in(line);
  return {std::istream_iterator<std::string>(in), {}};
}

struct Case {
  std::string name;
  std::vector<std::string> arguments;
};

// "# metac check --data data" in x.meta is `metac check x.meta --data data`.
std::vector<Case> cases() {
  std::vector<Case> result;
  for (const auto& entry : fs::directory_iterator(here / "cases")) {
    if (entry.path().extension() != ".meta") continue;
    const std::string text = read_all(entry.path()), first = text.substr(0, text.find('\n'));
    BOOST_REQUIRE_MESSAGE(first.starts_with("# metac "), entry.path() << " does not begin with its arguments");
    auto arguments = words_of(first.substr(8));
    arguments.insert(arguments.begin() + 1, entry.path().filename().string());
    result.push_back({entry.path().stem().string(), arguments});
  }
  std::ifstream lines(here / "command_lines.txt");
  for (std::string line; std::getline(lines, line);)
    if (const auto colon = line.find(':'); line.front() != '#')
      result.push_back({"line_" + line.substr(0, colon), words_of(line.substr(colon + 1))});
  std::sort(result.begin(), result.end(), [](const Case& a, const Case& b) { return a.name < b.name; });
  return result;
}

// What a run says, without what differs between two of them: times, and the lines of progress that follow the clock;
// and without what changes with the texts of the library.
std::string transcript(const Case& one, const Finished& finished) {
  std::string text = "$ metac";
  for (const auto& argument : one.arguments) text += " " + argument;
  text += "\n" + finished.out;
  if (!finished.err.empty()) text += "--- stderr\n" + finished.err;
  text += "=> " + std::to_string(finished.code) + "\n";
  text = std::regex_replace(text, std::regex(R"([0-9.]+ steps/s  .* left)"), "# steps/s");
  text = std::regex_replace(text, std::regex(R"(\n  \S+ step \d+/\d+  .*# steps/s.*)"), "");
  text = std::regex_replace(text, std::regex(R"((  |protocol |"protocol":")[0-9a-f]{8}\b)"), "$1########");
  text = std::regex_replace(text, std::regex(R"(memory at most \S+ MiB)"), "memory at most # MiB");
  text = std::regex_replace(text, std::regex(R"(and \S+ ?[kMG]?B read)"), "and # read");
  text = std::regex_replace(text, std::regex(R"(needs \S+ MiB of memory)"), "needs # MiB of memory");
  text = std::regex_replace(text, std::regex(R"(("peak_bytes":|"bytes":)[0-9.e+]+)"), "$1#");
  return std::regex_replace(text, std::regex(R"(steps in [0-9.]+ s)"), "steps in #");
}

void check_json_lines(const std::string& name, const std::string& out) {
  std::istringstream lines(out);
  for (std::string line; std::getline(lines, line);)
    BOOST_TEST(nlohmann::json::accept(line), name << " prints a line that is no JSON: " << line);
}

}  // namespace

BOOST_AUTO_TEST_CASE(the_command_says_what_is_expected) {
  const bool update = std::getenv("METAC_UPDATE") != nullptr;
  for (const Case& one : cases()) {
    const Finished finished = run_command(workshop(), one.arguments);
    const std::string found = transcript(one, finished);
    const fs::path path = here / "cases" / (one.name + ".expected");
    if (update) std::ofstream(path, std::ios::binary) << found;
    const std::string expected = read_all(path);
    BOOST_TEST(found == expected, one.name << " says:\n" << found << "but expected is:\n" << expected);
    BOOST_TEST(finished.code < 70, one.name << " ends with " << finished.code);
    BOOST_TEST(found.find(workshop().string()) == std::string::npos, one.name << " names a folder of this machine");
    if (std::count(one.arguments.begin(), one.arguments.end(), "--json")) check_json_lines(one.name, finished.out);
  }
}

// A code that no case shows is a code nobody has read the message of.
BOOST_AUTO_TEST_CASE(every_code_of_elaborator_and_driver_has_a_case) {
  const std::set<std::string> unreachable{
      "E0007",  // the system has no memory for small things: not to be arranged in a test
      "E0302",  // every `let` and default is computed within an experiment; in `--set` it becomes E0003
      "E0312",  // everything within an experiment has a key to draw from
      // The checker says these first; they guard programs that elaborate what was not checked.
      "E0331", "E0337", "E0370", "E0372", "E0375", "E0377", "E0380", "E0382", "E0412"};
  const std::regex code("\"([EW]0[0-9]{3})\"");
  std::set<std::string> used;
  for (const char* room : {"elaborate", "driver"})
    for (const auto& entry : fs::directory_iterator(fs::path(METAC_SOURCE_DIR) / "dsl" / room)) {
      const std::string text = read_all(entry.path());
      for (std::sregex_iterator it(text.begin(), text.end(), code), end; it != end; ++it) used.insert((*it)[1]);
    }
  std::set<std::string> shown;
  const std::regex in_text("[EW]0[0-9]{3}");
  for (const auto& entry : fs::directory_iterator(here / "cases")) {
    if (entry.path().extension() != ".expected") continue;
    const std::string text = read_all(entry.path());
    for (std::sregex_iterator it(text.begin(), text.end(), in_text), end; it != end; ++it) shown.insert((*it)[0]);
  }
  BOOST_TEST(used.size() > 60u);
  for (const auto& one : used)
    BOOST_TEST((shown.count(one) == 1u || unreachable.count(one) == 1u),
               one << " has no case in tests/dsl/command/cases");
  for (const auto& one : unreachable)
    BOOST_TEST(shown.count(one) == 0u, one << " is shown by a case and need not be an exception");
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
