// A run that is killed at any moment goes on to the same bits, also on another number of threads.
#include <boost/test/unit_test.hpp>
#include <fstream>
#include <map>
#include <regex>

#include "dsl/command/process.hpp"
#include "files.hpp"

namespace metac::dsl::test {
namespace {

namespace fs = std::filesystem;

// All kinds of state: two trainings of one learner, memory that events change, running statistics, an optimizer with
// memory, validation that selects, two seeds, and a second learner on tasks that remember.
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
experiment long(seeds = 2) {
  let learner = remembering(classifier(normed))
  let rows = idx("images", "labels")
  for _ in 1..2 {
    train learner on rows { epochs: 200, batch: 5, optimizer: adam(1e-3), validate: (on: rows, every: 100), select: "best" }
  }
  evaluate learner on rows
  let few = maml(mlp([20, 1]), loss: mse)
  train few on leaning(sinusoids()) { iterations: 3_000, batch: 10, optimizer: momentum(1e-3) }
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
  Finished run(std::vector<std::string> more, double after = -1, int signal = SIGKILL) const {
    std::vector<std::string> arguments{"run", "long.meta", "--data", "data", "--checkpoint", "0.03"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return run_command(folder.path(), arguments, after, signal);
  }
  data::testing::TemporaryFolder folder;
};

}  // namespace

BOOST_AUTO_TEST_CASE(a_killed_run_goes_on_to_the_same_bits) {
  const Workshop workshop;
  const Finished whole = workshop.run({"--out", "whole", "--threads", "1"});
  BOOST_REQUIRE_MESSAGE(whole.code == 0, whole.err);
  const auto expected = files_of(workshop.folder / "whole");
  BOOST_TEST(expected.size() == 2 * 3 + 1u);  // two seeds, three trainings, and the manifest

  int killed = workshop.run({"--out", "part"}, 0.1).code == 128 + SIGKILL;
  Finished finished;
  for (int turn = 0; turn < 12; ++turn) {  // ever later, on one thread or two, killed or asked to stop
    const bool kill = turn % 3 != 2;
    finished = workshop.run({"--resume", "part", "--threads", turn % 2 == 0 ? "2" : "1"}, 0.08 + 0.03 * turn,
                            kill ? SIGKILL : SIGTERM);
    killed += finished.code != 0;
    if (finished.code == 0) break;
    BOOST_TEST(finished.code == (kill ? 128 + SIGKILL : 130));
  }
  if (finished.code != 0) finished = workshop.run({"--resume", "part", "--threads", "2"});
  BOOST_TEST(finished.code == 0, finished.err);
  BOOST_TEST(killed >= 2, "the run was too fast to be killed");
  BOOST_TEST(measured(finished.out) == measured(whole.out));
  const auto found = files_of(workshop.folder / "part");
  BOOST_TEST(found.size() == expected.size());
  for (const auto& [name, content] : expected)
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

}  // namespace metac::dsl::test
