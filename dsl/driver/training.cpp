// The loop of training: events, steps, validation, selection.
#include "driver/training.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>

#include "driver/gradcheck_training.hpp"
#include "driver/journal.hpp"
#include "driver/lineage.hpp"
#include "elaborate/derivative_check.hpp"
#include "elaborate/fingerprint.hpp"
#include "elaborate/sources.hpp"
#include "syntax/syntax.hpp"

namespace metac::dsl {
namespace {

using Clock = std::chrono::steady_clock;

constexpr double report_interval = 0.1;  // seconds between two reports of progress at least

// One training while it runs.
class Training {
 public:
  Training(const Machine& machine, const TrainPlan& plan, data::Key key, Journal* journal)
      : machine_(machine), plan_(plan), learner_(*plan.learner), journal_(journal) {
    // Each training of a learner draws for itself; two learners draw alike in theirs, so that they compare in pairs.
    state_.key = for_purpose(data::fold_in(key, static_cast<std::uint32_t>(1 + learner_.trainings)), Purpose::training);
    if (journal != nullptr) entry_ = next_entry();
  }

  std::shared_ptr<const Learner> run() {
    begin();
    if (machine_.rehearsal) {
      rehearse();
    } else if (!is_done()) {
      steps();
    }
    if (machine_.gradcheck != nullptr) machine_.gradcheck->look(machine_, plan_, state_);
    end();
    if (machine_.costs != nullptr) machine_.costs->held = 0;  // its programs go with it
    auto result = trained();
    result.selection = selection();
    return std::make_shared<const Learner>(std::move(result));
  }

 private:
  // What goes wrong with the folder of the run has nothing to do with the step.
  template <class F>
  auto in_folder(F&& f) const {
    try {
      return f();
    } catch (const OutOfMemory&) {
      throw;
    } catch (const Error& error) {
      throw run_failure("E0008", error, plan_.span);
    }
  }
  // What is learned from and validated on counts by what it holds: a run goes on with the same data only, wherever it
  // lies.
  JournalEntry* next_entry() const {
    Fingerprint print(machine_.self);
    plan_.source->identify(print);
    std::string words = plan_.source->describe();
    if (plan_.validation) {
      plan_.validation->source->identify(print);
      words = fmt::format("{}, validated on {}", words, plan_.validation->source->describe());
    }
    return in_folder([&] { return journal_->next_training(words, print.hex()); });
  }
  void keep(bool at_once) {
    if (entry_ != nullptr) in_folder([&] { journal_->keep(*entry_, state_, at_once); });
  }

  // Every form of a step and the validation; what a run would keep of them meanwhile is held. A training that ends
  // within the first epoch never meets its short last batch.
  void rehearse() {
    const auto* rows = dynamic_cast<const BatchSource*>(plan_.source.get());
    const bool meets_all = rows == nullptr || plan_.iterations >= rows->steps_per_epoch(plan_.batch);
    show_derivatives();
    std::optional<Cost> cost;  // of the usual form
    for (const auto& form : plan_.source->forms(plan_.batch)) {
      const Procedure& step = step_on(form).procedure;
      if (machine_.costs == nullptr || (cost && !meets_all)) continue;
      Cost of_form;
      machine_.costs->held += machine_.weigh(step, plan_.span, &of_form);
      if (!cost) cost = of_form;
    }
    if (cost) machine_.costs->trainings.push_back(cost_of_training(*cost));
    if (plan_.validation) measure(machine_, trained(), *plan_.validation, {});
  }

  void show_derivatives() const {
    const auto& show = machine_.options.inspect_gradient;
    if (show == nullptr) return;
    const Source& source = *plan_.source;
    const Form form = source.gives_tasks() ? example_form(source) : source.forms(plan_.batch).front();
    show_gradient(machine_.self, learner_, state_.learner, source, form, plan_.span, [&](const GradientGraph& graph) {
      show(fmt::format("what training {} on {} differentiates", learner_.name(), source.describe()), graph);
    });
  }

