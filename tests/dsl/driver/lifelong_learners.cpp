// Every learner of stdlib/learn/lifelong and stdlib/learn/transfer that is trained on batches: it learns, its penalty
// is there after a task and has the derivative that differences measure, and what goes round what. A further learner is
// one more row of a table.
#include "dsl/driver/objective.hpp"
#include "dsl/driver/recorder.hpp"

using namespace metac;
using namespace metac::dsl;
using namespace metac::dsl::testing;

namespace {

const std::string data_set = R"(
let drawings = split_rows(glyphs(classes: 4, per_class: 40, size: 8), train: 120, test: 40)
)";
const std::string definitions = data_set + "model smooth(x) = x |> flatten |> linear(6) |> tanh |> linear(4) as head\n";

std::vector<std::vector<double>> numbers_of(const std::string& script, Dtype real = Dtype::f64) {
  Options options;
  options.real = real;
  return printed_numbers(script, options);
}

std::string mistake_of(const std::string& text) { return first_mistake(text).message; }

}  // namespace

BOOST_AUTO_TEST_SUITE(lifelong_learners)

// ---- the Fisher information ----

// A loop over examples and classes, each a derivative of its own.
BOOST_AUTO_TEST_CASE(the_fisher_is_that_of_single_examples_by_brute_force) {
  for (const std::string kind : {"exact", "empirical"}) BOOST_TEST_CONTEXT(kind) {
      const auto lines = numbers_of(definitions + R"(
fn by_hand(w, x, y) {
  var total = zeros_like(w)
  for i in range(7) {
    for c in range(4) {
      let p = softmax(smooth(w, x[i:i + 1]))[0, c] + 0 * y[i]
      let g = grad(w) { log_softmax(smooth(w, x[i:i + 1]))[0, c] }
      let share = )" + std::string(kind == "exact" ? "p" : "(if y[i] == c then 1 else 0 * p)") +
                                    R"(
      total = total + share * square(g)
    }
  }
  return total / 7
}
experiment e {
  let learner = classifier(smooth)
  train learner on drawings.train { iterations: 20, batch: 16, optimizer: adam(1e-2) }
  let data = (x: draw_normal([7, 8, 8, 1]), y: cast_int([0, 1, 2, 3, 3, 1, 0]))
  let f = fisher(")" + kind + R"(")(learner, data)
  let other = by_hand(learner.theta, data.x, data.y)
  print(sum(square(f.theta - other)) / sum(square(other)), sum(other))
}
)");
      BOOST_TEST_REQUIRE(lines.size() == 1u);
      BOOST_TEST(lines[0].at(0) < 1e-20);  // of squares: 1e-10
      BOOST_TEST(lines[0].at(1) > 1e-3);
    }
}

// For logits x @ weight the Fisher of weight[i, j] is the mean of x_i^2 p_j (1 - p_j): a pencil's result.
BOOST_AUTO_TEST_CASE(the_fisher_of_a_linear_softmax_has_its_closed_form_and_samples_approach_it) {
  const auto lines = numbers_of(data_set + R"(
model lines(x) {
  param weight[64, 4] ~ normal(0, 0.1)
  return flatten(x) @ weight
}
experiment e {
  let data = (x: draw_normal([3000, 8, 8, 1]), y: cast_int(full([3000], 0)))
  let learner = classifier(lines)
  train learner on drawings.train { iterations: 1, batch: 1, optimizer: sgd(0.01) }
  let p = softmax(flatten(data.x) @ learner.theta.weight)
  let closed = transpose(square(flatten(data.x))) @ (p * (1 - p)) / 3000
  let exact = fisher("exact")(learner, data)
  let sampled = fisher(sampled: 3000)(learner, data)
  print(max(abs(exact.theta.weight - closed)), max(abs(sampled.theta.weight - closed) / closed), min(closed))
}
)");
  BOOST_TEST_REQUIRE(lines.size() == 1u);
  BOOST_TEST(lines[0].at(0) < 1e-12);
  BOOST_TEST(lines[0].at(1) < 0.2);  // about 1 / sqrt(3000) times a few; mini-batch means would be off by 3000
  BOOST_TEST(lines[0].at(1) > 1e-6);
  BOOST_TEST(lines[0].at(2) > 1e-3);
}

