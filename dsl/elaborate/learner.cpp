// Learners as values: their first state, the names their functions see, their events, and wrappers round a base.
#include <fmt/format.h>

#include <algorithm>

#include "elaborate/elaborator.hpp"

namespace metac::dsl {
namespace {

constexpr const char* base_name = "base";  // the parameter that makes a learner a wrapper

using Fields = std::vector<std::pair<std::string, Value>>;

Value field(const Value& record, std::string_view name) {
  const Value* found = record.record() != nullptr ? record.record()->find(name) : nullptr;
  return found != nullptr ? *found : Value(None{});
}

const OnStatement* event_of(const Learner& learner, const std::string& event) {
  for (const auto& statement : learner.definition->body.block->statements)
    if (const auto* on = std::get_if<OnStatement>(&statement->node); on != nullptr && on->event.text == event)
      return on;
  return nullptr;
}

std::shared_ptr<const Learner> with_state(const Learner& learner, const Value& state) {
  auto copy = learner;
  copy.state = state;
  return std::make_shared<const Learner>(std::move(copy));
}

}  // namespace

// ---- the value ----

const Learner* Learner::base() const {
  for (const auto& [name, value] : arguments->names)
    if (name == base_name)
      if (const auto* learner = value.get<std::shared_ptr<const Learner>>()) return learner->get();
  return nullptr;
}

std::string Learner::name() const {
  const Learner* inner = base();
  return inner != nullptr ? fmt::format("{}({})", definition->name.text, inner->name()) : definition->name.text;
}

bool Learner::learns(std::string_view name) const {
  for (const auto& statement : definition->body.block->statements)
    if (const auto* learn = std::get_if<LearnStatement>(&statement->node); learn != nullptr && learn->name.text == name)
      return true;
  return false;
}

Value learned(const Learner& learner, const Value& state) {
  Fields fields;
  for (const auto& [name, value] : state.record()->fields) {
    if (learner.learns(name)) fields.emplace_back(name, value);
    if (name != base_name || learner.base() == nullptr) continue;
    Value inner = learned(*learner.base(), value);
    if (!inner.record()->fields.empty()) fields.emplace_back(name, std::move(inner));
  }
  return Value::record(std::move(fields));
}

Value with_learned(const Learner& learner, const Value& state, const Value& tree) {
  auto fields = state.record()->fields;
  for (auto& [name, value] : fields) {
    const Value* given = tree.record() != nullptr ? tree.record()->find(name) : nullptr;
    if (given == nullptr) continue;
    value = name == base_name && learner.base() != nullptr ? with_learned(*learner.base(), value, *given) : *given;
  }
  return Value::record(std::move(fields));
}

// ---- the names its functions see ----

const Block& Elaborator::body_of(const Definition& definition) {
  if (definition.body.block == nullptr)
    fail("E0380", definition.name.span, fmt::format("`{}` needs a body in braces", definition.name.text));
  return *definition.body.block;
}

void Elaborator::bind_functions(const Block& body, const ScopePtr& scope) {
  for (const auto& statement : body.statements)
    if (const auto* definition = std::get_if<Definition>(&statement->node))
      scope->bind(definition->name.text, closure(*definition, scope));
}

ScopePtr Elaborator::frame(const Learner& learner, const Value& state) {
  auto scope = std::make_shared<Scope>(learner.arguments);
  scope->is_learner = true;
  const Record* record = state.record();
  if (record != nullptr)
    for (const auto& [name, value] : record->fields)
      if (name != base_name || learner.base() == nullptr) scope->bind(name, value);
  const Block& body = body_of(*learner.definition);
  bind_functions(body, scope);
  if (const Learner* base = learner.base(); base != nullptr && record != nullptr) {
    const Value inner = field(state, base_name);
    scope->bind(base_name, with_state(*base, inner));
    // What a learner does not define itself, it has from its base.
    const ScopePtr of_base = frame(*base, inner);
    for (const auto& [name, function] : of_base->names)
      if (function.callable() != nullptr && function.callable()->definition != nullptr && !scope->has(name))
        scope->bind(name, function);
  }
  if (record != nullptr) {
    const OnTrail here(*this, fmt::format("in the learner `{}`", learner.definition->name.text), learner.span);
    for (const auto& statement : body.statements)
      if (std::holds_alternative<LetStatement>(statement->node)) run(*statement, scope);
  }
  return scope;
}

// ---- its first state ----

namespace {

// Where something given must have the form of what would be there otherwise: the first difference, or nothing.
std::string difference_of_form(const Value& given, const Value& needed) {
  const auto a = leaves(given), b = leaves(needed);
  const auto type = [](const Value& leaf) {
    if (const Tensor* t = leaf.get<Tensor>()) return to_string(t->shape());
    return describe(leaf);
  };
  for (const auto& leaf : b) {
    const auto found = std::find_if(a.begin(), a.end(), [&](const Leaf& other) { return other.path == leaf.path; });
    if (found == a.end()) return fmt::format("`{}` {} is missing", leaf.path, type(leaf.value));
    if (type(found->value) != type(leaf.value))
      return fmt::format("`{}` is {}, {} is needed", leaf.path, type(found->value), type(leaf.value));
  }
  for (const auto& leaf : a)
    if (std::none_of(b.begin(), b.end(), [&](const Leaf& other) { return other.path == leaf.path; }))
      return fmt::format("`{}` {} is not there", leaf.path, type(leaf.value));
  return "";
}

}  // namespace

// What can be learned: numbers of the script become floats, as they do where a derivative is taken.
Value Elaborator::floats(const Value& tree, Span span, const std::string& name) {
  return map_leaves(tree, [&](const Leaf& leaf) -> Value {
    const Tensor t = tensor(leaf.value, span);
    if (!is_run_value(leaf.value)) return real(t);
    if (!leaf.carried && !is_float(t.dtype()))
      fail("E0362", span, fmt::format("`{}` is learned, so it needs floats, not {}", name, describe(t)), "",
           "`cast_float(x)` makes them");
    return t;
  });
}

Value Elaborator::initial_state(const Learner& learner) {
  const OnTrail here(*this, fmt::format("in the learner `{}`", learner.definition->name.text), learner.span);
  ScopePtr scope = frame(learner, None{});
  Fields fields;
  if (const Learner* base = learner.base()) {
    Value state = base->state.is_none() ? initial_state(*base) : tensors(base->state, base->span);
    scope->bind(base_name, with_state(*base, state));
    fields.emplace_back(base_name, std::move(state));
  }
  const auto add = [&](const Name& name, const ExprPtr& expression, bool learns) {
    const Value given = evaluate(expression, scope);
    Value value = learns ? floats(given, expression->span, name.text) : tensors(given, expression->span);
    if (leaves(value).empty())
      fail("E0381", expression->span,
           fmt::format("`{}` has nothing to learn or to remember: {}", name.text, describe(value)));
    for (const auto& [started, given] : learner.started) {
      if (started != name.text) continue;
      const Value start = tensors(given, learner.span);
      if (const auto wrong = difference_of_form(start, value); !wrong.empty())
        fail("E0318", learner.span,
             fmt::format("`{}` of `{}` cannot begin as the tree that is given: {}", name.text,
                         learner.definition->name.text, wrong));
      value = start;
    }
    bind(name, value, scope);
    fields.emplace_back(name.text, std::move(value));
  };
  for (const auto& statement : body_of(*learner.definition).statements) {
    if (const auto* learn = std::get_if<LearnStatement>(&statement->node)) add(learn->name, learn->value, true);
    if (const auto* memory = std::get_if<MemoryStatement>(&statement->node)) add(memory->name, memory->value, false);
    if (std::holds_alternative<LetStatement>(statement->node)) run(*statement, scope);
  }
  return Value::record(std::move(fields));
}

// ---- its events ----

bool Elaborator::has_event(const Learner& learner, const std::string& event) {
  return event_of(learner, event) != nullptr || (learner.base() != nullptr && has_event(*learner.base(), event));
}

namespace {

Shape shape_of(const Value& leaf) {
  if (const auto* tensor = leaf.get<Tensor>()) return tensor->shape();
  if (const auto* array = leaf.get<Array>()) return array->shape();
  return {};
}

// The first leaf that has another shape in the second tree, where both have the same leaves.
const Leaf* reshaped_leaf(const std::vector<Leaf>& a, const std::vector<Leaf>& b) {
  const bool alike =
      std::equal(a.begin(), a.end(), b.begin(), b.end(), [](const Leaf& x, const Leaf& y) { return x.path == y.path; });
  for (std::size_t i = 0; alike && i < a.size(); ++i)
    if (shape_of(a[i].value) != shape_of(b[i].value)) return &a[i];
  return nullptr;
}

}  // namespace

void Elaborator::explain_outgrown(Diagnostic& diagnostic, const Learner& learner, const Value& state) {
  const Learner* base = learner.base();
  if (base == nullptr || diagnostic.code != "E0303") return;
  const Value inner = field(state, base_name);
  const auto now = leaves(learned(*base, inner));
  for (const auto& [name, value] : state.record()->fields) {
    if (name == base_name || learner.learns(name)) continue;
    const auto before = leaves(value);
    const Leaf* leaf = reshaped_leaf(before, now);
    if (leaf == nullptr) continue;
    const auto& changed = now[static_cast<std::size_t>(leaf - before.data())];
    const std::string wrapper = learner.definition->name.text, event = has_event(*base, "start") ? "start" : "end";
    diagnostic.code = "E0459";
    diagnostic.message = fmt::format(
        "`{}` remembers what `{}` learned in its `{}`, and that has another form now: `{}` was {}, it is {}", wrapper,
        base->name(), name, leaf->path, to_string(shape_of(leaf->value)), to_string(shape_of(changed.value)));
    diagnostic.hint = fmt::format(
        "`on {}` of `{}` changes its shape: wrap it in what remembers no weights, or bring `{}` to the new "
        "shape in `on {}` of `{}`",
        event, base->name(), name, event, wrapper);
    return;
  }
  explain_outgrown(diagnostic, *base, inner);
}

Value Elaborator::after_event(const Learner& learner, const Value& state, const std::string& event, const Value& item,
                              const Value& before, const Value& gradient) {
  Value current = state;
  if (const Learner* base = learner.base(); base != nullptr && has_event(*base, event)) {
    const Value inner =
        after_event(*base, field(state, base_name), event, item, field(before, base_name), field(gradient, base_name));
    auto fields = state.record()->fields;
    for (auto& [name, value] : fields)
      if (name == base_name) value = inner;
    current = Value::record(std::move(fields));
  }
  const OnStatement* on = event_of(learner, event);
  if (on == nullptr) return current;

  const OnTrail here(*this, fmt::format("in `on {}` of `{}`", event, learner.definition->name.text), learner.span);
  const ScopePtr known = frame(learner, current);
  auto scope = std::make_shared<Scope>(known);
  if (!before.is_none()) {
    scope->bind("before", before);
    scope->bind("gradient", gradient);
  }
  scope->bind(on->parameters.parameters.front().name.text, item);
  with_reasons(learner, current, [&] { return run(*on->body, scope); });

  Fields fields;
  for (const auto& [name, old] : current.record()->fields) {
    Value value = *known->find(name);
    if (const auto* base = value.get<std::shared_ptr<const Learner>>()) value = (*base)->state;
    value = event == "step"
                ? after_step(old, value, name, *learner.definition, "shapes can change in `on start` and `on end`", *on)
                : tensors(value, on->event.span);
    fields.emplace_back(name, std::move(value));
  }
  return Value::record(std::move(fields));
}

Value Elaborator::after_step(const Value& old, const Value& value, const std::string& name, const Definition& owner,
                             const char* hint, const OnStatement& on) {
  const Span span = on.event.span;
  return guarded(span, {}, [&] {
    return zip_leaves(old, tensors(value, span), [&](const Value& a, const Value& b) -> Value {
      const Tensor was = tensor(a, span), is = tensor(b, span);
      if (was.shape() != is.shape())
        fail("E0319", span,
             fmt::format("`on step` of `{}` changes the shape of `{}` from {} to {}", owner.name.text, name,
                         to_string(was.shape()), to_string(is.shape())),
             "", hint);
      return cast(is, was.dtype());
    });
  });
}

}  // namespace metac::dsl
