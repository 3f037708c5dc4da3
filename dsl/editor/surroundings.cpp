// One pass over the tokens.
#include "editor/surroundings.hpp"

#include <utility>
#include <vector>

#include "syntax/tokens.hpp"

namespace metac::dsl {

namespace {

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

}  // namespace

Surroundings surroundings(std::string_view text, std::uint32_t byte) { return Reader(text, byte).read(); }

}  // namespace metac::dsl
