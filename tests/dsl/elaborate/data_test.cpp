// Data sets in scripts: what the builtins give, on characters that need no files.
#include <boost/test/unit_test.hpp>
#include <filesystem>
#include <fstream>

#include "dsl/elaborate/reading.hpp"
#include "dsl/laboratory.hpp"
#include "elaborate/sources.hpp"
#include "ops/ops.hpp"

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

BOOST_AUTO_TEST_CASE(rows_and_classes_are_taken) {
  Laboratory lab(R"(let g = glyphs(3, 10, size: 8)
let parts = split_rows(g, train: 20, test: 10, seed: 1)
let few = take_per_class(g, 2)
let both = take_per_class((train: g, test: g), 1))");
  BOOST_TEST(field(lab.value("parts"), "train").size() == 20);
  BOOST_TEST(overlap(field(lab.value("parts"), "train"), field(lab.value("parts"), "test")).rows == 0);
  BOOST_TEST(set_of(lab.value("few")).size() == 6);
  BOOST_TEST(field(lab.value("both"), "test").size() == 3);
}

// A learner meets the tasks of a table: the mean of the support's targets is the better guess the less they vary.
BOOST_AUTO_TEST_CASE(groups_of_a_table_are_learned_from) {
  const std::string path = (std::filesystem::temp_directory_path() / "metac-groups.csv").string();
  std::ofstream file(path);
  file << "place,x,y\n";
  for (int place = 0; place < 5; ++place)
    for (int row = 0; row < 6; ++row) file << "p" << place << "," << row << "," << 10 * place << "\n";
  file.close();
  const Ran ran = run_text(
      "learner mean_of_support() {\n  learn w = 0.0\n  fn objective(task) = w\n"
      "  fn predict(task, x) = 0 * x + w + mean(task.support.y)\n}\n"
      "fn mse(p, y) = mean((p - y)^2)\n"
      "let table = csv(\"" +
      path +
      "\", x: \"x\", y: \"y\", group: \"place\")\n"
      "experiment e { evaluate mean_of_support() on groups(table, shots: 2, queries: 3) "
      "{ tasks: 50, metrics: [mse] } }\n");
  std::filesystem::remove(path);
  BOOST_REQUIRE_MESSAGE(ran.outcome == Outcome::done, ran.said);
  BOOST_TEST(ran.results.front().rows.front().summary.mean == 0.0);
}

// What each source says of its arrays is what it gives: words stay whole numbers, targets floats.
BOOST_AUTO_TEST_CASE(sources_give_the_types_they_say) {
  const std::filesystem::path folder = std::filesystem::temp_directory_path() / "metac-sources";
  std::filesystem::create_directories(folder);
  std::ofstream(folder / "t.csv") << "place,x,y\na,1,2\na,2,3\na,3,4\nb,1,5\nb,2,6\nb,3,7\n";
  std::ofstream(folder / "t.tsv") << "a\tone two\na\tthree\na\tsix\nb\tfour\nb\tfive two\nb\tone\n";
  const std::string at = folder.string() + "/";
  Laboratory lab("let table = csv(\"" + at + "t.csv\", x: \"x\", y: \"y\", group: \"place\")\n" +
                 "let sentences = text(\"" + at + "t.tsv\", text: 1, label: 0, vocabulary: 9, length: 4)\n" +
                 "let of_groups = groups(table, shots: 1, queries: 2)\n"
                 "let of_sentences = episodes(sentences, ways: 2, shots: 1, queries: 2)\n");
  const auto check = [&](const Source& source, const std::vector<Type>& expected) {
    const auto forms = source.forms(2);
    BOOST_REQUIRE(forms.front().size() == expected.size());
    const auto arrays = source.draw({1, 2}, 0, 2);
    for (std::size_t i = 0; i < expected.size(); ++i) {
      BOOST_TEST((forms.front()[i] == expected[i]), to_string(forms.front()[i]));
      BOOST_TEST((arrays[i].type() == expected[i]), to_string(arrays[i].type()));
    }
    Context& context = lab.elaborator().context();
    std::vector<Tensor> inputs;
    for (auto type : expected) {
      if (source.gives_tasks()) type.shape = type.shape.without(0);
      inputs.push_back(input(*context.graph, type));
    }
    const Value item = source.build(lab.elaborator(), inputs);
    BOOST_TEST((item.record()->find(source.gives_tasks() ? "support" : "x") != nullptr));
  };
  const Type word{Dtype::i32, {2, 4}}, words{Dtype::i32, {2, 2, 4}}, more_words{Dtype::i32, {2, 4, 4}};
  check(*batch_source(set_of(lab.value("sentences"))), {word, {Dtype::i32, {2}}});
  check(*lab.source("of_sentences"), {words, {Dtype::i32, {2, 2}}, more_words, {Dtype::i32, {2, 4}}});
  check(*batch_source(set_of(lab.value("table"))), {{Dtype::f32, {2, 1}}, {Dtype::f32, {2, 1}}});
  check(*lab.source("of_groups"),
        {{Dtype::f32, {2, 1, 1}}, {Dtype::f32, {2, 1, 1}}, {Dtype::f32, {2, 2, 1}}, {Dtype::f32, {2, 2, 1}}});
  std::filesystem::remove_all(folder);
}

BOOST_AUTO_TEST_CASE(batches_draw_transforms_anew_at_each_step) {
  Laboratory lab(R"(let still = glyphs(1, 1, size: 8)
let noisy = noise(still, 0.1))");
  const auto still = batch_source(set_of(lab.value("still"))), noisy = batch_source(set_of(lab.value("noisy")));
  const auto x = [](const SourcePtr& source, data::Key key, std::int64_t step) {
    return source->draw(key, step, 1)[0];
  };
  BOOST_TEST(same_bits(x(still, {1, 2}, 0), x(still, {1, 2}, 1)));
  BOOST_TEST(same_bits(x(noisy, {1, 2}, 0), x(noisy, {1, 2}, 0)));
  BOOST_TEST(!same_bits(x(noisy, {1, 2}, 0), x(noisy, {1, 2}, 1)));
  BOOST_TEST(!same_bits(x(noisy, {1, 2}, 0), x(noisy, {1, 3}, 0)));
}

}  // namespace metac::dsl::test
