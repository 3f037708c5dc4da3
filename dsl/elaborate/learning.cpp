// Builds the programs of learning: first state, events, one training step, one evaluation, with their inputs in a fixed
// order.
#include "elaborate/learning.hpp"

#include <fmt/format.h>

#include "elaborate/each_row.hpp"
#include "elaborate/sources.hpp"

namespace metac::dsl {
namespace {

constexpr int task_stream = 1, learner_stream = 2;  // of one task's key: what the source draws, what the learner draws

// The inputs of a procedure and the context that its expressions are elaborated in.
class Builder {
 public:
  Builder(Elaborator& self, const Value& state, const Value& memory, const Form& form)
      : self_(self), graph_(std::make_shared<Graph>()), scopes_(self.scopes_with_functions()) {
    this->state = take(state);
    this->memory = take(memory);
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

  ~Builder() { self_.take_apart(scopes_); }
  Builder(const Builder&) = delete;

  Graph& graph() { return *graph_; }
  const Context& context() const { return context_; }
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

  Value state, memory;
  Tensor key, step;
  std::vector<Tensor> arrays;

 private:
  Tensor push(const Type& type) { return inputs_.emplace_back(input(*graph_, type)); }
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

std::vector<Tensor> tensors_of(const Value& tree) {
  std::vector<Tensor> result;
  for (const auto& leaf : leaves(tree)) result.push_back(*leaf.value.get<Tensor>());
  return result;
}

// An item of a source in a graph of the procedure.
Value item_of(Elaborator& self, const Source& source, std::span<const Tensor> arrays, Context context, Graph& graph,
              Tensor key) {
  context.graph = &graph;
  context.key = fold_in(key, task_stream);
  WithContext here(self, context);
  return source.build(self, arrays);
}

const Definition* function_of(const Learner& learner, std::string_view name) {
  for (const auto& statement : learner.definition->body.block->statements)
    if (const auto* definition = std::get_if<Definition>(&statement->node);
        definition != nullptr && definition->name.text == name)
      return definition;
  return learner.base() != nullptr ? function_of(*learner.base(), name) : nullptr;
}

Span place_of(const Learner& learner, std::string_view function, Span otherwise) {
  const auto* definition = function_of(learner, function);
  return definition != nullptr ? definition->name.span : otherwise;
}

}  // namespace

Form example_form(const Source& source) {
  Form form = source.forms(1).front();
  if (source.gives_tasks())
    for (auto& type : form) type.shape = type.shape.without(0);
  return form;
}

Computed first_state(Elaborator& self, const Learner& learner, const Source& source, const Form& form) {
  Builder builder(self, None{}, None{}, form);
  Context context = builder.context();
  context.example = item_of(self, source, builder.arrays, context, builder.graph(), builder.key);
  WithContext here(self, context);
  return builder.close(self.initial_state(learner));
}

Computed event(Elaborator& self, const Learner& learner, const Value& state, const Source& source,
               const std::string& name) {
  const auto* batches = dynamic_cast<const BatchSource*>(&source);
  Builder builder(self, state, None{}, batches != nullptr ? batches->form(batches->size()) : Form{});
  Context context = builder.context();
  Value data = Value::record({});
  if (batches != nullptr) data = item_of(self, source, builder.arrays, context, builder.graph(), builder.key);
  context.example = data;
  WithContext here(self, context);
  return builder.close(self.after_event(learner, builder.state, name, data));
}

// ---- optimizers ----

namespace {

const Optimizer* as_optimizer(const Value& value) {
  const auto* pointer = value.get<std::shared_ptr<const Optimizer>>();
  return pointer != nullptr ? pointer->get() : nullptr;
}

// Goes through what is learned with the optimizer of each part: one for all, or a record with one for each `learn`.
// `each` gets the optimizer and the fields of the weights and of further trees of the same form.
struct Optimizers {
  Elaborator& self;
  Value rule;
  Span span;

  // The part of the rule for a field of the weights; a wrapper's base looks for its own names in the same rule.
  Value part(const std::string& name) const {
    const Record* record = rule.record();
    if (record == nullptr)
      self.fail("E0427", span, fmt::format("an optimizer was needed, this is {}", describe(rule)), "",
                "such as `adam(1e-3)`, or a record with one for each `learn`");
    if (const Value* own = record->find(name)) return *own;
    if (name == "base") return rule;
    std::vector<std::string> known;
    for (const auto& [field, value] : record->fields) known.push_back(field);
    self.fail("E0427", span,
              fmt::format("`{}` is learned and has no optimizer: there is one for {}", name, fmt::join(known, ", ")));
  }

