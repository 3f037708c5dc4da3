// One elaborator, one graph and one session for everything that is entered.
#include "driver/prompt.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cctype>
#include <concepts>
#include <filesystem>
#include <variant>

#include "base/error.hpp"
#include "check/words.hpp"
#include "driver/script_file.hpp"
#include "driver/session.hpp"
#include "elaborate/source.hpp"
#include "syntax/syntax.hpp"

namespace metac::dsl {
namespace {

std::optional<std::string> read_beside(const std::string& path, const std::string& user) {
  return read_text(std::filesystem::path(user).parent_path() / path);
}

std::vector<std::string> names_bound_by(const Statement& statement) {
  std::vector<std::string> names;
  const auto add = [&](const Pattern& pattern) {
    for (const Name& name : pattern.names)
      if (name.text != "_") names.push_back(name.text);
  };
  if (const auto* let = std::get_if<LetStatement>(&statement.node)) add(let->pattern);
  if (const auto* var = std::get_if<VarStatement>(&statement.node)) add(var->pattern);
  return names;
}

// A text that is read, and where what was typed begins in it.
struct Entry {
  std::string text;
  Excerpt typed;
};

// `learner`, `tasks` and their like begin a definition where a statement begins, unless no name follows: then they are
// names, as in any other place, which ( ) round them say. The closing one stands on a line of its own: a comment does
// not swallow it. What `=` would bind anew stays, for the parser to refuse.
Entry as_statement(const std::string& text, int line) {
  static constexpr std::string_view words[] = {"learner",    "model",  "tasks", "optimizer",
                                               "experiment", "memory", "learn"};
  const Entry as_it_is{text, {line, 0}};
  const auto all = tokens(text);
  if (all.empty() || std::find(std::begin(words), std::end(words), all.front()) == std::end(words)) return as_it_is;
  const bool named =
      all.size() > 1 && (std::isalpha(static_cast<unsigned char>(all[1].front())) != 0 || all[1].front() == '_');
  if (named || (all.size() > 1 && (all[1] == "=" || all[1] == "~"))) return as_it_is;
  return {fmt::format("({}\n)\n", text.substr(0, text.find_last_not_of(" \n") + 1)), {line, 1}};
}

// Whether two values are known to be one, without a look into them.
bool is_same(const Value& a, const Value& b) {
  if (a.variant().index() != b.variant().index()) return false;
  const auto same = [&]<class T>(const T& x) {
    const T& y = *b.get<T>();
    if constexpr (std::is_same_v<T, double>)
      return std::bit_cast<std::uint64_t>(x) == std::bit_cast<std::uint64_t>(y);
    else if constexpr (std::is_same_v<T, Array>)
      return x.type() == y.type() && x.data() == y.data();
    else if constexpr (std::equality_comparable<T>)
      return x == y;
    else
      return false;
  };
  return std::visit(same, a.variant());
}

bool is_definition(const Statement& statement) {
  return std::holds_alternative<Definition>(statement.node) || std::holds_alternative<UseStatement>(statement.node);
}

}  // namespace

struct Prompt::Parts {
  Parts(const Options& given, Observer& observer)
      : options(given),
        sources(std::make_shared<Sources>()),
        program(start()),
        self(program),
        machine{self, options, observer, false},
        session(machine, options.seed, nullptr),
        here(self, Session::context(graph, options, options.seed)),
        attached(session, graph),
        scope(std::make_shared<Scope>()) {
    self.set_data_directory(options.data);
    self.stop = options.stop;
  }

  std::shared_ptr<const CheckedProgram> start() {
    Report nothing;
    return dsl::check(sources, sources->add("prompt", ""), read_beside, nothing);
  }

  // What a text adds to the program; null if it has mistakes.
  std::shared_ptr<const CheckedProgram> extended_by(const std::string& name, Entry entry, bool as_script,
                                                    Report& report) {
    const auto file = sources->add(name, std::move(entry.text), entry.typed);
    return extended(*program, sources, file, as_script, kinds, read_beside, report);
  }
  void take(std::shared_ptr<const CheckedProgram> grown) {
    program = std::move(grown);
    self.grow(program);
  }
  // What is defined or used takes the place of what was bound to its name.
  void unbind_defined(const Module& module) {
    for (const auto& statement : module.statements) {
      if (const auto* definition = std::get_if<Definition>(&statement->node)) unbind(definition->name.text);
      if (const auto* use = std::get_if<UseStatement>(&statement->node))
        for (const Name& name : use->names) unbind(name.text);
    }
  }
  void unbind(const std::string& name) {
    std::erase_if(scope->names, [&](const auto& bound) { return bound.first == name; });
    kinds.erase(name);
  }

