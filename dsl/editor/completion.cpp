// Which names there are, the checker says of the text with a name put in at the cursor.
#include "editor/completion.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <set>
#include <utility>

#include "check/places.hpp"
#include "editor/hover.hpp"
#include "editor/surroundings.hpp"
#include "outline/outline.hpp"
#include "syntax/tokens.hpp"

namespace metac::dsl {

namespace {

constexpr std::string_view stand_in = "what_is_written_here";

// The text with a name at the cursor. Where it cannot be read so: with nothing else on that line; and as a text that
// ends there, with its brackets closed.
enum class Probing { whole, alone, closed };

struct Probed {
  std::string text;
  ProbedBytes place;
};

Probed with_probe(const std::string& text, const Surroundings& at, Probing how) {
  std::string word = text.substr(at.begin, at.end - at.begin);
  if (word.empty() || how != Probing::whole) word = stand_in;
  std::size_t from = at.begin, to = at.end;
  if (how == Probing::alone) {
    while (from > 0 && text[from - 1] != '\n') --from;
    to = std::min(text.find('\n', at.end), text.size());
  }
  Probed result;
  result.text = text.substr(0, from) + word + (how == Probing::closed ? at.closers : text.substr(to));
  result.place = {static_cast<std::uint32_t>(from), static_cast<std::uint32_t>(from + word.size())};
  return result;
}

class Answer {
 public:
  Answer(const Surroundings& at, const Analysis& analysis) : at_(at), analysis_(analysis) {}

  std::vector<Completion> names() {
    if (at_.after_dot) return members();
    if (at_.begins_item && at_.bracket && !at_.bracket->callee.empty()) add_arguments(*at_.bracket);
    for (const Declaration& each : visible()) add(each);
    for (const Builtin& each : builtins()) {
      const Outline words = outline_of(each);
      add({each.name, Completion::Kind::function, heading(words), words.documentation, each.name, 4});
    }
    for (const Word& each : language_words())
      if (each.kind == Word::Kind::constant) add({each.names, Completion::Kind::constant, "", each.doc, each.names, 4});
    add_keywords();
    return std::move(all_);
  }

  static std::vector<Completion> options(const Bracket& bracket) {
    std::vector<Completion> all;
    for (const std::string& each : options_of(*bracket.work))
      if (!bracket.named.contains(each)) all.push_back({each, Completion::Kind::option, "", "", each + ": ", 0});
    return all;
  }

 private:
  // Each name once: the first is the nearest.
  void add(Completion completion) {
    if (seen_.insert(completion.label).second) all_.push_back(std::move(completion));
  }

  // Where the checker did not come by, at least what every place sees.
  std::vector<Declaration> visible() const {
    if (analysis_.names.probe.met) return analysis_.names.probe.visible;
    std::vector<Declaration> all;
    for (const auto& [place, each] : analysis_.names.declarations)
      if (each.global && (place.first == analysis_.file || each.global->from_library)) all.push_back(each);
    return all;
  }

  void add(const Declaration& each) {
    using Kind = Completion::Kind;
    const bool is_type = each.definition && each.definition->kind != DefinitionKind::function;
    const Kind kind = is_type ? Kind::type : each.definition ? Kind::function : Kind::variable;
    const int rank = !each.global ? 1 : each.global->from_library ? 3 : 2;
    Completion made{each.name.text, kind, "", "", each.name.text, rank};
    if (each.definition) {
      const Outline outline = outline_of(*each.definition);
      made.heading = heading(outline);
      made.documentation = summary(outline);
    } else if (each.kind == SymbolKind::implicit) {
      const Word* word = find_word(each.name.text);
      if (word != nullptr) made.documentation = word->doc;
    } else if (!each.global) {
      made.heading = words(each.kind);
    }
    add(std::move(made));
  }

  std::optional<Outline> callee(const std::string& name) const {
    for (const Declaration& each : visible()) {
      if (each.name.text != name) continue;
      if (!each.definition) return std::nullopt;
      return outline_of(*each.definition, *analysis_.sources);
    }
    const Builtin* builtin = find_builtin(name);
    return builtin ? std::optional(outline_of(*builtin)) : std::nullopt;
  }

