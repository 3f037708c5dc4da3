// What a name means where it stands, and what to say when it means nothing.
#include <algorithm>

#include "check/walker.hpp"
#include "check/words.hpp"
#include "syntax/syntax.hpp"

namespace metac::dsl {

namespace {

constexpr const char* derivatives[] = {"grad", "value_and_grad", "jvp", "hessian"};

template <std::size_t N>
bool is_one_of(const std::string& name, const char* const (&all)[N]) {
  return std::find(std::begin(all), std::end(all), name) != std::end(all);
}

bool is_constant(const std::string& name) {
  const Word* word = find_word(name);
  return word != nullptr && word->kind == Word::Kind::constant;
}

}  // namespace

void Walker::walk() {
  if (settings_.entered != nullptr) return walk_entered();
  for (const auto& each : module_.statements) {
    top_ = each.get();
    scopes_.push();
    statement(*each);
    pop_scope();
  }
  if (settings_.is_script && settings_.warns) warn_unused_globals();
}

// Names that are there already lie in a scope around: what is entered may take their place. A definition does so from
// the beginning, a `let` from where it stands. There may be thousands: only those that the text mentions count.
void Walker::walk_entered() {
  scopes_.push();
  for (const auto word : tokens(program_.sources().text(module_.file))) {
    const auto known = settings_.entered->find(std::string(word));
    if (known == settings_.entered->end()) continue;
    const auto& [name, is_var] = *known;
    const Global* global = program_.find(name, module_.file);
    if (global == nullptr || (global->file == module_.file && global->definition != nullptr)) continue;
    const SymbolKind kind = is_var ? SymbolKind::var : SymbolKind::let;
    scopes_.declare({kind, {name, global->statement->span}, nullptr, context_.function, false, true});
  }
  scopes_.push();
  for (const auto& each : module_.statements) {
    const bool of_script =
        std::holds_alternative<Definition>(each->node) || std::holds_alternative<UseStatement>(each->node);
    context_.place = of_script ? Place::module : Place::experiment;
    top_ = each.get();
    statement(*each);
  }
  pop_scope();
  pop_scope();
}

std::string enumerate(const std::vector<std::string>& names) {
  std::string text;
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (i > 0) text += i + 1 == names.size() ? " and " : ", ";
    text += "`" + names[i] + "`";
  }
  return text;
}

std::string suggestion(const std::string& name, const std::vector<std::string>& candidates, std::string otherwise) {
  const std::string near = nearest(name, candidates);
  return near.empty() ? std::move(otherwise) : "did you mean `" + near + "`?";
}

Walker::Meaning Walker::meaning(const std::string& name) {
  if (const Symbol* symbol = scopes_.find(name)) return {symbol, nullptr, nullptr};
  if (const Global* global = program_.find(name, module_.file)) return {nullptr, global, nullptr};
  return {nullptr, nullptr, find_builtin(name)};
}

Walker::Meaning Walker::use_name(const std::string& name, Span span) {
  const Meaning found = meaning(name);
  note_use(name, span, found);
  if (Symbol* symbol = scopes_.find(name)) {
    symbol->used = true;
    return found;
  }
  if (found.global) {
    if (found.global->file == module_.file) used_globals_.insert(name);
    if (used_too_early(name, span, *found.global)) return {};
  }
  if (!found.known() && !is_constant(name)) unknown_name(name, span);
  return found;
}

// A `let` of a file or of what is entered sees the `let`s above it. Functions are called later and see all.
bool Walker::used_too_early(const std::string& name, Span span, const Global& global) {
  const bool at_top =
      context_.place == Place::module || (settings_.entered != nullptr && context_.place == Place::experiment);
  if (!at_top || context_.function > 0 || global.definition || !top_) return false;
  if (global.file != module_.file || global.statement->span.begin < top_->span.begin) return false;
  const bool itself = global.statement.get() == top_;
  Diagnostic& error = report_.error(
      "E0203", span, itself ? "`" + name + "` is used in its own value" : "`" + name + "` is used before it is bound");
  if (itself) {
    error.hint = "bind the value under another name";
  } else {
    const auto names = names_bound_by(*global.statement);
    const auto bound = std::find_if(names.begin(), names.end(), [&](const Name* n) { return n->text == name; });
    if (bound != names.end()) error.labels.push_back({(*bound)->span, "bound here"});
    error.hint = "move this `let` further down";
  }
  return true;
}