  TrainingCost cost_of_training(const Cost& of_step) const {
    TrainingCost result{learner_.name(), plan_.source->describe(), plan_.iterations, {}, of_step.operations,
                        of_step.bytes};
    for (const auto& leaf : leaves(seen(learned(learner_, state_.learner)))) {
      const std::string layer = leaf.path.substr(0, leaf.path.rfind('.'));
      if (result.parameters.empty() || result.parameters.back().first != layer)
        result.parameters.emplace_back(layer, 0);
      result.parameters.back().second += leaf.value.get<Array>()->elements();
    }
    return result;
  }

  // Where the journal holds later values, only the forms are needed.
  Machine preparing() const {
    Machine machine = machine_;
    machine.rehearsal |= entry_ != nullptr && entry_->known;
    return machine;
  }
  bool is_done() const { return entry_ != nullptr && entry_->known && entry_->done; }

  void begin() {
    const Machine machine = preparing();
    const data::Key first = for_purpose(state_.key, Purpose::initial_state);
    state_.learner = machine.state_for(learner_, *plan_.source, first);
    state_.learner = after(machine, "start");
    const Computed memory = first_memory(machine_.self, learner_, state_.learner, plan_.optimizer);
    state_.optimizer =
        machine.computed(memory, plan_.span, [&] { return machine.inputs({state_.learner}, first, 0, 0, {}); });
    if (plan_.goes_on) state_.optimizer = machine.own(last_memory(state_.optimizer, machine.rehearsal));
    state_.source = machine.computed(first_source_memory(machine_.self, *plan_.source), plan_.span,
                                     [&] { return machine.inputs({}, first, 0, 0, {}); });
    if (plan_.select_best) keep_best();
    if (entry_ != nullptr && entry_->known && !entry_->done) in_folder([&] { journal_->restore(*entry_, state_); });
  }

  void end() {
    if (plan_.select_best && !is_done()) {
      state_.learner = state_.best;
      state_.optimizer = state_.best_optimizer;
    }
    state_.learner = after(preparing_end(), "end");
    if (is_done()) {
      in_folder([&] { journal_->restore_end(*entry_, state_.learner, state_.optimizer); });
      state_.source = None{};  // what it remembered is of no use any more, and not kept
      state_.step = entry_->step;
      tell_restored();
    } else if (entry_ != nullptr) {
      in_folder([&] { journal_->finish(*entry_, state_.learner, state_.optimizer, state_.step); });
    }
  }

  // The memory that the last training left. Where `on start` made parameters grow, what is remembered of them grows
  // alike: their part of a fresh memory, with the old one at the beginning of each axis, as their values are.
  Value last_memory(const Value& fresh, bool rehearsal) const {
    const auto old = parts_of("memory", learner_.optimizer_memory);
    const auto grown = grown_shapes(rehearsal);
    NamedArrays parts;
    for (const auto& [path, array] : parts_of("memory", fresh)) {
      const Array* last = find(old, path);
      if (last != nullptr &&
          std::find(grown.begin(), grown.end(), std::pair(last->shape(), array.shape())) != grown.end()) {
        Array corner = array.clone();
        put_first(*last, corner);
        parts.emplace_back(path, std::move(corner));
      } else if (last != nullptr) {
        parts.emplace_back(path, *last);
      }
    }
    for (const auto& [path, array] : old)
      if (find(parts, path) == nullptr) parts.emplace_back(path, array);
    if (const auto wrong = misfit(fresh, "memory", parts); !wrong.empty())
      machine_.self.fail(
          "E0439", plan_.optimizer.span,
          fmt::format("the optimizer's memory of the last training does not fit what `{}` learns now: {}",
                      learner_.name(), wrong),
          "", "give the optimizer again: `optimizer: adam(1e-3)` starts with a fresh memory");
    return taken(fresh, "memory", parts, "");
  }

