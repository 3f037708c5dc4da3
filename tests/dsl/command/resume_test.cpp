// A run that is killed at any moment goes on to the same bits, also on another number of threads.
#include <boost/test/unit_test.hpp>
#include <cstdlib>
#include <fstream>
#include <map>
#include <random>
#include <regex>

#include "dsl/command/process.hpp"
#include "files.hpp"

namespace metac::dsl::test {
namespace {

namespace fs = std::filesystem;

// All kinds of state: two trainings of one learner, memory that events change, running statistics, an optimizer whose
// memory goes on from the first to the second, validation that selects, two seeds, and a second learner on tasks that
// remember. Each of the six trainings is validated ten times.
constexpr const char* script = R"(
learner remembering(base) {
  memory path = zeros_like(base.learned)
  memory steps = 0
  memory ended = 0
  fn objective(batch) = base.objective(batch) + 0.001 * sum(square(base.learned - path))
  on step(batch) {
    path = path + 0.1 * (base.learned - before.base)
    steps = steps + 1
  }
  on end(data) { ended = ended + 1 }
}
tasks leaning(base) {
  memory scores = normal()([2])
  task ~ [base, sinusoids(shots: 10, queries: 10)][argmax(scores)]
  arm ~ integers(2)
  on step(tasks) { scores = 0.9 * scores + sum(one_hot(tasks.arm, 2) * reshape(gain, [-1, 1]), axis: 0) + normal()([2]) }
  return task
}
model normed(x) = x |> flatten |> linear(16) |> batch_norm("running") |> relu |> linear(3)
experiment long(seeds = 2, rounds = 1) {
  let learner = remembering(classifier(normed))
  let rows = idx("images", "labels")
  for turn in 1..2 {
    train learner on rows {
      epochs: 100 * rounds, batch: 5, optimizer: if turn == 1 then adam(1e-3) else same, validate: (on: rows, every: 50 * rounds), select: "best"
      overlap: "intended"
    }
  }
  evaluate learner on rows { overlap: "intended" }
  let few = maml(mlp([20, 1]), loss: mse)
  train few on leaning(sinusoids()) {
    iterations: 1_500 * rounds, batch: 10, optimizer: momentum(1e-3)
    validate: (on: sinusoids(), every: 150 * rounds, tasks: 10)
  }
  evaluate few on sinusoids() { tasks: 50, with: (updates: 1) }
}
)";

// The files of a run's folder, but for its manifest's own.
std::map<std::string, std::string> files_of(const fs::path& folder) {
  std::map<std::string, std::string> files;
  for (const auto& entry : fs::directory_iterator(folder)) {
    std::ifstream in(entry.path(), std::ios::binary);
    files[entry.path().filename().string()] = {std::istreambuf_iterator<char>(in), {}};
  }
  return files;
}

// What was measured: not how long it took, nor what came from a checkpoint.
std::string measured(const std::string& out) { return std::regex_replace(out, std::regex("  trained .*\n"), ""); }

struct Workshop {
  Workshop() {
    std::ofstream(folder.path() / "long.meta") << script;
    data::Bytes images, labels;
    for (int i = 0; i < 24; ++i) {
      labels.push_back(static_cast<std::uint8_t>(i % 3));
      for (int pixel = 0; pixel < 16; ++pixel) images.push_back(static_cast<std::uint8_t>(pixel * (i % 3) * 5 + i));
    }
    data::testing::write(folder / "data/images", data::testing::idx_bytes(8, {24, 4, 4}, images));
    data::testing::write(folder / "data/labels", data::testing::idx_bytes(8, {24}, labels));
  }
  Finished run(std::vector<std::string> more, std::optional<Stop> stop = {}) const {
    std::vector<std::string> arguments{"run", "long.meta", "--data", "data"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return run_command(folder.path(), arguments, stop);
  }
  data::testing::TemporaryFolder folder;
};

// A run that was never stopped. Where the machine is fast it has more rounds: there must be time to kill it.
struct Whole {
  explicit Whole(const Workshop& workshop) {
    for (; rounds <= 256 && finished.seconds < 0.4; rounds *= 2) {
      fs::remove_all(workshop.folder / "whole");
      setting = "rounds=" + std::to_string(rounds);
      finished = workshop.run({"--out", "whole", "--threads", "1", "--set", setting});
      BOOST_REQUIRE_MESSAGE(finished.code == 0, finished.err);
    }
    files = files_of(workshop.folder / "whole");
  }

