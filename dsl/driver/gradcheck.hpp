// The check of derivatives: each training of the experiments is begun for real, in double precision, and what its
// learner differentiates is compared with finite differences on sampled tasks.
#pragma once

#include <optional>

#include "driver/differences.hpp"
#include "driver/driver.hpp"

namespace metac::dsl {

struct GradcheckOptions {
  int order = 2;       // the highest: 1 is the gradient, 2 its derivative along a direction
  int directions = 5;  // random ones, for each task
  int tasks = 2;       // or batches of examples
  int steps = 3;       // of each training before its derivatives are looked at
  double tolerance = 1e-5;
  bool strict = false;  // what `stop_gradient` leaves out of a derivative is wrong, too
};

// One derivative of a learner, over all tasks and directions.
struct CheckedDerivative {
  std::string what;  // "objective", "direction", a term of the objective, or a derivative inside, as they are written
  Span span;
  int order = 1;
  // The worst that was found aside from kinks, and the largest relative difference of that kind; kinks, where there is
  // nothing else.
  Agreement agreement = Agreement::kink;
  double difference = 0;
  int compared = 0, kinks = 0;         // directions, on all items
  Span stop;                           // the `stop_gradient` that it is right for
  std::vector<std::string> variables;  // with respect to which it is wrong, where that is known
};

struct CheckedLearner {
  std::string learner, source;
  int sources = 1;           // that it was trained on there: tasks of a stream
  Span made, trained;        // where the learner is made, and where it is trained
  std::int64_t numbers = 0;  // how many it learns
  int items = 0;             // tasks or batches of examples
  bool of_tasks = false;
  std::vector<CheckedDerivative> derivatives;
  // Cosines of the mean directions over the items, where there is such a thing; NaN where one of both is 0.
  std::optional<double> first_order;  // the gradient, and what is left of it without derivatives of derivatives
  std::optional<double> stopped;      // the gradient as written, and the one where `stop_gradient` stops nothing
  std::optional<double> direction;    // the gradient of the objective, and `direction` of a learner that has both
};

bool is_mistake(const CheckedDerivative&, bool strict);

// Looks at every training of the experiments that the options choose; what is learned begins as the seed says.
// Trainings at one place of one learner, such as the turns of a loop, are told together.
Outcome gradcheck(const Script&, const Options&, const GradcheckOptions&, Report&, std::vector<CheckedLearner>&);

}  // namespace metac::dsl
