// The protocol of a result: the same for the same way of measuring, however the script says it; another one as soon as
// anything of it changes, and then nothing is compared.
#include <filesystem>
#include <set>

#include "dsl/driver/recorder.hpp"

using namespace metac;
using namespace metac::dsl;
using namespace metac::dsl::testing;

namespace {

// Measured on episodes, on tasks, on rows and along a stream; after a training that was validated.
const std::string base = R"(
let drawings = split_classes(glyphs(classes: 12, per_class: 10, size: 8), train: 6, test: 6, seed: 1)
let both = split_rows(drawings.train, train: 40, test: 20)
let reach = 3.0
fn curve(x, phase) = sin(x - phase)
tasks waves(shots = 5, width = 1.0) {
  phase ~ uniform(0, width)
  fn example() {
    x ~ uniform(-reach, reach)
    return (x: [x], y: [curve(x, phase)])
  }
  support = sample(example, shots)
  query = sample(example, 2)
}
fn hits(logits, labels) = mean(argmax(logits) == labels)
model flat(x) = x |> flatten |> linear(6)

experiment e {
  let few = protonet(flat)
  evaluate few on episodes(drawings.test, ways: 3, shots: 1, queries: 2) { tasks: 4, metrics: [hits] }
  let line = maml(mlp([4, 1]), loss: mse)
  evaluate line on waves(shots: 3) { tasks: 4, with: (updates: 1), metrics: [mse] }
  let plain = classifier(flat)
  train plain on both.train { iterations: 4, batch: 8, optimizer: sgd(0.1), validate: (on: both.test, every: 2), overlap: "intended" }
  evaluate plain on both.test { metrics: [accuracy], overlap: "intended" }
  evaluate plain on split(both, tasks: 3, scenario: "class") { metrics: [accuracy], overlap: "intended" }
}
)";

struct Change {
  std::string from, to;
};

std::string changed(const std::vector<Change>& changes) {
  std::string text = base;
  for (const auto& [from, to] : changes) {
    BOOST_TEST_REQUIRE(text.find(from) != std::string::npos, from << " is not there");
    for (auto at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size()))
      text.replace(at, from.size(), to);
  }
  return text;
}

enum Measured { episodes, tasks, rows, stream };

// The four protocols of a script.
std::vector<std::string> protocols(const std::string& script, const Options& options = {}) {
  Recorder recorder;
  run_script(script, options, recorder);
  std::vector<std::string> found;
  for (const auto& result : recorder.results)
    if (!result.validation) found.push_back(result.rows.at(0).protocol);
  BOOST_TEST_REQUIRE(!recorder.streams.empty());
  found.push_back(recorder.streams.back().protocol);
  return found;
}

const std::string training = "optimizer: sgd(0.1), validate: (on: both.test, every: 2)";

}  // namespace

BOOST_AUTO_TEST_SUITE(protocol)

BOOST_AUTO_TEST_CASE(is_eight_digits_and_another_one_for_each_way_of_measuring) {
  const auto found = protocols(base);
  BOOST_TEST(found.size() == 4u);
  BOOST_TEST(std::set(found.begin(), found.end()).size() == 4u);
  for (const auto& hash : found)
    BOOST_TEST((hash.size() == 8 && hash.find_first_not_of("0123456789abcdef") == std::string::npos));
}

BOOST_AUTO_TEST_CASE(does_not_depend_on_form_learner_training_seed_or_threads) {
  const auto expected = protocols(base);
  const std::vector<std::vector<Change>> neutral{
      {{"fn curve(x, phase) = sin(x - phase)", "# A wave.\nfn curve( x,phase ) =   sin(x - phase)   # of any phase"}},
      {{"    x ~ uniform(-reach, reach)\n", "\n    # Anywhere.\n    x ~ uniform(-reach,\n              reach)\n"}},
      {{"let reach = 3.0", "let reach = 3"}},
      {{"drawings", "pictures"}, {"plain", "other"}},
      {{"fn hits(logits, labels) = mean(argmax(logits) == labels)\n", ""},
       {"experiment e {", "fn hits(logits, labels) = mean(argmax(logits) == labels)\nexperiment another {"}},
      {{"protonet(flat)", "matching(flat)"}, {"maml(mlp([4, 1])", "maml(mlp([8, 1]), order: 1"}},
      {{"classifier(flat)", "ewc(classifier(flat))"}, {"iterations: 4", "iterations: 6"}, {"sgd(0.1)", "adam(0.01)"}},
      {{training, "optimizer: sgd(0.1)"}},  // the last state is kept either way
      {{training, training + ", select: \"last\""}}};
  for (const auto& changes : neutral)
    BOOST_TEST(protocols(changed(changes)) == expected, changes.front().from << " to " << changes.front().to);
  Options options;
  options.seed = 7;
  options.threads = 3;
  BOOST_TEST(protocols(base, options) == expected);
}