void Walker::unknown_name(const std::string& name, Span span) {
  if (settings_.forgives_all || settings_.forgiven.count(name) > 0) return;
  // A metric may be a function of the learner that is evaluated; which that is, is known only later.
  if (context_.in_metrics && program_.is_learner_function(name, module_.file)) return;
  forgive({name, span});
  if (name == "_") {
    report_.error("E0201", span, "`_` has no value").hint =
        "it stands where a name is needed and its value is not; give it a name to use it";
    return;
  }
  if (const Name* later = scopes_.bound_later(name, span)) {
    Diagnostic& error = report_.error("E0203", span, "`" + name + "` is used before it is bound");
    error.labels.push_back({later->span, "bound here"});
    return;
  }
  if (is_one_of(name, derivatives)) {
    Diagnostic& error = report_.error("E0219", span, "`" + name + "` needs a block to differentiate");
    error.hint = name == "jvp" ? "write `jvp(w, along: v) { f(w) }`" : "write `" + name + "(w) { loss(w) }`";
    return;
  }
  std::string hint = advice_on(name);
  if (hint.empty() && !is_full(report_)) hint = suggestion(name, visible_names());
  report_.error("E0201", span, "unknown name `" + name + "`").hint = std::move(hint);
}

// Names that exist, but not here.
std::string Walker::advice_on(const std::string& name) {
  if (name == "before") return "`before` is known only in `on step(..)` of a learner";
  if (name == "gradient") return "`gradient` is known only in `on step(..)` of a learner and in an optimizer";
  if (name == "gain") return "`gain` is known only in `on step(..)` of `tasks`";
  if (name == "weights") return "`weights` is known only in an optimizer";
  if (name == "example") return "`example` is known only in a learner";
  if (name == "step" || name == "progress")
    return "`" + name + "` is known only while training, inside definitions and experiments";
  if (name == "same") return "`same` is known only as `optimizer: same` of `train`";
  if (const auto instead = instead_of(name); !instead.empty()) return std::string(instead);
  const Word* word = find_word(name);
  return word != nullptr && word->kind == Word::Kind::word
             ? "`" + name + "` is a word of the language: write `" + word->form + "`"
             : "";
}

std::vector<std::string> Walker::visible_names() const {
  std::vector<std::string> names;
  scopes_.add_names(names);
  for (std::string& name : program_.names(module_.file)) names.push_back(std::move(name));
  for (const Builtin& builtin : builtins()) names.emplace_back(builtin.name);
  for (const Word& word : language_words())
    if (word.kind == Word::Kind::constant) names.emplace_back(word.names);
  names.insert(names.end(), {"true", "false"});
  return names;
}

void Walker::bind(const Name& name, SymbolKind kind, const Definition* definition, bool part_of_tuple) {
  if (name.text == "_") return;
  const Symbol* first = scopes_.find_here(name.text);
  if (first && first->kind != SymbolKind::implicit && first->kind != SymbolKind::unknown) {
    Diagnostic& error = report_.error("E0204", name.span, "`" + name.text + "` is defined twice");
    error.labels.push_back({first->name.span, "first defined here"});
    if (kind == SymbolKind::binding && first->kind == SymbolKind::memory)
      error.hint = "memory of tasks changes only in `on step(..)`";
    const bool local = kind == SymbolKind::let || kind == SymbolKind::var;
    if (local && first->kind == SymbolKind::var) error.hint = "write `" + name.text + " = ..` to change it";
    if (local && first->kind == SymbolKind::let) {
      error.hint = "write `var " + name.text + " = ..` there and `" + name.text +
                   " = ..` here to change it, or take another name";
    }
    return;
  }
  if (context_.quiet) forgive(name);  // it would be known if its statement stood in the right place
  const Symbol symbol{kind, name, definition, context_.function, part_of_tuple};
  note_bound(symbol);
  scopes_.declare(symbol);
}

void Walker::bind(const Pattern& pattern, SymbolKind kind) {
  for (const Name& name : pattern.names) bind(name, kind, nullptr, pattern.names.size() > 1);
}

// Says nothing more of this name in the definition around.
void Walker::forgive(const Name& name) {
  scopes_.declare_outermost({SymbolKind::unknown, name, nullptr, 0, false, true});
}

void Walker::pop_scope() {
  const LexicalScope scope = scopes_.pop();
  if (!settings_.warns) return;
  for (const auto& [name, symbol] : scope.symbols) {
    const bool local = symbol.kind == SymbolKind::let || symbol.kind == SymbolKind::var;
    if (!local || symbol.used || name.starts_with('_')) continue;
    Diagnostic& warning = report_.warning("W0201", symbol.name.span, "`" + name + "` is never used");
    warning.hint = symbol.part_of_tuple ? "write `_` in its place" : "remove it, or begin its name with `_`";
  }
}

void Walker::warn_unused_globals() {
  for (const auto& statement : module_.statements) {
    const auto* let = std::get_if<LetStatement>(&statement->node);
    if (!let) continue;
    for (const Name& name : let->pattern.names) {
      if (used_globals_.count(name.text) > 0 || name.text.starts_with('_')) continue;
      Diagnostic& warning = report_.warning("W0201", name.span, "`" + name.text + "` is never used");
      warning.hint = let->pattern.names.size() > 1 ? "write `_` in its place" : "remove it, or begin its name with `_`";
    }
  }
}

}  // namespace metac::dsl
