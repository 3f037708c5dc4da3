// What a learner is trained and measured on. One step draws an item: from a task source several tasks, on each of which
// the learner's functions are called; from data sets one batch of examples, and one call. The arrays of an item come
// from the host (rows of data sets) or are drawn inside the graph (a `tasks` definition); a source says which, and
// builds the item from them.
#pragma once

#include <string>
#include <vector>

#include "base/array.hpp"
#include "data/random.hpp"
#include "elaborate/value.hpp"

namespace metac::dsl {

// The types of the host arrays of one item, in order. Items of another form need another program.
using Form = std::vector<Type>;

class Fingerprint;

class Source {
 public:
  virtual ~Source() = default;
  virtual std::string describe() const = 0;  // "sinusoids(shots: 5)", "5-way 1-shot episodes of omniglot test"

  // What decides which items are drawn, besides a key.
  virtual void identify(Fingerprint&) const = 0;

  // Whether a step draws `batch` tasks, whose arrays lie along a further first axis; else one batch of examples.
  virtual bool gives_tasks() const = 0;

  // All forms that the arrays of a step may have, the usual one first.
  virtual std::vector<Form> forms(std::int64_t batch) const = 0;
  // The arrays of a step: a pure function of the key of the training and the number of the step.
  virtual std::vector<Array> draw(data::Key training, std::int64_t step, std::int64_t batch) const = 0;

  // The item as a record, in the elaborator's current graph: a task, with `support` and `query`, from its own arrays
  // (without the axis of tasks); or a batch, with `x` and `y`. Draws use the elaborator's current key.
  virtual Value build(Elaborator&, std::span<const Tensor> arrays) const = 0;
};

// The key of all draws in one step.
inline data::Key step_key(data::Key training, std::int64_t step) {
  return data::fold_in_wide(training, static_cast<std::uint64_t>(step));
}

// What each source with `on step` bound while it drew a task.
using Bound = std::vector<std::pair<const Source*, Value>>;
struct DrawnTask {
  Value task;
  Bound bound;
};

// A distribution of tasks.
class TaskSource : public Source {
 public:
  // The forms that the arrays of one task may have, the usual one first.
  virtual std::vector<Form> task_forms() const { return {{}}; }
  // The arrays of the tasks first, first + 1, ... in one of these forms, with one more axis in front: pure functions of
  // the key and the index of a task.
  virtual std::vector<Array> arrays(data::Key, std::size_t form, std::int64_t first, std::int64_t count) const {
    (void)form, (void)first, (void)count;
    return {};
  }
  // The same in a form that is drawn from (key, first).
  std::vector<Array> sample(data::Key, std::int64_t first, std::int64_t count) const;

  // One task inside of the body of another source, which is being elaborated: its arrays come from the TaskDraws of the
  // context. `self` is this source.
  virtual Value drawn_inside(Elaborator&, const SourcePtr& self, Span) const;

  // What it remembers while a learner is trained, and the sources that it draws from: a record of trees, empty for
  // most. As it is before the first step, and wherever nothing is trained; elaborated in the current context.
  virtual Value first_memory(Elaborator&) const { return Value::record({}); }
  // As `build`, with this memory.
  virtual DrawnTask task(Elaborator& elaborator, std::span<const Tensor> arrays, const Value& memory) const {
    (void)memory;
    return {build(elaborator, arrays), {}};
  }
  // Whether it, or a source that it draws from, changes its memory after a step.
  virtual bool has_event() const { return false; }
  // The memory after a step on several tasks. `bound`: of all tasks, along a first axis; `loss`: of each task, [tasks];
  // `gain`: by how much the update of the learner made that smaller.
  virtual Value after_step(Elaborator&, const Value& memory, const Bound& bound, Tensor loss, Tensor gain) const {
    (void)bound, (void)loss, (void)gain;
    return memory;
  }

  bool gives_tasks() const final { return true; }
  std::vector<Form> forms(std::int64_t batch) const final;
  std::vector<Array> draw(data::Key training, std::int64_t step, std::int64_t batch) const final {
    return sample(step_key(training, step), 0, batch);
  }
};

// Examples of data sets in batches: epochs of shuffled rows, of which the last batch may be short.
class BatchSource : public Source {
 public:
  virtual std::int64_t steps_per_epoch(std::int64_t batch) const = 0;
  // For measuring and for events: rows in the order they are stored.
  virtual std::int64_t size() const = 0;
  virtual Form form(std::int64_t rows) const = 0;  // of that many rows of each data set, at most all
  virtual std::vector<Array> rows(std::int64_t first, std::int64_t count) const = 0;

  bool gives_tasks() const final { return false; }
};

}  // namespace metac::dsl
