// The canonical scripts: read without a complaint, printed to the byte, and never a crash however they are damaged.
#include <boost/test/unit_test.hpp>
#include <random>

#include "dsl/syntax/reading.hpp"
#include "syntax/nodes.hpp"
#include "syntax/tokens.hpp"

using namespace metac::dsl;

BOOST_AUTO_TEST_SUITE(scripts)

BOOST_AUTO_TEST_CASE(every_script_is_read_without_diagnostics_and_printed_to_the_byte) {
  BOOST_TEST(script_paths().size() >= 7u);
  for (const auto& path : script_paths()) {
    BOOST_TEST_CONTEXT(path) {
      const Reading reading(read_text(path));
      BOOST_TEST(reading.messages() == "");
      BOOST_TEST(!reading.module.statements.empty());
      BOOST_TEST(reading.printed() == read_text(path));
    }
  }
}

BOOST_AUTO_TEST_CASE(the_grammar_has_no_loops_without_progress) { BOOST_TEST(count_grammar_problems() == 0u); }

namespace {

// Reads a damaged text; what it reports must be renderable, and formatting must not crash.
void survive(const std::string& text) {
  const Reading reading(text);
  (void)reading.messages();
  const std::string once = reading.printed();
  if (reading.report.has_errors()) return;
  const Reading again(once);
  BOOST_TEST(again.messages() == "", "printed:\n" << once << "\nfrom:\n" << text);
  BOOST_TEST(again.tree() == reading.tree(), "printed:\n" << once << "\nfrom:\n" << text);
  BOOST_TEST(again.printed() == once, "not idempotent:\n" << once << "\nthen:\n" << again.printed());
}

std::vector<Token> tokens_of(const std::string& text) {
  std::vector<Token> tokens;
  for (Token token = token_at(text, 0); token.kind != TokenKind::end; token = token_at(text, token.end)) {
    tokens.push_back(token);
  }
  return tokens;
}

}  // namespace

BOOST_AUTO_TEST_CASE(deleting_any_token_never_crashes_and_never_breaks_the_printer) {
  for (const auto& path : script_paths()) {
    const std::string text = read_text(path);
    for (const Token& token : tokens_of(text)) survive(text.substr(0, token.begin) + text.substr(token.end));
  }
}

BOOST_AUTO_TEST_CASE(doubling_any_token_never_crashes_and_never_breaks_the_printer) {
  for (const auto& path : script_paths()) {
    const std::string text = read_text(path);
    for (const Token& token : tokens_of(text)) {
      survive(text.substr(0, token.end) + " " + text.substr(token.begin));
    }
  }
}

BOOST_AUTO_TEST_CASE(truncating_at_any_byte_never_crashes) {
  for (const auto& path : script_paths()) {
    const std::string text = read_text(path);
    for (std::size_t length = 0; length < text.size(); ++length) survive(text.substr(0, length));
  }
}

BOOST_AUTO_TEST_CASE(breaking_lines_and_joining_blanks_anywhere_keeps_print_stable) {
  std::mt19937 random(7);
  for (const auto& path : script_paths()) {
    const std::string text = read_text(path);
    for (int round = 0; round < 200; ++round) {
      std::string spaced;
      for (const char c : text) {
        const auto dice = random() % 60;
        if ((c == ' ' || c == '\n') && dice == 0) spaced += "\n";
        if ((c == ' ' || c == '\n') && dice == 1) spaced += "  # note\n";
        if (c == '\n' && dice == 2) spaced += ";";
        spaced += c;
      }
      survive(spaced);
    }
  }
}

BOOST_AUTO_TEST_CASE(random_bytes_never_crash) {
  std::mt19937 random(11);
  const std::string alphabet = "()[]{},;:.=~<>+-*/%@^!&|\"#\n\t\r ab1_e\x80\xC3\xA9\xFF";
  for (const auto& path : script_paths()) {
    const std::string text = read_text(path);
    for (int round = 0; round < 400; ++round) {
      std::string damaged = text;
      for (int hit = 0; hit < 1 + round % 4; ++hit) {
        damaged[random() % damaged.size()] =
            random() % 2 ? static_cast<char>(random() % 256) : alphabet[random() % alphabet.size()];
      }
      survive(damaged);
    }
  }
}

BOOST_AUTO_TEST_SUITE_END()
