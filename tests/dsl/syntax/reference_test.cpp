// The grammar in dsl/REFERENCE.md is that of the parser: it has the parser's rules, words and symbols, and the parser
// reads the sentences that are made of it.
#include <boost/test/unit_test.hpp>
#include <map>
#include <random>
#include <regex>
#include <set>

#include "dsl/syntax/reading.hpp"

using namespace metac::dsl;

namespace {

// A part of a rule: a terminal, the name of a rule, or parts in a row or to choose from, which may be left out or stand
// several times.
struct Part {
  enum Kind { terminal, rule, row, choice, optional, repeated } kind = row;
  std::string text;
  std::vector<Part> parts;
};

class Ebnf {
 public:
  explicit Ebnf(const std::string& text) {
    const std::regex token("\"[^\"]*\"|[A-Za-z_]+|[=;|{}()\\[\\]]");
    for (std::sregex_iterator it(text.begin(), text.end(), token), end; it != end; ++it) tokens_.push_back(it->str());
    while (at_ < tokens_.size()) {
      const std::string name = tokens_.at(at_++);
      expect("=");
      rules.emplace(name, choice());
      expect(";");
    }
  }

  std::map<std::string, Part> rules;

  std::set<std::string> terminals() const {
    std::set<std::string> found;
    for (const auto& [name, part] : rules) collect(part, found);
    return found;
  }

 private:
  void expect(const std::string& text) {
    BOOST_REQUIRE_MESSAGE(at_ < tokens_.size() && tokens_[at_] == text, "expected " << text << " at token " << at_);
    ++at_;
  }
  Part choice() {
    Part part{Part::choice, "", {row()}};
    while (tokens_.at(at_) == "|") ++at_, part.parts.push_back(row());
    return part;
  }
  Part row() {
    Part part;
    while (std::string("|;)]}").find(tokens_.at(at_)) == std::string::npos) part.parts.push_back(one());
    return part;
  }
  Part one() {
    const std::string text = tokens_.at(at_++);
    if (text == "(" || text == "[" || text == "{") {
      Part inside = choice();
      expect(text == "(" ? ")" : text == "[" ? "]" : "}");
      return {text == "(" ? Part::row : text == "[" ? Part::optional : Part::repeated, "", {std::move(inside)}};
    }
    if (text.front() == '"') return {Part::terminal, text.substr(1, text.size() - 2), {}};
    return {Part::rule, text, {}};
  }
  static void collect(const Part& part, std::set<std::string>& found) {
    if (part.kind == Part::terminal) found.insert(part.text);
    for (const Part& inside : part.parts) collect(inside, found);
  }

  std::vector<std::string> tokens_;
  std::size_t at_ = 0;
};

// Random sentences. What the page says in words is kept here: comparisons and ranges do not stand in a row, and a `{`
// belongs to the nearest word that can have one, so what stands before a block is put in parentheses.
class Speaker {
 public:
  Speaker(const Ebnf& grammar, unsigned seed) : grammar_(grammar), random_(seed) {}

  std::string sentence() {
    text_.clear();
    depth_ = 0;
    say("statement");
    return text_;
  }

 private:
  static constexpr int deepest = 16;

  unsigned below(std::size_t n) { return static_cast<unsigned>(random_() % n); }
  void say(const std::string& rule) {
    if (rule == "NAME") return word(names_[below(names_.size())]);
    if (rule == "NUMBER") return word(numbers_[below(numbers_.size())]);
    if (rule == "STRING") return word("\"a\\n#\"");
    if (rule == "NEWLINE") return word("\n");
    if (rule == "binary_operator") return word(in_a_row_[below(in_a_row_.size())]);
    ++depth_;
    say(grammar_.rules.at(rule));
    --depth_;
  }
  void say(const Part& part) {
    switch (part.kind) {
      case Part::terminal:
        return word(part.text);
      case Part::rule:
        return say(part.text);
      case Part::choice:
        return say(part.parts[tired() ? shortest(part) : below(part.parts.size())]);
      case Part::optional:
        if (!tired() && below(2) == 0) say(part.parts[0]);
        return;
      case Part::repeated:
        for (int i = 0; i < 3 && !tired() && below(3) == 0; ++i) say(part.parts[0]);
        return;
      case Part::row:
        for (std::size_t i = 0; i < part.parts.size(); ++i) {
          const bool before_a_block = i + 1 < part.parts.size() && part.parts[i].text == "expression" &&
                                      (part.parts[i + 1].text == "block" || may_be_options(part.parts[i + 1]));
          if (before_a_block) word("(");
          say(part.parts[i]);
          if (before_a_block) word(")");
        }
    }
  }
  static bool may_be_options(const Part& part) { return part.kind == Part::optional && has_rule(part, "options"); }
  static bool has_rule(const Part& part, const std::string& rule) {
    return part.text == rule || std::any_of(part.parts.begin(), part.parts.end(),
                                            [&](const Part& inside) { return has_rule(inside, rule); });
  }
  bool tired() const { return depth_ > deepest; }
  // Deep inside, the choice that ends: of an operand a name, of a statement an expression.
  unsigned shortest(const Part& part) const {
    for (unsigned i = 0; i < part.parts.size(); ++i)
      for (const char* ending : {"NAME", "postfix", "simple_statement", "NEWLINE", "fields"})
        if (part.parts[i].parts.size() == 1 && part.parts[i].parts[0].text == ending) return i;
    return 0;
  }
  void word(const std::string& text) { text_ += text + " "; }

