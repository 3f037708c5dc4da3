// Builds the programs of learning: first state, one training step, one evaluation, with their inputs in a fixed order.
#include "elaborate/learning.hpp"

#include <fmt/format.h>

#include "elaborate/sources.hpp"

namespace metac::dsl {
namespace {

// The inputs of a procedure and the context that its expressions are elaborated in.
class Builder {
 public:
  Builder(Elaborator& self, const Value& state, const Value& memory, const TaskSource* source, std::int64_t tasks)
      : self_(self), graph_(std::make_shared<Graph>()) {
    this->state = take(state);
    this->memory = take(memory);
    state_leaves_ = inputs_.size();
    self.forget_classes();
    context_ = Context{};
    context_.graph = graph_.get();
    context_.real = self.context().real;
    key = push(Type{Dtype::i32, {2}});
    step = push(Type{Dtype::i32, {}});
    progress = push(Type{context_.real, {}});
    context_.key = key;
    if (source != nullptr)
      for (const auto& type : source->array_types())
        arrays.push_back(push(tasks > 0 ? Type{type.dtype, type.shape.with_front(tasks)} : type));
  }

  Graph& graph() { return *graph_; }
  const Context& context() const { return context_; }
  Procedure close(std::span<const Tensor> outputs) {
    Procedure procedure;
    procedure.program = finalize(inputs_, outputs);
    procedure.state_leaves = state_leaves_;
    return procedure;
  }

  Value state, memory;
  Tensor key, step, progress;
  std::vector<Tensor> arrays;

 private:
  Tensor push(const Type& type) { return inputs_.emplace_back(input(*graph_, type)); }
  Value take(const Value& tree) {
    if (tree.is_none()) return tree;
    return map_leaves(tree, [&](const Leaf& leaf) -> Value {
      if (const Array* array = leaf.value.get<Array>()) return push(array->type());
      return push(leaf.value.get<Tensor>()->type());
    });
  }

