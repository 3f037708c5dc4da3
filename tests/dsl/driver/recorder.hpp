// An observer that keeps what happened, and can stop a run when its training is done.
#pragma once

#include <boost/test/unit_test.hpp>
#include <fstream>
#include <sstream>

#include "driver/driver.hpp"

namespace metac::dsl::testing {

class Recorder : public Observer {
 public:
  explicit Recorder(bool stop_when_trained = false) : stop_when_trained_(stop_when_trained) {}
  void train_progress(const TrainProgress& progress) override { last = progress; }
  void evaluated(const EvaluationResult& result) override { results.push_back(result); }
  void compared(const std::vector<Comparison>& pairs) override {
    comparisons.insert(comparisons.end(), pairs.begin(), pairs.end());
  }
  void stream_measured(const StreamResult& stream) override { streams.push_back(stream); }
  void seeds_done(const std::vector<SeedSummary>& all) override { summaries = all; }
  void profiled(const Profile& profile) override { profiles.push_back(profile); }
  void printed(const std::string& line) override { lines.push_back(line); }
  void trained(const std::string&, const TrainState& state, double, const std::string&) override {
    states.push_back(state.copy());
    stop = stop_when_trained_;
  }

  TrainProgress last;
  std::vector<TrainState> states;
  std::vector<EvaluationResult> results;
  std::vector<Comparison> comparisons;
  std::vector<StreamResult> streams;
  std::vector<SeedSummary> summaries;
  std::vector<Profile> profiles;
  std::vector<std::string> lines;
  std::atomic<bool> stop{false};

 private:
  bool stop_when_trained_;
};

// Runs a script; its mistakes fail the test.
inline void run_script(const std::string& text, Options options, Recorder& recorder) {
  Report report;
  const Script script = Script::from_text("test.meta", text, report);
  options.stop = &recorder.stop;
  const Outcome outcome = script.valid() ? run(script, options, recorder, report) : Outcome::wrong_script;
  for (const auto& diagnostic : report.all()) BOOST_TEST_ERROR(render(diagnostic, script.sources(), false));
  BOOST_TEST((outcome == (recorder.stop ? Outcome::interrupted : Outcome::done)));
}

// The numbers of each line that a script prints; lines without any are left out.
inline std::vector<std::vector<double>> printed_numbers(const std::string& script, const Options& options = {}) {
  Recorder recorder;
  run_script(script, options, recorder);
  std::vector<std::vector<double>> lines;
  for (std::string line : recorder.lines) {
    for (char& c : line)
      if (c == '[' || c == ']' || c == ',') c = ' ';
    std::istringstream words(line);
    std::vector<double> numbers;
    for (double number = 0; words >> number;) numbers.push_back(number);
    if (!numbers.empty()) lines.push_back(std::move(numbers));
  }
  return lines;
}

// The first mistake that a script is stopped for; one without a code if it runs.
inline Diagnostic first_mistake(const std::string& text) {
  Report report;
  Recorder recorder;
  const Script script = Script::from_text("test.meta", text, report);
  if (script.valid()) run(script, {}, recorder, report);
  return report.all().empty() ? Diagnostic{} : report.all().front();
}

inline std::string example(const std::string& name) {
  std::ifstream file(std::string(METAC_SOURCE_DIR) + "/examples/" + name);
  std::ostringstream text;
  text << file.rdbuf();
  BOOST_TEST_REQUIRE(!text.str().empty());
  return text.str();
}

}  // namespace metac::dsl::testing
