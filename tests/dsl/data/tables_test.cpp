// Tables, sentences and NumPy's arrays as data sets, and the tasks of groups: on files written here.
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <cstring>
#include <set>

#include "data/groups.hpp"
#include "data/npy.hpp"
#include "data/split.hpp"
#include "data/table.hpp"
#include "data/tabular.hpp"
#include "data/transforms.hpp"
#include "files.hpp"
#include "sets.hpp"

using namespace metac;
using namespace metac::data;
using namespace metac::data::testing;

namespace {

std::vector<float> floats(const Array& x) { return {x.as<float>().begin(), x.as<float>().end()}; }
std::vector<std::int32_t> integers(const Array& x) {
  return {x.as<std::int32_t>().begin(), x.as<std::int32_t>().end()};
}

Bytes npy_bytes(const std::string& type, const std::string& shape, const Bytes& elements, int version = 1,
                const std::string& order = "False") {
  std::string header =
      "{'descr': '" + type + "', 'fortran_order': " + order + ", 'shape': " + shape + ", }          \n";
  Bytes bytes{
      0x93, 'N', 'U', 'M', 'P', 'Y', static_cast<std::uint8_t>(version), 0, static_cast<std::uint8_t>(header.size()),
      0};
  if (version > 1) bytes.insert(bytes.end(), {0, 0});
  bytes.insert(bytes.end(), header.begin(), header.end());
  bytes.insert(bytes.end(), elements.begin(), elements.end());
  return bytes;
}

template <class T>
Bytes raw(const std::vector<T>& values) {
  Bytes bytes(values.size() * sizeof(T));
  std::memcpy(bytes.data(), values.data(), bytes.size());
  return bytes;
}

const std::string weather =
    "station,day,\"temp, mean\",rain\nA,0,1.5,0\nB,0,2,1\n\"A\",1,3e1, 4 \r\nB,1,-4,+2\nA,2,5,6\n";

}  // namespace

BOOST_AUTO_TEST_SUITE(data_tables)

BOOST_AUTO_TEST_CASE(tables_are_read_with_quotes_and_lines) {
  const TemporaryFolder folder;
  const Table table = read_table(write(folder / "t.csv",
                                       "\xef\xbb\xbf"
                                       "a,b\n\"x, \"\"y\"\"\n2\",\n\n\xc3\xa4,\"\"\n"),
                                 true);
  BOOST_TEST(table.columns == (std::vector<std::string>{"a", "b"}), boost::test_tools::per_element());
  BOOST_TEST(table.rows.size() == 2u);
  BOOST_TEST(table.rows[0][0] == "x, \"y\"\n2");
  BOOST_TEST(table.rows[0][1] == "");
  BOOST_TEST(table.rows[1][0] == "\xc3\xa4");
  BOOST_TEST(table.lines[1] == 5u);
  const Table tabs = read_table(write(folder / "t.tsv", "one\tsaid \"two\nthree\tfour, five"), false);
  BOOST_TEST(tabs.columns == (std::vector<std::string>{"0", "1"}), boost::test_tools::per_element());
  BOOST_TEST(tabs.rows[0][1] == "said \"two");
  const auto fails = [&](const std::string& text, const std::vector<std::string>& words) {
    return fails_with([&] { read_table(write(folder / "bad.csv", text), true); }, words);
  };
  BOOST_TEST(fails("", {"bad.csv", "no rows"}));
  BOOST_TEST(fails("a,b\n", {"no rows"}));
  BOOST_TEST(fails("a,b\n1,2\n3\n", {"line 3", "2 values were needed, 1 found"}));
  BOOST_TEST(fails("a,b\n1,\"2\n", {"line 2", "not closed"}));
  BOOST_TEST(fails("a,b\n1,\"2\"3\n", {"line 2", "quotes"}));
  BOOST_TEST(fails("a,a\n1,2\n", {"two columns are named a"}));
  BOOST_TEST(fails("a,b\n1,2\n1,\xff\n", {"line 3", "ff", "UTF-8"}));
  BOOST_TEST(fails("a\n\xc0\xaf\n", {"line 2", "UTF-8"}));      // longer than needed
  BOOST_TEST(fails("a\n\xed\xa0\x80\n", {"line 2", "UTF-8"}));  // half of a pair
  BOOST_TEST(fails("a\n\xe2\x82", {"line 2", "UTF-8"}));        // cut short
}