  Elaborator& self_;
  std::shared_ptr<Graph> graph_;
  std::vector<Tensor> inputs_;
  std::size_t state_leaves_ = 0;
  Context context_;
};

std::vector<Tensor> tensors_of(const Value& tree) {
  std::vector<Tensor> result;
  for (const auto& leaf : leaves(tree)) result.push_back(*leaf.value.get<Tensor>());
  return result;
}

// The part of a learner's state that is learned.
Value learned(const Learner& learner, const Value& state) {
  std::vector<std::pair<std::string, Value>> fields;
  for (const auto& [name, value] : state.record()->fields)
    if (is_learned(*learner.definition, name)) fields.emplace_back(name, value);
  return Value::record(std::move(fields));
}

// A task in the elaborator's current graph.
Value task_of(Elaborator& self, const TaskSource& source, std::span<const Tensor> arrays, Graph& graph,
              const Context& context, Tensor key) {
  Context inside = context;
  inside.graph = &graph;
  inside.key = key;
  WithContext here(self, inside);
  return source.build(self, arrays);
}

// The graph that a procedure was built in is gone afterwards; its trees stay as arrays.
Value form_of(const Value& tree) {
  return map_leaves(tree, [](const Leaf& leaf) -> Value { return Array(leaf.value.get<Tensor>()->type()); });
}

constexpr int task_stream = 1, learner_stream = 2;  // of one task's key: what the source draws, what the learner draws

}  // namespace

FirstState first_state(Elaborator& self, const Learner& learner, const TaskSource& source) {
  Builder builder(self, None{}, None{}, &source, 0);
  Context context = builder.context();
  context.example = task_of(self, source, builder.arrays, builder.graph(), context, fold_in(builder.key, task_stream));
  context.key = fold_in(builder.key, learner_stream);
  WithContext here(self, context);
  FirstState result;
  const Value state = self.initial_state(learner);
  result.procedure = builder.close(tensors_of(state));
  result.form = form_of(state);
  return result;
}

FirstState first_memory(Elaborator& self, const Learner& learner, const Value& state, const OptimizerMaker& maker) {
  Builder builder(self, state, None{}, nullptr, 0);
  WithContext here(self, builder.context());
  auto scope = std::make_shared<Scope>();
  scope->bind("step", builder.step);
  scope->bind("progress", builder.progress);
  FirstState result;
  const Value memory = self.start(*maker(scope), learned(learner, builder.state));
  result.procedure = builder.close(tensors_of(memory));
  result.form = form_of(memory);
  return result;
}

namespace {

struct TaskGradient {
  Tensor loss;
  std::vector<Tensor> gradients;  // of the learned leaves, in order
};

// Every `learn` must be reached by the objective: one that is not would silently never change.
void check_flow(Elaborator& self, const Learner& learner, const Value& learned, const std::vector<Tensor>& gradients,
                Span place) {
  std::size_t next = 0;
  for (const auto& [name, tree] : learned.record()->fields) {
    bool reached = false;
    for (std::size_t i = leaves(seen(tree)).size(); i > 0; --i) reached |= static_cast<bool>(gradients[next++]);
    if (!reached)
      self.fail("E0410", place,
                fmt::format("nothing that `{}` learns in `{}` changes its objective: no derivative reaches it",
                            learner.name(), name),
                "", fmt::format("use `{}` in the objective, or bind it with `let`", name));
  }
}

const Definition* function_of(const Learner& learner, std::string_view name) {
  for (const auto& statement : learner.definition->body.block->statements)
    if (const auto* definition = std::get_if<Definition>(&statement->node);
        definition != nullptr && definition->name.text == name)
      return definition;
  return nullptr;
}

// The loss of one task and its gradient, in the body of a map.
TaskGradient task_gradient(Elaborator& self, const Learner& learner, const ScopePtr& frame, const Value& weights,
                           const Value& task, Span span) {
  Graph& graph = self.graph(span);
  std::vector<Tensor> variables;
  for (const auto& [name, tree] : weights.record()->fields)
    frame->bind(name, map_leaves(tree, [&](const Leaf& leaf) -> Value {
                  if (leaf.carried) return leaf.value;
                  variables.push_back(alias(*leaf.value.get<Tensor>(), graph));
                  return variables.back();
                }));
  if (const Value* objective = frame->find("objective")) {
    const Span place =
        function_of(learner, "objective") != nullptr ? function_of(learner, "objective")->name.span : span;
    const Tensor loss = self.real(self.tensor(self.call_function(*objective, {task}, span), place));
    if (loss.shape().rank() != 0)
      self.fail("E0411", place, fmt::format("`objective` gives {}, a scalar is needed", to_string(loss.type())), "",
                "take the `mean`");
    auto gradients = grad(loss, variables);
    check_flow(self, learner, weights, gradients, place);
    for (std::size_t i = 0; i < variables.size(); ++i)
      if (!gradients[i]) gradients[i] = zeros_like(variables[i]);
    return {loss, std::move(gradients)};
  }
  const Value* rule = frame->find("direction");
  if (rule == nullptr)
    self.fail(
        "E0412", learner.definition->name.span,
        fmt::format("the learner `{}` cannot be trained: it has no `objective` and no `direction`", learner.name()));
  // A direction has the form of the one `learn`, or a field for each.
  Value direction = self.call_function(*rule, {task}, span);
  if (weights.record()->fields.size() == 1)
    direction = Value::record({{weights.record()->fields.front().first, direction}});
  TaskGradient result;
  const Span place = function_of(learner, "direction") != nullptr ? function_of(learner, "direction")->name.span : span;
  self.guarded(place, {}, [&] {
    return zip_leaves(weights, direction, [&](const Value& weight, const Value& move) -> Value {
      const Tensor w = *weight.get<Tensor>(), d = self.tensor(move, place);
      result.gradients.push_back(cast(broadcast_to(d, w.shape()), w.dtype()));
      const Tensor norm = sum(square(result.gradients.back()));
      result.loss = result.loss ? result.loss + norm : norm;
      return weight;
    });
  });
  return result;
}

}  // namespace

TrainStep train_step(Elaborator& self, const Learner& learner, const Value& state, const Value& memory,
                     const OptimizerMaker& maker, const TaskSource& source, std::int64_t batch, Span span) {
  Builder builder(self, state, memory, &source, batch);
  Context context = builder.context();
  WithContext here(self, context);
  const Value weights = learned(learner, builder.state);
  if (weights.record()->fields.empty())
    self.fail("E0416", span, fmt::format("the learner `{}` learns nothing, so it cannot be trained", learner.name()),
              "", "what is learned is bound with `learn`: `learn theta = init(net)`");
  for (const auto& statement : learner.definition->body.block->statements)
    if (std::holds_alternative<OnStatement>(statement->node))
      self.fail("E0417", statement->span, "events (`on`) are not available yet, so this would not run");

  MapBuilder tasks(builder.graph(), builder.arrays, batch);
  TaskGradient one;
  {
    const Tensor key = fold_in(builder.key, tasks.index());
    const Value task = task_of(self, source, tasks.slices(), tasks.graph(), context, fold_in(key, task_stream));
    context.graph = &tasks.graph();
    context.key = fold_in(key, learner_stream);
    context.example = task;
    WithContext inside(self, context);
    const ScopePtr frame = self.frame(learner, builder.state);
    frame->bind("step", builder.step);
    frame->bind("progress", builder.progress);
    one = task_gradient(self, learner, frame, weights, task, span);
  }
  std::vector<MapBuilder::Result> results{{one.loss, MapBuilder::stacked}};
  for (const auto& gradient : one.gradients) results.push_back({gradient, MapBuilder::summed});
  auto closed = tasks.close(results);

  std::size_t next = 1;
  const Value gradient =
      map_leaves(seen(weights), [&](const Leaf&) -> Value { return closed[next++] / static_cast<double>(batch); });
  auto scope = std::make_shared<Scope>();
  scope->bind("step", builder.step);
  scope->bind("progress", builder.progress);
  const auto optimizer = maker(scope);
  auto [moved, remembered] = self.update(*optimizer, weights, gradient, builder.memory);

  std::vector<Tensor> outputs;
  for (const auto& [name, value] : builder.state.record()->fields) {
    const Value* changed = moved.record()->find(name);
    for (const Tensor& leaf : tensors_of(changed != nullptr ? *changed : value)) outputs.push_back(leaf);
  }
  for (const Tensor& leaf : tensors_of(remembered)) outputs.push_back(leaf);
  outputs.push_back(closed[0]);
  TrainStep result;
  result.procedure = builder.close(outputs);
  result.loss_name = function_of(learner, "objective") != nullptr ? "loss" : "direction";
  return result;
}

Evaluation evaluation(Elaborator& self, const Learner& learner, const Value& state, const TaskSource& source,
                      std::int64_t count, const std::vector<SweepPoint>& sweep, const std::vector<Metric>& metrics,
                      Span span) {
  Builder builder(self, state, None{}, &source, count);
  Context context = builder.context();
  WithContext here(self, context);
  self.declared().clear();
  MapBuilder tasks(builder.graph(), builder.arrays, count);
  std::vector<MapBuilder::Result> results;
  {
    // The step input is the number of the first task here, so tasks do not depend on how many are measured at once.
    const Tensor key = fold_in(builder.key, tasks.index() + builder.step);
    const Value task = task_of(self, source, tasks.slices(), tasks.graph(), context, fold_in(key, task_stream));
    context.graph = &tasks.graph();
    const Value* query = task.record()->find("query");
    const Value* x = query != nullptr && query->record() != nullptr ? query->record()->find("x") : nullptr;
    const Value* y = query != nullptr && query->record() != nullptr ? query->record()->find("y") : nullptr;
    if (x == nullptr || y == nullptr)
      self.fail("E0413", span, fmt::format("{} has no query `x` and `y` to measure on", source.describe()));
    std::vector<std::pair<std::string, Value>> given;  // what a learner may see: no query
    for (const auto& [name, value] : task.record()->fields)
      if (name != "query") given.emplace_back(name, value);
    for (const auto& point : sweep) {
      context.key = fold_in(key, learner_stream);  // the same draws at every point: differences are the point's own
      context.counts.clear();
      WithContext inside(self, context);
      const ScopePtr frame = self.frame(learner, builder.state);
      const Value* predict = frame->find("predict");
      if (predict == nullptr)
        self.fail("E0414", span,
                  fmt::format("the learner `{}` has no `predict`, so it cannot be evaluated", learner.name()), "",
                  "add `fn predict(task, x) = ...`");
      auto arguments = point.arguments;
      arguments.insert(arguments.begin(), {{"", Value::record(given), span}, {"", *x, span}});
      const Value predictions = self.call(*predict, std::move(arguments), span);
      for (const auto& metric : metrics) {
        const Tensor value = self.real(self.tensor(self.call_function(metric.function, {predictions, *y}, span), span));
        if (value.shape().rank() != 0)
          self.fail("E0415", span,
                    fmt::format("the metric `{}` gives {}, a scalar is needed", metric.name, to_string(value.type())));
        results.push_back({value, MapBuilder::stacked});
      }
    }
  }
  Evaluation result;
  result.procedure = builder.close(tasks.close(results));
  result.transductive = self.declared().contains("batch");
  return result;
}

std::string default_metric(Elaborator& self, const TaskSource& source) {
  Builder builder(self, None{}, None{}, &source, 0);
  WithContext here(self, builder.context());
  const Value task = task_of(self, source, builder.arrays, builder.graph(), builder.context(), builder.key);
  const Value* query = task.record()->find("query");
  const Value* y = query != nullptr && query->record() != nullptr ? query->record()->find("y") : nullptr;
  return y != nullptr && !is_float(self.tensor(*y, {}).dtype()) ? "accuracy" : "mse";
}

}  // namespace metac::dsl
