// What a run measured, as a table for other programs (RFC 4180).
#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "driver/driver.hpp"

namespace metac::dsl {

// Passes everything on to another observer, and keeps a line for each measurement, comparison and measure of a stream.
class TableObserver : public Observer {
 public:
  explicit TableObserver(Observer& next) : next_(next) {}
  void experiment_started(const std::string& name) override;
  void train_progress(const TrainProgress&) override;
  void evaluated(const EvaluationResult&) override;
  void compared(const std::vector<Comparison>&) override;
  void stream_measured(const StreamResult&) override;
  void seed_started(std::uint64_t seed) override;
  void seeds_done(const std::vector<SeedSummary>&) override;
  void printed(const std::string& line) override;
  void trained(const std::string& learner, const TrainState&, double seconds, const std::string& selected) override;
  void profiled(const Profile&) override;

  // Atomically; Error if it cannot be written.
  void write(const std::filesystem::path&) const;

 private:
  struct Line;
  void add(const Line&);

  Observer& next_;
  std::string experiment_, seed_, lines_;
};

}  // namespace metac::dsl
