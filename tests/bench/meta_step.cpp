// What a user of metac waits for: one step of second-order MAML, on sine waves and on images of the size of Omniglot,
// and the start of the program up to its first step of training, with the memory that it takes.
//
//   bench_meta_step [--json] [--metac PROGRAM]
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstring>

#include "bench/drawings.hpp"
#include "dsl/laboratory.hpp"
#include "kernels/instruction_set.hpp"

using namespace metac;
using namespace metac::dsl;
using namespace metac::dsl::testing;

namespace {

using Clock = std::chrono::steady_clock;

double since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }
double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

struct Row {
  std::string name;
  int threads = 1;
  double milliseconds = 0;  // median
  double least = 0;
  int repetitions = 0;
};

// Whole steps with their sampling and optimizer: each starts where the last one ended.
Row time_step(const std::string& name, Laboratory& lab, const SourcePtr& source, std::int64_t batch, int threads,
              double seconds) {
  Step step(lab, "learner_here", source, batch, "rule", threads);
  auto leaves = Step::arrays(step.state);
  for (auto& leaf : Step::arrays(step.memory)) leaves.push_back(leaf);
  std::vector<double> times;
  const auto begin = Clock::now();
  for (std::uint32_t number = 0; times.size() < 5 || since(begin) < seconds; ++number) {
    const auto start = Clock::now();
    leaves = step.run(std::move(leaves), {1, number});
    leaves.pop_back();  // the losses
    times.push_back(since(start) * 1e3);
  }
  times.erase(times.begin());
  return {name, threads, median(times), *std::min_element(times.begin(), times.end()), static_cast<int>(times.size())};
}

struct Start {
  double first_step = 0, whole = 0;  // milliseconds from the start of the process
  double peak = 0;                   // MiB
};

// Runs the program on the sinusoid example for one step; the first event of progress tells when that step was done.
Start time_start(const std::string& metac) {
  int ends[2];
  if (pipe(ends) != 0) throw std::runtime_error("no pipe");
  const auto start = Clock::now();
  const pid_t child = fork();
  if (child == 0) {
    dup2(ends[1], STDOUT_FILENO);
    const std::string script = std::string(METAC_SOURCE_DIR) + "/examples/sinusoid_maml.meta";
    execl(metac.c_str(), metac.c_str(), "run", script.c_str(), "--set", "iterations=1", "--threads", "1", "--json",
          nullptr);
    _exit(127);
  }
  close(ends[1]);
  Start result;
  std::string text;
  char buffer[4096];
  for (ssize_t n; (n = read(ends[0], buffer, sizeof buffer)) > 0;) {
    text.append(buffer, static_cast<std::size_t>(n));
    if (result.first_step == 0 && text.find("\"progress\"") != std::string::npos)
      result.first_step = since(start) * 1e3;
  }
  close(ends[0]);
  int status = 0;
  rusage usage{};
  wait4(child, &status, 0, &usage);
  if (status != 0 || result.first_step == 0) throw std::runtime_error(metac + " did not run; build the target `metac`");
  result.whole = since(start) * 1e3;
  result.peak = static_cast<double>(usage.ru_maxrss) / 1024;
  return result;
}

Start median_start(const std::string& metac) {
  std::vector<double> first, whole, peak;
  for (int repetition = 0; repetition < 11; ++repetition) {
    const Start one = time_start(metac);
    first.push_back(one.first_step);
    whole.push_back(one.whole);
    peak.push_back(one.peak);
  }
  return {median(first), median(whole), median(peak)};
}

void print_json(const std::vector<Row>& rows, const Start& start) {
  fmt::print("{{\"instruction_set\": \"{}\", \"steps\": [", instruction_set());
  for (std::size_t i = 0; i < rows.size(); ++i)
    fmt::print(
        "{}{{\"name\": \"{}\", \"threads\": {}, \"median_ms\": {:.4f}, \"least_ms\": {:.4f}, \"repetitions\": {}}}",
        i == 0 ? "" : ", ", rows[i].name, rows[i].threads, rows[i].milliseconds, rows[i].least, rows[i].repetitions);
  fmt::print("], \"start\": {{\"first_step_ms\": {:.2f}, \"whole_ms\": {:.2f}, \"peak_mib\": {:.1f}}}}}\n",
             start.first_step, start.whole, start.peak);
}

void print_table(const std::vector<Row>& rows, const Start& start) {
  fmt::print("{:<44} {:>8} {:>12} {:>12} {:>12}\n", "step of second-order MAML", "threads", "median ms", "least ms",
             "repetitions");
  for (const auto& row : rows)
    fmt::print("{:<44} {:>8} {:>12.3f} {:>12.3f} {:>12}\n", row.name, row.threads, row.milliseconds, row.least,
               row.repetitions);
  fmt::print("\nmetac run examples/sinusoid_maml.meta --set iterations=1, medians of 11 processes ({} kernels)\n",
             instruction_set());
  fmt::print(
      "  to the end of the first step  {:>8.1f} ms\n  whole, with the evaluation    {:>8.1f} ms\n  peak memory         "
      "          {:>8.1f} MiB\n",
      start.first_step, start.whole, start.peak);
}

}  // namespace

int main(int argc, char** argv) {
  bool json = false;
  std::string metac = METAC_PROGRAM;
  for (int i = 1; i < argc; ++i) {
    if (std::strcmp(argv[i], "--json") == 0) json = true;
    if (std::strcmp(argv[i], "--metac") == 0 && i + 1 < argc) metac = argv[++i];
  }
  const Start start = median_start(metac);  // first, while this process has no threads
  Laboratory waves(R"(
let source = sinusoids(shots: 10, queries: 10)
let learner_here = maml(mlp([40, 40, 1], weights: truncated_normal(0.01)), loss: mse, inner_lr: 0.01)
let rule = adam(1e-3)
)");
  Laboratory images(R"(
let learner_here = maml(conv4(ways: 5), inner_lr: 0.4)
let rule = adam(1e-3)
)");
  const auto drawings = std::make_shared<const Drawings>(5, 1, 1);
  std::vector<Row> rows{time_step("sine waves, 25 tasks, 10 + 10 points", waves, waves.source("source"), 25, 1, 2)};
  for (const int threads : {1, 2})
    rows.push_back(time_step("images, 32 tasks, 5-way 1-shot, conv4-64", images, drawings, 32, threads, 8));
  json ? print_json(rows, start) : print_table(rows, start);
}
