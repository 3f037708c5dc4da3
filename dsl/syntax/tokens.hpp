// The one definition of the tokens of a `.meta` text: words, numbers, strings, symbols, comments and line ends. The
// grammar, the messages and the formatter all read tokens through it. It never fails: what is no token is `stray`.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "report/report.hpp"
#include "syntax/tree.hpp"

namespace metac::dsl {

enum class TokenKind : std::uint8_t { end, newline, word, number, string, symbol, comment, stray };

struct Token {
  TokenKind kind = TokenKind::end;
  std::uint32_t begin = 0;
  std::uint32_t end = 0;
};

// The first token at or after byte `at`, blanks skipped. A string that is not closed reaches to the end of its line.
Token token_at(std::string_view text, std::uint32_t at);
// The same, but line ends and comments are skipped too.
Token significant_token_at(std::string_view text, std::uint32_t at);

inline std::string_view view(std::string_view text, const Token& token) {
  return text.substr(token.begin, token.end - token.begin);
}
bool is_closed_string(std::string_view token);
void report_open_string(Span, Report&);

// `if`, `then`, `and`, `in`, ...: cannot be the name of a value anywhere.
bool is_reserved_word(std::string_view word);
// `let`, `model`, `train`, ...: begin a statement, and are names everywhere else.
bool is_statement_word(std::string_view word);
std::span<const std::string_view> reserved_words();
std::span<const std::string_view> statement_words();
// Whether what begins at `token` can only be a statement: `let x`, `learner mine`. For telling forgotten brackets.
bool looks_like_statement(std::string_view text, const Token& token);
bool begins_line(std::string_view text, std::uint32_t at);

std::vector<Comment> find_comments(std::string_view text, std::uint32_t file);
// Reports bytes that no text may have (E0105): bad UTF-8 anywhere, foreign characters outside strings and comments. The
// tokens skip them, so each is reported once.
void check_characters(std::string_view text, std::uint32_t file, Report&);
// Reports words that are longer than a name may be (E0106).
void check_names(std::string_view text, std::uint32_t file, std::size_t longest, Report&);

}  // namespace metac::dsl
