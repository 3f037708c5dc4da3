// Bytes, lines and columns of documents, and the frames of messages.
#include <boost/test/unit_test.hpp>

#include "editor/frames.hpp"
#include "editor/text.hpp"
#include "editor/uri.hpp"

namespace metac::dsl {

namespace {

constexpr Encoding encodings[] = {Encoding::utf8, Encoding::utf16};

std::uint32_t byte(const Text& text, std::int64_t line, std::int64_t column, Encoding encoding = Encoding::utf16) {
  const auto found = text.byte({line, column}, encoding);
  BOOST_REQUIRE(found.has_value());
  return *found;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(text)

BOOST_AUTO_TEST_CASE(columns_count_utf16_units) {
  const Text text("a\u00e9\u20ac\U0001F600b\n");  // 1, 2, 3 and 4 bytes: 1, 1, 1 and 2 units
  const std::uint32_t begins[] = {0, 1, 3, 6, 6, 10, 11};
  for (std::int64_t column = 0; column < 7; ++column)
    BOOST_TEST(byte(text, 0, column) == begins[column], "column " << column);
  BOOST_TEST(text.place(10, Encoding::utf16).column == 5);
  BOOST_TEST(text.place(10, Encoding::utf8).column == 10);
  BOOST_TEST(byte(text, 0, 10, Encoding::utf8) == 10u);
  BOOST_TEST(byte(text, 0, 4, Encoding::utf8) == 3u);  // inside of a character: its beginning
}

BOOST_AUTO_TEST_CASE(every_place_is_found_again) {
  const Text text("x\r\n\u00e9 = \U0001F600\rz\n\n\U0001F600");
  for (const Encoding encoding : encodings) {
    for (std::uint32_t at = 0; at <= text.all().size(); ++at) {
      const Place place = text.place(at, encoding);
      const std::uint32_t back = byte(text, place.line, place.column, encoding);
      const bool begins_character = (static_cast<unsigned char>(text.all()[at]) & 0xC0) != 0x80;
      const bool in_line_end = at > 0 && text.all()[at - 1] == '\r' && text.all()[at] == '\n';
      if (begins_character && !in_line_end) BOOST_TEST(back == at);
    }
  }
}

BOOST_AUTO_TEST_CASE(lines_end_in_three_ways) {
  const Text text("one\ntwo\r\nthree\rfour");
  BOOST_TEST(text.lines() == 4);
  BOOST_TEST(byte(text, 1, 0) == 4u);
  BOOST_TEST(byte(text, 2, 0) == 9u);
  BOOST_TEST(byte(text, 3, 0) == 15u);
  BOOST_TEST(byte(text, 1, 99) == 7u);  // a column beyond the end is the end, without \r\n
  BOOST_TEST(byte(text, 3, 99) == 19u);
  BOOST_TEST(Text("").lines() == 1);
  BOOST_TEST(Text("\n").lines() == 2);
}

BOOST_AUTO_TEST_CASE(there_is_no_place_outside) {
  const Text text("one\ntwo");
  BOOST_TEST(byte(text, 2, 0) == 7u);  // the end, as some editors say it
  for (const Place place : {Place{2, 1}, Place{3, 0}, Place{-1, 0}, Place{0, -1}, Place{1'000'000'000'000, 0}})
    BOOST_TEST(!text.byte(place, Encoding::utf16).has_value());
}

BOOST_AUTO_TEST_CASE(a_replacement_moves_the_lines) {
  Text text("one\ntwo\nthree\n");
  text.replace(4, 8, "2\n2b\n");
  BOOST_TEST(text.all() == "one\n2\n2b\nthree\n");
  BOOST_TEST(byte(text, 3, 0) == 9u);
}

BOOST_AUTO_TEST_CASE(bytes_that_are_no_utf8_have_places) {
  const Text text("\xff\x80\xc3(\n\xf0");
  BOOST_TEST(text.lines() == 2);
  for (std::uint32_t at = 0; at <= text.all().size(); ++at) text.place(at, Encoding::utf16);
  BOOST_TEST(byte(text, 1, 9) == 6u);
}

BOOST_AUTO_TEST_CASE(addresses_become_paths) {
  BOOST_TEST(path_of("file:///home/a%20b/x.meta") == "/home/a b/x.meta");
  BOOST_TEST(path_of("file:///a/./b/../x%2Emeta") == "/a/x.meta");
  BOOST_TEST(path_of("untitled:Untitled-1") == "untitled:Untitled-1");
  BOOST_TEST(path_of("file:///100%") == "/100%");
  BOOST_TEST(uri_of("/home/a b/\u00e9.meta") == "file:///home/a%20b/%C3%A9.meta");
  BOOST_TEST(path_of(uri_of("stdlib/losses.meta")) == "stdlib/losses.meta");
  BOOST_TEST(is_library_uri(uri_of("stdlib/losses.meta")));
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(frames)

BOOST_AUTO_TEST_CASE(messages_come_whole_however_the_bytes_come) {
  const std::string bytes = framed("{}") + "content-length:5\r\nContent-Type: x\r\n\r\nhello" + framed("");
  for (std::size_t step = 1; step <= bytes.size(); ++step) {
    Frames frames;
    std::vector<std::string> messages;
    for (std::size_t at = 0; at < bytes.size(); at += step) {
      frames.add(std::string_view(bytes).substr(at, step));
      while (auto message = frames.next()) messages.push_back(*message);
    }
    BOOST_TEST(messages == (std::vector<std::string>{"{}", "hello", ""}));
    BOOST_TEST(frames.mistake() == "");
    BOOST_TEST(frames.is_empty());
  }
}

BOOST_AUTO_TEST_CASE(wrong_headers_are_named) {
  const std::pair<std::string, std::string> wrong[] = {{"Content-Type: x\r\n\r\n{}", "no `Content-Length`"},
                                                       {"\r\n\r\n", "no `Content-Length`"},
                                                       {"Content-Length: -1\r\n\r\n", "not `-1`"},
                                                       {"Content-Length: 99999999999999999999\r\n\r\n", "not `9999"},
                                                       {"Content-Length: 999999999999\r\n\r\n", "not `9999"},
                                                       {"Content-Length: 2x\r\n\r\n{}", "not `2x`"},
                                                       {"Content-Length: 2\n\r\n\r\n{}", "end with \\r\\n"},
                                                       {"hello\r\n\r\n", "not `hello`"},
                                                       {std::string(5000, 'x'), "no end within"}};
  for (const auto& [bytes, words] : wrong) {
    Frames frames;
    frames.add(bytes);
    BOOST_TEST(!frames.next().has_value());
    BOOST_TEST(frames.mistake().find(words) != std::string::npos, frames.mistake());
    frames.add(framed("{}"));
    BOOST_TEST(!frames.next().has_value());
  }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace metac::dsl