BOOST_AUTO_TEST_CASE(columns_become_examples_targets_and_groups) {
  const TemporaryFolder folder;
  const auto path = write(folder / "w.csv", weather);
  const Dataset set = csv(path, {true, {"temp, mean", "day"}, {"rain"}, "station"});
  BOOST_TEST((set.x_type(5) == Type{Dtype::f32, Shape{5, 2}}));
  BOOST_TEST((set.y_type(5) == Type{Dtype::f32, Shape{5, 1}}));
  BOOST_TEST(floats(set.x()) == (std::vector<float>{1.5, 0, 2, 0, 30, 1, -4, 1, 5, 2}),
             boost::test_tools::per_element());
  BOOST_TEST(floats(set.y()) == (std::vector<float>{0, 1, 4, 2, 6}), boost::test_tools::per_element());
  BOOST_TEST(set.classes().names == (std::vector<std::string>{"A", "B"}), boost::test_tools::per_element());
  BOOST_TEST(set.label(3) == 1);
  // Views and transforms keep x and y together.
  const Dataset some = normalize(set.with_rows(std::vector<std::uint32_t>{4, 0}, "some"), {1, 0}, {2, 1});
  BOOST_TEST(floats(some.x()) == (std::vector<float>{2, 2, 0.25, 0}), boost::test_tools::per_element());
  BOOST_TEST(floats(some.y()) == (std::vector<float>{6, 0}), boost::test_tools::per_element());
  const Dataset plain = csv(path, {true, {"day"}, {}, ""});
  BOOST_TEST(!plain.has_y());
  BOOST_TEST(fails_with(
      [&] {
        csv(path, {true, {"station"}, {}, ""});
      },
      {"w.csv, line 2", "station needs numbers", "\"A\""}));
  BOOST_TEST(fails_with(
      [&] {
        csv(path, {true, {"wind"}, {}, ""});
      },
      {"no column wind", "station, day, temp, mean, rain"}));
  BOOST_TEST(fails_with([&] { csv(path, {true, {}, {}, ""}); }, {"at least one column"}));
  for (const char* bad : {"nan", "inf", "1e99", "", "1 2", "1x"})
    BOOST_TEST(fails_with(
        [&] {
          csv(write(folder / "b.csv", std::string("a,b\n1,1\n1,") + bad + "\n"), {true, {"b"}, {}, ""});
        },
        {"line 3"}));
  BOOST_TEST(fails_with(
      [&] {
        csv(write(folder / "b.csv", "a,b\nu,1\n,1\n"), {true, {"b"}, {}, "a"});
      },
      {"line 3", "column a is empty"}));
}

BOOST_AUTO_TEST_CASE(groups_are_tasks) {
  const TemporaryFolder folder;
  const Dataset set = csv(write(folder / "w.csv", weather), {true, {"day"}, {"temp, mean"}, "station"});
  const GroupSource source(set, 1, 1);
  const Groups tasks = source.sample(Key{1, 1}, 0, 200);
  BOOST_TEST((tasks.support_x.type() == Type{Dtype::f32, Shape{200, 1, 1}}));
  BOOST_TEST((tasks.query_y.type() == Type{Dtype::f32, Shape{200, 1, 1}}));
  const std::set<float> of_a{1.5, 30, 5}, of_b{2, -4};
  int in_a = 0;
  for (std::size_t i = 0; i < 200; ++i) {
    const float support = tasks.support_y.as<float>()[i], query = tasks.query_y.as<float>()[i];
    BOOST_TEST(support != query);
    BOOST_TEST(of_a.count(support) == of_a.count(query));
    in_a += static_cast<int>(of_a.count(support));
    BOOST_TEST(of_a.count(support) + of_b.count(support) == 1u);
  }
  BOOST_TEST(in_a > 60);
  BOOST_TEST(in_a < 140);
  BOOST_TEST(same_bits(source.sample(Key{1, 1}, 5, 1).query_y.row(0), tasks.query_y.row(5)));
  BOOST_TEST(fails_with([&] { GroupSource(set, 2, 1); }, {"2 shots and 1 queries", "B of w.csv has 2"}));
  BOOST_TEST(fails_with([&] { GroupSource(set, 0, 1); }, {"at least 1"}));
  BOOST_TEST(fails_with(
      [&] {
        GroupSource(csv(folder / "w.csv", {true, {"day"}, {}, "station"}), 1, 1);
      },
      {"no targets"}));
  BOOST_TEST(fails_with(
      [&] {
        GroupSource(csv(folder / "w.csv", {true, {"day"}, {"rain"}, ""}), 1, 1);
      },
      {"no classes"}));
}

BOOST_AUTO_TEST_CASE(sentences_become_words) {
  const auto check = [](const std::string& sentence, const std::vector<std::string>& expected) {
    BOOST_TEST(tokens(sentence) == expected, boost::test_tools::per_element());
  };
  check("How do I, 'quickly', say: don't?",
        {"how", "do", "i", ",", "'", "quickly", "'", ",", "say", ":", "don't", "?"});
  check("  Caf\xc3\xa9 42\t$3.50 ", {"caf\xc3\xa9", "42", "$", "3", ".", "50"});
  check(" \t ", {});
}

