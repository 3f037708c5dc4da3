// Places in texts.
#include "source/source.hpp"

#include <boost/test/unit_test.hpp>

using namespace metac::dsl;

BOOST_AUTO_TEST_SUITE(source)

BOOST_AUTO_TEST_CASE(lines_and_columns_count_from_one) {
  Sources sources;
  const auto file = sources.add("a.meta", "ab\ncd\n");
  const auto at = [&](std::uint32_t byte) {
    const Position position = sources.position(file, byte);
    return std::pair(position.line, position.column);
  };
  BOOST_TEST((at(0) == std::pair(1, 1)));
  BOOST_TEST((at(2) == std::pair(1, 3)));  // the line end belongs to its line
  BOOST_TEST((at(3) == std::pair(2, 1)));
  BOOST_TEST((at(6) == std::pair(3, 1)));
  BOOST_TEST((at(99) == std::pair(3, 1)));
}

BOOST_AUTO_TEST_CASE(columns_count_characters_not_bytes) {
  Sources sources;
  const auto file = sources.add("a.meta", "\"\u00E9\u2264\" x");
  BOOST_TEST(sources.position(file, 8).column == 6);
}

BOOST_AUTO_TEST_CASE(a_line_comes_without_its_end) {
  Sources sources;
  const auto file = sources.add("a.meta", "one\r\ntwo\n");
  BOOST_TEST(sources.line(file, 1) == "one");
  BOOST_TEST(sources.line(file, 2) == "two");
  BOOST_TEST(sources.line(file, 3) == "");
  BOOST_TEST(sources.line(file, 4) == "");
}

BOOST_AUTO_TEST_CASE(an_empty_text_has_one_line) {
  Sources sources;
  const auto file = sources.add("a.meta", "");
  BOOST_TEST(sources.position(file, 0).line == 1);
  BOOST_TEST(sources.line(file, 1) == "");
}

BOOST_AUTO_TEST_CASE(a_span_gives_its_text) {
  Sources sources;
  const auto file = sources.add("a.meta", "let x = 3");
  BOOST_TEST(sources.text(Span{file, 4, 5}) == "x");
  BOOST_TEST(sources.text(Span{file, 8, 99}) == "3");
  BOOST_TEST((join(Span{file, 4, 5}, Span{file, 0, 3}) == Span{file, 0, 5}));
}

BOOST_AUTO_TEST_CASE(an_excerpt_has_the_lines_of_the_whole_and_hides_what_was_added) {
  Sources sources;
  const auto file = sources.add("prompt", "(learner\n)", {7, 1});
  BOOST_TEST(sources.position(file, 1).line == 7);
  BOOST_TEST(sources.position(file, 1).column == 1);
  BOOST_TEST(sources.position(file, 0).column == 1);  // what was added counts as the begin
  BOOST_TEST(sources.position(file, 9).line == 8);
  BOOST_TEST(sources.line(file, 7) == "learner");
  BOOST_TEST(sources.line(file, 1) == "");
}

BOOST_AUTO_TEST_CASE(texts_stay_where_they_are_when_others_are_added) {
  Sources sources;
  const std::string_view first = sources.text(sources.add("a", "short"));
  for (int i = 0; i < 100; ++i) sources.add("b", "other");
  BOOST_TEST(first == "short");
  BOOST_TEST(sources.size() == 101);
}

BOOST_AUTO_TEST_SUITE_END()
