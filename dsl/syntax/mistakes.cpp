// From a mistake to a message a newcomer can act on: what was found, what was expected, and what is usually meant.
#include <algorithm>

#include "syntax/nodes.hpp"
#include "syntax/tokens.hpp"

namespace metac::dsl {

void report_mistake(const Mistake& mistake, std::string_view text, std::uint32_t file, Report& report) {
  const Token t = significant_token_at(text, mistake.at);
  report.error("E0101", {file, t.begin, t.end}, "expected " + std::string(mistake.expected) + ", found `" + std::string(view(text, t)) + "`");
}

std::uint32_t resume_after(std::string_view text, std::uint32_t begin, std::uint32_t mistake, bool in_block) {
  (void)begin; (void)in_block;
  Token t = significant_token_at(text, mistake);
  while (t.kind != TokenKind::end && t.kind != TokenKind::newline) t = token_at(text, t.end);
  return t.end;
}

}  // namespace metac::dsl
