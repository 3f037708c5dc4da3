// The front end: loads a script, then rehearses its experiments or runs them; every mistake ends in the report.
#include "driver/driver.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <filesystem>

#include "base/error.hpp"
#include "base/hash.hpp"
#include "driver/fit.hpp"
#include "driver/gradcheck_training.hpp"
#include "driver/journal.hpp"
#include "driver/script_file.hpp"
#include "driver/session.hpp"
#include "kernels/instruction_set.hpp"
#include "syntax/syntax.hpp"

namespace metac::dsl {

Script Script::from_text(const std::string& name, const std::string& text, Report& report, ModuleLoader load) {
  Script script;
  script.sources_ = std::make_shared<Sources>();
  const auto file = script.sources_->add(name, text);
  if (!load)
    load = [](const std::string& path, const std::string& user) {
      return read_text(std::filesystem::path(user).parent_path() / path);
    };
  script.program_ = dsl::check(script.sources_, file, load, report);
  return script;
}

Script Script::load(const std::string& path, Report& report) {
  if (const auto text = read_script(path, report)) return from_text(path, *text, report);
  Script script;
  script.sources_ = std::make_shared<Sources>();
  return script;
}

namespace {

// The values of --set, and an error for a name that no experiment and no `let` of the script has.
struct Settings {
  std::map<std::string, Value> values;
  bool valid = true;
};

std::vector<std::string> settable(const CheckedProgram& program) {
  std::vector<std::string> names;
  for (const auto* experiment : program.experiments())
    for (const auto& list : experiment->lists)
      for (const auto& parameter : list.parameters) names.push_back(parameter.name.text);
  for (const auto& statement : program.script().statements)
    if (const auto* let = std::get_if<LetStatement>(&statement->node))
      for (const auto& name : let->pattern.names)
        if (name.text != "_") names.push_back(name.text);
  return names;
}

Settings read_settings(const Script& script, const Options& options, Report& report) {
  Settings result;
  const auto names = settable(*script.program());
  for (const auto& [name, text] : options.settings) {
    if (std::find(names.begin(), names.end(), name) == names.end()) {
      const auto near = nearest(name, names);
      add_plain(report, "E0002", fmt::format("`--set {}={}`: the script has no parameter `{}`", name, text, name),
                near.empty() ? (names.empty() ? "it has none" : fmt::format("it has {}", fmt::join(names, ", ")))
                             : fmt::format("did you mean `{}`?", near));
      result.valid = false;
      continue;
    }
    Report own;
    auto sources = std::make_shared<Sources>();
    const auto file = sources->add("--set " + name, fmt::format("let value = {}\n", text));
    const Module module = parse(*sources, file, own);
    try {
      // Its places would be those of another text: a function is named, or written in the script.
      const auto words = tokens(text);
      if (std::find(words.begin(), words.end(), "fn") != words.end()) throw Failure{};
      if (own.has_errors() || module.statements.size() != 1) throw Failure{};
      Elaborator self(script.program());
      result.values[name] =
          self.evaluate(std::get<LetStatement>(module.statements.front()->node).value, std::make_shared<Scope>());
    } catch (const Failure&) {
      add_plain(
          report, "E0003", fmt::format("`--set {}={}`: `{}` is no value", name, text, text),
          "taken are numbers, true, false, none, \"text\", lists, records such as (a: 1), and names of the library, "
          "such as "
          "adam(1e-3); a shell eats quotes, so text is written 'name=\"text\"'; a function is defined in the script");
      result.valid = false;
    }
  }
  return result;
}

std::optional<std::vector<const Definition*>> chosen(const CheckedProgram& program, const Options& options,
                                                     Report& report) {
  const auto all = program.experiments();
  if (all.empty()) {
    const std::string& file = program.sources().name(program.script().file);
    add_plain(report, "E0004",
              fmt::format("{} has no experiment, so there is nothing to run", file.empty() ? "the script" : file),
              "write `experiment name { ... }`");
    return std::nullopt;
  }
  if (options.experiments.empty()) return all;
  std::vector<const Definition*> result;
  std::vector<std::string> names;
  for (const auto* experiment : all) names.push_back(experiment->name.text);
  for (const auto& name : options.experiments) {
    const auto at = std::find(names.begin(), names.end(), name);
    if (at == names.end()) {
      const auto near = nearest(name, names);
      add_plain(
          report, "E0005", fmt::format("the script has no experiment `{}`", name),
          near.empty() ? fmt::format("it has {}", fmt::join(names, ", ")) : fmt::format("did you mean `{}`?", near));
      return std::nullopt;
    }
    result.push_back(all[at - names.begin()]);
  }
  return result;
}

// How often an experiment runs: its parameter `seeds`.
std::int64_t seeds_of(const Machine& machine, const Definition& experiment,
                      const std::map<std::string, Value>& settings) {
  Elaborator& self = machine.self;
  Graph graph;
  WithContext here(self, Session::context(graph, machine.options, machine.options.seed));
  const ScopePtr scope = Session::parameters(self, experiment, settings);
  const Value* seeds = scope->find("seeds");
  if (seeds == nullptr) return 1;
  const auto count = self.integer(*seeds, experiment.name.span, "`seeds`");
  if (count < 1 || count > 10'000)
    self.fail("E0438", experiment.name.span,
              fmt::format("`seeds` is how often the experiment runs: 1 to 10_000, not {}", count));
  return count;
}

// Once for each seed: that of the options, and those that follow it.
void run_seeds(const Machine& machine, const Definition& experiment, const std::map<std::string, Value>& settings,
               Journal* journal) {
  const std::int64_t count = seeds_of(machine, experiment, settings);
  std::vector<std::vector<Finding>> found;
  for (std::int64_t i = 0; i < count; ++i) {
    const std::uint64_t seed = machine.options.seed + static_cast<std::uint64_t>(i);
    if (count > 1) machine.observer.seed_started(seed);
    Session session(machine, seed, journal);
    session.run(experiment, settings);
    found.push_back(session.findings());
  }
  if (count == 1) return;
  std::vector<SeedSummary> summaries;
  for (std::size_t i = 0; i < found.front().size(); ++i) {
    std::vector<double> values;
    const Finding& first = found.front()[i];
    for (const auto& of_seed : found)
      if (i < of_seed.size() && of_seed[i].what == first.what && of_seed[i].protocol == first.protocol)
        values.push_back(of_seed[i].value);
    summaries.push_back({first.what, first.metric, summarise(values), first.difference, first.protocol});
  }
  machine.observer.seeds_done(summaries);
}

// What makes a run this run: with anything else, its checkpoints mean nothing.
Journal::Protocol protocol(const Script& script, const Options& options,
                           const std::vector<const Definition*>& experiments) {
  Journal::Protocol result;
  std::string names;
  for (const auto* experiment : experiments) names += (names.empty() ? "" : ", ") + experiment->name.text;
  Hash hash;
  for (std::uint32_t file = 0; file < static_cast<std::uint32_t>(script.sources().size()); ++file)
    hash.bytes(script.sources().text(file).data(), script.sources().text(file).size());
  result.parts["script"] = fmt::format("{:016x}", hash.value());
  result.parts["experiments"] = names;
  result.parts["seed"] = fmt::format("{}", options.seed);
  result.parts["instruction set"] = instruction_set();
  if (options.kept < 1) result.parts["share that is kept"] = fmt::format("{:.4f}", options.kept);
  for (const auto& [name, value] : options.settings) result.parts["setting " + name] = value;
  return result;
}

// Trainings of one learner whose derivatives go the same ways are told once.
void add_flow(std::vector<ObjectiveFlow>& flows, const Learner& learner, const std::vector<LearnedFlow>& found) {
  ObjectiveFlow flow{learner.name(), {}};
  for (const auto& learned : found) {
    auto& named = flow.learned.emplace_back(ObjectiveFlow::Learned{learned.name, {}});
    for (const auto& path : learned.paths) named.paths.push_back({path.order, path.places});
  }
  if (std::find(flows.begin(), flows.end(), flow) == flows.end()) flows.push_back(std::move(flow));
}

// Long lists and loops bind a name many times, to things of few kinds.
void add_value(BoundValues& values, std::map<std::pair<std::uint32_t, std::uint32_t>, int>& told, const Name& name,
               const Value& value) {
  constexpr std::size_t most_descriptions = 3;
  constexpr int most_told = 100;
  const std::pair place{name.span.file, name.span.begin};
  auto& known = values[place];
  if (known.size() == most_descriptions || ++told[place] > most_told) return;
  std::string words = describe(value);
  if (std::find(known.begin(), known.end(), words) == known.end()) known.push_back(std::move(words));
}

// All experiments are rehearsed first, so that a mistake in the last is told before an hour is spent on the first.
// `costs` and `gradcheck` may be null.
Outcome rehearse(Elaborator& self, const Options& options, const std::vector<const Definition*>& experiments,
                 const std::map<std::string, Value>& settings, Costs* costs, Gradcheck* gradcheck, Report& report) {
  Observer silent;
  bool wrong = false;
  for (const auto* experiment : experiments) {
    const Outcome outcome = reported(report, fmt::format("check the experiment `{}`", experiment->name.text), [&] {
      const Machine rehearsal{self, options, silent, true, costs, gradcheck};
      Session(rehearsal, options.seed, nullptr).run(*experiment, settings);
      seeds_of(rehearsal, *experiment, settings);
    });
    if (outcome != Outcome::done && outcome != Outcome::wrong_script) return outcome;
    wrong |= outcome == Outcome::wrong_script;
  }
  return wrong ? Outcome::wrong_script : Outcome::done;
}

// What a rehearsal is asked for; null: not that.
struct Asked {
  std::vector<ObjectiveFlow>* flows = nullptr;
  Costs* costs = nullptr;
  BoundValues* values = nullptr;
  Gradcheck* gradcheck = nullptr;
};

Outcome perform(const Script& script, const Options& given, Observer& observer, Report& report, bool really,
                const Asked& asked = {}) {
  if (!script.valid()) return Outcome::wrong_script;
  Options options = given;
  const auto settings = read_settings(script, options, report);
  if (!settings.valid) return Outcome::wrong_options;
  const auto experiments = chosen(*script.program(), options, report);
  if (!experiments) return options.experiments.empty() ? Outcome::wrong_script : Outcome::wrong_options;

  Elaborator self(script.program(), settings.values);
  self.set_data_directory(options.data);
  self.stop = options.stop;
  if (asked.flows != nullptr)
    self.flow_found = [&](const Learner& learner, const std::vector<LearnedFlow>& found) {
      add_flow(*asked.flows, learner, found);
    };
  std::map<std::pair<std::uint32_t, std::uint32_t>, int> told;
  if (asked.values != nullptr)
    self.name_bound = [&](const Name& name, const Value& value) { add_value(*asked.values, told, name, value); };
  Costs own;
  Costs& costs = asked.costs != nullptr ? *asked.costs : own;
  // The check of derivatives runs programs of its own.
  const bool weighed = asked.costs != nullptr || (options.memory > 0 && asked.gradcheck == nullptr);
  const Outcome rehearsal =
      rehearse(self, options, *experiments, settings.values, weighed ? &costs : nullptr, asked.gradcheck, report);
  if (rehearsal != Outcome::done) return rehearsal;
  if (options.memory > 0 && costs.peak_memory > options.memory) {
    options.inspect = {};
    self.flow_found = {};
    self.name_bound = {};
    const auto again = [&](const Options& now, Costs& found) {
      return rehearse(self, now, *experiments, settings.values, &found, nullptr, report);
    };
    const Outcome fitted = fit_memory(options, costs, again, report);
    if (fitted != Outcome::done) return fitted;
  }
  if (!really) return Outcome::done;
  return reported(report, "run this", [&] {
    std::unique_ptr<Journal> journal;
    if (!options.out.empty())
      journal = std::make_unique<Journal>(options.out, protocol(script, options, *experiments), options.resume);
    if (journal != nullptr) journal->interval = options.checkpoint_seconds;
    const Machine machine{self, options, observer, false};
    for (const auto* experiment : *experiments) {
      observer.experiment_started(experiment->name.text);
      run_seeds(machine, *experiment, settings.values, journal.get());
    }
  });
}

}  // namespace

Outcome gradcheck(const Script& script, const Options& options, const GradcheckOptions& how, Report& report,
                  std::vector<CheckedLearner>& found) {
  Observer silent;
  Options precise = options;
  precise.real = Dtype::f64;
  Gradcheck gradcheck(how);
  const Outcome outcome = perform(script, precise, silent, report, false, {.gradcheck = &gradcheck});
  found = gradcheck.found();
  return outcome;
}

Outcome check(const Script& script, const Options& options, Report& report, std::vector<ObjectiveFlow>* flows,
              Costs* costs, BoundValues* values) {
  Observer silent;
  return perform(script, options, silent, report, false, {flows, costs, values});
}

Outcome run(const Script& script, const Options& options, Observer& observer, Report& report) {
  return perform(script, options, observer, report, true);
}

}  // namespace metac::dsl
