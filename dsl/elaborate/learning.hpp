// The three procedures of learning, each as one program for the engine: the first state, one step of training, and the
// measuring of a batch of tasks. What a run has to remember between steps is a Value with arrays as leaves.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "elaborate/elaborator.hpp"
#include "transform/transform.hpp"

namespace metac::dsl {

// A graph under construction with the inputs that every procedure has. Inputs of a program, in this order: the leaves
// of its trees of state, then the key (i32[2]), the step or first task (i32), the progress (float, 0 to 1), then the
// arrays of the tasks. Those that a procedure does not need are accepted and ignored.
struct Procedure {
  Program program;
  std::size_t state_leaves = 0;
};

// A tree that a procedure computes: its outputs are the leaves of `form`, which has arrays of zeros.
struct Computed {
  Procedure procedure;
  Value form;
};

// The state of a learner before any training: `learn` and `memory`, drawn from the key. Arrays: those of one task (of
// this form, without the axis of tasks), or of a batch of one example.
Computed first_state(Elaborator&, const Learner&, const Source&, const Form&);
Form example_form(const Source&);  // the usual one

// The state after `on start` or `on end`. Arrays: those of `data`, which is all rows of a batch source; nothing for
// tasks.
Computed event(Elaborator&, const Learner&, const Value& state, const Source&, const std::string& name);

// The memory of an optimizer before its first step, for weights of the form of `state`.
Computed first_memory(Elaborator&, const Learner&, const Value& state, const OptimizerRule&);

// What a source of tasks remembers before the first step: an empty record for most, and for batches.
Computed first_source_memory(Elaborator&, const Source&);

// One step on an item of this form: `batch` tasks, or one batch of examples. Inputs: the leaves of `state`, of `memory`
// and of what the source remembers; outputs: the same after the step, then the losses: of each task, f32 or f64
// [tasks], or of the batch, [1].
struct TrainStep {
  Procedure procedure;
  std::string loss_name;  // "loss", or "direction" (its squared norm) for a learner without objective
};
TrainStep train_step(Elaborator&, const Learner&, const Value& state, const Value& memory, const Value& source_memory,
                     const OptimizerRule&, const Source&, const Form&, std::int64_t batch, Span);

// Predictions and their metrics. One sweep point for each combination of the arguments of `with`.
struct SweepPoint {
  std::vector<Elaborator::Argument> arguments;
  std::string text;  // "updates: 3", or empty
};
struct Metric {
  std::string name;
  Value function;
  std::string warning;  // of a gain: what to say where it is negative
  bool gain = false;    // what counts is the difference to the last learner of a list
  // The name of a function of the learner, in place of `function`: it is called with the whole task or batch, and with
  // those arguments of the sweep that it takes.
  std::string own = {};
};
// The definition of a learner's function of this name, its base's where it has none itself; null if there is none.
const Definition* function_of(const Learner&, std::string_view name);
// Outputs: for each sweep point and metric (metrics fastest) the values of the tasks, [tasks], or of the examples of a
// batch, [rows]: a metric is then applied to each example by itself.
struct Evaluation {
  Procedure procedure;
  std::set<std::string> statistics;  // that models declared
};
Evaluation evaluation(Elaborator&, const Learner&, const Value& state, const Source&, const Form&, std::int64_t count,
                      const std::vector<SweepPoint>&, const std::vector<Metric>&, Span);

// The name, in the library, of what is measured where nothing else is said: of whole-number labels, or of targets.
std::string default_metric(Elaborator&, const Source&);

}  // namespace metac::dsl