// ---- penalties ----

struct Penalised {
  std::string name, learner, penalty;
};
const Penalised penalised[] = {
    {"ewc", "ewc(classifier(smooth), strength: 3, estimator: fisher(sampled: 50))", "l.penalty()"},
    {"ewc, exact", "ewc(classifier(smooth), strength: 3, estimator: fisher(\"exact\", examples: 30))", "l.penalty()"},
    {"ewc, online", "ewc(classifier(smooth), strength: 3, online: 0.9)", "l.penalty()"},
    {"si", "si(classifier(smooth), strength: 3)", "l.penalty()"},
    {"l2", "l2(classifier(smooth), strength: 3)", "l.penalty()"},
    {"lwf", "lwf(classifier(smooth), strength: 3)", "l.distillation((x: x))"},
};

// Beside the optimum of two tasks: the penalty at it and beside it, its slope along a random direction, and
// differences.
BOOST_AUTO_TEST_CASE(penalties_hold_after_a_task_and_have_the_derivative_that_differences_measure) {
  for (const auto& row : penalised) BOOST_TEST_CONTEXT(row.name) {
      const auto lines = numbers_of(definitions + R"(
fn penalty(learner, w, x) {
  var l = learner
  l.learned = w
  return )" + row.penalty + R"(
}
fn slope(learner, w, x, along) {
  let g = grad(w) { penalty(learner, w, x) }
  return sum(g * along)
}
fn random_like(w) = from_vector(draw_normal([row_count(to_vector(w))]), w)
experiment e {
  let learner = )" + row.learner + R"(
  for task in permuted(drawings, tasks: 2) {
    train learner on task { iterations: 60, batch: 16, optimizer: adam(1e-2) }
  }
  let x = draw_normal([5, 8, 8, 1])
  let w = learner.learned + 0.1 * random_like(learner.learned)
  let v = random_like(learner.learned)
  let quotient = (penalty(learner, w + 1e-5 * v, x) - penalty(learner, w - 1e-5 * v, x)) / 2e-5
  let slope_there = slope(learner, w, x, v)
  print(penalty(learner, w, x) - penalty(learner, learner.learned, x), slope_there, abs(slope_there - quotient) / abs(slope_there))
}
)");
      BOOST_TEST_REQUIRE(lines.size() == 1u);
      BOOST_TEST_MESSAGE(row.name << ": penalty " << lines[0].at(0) << ", slope " << lines[0].at(1) << ", within "
                                  << lines[0].at(2) << " of differences");
      BOOST_TEST(lines[0].at(0) > 1e-4);
      BOOST_TEST(std::abs(lines[0].at(1)) > 1e-4);
      BOOST_TEST(lines[0].at(2) < 1e-6);
    }
}

// For plain descent on a constant gradient g the path integral is lr * g^2 for each step: by a pencil. The penalty's
// own gradient must not count, so a second task of the same form adds the same path.
BOOST_AUTO_TEST_CASE(the_path_of_si_is_that_of_the_objective_without_its_penalty) {
  const auto lines = numbers_of(R"(
tasks one() {
  fn example() = (x: [0.0])
  support = sample(example, 1)
  query = sample(example, 1)
}
learner slide() {
  learn w = [0.0, 5.0]
  fn objective(_task) = 2 * w[0] + 0 * w[1]
}
experiment e {
  let learner = si(slide(), strength: 0.5, damping: 0.1)
  train learner on one() { iterations: 10, batch: 1, optimizer: sgd(0.01) }
  print(learner.importance.w[0], learner.importance.w[1], learner.anchor.w[0])
  let first = learner.importance.w[0]
  train learner on one() { iterations: 10, batch: 1, optimizer: sgd(0.01) }
  print(learner.importance.w[0] - first, learner.learned.base.w[0])
}
)");
  BOOST_TEST_REQUIRE(lines.size() == 2u);
  const double expected = 10 * 0.01 * 4 / (0.2 * 0.2 + 0.1);  // moved by 0.2
  BOOST_TEST(std::abs(lines[0].at(0) - expected) < 1e-5);
  BOOST_TEST(lines[0].at(1) == 0);
  BOOST_TEST(std::abs(lines[0].at(2) + 0.2) < 1e-6);
  // The second task: w moves by steps of -lr (2 + strength * importance * (w - anchor)); the path counts the 2 only.
  double w = 0, path = 0;
  for (int step = 0; step < 10; ++step) {
    const double change = -0.01 * (2 + 0.5 * expected * w);
    path -= 2 * change;
    w += change;
  }
  BOOST_TEST(std::abs(lines[1].at(0) - path / (w * w + 0.1)) < 1e-5);
  BOOST_TEST(std::abs(lines[1].at(1) - (-0.2 + w)) < 1e-6);
}

