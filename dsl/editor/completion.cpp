// Where the cursor stands is read from the tokens before it, so that it is known in a text that cannot be parsed yet;
// which names there are, the checker says of the text with a name put in at the cursor.
#include "editor/completion.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <set>
#include <utility>

#include "check/places.hpp"
#include "editor/hover.hpp"
#include "outline/outline.hpp"
#include "syntax/tokens.hpp"

namespace metac::dsl {

namespace {

// What surrounds the cursor.
struct Bracket {
  char open = '(';
  std::string callee;                  // in front of a `(`: a name, or empty
  std::size_t list = 0;                // 1 for the second `(..)` of a call
  std::optional<WorkExpr::Kind> work;  // whose options a `{` holds
  std::set<std::string> named;         // what was written in front of a `:` in it
};

struct Surroundings {
  bool silent = false;               // in a comment, a string or a number
  std::uint32_t begin = 0, end = 0;  // of the word that was begun
  bool after_dot = false;
  bool begins_statement = false;
  bool begins_item = false;  // right after `(`, `,`, `{`, or the begin of a line in braces
  std::optional<Bracket> bracket;
  std::string closers;  // of the brackets around it, the innermost first
};

// Reads the tokens from the beginning of the text up to the cursor, then on to the end of the bracket around it for
// the names that are given there.
class Reader {
 public:
  Reader(std::string_view text, std::uint32_t byte) : text_(text), byte_(byte) { found_.begin = found_.end = byte; }

  Surroundings read() {
    Token token = token_at(text_, 0);
    for (; token.kind != TokenKind::end; token = token_at(text_, token.end)) {
      if (token.begin >= byte_ && !(token.begin == byte_ && token.kind == TokenKind::word)) break;
      if (byte_ <= token.end && stops_at(token)) break;
      take(token);
    }
    describe_place();
    for (auto each = brackets_.rbegin(); each != brackets_.rend(); ++each)
      found_.closers += each->open == '(' ? ')' : each->open == '[' ? ']' : '}';
    if (!brackets_.empty()) {
      read_names_from(token);
      found_.bracket = std::move(brackets_.back());
    }
    return std::move(found_);
  }

 private:
  // Whether the cursor is in this token, or at its end where that belongs to it.
  bool stops_at(const Token& token) {
    const bool inside = byte_ < token.end;
    const bool open =
        token.kind == TokenKind::comment || (token.kind == TokenKind::string && !is_closed_string(view(text_, token)));
    if (token.kind == TokenKind::word) {
      found_.begin = token.begin;
      found_.end = token.end;
      return true;
    }
    found_.silent = (inside && token.kind == TokenKind::string) || open || token.kind == TokenKind::number;
    return found_.silent;
  }

  void take(const Token& token) {
    const std::string_view word = view(text_, token);
    if (token.kind == TokenKind::newline || token.kind == TokenKind::comment) {
      if (token.kind == TokenKind::newline && (brackets_.empty() || brackets_.back().open == '{')) work_.reset();
      if (token.kind == TokenKind::newline) new_line_ = true;
      return;
    }
    if (word == "(" || word == "[" || word == "{") open(word.front());
    if (word == ")" || word == "]" || word == "}") close();
    if (word == ":" && !brackets_.empty() && last_.kind == TokenKind::word)
      brackets_.back().named.insert(std::string(view(text_, last_)));
    const bool is_member = last_.kind == TokenKind::symbol && view(text_, last_) == ".";
    if (word == "train" && !is_member) work_ = WorkExpr::Kind::train;
    if (word == "evaluate" && !is_member) work_ = WorkExpr::Kind::evaluate;
    if (word != ")") closed_ = {};
    last_ = token;
    new_line_ = false;
  }

  void open(char bracket) {
    Bracket made{bracket, "", 0, std::nullopt, {}};
    if (bracket == '(' && last_.kind == TokenKind::word) made.callee = view(text_, last_);
    if (bracket == '(' && last_.kind == TokenKind::symbol && view(text_, last_) == ")" && closed_.list == 0) {
      made.callee = closed_.callee;
      made.list = 1;
    }
    if (bracket == '{') made.work = std::exchange(work_, std::nullopt);
    brackets_.push_back(std::move(made));
  }

  void close() {
    if (brackets_.empty()) return;
    closed_ = std::move(brackets_.back());
    brackets_.pop_back();
  }

  void describe_place() {
    const std::string_view before = last_.kind == TokenKind::end ? "" : view(text_, last_);
    found_.after_dot = before == ".";
    const bool in_block = brackets_.empty() || (brackets_.back().open == '{' && !brackets_.back().work);
    found_.begins_statement = in_block && (new_line_ || before.empty() || before == "{" || before == "}");
    found_.begins_item = before == "(" || before == "," || before == "{" || (new_line_ && before != ":");
  }

  void read_names_from(Token token) {
    Token before;
    for (int depth = 0; token.kind != TokenKind::end; token = token_at(text_, token.end)) {
      const std::string_view word = view(text_, token);
      if (word == "(" || word == "[" || word == "{") ++depth;
      if ((word == ")" || word == "]" || word == "}") && depth-- == 0) return;
      const bool names = word == ":" && depth == 0 && before.kind == TokenKind::word;
      if (names) brackets_.back().named.insert(std::string(view(text_, before)));
      before = token;
    }
  }

  std::string_view text_;
  std::uint32_t byte_;
  Surroundings found_;
  std::vector<Bracket> brackets_;
  Bracket closed_;                      // the last `(..)`, right after it
  std::optional<WorkExpr::Kind> work_;  // `train` or `evaluate` in the statement at hand
  Token last_;
  bool new_line_ = true;
};

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
      const Description words = describe(each);
      add({each.name, Completion::Kind::function, words.heading, words.documentation, each.name, 4});
    }
    for (const std::string& each : constants())
      add({each, Completion::Kind::constant, "", std::string(meaning_of_language_name(each)), each, 4});
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
      made.documentation = meaning_of_language_name(each.name.text);
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
  const Surroundings at = Reader(text, byte).read();
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
