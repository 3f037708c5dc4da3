// From a mistake to a message a newcomer can act on: what was found, what was expected, and what is usually meant; and
// the way back into the text after it.
#include <fmt/format.h>

#include "syntax/nodes.hpp"
#include "syntax/tokens.hpp"

namespace metac::dsl {

namespace {

// The end of the last token before `at`: where something is missing, if something is missing.
std::uint32_t end_of_token_before(std::string_view text, std::uint32_t at) {
  // From the start of the line: only there we know what is a comment. Lines without tokens are passed over.
  while (true) {
    const auto line_begin = at == 0 ? 0 : static_cast<std::uint32_t>(text.rfind('\n', at - 1) + 1);
    std::uint32_t end = line_begin;
    for (Token token = token_at(text, line_begin); token.end <= at && token.kind != TokenKind::comment &&
                                                   token.kind != TokenKind::newline && token.kind != TokenKind::end;
         token = token_at(text, token.end)) {
      end = token.end;
    }
    if (end > line_begin || line_begin == 0) return end;
    at = line_begin - 1;
  }
}

// The token that ends at `end`.
std::string_view token_ending_at(std::string_view text, std::uint32_t end) {
  if (end == 0) return {};
  const std::size_t line_begin = text.rfind('\n', end - 1) + 1;
  Token last{TokenKind::end, 0, 0};
  for (Token token = token_at(text, static_cast<std::uint32_t>(line_begin));
       token.end <= end && token.kind != TokenKind::end; token = token_at(text, token.end)) {
    last = token;
  }
  return view(text, last);
}

struct Found {
  Token token;              // what stands where something else was expected
  std::uint32_t after = 0;  // the end of the token before it
  bool on_new_line = false;
  std::string_view text, before;
};

Found look_at(std::string_view text, std::uint32_t at) {
  Found found;
  found.token = significant_token_at(text, at);
  found.after = end_of_token_before(text, at);
  found.on_new_line = text.substr(found.after, found.token.begin - found.after).find('\n') != std::string_view::npos;
  found.text = view(text, found.token);
  found.before = token_ending_at(text, found.after);
  return found;
}

std::string describe(const Found& found) {
  if (found.token.kind == TokenKind::end) return "the end of the file";
  if (found.on_new_line) return "the end of the line";
  if (found.token.kind == TokenKind::string) return "a string";
  return fmt::format("`{}`", found.text);
}

char closing(char bracket) { return bracket == '(' ? ')' : bracket == '[' ? ']' : '}'; }

// A bracket counts as forgotten, rather than its content as wrong, where the text goes on as if it had been closed.
bool is_unclosed(const Mistake& mistake, const Found& found, std::string_view text) {
  if (!mistake.opening) return false;
  if (found.token.kind == TokenKind::end) return true;
  if (mistake.opening->bracket == '{') return false;
  if (found.text == "}" || (found.text == ")" && mistake.opening->bracket == '[') ||
      (found.text == "]" && mistake.opening->bracket == '(')) {
    return true;
  }
  return found.on_new_line && looks_like_statement(text, found.token);
}

struct WordHint {
  std::string_view word, hint;
};

// What other languages have and this one writes differently.
constexpr WordHint found_hints[] = {
    {"**", "a power is written `^`"},
    {"&&", "write `and`"},
    {"||", "write `or`"},
    {"|", "a pipe is written `|>`; `or` joins conditions"},
    {"!", "write `not`"},
    {"//", "a comment begins with `#`; division is `/`"},
    {"/*", "a comment begins with `#`"},
    {"->", "types are not written; a function is `fn f(x) = e` or `fn f(x) { .. }`"},
    {"=>", "a function without a name is `fn (x) = e`"},
    {":=", "write `let x = e`, or `x = e` where `x` is a `var`"},
    {"...", "a range is written `1..n`"},
    {"<>", "write `!=`"},
    {"'", "strings stand in double quotes: `\"text\"`"},
    {"?", "write `if c then a else b`"},
    {"elif", "write `else if`"},
    {"elseif", "write `else if`"},
};
constexpr WordHint before_hints[] = {
    {"def", "a function is defined with `fn`"},
    {"func", "a function is defined with `fn`"},
    {"function", "a function is defined with `fn`"},
    {"fun", "a function is defined with `fn`"},
    {"lambda", "a function without a name is `fn (x) = e`"},
    {"const", "a value is bound with `let`"},
    {"val", "a value is bound with `let`"},
    {"mut", "what changes is bound with `var`"},
    {"auto", "a value is bound with `let`"},
    {"import", "write `use \"file.meta\"`, or `use a, b from \"file.meta\"`"},
    {"from", "write `use a, b from \"file.meta\"`"},
    {"class", "definitions begin with `fn`, `model`, `tasks`, `learner`, `optimizer` or `experiment`"},
    {"while",
     "loops are written `for i in 1..n { .. }`; where tensors decide, `while(condition, step, start, at_most: n)`"},
    {"elif", "write `else if`"},
    {"assert", "write `assert(condition, \"message\")`"},
    {"dataset", "a dataset is bound with `let`"},
};

std::string_view look_up(const auto& table, std::string_view word) {
  for (const WordHint& entry : table) {
    if (entry.word == word) return entry.hint;
  }
  return {};
}

bool expects(const Mistake& mistake, std::string_view what) {
  return mistake.expected.find(what) != std::string_view::npos;
}

std::string hint_for_equals(const Mistake& mistake) {
  if (mistake.opening && mistake.opening->bracket == '(' && expects(mistake, "`,` or `)`"))
    return "a named argument is written `name: value`";
  if (expects(mistake, "`then`") || expects(mistake, "`else`") || expects(mistake, "`]`"))
    return "`==` compares, `=` binds";
  if (expects(mistake, "`:`")) return "an option is written `name: value`";
  if (expects(mistake, "`~`")) return "a parameter is drawn from an initialiser: `param weight[a, b] ~ zeros()`";
  return "";
}

std::string hint_for_colon(const Mistake& mistake) {
  if (expects(mistake, "`{`")) return "a block stands in braces: `{ .. }`";
  if (expects(mistake, "`then`")) return "write `if c then a else b`";
  if (expects(mistake, "`,` or `)`")) return "a default is written `name = value`; types are not written";
  if (expects(mistake, "`=`")) return "types are not written";
  return "";
}

// `train(learner, source) {`: the line of this byte begins as a call of the work does in other languages.
bool is_called_work(std::string_view text, std::uint32_t at) {
  const auto line = at == 0 ? 0 : static_cast<std::uint32_t>(text.rfind('\n', at - 1) + 1);
  const Token word = token_at(text, line);
  const bool works = view(text, word) == "train" || view(text, word) == "evaluate";
  return works && view(text, token_at(text, word.end)) == "(";
}

std::string hint_for(const Mistake& mistake, const Found& found, std::string_view text) {
  if (const auto hint = look_up(before_hints, found.before); !hint.empty() && expects(mistake, "end of the line"))
    return std::string(hint);
  if (found.on_new_line || found.token.kind == TokenKind::end) {
    if (expects(mistake, "`else`")) return "inside an expression an `if` has both: `if c then a else b`";
    return "";
  }
  if (const auto hint = look_up(found_hints, found.text); !hint.empty()) return std::string(hint);
  const bool named_like_a_word = is_statement_word(found.before) && expects(mistake, "a name");
  if (named_like_a_word && (found.text == "=" || found.text == "~"))
    return fmt::format(
        "`{0}` begins a statement here, so `{0} {1} ..` cannot bind it anew, nor `model`, `tasks`, `optimizer` and "
        "their "
        "like: give what changes another name, such as `my_{0}`",
        found.before, found.text);
  if (named_like_a_word && found.text == ".")
    return fmt::format(
        "`{0}` begins a statement here: write `({0}).name`, or give the value another name; training is "
        "`train LEARNER on SOURCE {{ .. }}`",
        found.before);
  if (found.text == "=") return hint_for_equals(mistake);
  if (found.text == ":") return hint_for_colon(mistake);
  if (found.text == "==" && expects(mistake, "`=`")) return "`=` binds, `==` compares";
  if (found.text.size() == 2 && found.text[1] == '=' &&
      std::string_view("+-*/").find(found.text[0]) != std::string_view::npos) {
    return fmt::format("write `x = x {} e`", found.text[0]);
  }
  if (found.text == "." && token_at(text, found.token.end).kind == TokenKind::number) return "write `0.5`, not `.5`";
  if (found.text == "." && expects(mistake, "a statement"))
    return "a line goes on with a binary operator such as `|>`, but not with `.`";
  if (found.text == "{" && expects(mistake, "end of the line") && is_called_work(text, found.token.begin))
    return "write `train LEARNER on SOURCE { .. }`, and so for `evaluate`";
  if (found.text == "{" && expects(mistake, "a statement"))
    return "a block belongs to `fn`, `for`, `if`, ...; options to `train` and `evaluate`";
  if (found.text == ";" && mistake.opening && mistake.opening->bracket != '{') return "inside ( ) and [ ] write `,`";
  if (found.text == "," && expects(mistake, "`=`")) return "several names stand in parentheses: `let (a, b) = e`";
  if (found.text == "," && expects(mistake, "`in`")) return "several names stand in parentheses: `for (a, b) in e`";
  if (found.text == "{" && expects(mistake, "`then`") && !expects(mistake, "`{`"))
    return "inside an expression write `if c then a else b`";
  if (found.text == "," && expects(mistake, "end of the line")) return "several values stand in parentheses: `(a, b)`";
  if (expects(mistake, "a name") && is_reserved_word(found.text))
    return fmt::format("`{}` is a word of the language", found.text);
  if (expects(mistake, "an expression") && is_reserved_word(found.text))
    return fmt::format("`{}` is a word of the language", found.text);
  return "";
}

struct Suspect {
  std::uint32_t opening = 0;  // of the block that may have been forgotten to close
  Token line;                 // the first word of the line that it should have ended before
};

// A block that was forgotten to close, by its indentation: the first line behind `from` that is no deeper than the line
// that its innermost block began on, and does not close it.
std::optional<Suspect> suspect_block(std::string_view text, std::uint32_t from) {
  struct Open {
    char bracket;
    std::uint32_t at;
    std::size_t depth;  // of the line that it began on; of one that goes on in brackets, of the first of these
  };
  std::vector<Open> open;
  std::size_t depth = 0;
  for (Token token = token_at(text, 0); token.kind != TokenKind::end; token = token_at(text, token.end)) {
    if (token.kind == TokenKind::newline || token.kind == TokenKind::comment) continue;
    const bool in_block = open.empty() || open.back().bracket == '{';
    const std::string_view symbol = view(text, token);
    if (in_block && begins_line(text, token.begin)) {
      const std::size_t line = token.begin == 0 ? 0 : text.rfind('\n', token.begin - 1) + 1;
      depth = token.begin - line;
      const bool too_shallow =
          !open.empty() &&
          (symbol == "}" ? depth < open.back().depth : token.kind == TokenKind::word && depth <= open.back().depth);
      if (too_shallow && open.back().at >= from) return Suspect{open.back().at, token};
    }
    if (symbol == "(" || symbol == "[" || symbol == "{") open.push_back({symbol.front(), token.begin, depth});
    if (!open.empty() && symbol.size() == 1 && symbol.front() == closing(open.back().bracket)) open.pop_back();
  }
  return std::nullopt;
}

void report_unclosed(const Mistake& mistake, const Found& found, std::string_view text, std::uint32_t file,
                     Report& report) {
  const Opening opening = *mistake.opening;
  const Span here{file, found.after, found.after};
  Diagnostic& error =
      report.error("E0102", here, fmt::format("expected `{}`, found {}", closing(opening.bracket), describe(found)));
  const auto suspect = opening.bracket == '{' ? suspect_block(text, opening.at) : std::nullopt;
  const std::uint32_t at = suspect ? suspect->opening : opening.at;
  error.notes.push_back({fmt::format("to match this `{}`", opening.bracket), {file, at, at + 1}});
  if (suspect)
    error.notes.push_back({"judging by its indentation, the block should have ended before this line",
                           {file, suspect->line.begin, suspect->line.end}});
}

bool already_reported_end(const Report& report, std::uint32_t file, std::uint32_t end) {
  for (const Diagnostic& diagnostic : report.all()) {
    if (diagnostic.span.file == file && diagnostic.span.begin >= end && diagnostic.code != "E0105") return true;
  }
  return false;
}

bool at_stray_character(const Report& report, std::uint32_t file, const Found& found) {
  for (const Diagnostic& diagnostic : report.all()) {
    const Span bad = diagnostic.span;
    if (diagnostic.code == "E0105" && bad.file == file && bad.begin >= found.after && bad.end <= found.token.begin)
      return true;
  }
  return false;
}

}  // namespace

void report_mistake(const Mistake& mistake, std::string_view text, std::uint32_t file, Report& report) {
  Found found = look_at(text, mistake.at);
  if (expects(mistake, "a statement") || expects(mistake, "an option")) found.on_new_line = false;  // they begin lines
  const bool at_end = found.token.kind == TokenKind::end;
  if (at_end && already_reported_end(report, file, found.after)) return;  // one forgotten bracket is one message
  if (at_stray_character(report, file, found)) return;
  if (mistake.kind == Mistake::Kind::too_deep) {
    Diagnostic& error = report.error("E0104", {file, found.token.begin, found.token.end},
                                     fmt::format("this is nested more than {} levels deep", maximum_nesting));
    error.hint = "give names to parts of it with `let` or `fn`";
    return;
  }
  if (found.before.starts_with('"') && !is_closed_string(found.before)) {
    const auto length = static_cast<std::uint32_t>(found.before.size());
    return report_open_string({file, found.after - length, found.after}, report);
  }
  if (is_unclosed(mistake, found, text)) return report_unclosed(mistake, found, text, file, report);
  const bool missing = found.on_new_line || at_end;
  const Span span = missing ? Span{file, found.after, found.after} : Span{file, found.token.begin, found.token.end};
  if (found.token.kind == TokenKind::symbol && expects(mistake, "a statement") &&
      (found.text == "}" || found.text == ")" || found.text == "]")) {
    report.error("E0102", {file, found.token.begin, found.token.end}, fmt::format("`{}` closes nothing", found.text));
    return;
  }
  Diagnostic& error =
      report.error("E0101", span, fmt::format("expected {}, found {}", mistake.expected, describe(found)));
  error.hint = hint_for(mistake, found, text);
  if (mistake.opening && expects(mistake, std::string{'`', closing(mistake.opening->bracket), '`'})) {
    const std::uint32_t open = mistake.opening->at;
    error.notes.push_back({fmt::format("to match this `{}`", mistake.opening->bracket), {file, open, open + 1}});
  }
}

namespace {

// Walks from the start of a statement and knows which brackets are open.
struct Walk {
  int round = 0;  // ( and [
  int braces = 0;
  void step(std::string_view symbol) {
    if (symbol == "(" || symbol == "[") ++round;
    if ((symbol == ")" || symbol == "]") && round > 0) --round;
    if (symbol == "{") ++braces, round = 0;
    if (symbol == "}" && braces > 0) --braces, round = 0;
  }
};

}  // namespace

std::uint32_t resume_after(std::string_view text, std::uint32_t begin, std::uint32_t mistake, bool in_block) {
  const std::uint32_t from = significant_token_at(text, mistake).begin;
  if (from >= text.size()) return from;
  Walk walk;
  std::optional<std::uint32_t> first_line_end;
  Token token = token_at(text, begin);
  for (; token.kind != TokenKind::end; token = token_at(text, token.end)) {
    const std::string_view symbol = token.kind == TokenKind::symbol ? view(text, token) : std::string_view();
    if (token.begin >= from || token.kind == TokenKind::newline) {
      const bool passed = token.end >= mistake;
      if (token.kind == TokenKind::newline && passed) {
        const Token next = significant_token_at(text, token.end);
        const bool fresh = looks_like_statement(text, next) || view(text, next) == "}";
        if (!first_line_end && token.begin >= from) first_line_end = token.end;
        if (walk.braces == 0 && (walk.round == 0 || fresh) && next.begin >= from) return token.end;
      }
      if (token.begin >= from && walk.braces == 0) {
        if (symbol == ";" && walk.round == 0) return token.end;
        if (symbol == "}" && in_block) return token.begin;
        if (symbol == "}") return token.end;
      }
    }
    walk.step(symbol);
  }
  return walk.braces > 0 && first_line_end ? *first_line_end : token.end;
}

}  // namespace metac::dsl
