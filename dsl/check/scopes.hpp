// Lexical scopes inside one definition: which names are visible, what each is, and whether it was read. Names of the
// top level of files are not here (CheckedProgram::find has those).
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "syntax/tree.hpp"

namespace metac::dsl {

enum class SymbolKind { parameter, let, var, draw, loop, function, learn, memory, param, binding, implicit, unknown };

struct Symbol {
  SymbolKind kind = SymbolKind::let;
  Name name;
  const Definition* definition = nullptr;  // of a function
  int function = 0;                        // number of the function (or derivative block) it was bound in
  bool part_of_tuple = false;
  bool used = false;
  const Expr* value = nullptr;  // of a `let` or `var` of one name
};

// "a parameter", "bound by `let`": after "`x` is".
std::string_view words(SymbolKind);

struct LexicalScope {
  std::map<std::string, Symbol> symbols;
  const Block* block = nullptr;  // its statements, to say of an unknown name that it is bound further down
  std::optional<std::multimap<std::string_view, const Name*>> bound;  // by them; filled when first asked for
};

class Scopes {
 public:
  void push(const Block* block = nullptr) { scopes_.push_back({{}, block, std::nullopt}); }
  LexicalScope pop();

  Symbol* find(const std::string& name);       // from the innermost scope outwards
  Symbol* find_here(const std::string& name);  // in the innermost scope only
  void declare(Symbol symbol);                 // replaces a symbol of that name in the innermost scope
  void declare_outermost(Symbol symbol);
  // Where a block around binds `name` later; null if none does.
  const Name* bound_later(const std::string& name, Span use);
  void add_names(std::vector<std::string>& names) const;  // innermost first
  template <class F>
  void visit(F&& f) const {  // every symbol, innermost first
    for (auto scope = scopes_.rbegin(); scope != scopes_.rend(); ++scope)
      for (const auto& [name, symbol] : scope->symbols) f(symbol);
  }

 private:
  std::vector<LexicalScope> scopes_;
};

// The names a statement binds in the block it stands in.
std::vector<const Name*> names_bound_by(const Statement&);
// The one of them with this text; null if there is none.
const Name* bound_name(const Statement&, const std::string& text);

}  // namespace metac::dsl