  const Ebnf& grammar_;
  std::mt19937 random_;
  std::string text_;
  int depth_ = 0;
  const std::vector<std::string> names_{"a", "w1", "_", "long_name", "theta"};
  const std::vector<std::string> numbers_{"1", "0.5", "20_000", "1e-3"};
  const std::vector<std::string> in_a_row_{"|>", "or", "and", "+", "-", "*", "/", "%", "@", "^"};
};

std::string block_of(const std::string& document, const std::string& kind) {
  const auto begin = document.find("```" + kind + "\n") + kind.size() + 4;
  return document.substr(begin, document.find("```", begin) - begin);
}

Ebnf grammar_of_the_reference() { return Ebnf(block_of(read_text(METAC_SOURCE_DIR "/dsl/REFERENCE.md"), "ebnf")); }

std::set<std::string> found_in(const std::string& text, const std::string& pattern) {
  std::set<std::string> found;
  const std::regex regex(pattern);
  for (std::sregex_iterator it(text.begin(), text.end(), regex), end; it != end; ++it) found.insert((*it)[1]);
  return found;
}

// The rules of the parser that only serve it: how a line ends, and what the message says.
const std::set<std::string> helpers_of_the_parser{
    "a_block",     "a_name",       "a_pattern",      "any_name",  "as_name",       "assign",         "blank_lines",
    "block_part",  "colon",        "draw",           "else_if",   "else_part",     "is_sign",        "index_items",
    "items",       "list_content", "list_rest",      "more",      "name",          "named_field",    "number",
    "option_line", "plain_field",  "separators",     "slice_end", "statement_end", "statement_line", "statements",
    "string",      "then_part",    "trailing_comma", "value"};
// And those that the page has names for, where the parser writes them out.
const std::set<std::string> helpers_of_the_page{"lines", "path", "separator", "target", "worker"};

}  // namespace

BOOST_AUTO_TEST_SUITE(reference)

BOOST_AUTO_TEST_CASE(it_has_the_rules_of_the_parser) {
  const std::string parser = read_text(METAC_SOURCE_DIR "/dsl/syntax/grammar.cpp");
  const std::string rules = parser.substr(parser.find("// ---- names and lists ----"));
  auto expected = found_in(rules, "struct ([a-z_]+)\\s*:");
  for (const auto& helper : helpers_of_the_parser) BOOST_TEST(expected.erase(helper) == 1u, "no rule " << helper);
  expected.insert(helpers_of_the_page.begin(), helpers_of_the_page.end());
  std::set<std::string> found;
  for (const auto& [name, part] : grammar_of_the_reference().rules) found.insert(name);
  BOOST_TEST(found == expected, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(it_has_the_words_and_symbols_of_the_parser) {
  const std::string parser = read_text(METAC_SOURCE_DIR "/dsl/syntax/grammar.cpp");
  auto expected = found_in(parser, "(?:token|later|same_line)<\"([^\"]+)\">");
  expected.merge(found_in(parser, "word == \"([a-z_]+)\""));
  expected.merge(found_in(parser, "word != \"([a-z_]+)\""));
  expected.merge(found_in(parser, "next\\) == \"([^\"]+)\""));
  const auto row = parser.find("operators[] = {");
  expected.merge(found_in(parser.substr(row, parser.find("};", row) - row), "\"([^\"]+)\""));
  const std::string brackets = parser.substr(parser.find("// ---- names and lists ----"));
  expected.merge(found_in(brackets, "enclosed<\"(.)\""));
  expected.merge(found_in(brackets, "enclosed<\".\", \"(.)\""));
  const auto found = grammar_of_the_reference().terminals();
  for (const auto& one : expected) BOOST_TEST(found.contains(one), one << " is not in the grammar of dsl/REFERENCE.md");
  for (const auto& one : found) BOOST_TEST(expected.contains(one), one << " is not in dsl/syntax/grammar.cpp");
}

BOOST_AUTO_TEST_CASE(sentences_made_of_it_are_read) {
  const Ebnf grammar = grammar_of_the_reference();
  int statements = 0;
  for (unsigned seed = 0; seed < 3000; ++seed) {
    const std::string text = Speaker(grammar, seed).sentence();
    const Reading reading(text);
    BOOST_REQUIRE_MESSAGE(reading.messages() == "", reading.messages()
                                                        << "of this sentence of the grammar (seed " << seed << "):\n"
                                                        << text);
    statements += static_cast<int>(reading.module.statements.size());
  }
  BOOST_TEST(statements >= 3000);
}

BOOST_AUTO_TEST_SUITE_END()