BOOST_AUTO_TEST_CASE(changes_with_whatever_decides_the_number) {
  const std::string select = ", select: \"best\"";
  const std::vector<std::pair<std::vector<Change>, std::set<Measured>>> changes{
      {{{"ways: 3", "ways: 4"}}, {episodes}},
      {{{"shots: 1, queries", "shots: 2, queries"}}, {episodes}},
      {{{"queries: 2", "queries: 3"}}, {episodes}},
      {{{"{ tasks: 4, metrics: [hits]", "{ tasks: 5, metrics: [hits]"}}, {episodes}},
      {{{"episodes(drawings.test", "episodes(drawings.train"}}, {episodes}},
      {{{"episodes(drawings.test", "episodes(noise(drawings.test, deviation: 0.1)"}}, {episodes}},
      {{{"metrics: [hits]", "metrics: [accuracy]"}}, {episodes}},
      {{{"mean(argmax(logits) == labels)", "1 - mean(argmax(logits) == labels)"}}, {episodes}},
      {{{"x |> flatten |> linear(6)", "x |> conv_block(4) |> flatten |> linear(6)"}}, {episodes, rows, stream}},  // T
      {{{"seed: 1", "seed: 2"}}, {episodes, rows, stream}},
      {{{"size: 8", "size: 10"}}, {episodes, rows, stream}},
      {{{"shots: 3", "shots: 4"}}, {tasks}},
      {{{"width = 1.0", "width = 1.5"}}, {tasks}},
      {{{"reach = 3.0", "reach = 2.0"}}, {tasks}},
      {{{"sin(x - phase)", "cos(x - phase)"}}, {tasks}},
      {{{"query = sample(example, 2)", "query = sample(example, 3)"}}, {tasks}},
      {{{"updates: 1", "updates: 2"}}, {tasks}},
      {{{"metrics: [mse]", "metrics: [mae]"}}, {tasks}},
      {{{"evaluate plain on both.test", "evaluate plain on both.test.take(10)"}}, {rows}},
      {{{"split(both, tasks: 3", "split(both, tasks: 2"}}, {stream}},
      {{{"scenario: \"class\"", "scenario: \"task\""}}, {stream}},
      {{{"test: 20)", "test: 10)"}}, {rows, stream}},
      {{{training, training + select}}, {rows, stream}}};
  const auto before = protocols(base);
  for (const auto& [change, measured] : changes) {
    const auto after = protocols(changed(change));
    for (const auto each : {episodes, tasks, rows, stream})
      BOOST_TEST((before[each] != after[each]) == measured.contains(each),
                 change.front().from << " to " << change.front().to << " of number " << each);
  }
  // What selects is a part of it, too.
  const auto best = [&](const std::string& on) {
    return protocols(changed({{training, "optimizer: sgd(0.1), validate: (on: " + on + ", every: 2)" + select}}));
  };
  BOOST_TEST(best("both.test")[rows] != best("both.train")[rows]);
  Options options;
  options.settings["reach"] = "2.0";
  BOOST_TEST(protocols(base, options) == protocols(changed({{"reach = 3.0", "reach = 2.0"}})));
}

BOOST_AUTO_TEST_CASE(of_transductive_predictions_counts_how_many_are_made_at_once) {
  const auto of = [](const std::string& net, const std::string& batch) {
    return protocols(changed({{"model flat(x) =", "model flat(x) = x |> flatten |> linear(6)\nmodel net(x) ="},
                              {"x |> flatten |> linear(6)\n\n", net + "\n\n"},
                              {"classifier(flat)", "classifier(net)"},
                              {"on both.test { metrics", "on both.test { batch: " + batch + ", metrics"}}))[rows];
  };
  BOOST_TEST(of("x |> flatten |> linear(6)", "10") == of("x |> flatten |> linear(6)", "5"));
  BOOST_TEST(of("x |> conv_block(4) |> flatten |> linear(6)", "10") !=
             of("x |> conv_block(4) |> flatten |> linear(6)", "5"));
}

