// Statements: each stands where it may, binds its names after its value, and changes only what may change.
#include <algorithm>
#include <set>
#include <string_view>

#include "check/walker.hpp"

namespace metac::dsl {

bool is_call_of(const Statement& statement, const std::set<std::string>& names) {
  const auto* expression = std::get_if<ExprStatement>(&statement.node);
  const auto* call = expression ? std::get_if<CallExpr>(&expression->value->node) : nullptr;
  const auto* callee = call ? std::get_if<NameExpr>(&call->callee->node) : nullptr;
  return callee && names.count(callee->name) > 0;
}

bool gives_value(const Block& block, bool alone) {
  if (block.statements.empty()) return false;
  const Statement& last = *block.statements.back();
  if (std::holds_alternative<ReturnStatement>(last.node) || is_call_of(last, {"error"})) return true;
  if (alone && block.statements.size() == 1 && std::holds_alternative<ExprStatement>(last.node)) return true;
  const auto* choice = std::get_if<IfStatement>(&last.node);
  return choice && choice->otherwise && gives_value(*choice->then, false) && gives_value(*choice->otherwise, false);
}

void Walker::statements(const Block& block, bool value) {
  scopes_.push(&block);
  const Statement* const last = block.statements.empty() ? nullptr : block.statements.back().get();
  for (const auto& each : block.statements) {
    statement(*each);
    const auto* dropped = std::get_if<ExprStatement>(&each->node);
    if (dropped && !(value && each.get() == last)) warn_dropped(*dropped);
  }
  if (value) require_value(block);
  pop_scope();
}

void Walker::statement(const Statement& s) {
  const Restore restore(*this);
  const auto* expression = std::get_if<ExprStatement>(&s.node);
  const bool is_work = expression && std::holds_alternative<WorkExpr>(expression->value->node);  // has its own message
  const auto wrong = misplaced(s, context_.place, context_.direct);
  const bool orphaned = wrong && settings_.is_damaged && context_.place == Place::module;
  if (orphaned) return;  // what it belonged to could not be read
  if (wrong && !is_work && !context_.quiet) {
    const std::string_view text = program_.sources().text(s.span);
    const auto length = static_cast<std::uint32_t>(text.find_first_of(" \n({=~"));  // the word it begins with
    const Span word{s.span.file, s.span.begin, s.span.begin + std::min(length, s.span.end - s.span.begin)};
    report_.error("E0210", expression ? s.span : word, wrong->message).hint = wrong->hint;
    context_.quiet = true;
    if (context_.place == Place::module) context_.place = Place::experiment;
  }
  std::visit([&](const auto& node) { visit(node, s); }, s.node);
}

void Walker::visit(const LetStatement& s, const Statement&) {
  expression(s.value);
  if (context_.place == Place::module) return;
  const bool part_of_task = context_.place == Place::tasks && context_.direct;  // learners and `on step` see it
  bind(s.pattern, part_of_task ? SymbolKind::binding : SymbolKind::let);
  remember_value(s.pattern, s.value);
}

// What stands behind a dot is known by it.
void Walker::remember_value(const Pattern& pattern, const ExprPtr& value) {
  Symbol* symbol = pattern.is_tuple ? nullptr : scopes_.find_here(pattern.names.front().text);
  if (symbol) symbol->value = value.get();
}

void Walker::visit(const VarStatement& s, const Statement&) {
  expression(s.value);
  bind(s.pattern, SymbolKind::var);
  remember_value(s.pattern, s.value);
}

void Walker::visit(const DrawStatement& s, const Statement&) {
  if (!context_.may_draw && !context_.quiet && context_.place == Place::derivative) {
    report_.error("E0210", s.pattern.span, "a draw with `~` cannot stand in an experiment").hint =
        "draws belong in `fn`, `model`, `tasks` and `on`";
  }
  expression(s.distribution);
  bind(s.pattern, SymbolKind::draw);
}

void Walker::visit(const ParamStatement& s, const Statement&) {
  for (const ExprPtr& size : s.shape) expression(size);
  expression(s.initialiser);
  bind(s.name, SymbolKind::param);
}

// Where they belong, hoist() has bound them already; in a model `memory` is bound where it stands.
void Walker::visit(const LearnStatement& s, const Statement&) {
  expression(s.value);
  if (context_.quiet) bind(s.name, SymbolKind::learn);
}

void Walker::visit(const MemoryStatement& s, const Statement&) {
  expression(s.value);
  if (context_.quiet || context_.place == Place::model) bind(s.name, SymbolKind::memory);
}

void Walker::visit(const ReturnStatement& s, const Statement&) { expression(s.value); }

void Walker::visit(const ForStatement& s, const Statement&) {
  expression(s.sequence);
  scopes_.push();
  bind(s.pattern, SymbolKind::loop);
  inner_block(*s.body);
  pop_scope();
}

void Walker::visit(const IfStatement& s, const Statement&) {
  expression(s.condition);
  inner_block(*s.then);
  if (s.otherwise) inner_block(*s.otherwise);
}

void Walker::inner_block(const Block& block) {
  const Restore restore(*this);
  context_.direct = false;
  statements(block, false);
}

void Walker::visit(const OnStatement& s, const Statement&) { event(s); }

void Walker::visit(const ExprStatement& s, const Statement&) { expression(s.value); }

void Walker::visit(const Definition& d, const Statement&) {
  const bool hoisted =
      context_.direct && !context_.quiet &&
      (context_.place == Place::learner || context_.place == Place::optimizer || context_.place == Place::tasks);
  if (context_.place != Place::module && !hoisted) bind(d.name, SymbolKind::function, &d);
  definition(d);
}

void Walker::visit(const AssignStatement& s, const Statement&) {
  expression(s.value);
  for (const std::vector<Name>& path : s.paths) assign(path);
}

void Walker::assign(const std::vector<Name>& path) {
  const Name& root = path.front();
  if (root.text == "_") return;
  Symbol* symbol = scopes_.find(root.text);
  for (std::size_t i = 1; i < path.size(); ++i) note(path[i], Occurrence::Kind::member, nowhere);
  if (symbol) note_use(root.text, root.span, {symbol, nullptr, nullptr});
  if (symbol && (symbol->kind == SymbolKind::unknown || may_assign(*symbol))) return;
  const bool binds = context_.place == Place::tasks && path.size() == 1;
  if (binds && (!symbol || symbol->kind != SymbolKind::var)) return bind(root, SymbolKind::binding);
  if (context_.quiet) return forgive(root);
  if (!symbol || symbol->kind == SymbolKind::implicit) return assign_unbound(root);
  refuse_assignment(root, *symbol);
}

bool Walker::may_assign(const Symbol& symbol) const {
  if (symbol.kind == SymbolKind::var) return symbol.function == context_.function;
  const bool state = symbol.kind == SymbolKind::memory || symbol.kind == SymbolKind::learn;
  return state && context_.changes_memory == context_.function;
}

void Walker::assign_unbound(const Name& name) {
  if (settings_.forgiven.count(name.text) > 0) return;
  forgive(name);
  const Global* global = program_.find(name.text, module_.file);
  if (global && !global->from_library) {
    Diagnostic& error = report_.error("E0202", name.span, "`" + name.text + "` cannot be changed here");
    error.hint = "what is bound at the top level of a file stays as it is; write `var` to bind a name that changes";
    return;
  }
  std::vector<std::string> near;
  if (!is_full(report_)) scopes_.add_names(near);
  Diagnostic& error = report_.error("E0202", name.span, "there is no variable `" + name.text + "` to change");
  const std::string close = nearest(name.text, near);
  const Symbol* symbol = close.empty() ? nullptr : scopes_.find(close);
  const bool is_typo = symbol && may_assign(*symbol);
  error.hint = is_typo ? "did you mean `" + close + "`?"
                       : "write `let " + name.text + " = ..` to bind it, or `var` if it changes later";
}

void Walker::refuse_assignment(const Name& name, const Symbol& symbol) {
  Diagnostic& error = report_.error("E0202", name.span, "`" + name.text + "` cannot be changed here");
  error.labels.push_back({symbol.name.span, "it is " + std::string(words(symbol.kind))});
  switch (symbol.kind) {
    case SymbolKind::let:
      error.hint = "bind it with `var` to change it later";
      break;
    case SymbolKind::var:
      error.hint = "it belongs to the function around; give the new value back with `return`";
      break;
    case SymbolKind::learn:
      error.hint = "only `train` and `on` move what is learned; to adapt a copy, write `var w = " + name.text + "`";
      break;
    case SymbolKind::memory:
      error.hint = "memory changes only in `on`, in `update` of an optimizer, and in the body of its model";
      break;
    default:
      error.hint = "bind a copy with `var`, under a name of its own";
  }
}

// Functions are pure: a value that is not used is work for nothing, or a `return` that was forgotten.
void Walker::warn_dropped(const ExprStatement& s) {
  if (!settings_.warns || context_.quiet || std::holds_alternative<WorkExpr>(s.value->node)) return;
  const auto* call = std::get_if<CallExpr>(&s.value->node);
  const auto* callee = call ? std::get_if<NameExpr>(&call->callee->node) : nullptr;
  static const std::set<std::string_view> actions{"print", "error", "assert", "save", "declare_statistics"};
  const bool acts = callee && actions.contains(callee->name);
  if (acts || (call && context_.place == Place::experiment)) return;
  report_.warning("W0202", s.value->span, "the value of this expression is not used").hint =
      call ? "functions change nothing; bind what it gives with `let` or `=`" : "bind it with `let`, or `return` it";
}

}  // namespace metac::dsl
