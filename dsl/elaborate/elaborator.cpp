// Names, errors and places. Expressions are in expressions.cpp, calls in calls.cpp, models in models.cpp.
#include <fmt/format.h>

#include <algorithm>

#include "elaborate/choice.hpp"

namespace metac::dsl {

Elaborator::Elaborator(std::shared_ptr<const CheckedProgram> program, std::map<std::string, Value> settings)
    : program_(std::move(program)), settings_(std::move(settings)) {}

Value Elaborator::global(const std::string& name, std::uint32_t file, Span use) {
  const Global* global = program_->find(name, file);
  if (global != nullptr && global->definition != nullptr) return closure(*global->definition, nullptr);
  if (global != nullptr) return top_level(*global, name);
  if (name == "step" && !context_.step.is_none()) return context_.step;
  if (name == "progress" && !context_.progress.is_none()) return context_.progress;
  if (name == "example" && !context_.example.is_none()) return context_.example;
  if (name == "pi") return 3.14159265358979323846;
  if (name == "infinity") return std::numeric_limits<double>::infinity();
  if (name == "nan") return std::numeric_limits<double>::quiet_NaN();
  if (name == "none") return None{};
  if (const Builtin* builtin = find_builtin(name)) {
    // Its signature is parsed once, not at every turn of a loop that is unrolled.
    constexpr std::uint32_t no_file = 0xffffffff;
    const auto key = std::make_pair(no_file, name);
    if (auto found = globals_.find(key); found != globals_.end()) return found->second;
    if (auto value = builtin_callable(*builtin)) return globals_[key] = *value;
    throw Bug(fmt::format("the builtin `{}` has a signature and no implementation", name));
  }
  const bool of_training = name == "step" || name == "progress";
  fail("E0301", use, fmt::format("`{}` is not known here", name), "",
       of_training ? "it is known while a learner is trained: in its functions, in `optimizer:`, and in the body of `tasks`" : "");
}

// A `let` outside of all definitions is one value in the whole script: computed once, or, where it holds tensors, once
// in each graph, with draws that depend on the seed and its name only.
Value Elaborator::top_level(const Global& global, const std::string& name) {
  const auto key = std::make_pair(global.file, name);
  if (auto found = globals_.find(key); found != globals_.end()) return found->second;
  if (auto found = context_.globals->find(key); found != context_.globals->end()) {
    ++tensors_met_;
    return found->second;
  }
  const auto& let = std::get<LetStatement>(global.statement->node);
  const auto met = tensors_met_;
  const auto functions = with_functions_.size();
  auto scope = std::make_shared<Scope>();
  {
    Context context = outside();
    context.path = mix_path(0, name, static_cast<int>(global.file));
    WithContext here(*this, std::move(context));
    const bool is_set = !global.from_library && settings_.contains(name);
    const Value value = is_set ? settings_.at(name) : evaluate(let.value, std::make_shared<Scope>());
    bind(let.pattern, value, scope, global.statement->span);
  }
  const bool lasts = tensors_met_ == met;
  if (lasts) with_functions_.resize(functions);  // they outlive the procedure at hand
  Globals& known = lasts ? globals_ : *context_.globals;
  for (auto& [bound, value] : scope->names) known[{global.file, bound}] = value;
  return known.at(key);
}

// What surrounds a top-level `let`: the outermost graph here, and nothing of the place where its name is used.
Context Elaborator::outside() const {
  Context context;
  context.graph = context_.graph;
  while (context.graph != nullptr && context.graph->parent() != nullptr) context.graph = context.graph->parent();
  context.real = context_.real;
  context.depth = context_.depth;
  context.seed = context_.seed;
  context.globals = context_.globals;
  if (context.graph != nullptr) context.key = key(*context.graph, context.seed);
  return context;
}

const Value* Elaborator::known_global(const std::string& name, std::uint32_t file) const {
  const auto found = globals_.find({file, name});
  return found != globals_.end() ? &found->second : nullptr;
}

void Elaborator::take_apart(std::size_t from) {
  for (std::size_t i = from; i < with_functions_.size(); ++i)
    if (const auto scope = with_functions_[i].lock()) scope->names.clear();
  with_functions_.resize(std::min(from, with_functions_.size()));
}

void Elaborator::note_capture(const ScopePtr& made_in) {
  for (ScopePtr scope = made_in; scope != nullptr && !scope->captured; scope = scope->parent) {
    scope->captured = true;
    captured_.push_back(scope);
  }
  if (captured_.size() < captured_limit_) return;
  std::erase_if(captured_, [](const std::weak_ptr<Scope>& scope) { return scope.expired(); });
  captured_limit_ = std::max<std::size_t>(64, 2 * captured_.size());
}

Elaborator::~Elaborator() {
  take_apart(0);
  for (const auto& captured : captured_)
    if (const auto scope = captured.lock()) scope->names.clear();
}

void Elaborator::enter_place(Span span) {
  if (context_.graph == nullptr) return;
  if (places_.empty() || !(places_.back() == span)) places_.push_back(span);
  context_.graph->set_place(static_cast<std::int32_t>(places_.size() - 1));
}

Graph& Elaborator::graph(Span span) {
  if (context_.graph == nullptr)
    fail("E0302", span, "a tensor was needed before there is a graph", "",
         "compute this inside an experiment or a function");
  ++tensors_met_;
  return *context_.graph;
}

Value Elaborator::inside(const Value& value) {
  Graph* const body = context_.inside;
  if (body == nullptr) return value;
  return map_tensors(value, [&](Tensor t) {
    if (t.graph().depth() >= body->depth()) return t;
    const Tensor captured = body->capture(t);
    if (const auto classes = classes_of(t)) know_classes(captured, *classes);
    return captured;
  });
}

Value Elaborator::loaded(const std::string& what, const std::function<Value()>& load) {
  if (auto found = loaded_.find(what); found != loaded_.end()) return found->second;
  return loaded_[what] = load();
}

std::optional<std::int64_t> Elaborator::classes_of(Tensor labels) const {
  for (const auto& [known, classes] : known_classes_)
    if (&known.graph() == &labels.graph() && known.id() == labels.id()) return classes;
  return std::nullopt;
}

std::string Elaborator::shown(const Value& value, Span span) {
  if (!is_run_value(value)) return to_text(value);
  return to_text(map_leaves(value, [&](const Leaf& leaf) -> Value {
    if (leaf.value.list() == nullptr && leaf.value.get<Tensor>() == nullptr) return leaf.value;
    if (leaf.value.list() != nullptr && !is_run_value(leaf.value)) return leaf.value;
    const Tensor t = tensor(leaf.value, span);
    const auto computed = compute ? compute(t) : std::nullopt;
    return computed ? Value(*computed) : Value(t);
  }));
}

// The calls that led to a place, innermost first; long chains (a loop that was unrolled, a recursion) are cut. One may
// be shown already.
static std::vector<Note> notes_of(const std::vector<Elaborator::TrailEntry>& trail,
                                  const Elaborator::TrailEntry* shown = nullptr) {
  constexpr std::size_t most = 6;
  std::vector<Note> notes;
  for (auto it = trail.rbegin(); it != trail.rend(); ++it) {
    if (&*it == shown) continue;
    if (notes.size() == most) {
      notes.push_back({fmt::format("and {} more calls around this", trail.size() - most), {}, false});
      break;
    }
    notes.push_back({it->text, it->span, true});
  }
  return notes;
}

void Elaborator::fail(std::string code, Span span, std::string message, std::string label, std::string hint,
                      std::vector<Label> labels) {
  Diagnostic diagnostic;
  diagnostic.code = std::move(code);
  diagnostic.span = span;
  diagnostic.message = std::move(message);
  diagnostic.label = std::move(label);
  diagnostic.hint = std::move(hint);
  diagnostic.labels = std::move(labels);
  diagnostic.notes = notes_of(trail_);
  throw Failure{std::move(diagnostic)};
}

void Elaborator::fail_outside_of_library(std::string code, Span span, std::string message) {
  auto call = trail_.rend();
  if (program_->is_library(span.file))
    call = std::find_if(trail_.rbegin(), trail_.rend(),
                        [&](const TrailEntry& entry) { return !program_->is_library(entry.span.file); });
  Diagnostic diagnostic;
  diagnostic.code = std::move(code);
  diagnostic.span = call != trail_.rend() ? call->span : span;
  diagnostic.message = std::move(message);
  diagnostic.notes = notes_of(trail_, call != trail_.rend() ? &*call : nullptr);
  throw Failure{std::move(diagnostic)};
}

void Elaborator::fail_operator(const Error& error, Span span, const std::vector<std::pair<Span, Value>>& operands) {
  if (dynamic_cast<const OutOfMemory*>(&error) != nullptr) try {
      fail("E0502", span, error.what());
    } catch (Failure& failure) {
      failure.out_of_memory = true;
      throw;
    }
  std::vector<Label> labels;
  for (const auto& [place, value] : operands)
    if (place.end > place.begin) labels.push_back({place, fmt::format("this is {}", describe(value))});
  std::string message = error.what();
  // The engine's own tag, "[add] ...", says no more than the place does.
  if (message.starts_with('['))
    if (const auto end = message.find("] "); end != std::string::npos) message = message.substr(end + 2);
  fail("E0303", span, message, "", "", std::move(labels));
}

}  // namespace metac::dsl