BOOST_AUTO_TEST_CASE(texts_are_numbers_of_the_most_frequent_words) {
  const TemporaryFolder folder;
  const auto train = write(folder / "train.tsv", "b\tthe cat the dog\na\tThe cat\nb\ta bird\n");
  const Dataset set = text(train, {false, "1", "0", 5, 3});
  BOOST_TEST((set.x_type(3) == Type{Dtype::i32, Shape{3, 3}}));
  BOOST_TEST(set.words() == (std::vector<std::string>{"the", "cat", "a"}), boost::test_tools::per_element());
  BOOST_TEST(integers(set.x()) == (std::vector<std::int32_t>{2, 3, 2, 2, 3, 0, 4, 1, 0}),
             boost::test_tools::per_element());
  BOOST_TEST(set.classes().names == (std::vector<std::string>{"a", "b"}), boost::test_tools::per_element());
  BOOST_TEST(set.label(0) == 1);
  const auto test = write(folder / "test.tsv", "a\tThe fish\n");
  const Dataset other = text(test, {false, "1", "0"}, part(split_rows(set, {{"train", 2}}, Key{}), "train"));
  BOOST_TEST(integers(other.x()) == (std::vector<std::int32_t>{2, 1, 0}), boost::test_tools::per_element());
  BOOST_TEST(other.label(0) == 0);
  BOOST_TEST(other.class_count() == 2);
  BOOST_TEST(fails_with(
      [&] {
        text(write(folder / "t.tsv", "a\tx\nc\ty\n"), {false, "1", "0"}, set);
      },
      {"t.tsv, line 2", "no class c"}));
  BOOST_TEST(fails_with(
      [&] {
        text(write(folder / "t.tsv", "a\t \n"), {false, "1", "0"}, set);
      },
      {"line 1", "no words"}));
  BOOST_TEST(fails_with([&] { text(train, {false, "2", "0", 5, 3}); }, {"no column 2", "0, 1"}));
  BOOST_TEST(fails_with([&] { text(train, {false, "1", "0", 2, 3}); }, {"from 3", "2 was given"}));
  BOOST_TEST(fails_with([&] { text(train, {false, "1", "0", 5, 0}); }, {"length", "0 was given"}));
  BOOST_TEST(fails_with([&] { noise(set, 1); }, {"noise(1) needs examples that are numbers", "i32[3, 3]"}));
  const Dataset numbers = csv(write(folder / "n.csv", "a\n1\n"), {true, {"a"}, {}, ""});
  BOOST_TEST(fails_with([&] { text(test, {false, "1", "0"}, numbers); }, {"n.csv is no text"}));
}

BOOST_AUTO_TEST_CASE(arrays_of_all_types_are_read) {
  const auto check = [](const std::string& type, const Bytes& elements, const std::vector<double>& expected) {
    const Npy array = parse_npy(npy_bytes(type, "(2,)", elements), "a");
    for (std::size_t i = 0; i < 2; ++i) BOOST_TEST(array.at(static_cast<std::int64_t>(i)) == expected[i], type);
  };
  check("|b1", {0, 1}, {0, 1});
  check("|i1", {0xff, 1}, {-1, 1});
  check("|u1", {0xff, 1}, {255, 1});
  check("<i2", raw<std::int16_t>({-300, 5}), {-300, 5});
  check("<u2", raw<std::uint16_t>({60000, 5}), {60000, 5});
  check("<i4", raw<std::int32_t>({-70000, 5}), {-70000, 5});
  check("<u4", raw<std::uint32_t>({4000000000u, 5}), {4e9, 5});
  check("<i8", raw<std::int64_t>({-5000000000, 5}), {-5e9, 5});
  check("<u8", raw<std::uint64_t>({5000000000u, 5}), {5e9, 5});
  check("<f4", raw<float>({0.5f, -2}), {0.5, -2});
  check("<f8", raw<double>({0.1, -2}), {0.1, -2});
  check(">i2", {1, 2, 0xff, 0xfe}, {258, -2});
  check(">f4", {0x3f, 0x80, 0, 0, 0xc0, 0, 0, 0}, {1, -2});
  BOOST_TEST((parse_npy(npy_bytes("|u1", "(2, 1, 3)", Bytes(6, 0), 2), "a").shape == Shape{2, 1, 3}));
  BOOST_TEST((parse_npy(npy_bytes("|u1", "()", Bytes(1, 0)), "a").shape == Shape{}));
}

