// Definitions: their scopes, and what each kind must have.
#include <algorithm>

#include "check/walker.hpp"

namespace metac::dsl {

namespace {

bool is_owner(DefinitionKind kind) { return kind != DefinitionKind::function && kind != DefinitionKind::model; }

const Definition* function_of(const Definition& owner, const std::string& name) {
  for (const auto& statement : owner.body.block->statements) {
    const auto* function = std::get_if<Definition>(&statement->node);
    if (function && function->kind == DefinitionKind::function && function->name.text == name) return function;
  }
  return nullptr;
}

template <typename Node>
bool has(const Definition& owner) {
  const auto& all = owner.body.block->statements;
  return std::any_of(all.begin(), all.end(), [](const auto& s) { return std::holds_alternative<Node>(s->node); });
}

}  // namespace

void Walker::definition(const Definition& d) {
  const Restore back(*this);
  context_.definition = &d;
  check_form(d);
  if (is_owner(d.kind) && d.body.block) return owner(d);
  const Place place = d.kind == DefinitionKind::model ? Place::model : Place::function;
  const bool is_update = context_.place == Place::optimizer && d.name.text == "update";
  if (is_update || place == Place::model)
    context_.changes_memory = functions_ + 1;  // the number function_like() gives it
  if (context_.place == Place::module) declare_implicit({"step", "progress"});
  function_like(d.lists, d.body, place, "`" + d.name.text + "`");
}

void Walker::function_like(const std::vector<ParameterList>& lists, const Body& body, Place place, std::string what) {
  const Restore restore(*this);
  context_.place = place;
  context_.direct = true;
  context_.may_draw = true;
  context_.in_metrics = false;
  context_.function = ++functions_;
  context_.what = std::move(what);
  scopes_.push();
  parameters(lists);
  if (body.block) {
    statements(*body.block, true);
  } else {
    expression(body.expression);
  }
  pop_scope();
}

void Walker::parameters(const std::vector<ParameterList>& lists) {
  for (const ParameterList& list : lists) {
    for (const Parameter& parameter : list.parameters) {
      expression(parameter.default_value);
      bind(parameter.name, SymbolKind::parameter);
    }
  }
}

void Walker::declare_implicit(std::initializer_list<const char*> names) {
  for (const char* name : names) scopes_.declare({SymbolKind::implicit, {name, {}}, nullptr, 0, false, true});
}

// A learner, optimizer, tasks or experiment: parameters and body share a scope, since all of them are names of one
// value.
void Walker::owner(const Definition& d) {
  const Restore restore(*this);
  const Place places[] = {Place::function, Place::model,     Place::tasks,
                          Place::learner,  Place::optimizer, Place::experiment};
  context_.place = places[static_cast<std::size_t>(d.kind)];
  context_.direct = true;
  context_.may_draw = d.kind == DefinitionKind::tasks;
  context_.function = ++functions_;
  declare_implicit({"step", "progress"});
  if (d.kind == DefinitionKind::learner) declare_implicit({"example"});
  if (d.kind == DefinitionKind::optimizer) declare_implicit({"weights", "gradient"});

  wraps_ = false;
  scopes_.push(d.body.block.get());
  parameters(d.lists);
  if (d.kind != DefinitionKind::experiment) hoist(*d.body.block);
  for (const auto& each : d.body.block->statements) {
    statement(*each);
    const auto* dropped = std::get_if<ExprStatement>(&each->node);
    if (dropped) warn_dropped(*dropped);
  }
  pop_scope();
  if (d.kind == DefinitionKind::learner && !settings_.is_damaged) check_learner(d);
  if (d.kind == DefinitionKind::optimizer && !settings_.is_damaged) check_optimizer(d);
  check_events(d);
}

// Functions, `learn` and `memory` are visible in the whole body.
void Walker::hoist(const Block& block) {
  for (const auto& each : block.statements) {
    if (misplaced(*each, context_.place, true)) continue;
    if (const auto* d = std::get_if<Definition>(&each->node)) bind(d->name, SymbolKind::function, d);
    if (const auto* learn = std::get_if<LearnStatement>(&each->node)) bind(learn->name, SymbolKind::learn);
    if (const auto* memory = std::get_if<MemoryStatement>(&each->node)) bind(memory->name, SymbolKind::memory);
  }
}

void Walker::event(const OnStatement& s) {
  static const std::vector<std::string> known = {"start", "step", "end"};
  const bool of_tasks = context_.place == Place::tasks;
  if (std::find(known.begin(), known.end(), s.event.text) == known.end()) {
    report_.error("E0213", s.event.span, "there is no event `" + s.event.text + "`").hint =
        suggestion(s.event.text, known, "the events are " + enumerate(known));
  } else if (of_tasks && s.event.text != "step") {
    report_.error("E0213", s.event.span, "`tasks` have no event `" + s.event.text + "`").hint =
        "their memory begins anew with each `train` and ends with it; `on step(tasks)` changes it";
  }
  if (s.parameters.parameters.size() != 1) {
    report_
        .error("E0213", s.parameters.span,
               "`on " + s.event.text + "` takes one parameter, not " + std::to_string(s.parameters.parameters.size()))
        .hint = s.event.text != "step" ? "write `on " + s.event.text + "(data) { .. }`"
                : of_tasks             ? "write `on step(tasks) { .. }`"
                                       : "write `on step(batch) { .. }`";
  }
  const Restore restore(*this);
  context_.place = Place::event;
  context_.direct = true;
  context_.may_draw = true;
  context_.function = ++functions_;
  context_.changes_memory = context_.function;
  scopes_.push();
  if (s.event.text == "step" && of_tasks) declare_implicit({"loss", "gain"});
  if (s.event.text == "step" && !of_tasks) declare_implicit({"before", "gradient"});
  parameters({s.parameters});
  statements(*s.body, false);
  pop_scope();
}

void Walker::check_form(const Definition& d) {
  const std::string kind = word(d.kind);
  if (is_owner(d.kind) && !d.body.block) {
    Diagnostic& error =
        report_.error("E0222", d.name.span, "the body of `" + kind + " " + d.name.text + "` must be a block `{ .. }`");
    if (d.kind != DefinitionKind::experiment)
      error.hint = "to give a value another name or other settings, write `fn` instead of `" + kind + "`";
  }
  const std::size_t most = is_owner(d.kind) ? 1 : 2;
  if (d.lists.size() > most) {
    Diagnostic& error =
        report_.error("E0222", d.lists[most].span,
                      "`" + kind + "` has at most " + (most == 1 ? "one list" : "two lists") + " of parameters");
    if (is_owner(d.kind)) error.hint = "only `fn` and `model` take settings in a list of their own";
  }
  if (d.kind == DefinitionKind::model && d.lists.empty()) {
    report_.error("E0222", d.name.span, "`model " + d.name.text + "` has no input").hint =
        "write `model " + d.name.text + "(x) = ..`, or `fn " + d.name.text + "() = ..` to name a model made elsewhere";
  }
}

// A wrapper has its base's objective. A learner without `learn` that is given something may be one.
void Walker::check_learner(const Definition& d) {
  if (function_of(d, "objective") || function_of(d, "direction")) return;
  const bool is_given_something = !d.lists.empty() && !d.lists.front().parameters.empty();
  if (is_given_something && (wraps_ || !has<LearnStatement>(d))) return;
  report_.error("E0211", d.name.span, "the learner `" + d.name.text + "` has neither an `objective` nor a `direction`")
      .hint = "add `fn objective(task) = ..`, the number that training makes smaller";
}

void Walker::check_optimizer(const Definition& d) {
  const Definition* update = function_of(d, "update");
  static const std::string form = "fn update(weights, gradient)";
  if (!update) {
    report_.error("E0212", d.name.span, "the optimizer `" + d.name.text + "` has no `update`").hint =
        "add `" + form + " = ..`, which gives the new weights";
    return;
  }
  const bool right = update->lists.size() == 1 && update->lists.front().parameters.size() == 2;
  if (!right)
    report_.error("E0212", update->name.span, "`update` takes the weights and their gradient").hint =
        "write `" + form + "`";
}

void Walker::check_events(const Definition& d) {
  std::map<std::string, Span> seen;
  for (const auto& each : d.body.block->statements) {
    const auto* on = std::get_if<OnStatement>(&each->node);
    if (!on) continue;
    const auto [first, is_new] = seen.emplace(on->event.text, on->event.span);
    if (is_new) continue;
    Diagnostic& error = report_.error("E0204", on->event.span, "`on " + on->event.text + "` is defined twice");
    error.labels.push_back({first->second, "first defined here"});
  }
}

void Walker::require_value(const Block& block) {
  if (settings_.is_damaged || gives_value(block, true)) return;
  if (block.statements.empty()) {
    report_.error("E0218", block.span, context_.what + " has an empty block, so no value").hint =
        "give its value with `return`";
    return;
  }
  const Statement& last = *block.statements.back();
  Diagnostic& error = report_.error("E0218", last.span, context_.what + " ends without a value");
  const auto* choice = std::get_if<IfStatement>(&last.node);
  if (std::holds_alternative<ExprStatement>(last.node)) {
    error.hint = "in a block of several statements, write `return` before the value";
  } else if (choice && !choice->otherwise) {
    error.hint = "say with `return` what it is when the condition is false";
  } else {
    error.hint = "end the block with `return ..`";
  }
}

}  // namespace metac::dsl
