// Scripts, learners and sources for other programs. An expression that is asked of a script is checked as a further
// line of it: names, hints and places of mistakes are those of the script.
#include <fmt/format.h>

#include <algorithm>

#include "driver/driver.hpp"
#include "driver/learner_file.hpp"
#include "driver/machine.hpp"
#include "driver/measuring.hpp"
#include "elaborate/source.hpp"
#include "embed/metac.hpp"
#include "embed/programs.hpp"
#include "syntax/syntax.hpp"

namespace metac {
namespace {

ScriptError script_error(const dsl::Report& report, const dsl::Sources& sources) {
  std::string text;
  std::vector<ScriptMistake> mistakes;
  for (const auto& diagnostic : report.all()) {
    if (diagnostic.severity != dsl::Severity::error) continue;
    text += render(diagnostic, sources);
    ScriptMistake mistake{diagnostic.code, "", 0, 0, diagnostic.message, diagnostic.hint};
    if (diagnostic.span.file < static_cast<std::uint32_t>(sources.size())) {
      const auto at = sources.position(diagnostic.span.file, diagnostic.span.begin);
      mistake.file = sources.name(diagnostic.span.file);
      mistake.line = at.line;
      mistake.column = at.column;
    }
    mistakes.push_back(std::move(mistake));
  }
  if (text.ends_with('\n')) text.pop_back();
  return {text, std::move(mistakes)};
}

// A script with one line more, and what evaluates it.
struct Asked {
  dsl::Script script;
  dsl::Elaborator self;
  std::string name;  // of the value of that line

  Asked(dsl::Script given, std::string value, const std::string& data)
      : script(std::move(given)), self(script.program()), name(std::move(value)) {
    self.set_data_directory(data);
    self.load = [this](const dsl::Learner& learner, const std::string& path, dsl::Span) -> dsl::Value {
      auto copy = learner;
      read_learner(path, copy);
      return std::make_shared<const dsl::Learner>(std::move(copy));
    };
  }

  // Runs what may find a mistake of the script.
  template <class F>
  auto trying(F&& f) {
    try {
      return f();
    } catch (const dsl::Failure& failure) {
      dsl::Report report;
      report.add(failure.diagnostic);
      const ScriptError error = script_error(report, script.sources());
      if (failure.out_of_memory) throw OutOfMemory(error.what());
      throw error;
    }
  }

  // The line that was added: where it is called from.
  dsl::Span place() const {
    const auto length = static_cast<std::uint32_t>(script.sources().text(0).size());
    const auto line = script.sources().text(0).rfind("let " + name);
    return {0, static_cast<std::uint32_t>(line), length - 1};
  }

  dsl::Value value() {
    return trying([&] { return self.global(name, 0, place()); });
  }
};

}  // namespace

// ---- scripts ----

struct Script::Inside {
  std::string path, text;
  ScriptOptions options;

