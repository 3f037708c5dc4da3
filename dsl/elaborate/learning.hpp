// The three procedures of learning, each as one program for the engine: the first state, one step of training, and the
// measuring of a batch of tasks. What a run has to remember between steps is a Value with arrays as leaves.
#pragma once

#include <optional>
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

// The state of a learner before any training: `learn` and `memory`, drawn from the key.
struct FirstState {
  Procedure procedure;  // outputs: the leaves of `form`
  Value form;           // with arrays as leaves, of zeros
};
FirstState first_state(Elaborator&, const Learner&, const TaskSource&);

// What `optimizer:` says, for the step at hand: it may mention `progress` and `step`.
using OptimizerMaker = std::function<std::shared_ptr<const Optimizer>(const ScopePtr&)>;

// The memory of an optimizer before its first step, for weights of the form of `state`.
FirstState first_memory(Elaborator&, const Learner&, const Value& state, const OptimizerMaker&);

// One step on `batch` tasks. Inputs: the leaves of `state` and `memory`; outputs: the same after the step, then the
// loss of each task, f32 or f64 [batch].
struct TrainStep {
  Procedure procedure;
  std::string loss_name;  // "loss", or "direction" (its squared norm) for a learner without objective
};
TrainStep train_step(Elaborator&, const Learner&, const Value& state, const Value& memory, const OptimizerMaker&,
                     const TaskSource&, std::int64_t batch, Span);

// Predictions for `count` tasks and their metrics. One sweep point for each combination of the arguments of `with`.
struct SweepPoint {
  std::vector<Elaborator::Argument> arguments;
  std::string text;  // "updates: 3", or empty
};
struct Metric {
  std::string name;
  Value function;
};
// Outputs: for each sweep point and metric (metrics fastest) the values of the tasks, [count].
struct Evaluation {
  Procedure procedure;
  bool transductive = false;  // predictions of one query depended on the others
};
Evaluation evaluation(Elaborator&, const Learner&, const Value& state, const TaskSource&, std::int64_t count,
                      const std::vector<SweepPoint>&, const std::vector<Metric>&, Span);

// The default metric of a source: accuracy for whole-number labels, mse for others.
std::string default_metric(Elaborator&, const TaskSource&);

}  // namespace metac::dsl
