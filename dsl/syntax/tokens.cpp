// Reading tokens from text. Longest match for symbols; some symbols exist only so that a message can name them (`&&`).
#include "syntax/tokens.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace metac::dsl {

namespace {

constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";
constexpr std::array<std::string_view, 20> long_symbols = {"...", "|>", "..", "==", "!=", "<=", ">=", "**", "&&", "||",
                                                           "//",  "/*", "+=", "-=", "*=", "/=", "->", "=>", ":=", "<>"};
constexpr std::string_view short_symbols = "()[]{},;:.=~<>+-*/%@^!&|?$'`\\";

constexpr std::array<std::string_view, 13> all_reserved_words = {"if", "then", "else", "and",  "or",    "not", "as",
                                                                 "in", "for",  "fn",   "true", "false", "on"};
constexpr std::array<std::string_view, 18> all_statement_words = {
    "use",   "let",   "var",    "fn",     "model", "tasks", "learner", "optimizer", "experiment",
    "param", "learn", "memory", "return", "for",   "if",    "on",      "train",     "evaluate"};

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_word_start(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
bool is_word_part(char c) { return is_word_start(c) || is_digit(c); }
bool is_foreign(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return byte >= 0x7F || (byte < 0x20 && c != '\n');
}
bool is_blank(char c) { return c == ' ' || is_foreign(c); }

char char_at(std::string_view text, std::size_t at) { return at < text.size() ? text[at] : '\0'; }

std::uint32_t end_of_line(std::string_view text, std::uint32_t at) {
  std::size_t end = std::min(text.find('\n', at), text.size());
  if (end > at && text[end - 1] == '\r') --end;
  return static_cast<std::uint32_t>(end);
}

// Greedy: `12abc` and `1e-` are one token, so that the message can be about the number. `1..n` stops after the 1.
std::uint32_t end_of_number(std::string_view text, std::uint32_t at) {
  while (at < text.size()) {
    const char c = text[at], next = char_at(text, at + 1);
    const bool exponent = (c == 'e' || c == 'E') && (next == '+' || next == '-') && is_digit(char_at(text, at + 2));
    if (exponent) {
      at += 2;
    } else if (is_word_part(c) || (c == '.' && is_digit(next))) {
      ++at;
    } else {
      break;
    }
  }
  return at;
}

std::uint32_t end_of_string(std::string_view text, std::uint32_t at) {
  const std::uint32_t limit = end_of_line(text, at);
  for (++at; at < limit; ++at) {
    if (text[at] == '"') return at + 1;
    if (text[at] == '\\' && at + 1 < limit) ++at;
  }
  return limit;
}

std::uint32_t symbol_length(std::string_view rest) {
  for (const std::string_view symbol : long_symbols) {
    const bool may_be =
        rest.size() > 1 && rest[0] == symbol[0] && rest[1] == symbol[1];  // this is asked of every symbol
    if (may_be && rest.starts_with(symbol)) return static_cast<std::uint32_t>(symbol.size());
  }
  return short_symbols.find(rest.front()) != std::string_view::npos ? 1 : 0;
}

// The length of the valid UTF-8 character at the front, or 0.
std::size_t character_length(std::string_view rest) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(char_at(rest, i)); };
  const unsigned char first = byte(0);
  if (first < 0x80) return 1;
  const std::size_t length = first >= 0xC2 && first < 0xE0   ? 2
                             : first >= 0xE0 && first < 0xF0 ? 3
                             : first >= 0xF0 && first < 0xF5 ? 4
                                                             : 0;
  if (length == 0 || rest.size() < length) return 0;
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xC0) != 0x80) return 0;
  }
  const bool overlong = (first == 0xE0 && byte(1) < 0xA0) || (first == 0xF0 && byte(1) < 0x90);
  const bool surrogate = first == 0xED && byte(1) >= 0xA0;
  const bool too_large = first == 0xF4 && byte(1) >= 0x90;
  return overlong || surrogate || too_large ? 0 : length;
}

std::string hint_for_character(std::string_view character) {
  if (character == "\u201C" || character == "\u201D" || character == "\u2018" || character == "\u2019") {
    return "strings stand in straight double quotes: `\"text\"`";
  }
  if (character == "\u2212" || character == "\u2013") return "minus is written `-`";
  if (character == "\u00D7" || character == "\u00B7") return "a product is written `*`";
  if (character == "\u2264") return "write `<=`";
  if (character == "\u2265") return "write `>=`";
  if (character == "\u2260") return "write `!=`";
  if (character == "\u00A0") return "this is a no-break space; use an ordinary one";
  if (character.size() > 1)
    return "names are made of the letters a to z, digits and `_`; other characters may stand in strings and comments";
  return "";
}

}  // namespace