BOOST_AUTO_TEST_CASE(stands_in_results_pairs_streams_and_means_over_seeds) {
  Recorder recorder;
  run_script(R"(
let both = split_rows(glyphs(classes: 6, per_class: 10, size: 8), train: 40, test: 20)
model flat(x) = x |> flatten |> linear(6)
experiment e(seeds = 2) {
  let (one, two) = (classifier(flat), classifier(flat))
  train one on both.train { iterations: 4, batch: 8, optimizer: sgd(0.1) }
  let results = evaluate [one, two] on both.test
  print(results[0].protocol == results[1].protocol)
  let stream = split(both, tasks: 2, scenario: "class")
  for task in stream { evaluate one on stream { after: task } }
}
)",
             {}, recorder);
  const std::string expected = recorder.results.at(0).rows.at(0).protocol;
  for (const auto& result : recorder.results) BOOST_TEST(result.rows.at(0).protocol == expected);
  for (const auto& pair : recorder.comparisons) BOOST_TEST((pair.protocol == expected && pair.refused.empty()));
  BOOST_TEST(recorder.lines == std::vector<std::string>(2, "true"));
  BOOST_TEST(recorder.streams.at(0).protocol == recorder.streams.at(3).protocol);
  BOOST_TEST_REQUIRE(recorder.summaries.size() == 6u);
  for (std::size_t i = 0; i < 6; ++i) {
    BOOST_TEST(recorder.summaries[i].protocol == (i < 3 ? expected : recorder.streams.at(0).protocol));
    BOOST_TEST(recorder.summaries[i].over_seeds.count == 2);
  }
}

BOOST_AUTO_TEST_CASE(must_agree_for_a_comparison) {
  const auto refusal = [](const std::string& net, const std::string& options_of_one) {
    Recorder recorder;
    run_script(
        "let both = split_rows(glyphs(classes: 6, per_class: 10, size: 8), train: 40, test: 20)\n"
        "model flat(x) = x |> flatten |> linear(6)\n"
        "model normed(x) = x |> conv_block(4) |> flatten |> linear(6)\n"
        "let _used = [flat, normed]\n"
        "experiment e(seeds = 2) {\n  let (one, two) = (classifier(" +
            net +
            "), classifier(flat))\n"
            "  train one on both.train { iterations: 4, batch: 8, optimizer: sgd(0.1)" +
            options_of_one +
            " }\n"
            "  train two on both.train { iterations: 4, batch: 8, optimizer: sgd(0.1) }\n"
            "  evaluate [one, two] on both.test { overlap: \"intended\" }\n}\n",
        {}, recorder);
    BOOST_TEST(recorder.comparisons.size() == 2u);
    BOOST_TEST(recorder.summaries.size() == (recorder.comparisons.at(0).refused.empty() ? 3u : 2u));
    return recorder.comparisons.at(0).refused;
  };
  const std::string validation = ", validate: (on: both.test, every: 2)";
  BOOST_TEST(refusal("flat", "") == "");
  BOOST_TEST(refusal("flat", validation) == "");
  BOOST_TEST(refusal("normed", "") == "`one` predicts one query with the statistics of all (T), `two` does not");
  BOOST_TEST(refusal("flat", validation + ", select: \"best\"") ==
             "of `one` the best state was selected, of `two` the last");
}

BOOST_AUTO_TEST_CASE(says_the_selection_also_of_a_learner_that_was_saved) {
  const auto folder = std::filesystem::temp_directory_path();
  const std::string file = (folder / "metac_protocol_test.safetensors").string();
  Recorder recorder;
  run_script(R"(
let both = split_rows(glyphs(classes: 6, per_class: 10, size: 8), train: 40, test: 20)
model flat(x) = x |> flatten |> linear(6)
experiment e {
  let one = classifier(flat)
  train one on both.train {
    iterations: 4, batch: 8, optimizer: sgd(0.1), validate: (on: both.train, every: 2), select: "best", overlap: "intended"
  }
  evaluate one on both.test
  save(one, ")" + file +
                 R"(")
  let two = load(classifier(flat), ")" +
                 file + R"(")
  evaluate [one, two] on both.test
}
)",
             {}, recorder);
  std::filesystem::remove(file);
  for (const auto& result : recorder.results)
    if (!result.validation) BOOST_TEST(result.selection == "best");
  BOOST_TEST(recorder.comparisons.at(0).refused == "");
}

BOOST_AUTO_TEST_SUITE_END()
