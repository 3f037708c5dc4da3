// Everything that a training run needs to go on, as one value: it can be listed, copied and compared, so a checkpoint
// of it is complete by construction.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "data/random.hpp"
#include "elaborate/value.hpp"

namespace metac::dsl {

struct TrainState {
  Value learner;          // a field for each `learn` and `memory`, with arrays as leaves
  Value optimizer;        // the optimizer's memory, likewise
  data::Key key;          // of all draws of this training; the sampler's position is the key and the step
  std::int64_t step = 0;  // steps done

  // Every part with its name: "learner.theta.linear1.weight", "optimizer.first...", "key", "step".
  std::vector<std::pair<std::string, Array>> list() const;
  TrainState copy() const;  // shares no memory
};

// The name of the first part that differs in type or bits; empty if there is none.
std::string difference(const TrainState&, const TrainState&);

// A tree with every array cloned.
Value cloned(const Value& tree);

}  // namespace metac::dsl
