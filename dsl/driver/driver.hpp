// The one front end: source in, a checked program and diagnostics out, and experiments that run and tell an Observer
// what happens. No globals, no printing.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "check/check.hpp"
#include "driver/outcome.hpp"
#include "driver/state.hpp"
#include "driver/statistics.hpp"
#include "plan/plan.hpp"
#include "transform/transform.hpp"

namespace metac::dsl {

struct GradientGraph;

struct Options {
  std::uint64_t seed = 0;
  int threads = 1;
  std::string data;                             // the data directory; empty: METAC_DATA
  std::vector<std::string> experiments;         // which to run; empty: all
  std::map<std::string, std::string> settings;  // --set name=value; the value is an expression
  Dtype real = Dtype::f32;                      // the working type; f64 is for checking, and slow
  const std::atomic<bool>* stop = nullptr;      // set from outside to stop after the step at hand
  std::string out;                              // the folder of the run: its checkpoints; empty: none are kept
  bool resume = false;                          // go on with the run in that folder
  double checkpoint_seconds = 60;               // between two checkpoints of a training
  bool profile = false;                         // time the kernels of each training; costs some 50 ns a call
  // Bytes that arrays may take; 0: no limit is checked beforehand. Where it needs that, a run takes `threads` and the
  // two options below lower than they are given, and says so (W0501); Outcome::failed where that is not enough (E0504).
  std::size_t memory = 0;
  std::int64_t tasks_at_once = 50;  // of an evaluation: takes memory; results do not depend on it
  double kept = 1;  // of what programs keep, the share that is not made again; sums may be rounded otherwise
  // Called by `check` with each program that a training or an evaluation would run, and what it is.
  std::function<void(const std::string& what, const Program&)> inspect;
  // The same with what each training differentiates on one item.
  std::function<void(const std::string& what, const GradientGraph&)> inspect_gradient;
};

struct TrainProgress {
  std::string learner, source;
  std::int64_t step = 0, steps = 0;
  std::string loss_name;
  double loss = 0;       // mean over the tasks of the steps since the last report
  double rate = 0;       // steps a second
  double remaining = 0;  // seconds
  bool last = false;
};

// Where the time of a training went.
struct Profile {
  std::string learner;
  std::int64_t steps = 0;  // of this process: a training that goes on has more
  int threads = 1;
  double seconds = 0;               // of the training, validations included
  double running = 0;               // of them, in its steps; the rest draws data, reports, validates, keeps checkpoints
  std::vector<KernelTime> kernels;  // the longest first
};

struct Measurement {
  std::string point;  // "updates: 3"; empty if nothing was given
  std::string metric;
  std::vector<double> values;  // of each task
  Summary summary;             // of the values
  std::string protocol;        // how it was measured, as eight digits: numbers compare only where these are the same
};
// Whose statistics the predictions were made with, as models declare: "batch", "support", "running".
using Statistics = std::set<std::string>;
// Whether the prediction of one example depended on the others beside it.
inline bool transductive(const Statistics& used) { return used.contains("batch"); }

// Examples that are measured on and are, byte for byte, also among what the learner was trained or validated on.
struct Duplicates {
  std::int64_t count = 0, of = 0;
  std::string measured, seen;  // the names of the two data sets
};

struct EvaluationResult {
  std::string learner, source;
  std::int64_t count = 0;
  std::string unit;  // what was counted: "tasks" or "examples"
  Statistics statistics;
  std::string selection;    // what `select` of the learner's training kept: "best"; empty: it was not validated
  bool untrained = false;   // the learner, and what it wraps, is as it was made: nothing trained, loaded or given
  bool validation = false;  // measured in the middle of a training
  std::int64_t step = 0;    // of a validation: after which step
  std::vector<Duplicates> duplicates;
  std::vector<Measurement> rows;
};

// Two learners on the same tasks or examples: what the first has more than the second, item by item.
struct Comparison {
  std::string first, second;
  std::string point, metric;
  Summary difference;
  std::string protocol;  // of both
  std::string refused;   // why they cannot be compared; empty: they can
  std::string warning;   // of a gain that is negative
};

// A learner along a stream of tasks. Row i of the matrix is measured after the training on task i.
struct StreamResult {
  std::string learner, metric;
  std::vector<std::string> tasks;
  std::vector<std::vector<double>> matrix;
  std::vector<double> untrained;  // the same before any training, if that was measured
  std::vector<double> now;        // of a learner that was trained, measured without `after`: then there is no matrix
  Statistics statistics;
  std::string selection, protocol;  // as of the last row
  std::vector<Duplicates> duplicates;
  bool complete() const { return matrix.size() == tasks.size(); }
  const std::vector<double>& latest() const { return !matrix.empty() ? matrix.back() : now.empty() ? untrained : now; }
  std::string when() const;  // that was: "after split 2", "now", "untrained"
  // Lopez-Paz and Ranzato 2017: R[i][j] is the value on task j after task i of T.
  double average() const;            // of the last row
  double backward_transfer() const;  // mean over j < T of R[T][j] - R[j][j]
  double forward_transfer() const;   // mean over j > 1 of R[j-1][j] - untrained[j]
  // Chaudhry et al. 2018: mean over j < T of (the best R[i][j] with j <= i < T) - R[T][j].
  double forgetting() const;
};

// A number of each seed of an experiment.
struct SeedSummary {
  std::string what;    // "learner on source, updates: 3"
  std::string metric;  // "accuracy"
  Summary over_seeds;
  bool difference = false;  // of two values of the metric
  std::string protocol;
};

// What happens while experiments run. Calls come from the thread that called `run`.
class Observer {
 public:
  virtual ~Observer() = default;
  virtual void experiment_started(const std::string& name) { (void)name; }
  virtual void train_progress(const TrainProgress&) {}
  virtual void evaluated(const EvaluationResult&) {}
  virtual void printed(const std::string& line) { (void)line; }
  virtual void compared(const std::vector<Comparison>&) {}
  virtual void stream_measured(const StreamResult&) {}
  virtual void seed_started(std::uint64_t seed) { (void)seed; }
  virtual void seeds_done(const std::vector<SeedSummary>&) {}
  // `selected` says which state was kept, if not the last.
  virtual void trained(const std::string& learner, const TrainState&, double seconds, const std::string& selected) {
    (void)learner, (void)seconds, (void)selected;
  }
  virtual void profiled(const Profile&) {}
};

// A script and all that is known of it without running it.
class Script {
 public:
  // Reads, parses and checks. Mistakes are in the report.
  static Script load(const std::string& path, Report&);
  // `load` reads the files that it uses; without one, they are those on the disk.
  static Script from_text(const std::string& name, const std::string& text, Report&, ModuleLoader load = nullptr);
  const Sources& sources() const { return *sources_; }
  bool valid() const { return program_ != nullptr; }
  const std::shared_ptr<const CheckedProgram>& program() const { return program_; }