  void add_arguments(const Bracket& bracket) {
    const auto outline = callee(bracket.callee);
    if (!outline || bracket.list >= outline->lists.size()) return;
    const auto add_one = [&](const std::string& name, const std::string& words, std::string documentation) {
      if (!bracket.named.contains(name))
        add({name + ":", Completion::Kind::argument, words, std::move(documentation), name + ": ", 0});
    };
    for (const OutlineParameter& each : outline->lists[bracket.list])
      add_one(each.name, each.default_value.empty() ? "must be given" : "otherwise " + each.default_value,
              heading(*outline));
    if (bracket.list > 0 || outline->kind != "learner") return;
    for (const Outline& each : outline->members)
      if (each.kind == "learn" || each.kind == "memory") add_one(each.name, "what it begins with", summary(each));
  }

  void add_keywords() {
    for (const std::string_view each : at_.begins_statement ? statement_words() : reserved_words())
      add({std::string(each), Completion::Kind::keyword, "", "", std::string(each), 5});
  }

  void add_member(const std::string& name, std::string heading = "", std::string documentation = "") {
    add({name, Completion::Kind::member, std::move(heading), std::move(documentation), name, 0});
  }

  std::vector<Completion> members() {
    const Probe& probe = analysis_.names.probe;
    for (const std::string& field : probe.fields) add_member(field);
    if (!probe.fields.empty()) return std::move(all_);
    if (probe.base && probe.base->kind == DefinitionKind::learner) add_members_of(*probe.base);
    if (probe.base && probe.base->kind == DefinitionKind::optimizer) {
      add_member("start", "start(weights)", "the memory that it begins with");
      add_member("update", "update(weights, gradient, memory)", "the new weights and the new memory");
    }
    if (all_.empty()) add_members_seen();
    return std::move(all_);
  }

  void add_members_of(const Definition& learner) {
    const Outline outline = outline_of(learner, *analysis_.sources);
    for (const Outline& each : outline.members)
      if (each.kind != "on") add_member(each.name, heading(each), summary(each));
    for (const auto& list : outline.lists)
      for (const OutlineParameter& each : list) add_member(each.name, "parameter " + each.name);
    add_member("learned", "", "the tree of all that it learns");
  }

  // Of a value that is known only when the script runs: what data sets and tensors have, and what is written behind
  // dots, or as a field, in the script and in the library.
  void add_members_seen() {
    for (const char* each : {"shape", "rank", "size", "classes", "take", "learned"}) add_member(each);
    const Span here = analysis_.names.probe.place;
    for (const Occurrence& each : analysis_.names.all) {
      const bool own_field = each.kind == Occurrence::Kind::field && each.name.span.file == analysis_.file;
      if ((each.kind == Occurrence::Kind::member || own_field) && !(each.name.span == here)) add_member(each.name.text);
    }
  }

  const Surroundings& at_;
  const Analysis& analysis_;
  std::vector<Completion> all_;
  std::set<std::string> seen_;
};

}  // namespace

Completions complete(const std::string& path, const std::string& text, std::uint32_t byte, const ReadText& read) {
  const Surroundings at = surroundings(text, byte);
  Completions result{at.begin, byte, {}};
  if (at.silent) return result;
  if (at.bracket && at.bracket->work && at.begins_item) {
    result.all = Answer::options(*at.bracket);
    return result;
  }
  for (const Probing how : {Probing::whole, Probing::alone, Probing::closed}) {
    if (how == Probing::alone && at.after_dot) continue;  // it would lose what is in front of the dot
    Probed probed = with_probe(text, at, how);
    const Analysis analysis = analyse(path, std::move(probed.text), read, probed.place);
    if (!analysis.names.probe.met && how != Probing::closed) continue;
    result.all = Answer(at, analysis).names();
    break;
  }
  return result;
}

}  // namespace metac::dsl