  // With every tensor computed, also in lists; what fails then has the place of the statement that asked.
  Value computed(const Value& value, Span place) {
    return self.guarded(place, {}, [&] { return computed(value); });
  }
  Value computed(const Value& value) {
    if (!self.is_run_value(value)) return value;
    if (const List* list = value.list()) {
      std::vector<Value> items;
      for (const Value& item : list->items) items.push_back(computed(item));
      return Value::list(std::move(items));
    }
    return map_leaves(value, [&](const Leaf& leaf) -> Value {
      if (leaf.value.list() != nullptr) return computed(leaf.value);
      const Tensor* tensor = leaf.value.get<Tensor>();
      const auto array = tensor != nullptr ? self.compute(*tensor) : std::nullopt;
      return array ? Value(array->clone()) : leaf.value;
    });
  }
  // Functions that were defined here see what is bound, too.
  void show_to_functions(const std::string& name) {
    const Value* value = scope->find(name);
    const Global* global = program->find(name, 0);
    if (value != nullptr && global != nullptr) self.set_global(name, global->file, *value);
  }

  // A statement may bind or change any name. If it throws, all are what they were.
  void perform(const Statement& statement, const std::function<void(const Value&)>& shown) {
    const auto before = scope->names;
    std::vector<std::string> changed;
    try {
      if (const auto* expression = std::get_if<ExprStatement>(&statement.node)) {
        const Value value = self.evaluate(expression->value, scope);
        if (!std::holds_alternative<WorkExpr>(expression->value->node)) shown(computed(value, statement.span));
      } else {
        self.run(statement, scope);
      }
      for (std::size_t i = 0; i < scope->names.size(); ++i) {
        auto& [name, value] = scope->names[i];
        if (i < before.size() && is_same(before[i].second, value)) continue;
        value = computed(value, statement.span);
        changed.push_back(name);
      }
    } catch (...) {
      scope->names = before;
      throw;
    }
    for (const auto& name : names_bound_by(statement))
      kinds[name] = std::holds_alternative<VarStatement>(statement.node);
    for (const auto& name : changed) show_to_functions(name);
  }