  // Whether the rule may name this: a field, or one that a wrapper's base learns.
  static bool has(const Value& weights, const std::string& name) {
    const Record* record = weights.record();
    if (record == nullptr) return false;
    const Value* base = record->find("base");
    return record->find(name) != nullptr || (base != nullptr && has(*base, name));
  }
  // What names nothing would be an optimizer that never moves anything. A base that looks for its names in the rule of
  // its wrapper has been looked at there.
  void refuse_unknown(const Value& weights) const {
    if (as_optimizer(rule) != nullptr || rule.record() == nullptr) return;
    for (const auto& [name, inner] : rule.record()->fields) {
      if (!has(weights, name))
        self.fail("E0427", span, fmt::format("there is an optimizer for `{}`, which is not learned", name));
      if (const Value* own = weights.record()->find(name)) Optimizers{self, inner, span}.refuse_unknown(*own);
    }
  }

  Value start(const Value& weights) const {
    if (const auto* optimizer = as_optimizer(rule)) return self.start(*optimizer, weights);
    if (weights.record() == nullptr)
      self.fail("E0427", span,
                fmt::format("one optimizer was needed for {}, this is {}", describe(weights), describe(rule)));
    std::vector<std::pair<std::string, Value>> fields;
    for (const auto& [name, value] : weights.record()->fields)
      fields.emplace_back(name, Optimizers{self, part(name), span}.start(value));
    return Value::record(std::move(fields));
  }

