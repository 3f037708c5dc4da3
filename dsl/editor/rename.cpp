// A renaming is tried before it is given: with the new texts, the checker must find every name to stand for what it
// stood for. Members are known only when a script runs, so a name that may be one is renamed by hand.
#include "editor/rename.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "check/builtins.hpp"
#include "syntax/tokens.hpp"

namespace metac::dsl {

namespace {

// Of learners, optimizers and tasks: the language calls them by these names, or hands them on.
const std::set<std::string> called_by_language = {"objective", "direction", "predict", "update", "support", "query"};

// What is renamed: its declaration, whichever analysis it is found in.
struct Subject {
  std::string path;
  Span definition;
  const Declaration* declaration;
};

Subject subject(const Analysis& analysis, std::uint32_t byte) {
  const Occurrence* occurrence = analysis.at(analysis.file, byte);
  if (!occurrence) throw Refusal{"there is no name here"};
  const std::string& name = occurrence->name.text;
  if (occurrence->kind == Occurrence::Kind::file) throw Refusal{"this is a file: it is renamed in its folder"};
  const Declaration* declaration = analysis.names.declaration(occurrence->definition);
  if (declaration) return {analysis.path(occurrence->definition.file), occurrence->definition, declaration};
  if (occurrence->kind != Occurrence::Kind::name)
    throw Refusal{fmt::format("what `{}` is, is known only when the script runs", name)};
  throw Refusal{find_builtin(name) ? fmt::format("`{}` is built into the language", name)
                                   : fmt::format("`{}` is a name of the language, or unknown", name)};
}

std::string place_of(const Analysis& analysis, Span span) {
  const Position at = analysis.sources->position(span.file, span.begin);
  return fmt::format("{}:{}:{}", analysis.path(span.file), at.line, at.column);
}

bool is_owner(const Definition* definition) {
  return definition && definition->kind != DefinitionKind::function && definition->kind != DefinitionKind::experiment;
}

// Whether others may read it behind a dot.
bool may_be_member(const Declaration& declaration) {
  if (!is_owner(declaration.inside)) return false;
  const bool is_model = declaration.inside->kind == DefinitionKind::model;
  switch (declaration.kind) {
    case SymbolKind::param:
    case SymbolKind::memory:
    case SymbolKind::learn:
    case SymbolKind::binding:
    case SymbolKind::function:
      return true;
    case SymbolKind::draw:
    case SymbolKind::parameter:
    case SymbolKind::var:
    case SymbolKind::let:
      return !is_model;
    default:
      return false;
  }
}

// Whether it names a layer: a part of a path such as "conv_block1.conv2d.weight".
bool may_be_layer(const Declaration& declaration) {
  const bool is_model = declaration.definition && declaration.definition->kind == DefinitionKind::model;
  return is_model || declaration.kind == SymbolKind::param || declaration.kind == SymbolKind::learn;
}

// "block" of "block1", "block*".
std::string_view without_number(std::string_view part) {
  while (!part.empty() && ((part.back() >= '0' && part.back() <= '9') || part.back() == '*')) part.remove_suffix(1);
  return part;
}

bool path_mentions(std::string_view path, std::string_view name) {
  while (!path.empty()) {
    const std::size_t dot = std::min(path.find('.'), path.size());
    const std::string_view part = path.substr(0, dot);
    if (part == name || without_number(part) == name) return true;
    path.remove_prefix(std::min(dot + 1, path.size()));
  }
  return false;
}

// Places that may mean the subject without the checker knowing it.
class Doubt {
 public:
  Doubt(const Analysis& analysis, const Declaration& declaration)
      : analysis_(analysis), declaration_(declaration), name_(declaration.name.text) {}

  void refuse_if_any() const {
    for (const Occurrence& each : analysis_.names.all)
      if (each.definition == nowhere && may_mean(each)) refuse(each.name.span);
    if (!may_be_layer(declaration_)) return;
    for (std::uint32_t file = 0; file < analysis_.first_library_file; ++file) refuse_strings(file);
  }

 private:
  bool may_mean(const Occurrence& each) const {
    const std::string& text = each.name.text;
    const bool is_function = declaration_.kind == SymbolKind::function;
    switch (each.kind) {
      case Occurrence::Kind::member:
        return (may_be_member(declaration_) && text == name_) ||
               (may_be_layer(declaration_) && without_number(text) == name_);
      case Occurrence::Kind::argument:
        return text == name_ && (declaration_.kind == SymbolKind::parameter || may_be_member(declaration_));
      case Occurrence::Kind::field:  // `with: (updates: 3)` is for `predict`
        return text == name_ && declaration_.inside && declaration_.inside->name.text == "predict";
      case Occurrence::Kind::name:  // a metric may be a function of the learner
        return text == name_ && is_function && is_owner(declaration_.inside) && !find_builtin(text);
      default:
        return false;
    }
  }

  void refuse_strings(std::uint32_t file) const {
    const std::string_view text = analysis_.sources->text(file);
    for (Token token = token_at(text, 0); token.kind != TokenKind::end; token = token_at(text, token.end)) {
      std::string_view word = view(text, token);
      if (token.kind != TokenKind::string || !is_closed_string(word)) continue;
      if (path_mentions(word.substr(1, word.size() - 2), name_)) refuse({file, token.begin, token.end});
    }
  }

  [[noreturn]] void refuse(Span span) const {
    throw Refusal{
        fmt::format("{} may mean this `{}`: that is known only when the script runs, so {}", place_of(analysis_, span),
                    name_, analysis_.is_library(span.file) ? "it keeps its name" : "both have to be renamed by hand")};
  }