  Options options;
  std::shared_ptr<Sources> sources;
  std::shared_ptr<const CheckedProgram> program;
  Graph graph;
  Elaborator self;
  Machine machine;
  Session session;
  WithContext here;
  Session::Attached attached;
  ScopePtr scope;
  EnteredNames kinds;  // of the names in the scope
};

Prompt::Prompt(const Options& options, Observer& observer) : parts_(std::make_unique<Parts>(options, observer)) {}
Prompt::~Prompt() = default;

Outcome Prompt::enter(const std::string& text, Report& report, const std::function<void(const Value&)>& shown,
                      int line) {
  Parts& p = *parts_;
  auto grown = p.extended_by("prompt", as_statement(text, line), false, report);
  if (grown == nullptr) return Outcome::wrong_script;
  const Module module = grown->latest();
  const auto before = p.program;
  p.take(std::move(grown));
  p.unbind_defined(module);
  for (const auto& statement : module.statements)  // until they are bound anew, functions see what they were
    for (const auto& name : names_bound_by(*statement)) p.show_to_functions(name);
  for (std::size_t i = 0; i < module.statements.size(); ++i) {
    const Statement& statement = *module.statements[i];
    if (is_definition(statement)) continue;
    const Outcome outcome = reported(report, "run this", [&] { p.perform(statement, shown); });
    if (outcome == Outcome::done) continue;
    // What the rest was to bind is what it was.
    std::vector<std::string> lost;
    for (; i < module.statements.size(); ++i)
      for (auto& name : names_bound_by(*module.statements[i])) lost.push_back(std::move(name));
    p.take(p.program->restored(lost, *before));
    return outcome;
  }
  return Outcome::done;
}

Outcome Prompt::load(const std::string& path, Report& report) {
  Parts& p = *parts_;
  const auto text = read_script(path, report);
  if (!text) return Outcome::wrong_script;
  auto grown = p.extended_by(path, {*text, {}}, true, report);
  if (grown == nullptr) return Outcome::wrong_script;
  p.take(std::move(grown));
  const Module module = p.program->latest();
  p.unbind_defined(module);
  for (const auto& statement : module.statements)
    for (const auto& name : names_bound_by(*statement)) p.unbind(name);
  return Outcome::done;
}

Outcome Prompt::inspect(const std::string& expression, Report& report, const std::function<void(const Value&)>& show,
                        int line) {
  Parts& p = *parts_;
  auto grown = p.extended_by("prompt", as_statement(expression, line), false, report);
  if (grown == nullptr) return Outcome::wrong_script;
  const Module module = grown->latest();
  for (const auto& statement : module.statements)
    if (!std::holds_alternative<ExprStatement>(statement->node)) {
      report.error("E0210", statement->span, "an expression was needed, this is a statement");
      return Outcome::wrong_script;
    }
  p.take(std::move(grown));
  return reported(report, "run this", [&] {
    for (const auto& statement : module.statements)
      show(p.self.evaluate(std::get<ExprStatement>(statement->node).value, p.scope));
  });
}

const CheckedProgram& Prompt::program() const { return *parts_->program; }
const Sources& Prompt::sources() const { return *parts_->sources; }

std::vector<std::string> Prompt::entered() const {
  std::vector<std::string> names;
  for (const auto& [name, value] : parts_->scope->names) names.push_back(name);
  std::sort(names.begin(), names.end());
  return names;
}

const Value* Prompt::find(const std::string& name) const { return parts_->scope->find(name); }

std::vector<std::string> Prompt::names() const {
  auto names = parts_->program->names(0);
  for (const auto& name : entered()) names.push_back(name);
  for (const Builtin& builtin : builtins()) names.push_back(builtin.name);
  for (const Word& word : language_words())
    if (word.kind != Word::Kind::name) for_each_name(word, [&](std::string_view name) { names.emplace_back(name); });
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  return names;
}

std::vector<std::string> Prompt::members(const std::string& path) const {
  std::vector<std::string> names;
  const auto dot = path.find('.');
  const Value* value = find(path.substr(0, dot));
  std::string rest = dot == std::string::npos ? "" : path.substr(dot + 1);
  if (value == nullptr) return names;
  Value at = *value;
  if (const auto* learner = at.get<std::shared_ptr<const Learner>>()) {
    if (rest.empty())
      for (const auto& statement : (*learner)->definition->body.block->statements)
        if (const auto* function = std::get_if<Definition>(&statement->node)) names.push_back(function->name.text);
    at = (*learner)->state;
  }
  while (!rest.empty() && at.record() != nullptr) {
    const auto next = rest.find('.');
    const Value* part = at.record()->find(rest.substr(0, next));
    at = part != nullptr ? *part : Value();
    rest = next == std::string::npos ? "" : rest.substr(next + 1);
  }
  if (at.record() != nullptr)
    for (const auto& [name, field] : at.record()->fields)
      if (!name.empty()) names.push_back(name);
  return names;
}

bool is_unfinished(const std::string& text) {
  static constexpr std::string_view operators[] = {
      "+",  "-",  "*",  "/", "%", "^", "@",   "==", "!=",  "<",    "<=",  ">",
      ">=", "..", "|>", "=", "~", ",", "and", "or", "not", "then", "else"};
  int open = 0;
  std::string_view last;
  for (const auto token : tokens(text)) {
    if (token == "(" || token == "[" || token == "{") ++open;
    if (token == ")" || token == "]" || token == "}") --open;
    last = token;
  }
  return open > 0 || std::find(std::begin(operators), std::end(operators), last) != std::end(operators);
}

namespace {

template <class Number>
std::string range_of(const Array& array) {
  const auto values = array.as<Number>();
  double least = static_cast<double>(values[0]), most = least, sum = 0;
  for (const auto value : values) {
    const auto v = static_cast<double>(value);
    least = std::min(least, v), most = std::max(most, v), sum += v;
  }
  return fmt::format("{:.4g} to {:.4g}, mean {:.4g}", least, most, sum / static_cast<double>(values.size()));
}

std::string content_of(const Array& array) {
  constexpr std::int64_t few = 64;  // as `print` shows them
  if (array.elements() <= few) return to_text(Value(array));
  switch (array.dtype()) {
    case Dtype::f32:
      return range_of<float>(array);
    case Dtype::f64:
      return range_of<double>(array);
    case Dtype::i32:
      return range_of<std::int32_t>(array);
    default:
      return fmt::format("{} elements", array.elements());
  }
}

bool holds_arrays(const Value& value) {
  bool any = false;
  for (const auto& leaf : leaves(value)) any |= leaf.value.get<Array>() != nullptr;
  return any;
}

std::string line_of(const Value& value) {
  if (const Array* array = value.get<Array>())
    return fmt::format("{}  {}", to_string(array->type()), content_of(*array));
  if (value.get<std::string>() != nullptr) return fmt::format("\"{}\"", *value.get<std::string>());
  if (value.get<bool>() != nullptr || value.number()) return to_text(value);
  if (value.list() != nullptr || value.record() != nullptr) return to_text(value);
  return describe(value);
}

}  // namespace

std::string summary_of(const Value& value) {
  if (value.is_none()) return "";
  if (const auto* learner = value.get<std::shared_ptr<const Learner>>();
      learner != nullptr && !(*learner)->state.is_none())
    return fmt::format("{}\n{}", describe(value), summary_of((*learner)->state));
  if (value.record() == nullptr || !holds_arrays(value)) return line_of(value) + "\n";
  std::string text;
  std::size_t widest = 0;
  const auto all = leaves(value);
  for (const auto& leaf : all) widest = std::max(widest, leaf.path.size());
  for (const auto& leaf : all) text += fmt::format("  {:<{}}  {}\n", leaf.path, widest, line_of(leaf.value));
  return text;
}

}  // namespace metac::dsl
