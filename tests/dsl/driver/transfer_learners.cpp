// The learners of stdlib/learn/transfer: what is taken over, what is frozen, what is drawn anew; rates by layer;
// adaptation between domains.
#include "dsl/data/files.hpp"
#include "dsl/driver/objective.hpp"
#include "dsl/driver/recorder.hpp"

using namespace metac;
using namespace metac::dsl;
using namespace metac::dsl::testing;

namespace {

const std::string definitions = R"(
let source_set = split_rows(glyphs(classes: 6, per_class: 40, size: 8), train: 200, test: 40)
let target_set = split_rows(noise(glyphs(classes: 6, per_class: 40, size: 8), deviation: 0.3), train: 40, test: 200, seed: 3)
model net(x) = x |> flatten |> linear(24) |> relu |> linear(24) |> relu |> linear(6) as head
fn trained_on_source() = classifier(net)
let _used = [source_set, target_set, trained_on_source]
)";

std::string with_definitions(const std::string& experiment) {
  return definitions + "experiment e {\n" + experiment + "\n}\n";
}
std::vector<std::vector<double>> numbers_of(const std::string& experiment) {
  return printed_numbers(with_definitions(experiment));
}
std::string mistake_of(const std::string& experiment) { return first_mistake(with_definitions(experiment)).message; }

const std::string source = R"(
  let source = trained_on_source()
  train source on source_set.train { epochs: 20, batch: 20, optimizer: adam(1e-2) }
)";

// How far each layer is from the source's, after one training.
const std::string movement = R"(
  train target on target_set.train { iterations: 3, batch: 20, optimizer: sgd(0.1) }
  fn far(a, b) = sum(square(a.weight - b.weight))
  print(far(target.theta.linear1, source.theta.linear1), far(target.theta.linear2, source.theta.linear2),
        target.theta.head.weight.shape[1])
)";

}  // namespace

BOOST_AUTO_TEST_SUITE(transfer_learners)

struct Transferred {
  std::string name, target;
  bool first_moves, second_moves;
  int outputs;
};
const Transferred transferred[] = {
    {"all", "finetune(source, head: linear(9))", true, true, 9},
    {"the old head", "finetune(source)", true, true, 6},
    {"first layer frozen", "finetune(source, head: linear(9), freeze: [\"linear1\"])", false, true, 9},
    {"by a pattern", "finetune(source, head: linear(9), freeze: \"linear*\")", false, false, 9},
    {"linear probe", "linear_probe(source, linear(9))", false, false, 9},
    {"another network in place", "finetune(source, head: mlp([12, 6]))", true, true, 0},
};

BOOST_AUTO_TEST_CASE(takes_the_source_over_and_moves_what_is_not_frozen) {
  for (const auto& row : transferred) BOOST_TEST_CONTEXT(row.name) {
      std::string script = source + "  let target = " + row.target + "\n" + movement;
      if (row.outputs == 0) {  // its head has layers of its own
        const std::string weight = "target.theta.head.weight";
        script.replace(script.find(weight), weight.size(), "target.theta.head.linear2.weight");
        script.replace(script.find(".shape[1])"), 10, ".shape[0] - 12)");
      }
      const auto lines = numbers_of(script);
      BOOST_TEST_REQUIRE(lines.size() == 1u);
      const double small = 1, first = lines[0].at(0), second = lines[0].at(1);  // anew they would be some 16 apart
      BOOST_TEST((first > 0) == row.first_moves);
      BOOST_TEST((second > 0) == row.second_moves);
      BOOST_TEST(first < small);
      BOOST_TEST(second < small);
      BOOST_TEST(lines[0].at(2) == row.outputs);
    }
}

BOOST_AUTO_TEST_CASE(scratch_begins_anew_and_learns_everything) {
  const auto lines = numbers_of(source + "  let target = scratch(finetune(source, freeze: \"linear1\"))\n" + movement);
  BOOST_TEST_REQUIRE(lines.size() == 1u);
  BOOST_TEST(lines[0].at(0) > 1);
  BOOST_TEST(lines[0].at(1) > 1);
}

BOOST_AUTO_TEST_CASE(transfer_helps_where_the_target_is_alike_and_the_gain_is_told) {
  Recorder recorder;
  run_script(definitions + "experiment e {\n" + source + R"(
  let target = finetune(source, freeze: ["linear1"])
  let twin = scratch(target)
  train target on target_set.train { epochs: 3, batch: 20, optimizer: adam(3e-3) }
  train twin on target_set.train { epochs: 3, batch: 20, optimizer: adam(3e-3) }
  let results = evaluate [target, twin] on target_set.test { metrics: [accuracy, transfer_gain], overlap: "intended" }
  print(results[0].mean, results[2].mean, results[1].mean, len(results))
}
)",
             {}, recorder);
  std::istringstream words(recorder.lines.back());
  double target = 0, twin = 0, gain = 0, count = 0;
  words >> target >> twin >> gain >> count;
  BOOST_TEST_MESSAGE("accuracy " << target << ", from scratch " << twin);
  BOOST_TEST(target > twin + 0.2);
  BOOST_TEST(std::abs(gain - (target - twin)) < 1e-5);
  BOOST_TEST(count == 3);  // the last of the list gains nothing over itself
}

