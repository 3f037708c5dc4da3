// What a learner is trained and measured on: a distribution of tasks. The arrays of a task come from the host (episodes
// of a data set) or are drawn inside the graph (a `tasks` definition); a source says which, and builds the task from
// them.
#pragma once

#include <string>
#include <vector>

#include "base/array.hpp"
#include "data/random.hpp"
#include "elaborate/value.hpp"

namespace metac::dsl {

class TaskSource {
 public:
  virtual ~TaskSource() = default;
  virtual std::string describe() const = 0;  // "sinusoids(shots: 5)", "5-way 1-shot episodes of omniglot test"

  // The host arrays of one task, and those of the tasks first, first + 1, ... (one more axis in front): pure functions
  // of the key and the index of a task.
  virtual std::vector<Type> array_types() const { return {}; }
  virtual std::vector<Array> sample(data::Key, std::int64_t first, std::int64_t count) const {
    (void)first, (void)count;
    return {};
  }

  // The task as a record with `support` and `query`, in the elaborator's current graph, from the arrays of one task.
  // Draws use the elaborator's current key.
  virtual Value build(Elaborator&, std::span<const Tensor> arrays) const = 0;
};

}  // namespace metac::dsl
