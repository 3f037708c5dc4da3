// One experiment: its parameters, its `train` and `evaluate`, and what the observer is told.
#include "driver/session.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <limits>

#include "base/error.hpp"
#include "base/hash.hpp"
#include "driver/learner_file.hpp"
#include "elaborate/sources.hpp"

namespace metac::dsl {
namespace {

// A number that is measured, as the script sees it.
Value number(double measured, bool rehearsal) {
  return rehearsal ? Value(Unmeasured{measured, false}) : Value(measured);
}

Value value_of(const Measurement& row, bool rehearsal) {
  const Summary& of = row.summary;
  return Value::record({{"metric", row.metric},
                        {"with", row.point},
                        {"mean", number(of.mean, rehearsal)},
                        {"interval", number(of.interval, rehearsal)},
                        {"median", number(of.median, rehearsal)},
                        {"trimmed_mean", number(of.trimmed_mean, rehearsal)},
                        {"protocol", row.protocol}});
}

Value one_or_list(std::vector<Value> values) {
  return values.size() == 1 ? values.front() : Value::list(std::move(values));
}

// Two results of one `evaluate` can only differ in what comes from the learners.
std::string why_not(const EvaluationResult& a, const EvaluationResult& b) {
  const bool first = transductive(a.statistics);
  if (first != transductive(b.statistics))
    return fmt::format("`{}` predicts one query with the statistics of all (T), `{}` does not", (first ? a : b).learner,
                       (first ? b : a).learner);
  const auto rule = [](const EvaluationResult& r) { return r.selection.empty() ? "last" : r.selection; };
  if (rule(a) != rule(b))
    return fmt::format("of `{}` the {} state was selected, of `{}` the {}", a.learner, rule(a), b.learner, rule(b));
  if (a.rows.front().protocol != b.rows.front().protocol)
    return fmt::format("`{}` and `{}` were selected by other validations", a.learner, b.learner);
  return "";
}

std::vector<Comparison> comparisons(const std::vector<EvaluationResult>& results, const std::vector<Metric>& metrics) {
  std::vector<Comparison> found;
  const EvaluationResult& last = results.back();
  for (std::size_t i = 0; i + 1 < results.size(); ++i)
    for (std::size_t row = 0; row < results[i].rows.size(); ++row) {
      const Measurement &a = results[i].rows[row], &b = last.rows[row];
      Comparison& pair = found.emplace_back();
      pair.first = results[i].learner, pair.second = last.learner;
      pair.point = a.point, pair.metric = a.metric;
      pair.refused = why_not(results[i], last);
      std::vector<double> differences;
      for (std::size_t item = 0; item < a.values.size(); ++item) differences.push_back(a.values[item] - b.values[item]);
      if (!pair.refused.empty()) differences = {std::numeric_limits<double>::quiet_NaN()};
      const Summary& d = pair.difference = summarise(differences);
      if (!pair.refused.empty()) continue;
      pair.protocol = a.protocol;
      const Metric& metric = metrics[row % metrics.size()];
      if (metric.gain && d.mean + d.interval < 0) pair.warning = metric.warning;  // beyond chance
    }
  return found;
}

// What an `evaluate` gives: the rows of each learner in turn. Of a gain it is the difference; the last of a list has
// none.
std::vector<Value> values_of(const std::vector<EvaluationResult>& results, const std::vector<Metric>& metrics,
                             const std::vector<Comparison>& pairs, bool rehearsal) {
  std::vector<Value> values;
  for (std::size_t i = 0; i < results.size(); ++i)
    for (std::size_t row = 0; row < results[i].rows.size(); ++row) {
      Measurement shown = results[i].rows[row];
      if (metrics[row % metrics.size()].gain) {
        if (i + 1 == results.size()) continue;
        shown.summary = pairs[i * results[i].rows.size() + row].difference;
      }
      values.push_back(value_of(shown, rehearsal));
    }
  return values;
}

}  // namespace

Session::Session(const Machine& machine, std::uint64_t seed, Journal* journal)
    : machine_(machine),
      self_(machine.self),
      seed_(seed),
      key_(data::fold_in_wide(data::Key{}, seed)),
      journal_(journal),
      exposures_(machine.self) {}

Context Session::context(Graph& graph, const Options& options, std::uint64_t seed) {
  Context context;
  context.graph = &graph;
  context.real = options.real;
  context.seed = seed;
  context.key = metac::key(graph, seed);
  return context;
}

ScopePtr Session::parameters(Elaborator& self, const Definition& experiment,
                             const std::map<std::string, Value>& settings) {
  auto scope = std::make_shared<Scope>();
  for (const auto& list : experiment.lists)
    for (const auto& parameter : list.parameters) {
      const auto set = settings.find(parameter.name.text);
      if (set == settings.end() && parameter.default_value == nullptr)
        self.fail("E0423", parameter.name.span, fmt::format("the experiment needs `{}`", parameter.name.text), "",
                  fmt::format("give it a default, or run with `--set {}=...`", parameter.name.text));
      scope->bind(parameter.name.text,
                  set != settings.end() ? set->second : self.evaluate(parameter.default_value, scope));
    }
  return scope;
}

Session::Attached::Attached(Session& session, Graph& graph)
    : self_(session.self_), scopes_(session.self_.scopes_with_functions()) {
  const bool rehearsal = session.machine_.rehearsal;
  self_.work = [&session](const WorkExpr& expression, const ScopePtr& scope, Span span) {
    return session.work(expression, scope, span);
  };
  self_.save = [&session](const Learner& learner, const std::string& path, Span span) {
    session.save(learner, path, span);
  };
  self_.load = [&session](const Learner& learner, const std::string& path, Span span) {
    return session.load(learner, path, span);
  };
  self_.set_printer([&session, rehearsal](const std::string& line) {
    if (!rehearsal) session.machine_.observer.printed(line);
  });
  self_.compute = nullptr;
  if (!rehearsal)
    self_.compute = [&machine = session.machine_, &graph](Tensor t) -> std::optional<Array> {
      if (&t.graph() != &graph) return std::nullopt;
      machine.stop_if_asked();
      Array computed = compile({}, t)({}).front();  // what was asked meanwhile counts, too: nothing is bound
      machine.stop_if_asked();
      return computed;
    };
  if (rehearsal)
    self_.remember = [&session] {
      return [&session, streams = session.streams_, findings = session.findings_, saved = session.saved_,
              seen_by_saved = session.seen_by_saved_] {
        session.streams_ = streams, session.findings_ = findings;
        session.saved_ = saved, session.seen_by_saved_ = seen_by_saved;
      };
    };
}

Session::Attached::~Attached() {  // what refers to the session goes with it
  self_.take_apart(scopes_);
  self_.work = nullptr, self_.compute = nullptr, self_.save = nullptr, self_.load = nullptr, self_.remember = nullptr;
  self_.set_printer(nullptr);
}

void Session::run(const Definition& experiment, const std::map<std::string, Value>& settings) {
  Graph graph;
  WithContext here(self_, context(graph, machine_.options, seed_));
  const Attached attached(*this, graph);
  const ScopePtr scope = parameters(self_, experiment, settings);
  if (experiment.body.block != nullptr) self_.run(*experiment.body.block, scope);
  if (experiment.body.expression != nullptr) self_.evaluate(experiment.body.expression, scope);
}

Value Session::work(const WorkExpr& expression, const ScopePtr& scope, Span span) {
  try {
    if (expression.kind == WorkExpr::Kind::evaluate) return evaluate(expression, scope, span);
    const TrainPlan plan = train_plan(self_, expression, scope, span);
    const auto trained = train(machine_, plan, key_, journal_);
    exposures_.remember(*trained);
    *scope->find(plan.name) = trained;
    return trained;
  } catch (const OutOfMemory& error) {
    throw run_failure("E0502", error, span);
  } catch (const Error& error) {
    throw run_failure("E0507", error, span);
  }
}

std::vector<Learner> Session::learners(const Value& value, Span span) {
  std::vector<Learner> result;
  const std::vector<Value> values = value.list() != nullptr ? value.list()->items : std::vector<Value>{value};
  if (values.empty()) self_.fail("E0431", span, "there is no learner in this list");
  for (const auto& each : values) {
    const auto* learner = each.get<std::shared_ptr<const Learner>>();
    if (learner == nullptr)
      self_.fail("E0431", span, fmt::format("only a learner can be evaluated, not {}", describe(each)));
    result.push_back(**learner);
  }
  return result;
}

// What learners are measured on must be new to them.
void Session::refuse_seen(const std::vector<Learner>& compared, const std::vector<Exposure>& on) {
  const auto overlap = [&](const data::Dataset& set, const Exposure& seen) { return exposures_.overlap(set, seen); };
  for (const auto& learner : compared) refuse_overlap(self_, learner.name(), exposures_.of(learner), on, overlap);
}

EvaluationResult Session::measured(Learner learner, const Measuring& how, const std::vector<Exposure>& on) {
  // All measurements of one seed are made on the same tasks, so that learners compare in pairs.
  const data::Key key = for_purpose(data::fold_in(key_, 2), Purpose::measuring);
  learner.state = machine_.state_for(learner, *how.source, for_purpose(key, Purpose::initial_state));
  const auto seen = exposures_.of(learner);
  EvaluationResult result = measure(machine_, learner, how, key);
  if (!machine_.rehearsal) result.duplicates = exposures_.duplicates(seen, on);
  return result;
}

Value Session::evaluate(const WorkExpr& work, const ScopePtr& scope, Span span) {
  const auto compared = learners(self_.evaluate(work.learner, scope), work.learner->span);
  const Value on = self_.evaluate(work.source, scope);
  if (const List* stream = on.list()) return evaluate_stream(work, scope, compared, *stream, span);

  const SourcePtr source = source_of(self_, on, "test", work.source->span);
  const auto* rows = dynamic_cast<const BatchSource*>(source.get());
  WorkOptions options(self_, work, scope, span);
  const auto with = options.value("with"), metrics = options.value_with_metrics("metrics");
  Measuring how =
      measuring(self_, source, with, options.span("with"), metrics, options.span("metrics"), span, compared.size() > 1);
  how.count = rows != nullptr ? rows->size() : options.count("tasks").value_or(600);
  if (rows != nullptr && options.expression("tasks") != nullptr)
    self_.fail("E0422", options.span("tasks"),
               fmt::format("`tasks` has no meaning on {}: all of its examples are measured", source->describe()));
  if (rows != nullptr) how.batch = std::min(how.count, options.count("batch").value_or(default_rows_at_once));
  refuse_task_identity(self_, on, with, options.span("with"), work);
  const auto data = exposures_of(self_, *source, false, work.source->span);
  if (!overlap_is_intended(self_, options.value("overlap"), options.span("overlap"))) refuse_seen(compared, data);
  options.finish();

  std::vector<EvaluationResult> results;
  for (std::size_t i = 0; i < compared.size(); ++i) {
    results.push_back(measured(compared[i], how, data));
    // In a list, the names that the script gives tell learners of one kind apart.
    if (const auto* list = std::get_if<ListExpr>(&work.learner->node); list != nullptr && i < list->items.size())
      if (const auto* name = std::get_if<NameExpr>(&list->items[i]->node)) results.back().learner = name->name;
    EvaluationResult shown = results.back();
    shown.rows.clear();
    for (std::size_t row = 0; row < results.back().rows.size(); ++row) {
      const Measurement& measurement = results.back().rows[row];
      if (how.metrics[row % how.metrics.size()].gain) continue;  // said of pairs only
      shown.rows.push_back(measurement);
      findings_.push_back({fmt::format("{} on {}{}{}", shown.learner, shown.source,
                                       measurement.point.empty() ? "" : ", ", measurement.point),
                           measurement.metric, measurement.summary.mean, false, measurement.protocol});
    }
    if (!machine_.rehearsal && !shown.rows.empty()) machine_.observer.evaluated(shown);
  }
  const auto pairs = comparisons(results, how.metrics);
  for (const auto& pair : pairs)
    if (pair.refused.empty())
      findings_.push_back(
          {fmt::format("{} - {}{}{}", pair.first, pair.second, pair.point.empty() ? "" : ", ", pair.point), pair.metric,
           pair.difference.mean, true, pair.protocol});
  if (!pairs.empty() && !machine_.rehearsal) machine_.observer.compared(pairs);
  return one_or_list(values_of(results, how.metrics, pairs, machine_.rehearsal));
}

Value Session::evaluate_stream(const WorkExpr& work, const ScopePtr& scope, const std::vector<Learner>& compared,
                               const List& stream, Span span) {
  WorkOptions options(self_, work, scope, span);
  const auto after = options.value("after"), with = options.value("with"),
             metrics = options.value_with_metrics("metrics");
  const auto batch = options.count("batch");
  refuse_task_identity(self_, Value::list(stream.items), with, options.span("with"), work);
  const bool intended = overlap_is_intended(self_, options.value("overlap"), options.span("overlap"));
  options.finish();
  std::vector<std::string> names;
  std::int64_t row = -1;
  for (const auto& task : stream.items) {
    const Value* name = task.record() != nullptr ? task.record()->find("name") : nullptr;
    const bool named = name != nullptr && name->get<std::string>() != nullptr;
    names.push_back(named ? *name->get<std::string>() : fmt::format("task {}", names.size() + 1));
    if (after && after->record() != nullptr && after->record() == task.record())
      row = static_cast<std::int64_t>(names.size()) - 1;
  }
  if (names.empty()) self_.fail("E0435", work.source->span, "the stream has no tasks");
  if (after && row < 0)
    self_.fail("E0435", options.span("after"), fmt::format("`after` is a task of the stream, not {}", describe(*after)),
               "", "write `for task in stream { ... evaluate learner on stream { after: task } }`");

  std::vector<Value> values;
  for (std::size_t i = 0; i < compared.size(); ++i) {
    std::vector<std::vector<double>> columns;  // by metric
    std::vector<Metric> known;
    std::string point;
    Statistics statistics;
    std::vector<Duplicates> copies;
    std::vector<Hash> protocols;  // by metric: those of all tasks
    bool untrained = false;
    for (const auto& task : stream.items) {
      Measuring how = measuring(self_, source_of(self_, task, "test", work.source->span), with, options.span("with"),
                                metrics, options.span("metrics"), span, false);
      const auto* rows = dynamic_cast<const BatchSource*>(how.source.get());
      if (rows == nullptr || how.sweep.size() != 1)
        self_.fail("E0435", work.source->span, "a stream is measured on data sets, with one choice of `with`");
      how.count = rows->size();
      how.batch = std::min(how.count, batch.value_or(default_rows_at_once));
      const auto data = exposures_of(self_, *how.source, false, work.source->span);
      if (!intended) refuse_seen({compared[i]}, data);
      const EvaluationResult result = measured(compared[i], how, data);
      copies.insert(copies.end(), result.duplicates.begin(), result.duplicates.end());
      statistics.insert(result.statistics.begin(), result.statistics.end());
      untrained = result.untrained;
      known = how.metrics;
      point = how.sweep.front().text;
      columns.resize(known.size());
      protocols.resize(known.size());
      for (std::size_t m = 0; m < known.size(); ++m) {
        columns[m].push_back(result.rows[m].summary.mean);
        protocols[m].text(result.rows[m].protocol);
      }
    }
    for (std::size_t m = 0; m < known.size(); ++m) {
      const auto same_name = std::count_if(known.begin(), known.begin() + static_cast<std::ptrdiff_t>(m),
                                           [&](const Metric& metric) { return metric.name == known[m].name; });
      StreamResult& result = streams_.matrix(
          {compared[i].name(), i, names, point, known[m].name, static_cast<std::size_t>(same_name)}, row, untrained);
      if (row >= 0 && static_cast<std::int64_t>(result.matrix.size()) != row)
        self_.fail("E0435", options.span("after"),
                   fmt::format("task {} of the stream is measured after {} of them: each needs its turn", row + 1,
                               result.matrix.size()));
      (row >= 0 ? result.matrix.emplace_back() : untrained ? result.untrained : result.now) = columns[m];
      result.statistics.insert(statistics.begin(), statistics.end());
      result.selection = compared[i].selection.rule;
      result.duplicates = m == 0 ? copies : std::vector<Duplicates>();  // they are the same for each metric
      result.protocol = fmt::format("{:08x}", protocols[m].short_value());
      if (!machine_.rehearsal) machine_.observer.stream_measured(result);
      std::vector<Value> numbers;
      for (const double value : columns[m]) numbers.push_back(number(value, machine_.rehearsal));
      std::vector<std::pair<std::string, Value>> fields{{"metric", known[m].name}, {"values", Value::list(numbers)}};
      if (result.complete()) {
        const std::string what = fmt::format("{} along {} tasks", result.learner, names.size());
        const auto add = [&](const char* name, double value, bool difference) {
          fields.emplace_back(name, number(value, machine_.rehearsal));
          findings_.push_back({fmt::format("{}, {}", what, name), known[m].name, value, difference, result.protocol});
        };
        add("average", result.average(), false);
        add("backward_transfer", result.backward_transfer(), true);
        add("forgetting", result.forgetting(), true);
        if (!result.untrained.empty()) add("forward_transfer", result.forward_transfer(), true);
      }
      values.push_back(Value::record(std::move(fields)));
    }
  }
  return one_or_list(std::move(values));
}

// ---- files of learners ----

// Before anything runs: what was learned in an hour is not lost for a folder that is not there. `made`: one that the
// run will make.
static void refuse_place(Elaborator& self, const std::filesystem::path& path, const std::string& made, Span span) {
  std::error_code unknown;
  const auto whole = [&](const std::filesystem::path& each) {
    return std::filesystem::weakly_canonical(std::filesystem::absolute(each, unknown), unknown);
  };
  const std::filesystem::path file = whole(path), folder = file.parent_path();
  const auto refuse = [&](const std::string& why) {
    self.fail("E0506", span, fmt::format("{} cannot be written: {}", path.string(), why), "",
              path.is_relative() ? "`save` and `load` go from the folder that metac was started in" : "");
  };
  if (!made.empty() && folder == whole(made)) return;
  if (!std::filesystem::is_directory(folder, unknown)) refuse(fmt::format("there is no folder {}", folder.string()));
  if (std::filesystem::is_directory(file, unknown)) refuse("it is a folder");
  // A pipe or a device is written as it is; in place of a file comes another one.
  const bool in_place = std::filesystem::exists(file, unknown) && !std::filesystem::is_regular_file(file, unknown);
  if (in_place ? ::access(file.c_str(), W_OK) != 0 : ::access(folder.c_str(), W_OK | X_OK) != 0)
    refuse(in_place ? "it may not be written to" : fmt::format("no file may be made in {}", folder.string()));
}

void Session::save(const Learner& learner, const std::string& path, Span span) {
  if (learner.state.is_none())
    self_.fail("E0385", span, fmt::format("the learner `{}` has no state yet: it was not trained", learner.name()));
  saved_[path] = learner.state;
  seen_by_saved_[path] = exposures_.of(learner);
  if (machine_.rehearsal) return refuse_place(self_, path, machine_.options.out, span);
  try {
    write_learner(path, learner, seen_by_saved_[path]);
  } catch (const Error& error) {
    throw run_failure("E0506", error, span);
  }
}

Value Session::load(const Learner& learner, const std::string& path, Span span) {
  auto copy = learner;
  if (const auto saved = saved_.find(path); saved != saved_.end() && machine_.rehearsal) {
    copy.state = saved->second;
  } else {
    try {
      if (!read_learner(path, copy))
        self_.print(
            fmt::format("load: {} does not say what the learner was trained on, so no overlap of that with what "
                        "it is measured on is found",
                        path));
      for (Exposure& each : copy.exposures) each.span = span;
    } catch (const Error& error) {
      std::error_code unknown;
      const std::filesystem::path whole = std::filesystem::absolute(path, unknown);
      if (!std::filesystem::exists(whole, unknown))
        self_.fail("E0437", span, fmt::format("there is no file {}", whole.string()), "",
                   std::filesystem::path(path).is_relative()
                       ? "`save` and `load` go from the folder that metac was started in"
                       : "");
      self_.fail("E0437", span, error.what());
    }
    if (copy.state.is_none())
      self_.fail("E0437", span,
                 fmt::format("{} holds no learner: none of its arrays has a name like `learner.theta...`", path));
  }
  copy.state = widened(copy.state, self_.context().real);
  copy.loaded = path;
  if (const auto seen = seen_by_saved_.find(path); seen != seen_by_saved_.end()) copy.exposures = seen->second;
  exposures_.remember(copy);
  return std::make_shared<const Learner>(std::move(copy));
}

}  // namespace metac::dsl
