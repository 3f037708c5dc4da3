// Every learner of stdlib/learn/meta, and oml, which learns from tasks: its gradient is that of its objective, and a
// short training makes it better. A further learner is one more row of a table.
#include "dsl/driver/objective.hpp"
#include "dsl/driver/recorder.hpp"

using namespace metac;
using namespace metac::dsl;
using namespace metac::dsl::testing;

namespace {

const std::string definitions = R"(
# Points of a few classes; only two of their eight numbers tell the class.
tasks points(count = 3, shots = 2, queries = 4) {
  ways = count
  let signal = 2 * normal()([ways, 2])
  fn example() = (x: concatenate([signal + 0.3 * normal()([ways, 2]), 3 * normal()([ways, 6])], axis: 1), y: iota(ways))
  fn together(examples) = (x: reshape(examples.x, [-1, 8]), y: reshape(examples.y, [-1]))
  support = together(sample(example, shots))
  query = together(sample(example, queries))
}
model normed(sizes)(x) {
  var h = x
  for size in sizes[0:-1] { h = h |> linear(size) |> batch_norm("support") |> tanh }
  return h |> linear(sizes[-1]) as head
}
model layers(sizes)(x) {
  var h = x
  for size in sizes[0:-1] { h = h |> linear(size) |> tanh }
  return h |> linear(sizes[-1]) as head
}
)";

}  // namespace

BOOST_AUTO_TEST_SUITE(meta_learners)

// A smooth network, so that differences say something everywhere.
struct Differentiated {
  std::string name, learner;
};

const Differentiated with_an_objective[] = {
    {"maml", "maml(waves, loss: mse, inner_lr: 0.05, steps: 2)"},
    {"maml by momentum", "maml(waves, loss: mse, inner: momentum(0.05), steps: 3)"},
    {"maml by adam", "maml(waves, loss: mse, inner: adam(0.05), steps: 3)"},
    {"anil", "anil(waves, loss: mse, inner_lr: 0.05, steps: 2)"},
    {"meta_sgd", "meta_sgd(waves, loss: mse, inner_lr: 0.05, steps: 2)"},
    {"meta_lstm", "meta_lstm(waves, loss: mse, steps: 2, hidden: 3, inner_lr: 0.05, order: 2)"},
    {"protonet", "protonet(classes)"},
    {"protonet by angles", "protonet(classes, distance: cosine)"},
    {"matching", "matching(classes, sharpness: 3)"},
    {"matching in context", "matching(classes, reads: 2)"},
    {"oml", "oml(classes, layers([3]), inner_lr: 0.05)"},
    {"maml, statistics of the support", "maml(normed_waves, loss: mse, inner_lr: 0.05, steps: 2)"},
    {"anil, statistics of the support", "anil(normed_waves, loss: mse, inner_lr: 0.05, steps: 2)"},
    {"meta_sgd, statistics of the support", "meta_sgd(normed_waves, loss: mse, inner_lr: 0.05, steps: 2)"},
    {"meta_lstm, statistics of the support",
     "meta_lstm(normed_waves, loss: mse, steps: 2, hidden: 3, inner_lr: 0.05, order: 2)"},
    {"protonet, statistics of the support", "protonet(normed_classes)"},
    {"matching, statistics of the support", "matching(normed_classes, reads: 2)"},
    {"oml, statistics of the support", "oml(normed_classes, linear(3), inner_lr: 0.05)"},
};

BOOST_AUTO_TEST_CASE(the_gradient_equals_central_differences) {
  for (const auto& row : with_an_objective) BOOST_TEST_CONTEXT(row.name) {
      const bool classes = row.learner.find("classes") != std::string::npos;
      Laboratory lab(
          definitions +
              "let waves = layers([8, 8, 1])\nlet classes = layers([6, 5])\nlet normed_waves = normed([6, 1])\n"
              "let normed_classes = normed([6, 5])\nlet learner = " +
              row.learner +
              "\nlet unit_step = sgd(1.0)\nlet source = " + (classes ? "points()" : "sinusoids(shots: 5, queries: 7)"),
          Dtype::f64);
      Objective objective(lab, "learner", 3, {1, 2});
      const Vector at = objective.start(), gradient = objective.gradient(at);
      const Worst worst = compare_with_differences(objective, at, gradient, 1e-5);
      BOOST_TEST_MESSAGE(row.name << ": " << at.size() << " parameters, within " << worst.relative
                                  << " of differences");
      BOOST_TEST(norm(gradient) > 1e-3);
      BOOST_TEST(worst.relative < 1e-6);
    }
}

// Two steps on the whole support, each by hand.
BOOST_AUTO_TEST_CASE(the_direction_of_reptile_is_the_way_of_its_steps) {
  Laboratory lab(definitions + R"(
let net = layers([8, 8, 1])
let source = sinusoids(shots: 5, queries: 7)
let unit_step = sgd(1.0)
let inner_step = sgd(0.05)
let learner = reptile(net, loss: mse, inner: inner_step, steps: 2)
learner on_support(net) {
  learn theta = init(net)
  fn objective(task) = mse(net(theta, task.support.x), task.support.y)
}
let by_hand = on_support(net)
)",
                 Dtype::f64);
  Objective reptile(lab, "learner", 1, {3, 4}), step(lab, "by_hand", 1, {3, 4}, "inner_step");
  const Vector at = reptile.start(), way = moved(at, -1, step.after(step.after(at)));
  BOOST_TEST(norm(way) > 1e-2);
  BOOST_TEST(distance(reptile.gradient(at), way) / norm(way) < 1e-12);
}

