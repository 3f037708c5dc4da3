// How what learners have seen is kept: each thing once, however long a chain of learners or trainings is.
#include "driver/lineage.hpp"

#include <filesystem>

#include "base/memory.hpp"
#include "driver/prompt.hpp"
#include "dsl/driver/recorder.hpp"
#include "dsl/laboratory.hpp"

using namespace metac;
using namespace metac::dsl;

namespace {

const std::string parts = R"(
let drawings = glyphs(classes: 6, per_class: 12, size: 8)
let parts = split_classes(drawings, train: 4, test: 2)
let net = mlp([4, 3])
fn few(set) = episodes(set, ways: 2, shots: 1, queries: 2)
)";

// The learners that are shown when a text is entered after these parts; its mistakes fail the test.
std::vector<Learner> learners_shown(const std::string& text) {
  Observer silent;
  Prompt prompt({}, silent);
  Report report;
  std::vector<Learner> shown;
  prompt.enter(parts + text, report, [&](const Value& value) {
    if (const auto* learner = value.get<std::shared_ptr<const Learner>>()) shown.push_back(**learner);
  });
  for (const auto& diagnostic : report.all()) BOOST_TEST(diagnostic.message == "", diagnostic.code);
  return shown;
}

std::vector<std::string> codes_of(const std::string& text) {
  Observer silent;
  Prompt prompt({}, silent);
  Report report;
  prompt.enter(parts + text, report, [](const Value&) {});
  std::vector<std::string> codes;
  for (const auto& diagnostic : report.all()) codes.push_back(diagnostic.code);
  return codes;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(lineage)

// What a learner has seen is told by its file.
BOOST_AUTO_TEST_CASE(a_chain_of_learners_has_seen_each_task_once) {
  const std::string file = (std::filesystem::temp_directory_path() / "metac_chain.safetensors").string();
  const auto shown = learners_shown(R"(
let stream = split(split_rows(drawings, train: 36, test: 36), tasks: 6)
let six = mlp([4, 6])
var last = classifier(six)
train last on stream[0] { iterations: 1, batch: 2, optimizer: sgd(0.1) }
for task in stream {
  let next = classifier(six, theta: last.theta)
  train next on task { iterations: 1, batch: 2, optimizer: sgd(0.1) }
  last = next
}
save(last, ")" + file + "\")\nload(classifier(six), \"" +
                                    file + "\")\n");
  std::filesystem::remove(file);
  BOOST_TEST_REQUIRE(shown.size() == 1u);
  BOOST_TEST(shown.front().exposures.size() == 6u);
}

BOOST_AUTO_TEST_CASE(a_learner_that_is_trained_again_has_seen_the_same) {
  const auto shown = learners_shown(R"(
let ours = protonet(net)
for _ in 1..10 {
  train ours on few(parts.train) {
    iterations: 1, batch: 1, optimizer: sgd(0.1), validate: (on: few(parts.test), every: 1, tasks: 1)
  }
}
ours
)");
  BOOST_TEST_REQUIRE(shown.size() == 1u);
  const auto& seen = shown.front().exposures;
  BOOST_TEST_REQUIRE(seen.size() == 2u);
  BOOST_TEST(!seen[0].in_validation);
  BOOST_TEST(seen[1].in_validation);
}

BOOST_AUTO_TEST_CASE(the_same_data_seen_in_another_way_are_told_apart) {
  const auto set = data::Dataset::from_floats("s", Array(Type{Dtype::f32, Shape{2}}), {}, {}, {"s", "", {}});
  const auto footprint = std::make_shared<const data::Footprint>(data::footprint(set));
  std::vector<Exposure> seen;
  for (int turn = 0; turn < 2; ++turn)
    for (const bool of_tasks : {false, true})
      for (const bool in_validation : {false, true})
        add_new(seen, {{set, nullptr, of_tasks, in_validation, {}}, {{}, footprint, of_tasks, in_validation, {}}});
  BOOST_TEST(seen.size() == 8u);
}

BOOST_AUTO_TEST_CASE(what_arrays_that_are_gone_had_seen_is_left_out) {
  testing::Laboratory lab("let l = classifier(mlp([2]))\n");
  Exposures exposures(lab.elaborator());
  const Type kept{Dtype::f32, Shape{1 << 14}};
  const auto remember = [&](std::vector<Learner>& learners) {
    for (int i = 0; i < 300; ++i) {
      Learner& learner = learners.emplace_back(lab.learner("l"));
      learner.state = Array(Type{Dtype::f32, Shape{1}});
      learner.exposures = {
          {data::Dataset::from_floats("s", Array(kept), {}, {}, {"s", "", {}}), nullptr, false, false, {}}};
      exposures.remember(learner);
    }
  };
  const auto before = memory_in_use();
  std::vector<Learner> gone, here;
  remember(gone);
  gone.clear();
  remember(here);
  BOOST_TEST(memory_in_use() - before > 300 * kept.bytes());
  BOOST_TEST(memory_in_use() - before < 400 * kept.bytes());
  BOOST_TEST(exposures.of(here.front()).size() == 1u);
}

// At a prompt functions see what is trained, and so do the definitions of learners.
BOOST_AUTO_TEST_CASE(what_functions_of_a_prompt_use_counts) {
  const std::string source = R"(
let source = protonet(net)
train source on few(parts.train) { iterations: 1, batch: 2, optimizer: sgd(0.1) }
fn theirs(x) = net(source.theta, flatten(x))
model headed(x) = x |> theirs |> linear(4)
model plain(x) = x |> flatten |> linear(4)
learner own(net) {
  learn theta = init(net)
  fn objective(task) = mse(predict(task, task.query.x), 0.0)
  fn predict(task, x) = net(theta, x) + sum(theirs(x))
}
let _used = [headed, plain, own]
)";
  const auto measured = [&](const std::string& learner, const std::string& set) {
    return codes_of(source + "let ours = " + learner + "\nevaluate ours on few(" + set +
                    ") { tasks: 2, metrics: [fn (p, y) = sum(p)] }\n");
  };
  const std::vector<std::string> refused{"E0480"}, fine;
  BOOST_TEST(measured("protonet(headed)", "parts.train") == refused, boost::test_tools::per_element());
  BOOST_TEST(measured("own(plain)", "parts.train") == refused, boost::test_tools::per_element());
  BOOST_TEST(measured("protonet(plain)", "parts.train") == fine, boost::test_tools::per_element());
  BOOST_TEST(measured("protonet(headed)", "parts.test") == fine, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_SUITE_END()
