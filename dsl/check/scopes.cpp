// Lookup goes outwards through a handful of small maps; definitions are short, so nothing cleverer pays.
#include "check/scopes.hpp"

namespace metac::dsl {

std::string_view words(SymbolKind kind) {
  switch (kind) {
    case SymbolKind::parameter:
      return "a parameter";
    case SymbolKind::let:
      return "bound by `let`";
    case SymbolKind::var:
      return "bound by `var`";
    case SymbolKind::draw:
      return "drawn by `~`";
    case SymbolKind::loop:
      return "bound by `for`";
    case SymbolKind::function:
      return "a function";
    case SymbolKind::learn:
      return "bound by `learn`";
    case SymbolKind::memory:
      return "bound by `memory`";
    case SymbolKind::param:
      return "bound by `param`";
    case SymbolKind::binding:
      return "bound here";
    case SymbolKind::implicit:
      return "given by the language";
    case SymbolKind::unknown:
      return "unknown";
  }
  return "";
}

LexicalScope Scopes::pop() {
  LexicalScope scope = std::move(scopes_.back());
  scopes_.pop_back();
  return scope;
}

Symbol* Scopes::find(const std::string& name) {
  for (auto scope = scopes_.rbegin(); scope != scopes_.rend(); ++scope) {
    const auto found = scope->symbols.find(name);
    if (found != scope->symbols.end()) return &found->second;
  }
  return nullptr;
}

Symbol* Scopes::find_here(const std::string& name) {
  if (scopes_.empty()) return nullptr;
  const auto found = scopes_.back().symbols.find(name);
  return found == scopes_.back().symbols.end() ? nullptr : &found->second;
}

void Scopes::declare(Symbol symbol) {
  std::string name = symbol.name.text;
  scopes_.back().symbols.insert_or_assign(std::move(name), std::move(symbol));
}

void Scopes::declare_outermost(Symbol symbol) {
  if (scopes_.empty()) return;
  std::string name = symbol.name.text;
  scopes_.front().symbols.insert_or_assign(std::move(name), std::move(symbol));
}

const Name* Scopes::bound_later(const std::string& name, Span use) {
  for (auto scope = scopes_.rbegin(); scope != scopes_.rend(); ++scope) {
    if (!scope->block) continue;
    if (!scope->bound) {
      scope->bound.emplace();
      for (const auto& statement : scope->block->statements)
        for (const Name* bound : names_bound_by(*statement)) scope->bound->emplace(bound->text, bound);
    }
    const auto [begin, end] = scope->bound->equal_range(name);
    for (auto bound = begin; bound != end; ++bound)
      if (bound->second->span.begin > use.begin) return bound->second;
  }
  return nullptr;
}

void Scopes::add_names(std::vector<std::string>& names) const {
  for (auto scope = scopes_.rbegin(); scope != scopes_.rend(); ++scope) {
    for (const auto& [name, symbol] : scope->symbols) {
      if (symbol.kind != SymbolKind::unknown) names.push_back(name);
    }
  }
}

namespace {

void add_pattern(const Pattern& pattern, std::vector<const Name*>& names) {
  for (const Name& name : pattern.names) names.push_back(&name);
}

}  // namespace

std::vector<const Name*> names_bound_by(const Statement& statement) {
  std::vector<const Name*> names;
  if (const auto* let = std::get_if<LetStatement>(&statement.node)) add_pattern(let->pattern, names);
  if (const auto* var = std::get_if<VarStatement>(&statement.node)) add_pattern(var->pattern, names);
  if (const auto* draw = std::get_if<DrawStatement>(&statement.node)) add_pattern(draw->pattern, names);
  if (const auto* param = std::get_if<ParamStatement>(&statement.node)) names.push_back(&param->name);
  if (const auto* learn = std::get_if<LearnStatement>(&statement.node)) names.push_back(&learn->name);
  if (const auto* memory = std::get_if<MemoryStatement>(&statement.node)) names.push_back(&memory->name);
  if (const auto* definition = std::get_if<Definition>(&statement.node)) names.push_back(&definition->name);
  return names;
}

const Name* bound_name(const Statement& statement, const std::string& text) {
  for (const Name* name : names_bound_by(statement))
    if (name->text == text) return name;
  return nullptr;
}

}  // namespace metac::dsl
