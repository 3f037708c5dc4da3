// Everything that a training run needs to go on, as one value: it can be listed, copied and compared, so a checkpoint
// of it is complete by construction.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "data/random.hpp"
#include "elaborate/value.hpp"

namespace metac::dsl {

using NamedArrays = std::vector<std::pair<std::string, Array>>;

struct TrainState {
  Value learner;          // a field for each `learn` and `memory`, with arrays as leaves
  Value optimizer;        // the optimizer's memory, likewise
  Value source;           // what the source of tasks remembers, likewise
  data::Key key;          // of all draws of this training; the sampler's position is the key and the step
  std::int64_t step = 0;  // steps done
  Value best;             // the learner that was best in validation; none if that is not asked for
  Value best_optimizer;   // and the optimizer's memory then
  double best_value = 0;  // what validation said of it
  std::int64_t best_step = 0;

  // Every part with its name: "learner.theta.linear1.weight", "optimizer.first...", "source...", "key", "step".
  NamedArrays list() const;
  // The same parts into a state of this form. Error, naming `from` and what differs, if they are of another form.
  void take(const NamedArrays&, const std::string& from);
  TrainState copy() const;  // shares no memory
};

// The name of the first part that differs in type or bits; empty if there is none.
std::string difference(const TrainState&, const TrainState&);

// The same tree of types: its arrays have no memory.
Value without_values(const Value& tree);

// A tree with every array cloned.
Value cloned(const Value& tree);

// A tree with its f32 arrays in this working type, so that what was kept in single precision can be gone on with in
// double. What is f64 stays so.
Value widened(const Value& tree, Dtype real);

// The leaves of a tree as "name.path", and a tree of the same form with its leaves taken from there: Error, naming
// `from` and the leaves that differ, where one is missing, too many, or of another type. Both share the arrays' memory.
NamedArrays parts_of(const std::string& name, const Value& tree);
Value taken(const Value& form, const std::string& name, const NamedArrays&, const std::string& from);
// The leaves that differ, in words; empty where `taken` would take them.
std::string misfit(const Value& form, const std::string& name, const NamedArrays&);

// The array of this name; null if there is none.
const Array* find(const NamedArrays&, const std::string& name);

// An array that grew has its old values at the beginning of each axis, none of which is shorter.
bool fits_first(const Array& old, const Array& grown);  // by type and shape
bool is_first(const Array& old, const Array& grown);    // also by its bits; where it fits
void put_first(const Array& old, Array& grown);         // where it fits

}  // namespace metac::dsl
