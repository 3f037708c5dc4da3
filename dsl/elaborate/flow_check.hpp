// What the flow of derivatives of an objective must be, as mistakes with places.
#pragma once

#include "elaborate/elaborator.hpp"

namespace metac::dsl {

// For a while the elaborator notes the terms of an objective, of its wrapped ones too, and its derivatives.
class Noting {
 public:
  Noting(Elaborator&, FlowLog&, const Learner&);
  ~Noting() { elaborator_.flow = before_; }
  Noting(const Noting&) = delete;

 private:
  Elaborator& elaborator_;
  FlowLog* before_;
};

// An objective as it was elaborated.
struct Elaborated {
  const FlowLog& log;
  Tensor loss;
  std::vector<Tensor> variables;  // of what is learned, in the order of the leaves of `weights`
  Value item;                     // that it was asked of
};

// Failure where something learned is reached by no derivative, or by one that is 0 whatever the numbers are; where a
// term of the objective is such; where a derivative that is taken inside changes nothing, or is cut off on its way to
// the objective by what has no derivative. `gradients` are those of the loss, empty where none arrives.
void check_flow(Elaborator&, const Learner&, const Value& weights, const Elaborated&,
                const std::vector<Tensor>& gradients, Span objective);

}  // namespace metac::dsl