// One output of the network is the head's, the other a feature of its body.
BOOST_AUTO_TEST_CASE(the_adaptation_of_anil_moves_the_head_only) {
  Recorder recorder;
  run_script(R"(
model two(x) {
  let h = x |> linear(4) |> tanh
  return concatenate([h |> linear(1) as head, h[:, 0:1]], axis: 1)
}
fn of_head(p, y) = mean(p[:, 0])
fn of_body(p, y) = mean(p[:, 1])
fn of_both(p, y) = mean(square(p - y))
experiment e {
  evaluate anil(two, loss: of_both, inner_lr: 0.1) on sinusoids() { tasks: 3, with: (updates: [0, 2]), metrics: [of_head, of_body] }
  evaluate maml(two, loss: of_both, inner_lr: 0.1) on sinusoids() { tasks: 3, with: (updates: [0, 2]), metrics: [of_head, of_body] }
}
)",
             {}, recorder);
  BOOST_TEST_REQUIRE(recorder.results.size() == 2);
  const auto &anil = recorder.results[0].rows,
             &maml = recorder.results[1].rows;  // of head and body: before, then after
  BOOST_TEST(anil.at(0).values != anil.at(2).values);
  BOOST_TEST(anil.at(1).values == anil.at(3).values);
  BOOST_TEST(maml.at(1).values != maml.at(3).values);
}

// What six seeds gave is far from each bound. Errors on sine waves are about 4 before, shares of classes about 0.4.
struct Training {
  std::string name, learner, settings;
  double share;  // of the error after it in that before it, at most; or of the rest to 1 of the accuracy
};

const Training trainings[] = {
    {"maml", "maml(waves, loss: mse, inner_lr: 0.01, steps: 2)", "iterations: 600, optimizer: adam(3e-3)", 0.5},
    {"maml by momentum", "maml(waves, loss: mse, inner: momentum(0.01), steps: 2)",
     "iterations: 600, optimizer: adam(3e-3)", 0.5},
    {"maml by adam", "maml(waves, loss: mse, inner: adam(0.01), steps: 2)", "iterations: 600, optimizer: adam(3e-3)",
     0.75},
    {"anil", "anil(waves, head: \"linear3\", loss: mse, inner_lr: 0.01, steps: 2)",
     "iterations: 600, optimizer: adam(3e-3)", 0.8},
    {"meta_sgd", "meta_sgd(waves, loss: mse)", "iterations: 600, optimizer: adam(3e-3)", 0.4},
    {"reptile", "reptile(waves, loss: mse, inner: adam(0.01, beta1: 0), steps: 10)",
     "iterations: 600, optimizer: sgd(0.5)", 0.4},
    {"meta_lstm", "meta_lstm(waves, loss: mse, steps: 2, hidden: 8)", "iterations: 150, optimizer: adam(3e-3)", 0.85},
    {"protonet", "protonet(classes)", "iterations: 400, optimizer: adam(3e-3)", 0.5},
    {"protonet by angles", "protonet(classes, distance: cosine)", "iterations: 400, optimizer: adam(3e-3)", 0.5},
    {"matching", "matching(classes, sharpness: 10)", "iterations: 400, optimizer: adam(3e-3)", 0.5},
    {"matching in context", "matching(classes, sharpness: 10, reads: 2)", "iterations: 200, optimizer: adam(3e-3)",
     0.5},
    {"oml", "oml(classes, layers([3]), inner_lr: 0.1)", "iterations: 1000, optimizer: adam(3e-3)", 0.65},
};

BOOST_AUTO_TEST_CASE(a_short_training_makes_each_learner_better) {
  for (const Training& row : trainings) BOOST_TEST_CONTEXT(row.name) {
      const bool classes = row.learner.find("(classes") != std::string::npos;
      const std::string source = classes ? "points()" : "sinusoids()";
      const std::string measure =
          "  evaluate learner on " + source + " { tasks: 300, metrics: [" + (classes ? "accuracy" : "mse") + "] }\n";
      const std::string network =
          classes ? "let classes = mlp([16, 8])\n" : "let waves = mlp([40, 40, 1], weights: truncated_normal(0.1))\n";
      Recorder recorder;
      run_script((classes ? definitions : "") + network + "experiment e {\n  let learner = " + row.learner + "\n" +
                     measure + "  train learner on " + source + " { batch: 10, " + row.settings + " }\n" + measure +
                     "}\n",
                 {}, recorder);
      BOOST_TEST_REQUIRE(recorder.results.size() == 2);
      const auto error = [&](int i) {
        const double mean = recorder.results[i].rows.front().summary.mean;
        return classes ? 1 - mean : mean;
      };
      BOOST_TEST_MESSAGE(row.name << ": error " << error(0) << " before, " << error(1) << " after");
      BOOST_TEST(error(1) < row.share * error(0));
    }
}

BOOST_AUTO_TEST_SUITE_END()
