// Data sets as values, their views, rotations, splits and what they have in common.
#include <boost/test/unit_test.hpp>
#include <ctime>
#include <numeric>
#include <set>

#include "base/memory.hpp"
#include "data/dataset.hpp"
#include "data/image.hpp"
#include "data/split.hpp"
#include "data/transforms.hpp"
#include "files.hpp"
#include "sets.hpp"

using namespace metac;
using namespace metac::data;
using namespace metac::data::testing;

namespace {

std::vector<std::uint32_t> rows(std::initializer_list<std::uint32_t> list) { return list; }

}  // namespace

BOOST_AUTO_TEST_SUITE(data_dataset)

BOOST_AUTO_TEST_CASE(bytes_become_floats_when_gathered) {
  const Bytes pixels{0, 51, 102, 255};
  const Dataset set = Dataset::from_bytes("s", Shape{2, 1, 1}, pixels, {1, 0}, numbered_classes(2), {"s", "", {}});
  BOOST_TEST(set.size() == 2);
  const Array x = set.x(rows({1, 0, 1}));
  BOOST_TEST((x.type() == Type{Dtype::f32, Shape{3, 2, 1, 1}}));
  const std::vector<float> expected{102 / 255.0f, 1, 0, 51 / 255.0f, 102 / 255.0f, 1};
  BOOST_TEST(x.as<float>() == expected, boost::test_tools::per_element());
  const Array y = set.y();
  BOOST_TEST(y.as<std::int32_t>() == (std::vector<std::int32_t>{1, 0}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(floats_are_kept_as_they_are) {
  const Array x = Array::from<float>(Shape{2, 3}, std::vector<float>{1, -2, 3, 4, 5, 1e9f});
  const Dataset set = Dataset::from_floats("s", x, {}, {}, {"s", "", {}});
  BOOST_TEST(!set.labelled());
  BOOST_TEST(same_bits(set.x(), x));
  BOOST_TEST(fails_with([&] { set.y(); }, {"no labels"}));
  BOOST_TEST(fails_with([&] { set.label(0); }, {"no labels"}));
}

BOOST_AUTO_TEST_CASE(wrong_parts_of_a_data_set_are_errors) {
  const auto make = [](Shape example, std::size_t bytes, std::vector<std::int32_t> labels, ClassTable classes) {
    return [=] { Dataset::from_bytes("s", example, Bytes(bytes, 0), labels, classes, {}); };
  };
  BOOST_TEST(fails_with(make({2}, 5, {}, {}), {"5 bytes", "[2]"}));
  BOOST_TEST(fails_with(make({0}, 0, {}, {}), {"no values"}));
  BOOST_TEST(fails_with(make({2}, 0, {}, {}), {"no examples"}));
  BOOST_TEST(fails_with(make({2}, 4, {0}, numbered_classes(1)), {"2 examples", "1 were given"}));
  BOOST_TEST(fails_with(make({2}, 4, {0, 2}, numbered_classes(2)), {"example 1 has the label 2", "0 to 1"}));
  BOOST_TEST(fails_with(make({2}, 4, {0, -1}, numbered_classes(2)), {"label -1"}));
  BOOST_TEST(fails_with(make({2}, 4, {0, 1}, {{"a", "a"}, {}, {}}), {"two classes are named a"}));
  BOOST_TEST(fails_with(make({2}, 4, {0, 1}, {{"a", "b"}, {"c"}, {{"x"}}}), {"column c has 1 values for 2"}));
  BOOST_TEST(fails_with(make({2}, 4, {}, numbered_classes(2)), {"2 classes and no labels"}));
  BOOST_TEST(fails_with([] { Dataset::from_floats("s", Array(Type{Dtype::i32, Shape{2}}), {}, {}, {}); }, {"i32[2]"}));
}

BOOST_AUTO_TEST_CASE(views_choose_rows_and_classes) {
  const Dataset set = small_set(3, 4);  // classes in turn: 0 1 2 0 1 2 ...
  BOOST_TEST(set.rows_of(1) == rows({1, 4, 7, 10}), boost::test_tools::per_element());
  const Dataset some = set.with_rows(rows({5, 0}), "test");
  BOOST_TEST(same_bits(some.x(), set.x(rows({5, 0}))));
  BOOST_TEST(some.class_count() == 3);
  BOOST_TEST(some.rows_of(1).empty());
  const std::vector<std::int32_t> wanted{2, 0};
  const Dataset two = set.with_classes(wanted, "test");
  BOOST_TEST(two.size() == 8);
  BOOST_TEST(two.classes().names == (std::vector<std::string>{"c2", "c0"}), boost::test_tools::per_element());
  BOOST_TEST(two.classes().column("part") == (std::vector<std::string>{"test", "train"}),
             boost::test_tools::per_element());
  BOOST_TEST(two.label(0) == 1);
  BOOST_TEST(two.label(1) == 0);
  BOOST_TEST(two.origin_class(0) == 2);
  BOOST_TEST(same_bits(two.x(two.rows_of(0)), set.x(set.rows_of(2))));
  BOOST_TEST(set.take(5).size() == 5);
  BOOST_TEST(same_bits(set.take(5).x(), set.x(rows({0, 1, 2, 3, 4}))));
  BOOST_TEST(set.take_per_class(2).y().elements() == 6);
  BOOST_TEST(set.take(5).lineage().history.back() == "take(5)");
}

BOOST_AUTO_TEST_CASE(wrong_views_are_errors) {
  const Dataset set = small_set(3, 4);
  const std::vector<std::int32_t> twice{1, 1}, beyond{3};
  BOOST_TEST(fails_with([&] { set.with_rows(rows({}), "step"); }, {"step leaves no examples"}));
  BOOST_TEST(fails_with([&] { set.with_rows(rows({1, 1}), "step"); }, {"row 1 twice"}));
  BOOST_TEST(fails_with([&] { set.with_rows(rows({12}), "step"); }, {"no row 12", "0 to 11"}));
  BOOST_TEST(fails_with([&] { set.x(rows({12})); }, {"no row 12"}));
  BOOST_TEST(fails_with([&] { set.with_classes(twice, "step"); }, {"c1 twice"}));
  BOOST_TEST(fails_with([&] { set.with_classes(beyond, "step"); }, {"no class 3"}));
  BOOST_TEST(fails_with([&] { set.take(13); }, {"take(13)", "12"}));
  BOOST_TEST(fails_with([&] { set.take(0); }, {"take(0)"}));
  BOOST_TEST(fails_with([&] { set.take_per_class(5); }, {"4 examples", "c0"}));
  BOOST_TEST(fails_with([&] { set.classes().column("colour"); }, {"no column colour", "part"}));
}

BOOST_AUTO_TEST_CASE(rotations_are_further_classes_without_memory) {
  const Dataset set = small_set(3, 4);
  const auto before = memory_in_use();
  const Dataset turned = rotated_classes(set);
  BOOST_TEST(memory_in_use() == before);
  BOOST_TEST(turned.class_count() == 12);
  BOOST_TEST(turned.size() == 48);
  BOOST_TEST(turned.classes().names[5] == "c1/rot090");
  BOOST_TEST(turned.classes().column("part")[5] == "val");
  for (std::int64_t row = 0; row < set.size(); ++row)
    for (int turn = 0; turn < 4; ++turn) {
      const auto old_row = static_cast<std::uint32_t>(row), new_row = 4 * old_row + static_cast<std::uint32_t>(turn);
      BOOST_TEST(turned.label(new_row) == 4 * set.label(row) + turn);
      const Array x = set.x(rows({old_row})), t = turned.x(rows({new_row}));
      const Image image{3, 3, 1, {x.as<float>().begin(), x.as<float>().end()}};
      BOOST_TEST(t.as<float>() == rotated(image, turn).pixels, boost::test_tools::per_element());
    }
  BOOST_TEST(fails_with([&] { rotated_classes(turned); }, {"rotated already"}));
  BOOST_TEST(fails_with(
      [] {
        rotated_classes(Dataset::from_bytes("s", Shape{1, 2, 1}, Bytes(2, 0), {0}, numbered_classes(1), {}));
      },
      {"square", "[1, 2, 1]"}));
}

BOOST_AUTO_TEST_CASE(bytes_are_kept_where_they_are) {
  Bytes pixels(std::size_t{1} << 20, 51);
  const std::size_t before = memory_in_use();
  const Dataset set = Dataset::from_bytes("s", Shape{1024}, std::move(pixels), {}, {}, {});
  BOOST_TEST(memory_in_use() < before + (std::size_t{1} << 19));
  BOOST_TEST(set.x(rows({1023})).as<float>().back() == 0.2f);
}

BOOST_AUTO_TEST_CASE(colours_stay_together_when_turned) {
  Bytes pixels(12);
  std::iota(pixels.begin(), pixels.end(), std::uint8_t{0});
  const Dataset turned =
      rotated_classes(Dataset::from_bytes("s", Shape{2, 2, 3}, pixels, {0}, numbered_classes(1), {}));
  const Array x = turned.x(rows({1}));
  const int expected[] = {3, 4, 5, 9, 10, 11, 0, 1, 2, 6, 7, 8};
  for (int i = 0; i < 12; ++i)
    BOOST_TEST(x.as<float>()[static_cast<std::size_t>(i)] == static_cast<float>(expected[i]) / 255.0f);
}

BOOST_AUTO_TEST_CASE(a_fingerprint_tells_what_a_set_gives_out_and_not_where_it_lies) {
  const Dataset set = small_set(6, 4);
  BOOST_TEST(set.fingerprint() == small_set(6, 4, "elsewhere").renamed("other").fingerprint());
  const std::vector<std::uint32_t> order{1, 0, 2}, first{0, 1, 2};
  const std::vector<std::int32_t> half{0, 1, 2}, exchanged{1, 0, 2};
  const std::vector<Dataset> others{set,
                                    small_set(6, 5),
                                    small_set(4, 6),
                                    set.take(3),
                                    set.with_rows(order, "order"),
                                    set.with_classes(half, "half"),
                                    set.with_classes(exchanged, "exchanged"),
                                    rotated_classes(set),
                                    noise(set, 0.1),
                                    noise(set, 0.2)};
  for (std::size_t i = 0; i < others.size(); ++i)
    for (std::size_t j = 0; j < i; ++j)
      BOOST_TEST(others[i].fingerprint() != others[j].fingerprint(), i << " and " << j);
  BOOST_TEST(set.take(3).fingerprint() == set.with_rows(first, "first").fingerprint());
}

// Asked for each pair of sets along a stream. Processor time, and far more of it than both sides could differ by
// chance.
BOOST_AUTO_TEST_CASE(a_fingerprint_is_made_once) {
  const std::int64_t count = 1'000'000;
  const Dataset set = Dataset::from_floats("s", Array(Type{Dtype::f32, Shape{count}}), {}, {}, {"s", "", {}});
  set.content();
  const auto begun = std::clock();
  const auto first = set.fingerprint();
  const auto once = std::clock() - begun;
  for (int i = 0; i < 100; ++i) BOOST_TEST_REQUIRE(set.fingerprint() == first);
  BOOST_TEST(std::clock() - begun < 20 * once);
}

BOOST_AUTO_TEST_CASE(copies_are_found_by_what_they_hold) {
  const auto set_of = [](const Bytes& pixels) {
    const auto count = static_cast<std::int64_t>(pixels.size() / 2);
    return Dataset::from_bytes("s", Shape{2, 1, 1}, pixels, std::vector<std::int32_t>(pixels.size() / 2, 0),
                               numbered_classes(1), {"s", std::to_string(count), {}});
  };
  const Dataset some = set_of({0, 1, 2, 3, 4, 5, 0, 1}), others = set_of({4, 5, 9, 9, 2, 4});
  BOOST_TEST(duplicates(others, some) == 1);
  BOOST_TEST(duplicates(some, others) == 1);
  // A row is no copy of itself; one of its likes is.
  BOOST_TEST(duplicates(some, some) == 2);
  const Dataset first = some.with_rows(rows({0, 1}), "first"), second = some.with_rows(rows({2, 3}), "second");
  BOOST_TEST(duplicates(first, second) == 1);
  BOOST_TEST(duplicates(first, first) == 0);
  BOOST_TEST(duplicates(first, set_of({1, 0, 3, 2})) == 0);
  // Numbers and bytes of one look are stored in other ways, and other shapes are other examples.
  const Array x = Array::from<float>(Shape{2, 2, 1, 1}, std::vector<float>{0, 1, 7, 8});
  const Dataset floats = Dataset::from_floats("f", x, {}, {}, {"f", "", {}});
  BOOST_TEST(duplicates(floats, some) == 0);
  BOOST_TEST(duplicates(floats, Dataset::from_floats("g", x, {}, {}, {"g", "", {}})) == 2);
}

BOOST_AUTO_TEST_CASE(overlap_follows_rows_and_classes) {
  const Dataset set = small_set(3, 4);
  const Parts parts = split_classes(set, "part");
  const auto &train = part(parts, "train"), &test = part(parts, "test");
  BOOST_TEST(overlap(train, test).rows == 0);
  BOOST_TEST(overlap(train, test).classes == 0);
  BOOST_TEST(overlap(set, test).rows == 4);
  BOOST_TEST(overlap(set, test).classes == 1);
  BOOST_TEST(overlap(set, test).example == "c2");
  BOOST_TEST(overlap(rotated_classes(test), test).rows == 16);
  BOOST_TEST(overlap(rotated_classes(train), test).rows == 0);
  const Parts by_row = split_rows(set, {{"a", 6}, {"b", 6}}, Key{1, 1});
  BOOST_TEST(overlap(by_row[0].second, by_row[1].second).rows == 0);
  BOOST_TEST(overlap(by_row[0].second, by_row[1].second).classes > 0);
  BOOST_TEST(overlap(small_set(3, 4, "one"), small_set(3, 4, "other")).classes == 0);
  // The test rows of one origin are others than its training rows, but the classes are the same.
  const auto with_part = [](const char* p) {
    return Dataset::from_bytes("s", Shape{1}, Bytes(2, 0), {0, 1}, numbered_classes(2), {"s", p, {}});
  };
  BOOST_TEST(overlap(with_part("train"), with_part("test")).rows == 0);
  BOOST_TEST(overlap(with_part("train"), with_part("test")).classes == 2);
  BOOST_TEST(overlap(with_part("test"), with_part("test")).rows == 2);
}

BOOST_AUTO_TEST_CASE(a_footprint_tells_what_the_set_would) {
  const Dataset set = small_set(3, 4), other = small_set(3, 4, "elsewhere");
  const Parts parts = split_classes(set, "part");
  const Dataset train = part(parts, "train"), test = part(parts, "test");
  for (const Dataset& seen : {train, test, set, rotated_classes(train)})
    for (const Dataset& now : {train, test, set, rotated_classes(test)}) {
      const Overlap by_set = overlap(now, seen), by_footprint = overlap(now, footprint(seen));
      BOOST_TEST(by_set.rows == by_footprint.rows);
      BOOST_TEST(by_set.classes == by_footprint.classes);
      BOOST_TEST(by_set.example == by_footprint.example);
    }
  // A file that was moved is known by what it holds.
  BOOST_TEST(overlap(other, set).rows == 0);
  BOOST_TEST(overlap(other, footprint(test)).rows == 4);
  const auto pixel = [](std::uint8_t value) {
    return Dataset::from_bytes("s", Shape{1}, Bytes(2, value), {0, 1}, numbered_classes(2), {"here", "", {}});
  };
  const Dataset there = Dataset::from_bytes("s", Shape{1}, Bytes(2, 1), {0, 1}, numbered_classes(2), {"there", "", {}});
  BOOST_TEST(overlap(there, footprint(pixel(1))).rows == 2);
  BOOST_TEST(overlap(there, footprint(pixel(2))).rows == 0);
}

BOOST_AUTO_TEST_CASE(splits_by_column) {
  const Dataset set = small_set(6, 2);
  const Parts parts = split_classes(set, "part");
  BOOST_TEST(parts.size() == 3u);
  BOOST_TEST(part(parts, "val").classes().names == (std::vector<std::string>{"c1", "c4"}),
             boost::test_tools::per_element());
  BOOST_TEST(part(parts, "val").name() == "small.val");
  BOOST_TEST(part(parts, "val").size() == 4);
  BOOST_TEST(fails_with([&] { split_classes(set, "colour"); }, {"no column colour", "part"}));
  BOOST_TEST(fails_with([&] { split_classes(set, "part", {"train", "test"}); }, {"\"val\"", "c1", "train, test"}));
  BOOST_TEST(fails_with([&] { split_classes(set, "part", {"train", "val", "test", "more"}); }, {"more is empty"}));
  BOOST_TEST(fails_with([&] { split_classes(set, "part", {"train", "train"}); }, {"two parts"}));
  BOOST_TEST(fails_with([&] { split_classes(Dataset::from_bytes("s", Shape{1}, Bytes(2, 0), {}, {}, {}), "part"); },
                        {"no classes"}));
}

BOOST_AUTO_TEST_CASE(splits_by_counts_are_drawn_with_the_key) {
  const Dataset set = small_set(50, 2);
  const Counts counts{{"train", 30}, {"val", 5}, {"test", 10}};
  const Parts parts = split_classes_by_counts(set, counts, Key{1, 2});
  std::set<std::string> names;
  for (const auto& [name, dataset] : parts)
    names.insert(dataset.classes().names.begin(), dataset.classes().names.end());
  BOOST_TEST(names.size() == 45u);
  BOOST_TEST(parts[0].second.class_count() == 30);
  const auto names_of = [&](Key key) { return split_classes_by_counts(set, counts, key)[0].second.classes().names; };
  BOOST_TEST((names_of(Key{1, 2}) == names_of(Key{1, 2})));
  BOOST_TEST((names_of(Key{1, 2}) != names_of(Key{1, 3})));
  BOOST_TEST(fails_with(
      [&] {
        split_classes_by_counts(set, {{"train", 30}, {"test", 21}}, Key{});
      },
      {"50 classes", "51"}));
  BOOST_TEST(fails_with([&] { split_classes_by_counts(set, {{"train", 0}}, Key{}); }, {"train", "at least one", "0"}));
  BOOST_TEST(fails_with(
      [&] {
        split_classes_by_counts(set, {{"train", INT64_MAX}, {"test", INT64_MAX}}, Key{});
      },
      {"50 classes"}));
  BOOST_TEST(fails_with([&] { split_rows(set, {{"train", 101}}, Key{}); }, {"100 examples", "101"}));
}

BOOST_AUTO_TEST_CASE(splits_by_files) {
  const TemporaryFolder folder;
  const Dataset set = small_set(4, 2);
  const auto train = write(folder / "train", "# a comment\nc2\n\n0\r\n"),
             test = write(folder / "test", "c1/rot000\nc1/rot090\n3");
  const Parts parts = split_classes_by_files(set, {{"train", train}, {"test", test}});
  BOOST_TEST(parts[0].second.classes().names == (std::vector<std::string>{"c0", "c2"}),
             boost::test_tools::per_element());
  BOOST_TEST(parts[1].second.classes().names == (std::vector<std::string>{"c1", "c3"}),
             boost::test_tools::per_element());
  const auto turned =
      split_classes_by_files(rotated_classes(set), {{"test", write(folder / "turned", "c1/rot000\nc1/rot090\n")}});
  BOOST_TEST(turned[0].second.class_count() == 2);

  const auto fails = [&](const std::string& text, const std::vector<std::string>& words) {
    return fails_with(
        [&] {
          split_classes_by_files(set, {{"train", train}, {"test", write(folder / "bad", text)}});
        },
        words);
  };
  BOOST_TEST(fails("c1\nc9\n", {"bad, line 2", "small", "c9"}));
  BOOST_TEST(fails("4\n", {"line 1", "4"}));
  BOOST_TEST(fails("c1\nc2\n", {"line 2", "c2", "another part"}));
  BOOST_TEST(fails("c1\nc3\nc1\n", {"line 3", "twice"}));
  BOOST_TEST(fails("c1/rot000\nc1/rot000\n", {"line 2", "twice"}));
  BOOST_TEST(fails("\n# nothing\n", {"names no classes"}));
}

BOOST_AUTO_TEST_SUITE_END()