// ---- training ----

struct Lifelong {
  std::string name, strategy, stream;
  double share;  // of the plain learner's forgetting, at most
};
// Penalties are at home where all tasks have the same labels, replay where the learner must tell the classes of
// different tasks apart, the teacher where the task is known. The worst of six seeds had a share of 0.64 (si), 0.54
// (ewc), 0.40 (lwf), 0.31 (replay).
const Lifelong lifelong[] = {
    {"ewc", "ewc(plain, strength: 300, estimator: fisher(sampled: 180))", "turned", 0.75},
    {"ewc, exact", "ewc(plain, strength: 300, estimator: fisher(\"exact\"))", "turned", 0.75},
    {"ewc, online", "ewc(plain, strength: 300, estimator: fisher(\"exact\"), online: 0.9)", "turned", 0.75},
    {"si", "si(plain, strength: 10)", "turned", 0.75},
    {"l2", "l2(plain, strength: 0.3)", "turned", 0.75},
    {"lwf", "lwf(plain)", "known", 0.6},
    {"replay", "replay(plain, capacity: 60)", "classes", 0.6},
    {"replay by classes", "replay(plain, capacity: 60, fill: \"classes\")", "classes", 0.6},
    {"replay round ewc", "replay(ewc(plain, strength: 1), capacity: 60)", "classes", 0.6},
    {"ewc round replay", "ewc(replay(plain, capacity: 60), strength: 1)", "classes", 0.6},
    {"replay round expanding", "replay(expanding(fn (units) = mlp([units, 6]), first: 16, more: 4), capacity: 60)",
     "classes", 0.6},
    {"replay round growing", "replay(growing(mlp([24, 16]), classes: 6, units: 2), capacity: 60)", "classes", 0.6},
};

const std::string streams = R"(
let drawings = split_rows(glyphs(classes: 6, per_class: 40, size: 8), train: 180, test: 60)
let plain = classifier(mlp([24, 6]))
let turned = permuted(drawings, tasks: 4, seed: 1)
let known = split(drawings, tasks: 3, scenario: "task")
let classes = split(drawings, tasks: 3, scenario: "class")
)";

struct Along : Recorder {
  void stream_measured(const StreamResult& result) override { whole = result; }
  StreamResult whole;
};

StreamResult along(const std::string& strategy, const std::string& stream, std::uint64_t seed) {
  Along recorder;
  Options options;
  options.seed = seed;
  run_script(streams + "let _unused = [plain, turned, known, classes]\nexperiment e {\n  let strategy = " + strategy +
                 "\n  for task in " + stream +
                 " {\n    train strategy on task { iterations: 200, batch: 16, optimizer: adam(1e-2) }\n"
                 "    evaluate strategy on " +
                 stream + " { after: task, metrics: [accuracy] }\n  }\n}\n",
             options, recorder);
  return recorder.whole;
}

BOOST_AUTO_TEST_CASE(each_strategy_forgets_less_than_the_plain_learner_and_still_learns) {
  std::map<std::string, double> plain;
  for (const auto& row : lifelong) BOOST_TEST_CONTEXT(row.name) {
      if (!plain.contains(row.stream)) plain[row.stream] = along("plain", row.stream, 0).forgetting();
      const StreamResult result = along(row.strategy, row.stream, 0);
      BOOST_TEST_REQUIRE(result.complete());
      double learned = 0;  // each task when it was new
      for (std::size_t task = 0; task < result.tasks.size(); ++task)
        learned += result.matrix[task][task] / static_cast<double>(result.tasks.size());
      BOOST_TEST_MESSAGE(row.name << ": forgets " << result.forgetting() << " of " << learned << ", plain "
                                  << plain[row.stream]);
      BOOST_TEST(result.forgetting() < row.share * plain[row.stream]);
      BOOST_TEST(learned > 0.6);
    }
}

