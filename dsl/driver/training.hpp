// One `train`: from its options to steps, and what the learner is afterwards.
#pragma once

#include "driver/measuring.hpp"
#include "driver/state.hpp"

namespace metac::dsl {

class Journal;

// What stands in a `train`, understood.
struct TrainPlan {
  std::string name;  // what `train` rebinds
  std::shared_ptr<const Learner> learner;
  SourcePtr source;
  std::int64_t iterations = 0, batch = 1;
  OptimizerRule optimizer;
  bool goes_on = false;  // with the optimizer's memory of the learner's last training
  std::optional<Measuring> validation;
  std::int64_t every = 0;           // steps between validations
  std::string select;               // which state is kept: "best", "highest", "lowest" or "last"; empty: no validation
  bool select_best = false;         // what was best in validation by its first metric, else the last
  bool highest = true;              // whether a high value is best
  bool overlap_intended = false;    // of what is learned from and what is measured on
  std::vector<Exposure> exposures;  // what the learner sees in it
  Span span;
};
TrainPlan train_plan(Elaborator&, const WorkExpr&, const ScopePtr&, Span);

// Runs it, or rehearses it. `key` is that of the experiment. With a journal, a training that it knows goes on where it
// was, and what is done is written to it.
std::shared_ptr<const Learner> train(const Machine&, const TrainPlan&, data::Key key, Journal* journal);

}  // namespace metac::dsl
