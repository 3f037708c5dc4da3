// What the check of derivatives does in each training.
#pragma once

#include "driver/gradcheck.hpp"
#include "driver/training.hpp"

namespace metac::dsl {

class Gradcheck {
 public:
  explicit Gradcheck(const GradcheckOptions& options) : options_(options) {}
  TrainPlan shortened(const TrainPlan&) const;
  // Compares the derivatives of the learner in this state.
  void look(const Machine&, const TrainPlan&, const TrainState&);
  const std::vector<CheckedLearner>& found() const { return found_; }

 private:
  GradcheckOptions options_;
  std::vector<CheckedLearner> found_;
};

}  // namespace metac::dsl