  std::shared_ptr<Asked> ask(const std::string& expression) const {
    std::string name = "asked";
    while (text.find(name) != std::string::npos) name += "_";
    dsl::Report report;
    const auto script = dsl::Script::from_text(path, fmt::format("{}\nlet {} = {}\n", text, name, expression), report);
    if (!script.valid()) throw script_error(report, script.sources());
    return std::make_shared<Asked>(script, name, options.data);
  }
};

Script Script::load(const std::string& path, const ScriptOptions& options) {
  dsl::Report report;
  const auto script = dsl::Script::load(path, report);
  if (!script.valid()) throw script_error(report, script.sources());
  return from_text(path, std::string(script.sources().text(0)), options);
}

Script Script::from_text(const std::string& path, const std::string& text, const ScriptOptions& options) {
  if (options.threads < 1)
    throw Error(fmt::format("[script] {} threads were given, at least 1 is needed", options.threads));
  dsl::Report report;
  const auto script = dsl::Script::from_text(path, text, report);
  if (!script.valid()) throw script_error(report, script.sources());
  return Script(std::make_shared<const Inside>(Inside{path, text, options}));
}

// ---- learners ----

struct Learner::Inside {
  std::shared_ptr<Asked> asked;
  dsl::Learner learner;
  int threads;
  std::vector<ScriptFunction> functions;
  std::vector<Array> state;  // its leaves
  dsl::Programs programs;
};

namespace {

// The names of what a learner learns and remembers, and of the state of the learner that it wraps.
std::vector<std::string> state_names(const dsl::Learner& learner) {
  std::vector<std::string> names;
  if (learner.base() != nullptr) names.emplace_back("base");
  for (const auto& statement : learner.definition->body.block->statements) {
    if (const auto* learn = std::get_if<dsl::LearnStatement>(&statement->node)) names.push_back(learn->name.text);
    if (const auto* memory = std::get_if<dsl::MemoryStatement>(&statement->node)) names.push_back(memory->name.text);
  }
  return names;
}

void check_state(const dsl::Learner& learner, const dsl::Value& state) {
  std::vector<std::string> needed = state_names(learner), found;
  if (const dsl::Record* record = state.record())
    for (const auto& [name, value] : record->fields) found.push_back(name);
  std::sort(needed.begin(), needed.end());
  std::sort(found.begin(), found.end());
  if (found != needed)
    throw Error(fmt::format("[learner] the state of `{}` is needed, with {}; {} was given", learner.name(),
                            fmt::join(needed, ", "),
                            state.is_none() ? std::string("none") : fmt::format("{}", fmt::join(found, ", "))));
  if (learner.base() != nullptr) check_state(*learner.base(), *state.record()->find("base"));
}

void add_functions(const dsl::Learner& learner, std::vector<ScriptFunction>& functions) {
  for (const auto& statement : learner.definition->body.block->statements) {
    const auto* definition = std::get_if<dsl::Definition>(&statement->node);
    if (definition == nullptr) continue;
    ScriptFunction function{definition->name.text, {}, definition->documentation, learner.definition->name.text};
    for (const auto& list : definition->lists)
      for (const auto& parameter : list.parameters)
        function.parameters.push_back(
            {parameter.name.text, parameter.default_value != nullptr ? print(*parameter.default_value) : ""});
    const auto same_name = [&](const ScriptFunction& other) { return other.name == function.name; };
    if (std::none_of(functions.begin(), functions.end(), same_name)) functions.push_back(std::move(function));
  }
  if (learner.base() != nullptr) add_functions(*learner.base(), functions);
}

data::Key key_of(std::uint64_t seed) { return data::fold_in_wide(data::Key{}, seed); }

}  // namespace

Learner Script::learner(const std::string& expression, const std::string& state) const {
  const auto asked = inside_->ask(expression);
  const dsl::Value value = asked->value();
  const auto* found = value.get<std::shared_ptr<const dsl::Learner>>();
  if (found == nullptr)
    throw Error(fmt::format("[learner] `{}` is {}, a learner is needed", expression, describe(value)));
  dsl::Learner learner = **found;
  if (!state.empty()) read_learner(state, learner);
  if (learner.state.is_none() && state_names(learner).empty()) learner.state = dsl::Value::record({});
  check_state(learner, learner.state);
  auto inside = std::make_shared<Learner::Inside>(asked, learner, inside_->options.threads);
  add_functions(learner, inside->functions);
  collect_arrays(learner.state, inside->state);
  return Learner(std::move(inside));
}

std::string Learner::name() const { return inside_->learner.name(); }
const std::vector<ScriptFunction>& Learner::functions() const { return inside_->functions; }
Value Learner::state() const { return Value(std::make_shared<const dsl::Value>(inside_->learner.state)); }

Value Learner::call(const std::string& function, const std::vector<Value>& arguments, const NamedValues& named,
                    std::uint64_t seed) const {
  Inside& inside = *inside_;
  std::string key = function;
  std::vector<Array> inputs = inside.state;
  inputs.push_back(dsl::key_array(key_of(seed)));
  std::vector<dsl::Elaborator::Argument> given;
  const auto add = [&](const std::string& name, const Value& value) {
    given.push_back({name, value.inside(), inside.asked->place()});
    key += fmt::format(" {}={}", name, dsl::form_of(value.inside()));
    collect_arrays(value.inside(), inputs);
  };
  for (const Value& value : arguments) add("", value);
  for (const auto& [name, value] : named) add(name, value);
  const auto compiled = inside.programs.get(key, inside.threads, [&] {
    return inside.asked->trying([&] {
      return function_program(inside.asked->self, inside.learner, function, std::move(given), inside.asked->place());
    });
  });
  return Value(std::make_shared<const dsl::Value>(compiled->run(inputs)));
}

// ---- sources ----

struct Source::Inside {
  std::shared_ptr<Asked> asked;
  dsl::SourcePtr source;
  int threads;
  std::mutex drawing;  // a data set remembers the order of an epoch
  dsl::Programs programs;

  std::vector<Array> draw(data::Key key, std::int64_t batch) {
    const std::lock_guard lock(drawing);
    return source->draw(key, 0, batch);
  }
};

Source Script::source(const std::string& expression) const {
  const auto asked = inside_->ask(expression);
  const dsl::Value value = asked->value();
  auto source = asked->trying([&] { return source_of(asked->self, value, "test", asked->place()); });
  return Source(std::make_shared<Source::Inside>(asked, std::move(source), inside_->options.threads));
}

std::string Source::describe() const { return inside_->source->describe(); }
bool Source::gives_tasks() const { return inside_->source->gives_tasks(); }

Value Source::draw(std::uint64_t seed, std::int64_t batch) const {
  Inside& inside = *inside_;
  const auto* rows = dynamic_cast<const dsl::BatchSource*>(inside.source.get());
  const std::int64_t most = rows != nullptr ? rows->size() : 1;
  if (batch < 1 || batch > most)
    throw Error(fmt::format("[draw] a batch of {} was asked of {}: 1 to {} are possible", batch, describe(), most));
  std::vector<Array> inputs{dsl::key_array(key_of(seed))};
  std::vector<Type> form;
  std::string key;
  for (const Array& array : inside.draw(key_of(seed), batch)) {
    inputs.push_back(gives_tasks() ? array.row(0) : array);
    form.push_back(inputs.back().type());
    key += to_string(form.back());
  }
  const auto compiled = inside.programs.get(key, inside.threads, [&] {
    return inside.asked->trying(
        [&] { return item_program(inside.asked->self, *inside.source, form, inside.asked->place()); });
  });
  return Value(std::make_shared<const dsl::Value>(compiled->run(inputs)));
}

}  // namespace metac