  // From which shapes to which ones parameters grew since the last training: no axis is shorter, and the old values
  // are at the beginning of each.
  std::vector<std::pair<Shape, Shape>> grown_shapes(bool rehearsal) const {
    std::vector<std::pair<Shape, Shape>> found;
    const auto before = parts_of("", learned(learner_, learner_.state));
    for (const auto& [path, now] : parts_of("", learned(learner_, state_.learner))) {
      const Array* old = find(before, path);
      if (old != nullptr && old->shape() != now.shape() && fits_first(*old, now) && (rehearsal || is_first(*old, now)))
        found.emplace_back(old->shape(), now.shape());
    }
    return found;
  }

  void keep_best() {
    state_.best = machine_.own(state_.learner);
    state_.best_optimizer = machine_.own(state_.optimizer);
  }
  Machine preparing_end() const {
    Machine machine = machine_;
    machine.rehearsal |= is_done();
    return machine;
  }

  Value after(const Machine& machine, const std::string& event_name) const {
    if (!Elaborator::has_event(learner_, event_name)) return state_.learner;
    const auto purpose = event_name == "start" ? Purpose::start : Purpose::end;
    const Computed made = event(machine_.self, learner_, state_.learner, *plan_.source, event_name);
    return machine.computed(made, plan_.span, [&] {
      const auto* rows = dynamic_cast<const BatchSource*>(plan_.source.get());
      return machine.inputs({state_.learner}, for_purpose(state_.key, purpose), state_.step,
                            event_name == "start" ? 0 : 1,
                            rows != nullptr ? rows->rows(0, rows->size()) : std::vector<Array>{});
    });
  }

  Learner trained() const {
    auto copy = learner_;
    copy.state = state_.learner;
    ++copy.trainings;
    copy.loaded.clear();
    copy.selection = {};
    copy.optimizer = plan_.optimizer;
    copy.optimizer_memory = state_.optimizer;
    add_new(copy.exposures, plan_.exposures);
    return copy;
  }

  Selection selection() const {
    Selection result{plan_.select, ""};
    if (plan_.select_best && !machine_.rehearsal)
      result.protocol = protocol_of(machine_.self, learner_, *plan_.validation, plan_.validation->sweep.front(),
                                    plan_.validation->metrics.front(), false, {});
    return result;
  }

  const TrainStep& step_on(const Form& form) {
    machine_.self.overlap_intended = plan_.overlap_intended;
    step_ = train_step(machine_.self, learner_, state_.learner, state_.optimizer, state_.source, plan_.optimizer,
                       *plan_.source, form, plan_.batch, plan_.span);
    machine_.inspect(fmt::format("one step of training {} on {}", learner_.name(), plan_.source->describe()),
                     step_.procedure);
    return step_;
  }

  Executable& executable_for(const Form& form) {
    for (auto& [known, executable] : programs_)
      if (known == form) return *executable;
    programs_.emplace_back(form, std::make_unique<Executable>(machine_.executable(step_on(form).procedure)));
    if (machine_.options.profile) programs_.back().second->measure();
    return *programs_.back().second;
  }

