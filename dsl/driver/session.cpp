// One experiment: its `train` and `evaluate`, from their options to steps, measurements and what the observer is told.
#include "driver/session.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "elaborate/sources.hpp"

namespace metac::dsl {
namespace {

constexpr double report_interval = 0.1;  // seconds between two reports of progress at least
enum Purpose : std::uint32_t { initial_state = 1, training, measuring };

Array key_array(data::Key key) {
  const std::int32_t words[] = {static_cast<std::int32_t>(key.a), static_cast<std::int32_t>(key.b)};
  return Array::from<std::int32_t>(Shape{2}, words);
}

bool all_finite(const Array& array) {
  if (array.dtype() == Dtype::f32)
    return std::all_of(array.as<float>().begin(), array.as<float>().end(), [](float v) { return std::isfinite(v); });
  if (array.dtype() == Dtype::f64)
    return std::all_of(array.as<double>().begin(), array.as<double>().end(), [](double v) { return std::isfinite(v); });
  return true;
}

// What the engine refuses while it runs: mostly memory.
Diagnostic not_run(const Error& error, Span span) {
  Diagnostic diagnostic;
  diagnostic.code = "E0502";
  diagnostic.span = span;
  diagnostic.message = error.what();
  return diagnostic;
}

}  // namespace

// ---- options ----

WorkOptions::WorkOptions(Elaborator& self, const WorkExpr& work, ScopePtr scope, Span span)
    : self_(self), work_(work), scope_(std::move(scope)), span_(span) {}

ExprPtr WorkOptions::expression(const char* name) {
  taken_.emplace_back(name);
  for (const auto& option : work_.options)
    if (option.name && option.name->text == name) return option.value;
  return nullptr;
}

std::optional<Value> WorkOptions::value(const char* name) {
  const auto given = expression(name);
  return given != nullptr ? std::optional(self_.evaluate(given, scope_)) : std::nullopt;
}

std::int64_t WorkOptions::count(const char* name, std::optional<std::int64_t> otherwise) {
  const auto given = value(name);
  if (!given && otherwise) return *otherwise;
  const char* verb = work_.kind == WorkExpr::Kind::train ? "train" : "evaluate";
  if (!given)
    self_.fail("E0420", span_, fmt::format("`{}` needs `{}`", verb, name), "",
               fmt::format("write `{}: 1000` between its braces", name));
  const auto n = self_.integer(*given, span(name), fmt::format("`{}`", name).c_str());
  if (n < 1) self_.fail("E0421", span(name), fmt::format("`{}` is at least 1, not {}", name, n));
  if (n > 1'000'000'000) self_.fail("E0421", span(name), fmt::format("`{}` is at most 1_000_000_000, not {}", name, n));
  return n;
}

Span WorkOptions::span(const char* name) const {
  for (const auto& option : work_.options)
    if (option.name && option.name->text == name) return option.value->span;
  return span_;
}

void WorkOptions::finish() const {
  for (const auto& option : work_.options)
    if (!option.name || std::find(taken_.begin(), taken_.end(), option.name->text) == taken_.end())
      self_.fail(
          "E0422", option.span,
          fmt::format("`{}` is not available here yet", option.name ? option.name->text : "an option without a name"),
          "", fmt::format("known are {}", fmt::join(taken_, ", ")));
}

// ---- one experiment ----

Session::Session(Elaborator& self, const Options& options, Observer& observer, bool rehearsal)
    : self_(self),
      options_(options),
      observer_(observer),
      rehearsal_(rehearsal),
      key_(data::fold_in_wide(data::Key{}, options.seed)) {}

data::Key Session::next_key(std::uint32_t purpose) { return data::fold_in(data::fold_in(key_, ++works_), purpose); }

void Session::stop_if_asked() const {
  if (options_.stop != nullptr && options_.stop->load()) throw Interrupted{};
}

void Session::run(const Definition& experiment, const std::map<std::string, Value>& settings) {
  Graph graph;
  Context context;
  context.graph = &graph;
  context.real = options_.real;
  WithContext here(self_, context);
  self_.context().key = key(graph, options_.seed);
  self_.work = [this](const WorkExpr& work_expression, const ScopePtr& scope, Span span) {
    return work(work_expression, scope, span);
  };
  self_.set_printer([this](const std::string& line) {
    if (!rehearsal_) observer_.printed(line);
  });
  self_.compute = nullptr;
  if (!rehearsal_) self_.compute = [](std::span<const Tensor> outputs) { return compile({}, outputs).run({}); };
  struct Clear {  // what refers to this session goes with it
    Elaborator& self;
    ~Clear() { self.work = nullptr, self.compute = nullptr, self.set_printer(nullptr); }
  } clear{self_};

  auto scope = std::make_shared<Scope>();
  for (const auto& list : experiment.lists)
    for (const auto& parameter : list.parameters) {
      const auto set = settings.find(parameter.name.text);
      if (set == settings.end() && parameter.default_value == nullptr)
        self_.fail("E0423", parameter.name.span, fmt::format("the experiment needs `{}`", parameter.name.text), "",
                   fmt::format("give it a default, or run with `--set {}=...`", parameter.name.text));
      scope->bind(parameter.name.text,
                  set != settings.end() ? set->second : self_.evaluate(parameter.default_value, scope));
    }
  if (experiment.body.block != nullptr) self_.run(*experiment.body.block, scope);
  if (experiment.body.expression != nullptr) self_.evaluate(experiment.body.expression, scope);
}

Value Session::work(const WorkExpr& expression, const ScopePtr& scope, Span span) {
  const bool training = expression.kind == WorkExpr::Kind::train;
  try {
    return training ? train(expression, scope, span) : evaluate(expression, scope, span);
  } catch (const Error& error) {
    throw RunFailure{not_run(error, span)};
  }
}

SourcePtr Session::source(const Value& value, Span span) {
  if (const auto* source = value.get<SourcePtr>()) return *source;
  const bool is_data = value.get<std::shared_ptr<const data::Dataset>>() != nullptr;
  self_.fail("E0424", span, fmt::format("tasks were needed, this is {}", describe(value)), "",
             is_data ? "make tasks of it: `episodes(data, ways: 5, shots: 1, queries: 1)`"
                     : "a `tasks` definition or `episodes(...)`");
}

// ---- state ----

std::vector<Array> Session::inputs(const Value& state, const Value& memory, data::Key key, std::int64_t step,
                                   double progress, std::vector<Array> arrays) {
  std::vector<Array> result;
  for (const Value* tree : {&state, &memory})
    if (!tree->is_none())
      for (const auto& leaf : leaves(*tree)) result.push_back(*leaf.value.get<Array>());
  result.push_back(key_array(key));
  result.push_back(Array::scalar<std::int32_t>(static_cast<std::int32_t>(step)));
  result.push_back(self_.context().real == Dtype::f64 ? Array::scalar<double>(progress)
                                                      : Array::scalar<float>(static_cast<float>(progress)));
  for (auto& array : arrays) result.push_back(std::move(array));
  return result;
}

Value Session::computed(const FirstState& first, std::vector<Array> inputs) {
  if (rehearsal_) return first.form;
  std::vector<Value> values;
  Executable executable(make_plan(first.procedure.program), options_.threads);
  // Copies: results that are the same value would share their memory, and each is changed on its own later.
  for (auto& array : executable.run(inputs)) values.emplace_back(array.clone());
  return with_leaves(first.form, values);
}

Value Session::initial(const Learner& learner, const SourcePtr& source, data::Key key) {
  const FirstState first = first_state(self_, learner, *source);
  std::vector<Array> example;
  if (!rehearsal_)
    for (const auto& array : source->sample(key, 0, 1)) example.push_back(array.row(0));
  return computed(first, inputs(None{}, None{}, key, 0, 0, std::move(example)));
}

Value Session::memory(const Learner& learner, const Value& state, const OptimizerMaker& maker, data::Key key) {
  return computed(first_memory(self_, learner, state, maker), inputs(state, None{}, key, 0, 0, {}));
}

// ---- training ----

void Session::check_finite(const TrainState& state, const Array& losses, const std::string& loss_name,
                           Span span) const {
  const auto diverged = [&](std::string message) {
    Diagnostic diagnostic;
    diagnostic.code = "E0501";
    diagnostic.span = span;
    diagnostic.message = std::move(message);
    diagnostic.hint = "smaller learning rates, or a loss that is defined everywhere";
    throw RunFailure{std::move(diagnostic)};
  };
  if (!all_finite(losses))
    for (std::int64_t task = 0; task < losses.elements(); ++task)
      if (!std::isfinite(losses.at(task)))
        diverged(fmt::format("the {} became {} in step {}, in task {} of {}", loss_name,
                             std::isnan(losses.at(task)) ? "NaN"
                             : losses.at(task) > 0       ? "infinite"
                                                         : "minus infinite",
                             state.step, task + 1, losses.elements()));
  for (const auto& leaf : leaves(state.learner))
    if (!all_finite(*leaf.value.get<Array>()))
      diverged(fmt::format("`{}` became infinite or NaN in step {}", leaf.path, state.step));
}

void Session::run_steps(const TrainStep& step, TrainState& state, const SourcePtr& source, const Learner& learner,
                        std::int64_t iterations, std::int64_t batch, const std::function<void(std::int64_t)>& validate,
                        Span span) {
  Executable executable(make_plan(step.procedure.program), options_.threads);
  const auto begin = Clock::now();
  auto reported = begin;
  double loss = 0;
  std::int64_t since = 0;
  const std::size_t leaves_count = leaves(state.learner).size() + leaves(state.optimizer).size();
  while (state.step < iterations) {
    stop_if_asked();
    const data::Key key = data::fold_in_wide(state.key, static_cast<std::uint64_t>(state.step));
    auto given =
        inputs(state.learner, state.optimizer, key, state.step,
               static_cast<double>(state.step) / static_cast<double>(iterations), source->sample(key, 0, batch));
    // The new state is written over the old one.
    std::vector<Array> results(given.begin(), given.begin() + static_cast<std::ptrdiff_t>(leaves_count));
    results.emplace_back(executable.output_types().back());
    executable.run(given, results);
    ++state.step;
    check_finite(state, results.back(), step.loss_name, span);
    for (std::int64_t i = 0; i < batch; ++i) loss += results.back().at(i) / static_cast<double>(batch);
    ++since;
    const auto now = Clock::now();
    const bool last = state.step == iterations;
    if (last || state.step == 1 || std::chrono::duration<double>(now - reported).count() >= report_interval) {
      const double seconds = std::chrono::duration<double>(now - begin).count(),
                   rate = static_cast<double>(state.step) / seconds;
      observer_.train_progress({learner.name(), source->describe(), state.step, iterations, step.loss_name,
                                loss / static_cast<double>(since), rate,
                                static_cast<double>(iterations - state.step) / rate, last});
      reported = now;
      loss = 0;
      since = 0;
    }
    validate(state.step);
  }
  observer_.trained(learner.name(), state, std::chrono::duration<double>(Clock::now() - begin).count());
}

Value Session::train(const WorkExpr& work, const ScopePtr& scope, Span span) {
  const auto* name = std::get_if<NameExpr>(&work.learner->node);
  const Value value = self_.evaluate(work.learner, scope);
  const auto* pointer = value.get<std::shared_ptr<const Learner>>();
  if (pointer == nullptr)
    self_.fail("E0425", work.learner->span, fmt::format("only a learner can be trained, not {}", describe(value)), "",
               "bind one first: `let learner = ...`");
  if (name == nullptr)
    self_.fail("E0426", work.learner->span, "the learner to train needs a name", "",
               "write `let learner = ...` first: training changes what the name stands for");
  const auto& learner = **pointer;
  const SourcePtr tasks = source(self_.evaluate(work.source, scope), work.source->span);

  WorkOptions options(self_, work, scope, span);
  const auto iterations = options.count("iterations", std::nullopt);
  const auto batch = options.count("batch", 1);
  const ExprPtr rule = options.expression("optimizer");
  if (rule == nullptr)
    self_.fail("E0420", span, "`train` needs `optimizer`", "", "write `optimizer: adam(1e-3)` between its braces");
  const OptimizerMaker maker = [&](const ScopePtr& known) {
    known->parent = scope;
    const Value made = self_.evaluate(rule, known);
    const auto* optimizer = made.get<std::shared_ptr<const Optimizer>>();
    if (optimizer == nullptr)
      self_.fail("E0427", rule->span, fmt::format("an optimizer was needed, this is {}", describe(made)), "",
                 "such as `adam(1e-3)`");
    return *optimizer;
  };

  std::optional<Plan> validation;
  std::int64_t every = 0;
  if (const auto validate = options.value("validate")) {
    const Span at = options.span("validate");
    const Record* fields = validate->record();
    const auto field = [&](const char* key) { return fields != nullptr ? fields->find(key) : nullptr; };
    if (field("on") == nullptr || field("every") == nullptr)
      self_.fail("E0428", at, "`validate` needs `on` and `every`", "",
                 "write `validate: (on: tasks, every: 500, tasks: 200)`");
    for (const auto& [key, unused] : fields->fields)
      if (key != "on" && key != "every" && key != "tasks" && key != "with" && key != "metrics")
        self_.fail("E0428", at, fmt::format("`validate` has no `{}`", key), "",
                   "it has on, every, tasks, with, metrics");
    every = self_.integer(*field("every"), at, "`every`");
    const auto count = field("tasks") != nullptr ? self_.integer(*field("tasks"), at, "`tasks`") : 200;
    if (every < 1 || count < 1) self_.fail("E0421", at, "`every` and `tasks` are at least 1");
    const auto optional = [](const Value* v) { return v != nullptr ? std::optional(*v) : std::nullopt; };
    validation = plan(source(*field("on"), at), count, optional(field("with")), at, optional(field("metrics")), at, at);
  }
  options.finish();

  const data::Key key = next_key(training);
  TrainState state;
  state.key = key;
  state.learner =
      learner.state.is_none() ? initial(learner, tasks, data::fold_in(key, initial_state)) : cloned(learner.state);
  state.optimizer = memory(learner, state.learner, maker, data::fold_in(key, initial_state));
  const auto trained = [&] {
    auto copy = learner;
    copy.state = state.learner;
    return copy;
  };
  const data::Key validation_key = data::fold_in(key, measuring);
  const TrainStep step = train_step(self_, learner, state.learner, state.optimizer, maker, *tasks, batch, span);
  if (rehearsal_) {
    if (validation) measure(trained(), *validation, validation_key);
  } else {
    run_steps(
        step, state, tasks, learner, iterations, batch,
        [&](std::int64_t done) {
          if (!validation || done % every != 0) return;
          auto result = measure(trained(), *validation, validation_key);
          result.validation = true;
          result.step = done;
          observer_.evaluated(result);
        },
        span);
  }
  const Value result = std::make_shared<const Learner>(trained());
  *scope->find(name->name) = result;
  return result;
}

// ---- measuring ----

Session::Plan Session::plan(const SourcePtr& source, std::int64_t tasks, const std::optional<Value>& with,
                            Span with_span, const std::optional<Value>& metrics, Span metrics_span, Span span) {
  Plan result{source, tasks, {{}}, {}, span};
  if (with) {
    const Record* fields = with->record();
    if (fields == nullptr)
      self_.fail("E0429", with_span, "`with` needs named values", "",
                 "write `with: (updates: 3)`, or a list to sweep: `with: (updates: [1, 5])`");
    for (const auto& [name, value] : fields->fields) {
      const List* list = value.list();
      const std::vector<Value> choices = list != nullptr ? list->items : std::vector<Value>{value};
      std::vector<SweepPoint> wider;
      for (const auto& point : result.sweep)
        for (const auto& choice : choices) {
          auto next = point;
          next.arguments.push_back({name, choice, with_span});
          next.text += fmt::format("{}{}: {}", next.text.empty() ? "" : ", ", name, to_text(choice));
          wider.push_back(std::move(next));
        }
      result.sweep = std::move(wider);
    }
  }
  std::vector<Value> functions;
  if (!metrics) {
    functions.push_back(self_.global(default_metric(self_, *source), 0, span));
  } else if (const List* list = metrics->list()) {
    functions = list->items;
  } else {
    functions.push_back(*metrics);
  }
  if (functions.empty()) self_.fail("E0430", metrics_span, "`metrics` is empty");
  for (const auto& function : functions) {
    if (function.callable() == nullptr)
      self_.fail("E0430", metrics_span,
                 fmt::format("a metric is a function of predictions and labels, not {}", describe(function)));
    result.metrics.push_back({function.callable()->name, function});
  }
  return result;
}

EvaluationResult Session::measure(const Learner& learner, const Plan& plan, data::Key key) {
  EvaluationResult result{learner.name(), plan.source->describe(), plan.tasks, false, false, 0, {}};
  const std::size_t columns = plan.sweep.size() * plan.metrics.size();
  std::vector<std::vector<double>> values(columns);
  std::map<std::int64_t, std::unique_ptr<Executable>> executables;  // one for the full count, perhaps one for the rest
  for (std::int64_t first = 0; first < plan.tasks;) {
    const auto count = std::clamp(options_.tasks_at_once, std::int64_t{1}, plan.tasks - first);
    auto& executable = executables[count];
    if (executable == nullptr) {
      const Evaluation made =
          evaluation(self_, learner, learner.state, *plan.source, count, plan.sweep, plan.metrics, plan.span);
      result.transductive = made.transductive;
      if (rehearsal_) break;
      executable = std::make_unique<Executable>(make_plan(made.procedure.program), options_.threads);
    }
    stop_if_asked();
    const auto outputs =
        executable->run(inputs(learner.state, None{}, key, first, 1, plan.source->sample(key, first, count)));
    for (std::size_t column = 0; column < columns; ++column)
      for (std::int64_t i = 0; i < count; ++i) values[column].push_back(outputs[column].at(i));
    first += count;
  }
  for (std::size_t column = 0; column < columns; ++column) {
    const Summary summary = summarise(values[column]);
    result.rows.push_back({plan.sweep[column / plan.metrics.size()].text,
                           plan.metrics[column % plan.metrics.size()].name, std::move(values[column]), summary});
  }
  return result;
}

Value Session::evaluate(const WorkExpr& work, const ScopePtr& scope, Span span) {
  const Value value = self_.evaluate(work.learner, scope);
  std::vector<Value> learners = value.list() != nullptr ? value.list()->items : std::vector<Value>{value};
  const SourcePtr tasks = source(self_.evaluate(work.source, scope), work.source->span);
  WorkOptions options(self_, work, scope, span);
  const auto count = options.count("tasks", 600);
  const auto with = options.value("with"), metrics = options.value("metrics");
  options.finish();
  const Plan how = plan(tasks, count, with, options.span("with"), metrics, options.span("metrics"), span);

  const data::Key key = next_key(measuring);  // the same tasks for every learner of a list
  std::vector<Value> results;
  for (const auto& each : learners) {
    const auto* pointer = each.get<std::shared_ptr<const Learner>>();
    if (pointer == nullptr)
      self_.fail("E0431", work.learner->span, fmt::format("only a learner can be evaluated, not {}", describe(each)));
    Learner learner = **pointer;
    if (learner.state.is_none()) learner.state = initial(learner, tasks, data::fold_in(key, initial_state));
    const EvaluationResult result = measure(learner, how, key);
    if (!rehearsal_) observer_.evaluated(result);
    for (const auto& row : result.rows)
      results.push_back(Value::record({{"metric", row.metric},
                                       {"with", row.point},
                                       {"mean", row.summary.mean},
                                       {"interval", row.summary.interval},
                                       {"median", row.summary.median},
                                       {"trimmed_mean", row.summary.trimmed_mean}}));
  }
  return results.size() == 1 ? results.front() : Value::list(std::move(results));
}

}  // namespace metac::dsl
