// Builds the programs of learning: first state, events, one training step, one evaluation, with their inputs in a fixed
// order.
#include "elaborate/learning.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "elaborate/choice.hpp"
#include "elaborate/each_row.hpp"
#include "elaborate/flow_check.hpp"
#include "elaborate/model_memory.hpp"
#include "elaborate/procedure.hpp"
#include "elaborate/sources.hpp"

namespace metac::dsl {
namespace {

// A task of a source in the region of one task; `key` is that of the task.
DrawnTask task_of(Elaborator& self, const Source& source, MapBuilder& tasks, Context context, Tensor key,
                  const Value& source_memory) {
  context.graph = &tasks.graph();
  context.key = fold_in(key, task_stream);
  WithContext here(self, context);
  return as_tasks(source)->task(self, tasks.slices(), source_memory);
}

}  // namespace

Form example_form(const Source& source) {
  Form form = source.forms(1).front();
  if (source.gives_tasks())
    for (auto& type : form) type.shape = type.shape.without(0);
  return form;
}

Computed first_state(Elaborator& self, const Learner& learner, const Source& source, const Form& form) {
  ProcedureBuilder builder(self, None{}, None{}, form);
  Context context = builder.context();
  context.example = item_of(self, source, builder);
  context.source = &source;
  WithContext here(self, context);
  return builder.close(self.initial_state(learner));
}

Computed event(Elaborator& self, const Learner& learner, const Value& state, const Source& source,
               const std::string& name) {
  const auto* batches = dynamic_cast<const BatchSource*>(&source);
  ProcedureBuilder builder(self, state, None{}, batches != nullptr ? batches->form(batches->size()) : Form{});
  Context context = builder.context();
  Value data = Value::record({});
  if (batches != nullptr) data = item_of(self, source, builder);
  context.example = data;
  context.source = &source;
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
  ProcedureBuilder builder(self, state, None{}, {});
  WithContext here(self, builder.context());
  const Optimizers optimizers{self, rule.make(), rule.span};
  const Value weights = learned(learner, builder.state);
  const Value memory = optimizers.start(weights);
  optimizers.refuse_unknown(weights);
  return builder.close(memory);
}

Computed first_source_memory(Elaborator& self, const Source& source) {
  ProcedureBuilder builder(self, None{}, None{}, {});
  return builder.close(first_source_memory(self, source, builder));
}

// ---- training ----

namespace {

struct ItemGradient {
  Tensor loss;
  std::vector<Tensor> gradients;  // of the learned leaves, in order
  HeardByPlace memory;            // what models remember of their calls, see `listened`
};

Tensor squared_norm(const std::vector<Tensor>& tensors) {
  Tensor total;
  for (const Tensor& t : tensors) {
    const Tensor norm = sum(square(t));
    total = total ? total + norm : norm;
  }
  return total;
}

// The loss on one item and its gradient, in the current graph.
ItemGradient item_gradient(Elaborator& self, const Learner& learner, const Value& state, const Value& item, Span span) {
  Graph& graph = self.graph(span);
  std::vector<Tensor> variables;
  const Value weights = map_leaves(listened(learned(learner, state)), [&](const Leaf& leaf) -> Value {
    if (leaf.carried) return leaf.value;
    variables.push_back(alias(*leaf.value.get<Tensor>(), graph));
    return variables.back();
  });
  MemoryLog log;
  const Listening listening(self.context(), &log, false);
  self.context().training = true;
  const ScopePtr frame = self.frame(learner, with_learned(learner, state, weights));
  FlowLog flow;
  const Noting noting(self, flow, learner);
  if (const Tensor loss = objective_of(self, learner, frame, item, span)) {
    auto gradients = vjp(loss, full(graph, {}, 1, loss.dtype()), variables);
    check_flow(self, learner, weights, {flow, loss, variables, item}, gradients, place_of(learner, "objective", span));
    for (std::size_t i = 0; i < variables.size(); ++i)
      if (!gradients[i]) gradients[i] = zeros_like(variables[i]);
    return {loss, std::move(gradients), log.means()};
  }
  auto directions = directions_of(self, learner, frame, weights, item, span);
  return {squared_norm(directions), std::move(directions), log.means()};
}

// The same loss without its gradient; what models remember of it is forgotten.
Tensor item_loss(Elaborator& self, const Learner& learner, const Value& state, const Value& item, Span span) {
  const Value weights = listened(learned(learner, state));
  MemoryLog forgotten;
  const Listening listening(self.context(), &forgotten, false);
  self.context().training = true;
  const ScopePtr frame = self.frame(learner, with_learned(learner, state, weights));
  if (const Tensor loss = objective_of(self, learner, frame, item, span)) return loss;
  return squared_norm(directions_of(self, learner, frame, weights, item, span));
}

// The mean over the tasks of a step: losses [tasks], gradients, what models remember, and, where an event looks at
// them, the tasks themselves and what their sources bound.
struct StepGradient {
  Tensor losses;
  std::vector<Tensor> gradients;
  HeardByPlace memory;
  Value item;
  Bound bound;
};

// The context of the learner on a task.
Context on_task(const ProcedureBuilder& builder, MapBuilder& tasks, Tensor key, const Source& source,
                const Value& task) {
  Context context = builder.context();
  context.graph = &tasks.graph();
  context.key = fold_in(key, learner_stream);
  context.example = task;
  context.source = &source;
  return context;
}

StepGradient gradient_of_tasks(Elaborator& self, const Learner& learner, ProcedureBuilder& builder,
                               const Source& source, std::int64_t batch, Span span) {
  MapBuilder tasks(builder.graph(), builder.arrays, batch);
  const Tensor key = fold_in(builder.key, tasks.index());
  auto drawn = task_of(self, source, tasks, builder.context(), key, builder.source_memory);
  const Value& task = drawn.task;
  ItemGradient one;
  {
    WithContext inside(self, on_task(builder, tasks, key, source, task));
    one = item_gradient(self, learner, builder.state, task, span);
  }
  std::vector<MapBuilder::Result> results{{one.loss, MapBuilder::stacked}};
  for (const auto& gradient : one.gradients) results.push_back({gradient, MapBuilder::summed});
  for (const auto& [place, heard] : one.memory) results.push_back({heard.value, MapBuilder::summed});
  const auto stack = [&](Tensor t) { return results.push_back({t, MapBuilder::stacked}), t; };
  Value item;
  if (Elaborator::has_event(learner, "step")) map_tensors(item = with_blocks(self, task), stack);
  for (auto& [owner, names] : drawn.bound) map_tensors(names = with_blocks(self, names), stack);
  auto closed = tasks.close(results);
  StepGradient step;
  std::size_t next = 0;
  step.losses = closed[next++];
  for (std::size_t i = 0; i < one.gradients.size(); ++i)
    step.gradients.push_back(closed[next++] / static_cast<double>(batch));
  for (const auto& [place, heard] : one.memory) step.memory[place] = {closed[next++] / static_cast<double>(batch)};
  const auto stacked = [&](Tensor) { return closed[next++]; };
  if (Elaborator::has_event(learner, "step")) step.item = map_tensors(item, stacked);
  for (const auto& [owner, names] : drawn.bound) step.bound.emplace_back(owner, map_tensors(names, stacked));
  return step;
}

// The losses of the tasks of the same step for another state of the learner, [tasks].
Tensor losses_of_tasks(Elaborator& self, const Learner& learner, ProcedureBuilder& builder, const Value& state,
                       const Source& source, std::int64_t batch, Span span) {
  MapBuilder tasks(builder.graph(), builder.arrays, batch);
  const Tensor key = fold_in(builder.key, tasks.index());
  const Value task = task_of(self, source, tasks, builder.context(), key, builder.source_memory).task;
  WithContext inside(self, on_task(builder, tasks, key, source, task));
  const std::vector<MapBuilder::Result> results{{item_loss(self, learner, state, task, span), MapBuilder::stacked}};
  return tasks.close(results).front();
}

StepGradient gradient_of_batch(Elaborator& self, const Learner& learner, ProcedureBuilder& builder,
                               const Source& source, Span span) {
  Context context = builder.context();
  StepGradient step;
  step.item = item_of(self, source, builder);
  context.example = step.item;
  context.source = &source;
  WithContext inside(self, context);
  auto one = item_gradient(self, learner, builder.state, step.item, span);
  step.losses = reshape(one.loss, {1});
  step.gradients = std::move(one.gradients);
  step.memory = std::move(one.memory);
  return step;
}

// What models remember after the step, in the form it had: the next step is the same program.
Value moved_memory(Elaborator& self, const Value& before, const HeardByPlace& heard, Span span) {
  const Value after = with_memory(before, heard);
  const auto old = places(before), now = places(after);
  for (std::size_t i = 0; i < old.size(); ++i) {
    if (old[i].second.carried() == nullptr) continue;
    const Value &was = old[i].second.carried()->leaf, &is = now[i].second.carried()->leaf;
    if (is.is_none() || (!was.is_none() && was.get<Tensor>()->shape() == is.get<Tensor>()->shape())) continue;
    self.fail("E0383", span,
              fmt::format("training moves the memory `{}` of a model from {} to {}", old[i].first, describe(was),
                          describe(is)),
              "", "what training moves needs a first value of its shape");
  }
  return after;
}

}  // namespace

TrainStep train_step(Elaborator& self, const Learner& learner, const Value& state, const Value& memory,
                     const Value& source_memory, const OptimizerRule& rule, const Source& source, const Form& form,
                     std::int64_t batch, Span span) {
  ProcedureBuilder builder(self, state, memory, form, source_memory);
  WithContext here(self, builder.context());
  const Value weights = learned(learner, builder.state);
  if (weights.record()->fields.empty())
    self.fail("E0416", span, fmt::format("the learner `{}` learns nothing, so it cannot be trained", learner.name()),
              "", "what is learned is bound with `learn`: `learn theta = init(net)`");
  if (leaves(seen(weights)).empty())
    self.fail("E0416", span,
              fmt::format("all that the learner `{}` learns is frozen, so it cannot be trained", learner.name()));

  const StepGradient step = self.with_reasons(learner, builder.state, [&] {
    return source.gives_tasks() ? gradient_of_tasks(self, learner, builder, source, batch, span)
                                : gradient_of_batch(self, learner, builder, source, span);
  });
  std::size_t next = 0;
  const Value gradient = map_leaves(seen(weights), [&](const Leaf&) -> Value { return step.gradients[next++]; });
  auto [moved, remembered] = Optimizers{self, rule.make(), rule.span}.update(weights, gradient, builder.memory);
  const Value updated = with_learned(learner, builder.state, moved_memory(self, moved, step.memory, span));
  Value after = updated, source_after = builder.source_memory;
  if (Elaborator::has_event(learner, "step")) {
    self.context().example = step.item;
    self.context().source = &source;
    after = self.after_event(learner, after, "step", step.item, weights, gradient);
  }

  if (const TaskSource* tasks = as_tasks(source); tasks != nullptr && tasks->has_event()) {
    const Tensor now = losses_of_tasks(self, learner, builder, updated, source, batch, span);
    Context context = builder.context();
    context.key = fold_in(builder.key, source_stream);
    WithContext inside(self, context);
    source_after = tasks->after_step(self, builder.source_memory, step.bound, step.losses, step.losses - now);
  }

  std::vector<Tensor> outputs = tensors_of(after);
  for (const Value& tree : {remembered, source_after})
    for (const Tensor& leaf : tensors_of(tree)) outputs.push_back(leaf);
  outputs.push_back(step.losses);
  TrainStep result;
  result.procedure = builder.close(outputs);
  result.loss_name = function_of(learner, "objective") != nullptr ? "loss" : "direction";
  return result;
}

// ---- measuring ----

namespace {

// How many arguments a function must be given besides those of `with`.
std::size_t needed(const Callable& function, const SweepPoint& with) {
  const auto& list = function.lists.back();
  return static_cast<std::size_t>(std::count_if(list.begin(), list.end(), [&](const CallParameter& parameter) {
    return parameter.default_value == nullptr &&
           std::none_of(with.arguments.begin(), with.arguments.end(),
                        [&](const auto& given) { return given.name == parameter.name; });
  }));
}

// A learner predicts from a task and its query, or from examples alone; the source says which is asked for.
const Value& predict_of(Elaborator& self, const Learner& learner, const ScopePtr& frame, const Source& source,
                        const SweepPoint& with, Span span) {
  const Value* predict = frame->find("predict");
  const bool tasks = source.gives_tasks();
  const char* form = tasks ? "predict(task, x)" : "predict(x)";
  if (predict == nullptr)
    self.fail("E0414", span,
              fmt::format("the learner `{}` has no `predict`, so it cannot be evaluated", learner.name()), "",
              fmt::format("add `fn {} = ...`", form));
  const Callable* function = predict->callable();
  if (function != nullptr && needed(*function, with) == (tasks ? 1u : 2u))
    self.fail("E0417", span,
              tasks ? fmt::format("`{}` predicts from examples alone, `predict(x)`; {} gives tasks", learner.name(),
                                  source.describe())
                    : fmt::format("`{}` predicts from a task and its query, `predict(task, x)`; {} gives no tasks",
                                  learner.name(), source.describe()),
              "",
              tasks ? "measure it on a data set or on a stream of such"
                    : "measure it on tasks, such as `episodes(data, ways: 5, shots: 1)`");
  return *predict;
}

Tensor scalar_of(Elaborator& self, const Metric& metric, const Value& given, Span span) {
  const Tensor value = self.real(self.tensor(given, span));
  if (value.shape().rank() != 0)
    self.fail("E0415", span,
              fmt::format("the metric `{}` gives {}, a scalar is needed", metric.name, to_string(value.type())));
  return value;
}

Tensor measured(Elaborator& self, const Metric& metric, const Value& predictions, const Value& labels, Span span) {
  return scalar_of(self, metric, self.call_function(metric.function, {predictions, labels}, span), span);
}

// What a learner may see of a task: no query, also not that of a task which this one was made of.
Value without_queries(const Value& value) {
  if (const List* list = value.list()) {
    std::vector<Value> items;
    for (const auto& item : list->items) items.push_back(without_queries(item));
    return Value::list(std::move(items));
  }
  const Record* record = value.record();
  if (record == nullptr) return value;
  std::vector<std::pair<std::string, Value>> fields;
  for (const auto& [name, field] : record->fields)
    if (name != "query") fields.emplace_back(name, without_queries(field));
  return Value::record(std::move(fields));
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

// What a metric that is the learner's own function says of an item.
Tensor measured_by_itself(Elaborator& self, const Learner& learner, const ScopePtr& frame, const Metric& metric,
                          const Value& item, const SweepPoint& with, Span span) {
  const Value* function = frame->find(metric.own);
  if (function_of(learner, metric.own) == nullptr || function == nullptr || function->callable() == nullptr) {
    std::vector<std::string> known;
    for (const auto& [name, value] : frame->names)
      if (function_of(learner, name) != nullptr) known.push_back(name);
    self.fail("E0476", span,
              fmt::format("the metric `{}` is a function of a learner, and `{}` has none of that name", metric.own,
                          learner.name()),
              "", fmt::format("its functions are {}", fmt::join(known, ", ")));
  }
  std::vector<Elaborator::Argument> arguments{{"", item, span}};
  for (const auto& argument : with.arguments)
    for (const auto& parameter : function->callable()->lists.back())
      if (parameter.name == argument.name) arguments.push_back(argument);
  return scalar_of(self, metric, self.call(*function, std::move(arguments), span), span);
}

bool needs_predictions(const std::vector<Metric>& metrics) {
  return std::any_of(metrics.begin(), metrics.end(), [](const Metric& metric) { return metric.own.empty(); });
}

std::vector<Tensor> task_metrics(Elaborator& self, const Learner& learner, ProcedureBuilder& builder,
                                 const Source& source, std::int64_t count, const std::vector<SweepPoint>& sweep,
                                 const std::vector<Metric>& metrics, Span span) {
  const Value remembered = first_source_memory(self, source, builder);
  MapBuilder tasks(builder.graph(), builder.arrays, count);
  std::vector<MapBuilder::Result> results;
  // The step input is the number of the first task here, so tasks do not depend on how many are measured at once.
  const Tensor key = fold_in(builder.key, tasks.index() + builder.step);
  const Value task = task_of(self, source, tasks, builder.at_the_end(), key, remembered).task;
  Context context = builder.outside_training();
  const bool predicts = needs_predictions(metrics);
  const Query query = predicts ? query_of(self, source, task, span) : Query{};
  const Value given = without_queries(task);
  context.graph = &tasks.graph();
  context.example = given;
  context.source = &source;
  for (const auto& point : sweep) {
    context.key = fold_in(key, learner_stream);  // the same draws at every point: differences are the point's own
    WithContext inside(self, context);
    const ScopePtr frame = self.frame(learner, builder.state);
    Value predictions;
    if (predicts) {
      auto arguments = point.arguments;
      arguments.insert(arguments.begin(), {{"", given, span}, {"", query.x, span}});
      predictions = self.call(predict_of(self, learner, frame, source, point, span), std::move(arguments), span);
    }
    for (const auto& metric : metrics)
      results.push_back({metric.own.empty() ? measured(self, metric, predictions, query.y, span)
                                            : measured_by_itself(self, learner, frame, metric, task, point, span),
                         MapBuilder::stacked});
  }
  return tasks.close(results);
}

// A metric of each row by itself: its predictions and labels as a batch of one.
Tensor metric_of_rows(Elaborator& self, const Metric& metric, Tensor predictions, Tensor labels, Span span) {
  const auto as_batch = [](Tensor t) { return reshape(t, t.shape().with_front(1)); };
  const auto one = [&](const std::vector<Tensor>& slices, Tensor index) -> Value {
    WithContext inside(self, row_context(self, index, predictions.shape()[0]));
    const Tensor label = as_batch(slices[1]);
    if (const auto classes = self.classes_of(labels)) self.know_classes(label, *classes);
    return measured(self, metric, as_batch(slices[0]), label, span);
  };
  return *each_row(self, {predictions, labels}, predictions.shape()[0], one, span).get<Tensor>();
}

// What the learner predicts for all rows of a batch.
Tensor predictions_of_rows(Elaborator& self, const Learner& learner, const ScopePtr& frame, const Source& source,
                           const Value& item, const Query& query, const SweepPoint& point, Span span) {
  const Value predict = predict_of(self, learner, frame, source, point, span);
  const std::int64_t rows = query.y.get<Tensor>()->shape()[0];
  auto arguments = point.arguments;
  arguments.insert(arguments.begin(), {"", query.x, span});
  // Where the task is known at test, a learner that can use it is told which labels are possible.
  if (const Value* active = item.record()->find("active"); active != nullptr && predict.callable() != nullptr)
    for (const auto& parameter : predict.callable()->lists.back())
      if (parameter.name == "active") arguments.push_back({"active", *active, span});
  const Tensor predictions = self.tensor(self.call(predict, std::move(arguments), span), span);
  if (predictions.shape().rank() == 0 || predictions.shape()[0] != rows)
    self.fail("E0418", span,
              fmt::format("`predict` gives {} for {} examples: one row for each is needed",
                          to_string(predictions.type()), rows));
  return predictions;
}

// A function of the learner on each row by itself: a batch of one, with whatever fields the batch has.
Tensor own_metric_of_rows(Elaborator& self, const Learner& learner, const ScopePtr& frame, const Metric& metric,
                          const Value& item, const SweepPoint& with, Span span) {
  const std::vector<Tensor> columns = tensors_of(item);
  const std::int64_t rows = columns.front().shape()[0];
  const auto one = [&](const std::vector<Tensor>& slices, Tensor index) -> Value {
    WithContext inside(self, row_context(self, index, rows));
    std::vector<Value> parts;
    for (std::size_t i = 0; i < slices.size(); ++i) {
      const Tensor part = reshape(slices[i], slices[i].shape().with_front(1));
      if (const auto classes = self.classes_of(columns[i])) self.know_classes(part, *classes);
      parts.emplace_back(part);
    }
    return measured_by_itself(self, learner, frame, metric, with_leaves(item, parts), with, span);
  };
  return *each_row(self, columns, rows, one, span).get<Tensor>();
}

std::vector<Tensor> row_metrics(Elaborator& self, const Learner& learner, ProcedureBuilder& builder,
                                const Source& source, const std::vector<SweepPoint>& sweep,
                                const std::vector<Metric>& metrics, Span span) {
  const Context context = builder.outside_training();
  const Value item = item_of(self, source, builder);
  std::vector<Tensor> results;
  for (const auto& point : sweep) {
    WithContext inside(self, context);
    const ScopePtr frame = self.frame(learner, builder.state);
    Tensor predictions, labels;
    if (needs_predictions(metrics)) {
      const Query query = query_of(self, source, item, span);
      labels = *query.y.get<Tensor>();
      predictions = predictions_of_rows(self, learner, frame, source, item, query, point, span);
    }
    for (const auto& metric : metrics)
      results.push_back(metric.own.empty() ? metric_of_rows(self, metric, predictions, labels, span)
                                           : own_metric_of_rows(self, learner, frame, metric, item, point, span));
  }
  return results;
}

}  // namespace

Evaluation evaluation(Elaborator& self, const Learner& learner, const Value& state, const Source& source,
                      const Form& form, std::int64_t count, const std::vector<SweepPoint>& sweep,
                      const std::vector<Metric>& metrics, Span span) {
  ProcedureBuilder builder(self, state, None{}, form);
  WithContext here(self, builder.outside_training());
  self.declared().clear();
  Evaluation result;
  const auto outputs = source.gives_tasks() ? task_metrics(self, learner, builder, source, count, sweep, metrics, span)
                                            : row_metrics(self, learner, builder, source, sweep, metrics, span);
  result.procedure = builder.close(outputs);
  result.statistics = self.declared();
  return result;
}

std::string default_metric(Elaborator& self, const Source& source) {
  ProcedureBuilder builder(self, None{}, None{}, example_form(source));
  WithContext here(self, builder.context());
  const Value item = item_of(self, source, builder);
  const Record* record = item.record();
  if (source.gives_tasks()) record = record->find("query") != nullptr ? record->find("query")->record() : nullptr;
  const Value* y = record != nullptr ? record->find("y") : nullptr;
  return y != nullptr && !is_float(self.tensor(*y, {}).dtype()) ? "metric_of_labels" : "metric_of_targets";
}

}  // namespace metac::dsl