  void steps() {
    begun_ = reported_ = Clock::now();
    first_step_ = state_.step;
    const std::size_t leaves_count =
        leaves(state_.learner).size() + leaves(state_.optimizer).size() + leaves(state_.source).size();
    while (true) {
      keep(stopping());
      machine_.stop_if_asked();
      validate();  // after `keep`: what goes on from a checkpoint measures what that stop may have cut short
      if (state_.step == plan_.iterations) break;
      auto arrays = plan_.source->draw(state_.key, state_.step, plan_.batch);
      Form form;
      for (const auto& array : arrays) form.push_back(array.type());
      Executable& executable = executable_for(form);
      auto given = machine_.inputs(
          {state_.learner, state_.optimizer, state_.source}, step_key(state_.key, state_.step), state_.step,
          static_cast<double>(state_.step) / static_cast<double>(plan_.iterations), std::move(arrays));
      // The new state is written over the old one.
      std::vector<Array> results(given.begin(), given.begin() + static_cast<std::ptrdiff_t>(leaves_count));
      results.emplace_back(executable.output_types().back());
      const auto run_begun = Clock::now();
      executable.run(given, results);
      running_ += Clock::now() - run_begun;
      ++state_.step;
      check_finite(results.back());
      report(results.back());
    }
    if (plan_.select_best && state_.best_step == 0)
      fail("E0503", fmt::format("no state can be selected: `{}` was NaN in every validation",
                                plan_.validation->metrics.front().name));
    machine_.observer.trained(
        learner_.name(), state_, std::chrono::duration<double>(Clock::now() - begun_).count(),
        plan_.select_best ? fmt::format("best in validation: after step {}", state_.best_step) : "");
    if (machine_.options.profile) tell_profile();
  }

  void tell_profile() const {
    using Seconds = std::chrono::duration<double>;
    std::vector<KernelTime> times;
    for (const auto& [form, executable] : programs_)
      for (auto& time : executable->times()) times.push_back(std::move(time));
    Profile profile{learner_.name(),           state_.step - first_step_,
                    machine_.options.threads,  Seconds(Clock::now() - begun_).count(),
                    Seconds(running_).count(), added_up(times)};
    machine_.observer.profiled(profile);
  }
  void tell_restored() const {
    machine_.observer.trained(learner_.name(), state_, 0, "done before, taken from its checkpoint");
  }
  bool stopping() const { return machine_.options.stop != nullptr && machine_.options.stop->load(); }

  [[noreturn]] void fail(const char* code, std::string message, std::string hint = "") const {
    Diagnostic diagnostic;
    diagnostic.code = code;
    diagnostic.span = plan_.span;
    diagnostic.message = std::move(message);
    diagnostic.hint = std::move(hint);
    throw RunFailure{std::move(diagnostic)};
  }

  void check_finite(const Array& losses) const {
    const auto diverged = [&](std::string message) {
      fail("E0501", std::move(message), "smaller learning rates, or a loss that is defined everywhere");
    };
    if (!all_finite(losses))
      for (std::int64_t task = 0; task < losses.elements(); ++task)
        if (!std::isfinite(losses.at(task)))
          diverged(fmt::format(
              "the {} became {} in step {}{}", step_.loss_name,
              std::isnan(losses.at(task)) ? "NaN"
              : losses.at(task) > 0       ? "infinite"
                                          : "minus infinite",
              state_.step,
              plan_.source->gives_tasks() ? fmt::format(", in task {} of {}", task + 1, losses.elements()) : ""));
    for (const Value* tree : {&state_.learner, &state_.source})
      for (const auto& leaf : leaves(*tree))
        if (!all_finite(*leaf.value.get<Array>()))
          diverged(fmt::format("`{}`{} became infinite or NaN in step {}", leaf.path,
                               tree == &state_.source ? " of the tasks" : "", state_.step));
  }

  void report(const Array& losses) {
    for (std::int64_t i = 0; i < losses.elements(); ++i) loss_ += losses.at(i) / static_cast<double>(losses.elements());
    ++since_;
    const auto now = Clock::now();
    const bool last = state_.step == plan_.iterations;
    if (!last && state_.step != 1 && std::chrono::duration<double>(now - reported_).count() < report_interval) return;
    const double seconds = std::chrono::duration<double>(now - begun_).count(),
                 rate = static_cast<double>(state_.step - first_step_) / seconds;
    machine_.observer.train_progress({learner_.name(), plan_.source->describe(), state_.step, plan_.iterations,
                                      step_.loss_name, loss_ / static_cast<double>(since_), rate,
                                      static_cast<double>(plan_.iterations - state_.step) / rate, last});
    reported_ = now;
    loss_ = 0;
    since_ = 0;
  }

