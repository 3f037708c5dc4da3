// One pass over the experiments of a script: either the rehearsal, which elaborates everything and runs nothing, or the
// performance. Both are the same code, so what the rehearsal accepts does not fail later for a name or a shape.
#pragma once

#include <chrono>

#include "driver/driver.hpp"
#include "elaborate/learning.hpp"
#include "plan/plan.hpp"

namespace metac::dsl {

struct Interrupted {};

struct RunFailure {  // it failed while running; not the script's form
  Diagnostic diagnostic;
};

// The options of a `train` or `evaluate`, each taken once; what is left over is an error.
class WorkOptions {
 public:
  WorkOptions(Elaborator&, const WorkExpr&, ScopePtr, Span);
  ExprPtr expression(const char* name);  // null if not given
  std::optional<Value> value(const char* name);
  std::int64_t count(const char* name, std::optional<std::int64_t> otherwise);  // at least 1
  void finish() const;
  Span span(const char* name) const;

 private:
  Elaborator& self_;
  const WorkExpr& work_;
  ScopePtr scope_;
  Span span_;
  std::vector<std::string> taken_;
};

class Session {
 public:
  Session(Elaborator& self, const Options& options, Observer& observer, bool rehearsal);
  void run(const Definition& experiment, const std::map<std::string, Value>& settings);

 private:
  using Clock = std::chrono::steady_clock;
  struct Plan {  // how to measure
    SourcePtr source;
    std::int64_t tasks = 0;
    std::vector<SweepPoint> sweep;
    std::vector<Metric> metrics;
    Span span;
  };

  Value work(const WorkExpr&, const ScopePtr&, Span);
  Value train(const WorkExpr&, const ScopePtr&, Span);
  Value evaluate(const WorkExpr&, const ScopePtr&, Span);
  SourcePtr source(const Value&, Span);
  Plan plan(const SourcePtr&, std::int64_t tasks, const std::optional<Value>& with, Span with_span,
            const std::optional<Value>& metrics, Span metrics_span, Span span);
  EvaluationResult measure(const Learner&, const Plan&, data::Key);
  Value initial(const Learner&, const SourcePtr&, data::Key);
  Value memory(const Learner&, const Value& state, const OptimizerMaker&, data::Key);
  Value computed(const FirstState&, std::vector<Array> inputs);
  std::vector<Array> inputs(const Value& state, const Value& memory, data::Key, std::int64_t step, double progress,
                            std::vector<Array> arrays);
  void run_steps(const TrainStep&, TrainState&, const SourcePtr&, const Learner&, std::int64_t iterations,
                 std::int64_t batch, const std::function<void(std::int64_t)>& validate, Span);
  void check_finite(const TrainState&, const Array& losses, const std::string& loss_name, Span) const;
  data::Key next_key(std::uint32_t purpose);
  void stop_if_asked() const;

  Elaborator& self_;
  const Options& options_;
  Observer& observer_;
  bool rehearsal_;
  data::Key key_;
  std::uint32_t works_ = 0;  // how many trainings and evaluations there were: each has a key of its own
};

}  // namespace metac::dsl