  const Analysis& analysis_;
  const Declaration& declaration_;
  const std::string& name_;
};

void require_name(const std::string& name) {
  const Token token = token_at(name, 0);
  const bool word = token.kind == TokenKind::word && token.begin == 0 && token.end == name.size();
  if (!word || name == "_")
    throw Refusal{fmt::format("`{}` is no name: letters, digits and `_` are, not beginning with a digit", name)};
  if (is_reserved_word(name)) throw Refusal{fmt::format("`{}` is a word of the language", name)};
}

void require_whole(const Analysis& analysis) {
  for (const Diagnostic& each : analysis.report.all())
    if (each.code.starts_with("E01"))
      throw Refusal{fmt::format("{} cannot be read whole, so names may be missed: mend {} first",
                                analysis.path(each.span.file), place_of(analysis, each.span))};
}

std::string replaced(std::string_view text, const std::vector<Bytes>& places, const std::string& name) {
  std::string result;
  std::uint32_t at = 0;
  for (const Bytes& each : places) {
    result += text.substr(at, each.begin - at);
    result += name;
    at = each.end;
  }
  return result + std::string(text.substr(at));
}

// Compares what names stand for before and after.
class Trial {
 public:
  Trial(const Places& places, const std::string& name) : places_(places), name_(name) {}

  void compare(const Analysis& before, const Analysis& after) const {
    for (const Diagnostic& each : after.report.all())
      if (each.severity == Severity::error && before.is_valid)
        throw Refusal{fmt::format("with the name `{}`, {} at {}", name_, each.message, place_of(after, each.span))};
    const auto& old = before.names.all;
    const auto& now = after.names.all;
    for (std::size_t i = 0; i < std::min(old.size(), now.size()); ++i)
      if (!same(before, old[i], after, now[i])) refuse(before, old[i]);
    if (old.size() != now.size()) throw Refusal{fmt::format("the name `{}` would change what the script means", name_)};
  }

 private:
  bool same(const Analysis& before, const Occurrence& a, const Analysis& after, const Occurrence& b) const {
    return a.kind == b.kind && same_place(before, a.name.span, after, b.name.span) &&
           (a.definition == nowhere ? b.definition == nowhere : same_place(before, a.definition, after, b.definition));
  }

  bool same_place(const Analysis& before, Span a, const Analysis& after, Span b) const {
    if (b == nowhere || before.path(a.file) != after.path(b.file)) return false;
    return moved(before.path(a.file), a.begin) == b.begin;
  }

  std::int64_t moved(const std::string& path, std::uint32_t byte) const {
    std::int64_t result = byte;
    const auto places = places_.find(path);
    if (places == places_.end()) return result;
    for (const Bytes& each : places->second)
      if (each.begin < byte) result += static_cast<std::int64_t>(name_.size()) - (each.end - each.begin);
    return result;
  }

  [[noreturn]] void refuse(const Analysis& before, const Occurrence& each) const {
    throw Refusal{fmt::format("with the name `{}`, what `{}` means at {} would change: the two names would be mixed up",
                              name_, each.name.text, place_of(before, each.name.span))};
  }

  const Places& places_;
  const std::string& name_;
};

}  // namespace

Name renamable(const Analysis& analysis, std::uint32_t byte) {
  const Subject found = subject(analysis, byte);
  const std::string& name = found.declaration->name.text;
  if (analysis.is_library(found.definition.file))
    throw Refusal{fmt::format("`{}` is a name of the standard library, which scripts cannot change", name)};
  if (is_owner(found.declaration->inside) && found.declaration->kind != SymbolKind::parameter &&
      called_by_language.contains(name))
    throw Refusal{fmt::format("the language looks for `{}` by this name", name)};
  return analysis.at(analysis.file, byte)->name;
}

Places places_of(const std::vector<const Analysis*>& analyses, std::uint32_t byte, bool with_definition) {
  Places places;
  const Subject wanted = subject(*analyses.front(), byte);
  for (const Analysis* analysis : analyses) {
    const auto file = analysis->file_of(wanted.path);
    if (!file) continue;
    const Span definition{*file, wanted.definition.begin, wanted.definition.end};
    for (const Occurrence& each : analysis->names.all) {
      if (!(each.definition == definition) || (!with_definition && each.name.span == definition)) continue;
      places[analysis->path(each.name.span.file)].push_back({each.name.span.begin, each.name.span.end});
    }
  }
  for (auto& [path, all] : places) {
    std::sort(all.begin(), all.end());
    all.erase(std::unique(all.begin(), all.end()), all.end());
  }
  return places;
}

Places rename(const std::vector<const Analysis*>& analyses, std::uint32_t byte, const std::string& name,
              const ReadText& read) {
  renamable(*analyses.front(), byte);
  require_name(name);
  const Subject wanted = subject(*analyses.front(), byte);
  std::vector<const Analysis*> concerned;
  for (const Analysis* each : analyses)
    if (each->file_of(wanted.path)) concerned.push_back(each);
  for (const Analysis* each : concerned) {
    require_whole(*each);
    Doubt(*each, *wanted.declaration).refuse_if_any();
  }
  const Places places = places_of(concerned, byte);
  const ReadText changed = [&](const std::string& path) -> std::optional<std::string> {
    auto text = read(path);
    const auto found = places.find(path);
    return text && found != places.end() ? replaced(*text, found->second, name) : text;
  };
  for (const Analysis* each : concerned) {
    const std::string& path = each->path(each->file);
    Trial(places, name).compare(*each, analyse(path, changed(path).value_or(""), changed));
  }
  return places;
}

}  // namespace metac::dsl