BOOST_AUTO_TEST_CASE(what_a_file_says_of_a_learner_with_events_stays_frozen) {
  const data::testing::TemporaryFolder folder;
  const auto lines = numbers_of(source + "  let kept = l2(finetune(source, freeze: \"linear1\"))\n" + R"(
  train kept on target_set.train { iterations: 1, batch: 20, optimizer: sgd(0.1) }
  save(kept, ")" + (folder / "kept").string() +
                                R"(")
  let target = load(l2(finetune(source, freeze: "linear1")), ")" +
                                (folder / "kept").string() + R"(")
  train target on target_set.train { iterations: 3, batch: 20, optimizer: sgd(0.1) }
  fn far(a, b) = sum(square(a.weight - b.weight))
  let (now, before) = (target.learned.base.theta, kept.learned.base.theta)
  print(far(now.linear1, before.linear1), far(now.linear2, before.linear2))
)");
  BOOST_TEST_REQUIRE(lines.size() == 1u);
  BOOST_TEST(lines[0].at(0) == 0);
  BOOST_TEST(lines[0].at(1) > 0);
}

// By a pencil: of plain descent the step of each layer is its factor times the step.
BOOST_AUTO_TEST_CASE(rates_by_layer_scale_the_steps) {
  const auto lines = numbers_of(source + R"(
  let start = source.theta
  let plain = classifier(net, theta: start)
  let layered = classifier(net, theta: start)
  train plain on target_set.train { iterations: 1, batch: 20, optimizer: sgd(0.1) }
  train layered on target_set.train { iterations: 1, batch: 20, optimizer: by_layer(sgd(0.1), [("theta.linear*", 0.5), ("*.linear1", 0.5), ("*.head", 3)]) }
  fn off(a, b, s, factor) = max(abs((b.weight - s.weight) - factor * (a.weight - s.weight))) / max(abs(a.weight - s.weight))
  print(off(plain.theta.linear1, layered.theta.linear1, start.linear1, 0.25), off(plain.theta.linear2, layered.theta.linear2, start.linear2, 0.5),
        off(plain.theta.head, layered.theta.head, start.head, 3))
)");
  BOOST_TEST_REQUIRE(lines.size() == 1u);
  for (const double off : lines[0]) BOOST_TEST(off < 1e-4);
}

// The gradient behind the reversal is that of the domain loss with the other sign, times the strength.
BOOST_AUTO_TEST_CASE(the_reversal_changes_the_sign_of_the_derivative_and_nothing_else) {
  const auto lines = numbers_of(R"(
  let x = draw_normal([4])
  fn through(x) = sum(sin(reverse_gradient(x, 0.3)))
  fn straight(x) = sum(sin(x))
  fn slope(x) = grad(x) { through(x) }
  fn other(x) = grad(x) { straight(x) }
  print(abs(through(x) - straight(x)), max(abs(slope(x) + 0.3 * other(x))), max(abs(other(x))))
)");
  BOOST_TEST_REQUIRE(lines.size() == 1u);
  BOOST_TEST(lines[0].at(0) < 1e-6);
  BOOST_TEST(lines[0].at(1) < 1e-6);
  BOOST_TEST(lines[0].at(2) > 0.1);
}

// That it also hides the domain is not tested here: that needs domains which differ (examples/dann.meta).
BOOST_AUTO_TEST_CASE(dann_learns_the_source_domain) {
  const auto lines = numbers_of(R"(
  let learner = dann(mlp([24, 16]), labels: linear(6), domain: mlp([16, 1]))
  train learner on pairs(source_set.train, target_set.train) { epochs: 30, batch: 20, optimizer: momentum(0.02 / (1 + 10 * progress)^0.75) }
  let result = evaluate learner on source_set.test { metrics: [accuracy], overlap: "intended" }
  print(result.mean)
)");
  BOOST_TEST_REQUIRE(lines.size() == 1u);
  BOOST_TEST(lines[0].at(0) > 0.8);
}

struct Refused {
  std::string experiment, reason;
};
const Refused refused[] = {
    {"let t = classifier(with_layer(net, \"haed\", linear(9)))\n  train t on target_set.train { epochs: 1, batch: 20, "
     "optimizer: sgd(0.1) }",
     "has no layer `haed` to replace"},
    {"let s = trained_on_source()\n  let t = finetune(s, head: linear(9))\n  train t on target_set.train { epochs: 1, "
     "batch: "
     "20, optimizer: sgd(0.1) }",
     "has no state yet"},
    {source + "let t = finetune(source, head: linear(9), layer: \"haed\")\n  train t on target_set.train { epochs: 1, "
              "batch: "
              "20, optimizer: sgd(0.1) }",
     "nothing in the tree is named \"haed\""},
    {source + "let t = finetune(source, freeze: \"conv1\")\n  train t on target_set.train { epochs: 1, batch: 20, "
              "optimizer: "
              "sgd(0.1) }",
     "nothing in the tree is named \"conv1\""},
    {source + "let t = finetune(source, head: 9)\n  train t on target_set.train { epochs: 1, batch: 20, optimizer: "
              "sgd(0.1) }",
     "a model with its settings was needed"},
    {"let d = dann(mlp([8, 8]), labels: linear(6))\n  train d on source_set.train { epochs: 1, batch: 20, optimizer: "
     "sgd(0.1) }",
     "there is no `source`"},
};

BOOST_AUTO_TEST_CASE(what_does_not_fit_is_refused_with_the_reason) {
  for (const auto& row : refused) BOOST_TEST_CONTEXT(row.experiment) {
      const std::string message = mistake_of(row.experiment);
      BOOST_TEST(message.find(row.reason) != std::string::npos, "it says: " << message);
    }
}

BOOST_AUTO_TEST_SUITE_END()