  int rounds = 1;
  std::string setting;
  Finished finished;
  std::map<std::string, std::string> files;
};

unsigned random_seed() {
  const char* given = std::getenv("METAC_SEED");
  return given != nullptr ? static_cast<unsigned>(std::atoi(given)) : std::random_device()();
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_killed_run_goes_on_to_the_same_bits) {
  const unsigned seed = random_seed();
  BOOST_TEST_INFO_SCOPE("METAC_SEED=" << seed << " draws these moments again");
  std::mt19937 random(seed);
  const Workshop workshop;
  const Whole whole(workshop);
  BOOST_TEST(whole.files.size() == 2 * 3 + 1u);  // two seeds, three trainings, and the manifest

  // Stopped nine times on one to three threads: first anywhere at its beginning, then somewhere after a few validations
  // of what was left. Twice it is asked to stop, else it is killed.
  std::map<int, int> ended;  // by exit code: how often
  const auto attempt = [&](int turn, std::optional<Stop> stop) {
    const bool begun = fs::exists(workshop.folder / "part/run.json");
    return workshop.run({begun ? "--resume" : "--out", "part", "--set", whole.setting, "--checkpoint",
                         std::to_string(whole.finished.seconds / 40), "--threads", std::to_string(1 + turn % 3)},
                        stop);
  };
  for (int turn = 0; turn < 9; ++turn) {
    Stop stop{.signal = turn % 4 == 3 ? SIGTERM : SIGKILL, .text = "validation after"};
    if (turn > 0) stop.times = 1 + random() % 7;
    stop.seconds = whole.finished.seconds / (turn > 0 ? 60 : 5) * std::uniform_real_distribution(0.0, 1.0)(random);
    const Finished part = attempt(turn, stop);
    stop.repeats = stop.signal == SIGTERM ? 2 : 1;  // as `timeout` does
    const int expected = stop.signal == SIGKILL ? 128 + SIGKILL : 130;
    BOOST_TEST((part.code == expected || part.code == 0), "it ended with " << part.code << ": " << part.err);
    ++ended[part.code];
  }
  BOOST_TEST(ended[128 + SIGKILL] >= 3, "the run was too fast to be killed");
  BOOST_TEST(ended[130] >= 1, "the run was too fast to be stopped");

  const Finished finished = attempt(1, {});
  BOOST_TEST(finished.code == 0, finished.err);
  BOOST_TEST(measured(finished.out) == measured(whole.finished.out));
  const auto found = files_of(workshop.folder / "part");
  BOOST_TEST(found.size() == whole.files.size());
  for (const auto& [name, content] : whole.files)
    BOOST_TEST((found.contains(name) && found.at(name) == content), name << " differs");
}

BOOST_AUTO_TEST_CASE(a_run_goes_on_only_as_itself) {
  const Workshop workshop;
  BOOST_REQUIRE(workshop.run({"--out", "x"}).code == 0);
  const auto refused = [&](std::vector<std::string> arguments) {
    const Finished finished = workshop.run(std::move(arguments));
    BOOST_TEST(finished.code == 3);
    return finished.err;
  };
  BOOST_TEST(refused({"--out", "x"}).find("holds a run already") != std::string::npos);
  BOOST_TEST(refused({"--resume", "x", "--seed", "7"}).find("its seed was 0, now it is 7") != std::string::npos);
  BOOST_TEST(refused({"--resume", "x", "--set", "seeds=3"}).find("setting seeds") != std::string::npos);
  BOOST_TEST(refused({"--resume", "y"}).find("no run to go on with") != std::string::npos);
  BOOST_TEST(!fs::exists(workshop.folder / "y"));

  std::string file;
  for (const auto& entry : fs::directory_iterator(workshop.folder / "x"))
    if (entry.path().extension() == ".safetensors") file = entry.path().string();
  BOOST_REQUIRE(!file.empty());
  std::string content = files_of(workshop.folder / "x").at(fs::path(file).filename().string());
  content.back() ^= 1;
  std::ofstream(file, std::ios::binary) << content;
  BOOST_TEST(refused({"--resume", "x"}).find("checksum of its data is wrong") != std::string::npos);
  std::ofstream(workshop.folder / "x/run.json") << "{ no manifest";
  BOOST_TEST(refused({"--resume", "x"}).find("run.json is damaged") != std::string::npos);
}

// The loop of the script alone takes longer than the test may.
BOOST_AUTO_TEST_CASE(a_check_of_a_long_loop_stops_on_request) {
  const data::testing::TemporaryFolder folder;
  std::ofstream(folder.path() / "endless.meta")
      << "experiment e {\n  var x = 0.0\n  for i in range(10_000) { for j in range(1_000_000) { x = x + 1.0 } }\n}\n";
  for (const int signal : {SIGINT, SIGTERM}) {
    const Finished finished =
        run_command(folder.path(), {"check", "endless.meta"}, Stop{.signal = signal, .seconds = 0.3});
    BOOST_TEST(finished.code == 130, finished.err);
    BOOST_TEST(finished.err.find("stopped on request") != std::string::npos, finished.err);
  }
}

}  // namespace metac::dsl::test