 private:
  std::shared_ptr<Sources> sources_;
  std::shared_ptr<const CheckedProgram> program_;
};

// By which derivatives the objective of a training reaches what is learned. A path has the places that it goes through,
// from the objective on; its order is one more than the derivatives of the script that stand on it, one inside the
// other.
struct ObjectiveFlow {
  struct Path {
    int order = 1;
    std::vector<Span> places;
    bool operator==(const Path&) const = default;
  };
  struct Learned {
    std::string name;  // "theta.linear1.weight"
    std::vector<Path> paths;
    bool operator==(const Learned&) const = default;
  };
  std::string learner;
  std::vector<Learned> learned;
  bool operator==(const ObjectiveFlow&) const = default;
};

// What a training costs.
struct TrainingCost {
  std::string learner, source;
  std::int64_t steps = 0;
  std::vector<std::pair<std::string, std::int64_t>> parameters;  // by layer, those that learn: "theta.linear1", 80
  double operations = 0, bytes = 0;                              // of a step: see engine/plan/cost.hpp
};
struct Costs {
  std::vector<TrainingCost> trainings;
  std::size_t peak_memory = 0;  // bytes of arrays and working memory at once
  Span place;                   // what needs them
  std::size_t held = 0;         // while a rehearsal goes on: of programs that a run keeps at this moment
};

// What the names of a script were bound to, in words ("a tensor f32[10, 1]"), by the file and the first byte of the
// name: each description once, at most three.
using BoundValues = std::map<std::pair<std::uint32_t, std::uint32_t>, std::vector<std::string>>;

// Elaborates every experiment without running it: shapes, kinds, files, derivatives, and the memory that it needs,
// where the options limit it. `flows`: of each objective, and `costs` and `values`, if they are wanted.
Outcome check(const Script&, const Options&, Report&, std::vector<ObjectiveFlow>* flows = nullptr,
              Costs* costs = nullptr, BoundValues* values = nullptr);
// Checks, then runs.
Outcome run(const Script&, const Options&, Observer&, Report&);

}  // namespace metac::dsl