BOOST_AUTO_TEST_CASE(damaged_arrays_are_errors) {
  const auto fails = [](Bytes content, const std::vector<std::string>& words) {
    return fails_with([&] { parse_npy(content, "a.npy"); }, words);
  };
  const Bytes good = npy_bytes("<f4", "(2,)", Bytes(8, 0));
  BOOST_TEST(fails({1, 2, 3}, {"a.npy", "no NPY"}));
  BOOST_TEST(fails(Bytes(good.begin(), good.begin() + 30), {"cut short in its header"}));
  BOOST_TEST(fails(Bytes(good.begin(), good.end() - 1), {"needs 8 bytes", "7 were found", "cut short"}));
  BOOST_TEST(fails(npy_bytes("<f4", "(2,)", Bytes(9, 0)), {"bytes after its end"}));
  BOOST_TEST(fails(npy_bytes("<f2", "(2,)", Bytes(4, 0)), {"'<f2'", "booleans, integers"}));
  BOOST_TEST(fails(npy_bytes("|O", "(2,)", Bytes(4, 0)), {"'|O'"}));
  for (const char* type : {"< i", "<1 ", "<8 ", "|1b"})
    BOOST_TEST(fails(npy_bytes(type, "(2,)", Bytes(4, 0)), {"booleans, integers"}), type);
  BOOST_TEST(fails(npy_bytes("<f4", "(2,)", Bytes(8, 0), 9), {"version 9"}));
  BOOST_TEST(fails(npy_bytes("<f4", "(1, 2)", Bytes(8, 0), 1, "True"), {"Fortran order"}));
  BOOST_TEST(fails(npy_bytes("<f4", "(2, -1)", Bytes(8, 0)), {"shape"}));
  BOOST_TEST(fails(npy_bytes("<f4", "(1,1,1,1,1,1,1,1,1)", Bytes(4, 0)), {"more than 8 axes"}));
  BOOST_TEST(fails(npy_bytes("<f8", "(2000000000, 2000000000, 2000000000)", Bytes(8, 0)), {"too many elements"}));
}

BOOST_AUTO_TEST_CASE(arrays_become_data_sets) {
  const TemporaryFolder folder;
  const auto images = write(folder / "x.npy", npy_bytes("|u1", "(2, 1, 2)", {0, 51, 102, 255}));
  const auto numbers = write(folder / "n.npy", npy_bytes("<f8", "(2, 2)", raw<double>({1, 2, 3, 4.5})));
  const auto labels = write(folder / "y.npy", npy_bytes("<i8", "(2,)", raw<std::int64_t>({2, 0})));
  const auto targets = write(folder / "t.npy", npy_bytes("<f4", "(2,)", raw<float>({0.25f, -1})));
  BOOST_TEST((npy(images, labels).example_shape() == Shape{1, 2, 1}));
  BOOST_TEST(npy(images, labels).x().at(1) == 51 / 255.0f);
  BOOST_TEST(npy(images, labels).class_count() == 3);
  BOOST_TEST(npy(images, labels).label(0) == 2);
  BOOST_TEST(npy(images, targets).has_targets());
  BOOST_TEST((npy(numbers, targets).y_type(2) == Type{Dtype::f32, Shape{2, 1}}));
  BOOST_TEST(npy(numbers, targets).y().at(0) == 0.25);
  BOOST_TEST(npy(numbers, {}).x().at(3) == 4.5);
  BOOST_TEST(!npy(numbers, {}).has_y());
  const auto three = write(folder / "three.npy", npy_bytes("<i4", "(3,)", raw<std::int32_t>({0, 1, 2})));
  const auto negative = write(folder / "negative.npy", npy_bytes("<i4", "(2,)", raw<std::int32_t>({0, -1})));
  const auto nan = write(folder / "nan.npy", npy_bytes("<f4", "(2, 1)", raw<float>({0, NAN})));
  BOOST_TEST(fails_with([&] { npy(numbers, three); }, {"n.npy has 2 examples", "three.npy has 3 values"}));
  BOOST_TEST(fails_with([&] { npy(numbers, negative); }, {"row 1 has the label -1"}));
  BOOST_TEST(fails_with([&] { npy(nan, {}); }, {"nan.npy", "row 1", "no finite number"}));
  BOOST_TEST(fails_with([&] { npy(numbers, images); }, {"labels are whole numbers [n]", "uint8 [2, 1, 2]"}));

  write_zip(folder / "a.npz", {{"x.npy", read_file(numbers)}, {"y.npy", read_file(labels)}});
  BOOST_TEST(npz(folder / "a.npz", "x", "y").label(0) == 2);
  BOOST_TEST(npz(folder / "a.npz", "x", "").x().at(3) == 4.5);
  BOOST_TEST(fails_with([&] { npz(folder / "a.npz", "z", ""); }, {"a.npz", "no array z", "x.npy, y.npy"}));
}

BOOST_AUTO_TEST_SUITE_END()
