// How diagnostics look.
#include "report/report.hpp"

#include <boost/test/unit_test.hpp>
#include <nlohmann/json.hpp>

using namespace metac::dsl;

namespace {

struct Text {
  Sources sources;
  std::uint32_t file;
  Report report;
  explicit Text(std::string text) : file(sources.add("t.meta", std::move(text))) {}
  Diagnostic& error(std::uint32_t begin, std::uint32_t end) { return report.error("E0999", {file, begin, end}, "bad"); }
  std::string rendered() const { return render(report.all().back(), sources); }
};

}  // namespace

BOOST_AUTO_TEST_SUITE(report)

BOOST_AUTO_TEST_CASE(an_error_shows_place_message_code_line_and_caret) {
  Text text("let x = 3\nlet yy = z\n");
  text.error(14, 16).label = "here";
  BOOST_TEST(text.rendered() ==
             "t.meta:2:5: error: bad [E0999]\n"
             "    2 | let yy = z\n"
             "      |     ^^ here\n");
}

BOOST_AUTO_TEST_CASE(an_empty_span_has_one_caret_also_at_the_end_of_the_file) {
  Text text("ab");
  text.error(2, 2);
  BOOST_TEST(text.rendered() == "t.meta:1:3: error: bad [E0999]\n    1 | ab\n      |   ^\n");
  Text empty("");
  empty.error(0, 0);
  BOOST_TEST(empty.rendered() == "t.meta:1:1: error: bad [E0999]\n    1 | \n      | ^\n");
}

BOOST_AUTO_TEST_CASE(a_span_over_lines_is_underlined_on_its_first) {
  Text text("f(a,\n  b)");
  text.error(0, 9);
  BOOST_TEST(text.rendered() == "t.meta:1:1: error: bad [E0999]\n    1 | f(a,\n      | ^^^^\n");
}

BOOST_AUTO_TEST_CASE(carets_stand_right_after_tabs_and_wide_bytes) {
  Text text("\t\"\u00E9\" x");
  text.error(6, 7);
  BOOST_TEST(text.rendered() == "t.meta:1:6: error: bad [E0999]\n    1 |     \"\u00E9\" x\n      |         ^\n");
}

BOOST_AUTO_TEST_CASE(labels_notes_and_hint_follow) {
  Text text("a @ b\nc");
  Diagnostic& error = text.error(2, 3);
  error.labels = {{{text.file, 0, 1}, "[2, 3]"}, {{text.file, 6, 7}, "[4]"}};
  error.notes = {{"to match this", {text.file, 0, 1}}, {"in general", {}, false}};
  error.hint = "swap them";
  BOOST_TEST(text.rendered() ==
             "t.meta:1:3: error: bad [E0999]\n"
             "    1 | a @ b\n"
             "      |   ^\n"
             "      | - [2, 3]\n"
             "    2 | c\n"
             "      | - [4]\n"
             "  note: t.meta:1:1: to match this\n"
             "  note: in general\n"
             "  hint: swap them\n");
}

BOOST_AUTO_TEST_CASE(a_label_in_another_file_says_so) {
  Text text("a");
  const auto other = text.sources.add("other.meta", "b");
  text.error(0, 1).labels = {{{other, 0, 1}, "there"}};
  BOOST_TEST(text.rendered().find("  --> other.meta:1:1\n    1 | b\n      | - there\n") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(colour_only_on_demand) {
  Text text("a");
  text.error(0, 1);
  BOOST_TEST(text.rendered().find('\x1b') == std::string::npos);
  BOOST_TEST(render(text.report.all()[0], text.sources, true).find("\x1b[1;31m") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(only_errors_count) {
  Text text("a");
  text.report.warning("E0001", {text.file, 0, 1}, "unused");
  BOOST_TEST(!text.report.has_errors());
  BOOST_TEST(text.rendered().starts_with("t.meta:1:1: warning: unused [E0001]\n"));
  text.error(0, 1);
  BOOST_TEST(text.report.errors() == 1);
}

BOOST_AUTO_TEST_CASE(json_is_one_line_and_has_everything) {
  Text text("a \xFF\nb");
  Diagnostic& error = text.error(0, 1);
  error.message = "line\nbreak \xFF";
  error.notes = {{"see", {text.file, 4, 5}}};
  const std::string line = render_json(error, text.sources);
  BOOST_TEST(line.find('\n') == std::string::npos);
  const auto json = nlohmann::json::parse(line);
  BOOST_TEST(json["code"] == "E0999");
  BOOST_TEST(json["severity"] == "error");
  BOOST_TEST(json["end_column"] == 2);
  BOOST_TEST(json["notes"][0]["line"] == 2);
}

BOOST_AUTO_TEST_CASE(the_nearest_name_is_within_half_the_length_of_short_ones_a_third) {
  BOOST_TEST(nearest("rleu", {"relu", "tanh"}) == "relu");  // a swap is one edit
  BOOST_TEST(nearest("conv2", {"conv2d", "conv_block"}) == "conv2d");
  BOOST_TEST(nearest("kernl_size", {"kernel", "kernel_size"}) == "kernel_size");
  BOOST_TEST(nearest("abc", {"xyz", "uvw"}) == "");
  BOOST_TEST(nearest("x", {"y"}) == "");  // nothing in common
  BOOST_TEST(nearest("", {"a"}) == "");
  BOOST_TEST(nearest("mea", {"mse", "mean"}) == "mean");
  BOOST_TEST(nearest("values", {"value_and_grad", "vale", "value", "values2"}) == "value");  // the first of the nearest
  BOOST_TEST(nearest("abcdef", {"abcd", "abc"}) == "abcd");  // of a short name a third is near enough
  BOOST_TEST(nearest("abcdef", {"abc", "xyzdef"}) == "");    // half is not
  BOOST_TEST(nearest("abcdefgh", {"abcd"}) == "abcd");       // of a longer one it is
  BOOST_TEST(nearest("self", {"sum", "elu"}) == "");         // short words are near to many
}

BOOST_AUTO_TEST_SUITE_END()
