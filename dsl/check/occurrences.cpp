// The walker's notes for editors: what it found each name to stand for, and what can stand at the place that was asked
// for. Nothing here changes what is checked.
#include "check/occurrences.hpp"

#include <algorithm>

#include "check/walker.hpp"

namespace metac::dsl {

namespace {

// The statement of a body that binds this name.
const Name* member_of(const Definition& owner, const std::string& name) {
  if (!owner.body.block) return nullptr;
  for (const auto& statement : owner.body.block->statements) {
    if (const Name* bound = bound_name(*statement, name)) return bound;
    const auto* assign = std::get_if<AssignStatement>(&statement->node);
    if (!assign || owner.kind != DefinitionKind::tasks) continue;
    for (const auto& path : assign->paths)
      if (path.size() == 1 && path.front().text == name) return &path.front();
  }
  for (const ParameterList& list : owner.lists)
    for (const Parameter& parameter : list.parameters)
      if (parameter.name.text == name) return &parameter.name;
  return nullptr;
}

}  // namespace

const Declaration* Occurrences::declaration(Span definition) const {
  const auto found = declarations.find({definition.file, definition.begin});
  return found == declarations.end() ? nullptr : &found->second;
}

void Occurrences::declare(Declaration declaration) {
  const Name name = declaration.name;
  const bool is_new = declarations.emplace(std::pair(name.span.file, name.span.begin), std::move(declaration)).second;
  if (is_new) all.push_back({name, Occurrence::Kind::name, name.span});
}

void Walker::note(const Name& name, Occurrence::Kind kind, Span definition) {
  if (settings_.occurrences) settings_.occurrences->all.push_back({name, kind, definition});
}

void Walker::note_bound(const Symbol& symbol) {
  if (settings_.occurrences)
    settings_.occurrences->declare({symbol.name, symbol.kind, symbol.definition, context_.definition, std::nullopt});
}

void Walker::note_use(const std::string& name, Span span, const Meaning& meaning) {
  if (!settings_.occurrences) return;
  Span definition = nowhere;
  if (meaning.symbol && meaning.symbol->name.span.end > 0) definition = meaning.symbol->name.span;
  if (meaning.global) {
    if (const Name* bound = bound_name(*meaning.global->statement, name)) definition = bound->span;
  }
  note({name, span}, Occurrence::Kind::name, definition);
  answer_probe(span);
}

// The names of scopes, then those of files and the library. Those of the language are known without asking.
void Walker::answer_probe(Span span) {
  Probe& probe = settings_.occurrences->probe;
  if (!(span == probe.place)) return;
  probe.met = true;
  std::set<std::string> seen;
  scopes_.visit([&](const Symbol& symbol) {
    if (symbol.kind == SymbolKind::unknown || !seen.insert(symbol.name.text).second) return;
    probe.visible.push_back({symbol.name, symbol.kind, symbol.definition, nullptr, std::nullopt});
  });
  for (const std::string& name : program_.names(module_.file)) {
    const Global* global = program_.find(name, module_.file);
    if (seen.insert(name).second)
      probe.visible.push_back({{name, nowhere}, SymbolKind::unknown, global->definition, nullptr, *global});
  }
}

void Walker::note_call(const CallExpr& call, const std::optional<Target>& target) {
  if (!settings_.occurrences) return;
  if (target && target->signature->is_builtin) return;
  for (const Field& argument : call.arguments) {
    if (!argument.name) continue;
    const SignatureParameter* found = nullptr;
    if (target) found = target->signature->lists[target->list].find(argument.name->text);
    if (target && !found && target->list == 0) found = target->signature->find_started(argument.name->text);
    note(*argument.name, Occurrence::Kind::argument, found ? found->span : nowhere);
  }
}

void Walker::note_member(const MemberExpr& member) {
  if (!settings_.occurrences) return;
  const Definition* owner = definition_of_value(*member.base, 0);
  const Name* bound = owner ? member_of(*owner, member.member.text) : nullptr;
  note(member.member, Occurrence::Kind::member, bound ? bound->span : nowhere);
  Probe& probe = settings_.occurrences->probe;
  if (!(member.member.span == probe.place)) return;
  probe.met = probe.is_member = true;
  probe.base = owner;
  const Expr* value = value_of(*member.base);
  const auto* record = value ? std::get_if<RecordExpr>(&value->node) : nullptr;
  if (!record) return;
  for (const Field& field : record->fields)
    if (field.name) probe.fields.insert(field.name->text);
}

// What a name was bound to, where that is written; else the expression itself.
const Expr* Walker::value_of(const Expr& e) {
  if (const auto* inner = std::get_if<ParenExpr>(&e.node)) return value_of(*inner->inner);
  const auto* name = std::get_if<NameExpr>(&e.node);
  if (!name) return &e;
  if (const Symbol* symbol = scopes_.find(name->name)) return symbol->value;
  const Global* global = program_.find(name->name, module_.file);
  if (global && global->file != module_.file) return nullptr;  // its names are those of that file
  const auto* let = global ? std::get_if<LetStatement>(&global->statement->node) : nullptr;
  return let && !let->pattern.is_tuple ? let->value.get() : nullptr;
}

// The learner, optimizer, tasks or model that a value is one of; null where that is known only when the script runs.
const Definition* Walker::definition_of_value(const Expr& e, int depth) {
  constexpr int longest_chain = 20;  // of `let`s that give a value another name; a mistake may close it to a ring
  const Expr* value = value_of(e);
  if (!value || depth > longest_chain) return nullptr;
  if (value != &e) return definition_of_value(*value, depth + 1);
  if (const auto* named = std::get_if<NamedExpr>(&e.node)) return definition_of_value(*named->inner, depth + 1);
  const auto* call = std::get_if<CallExpr>(&e.node);
  const auto* callee = call ? std::get_if<NameExpr>(&call->callee->node) : nullptr;
  const Definition* found = callee ? meaning(callee->name).definition() : nullptr;
  return found && found->kind != DefinitionKind::function ? found : nullptr;
}

void Walker::visit(const UseStatement& s, const Statement&) {
  if (!settings_.occurrences) return;
  for (const Name& name : s.names)
    note_use(name.text, name.span, {nullptr, program_.find(name.text, module_.file), nullptr});
  const auto file = settings_.used_files.find(s.module_span.begin);
  if (file != settings_.used_files.end()) note({s.module, s.module_span}, Occurrence::Kind::file, {file->second, 0, 0});
}

}  // namespace metac::dsl
