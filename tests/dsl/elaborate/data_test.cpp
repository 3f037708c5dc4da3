// Data sets in scripts: what the builtins give, on characters that need no files.
#include <boost/test/unit_test.hpp>

#include "dsl/elaborate/reading.hpp"
#include "dsl/laboratory.hpp"

namespace metac::dsl::test {
namespace {

using testing::Laboratory;

const data::Dataset& set_of(const Value& value) {
  const auto* set = value.get<std::shared_ptr<const data::Dataset>>();
  BOOST_REQUIRE(set != nullptr);
  return **set;
}

const data::Dataset& field(const Value& record, const std::string& name) {
  return set_of(*record.record()->find(name));
}

}  // namespace

BOOST_AUTO_TEST_CASE(transforms_take_a_set_or_a_record_of_sets) {
  Laboratory lab(R"(let g = glyphs(3, 4, size: 16)
let both = (train: g, test: take(g, 1), name: "both")
fn take(set, n) = set.take(n)
let one = normalize(channels(crop(resize(g, 20), 24, padding: 2), 3), [0.1, 0.2, 0.3], 0.5)
let each = noise(rotate(both, degrees: (-15, 15)), 0.1)
let measured = normalize(both, from: both.train)
let turned = flip(permute(g, seed: 4), 1, chance: 0.5)
let placed = crop(g, (4, 8), at: (1, 2)))");
  BOOST_TEST((set_of(lab.value("one")).example_shape() == Shape{24, 24, 3}));
  BOOST_TEST((set_of(lab.value("one")).transforms() ==
              std::vector<std::string>{"resize(20, 20)", "crop(24, 24, padding 2)", "channels(3)",
                                       "normalize([0.1, 0.2, 0.3], 0.5)"}));
  const Value each = lab.value("each");
  for (const char* part : {"train", "test"})
    BOOST_TEST((field(each, part).transforms() == std::vector<std::string>{"rotate(-15 to 15)", "noise(0.1)"}));
  BOOST_TEST(*each.record()->find("name")->get<std::string>() == "both");
  const Value measured = lab.value("measured");
  BOOST_TEST((field(measured, "train").transforms() == field(measured, "test").transforms()));
  double sum = 0;
  const Array x = field(measured, "train").x();
  for (float value : x.as<float>()) sum += value;
  BOOST_TEST(std::abs(sum / static_cast<double>(x.elements())) < 1e-4);
  BOOST_TEST(
      (set_of(lab.value("turned")).transforms() == std::vector<std::string>{"permute(seed 4)", "flip(1, chance 0.5)"}));
  BOOST_TEST((set_of(lab.value("placed")).example_shape() == Shape{4, 8, 1}));
}

BOOST_AUTO_TEST_CASE(streams_are_lists_of_tasks) {
  Laboratory lab(R"(let g = split_classes(glyphs(4, 4, size: 8), train: 2, test: 2)
fn pair(a, b) = (train: a, test: b)
let a = pair(glyphs(4, 3, size: 8, seed: 1), glyphs(4, 3, size: 8, seed: 2))
let b = pair(glyphs(4, 3, size: 8, seed: 3), glyphs(4, 3, size: 8, seed: 4))
let orders = permuted(a, tasks: 3, scenario: "task")
let parts = split(a, tasks: 2)
let angles = rotated(a, degrees: [0, 30])
let smooth = normalize(angles, 0.1, 0.3)
let own = stream([a, (name: "second", train: b.train, test: b.test)], scenario: "class"))");
  const auto task = [&](const char* stream, std::size_t i) { return lab.value(stream).list()->items.at(i); };
  const auto text = [](const Value& record, const char* name) { return to_text(*record.record()->find(name)); };
  BOOST_TEST(lab.value("orders").list()->items.size() == 3u);
  BOOST_TEST(text(task("orders", 2), "name") == "permuted 3");
  BOOST_TEST(text(task("orders", 2), "index") == "2");
  BOOST_TEST(text(task("orders", 2), "scenario") == "task");
  BOOST_TEST(text(task("orders", 2), "classes") == "12");
  BOOST_TEST(text(task("orders", 2), "active") == "[8, 9, 10, 11]");
  BOOST_TEST(field(task("orders", 2), "test").class_count() == 12);
  BOOST_TEST(text(task("parts", 1), "active") == "[2, 3]");
  BOOST_TEST(text(task("parts", 1), "scenario") == "class");
  BOOST_TEST((field(task("smooth", 1), "train").transforms() ==
              std::vector<std::string>{"rotate(30)", "normalize(0.1, 0.3)"}));
  BOOST_TEST(text(task("own", 0), "name") == "task 1");
  BOOST_TEST(text(task("own", 1), "name") == "second");
  BOOST_TEST(text(task("own", 1), "active") == "[4, 5, 6, 7]");
}

}  // namespace metac::dsl::test