// The head of `growing` has units for the tasks so far, and those of the first keep their weights where nothing trains
// them.
BOOST_AUTO_TEST_CASE(a_growing_head_has_units_for_the_tasks_so_far) {
  const auto lines = numbers_of(streams + R"(
let _unused = [plain, turned, known]
experiment e {
  let learner = growing(mlp([24, 16]), classes: 6, units: 2)
  for task in classes {
    train learner on task { iterations: 1, batch: 16, optimizer: sgd(0.01) }
    print(learner.head.weight.shape[1], max(learner.predict(draw_normal([3, 8, 8, 1]))[:, -1]))
  }
}
)");
  BOOST_TEST_REQUIRE(lines.size() == 3u);
  BOOST_TEST(lines[0].at(0) == 2);
  BOOST_TEST(lines[1].at(0) == 4);
  BOOST_TEST(lines[2].at(0) == 6);
  BOOST_TEST(lines[1].at(1) < -1e8);  // class 5 cannot win yet
  BOOST_TEST(lines[2].at(1) > -1e3);
}

// Old units keep their weights where nothing trains them; new ones have weights of their own.
BOOST_AUTO_TEST_CASE(hidden_units_grow_when_a_task_arrives) {
  const auto lines = numbers_of(streams + R"(
let _unused = [plain, turned, known]
experiment e {
  let learner = expanding(fn (units) = mlp([units, units, 6]), first: 5, more: 3)
  var old = full([1, 1], 0.0)
  for task in classes {
    train learner on task { iterations: 1, batch: 16, optimizer: sgd(0) }
    let w = learner.theta.linear2.weight
    print(w.shape[0], w.shape[1], sum(abs(w[:old.shape[0], :old.shape[1]] - old)), min(abs(w)))
    old = w
  }
}
)");
  BOOST_TEST_REQUIRE(lines.size() == 3u);
  const double units[] = {5, 8, 11};
  for (std::size_t task = 0; task < 3; ++task) {
    BOOST_TEST(lines[task].at(0) == units[task]);
    BOOST_TEST(lines[task].at(1) == units[task]);
    if (task > 0) BOOST_TEST(lines[task].at(2) == 0);
    BOOST_TEST(lines[task].at(3) > 0);
  }
}

// A velocity that only adds up gradients: after the second task that of the old units has both, that of new ones the
// second's, as a fresh one has for all.
BOOST_AUTO_TEST_CASE(the_memory_of_an_optimizer_grows_with_the_units) {
  const auto velocities = [](const std::string& second) {
    Recorder recorder;
    Options options;
    options.real = Dtype::f64;
    run_script(
        streams +
            "let _unused = [plain, turned, known]\nexperiment e {\n"
            "  let learner = expanding(fn (units) = mlp([units, units, 6]), first: 5, more: 3)\n"
            "  let all = momentum(0, decay: 1)\n  for task in classes {\n    if task.index < 2 {\n"
            "      train learner on task { iterations: 1, batch: 16, optimizer: if task.index == 0 then all else " +
            second + " }\n    }\n  }\n}\n",
        options, recorder);
    std::vector<Array> found;
    for (const auto& state : recorder.states)
      for (const auto& [name, array] : state.list())
        if (name.starts_with("optimizer.") && name.ends_with("linear2.weight")) found.push_back(array);
    return found;
  };
  const auto kept = velocities("same"), fresh = velocities("all");
  BOOST_TEST_REQUIRE(kept.size() == 2u);
  BOOST_TEST_REQUIRE(fresh.size() == 2u);
  BOOST_TEST((kept[0].shape() == Shape{5, 5} && kept[1].shape() == Shape{8, 8}));
  double moved = 0;
  for (std::int64_t row = 0; row < 8; ++row)
    for (std::int64_t column = 0; column < 8; ++column) {
      const double before = row < 5 && column < 5 ? kept[0].at(row * 5 + column) : 0;
      BOOST_TEST(kept[1].at(row * 8 + column) - fresh[1].at(row * 8 + column) == before,
                 boost::test_tools::tolerance(1e-9));
      moved += std::abs(before);
    }
  BOOST_TEST(moved > 0);
}