  std::pair<Value, Value> update(const Value& weights, const Value& gradient, const Value& memory) const {
    if (const auto* optimizer = as_optimizer(rule)) return self.update(*optimizer, weights, gradient, memory);
    std::vector<std::pair<std::string, Value>> moved, remembered;
    for (const auto& [name, value] : weights.record()->fields) {
      auto [w, m] = Optimizers{self, part(name), span}.update(value, *gradient.record()->find(name),
                                                              *memory.record()->find(name));
      moved.emplace_back(name, std::move(w));
      remembered.emplace_back(name, std::move(m));
    }
    return {Value::record(std::move(moved)), Value::record(std::move(remembered))};
  }
};

}  // namespace

Computed first_memory(Elaborator& self, const Learner& learner, const Value& state, const OptimizerRule& rule) {
  Builder builder(self, state, None{}, {});
  WithContext here(self, builder.context());
  const Optimizers optimizers{self, rule.make(), rule.span};
  const Value weights = learned(learner, builder.state);
  const Value memory = optimizers.start(weights);
  optimizers.refuse_unknown(weights);
  return builder.close(memory);
}

// ---- training ----

namespace {

struct ItemGradient {
  Tensor loss;
  std::vector<Tensor> gradients;  // of the learned leaves, in order
};

// Every `learn` must be reached by the objective: one that is not would silently never change.
void check_flow(Elaborator& self, const Learner& learner, const std::string& prefix, const Value& learned,
                const std::vector<Tensor>& gradients, std::size_t& next, Span place) {
  for (const auto& [name, tree] : learned.record()->fields) {
    if (name == "base" && learner.base() != nullptr) {
      check_flow(self, *learner.base(), prefix + "base.", tree, gradients, next, place);
      continue;
    }
    const auto count = leaves(seen(tree)).size();
    bool reached = count == 0;  // all of it is frozen
    for (std::size_t i = 0; i < count; ++i) reached |= static_cast<bool>(gradients[next++]);
    if (!reached)
      self.fail("E0410", place,
                fmt::format("nothing that `{}` learns in `{}{}` changes its objective: no derivative reaches it",
                            learner.name(), prefix, name),
                "", fmt::format("use `{}` in the objective, or bind it with `let`", name));
  }
}

// A direction may leave out the names on its way where there is one only: `theta - w` for (theta: ..).
Value direction_of(const Value& weights, const Value& direction) {
  const Record* record = weights.record();
  if (record == nullptr || record->fields.size() != 1) return direction;
  const auto& [name, tree] = record->fields.front();
  const Value* named = direction.record() != nullptr ? direction.record()->find(name) : nullptr;
  return Value::record({{name, direction_of(tree, named != nullptr ? *named : direction)}});
}

// The loss on one item and its gradient, in the current graph.
ItemGradient item_gradient(Elaborator& self, const Learner& learner, const Value& state, const Value& item, Span span) {
  Graph& graph = self.graph(span);
  std::vector<Tensor> variables;
  const Value weights = map_leaves(learned(learner, state), [&](const Leaf& leaf) -> Value {
    if (leaf.carried) return leaf.value;
    variables.push_back(alias(*leaf.value.get<Tensor>(), graph));
    return variables.back();
  });
  self.context().training = true;
  const ScopePtr frame = self.frame(learner, with_learned(learner, state, weights));
  if (const Value* objective = frame->find("objective")) {
    const Span place = place_of(learner, "objective", span);
    const Tensor loss = self.real(self.tensor(self.call_function(*objective, {item}, span), place));
    if (loss.shape().rank() != 0)
      self.fail("E0411", place, fmt::format("`objective` gives {}, a scalar is needed", to_string(loss.type())), "",
                "take the `mean`");
    auto gradients = vjp(loss, full(graph, {}, 1, loss.dtype()), variables);
    std::size_t next = 0;
    check_flow(self, learner, "", weights, gradients, next, place);
    for (std::size_t i = 0; i < variables.size(); ++i)
      if (!gradients[i]) gradients[i] = zeros_like(variables[i]);
    return {loss, std::move(gradients)};
  }
  const Value* rule = frame->find("direction");
  if (rule == nullptr)
    self.fail(
        "E0412", learner.definition->name.span,
        fmt::format("the learner `{}` cannot be trained: it has no `objective` and no `direction`", learner.name()));
  const Value direction = direction_of(weights, self.call_function(*rule, {item}, span));
  ItemGradient result;
  const Span place = place_of(learner, "direction", span);
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

// The mean over the tasks of a step: losses [tasks], gradients, and the tasks themselves where an event looks at them.
struct StepGradient {
  Tensor losses;
  std::vector<Tensor> gradients;
  Value item;
};

StepGradient gradient_of_tasks(Elaborator& self, const Learner& learner, Builder& builder, const Source& source,
                               std::int64_t batch, Span span) {
  Context context = builder.context();
  MapBuilder tasks(builder.graph(), builder.arrays, batch);
  const Tensor key = fold_in(builder.key, tasks.index());
  const Value task = item_of(self, source, tasks.slices(), context, tasks.graph(), key);
  ItemGradient one;
  {
    context.graph = &tasks.graph();
    context.key = fold_in(key, learner_stream);
    context.example = task;
    WithContext inside(self, context);
    one = item_gradient(self, learner, builder.state, task, span);
  }
  std::vector<MapBuilder::Result> results{{one.loss, MapBuilder::stacked}};
  for (const auto& gradient : one.gradients) results.push_back({gradient, MapBuilder::summed});
  if (Elaborator::has_event(learner, "step"))
    for (const auto& leaf : leaves(task))
      if (const Tensor* tensor = leaf.value.get<Tensor>()) results.push_back({*tensor, MapBuilder::stacked});
  auto closed = tasks.close(results);
  StepGradient step;
  std::size_t next = 0;
  step.losses = closed[next++];
  for (std::size_t i = 0; i < one.gradients.size(); ++i)
    step.gradients.push_back(closed[next++] / static_cast<double>(batch));
  if (Elaborator::has_event(learner, "step"))
    step.item = map_leaves(task, [&](const Leaf& leaf) -> Value {
      return leaf.value.get<Tensor>() != nullptr ? Value(closed[next++]) : leaf.value;
    });
  return step;
}

StepGradient gradient_of_batch(Elaborator& self, const Learner& learner, Builder& builder, const Source& source,
                               Span span) {
  Context context = builder.context();
  StepGradient step;
  step.item = item_of(self, source, builder.arrays, context, builder.graph(), builder.key);
  context.example = step.item;
  WithContext inside(self, context);
  auto one = item_gradient(self, learner, builder.state, step.item, span);
  step.losses = reshape(one.loss, {1});
  step.gradients = std::move(one.gradients);
  return step;
}

}  // namespace

TrainStep train_step(Elaborator& self, const Learner& learner, const Value& state, const Value& memory,
                     const OptimizerRule& rule, const Source& source, const Form& form, std::int64_t batch, Span span) {
  Builder builder(self, state, memory, form);
  WithContext here(self, builder.context());
  const Value weights = learned(learner, builder.state);
  if (weights.record()->fields.empty())
    self.fail("E0416", span, fmt::format("the learner `{}` learns nothing, so it cannot be trained", learner.name()),
              "", "what is learned is bound with `learn`: `learn theta = init(net)`");
  if (leaves(seen(weights)).empty())
    self.fail("E0416", span,
              fmt::format("all that the learner `{}` learns is frozen, so it cannot be trained", learner.name()));

  const StepGradient step = source.gives_tasks() ? gradient_of_tasks(self, learner, builder, source, batch, span)
                                                 : gradient_of_batch(self, learner, builder, source, span);
  std::size_t next = 0;
  const Value gradient = map_leaves(seen(weights), [&](const Leaf&) -> Value { return step.gradients[next++]; });
  auto [moved, remembered] = Optimizers{self, rule.make(), rule.span}.update(weights, gradient, builder.memory);
  Value after = with_learned(learner, builder.state, moved);
  if (Elaborator::has_event(learner, "step")) {
    self.context().example = step.item;
    after = self.after_event(learner, after, "step", step.item, weights, gradient);
  }

  std::vector<Tensor> outputs = tensors_of(after);
  for (const Tensor& leaf : tensors_of(remembered)) outputs.push_back(leaf);
  outputs.push_back(step.losses);
  TrainStep result;
  result.procedure = builder.close(outputs);
  result.loss_name = function_of(learner, "objective") != nullptr ? "loss" : "direction";
  return result;
}

// ---- measuring ----

namespace {

const Value& predict_of(Elaborator& self, const Learner& learner, const ScopePtr& frame, const char* form, Span span) {
  const Value* predict = frame->find("predict");
  if (predict == nullptr)
    self.fail("E0414", span,
              fmt::format("the learner `{}` has no `predict`, so it cannot be evaluated", learner.name()), "",
              fmt::format("add `fn {} = ...`", form));
  return *predict;
}

Tensor measured(Elaborator& self, const Metric& metric, const Value& predictions, const Value& labels, Span span) {
  const Tensor value = self.real(self.tensor(self.call_function(metric.function, {predictions, labels}, span), span));
  if (value.shape().rank() != 0)
    self.fail("E0415", span,
              fmt::format("the metric `{}` gives {}, a scalar is needed", metric.name, to_string(value.type())));
  return value;
}

struct Query {
  Value x, y;
};
Query query_of(Elaborator& self, const Source& source, const Value& item, Span span) {
  const Record* record = item.record();
  if (source.gives_tasks() && record != nullptr && record->find("query") != nullptr)
    record = record->find("query")->record();
  else if (source.gives_tasks())
    record = nullptr;
  const Value* x = record != nullptr ? record->find("x") : nullptr;
  const Value* y = record != nullptr ? record->find("y") : nullptr;
  if (x == nullptr || y == nullptr)
    self.fail(
        "E0413", span,
        fmt::format("{} has no {}`x` and `y` to measure on", source.describe(), source.gives_tasks() ? "query " : ""));
  return {*x, *y};
}

std::vector<Tensor> task_metrics(Elaborator& self, const Learner& learner, Builder& builder, const Source& source,
                                 std::int64_t count, const std::vector<SweepPoint>& sweep,
                                 const std::vector<Metric>& metrics, Span span) {
  Context context = builder.context();
  MapBuilder tasks(builder.graph(), builder.arrays, count);
  std::vector<MapBuilder::Result> results;
  // The step input is the number of the first task here, so tasks do not depend on how many are measured at once.
  const Tensor key = fold_in(builder.key, tasks.index() + builder.step);
  const Value task = item_of(self, source, tasks.slices(), context, tasks.graph(), key);
  const Query query = query_of(self, source, task, span);
  std::vector<std::pair<std::string, Value>> given;  // what a learner may see: no query
  for (const auto& [name, value] : task.record()->fields)
    if (name != "query") given.emplace_back(name, value);
  context.graph = &tasks.graph();
  for (const auto& point : sweep) {
    context.key = fold_in(key, learner_stream);  // the same draws at every point: differences are the point's own
    WithContext inside(self, context);
    const ScopePtr frame = self.frame(learner, builder.state);
    auto arguments = point.arguments;
    arguments.insert(arguments.begin(), {{"", Value::record(given), span}, {"", query.x, span}});
    const Value predictions =
        self.call(predict_of(self, learner, frame, "predict(task, x)", span), std::move(arguments), span);
    for (const auto& metric : metrics)
      results.push_back({measured(self, metric, predictions, query.y, span), MapBuilder::stacked});
  }
  return tasks.close(results);
}

// A metric of each row by itself: its predictions and labels as a batch of one.
Tensor metric_of_rows(Elaborator& self, const Metric& metric, Tensor predictions, Tensor labels, Span span) {
  const auto as_batch = [](Tensor t) { return reshape(t, t.shape().with_front(1)); };
  const auto one = [&](const std::vector<Tensor>& slices, Tensor index) -> Value {
    WithContext inside(self, row_context(self, index));
    const Tensor label = as_batch(slices[1]);
    if (const auto classes = self.classes_of(labels)) self.know_classes(label, *classes);
    return measured(self, metric, as_batch(slices[0]), label, span);
  };
  return *each_row(self, {predictions, labels}, predictions.shape()[0], one, span).get<Tensor>();
}

std::vector<Tensor> row_metrics(Elaborator& self, const Learner& learner, Builder& builder, const Source& source,
                                const std::vector<SweepPoint>& sweep, const std::vector<Metric>& metrics, Span span) {
  Context context = builder.context();
  const Value item = item_of(self, source, builder.arrays, context, builder.graph(), builder.key);
  const Query query = query_of(self, source, item, span);
  const Tensor labels = *query.y.get<Tensor>();
  std::vector<Tensor> results;
  for (const auto& point : sweep) {
    WithContext inside(self, context);
    const ScopePtr frame = self.frame(learner, builder.state);
    const Value predict = predict_of(self, learner, frame, "predict(x)", span);
    auto arguments = point.arguments;
    arguments.insert(arguments.begin(), {"", query.x, span});
    // Where the task is known at test, a learner that can use it is told which labels are possible.
    if (const Value* active = item.record()->find("active"); active != nullptr && predict.callable() != nullptr)
      for (const auto& parameter : predict.callable()->lists.back())
        if (parameter.name == "active") arguments.push_back({"active", *active, span});
    const Tensor predictions = self.tensor(self.call(predict, std::move(arguments), span), span);
    if (predictions.shape().rank() == 0 || predictions.shape()[0] != labels.shape()[0])
      self.fail("E0418", span,
                fmt::format("`predict` gives {} for {} examples: one row for each is needed",
                            to_string(predictions.type()), labels.shape()[0]));
    for (const auto& metric : metrics) results.push_back(metric_of_rows(self, metric, predictions, labels, span));
  }
  return results;
}

}  // namespace

Evaluation evaluation(Elaborator& self, const Learner& learner, const Value& state, const Source& source,
                      const Form& form, std::int64_t count, const std::vector<SweepPoint>& sweep,
                      const std::vector<Metric>& metrics, Span span) {
  Builder builder(self, state, None{}, form);
  Context context = builder.context();
  context.step = context.progress = Value();
  WithContext here(self, context);
  self.declared().clear();
  Evaluation result;
  const auto outputs = source.gives_tasks() ? task_metrics(self, learner, builder, source, count, sweep, metrics, span)
                                            : row_metrics(self, learner, builder, source, sweep, metrics, span);
  result.procedure = builder.close(outputs);
  result.transductive = self.declared().contains("batch");
  return result;
}

std::string default_metric(Elaborator& self, const Source& source) {
  Builder builder(self, None{}, None{}, example_form(source));
  WithContext here(self, builder.context());
  const Value item = item_of(self, source, builder.arrays, builder.context(), builder.graph(), builder.key);
  const Record* record = item.record();
  if (source.gives_tasks()) record = record->find("query") != nullptr ? record->find("query")->record() : nullptr;
  const Value* y = record != nullptr ? record->find("y") : nullptr;
  return y != nullptr && !is_float(self.tensor(*y, {}).dtype()) ? "metric_of_labels" : "metric_of_targets";
}

}  // namespace metac::dsl