Token token_at(std::string_view text, std::uint32_t at) {
  while (at < text.size() && is_blank(text[at])) ++at;
  if (at >= text.size())
    return {TokenKind::end, static_cast<std::uint32_t>(text.size()), static_cast<std::uint32_t>(text.size())};
  const char c = text[at];
  if (c == '\n') return {TokenKind::newline, at, at + 1};
  if (c == '#') return {TokenKind::comment, at, end_of_line(text, at)};
  if (c == '"') return {TokenKind::string, at, end_of_string(text, at)};
  if (is_digit(c)) return {TokenKind::number, at, end_of_number(text, at)};
  if (is_word_start(c)) {
    std::uint32_t end = at + 1;
    while (end < text.size() && is_word_part(text[end])) ++end;
    return {TokenKind::word, at, end};
  }
  const std::uint32_t length = symbol_length(text.substr(at));
  return {length > 0 ? TokenKind::symbol : TokenKind::stray, at, at + std::max(length, 1u)};
}

Token significant_token_at(std::string_view text, std::uint32_t at) {
  Token token = token_at(text, at);
  while (token.kind == TokenKind::newline || token.kind == TokenKind::comment) token = token_at(text, token.end);
  return token;
}

bool is_closed_string(std::string_view token) {
  if (token.size() < 2 || token.back() != '"') return false;
  std::size_t at = 1;
  while (at < token.size() && token[at] != '"') at += token[at] == '\\' ? 2 : 1;
  return at == token.size() - 1;
}

void report_open_string(Span span, Report& report) {
  report.error("E0103", span, "this string is not closed").hint = "a string ends with `\"` on the line it begins on";
}

bool is_reserved_word(std::string_view word) {
  return std::ranges::find(all_reserved_words, word) != all_reserved_words.end();
}

bool is_statement_word(std::string_view word) {
  return std::ranges::find(all_statement_words, word) != all_statement_words.end();
}

std::span<const std::string_view> reserved_words() { return all_reserved_words; }
std::span<const std::string_view> statement_words() { return all_statement_words; }

bool looks_like_statement(std::string_view text, const Token& token) {
  if (token.kind != TokenKind::word) return false;
  const std::string_view word = view(text, token);
  if (!is_statement_word(word) || word == "if" || word == "train" || word == "evaluate" || word == "for") return false;
  const Token next = token_at(text, token.end);
  const bool named = next.kind == TokenKind::word && !is_reserved_word(view(text, next));
  return named || (word == "let" && view(text, next) == "(");
}

bool begins_line(std::string_view text, std::uint32_t at) {
  while (at > 0 && text[at - 1] != '\n') {
    if (!is_blank(text[--at])) return false;
  }
  return true;
}

std::vector<Comment> find_comments(std::string_view text, std::uint32_t file) {
  std::vector<Comment> comments;
  bool own_line = true;
  for (Token token = token_at(text, 0); token.kind != TokenKind::end; token = token_at(text, token.end)) {
    if (token.kind == TokenKind::comment) comments.push_back({{file, token.begin, token.end}, own_line});
    const bool empty_statement = own_line && view(text, token) == ";";
    own_line = token.kind == TokenKind::newline || empty_statement;
  }
  return comments;
}

void check_names(std::string_view text, std::uint32_t file, std::size_t longest, Report& report) {
  for (Token token = token_at(text, 0); token.kind != TokenKind::end; token = token_at(text, token.end)) {
    const std::uint32_t length = token.end - token.begin;
    if (token.kind != TokenKind::word || length <= longest) continue;
    report.error("E0106", {file, token.begin, token.end},
                 fmt::format("a name has at most {} characters, and this has {}", longest, length));
  }
}

void check_characters(std::string_view text, std::uint32_t file, Report& report) {
  std::uint32_t free_until = 0;  // inside a string or a comment up to here
  std::uint32_t at = text.starts_with(byte_order_mark) ? byte_order_mark.size() : 0;
  while (at < text.size()) {
    const char c = text[at];
    if (at >= free_until && (c == '"' || c == '#')) free_until = token_at(text, at).end;
    const std::size_t length = character_length(text.substr(at));
    const Span span{file, at, at + static_cast<std::uint32_t>(std::max<std::size_t>(length, 1))};
    const bool harmless = c == '\t' || c == '\r';
    if (length == 0) {
      report.error("E0105", span, "this is not valid UTF-8").hint = "save the file as UTF-8";
      while (span.end < text.size() && at + 1 < text.size() && character_length(text.substr(at + 1)) == 0) ++at;
      ++at;
      continue;
    }
    if (is_foreign(c) && !harmless && (at >= free_until || length == 1)) {
      const std::string character(text.substr(at, length));
      const std::string what = length > 1 ? fmt::format("`{}`", character) : "a control character";
      report.error("E0105", span, what + " cannot stand here").hint = hint_for_character(character);
    }
    at = span.end;
  }
}

}  // namespace metac::dsl
