// What is said about texts that cannot be read, and where.
#include <boost/test/unit_test.hpp>

#include <chrono>

#include "dsl/syntax/reading.hpp"
#include "syntax/nodes.hpp"

using namespace metac::dsl;

namespace {

struct Case {
  const char* text;
  const char* summary;
  const char* hint = "";
};

void check_all(const std::vector<Case>& cases) {
  for (const Case& one : cases) {
    const Reading reading(one.text);
    BOOST_TEST(reading.summary() == std::string(one.summary) + "\n", one.text << "\ngave\n" << reading.messages());
    if (!reading.report.all().empty()) {
      BOOST_TEST(reading.report.all()[0].hint == one.hint, one.text << "\ngave\n" << reading.messages());
    }
  }
}

std::string repeated(const std::string& text, int times) {
  std::string all;
  for (int i = 0; i < times; ++i) all += text;
  return all;
}

std::string first_code(const std::string& text) {
  const Reading reading(text);
  return reading.report.all().empty() ? "" : reading.report.all()[0].code;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(mistakes)

BOOST_AUTO_TEST_CASE(what_is_missing_at_the_end_of_a_line_is_shown_there) {
  check_all({
      {"let a =\nlet b = 3", "1:8 E0101 expected an expression, found the end of the line"},
      {"let a   # why\nlet b = 3", "1:6 E0101 expected `=`, found the end of the line"},
      {"a +  \n\n# c\n", "1:4 E0101 expected an expression, found the end of the file"},
      {"let m = if a then b\nc", "1:20 E0101 expected `else`, found the end of the line",
       "inside an expression an `if` has both: `if c then a else b`"},
  });
}

BOOST_AUTO_TEST_CASE(what_is_wrong_is_shown_where_it_stands) {
  check_all({
      {"let x 3", "1:7 E0101 expected `=`, found `3`"},
      {"let x = )", "1:9 E0101 expected an expression, found `)`"},
      {"x y", "1:3 E0101 expected the end of the line, found `y`"},
      {"let x = \"a\" \"b\"", "1:13 E0101 expected the end of the line, found a string"},
      {"train a of b", "1:9 E0101 expected `on`, found `of`"},
      {")", "1:1 E0102 `)` closes nothing"},
      {"a\n}\nb", "2:1 E0102 `}` closes nothing"},
      {"fn f() { tasks = 3 }", "1:16 E0101 expected a name, found `=`",
       "`tasks` begins a statement here, so `tasks = ..` cannot bind it anew, nor `model`, `tasks`, `optimizer` and "
       "their "
       "like: give what changes another name, such as `my_tasks`"},
      {"x[]", "1:3 E0101 expected an index, found `]`"},
      {"let if = 3", "1:5 E0101 expected a name, found `if`", "`if` is a word of the language"},
      {"a\n  .b", "2:3 E0101 expected a statement, found `.`",
       "a line goes on with a binary operator such as `|>`, but not with `.`"},
  });
}

BOOST_AUTO_TEST_CASE(an_unclosed_bracket_points_at_its_opening) {
  check_all({
      {"let a = f(x,\nlet b = 3", "1:13 E0102 expected `)`, found the end of the line"},
      {"let a = [1, 2", "1:14 E0102 expected `]`, found the end of the file"},
      {"let a = (1, 2]", "1:14 E0102 expected `)`, found `]`"},
      {"fn f(x) {\n  x\n", "2:4 E0102 expected `}`, found the end of the file"},
  });
  const Reading reading("let a = f(x,\nlet b = 3");
  const Note& note = reading.report.all().at(0).notes.at(0);
  BOOST_TEST(note.message == "to match this `(`");
  BOOST_TEST(note.span.begin == 9u);
}

BOOST_AUTO_TEST_CASE(a_forgotten_brace_is_one_message_that_suspects_the_line) {
  const Reading reading("experiment a {\n  for x in y {\n    f(x)\n}\n\nexperiment b {\n  g()\n}\n");
  BOOST_TEST(reading.report.all().size() == 1u);
  const Diagnostic& error = reading.report.all().at(0);
  BOOST_TEST(error.code == "E0102");
  BOOST_TEST(error.notes.size() == 2u);
  BOOST_TEST(reading.sources.position(0, error.notes.at(1).span.begin).line == 4);
}

BOOST_AUTO_TEST_CASE(habits_from_other_languages_get_a_hint) {
  check_all({
      {"def f(x) = x", "1:5 E0101 expected the end of the line, found `f`", "a function is defined with `fn`"},
      {"func f(x) { x }", "1:6 E0101 expected the end of the line, found `f`", "a function is defined with `fn`"},
      {"f(a = 3)", "1:5 E0101 expected `,` or `)`, found `=`", "a named argument is written `name: value`"},
      {"let a == 3", "1:7 E0101 expected `=`, found `==`", "`=` binds, `==` compares"},
      {"if a = 3 { b }", "1:6 E0101 expected `{` or `then`, found `=`", "`==` compares, `=` binds"},
      {"for x in y:\n  z", "1:11 E0101 expected `{`, found `:`", "a block stands in braces: `{ .. }`"},
      {"let a = b ** 2", "1:11 E0101 expected the end of the line, found `**`", "a power is written `^`"},
      {"let a = b && c", "1:11 E0101 expected the end of the line, found `&&`", "write `and`"},
      {"let a = b || c", "1:11 E0101 expected the end of the line, found `||`", "write `or`"},
      {"let a = !b", "1:9 E0101 expected an expression, found `!`", "write `not`"},
      {"a // b", "1:3 E0101 expected the end of the line, found `//`", "a comment begins with `#`; division is `/`"},
      {"x += 1", "1:3 E0101 expected the end of the line, found `+=`", "write `x = x + e`"},
      {"let a = 'b'", "1:9 E0101 expected an expression, found `'`", "strings stand in double quotes: `\"text\"`"},
      {"let a = .5", "1:9 E0101 expected an expression, found `.`", "write `0.5`, not `.5`"},
      {"let a, b = c", "1:6 E0101 expected `=`, found `,`", "several names stand in parentheses: `let (a, b) = e`"},
      {"return a, b", "1:9 E0101 expected the end of the line, found `,`",
       "several values stand in parentheses: `(a, b)`"},
      {"fn f(x: int) = x", "1:7 E0101 expected `,` or `)`, found `:`",
       "a default is written `name = value`; types are not written"},
      {"while a { b }", "1:7 E0101 expected the end of the line, found `a`",
       "loops are written `for i in 1..n { .. }`; where tensors decide, `while(condition, step, start, at_most: n)`"},
      {"assert x", "1:8 E0101 expected the end of the line, found `x`", "write `assert(condition, \"message\")`"},
      {"import torch", "1:8 E0101 expected the end of the line, found `torch`",
       "write `use \"file.meta\"`, or `use a, b from \"file.meta\"`"},
      {"train a on b { x = 1 }", "1:18 E0101 expected `:`, found `=`", "an option is written `name: value`"},
      {"let a = if b { c } else { d }", "1:14 E0101 expected `then`, found `{`",
       "inside an expression write `if c then a else b`"},
      {"a < b < c", "1:7 E0101 comparisons cannot stand in a row", "write `a < b and b < c`"},
      {"param w[a] = zeros()", "1:12 E0101 expected `~`, found `=`",
       "a parameter is drawn from an initialiser: `param weight[a, b] ~ zeros()`"},
      {"f(a; b)", "1:4 E0101 expected `,` or `)`, found `;`", "inside ( ) and [ ] write `,`"},
  });
}

BOOST_AUTO_TEST_CASE(bad_literals) {
  const char* numbers = "numbers are written `3`, `20_000`, `0.5` or `1e-3`; a name does not begin with a digit";
  check_all({
      {"let a = 12abc", "1:9 E0103 `12abc` is not a number", numbers},
      {"let a = 1__0", "1:9 E0103 `1__0` is not a number", numbers},
      {"let a = 1.2.3", "1:9 E0103 `1.2.3` is not a number", numbers},
      {"let a = 0x10", "1:9 E0103 `0x10` is not a number", numbers},
      {"let a = 9223372036854775808", "1:9 E0103 the number `9223372036854775808` is out of range",
       "integers have 64 bits; write it with `.0` or an exponent to have a float"},
      {"let a = 1e999", "1:9 E0103 the number `1e999` is out of range", "floats have 64 bits"},
      {"let a = \"b\nc", "1:9 E0103 this string is not closed", "a string ends with `\"` on the line it begins on"},
      {"let a = \"b\\q\"", "1:11 E0103 there is no escape `\\q`",
       "the escapes are `\\n`, `\\t`, `\\r`, `\\\"` and `\\\\`"},
  });
}

BOOST_AUTO_TEST_CASE(foreign_characters_are_reported_once_each) {
  check_all({
      {"let a = b \u00D7 c", "1:11 E0105 `\u00D7` cannot stand here", "a product is written `*`"},
      {"let a = \xFF\xFE 3", "1:9 E0105 this is not valid UTF-8", "save the file as UTF-8"},
      {"# \xFF\na", "1:3 E0105 this is not valid UTF-8", "save the file as UTF-8"},
      {"a\x01", "1:2 E0105 a control character cannot stand here"},
  });
  BOOST_TEST(Reading("let a = \"\u00E9\"  # \u2264\n").messages() == "");
}

BOOST_AUTO_TEST_CASE(one_run_reports_several_mistakes_from_top_to_bottom_and_keeps_the_rest) {
  const Reading reading(
      "let a = \nlet b = 1\nfn f(x) {\n  let y = = 3\n  let z = 12x\n  return z\n}\nlet c = f(1 2)\nlet d = 4\n");
  BOOST_TEST(reading.summary() ==
             "1:8 E0101 expected an expression, found the end of the line\n"
             "4:11 E0101 expected an expression, found `=`\n"
             "5:11 E0103 `12x` is not a number\n"
             "8:13 E0101 expected `,` or `)`, found `2`\n");
  BOOST_TEST(reading.module.statements.size() == 3u);  // b, f, d
}

BOOST_AUTO_TEST_CASE(a_target_must_be_a_name_or_a_path) {
  check_all({
      {"a + b = 3", "1:1 E0101 `=` cannot bind this",
       "on its left stands a name, a path such as `w.head`, or several of them in parentheses; `==` compares"},
      {"f(x) ~ d", "1:1 E0101 `~` cannot draw this", "on its left stands a name, or several names in parentheses"},
      {"(a, b.c) ~ d", "1:5 E0101 `~` cannot draw this", "on its left stands a name, or several names in parentheses"},
  });
}

BOOST_AUTO_TEST_CASE(of_blocks_in_each_other_the_one_left_open_is_found_by_indentation) {
  const auto notes = [](const std::string& text) {
    const Reading reading(text);
    std::string all;
    for (const Note& note : reading.report.all().at(0).notes) {
      const Position at = reading.sources.position(note.span.file, note.span.begin);
      all += std::to_string(at.line) + ":" + std::to_string(at.column) + " ";
    }
    return all;
  };
  BOOST_TEST(notes("fn f(x) {\n  for i in x {\n    print(i)\n  return x\n}\nlet a = 1\n") == "2:14 4:3 ");
  BOOST_TEST(notes("fn f(\n     x) {\n  if x { return 1\n  return x\n}\n") == "3:8 4:3 ");
  BOOST_TEST(notes("fn f(x) {\n  if x {\n    y\n  }\nfn g(x) {\n  x\n}\n") == "1:9 5:1 ");
  BOOST_TEST(notes("fn f(x) { if x { y }\n") == "1:9 ");
}

BOOST_AUTO_TEST_CASE(deep_nesting_is_an_error_and_not_a_crash) {
  const int deep = 20000;
  for (const char* open :
       {"(", "[", "f(", "{", "fn (x) = ", "if a { ", "if a then b else ", "grad(w) { ", "a[", "train "}) {
    BOOST_TEST_CONTEXT(open) {
      const std::string text = repeated(open, deep);
      BOOST_TEST(first_code("let x = " + text) != "");
      (void)Reading(text).printed();
    }
  }
  BOOST_TEST(first_code("let x = " + repeated("(", deep) + repeated(")", deep)) == "E0104");
  BOOST_TEST(first_code(repeated("if a { } else ", deep) + "{}") == "E0104");
  BOOST_TEST(first_code(repeated("for i in x {", deep) + repeated("}", deep)) == "E0104");
  BOOST_TEST(first_code(repeated("(", maximum_nesting - 10) + "a" + repeated(")", maximum_nesting - 10)) == "");
}

BOOST_AUTO_TEST_CASE(long_rows_are_an_error_and_take_linear_time) {
  const auto begin = std::chrono::steady_clock::now();
  for (const char* step : {" + a", "\n  |> f", "^a", ".a", "(a)", "[0]", " and not a", " as a"}) {
    BOOST_TEST_CONTEXT(step) {
      BOOST_TEST(first_code("let x = a" + repeated(step, 10000)) == "E0104");
      BOOST_TEST(first_code("let x = a" + repeated(step, maximum_height / 3)) == "");
    }
  }
  BOOST_TEST(first_code("let x = " + repeated("-", 10000) + "a") == "E0104");
  BOOST_TEST(first_code("let x = [" + repeated("a, ", 20000) + "]") == "");
  BOOST_TEST(first_code("let x = f(" + repeated("(a + 1), ", 20000) + ")") == "");
  BOOST_TEST(first_code(repeated("let x = a\n# why\n", 20000)) == "");
  const auto seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  BOOST_TEST(seconds < 10);
}

BOOST_AUTO_TEST_CASE(what_is_too_long_is_an_error) {
  BOOST_TEST(first_code("let " + repeated("a", longest_name) + " = 1") == "");
  BOOST_TEST(first_code("let " + repeated("a", longest_name + 1) + " = 1") == "E0106");
  BOOST_TEST(first_code("let a = x." + repeated("b", longest_name + 1)) == "E0106");
  BOOST_TEST(first_code("#" + repeated(" ", longest_text - 1)) == "");
  BOOST_TEST(first_code("#" + repeated(" ", longest_text)) == "E0106");
  BOOST_TEST(Reading(repeated("a\n", longest_text)).module.statements.empty());
  // The largest numbers, and one more.
  BOOST_TEST(first_code("let a = 9223372036854775807") == "");
  BOOST_TEST(first_code("let a = 9223372036854775808") == "E0103");
  BOOST_TEST(first_code("let a = 1e308") == "");
  BOOST_TEST(first_code("let a = 1e309") == "E0103");
}

// Each mistake may cost a look at the whole text, so their number is what is bounded.
BOOST_AUTO_TEST_CASE(reading_ends_after_many_mistakes) {
  const int enough = most_mistakes + 1;
  BOOST_TEST(Reading(repeated("let x = )\n", most_mistakes)).report.errors() == most_mistakes);
  BOOST_TEST(Reading(repeated("let x = )\n", 20000)).report.errors() == enough);
  BOOST_TEST(Reading(repeated("let x = ); ", 20000)).report.errors() == enough);  // on one line
  BOOST_TEST(Reading(repeated("f(", 3000)).report.errors() >= 1);
  BOOST_TEST(Reading(repeated("f(\nlet x = 1\n", 3000)).report.errors() == enough);
  BOOST_TEST(Reading("experiment e {\n" + repeated("let x = )\n", 3000)).report.errors() == enough);
}

BOOST_AUTO_TEST_SUITE_END()