// All tasks at once: the plain learner on `joint` knows each of them.
BOOST_AUTO_TEST_CASE(joint_training_learns_all_tasks) {
  for (const std::string stream : {"turned", "known", "classes"}) BOOST_TEST_CONTEXT(stream) {
      const auto lines = numbers_of(streams + R"(
let _unused = [plain, turned, known, classes]
experiment e {
  let learner = plain
  train learner on joint()" + stream + R"() { epochs: 20, batch: 20, optimizer: adam(1e-2) }
  let result = evaluate learner on )" + stream +
                                        R"( { metrics: [accuracy] }
  print(mean(result.values))
}
)",
                                    Dtype::f32);
      BOOST_TEST_REQUIRE(lines.size() == 1u);
      BOOST_TEST_MESSAGE("joint, " << stream << ": " << lines[0].at(0));
      BOOST_TEST(lines[0].at(0) > 0.9);
    }
}

// ---- what does not go together ----

struct Refused {
  std::string script, reason;
};
const std::string on_stream =
    "\n  for task in split(drawings, tasks: 3) { train learner on task { iterations: 1, batch: 8, optimizer: sgd(0.1) "
    "} }";
const Refused refused[] = {
    {"let learner = ewc(maml(mlp([8, 1]), loss: mse))\n  train learner on sinusoids() { iterations: 1, optimizer: "
     "sgd(0.1) }",
     "the Fisher is a mean over the examples of a data set"},
    {"let learner = l2(protonet_without_objective())\n  train learner on sinusoids() { iterations: 1, optimizer: "
     "sgd(0.1) }",
     "this needs the `objective` of a learner, and `protonet_without_objective` has none: its functions are direction"},
    {"let learner = ewc(growing(mlp([8, 8]), classes: 6, units: 2))" + on_stream,
     "`ewc` remembers what `growing` learned in its `weight`, and that has another form now: `head.weight` was [8, 0], "
     "it is [8, 2]"},
    // Where a shape could be repeated along the other, too; and where only what happens at the end compares.
    {"let learner = ewc(growing(mlp([8, 8]), classes: 6, units: 1))" + on_stream,
     "`head.weight` was [8, 0], it is [8, 1]"},
    {"let learner = si(growing(mlp([8, 8]), classes: 6, units: 2))" + on_stream,
     "`si` remembers what `growing` learned"},
    {"let learner = replay(l2(growing(mlp([8, 8]), classes: 6, units: 2)))" + on_stream,
     "`l2` remembers what `growing` learned in its `anchor`"},
    {"let learner = ewc(plain, estimator: fisher(\"guessed\"))\n  train learner on drawings.train { iterations: 1, "
     "batch: 8, "
     "optimizer: sgd(0.1) }",
     "not guessed"},
    {"let learner = replay(plain, fill: \"random\")\n  train learner on drawings.train { iterations: 1, batch: 8, "
     "optimizer: "
     "sgd(0.1) }",
     "fill is \"reservoir\" or \"classes\", not random"},
};

// What remembers predictions or examples, and no weights to compare with, fits round a head that grows.
BOOST_AUTO_TEST_CASE(a_growing_head_is_wrapped_by_what_compares_no_weights) {
  for (const std::string wrapper : {"replay", "lwf"})
    BOOST_TEST(mistake_of(streams + "let _unused = [plain, turned, known, classes]\nexperiment e {\n  let learner = " +
                          wrapper + "(growing(mlp([8, 8]), classes: 6, units: 2))" + on_stream + "\n}\n") == "",
               wrapper);
}

BOOST_AUTO_TEST_CASE(what_does_not_go_together_is_refused_with_the_reason) {
  for (const auto& row : refused) BOOST_TEST_CONTEXT(row.script) {
      const std::string message = mistake_of(streams + R"(
let _unused = [plain, turned, known, classes]
learner protonet_without_objective() {
  learn w = [1.0]
  fn direction(_task) = w
}
let _other = protonet_without_objective()
experiment e {
  )" + row.script + "\n}\n");
      BOOST_TEST_MESSAGE(message);
      BOOST_TEST(message.find(row.reason) != std::string::npos, "it says: " << message);
    }
}

BOOST_AUTO_TEST_SUITE_END()
