// From predictions to numbers: every value belongs to one task or one row, so that learners can be compared in pairs.
#include "driver/measuring.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "elaborate/fingerprint.hpp"
#include "elaborate/sources.hpp"

namespace metac::dsl {
namespace {

std::vector<SweepPoint> sweep_of(Elaborator& self, const Value& with, Span span) {
  const Record* fields = with.record();
  if (fields == nullptr)
    self.fail("E0429", span, "`with` needs named values", "",
              "write `with: (updates: 3)`, or a list to sweep: `with: (updates: [1, 5])`");
  std::vector<SweepPoint> points{{}};
  for (const auto& [name, value] : fields->fields) {
    const List* list = value.list();
    const std::vector<Value> choices = list != nullptr ? list->items : std::vector<Value>{value};
    if (choices.empty()) self.fail("E0429", span, fmt::format("`{}` in `with` has no values to sweep", name));
    std::vector<SweepPoint> wider;
    for (const auto& point : points)
      for (const auto& choice : choices) {
        auto next = point;
        next.arguments.push_back({name, choice, span});
        next.text += fmt::format("{}{}: {}", next.text.empty() ? "" : ", ", name, to_text(choice));
        wider.push_back(std::move(next));
      }
    points = std::move(wider);
  }
  return points;
}

constexpr const char* own_field = "function of the learner";  // no name of a script

// A metric is a function of predictions and labels, one of the learner's own, or a record that says how a learner does
// beside the last of its list: (name: "..", gain_of: function, warning: "..").
Metric metric_of(Elaborator& self, const Value& value, Span span) {
  if (value.callable() != nullptr) return {value.callable()->name, value, {}, false};
  const Record* record = value.record();
  if (const Value* own = record != nullptr ? record->find(own_field) : nullptr) {
    const std::string& name = *own->get<std::string>();
    return {name, None{}, {}, false, name};
  }
  const Value* function = record != nullptr ? record->find("gain_of") : nullptr;
  const Value* name = record != nullptr ? record->find("name") : nullptr;
  const Value* warning = record != nullptr ? record->find("warning") : nullptr;
  if (function == nullptr || function->callable() == nullptr || name == nullptr || name->get<std::string>() == nullptr)
    self.fail("E0430", span, fmt::format("a metric is a function of predictions and labels, not {}", describe(value)),
              "",
              value.get<std::string>() != nullptr
                  ? fmt::format("a function is named without quotes: `[{}]`", *value.get<std::string>())
                  : "");
  const auto* text = warning != nullptr ? warning->get<std::string>() : nullptr;
  return {*name->get<std::string>(), *function, text != nullptr ? *text : "", true};
}

}  // namespace

Value own_metric(const std::string& function) { return Value::record({{own_field, function}}); }

SourcePtr source_of(Elaborator& self, const Value& value, const char* part, Span span) {
  if (const auto* source = value.get<SourcePtr>()) return *source;
  const Record* record = value.record();
  const Value* inside = record != nullptr ? record->find(part) : nullptr;
  if (inside != nullptr && inside->get<SourcePtr>() != nullptr) return *inside->get<SourcePtr>();
  const TaskExamples examples = examples_of(self, value, part, span);
  return batch_source(examples.set, examples.active);
}

Measuring measuring(Elaborator& self, const SourcePtr& source, const std::optional<Value>& with, Span with_span,
                    const std::optional<Value>& metrics, Span metrics_span, Span span, bool in_pairs) {
  Measuring result{source, 0, 0, {{}}, {}, span};
  if (with) result.sweep = sweep_of(self, *with, with_span);
  std::vector<Value> functions;
  if (!metrics) {
    functions.push_back(self.global(default_metric(self, *source), 0, span));
  } else if (const List* list = metrics->list()) {
    functions = list->items;
  } else {
    functions.push_back(*metrics);
  }
  if (functions.empty()) self.fail("E0430", metrics_span, "`metrics` is empty");
  for (const auto& function : functions) {
    const Metric& metric = result.metrics.emplace_back(metric_of(self, function, metrics_span));
    if (metric.gain && !in_pairs)
      self.fail("E0434", metrics_span,
                fmt::format("`{}` compares learners of a list with its last, and here each is measured by itself",
                            metric.name),
                "", "write `evaluate [learner, twin] on ...`, with a data set or tasks");
  }
  return result;
}

std::string protocol_of(Elaborator& self, const Learner& learner, const Measuring& how, const SweepPoint& point,
                        const Metric& metric, bool transductive, const Selection& selection) {
  Fingerprint print(self);
  how.source->identify(print);
  print.number(how.count);
  for (const auto& argument : point.arguments) print.text(argument.name), print.value(argument.value);
  if (metric.own.empty())
    print.value(metric.function);
  else
    print.text(metric.own), print.value(self.closure(*function_of(learner, metric.own), nullptr));
  print.number(metric.gain ? 1 : 0);
  print.number(transductive ? 1 + how.batch : 0);
  print.text(selection.rule.empty() ? "last" : selection.rule);
  print.text(selection.protocol);
  return print.hex();
}

namespace {

// A list or a loop over learners trains copies: whoever then measures the learners themselves is told.
bool is_untrained(const Learner& learner) {
  for (const Learner* each = &learner; each != nullptr; each = each->base())
    if (each->trainings > 0 || !each->loaded.empty() || !each->started.empty()) return false;
  return true;
}

}  // namespace

EvaluationResult measure(const Machine& machine, const Learner& learner, const Measuring& how, data::Key key) {
  EvaluationResult result;
  result.learner = learner.name();
  result.source = how.source->describe();
  result.selection = learner.selection.rule;
  result.untrained = is_untrained(learner);
  result.count = how.count;
  const auto* rows = dynamic_cast<const BatchSource*>(how.source.get());
  const auto* tasks = dynamic_cast<const TaskSource*>(how.source.get());
  result.unit = rows != nullptr ? "examples" : "tasks";
  const std::size_t columns = how.sweep.size() * how.metrics.size();
  std::vector<std::vector<double>> values(columns);
  // Programs by the form of the arrays and their number.
  std::vector<std::tuple<Form, std::int64_t, std::unique_ptr<Executable>>> programs;
  const std::size_t held_before = machine.costs != nullptr ? machine.costs->held : 0;
  const auto program = [&](const Form& form, std::int64_t count) -> Executable* {
    for (auto& [known, size, executable] : programs)
      if (known == form && size == count) return executable.get();
    const Evaluation made =
        evaluation(machine.self, learner, learner.state, *how.source, form, count, how.sweep, how.metrics, how.span);
    machine.inspect(fmt::format("evaluating {} on {} {} of {}", result.learner, count, result.unit, result.source),
                    made.procedure);
    result.statistics.insert(made.statistics.begin(), made.statistics.end());
    if (machine.costs != nullptr) machine.costs->held += machine.weigh(made.procedure, how.span);
    programs.emplace_back(
        form, count, machine.rehearsal ? nullptr : std::make_unique<Executable>(machine.executable(made.procedure)));
    return std::get<2>(programs.back()).get();
  };
  // Tasks of several forms are measured one by one, so that a result does not depend on how many fit at once.
  const bool mixed = tasks != nullptr && tasks->task_forms().size() > 1;
  const std::int64_t most = rows != nullptr ? how.batch
                            : mixed         ? 1
                                            : std::max<std::int64_t>(machine.options.tasks_at_once, 1);
  if (machine.rehearsal) {
    for (const auto count : {std::min(most, how.count), how.count % most})
      if (count > 0 && rows != nullptr)
        program(rows->form(count), count);
      else if (count > 0)
        for (const auto& form : tasks->forms(count)) program(form, count);
  }
  if (machine.costs != nullptr) machine.costs->held = held_before;
  for (std::int64_t first = 0; !machine.rehearsal && first < how.count;) {
    machine.stop_if_asked();
    const std::int64_t count = std::min(most, how.count - first);
    auto arrays = rows != nullptr ? rows->rows(first, count) : tasks->sample(key, first, count);
    Form form;
    for (const auto& array : arrays) form.push_back(array.type());
    const auto outputs = program(form, count)->run(machine.inputs({learner.state}, key, first, 1, std::move(arrays)));
    for (std::size_t column = 0; column < columns; ++column)
      for (std::int64_t i = 0; i < count; ++i) values[column].push_back(outputs[column].at(i));
    first += count;
  }
  for (std::size_t column = 0; column < columns; ++column) {
    const Summary summary = summarise(values[column]);
    const Metric& metric = how.metrics[column % how.metrics.size()];
    const SweepPoint& point = how.sweep[column / how.metrics.size()];
    result.rows.push_back({point.text, metric.name, std::move(values[column]), summary, ""});
    if (!machine.rehearsal)
      result.rows.back().protocol =
          protocol_of(machine.self, learner, how, point, metric, transductive(result.statistics), learner.selection);
  }
  return result;
}

}  // namespace metac::dsl
