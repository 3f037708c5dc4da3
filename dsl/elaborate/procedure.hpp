// A procedure while it is built: its inputs in their fixed order, the item of a source, and what a learner's
// `objective` or `direction` says of it. Shared by what builds the programs of learning, and of the check of
// derivatives.
#pragma once

#include "elaborate/learning.hpp"

namespace metac::dsl {

inline constexpr int task_stream = 1, learner_stream = 2;  // of a task's key: what the source draws, what the learner
inline constexpr int source_stream = 3;                    // of a procedure's key: what a source draws for its memory

// The inputs of a procedure and the context that its expressions are elaborated in.
class ProcedureBuilder {
 public:
  ProcedureBuilder(Elaborator& self, const Value& state, const Value& memory, const Form& form,
                   const Value& source_memory = None{})
      : self_(self), graph_(std::make_shared<Graph>()), scopes_(self.scopes_with_functions()) {
    this->state = take(state);
    this->memory = take(memory);
    this->source_memory = take(source_memory);
    state_leaves_ = inputs_.size();
    self.forget_classes();
    context_.graph = graph_.get();
    context_.real = self.context().real;
    context_.seed = self.context().seed;
    key = push(Type{Dtype::i32, {2}});
    step = push(Type{Dtype::i32, {}});
    context_.step = step;
    context_.progress = push(Type{context_.real, {}});
    context_.key = fold_in(key, learner_stream);
    for (const auto& type : form) arrays.push_back(push(type));
  }

  ~ProcedureBuilder() { self_.take_apart(scopes_); }
  ProcedureBuilder(const ProcedureBuilder&) = delete;

  Graph& graph() { return *graph_; }
  const Context& context() const { return context_; }
  // For learners that are measured: there is no step and no progress.
  Context outside_training() const {
    Context context = context_;
    context.step = context.progress = Value();
    return context;
  }
  // For the tasks that they are measured on: those of the end of a training.
  Context at_the_end() const {
    Context context = outside_training();
    context.progress = constant(*graph_, 1, context.real);
    return context;
  }
  Procedure close(std::span<const Tensor> outputs) {
    Procedure procedure;
    procedure.program = finalize(inputs_, outputs);
    procedure.state_leaves = state_leaves_;
    return procedure;
  }
  // With a tree as outputs. The graph is gone afterwards; the tree stays as arrays.
  Computed close(const Value& tree) {
    Computed result;
    std::vector<Tensor> outputs;
    result.form = map_leaves(tree, [&](const Leaf& leaf) -> Value {
      outputs.push_back(*leaf.value.get<Tensor>());
      return Array(outputs.back().type());
    });
    result.procedure = close(outputs);
    return result;
  }

  // A further input, behind those that there are.
  Tensor push(const Type& type) { return inputs_.emplace_back(input(*graph_, type)); }

  Value state, memory, source_memory;
  Tensor key, step;
  std::vector<Tensor> arrays;

 private:
  Value take(const Value& tree) {
    if (tree.is_none()) return tree;
    return map_leaves(tree, [&](const Leaf& leaf) -> Value { return push(leaf.value.get<Array>()->type()); });
  }

  Elaborator& self_;
  std::shared_ptr<Graph> graph_;
  std::size_t scopes_;
  std::vector<Tensor> inputs_;
  std::size_t state_leaves_ = 0;
  Context context_;
};

const TaskSource* as_tasks(const Source&);  // null for one of batches
// What a source remembers while nothing is trained.
Value first_source_memory(Elaborator&, const Source&, const ProcedureBuilder&);
// An item of a source in the graph of the procedure: a task, from its own arrays, or a batch.
Value item_of(Elaborator&, const Source&, const ProcedureBuilder&);

// Where a function of the learner stands; `otherwise` if it has none of this name.
Span place_of(const Learner&, std::string_view function, Span otherwise);
// What `objective` says of an item: a scalar; empty for a learner without one. `frame`: the names of its functions.
Tensor objective_of(Elaborator&, const Learner&, const ScopePtr& frame, const Value& item, Span);
// What `direction` says of an item, for each of the learned leaves. Failure for a learner without one.
std::vector<Tensor> directions_of(Elaborator&, const Learner&, const ScopePtr& frame, const Value& weights,
                                  const Value& item, Span);

}  // namespace metac::dsl
