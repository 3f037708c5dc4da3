// One line for each number; fields with commas or quotes stand in quotes.
#include "cli/table.hpp"

#include <fmt/format.h>

#include <cmath>

#include "store/atomic_file.hpp"

namespace metac::dsl {
namespace {

std::string field(const std::string& text) {
  if (text.find_first_of(",\"\n\r") == std::string::npos) return text;
  std::string quoted = "\"";
  for (const char c : text) quoted += c == '"' ? "\"\"" : std::string(1, c);
  return quoted + "\"";
}

std::string number(double value) { return std::isfinite(value) ? fmt::format("{}", value) : ""; }

}  // namespace

struct TableObserver::Line {
  std::string kind, learner, on, with, metric;
  double mean = 0;
  const Summary* summary = nullptr;  // null: the number is no mean of values
  Statistics statistics;
  std::string selection, protocol;
};

void TableObserver::add(const Line& line) {
  const Summary* s = line.summary;
  lines_ += fmt::format("{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{}\n", field(experiment_), seed_, line.kind,
                        field(line.learner), field(line.on), field(line.with), field(line.metric), number(line.mean),
                        s != nullptr ? number(s->interval) : "", s != nullptr ? number(s->median) : "",
                        s != nullptr ? number(s->trimmed_mean) : "", s != nullptr ? fmt::format("{}", s->count) : "",
                        transductive(line.statistics) ? "T" : "", fmt::join(line.statistics, " "), line.selection,
                        line.protocol);
}

void TableObserver::experiment_started(const std::string& name) {
  experiment_ = name;
  seed_.clear();
  next_.experiment_started(name);
}
void TableObserver::seed_started(std::uint64_t seed) {
  seed_ = fmt::format("{}", seed);
  next_.seed_started(seed);
}
void TableObserver::train_progress(const TrainProgress& progress) { next_.train_progress(progress); }
void TableObserver::printed(const std::string& line) { next_.printed(line); }
void TableObserver::trained(const std::string& learner, const TrainState& state, double seconds,
                            const std::string& selected) {
  next_.trained(learner, state, seconds, selected);
}
void TableObserver::profiled(const Profile& profile) { next_.profiled(profile); }
void TableObserver::seeds_done(const std::vector<SeedSummary>& summaries) {
  seed_.clear();
  for (const auto& s : summaries)
    add({"over seeds", s.what, "", "", s.metric, s.over_seeds.mean, &s.over_seeds, {}, "", s.protocol});
  next_.seeds_done(summaries);
}
void TableObserver::evaluated(const EvaluationResult& result) {
  for (const auto& row : result.rows)
    add({result.validation ? fmt::format("validation after step {}", result.step) : "evaluation", result.learner,
         result.source, row.point, row.metric, row.summary.mean, &row.summary, result.statistics, result.selection,
         row.protocol});
  next_.evaluated(result);
}
void TableObserver::compared(const std::vector<Comparison>& pairs) {
  for (const auto& pair : pairs)
    if (pair.refused.empty())
      add({"difference in pairs",
           fmt::format("{} - {}", pair.first, pair.second),
           "",
           pair.point,
           pair.metric,
           pair.difference.mean,
           &pair.difference,
           {},
           "",
           pair.protocol});
  next_.compared(pairs);
}
void TableObserver::stream_measured(const StreamResult& result) {
  const auto measure = [&](const std::string& kind, const std::string& on, double value) {
    add({kind, result.learner, on, "", result.metric, value, nullptr, result.statistics, result.selection,
         result.protocol});
  };
  for (std::size_t task = 0; task < result.latest().size(); ++task)
    measure(result.when(), result.tasks[task], result.latest()[task]);
  if (result.complete()) {
    measure("average", "stream", result.average());
    measure("backward transfer", "stream", result.backward_transfer());
    measure("forgetting", "stream", result.forgetting());
    if (!result.untrained.empty()) measure("forward transfer", "stream", result.forward_transfer());
  }
  next_.stream_measured(result);
}

void TableObserver::write(const std::filesystem::path& path) const {
  store::write_atomically(path,
                          "experiment,seed,kind,learner,on,with,metric,mean,interval95,median,trimmed_mean,count,"
                          "transductive,statistics,selection,protocol\n" +
                              lines_);
}

}  // namespace metac::dsl