  EvaluationResult validated() {
    try {
      return measure(machine_, trained(), *plan_.validation, for_purpose(state_.key, Purpose::measuring));
    } catch (const Interrupted&) {
      keep(true);
      throw;
    }
  }

  void validate() {
    if (!plan_.validation || state_.step == 0 || state_.step % plan_.every != 0) return;
    auto result = validated();
    result.validation = true;
    result.step = state_.step;
    const double value = result.rows.front().summary.mean;
    if (plan_.select_best && !std::isnan(value) &&
        (state_.best_step == 0 || (plan_.highest ? value > state_.best_value : value < state_.best_value))) {
      keep_best();
      state_.best_value = value;
      state_.best_step = state_.step;
    }
    machine_.observer.evaluated(result);
  }

  const Machine& machine_;
  const TrainPlan& plan_;
  const Learner& learner_;
  Journal* journal_;
  JournalEntry* entry_ = nullptr;
  TrainState state_;
  TrainStep step_;
  std::vector<std::pair<Form, std::unique_ptr<Executable>>> programs_;
  Clock::time_point begun_, reported_;
  Clock::duration running_{};
  std::int64_t first_step_ = 0, since_ = 0;
  double loss_ = 0;
};

void read_validation(Elaborator& self, TrainPlan& plan, const Value& validate, Span at) {
  const Record* fields = validate.record();
  const auto field = [&](const char* key) -> std::optional<Value> {
    const Value* found = fields != nullptr ? fields->find(key) : nullptr;
    return found != nullptr ? std::optional(*found) : std::nullopt;
  };
  const std::vector<std::string> known{"on", "every", "tasks", "with", "metrics"};
  for (const auto& [key, unused] : fields != nullptr ? fields->fields : decltype(fields->fields)())
    if (!key.empty() && std::find(known.begin(), known.end(), key) == known.end()) {
      const auto near = nearest(key, known);
      self.fail(
          "E0428", at, fmt::format("`validate` has no `{}`", key), "",
          near.empty() ? fmt::format("it has {}", fmt::join(known, ", ")) : fmt::format("did you mean `{}`?", near));
    }
  if (!field("on") || !field("every") || fields->find("") != nullptr)
    self.fail("E0428", at, "`validate` needs `on` and `every`", "",
              "write `validate: (on: tasks, every: 500, tasks: 200)`");
  plan.every = self.integer(*field("every"), at, "`every`");
  const SourcePtr source = source_of(self, *field("on"), "test", at);
  plan.validation = measuring(self, source, field("with"), at, field("metrics"), at, at, false);
  if (const auto* rows = dynamic_cast<const BatchSource*>(source.get())) {
    if (field("tasks"))
      self.fail("E0428", at,
                fmt::format("`tasks` has no meaning on {}: all of its examples are measured", source->describe()));
    plan.validation->count = rows->size();
    plan.validation->batch = std::min<std::int64_t>(rows->size(), default_rows_at_once);
  } else {
    plan.validation->count = field("tasks") ? self.integer(*field("tasks"), at, "`tasks`") : 200;
  }
  if (plan.every < 1 || plan.validation->count < 1) self.fail("E0421", at, "`every` and `tasks` are at least 1");
}

void read_length(Elaborator& self, TrainPlan& plan, WorkOptions& options) {
  const auto iterations = options.count("iterations"), epochs = options.count("epochs"), batch = options.count("batch");
  const auto* rows = dynamic_cast<const BatchSource*>(plan.source.get());
  if (rows != nullptr && !batch)
    self.fail("E0420", plan.span, "`train` on a data set needs `batch`", "", "write `batch: 128` between its braces");
  plan.batch = batch.value_or(1);
  if (epochs && rows == nullptr)
    self.fail("E0432", options.span("epochs"),
              fmt::format("{} has no epochs: its tasks do not end", plan.source->describe()), "",
              "write `iterations: 1000`");
  if (iterations && epochs)
    self.fail("E0432", options.span("epochs"), "`iterations` and `epochs` both say how long to train", "",
              "keep one of them");
  if (!iterations && !epochs)
    self.fail("E0420", plan.span, fmt::format("`train` needs `iterations`{}", rows != nullptr ? " or `epochs`" : ""),
              "", "write `iterations: 1000` between its braces");
  plan.iterations = iterations ? *iterations : *epochs * rows->steps_per_epoch(plan.batch);
}

// Of the metric that a source has by itself the library says which end is good; of others the script must.
void read_selection(Elaborator& self, TrainPlan& plan, const Value& select, Span at) {
  const auto* word = select.get<std::string>();
  const std::string choice = word != nullptr ? *word : "";
  if (choice != "best" && choice != "highest" && choice != "lowest" && choice != "last")
    self.fail("E0433", at,
              fmt::format("`select` says which state is kept: \"best\", \"highest\", \"lowest\" or \"last\", not {}",
                          word != nullptr ? fmt::format("\"{}\"", choice) : describe(select)));
  plan.select = choice;
  if (choice == "last") return;
  if (!plan.validation)
    self.fail("E0433", at, fmt::format("`select: \"{}\"` needs `validate`: what is kept is measured there", choice));
  if (plan.every > plan.iterations)
    self.fail(
        "E0433", at,
        fmt::format("`select: \"{}\"` has nothing to choose from: the first validation is after step {}, training "
                    "ends after {}",
                    choice, plan.every, plan.iterations));
  plan.select_best = true;
  plan.highest = choice == "highest";
  if (choice != "best") return;
  const std::string usual = default_metric(self, *plan.validation->source);
  const Metric& metric = plan.validation->metrics.front();
  const Callable* chosen = metric.function.callable();
  const Callable* known = self.global(usual, 0, at).callable();
  if (chosen == nullptr || chosen->definition == nullptr || chosen->definition != known->definition)
    self.fail("E0433", at,
              fmt::format("`select: \"best\"` does not know whether a high or a low `{}` is good", metric.name), "",
              "write `select: \"highest\"` or `select: \"lowest\"`");
  plan.highest = usual == "metric_of_labels";
}

}  // namespace

namespace {

bool is_same(const ExprPtr& rule) {
  const auto* name = std::get_if<NameExpr>(&rule->node);
  return name != nullptr && name->name == "same";
}

// Of an `if` with `same` in a branch, the branch that holds; what is known only in training decides nothing here.
ExprPtr chosen_rule(Elaborator& self, const ExprPtr& rule, const ScopePtr& scope) {
  const auto* choice = std::get_if<IfExpr>(&rule->node);
  if (choice == nullptr || (!is_same(choice->then) && !is_same(choice->otherwise))) return rule;
  const bool holds = self.condition(self.evaluate(choice->condition, scope), choice->condition->span);
  return holds ? choice->then : choice->otherwise;
}

// The names that an expression mentions, as they are now: a learner keeps them, and not the whole scope.
ScopePtr mentioned(const Elaborator& self, Span span, const ScopePtr& scope) {
  auto kept = std::make_shared<Scope>();
  for (const auto word : tokens(self.program().sources().text(span)))
    if (const Value* value = scope->find(word)) kept->bind(std::string(word), *value);
  return kept;
}

void refuse_same_within(Elaborator& self, const ExprPtr& rule, const ScopePtr& scope) {
  const auto words = tokens(self.program().sources().text(rule->span));
  for (std::size_t i = 0; i < words.size(); ++i)
    if (words[i] == "same" && (i == 0 || words[i - 1] != ".") && scope->find("same") == nullptr)
      self.fail("E0439", rule->span, "`same` stands by itself: the whole optimizer of the last training goes on", "",
                "write `optimizer: same`, or `optimizer: if first then adam(1e-3) else same`");
}

void read_optimizer(Elaborator& self, TrainPlan& plan, const ExprPtr& given, const ScopePtr& scope) {
  const ExprPtr rule = chosen_rule(self, given, scope);
  plan.optimizer = {[&self, rule, names = mentioned(self, rule->span, scope)] { return self.evaluate(rule, names); },
                    rule->span};
  if (!is_same(rule)) return refuse_same_within(self, rule, scope);
  if (plan.learner->optimizer.make == nullptr)
    self.fail("E0439", rule->span,
              fmt::format("`same` goes on with the optimizer of the learner's last training, and `{}` has had none{}",
                          plan.name, plan.learner->state.is_none() ? "" : " since it was made or loaded"),
              "", "give one: `optimizer: adam(1e-3)`");
  plan.optimizer.make = plan.learner->optimizer.make;
  plan.goes_on = true;
}

}  // namespace

namespace {

// What is validated on must be new to the learner, in this training and in those before.
void read_exposures(Elaborator& self, TrainPlan& plan, Span on, WorkOptions& options) {
  plan.exposures = exposures_of(self, *plan.source, false, on);
  plan.overlap_intended = overlap_is_intended(self, options.value("overlap"), options.span("overlap"));
  if (!plan.validation) return;
  const auto validated = exposures_of(self, *plan.validation->source, true, options.span("validate"));
  if (!plan.overlap_intended) {
    auto trained_on = plan.exposures;
    for (const auto& before : plan.learner->exposures)
      if (!before.in_validation) trained_on.push_back(before);
    refuse_overlap(self, plan.name, trained_on, validated);
  }
  plan.exposures.insert(plan.exposures.end(), validated.begin(), validated.end());
}

}  // namespace

TrainPlan train_plan(Elaborator& self, const WorkExpr& work, const ScopePtr& scope, Span span) {
  TrainPlan plan;
  plan.span = span;
  const auto* name = std::get_if<NameExpr>(&work.learner->node);
  const Value value = self.evaluate(work.learner, scope);
  const auto* learner = value.get<std::shared_ptr<const Learner>>();
  if (learner == nullptr)
    self.fail("E0425", work.learner->span, fmt::format("only a learner can be trained, not {}", describe(value)), "",
              "bind one first: `let learner = ...`");
  if (name == nullptr)
    self.fail("E0426", work.learner->span, "the learner to train needs a name", "",
              "write `let learner = ...` first: training changes what the name stands for");
  if (scope->find(name->name) == nullptr)
    self.fail("E0426", work.learner->span,
              fmt::format("`{}` is bound outside of the experiment, where training cannot change it", name->name), "",
              fmt::format("bind it to a name of its own first: `let learner = {}`", name->name));
  plan.name = name->name;
  plan.learner = *learner;
  plan.source = source_of(self, self.evaluate(work.source, scope), "train", work.source->span);

  WorkOptions options(self, work, scope, span);
  read_length(self, plan, options);
  const ExprPtr rule = options.expression("optimizer");
  if (rule == nullptr)
    self.fail("E0420", span, "`train` needs `optimizer`", "", "write `optimizer: adam(1e-3)` between its braces");
  read_optimizer(self, plan, rule, scope);
  if (const auto validate = options.value_with_metrics("validate")) {
    read_validation(self, plan, *validate, options.span("validate"));
    plan.select = "last";
  }
  if (const auto select = options.value("select")) read_selection(self, plan, *select, options.span("select"));
  read_exposures(self, plan, work.source->span, options);
  options.finish();
  return plan;
}

std::shared_ptr<const Learner> train(const Machine& machine, const TrainPlan& plan, data::Key key, Journal* journal) {
  if (machine.gradcheck != nullptr) {  // also in a rehearsal: derivatives are those at real weights
    Machine performing = machine;
    performing.rehearsal = false;
    return Training(performing, machine.gradcheck->shortened(plan), key, nullptr).run();
  }
  return Training(machine, plan, key, journal).run();
}

}  // namespace metac::dsl
