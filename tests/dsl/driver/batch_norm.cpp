// Whose statistics batch norm uses: predictions depend on the support, on what training has seen, or on the batch at
// hand, and every result says which. What a tree carries of them goes through trainings, files, wrappers and
// fine-tuning.
#include <unistd.h>

#include <boost/test/unit_test.hpp>
#include <cmath>
#include <filesystem>

#include "dsl/driver/recorder.hpp"
#include "dsl/laboratory.hpp"

using namespace metac;
using namespace metac::dsl;
using namespace metac::dsl::testing;

namespace {

const std::string rows = R"(
let drawings = split_rows(glyphs(classes: 4, per_class: 40, size: 8), train: 120, test: 40)
model network(statistics)(x) = x |> conv_block(6, statistics: statistics) |> flatten |> linear(4) as head
let running = classifier(network("running"))
)";

const std::string tasks = R"(
let characters = split_classes(glyphs(classes: 60, per_class: 12, size: 12), train: 40, test: 20)
let old = episodes(characters.train, ways: 5, shots: 2, queries: 3)
let new = episodes(characters.test, ways: 5, shots: 2, queries: 3)
model body(statistics)(x) = x |> conv_block(8, statistics: statistics) |> conv_block(8, statistics: statistics) |> flatten
model network(statistics)(x) = x |> body(statistics) |> linear(5) as head
)";

double mean_of(const EvaluationResult& result) { return result.rows.front().summary.mean; }

}  // namespace

BOOST_AUTO_TEST_SUITE(batch_norm)

// ---- running ----

BOOST_AUTO_TEST_CASE(with_running_statistics_a_classifier_learns_and_predicts_each_example_by_itself) {
  const auto results = [](const std::string& statistics) {
    Recorder recorder;
    run_script(rows + "let _unused = running\nexperiment e {\n  let l = classifier(network(\"" + statistics + R"("))
  train l on drawings.train { iterations: 150, batch: 16, optimizer: adam(1e-2) }
  evaluate l on drawings.test { metrics: [accuracy] }
  evaluate l on drawings.test { metrics: [cross_entropy] }
  evaluate l on drawings.test { metrics: [cross_entropy], batch: 1 }
}
)",
               {}, recorder);
    BOOST_TEST_REQUIRE(recorder.results.size() == 3u);
    return recorder.results;
  };
  const auto running = results("running"), batch = results("batch");
  BOOST_TEST(mean_of(running[0]) > 0.9);
  BOOST_TEST(running[0].statistics == (Statistics{"running"}), boost::test_tools::per_element());
  BOOST_TEST(!transductive(running[0].statistics));
  BOOST_TEST(transductive(batch[0].statistics));
  const auto &together = running[1].rows.front().values, &alone = running[2].rows.front().values;
  for (std::size_t i = 0; i < together.size(); ++i)
    BOOST_TEST(std::abs(together[i] - alone[i]) < 1e-4 * (1 + together[i]), "example " << i << " differs");
  double worst = 0;
  for (std::size_t i = 0; i < together.size(); ++i)
    worst = std::max(worst, std::abs(batch[1].rows.front().values[i] - batch[2].rows.front().values[i]));
  BOOST_TEST(worst > 0.01);  // with those of the batch it is another prediction
}

// Algorithm 2 of the paper: the variance of a batch counts one example less.
BOOST_AUTO_TEST_CASE(running_statistics_move_by_those_of_the_batch) {
  const auto lines = printed_numbers(R"(
let drawings = glyphs(classes: 4, per_class: 40, size: 8)
model network(x) = x |> flatten |> batch_norm("running", momentum: 0.75) |> linear(4)
learner wrapped(base) {
  memory mean_x = full([64], 0.0)
  memory variance = full([64], 1.0)
  on step(batch) {
    let x = flatten(batch.x)
    let middle = mean(x, axis: 0)
    mean_x = 0.75 * mean_x + 0.25 * middle
    variance = 0.75 * variance + 0.25 * sum(square(x - middle), axis: 0) / (x.shape[0] - 1)
  }
}
experiment e {
  let l = wrapped(classifier(network))
  train l on drawings { iterations: 5, batch: 7, optimizer: sgd(0.1) }
  let carried = l.learned.base.theta.batch_norm
  print(max(abs(carried.carried_mean - l.mean_x)), max(abs(carried.carried_variance - l.variance)), max(l.mean_x), min(l.variance))
}
)");
  BOOST_TEST_REQUIRE(lines.size() == 1u);
  BOOST_TEST(lines[0].at(0) < 1e-6);
  BOOST_TEST(lines[0].at(1) < 1e-6);
  BOOST_TEST(lines[0].at(2) > 0.1);
  BOOST_TEST(lines[0].at(3) < 0.5);
}

// A first task moves the statistics of a wrapped learner as those of the plain one, bit for bit: its penalty is 0
// there, a batch that is seen twice counts as once, and neither the Fisher information nor a teacher moves anything.
BOOST_AUTO_TEST_CASE(strategies_and_the_fisher_information_do_not_move_running_statistics) {
  for (const std::string strategy :
       {"ewc(running, estimator: fisher(sampled: 50))", "ewc(running, estimator: fisher(\"exact\", examples: 20))",
        "ewc(running, estimator: fisher(\"empirical\"), online: 0.9)", "si(running)", "l2(running)", "lwf(running)"})
    BOOST_TEST_CONTEXT(strategy) {
      const auto lines = printed_numbers(rows + "experiment e {\n  let l = " + strategy + R"(
  let plain = running
  train plain on drawings.train { iterations: 20, batch: 16, optimizer: adam(1e-2) }
  train l on drawings.train { iterations: 20, batch: 16, optimizer: adam(1e-2) }
  let (a, b) = (plain.theta.conv_block.batch_norm, l.learned.base.theta.conv_block.batch_norm)
  print(sum(abs(a.carried_mean - b.carried_mean)), sum(abs(a.carried_variance - b.carried_variance)), sum(abs(a.carried_mean)))
  let f = fisher("exact", examples: 20)(plain, (x: draw_normal([30, 8, 8, 1]), y: cast_int(full([30], 0))))
  print(sum(f), len(leaves(f)), len(leaves(plain.learned)))
}
)");
      BOOST_TEST_REQUIRE(lines.size() == 2u);
      BOOST_TEST(lines[0].at(0) < 1e-5);
      BOOST_TEST(lines[0].at(1) < 1e-5);
      BOOST_TEST(lines[0].at(2) > 0.1);
      BOOST_TEST(lines[1].at(0) > 0);
      BOOST_TEST(lines[1].at(2) - lines[1].at(1) == 2);  // two statistics have no Fisher information
    }
}

// Along a stream the statistics of each strategy go on moving, and it learns each task.
BOOST_AUTO_TEST_CASE(strategies_learn_with_running_statistics) {
  struct Along : Recorder {
    void stream_measured(const StreamResult& result) override { whole = result; }
    StreamResult whole;
  };
  for (const std::string strategy :
       {"running", "ewc(running, strength: 100)", "si(running, strength: 1)", "l2(running, strength: 0.1)",
        "lwf(running)", "replay(running, capacity: 60)", "replay(running, capacity: 60, fill: \"classes\")",
        "replay(ewc(running, strength: 1), capacity: 60)"})
    BOOST_TEST_CONTEXT(strategy) {
      Along recorder;
      run_script(rows + "experiment e {\n  let l = " + strategy + R"(
  let stream = split(drawings, tasks: 2, scenario: "task")
  for task in stream {
    train l on task { iterations: 60, batch: 16, optimizer: adam(1e-2) }
    evaluate l on stream { after: task, metrics: [accuracy] }
  }
}
)",
                 {}, recorder);
      BOOST_TEST_REQUIRE(recorder.whole.complete());
      BOOST_TEST(recorder.whole.matrix[0][0] > 0.8);
      BOOST_TEST(recorder.whole.matrix[1][1] > 0.8);
      BOOST_TEST(recorder.whole.statistics == (Statistics{"running"}), boost::test_tools::per_element());
    }
}

BOOST_AUTO_TEST_CASE(fine_tuning_keeps_the_statistics_of_frozen_layers_and_moves_the_others) {
  const auto lines = printed_numbers(rows + R"(
let other = normalize(drawings.train, mean: 0.5, deviation: 0.1)
fn moved(a, b) = sum(abs(a.carried_mean - b.carried_mean)) + sum(abs(a.carried_variance - b.carried_variance))
model two(x) = x |> conv_block(4, statistics: "running") |> conv_block(5, statistics: "running") |> flatten |> linear(4) as head
experiment e {
  let _ = running
  let source = classifier(two)
  train source on drawings.train { iterations: 20, batch: 16, optimizer: adam(1e-2) }
  let none = linear_probe(source, linear(4))
  let some = finetune(source, head: linear(4), freeze: ["conv_block1"])
  let all = finetune(source, head: linear(4))
  train none on other { iterations: 3, batch: 16, optimizer: adam(1e-2) }
  train some on other { iterations: 3, batch: 16, optimizer: adam(1e-2) }
  train all on other { iterations: 3, batch: 16, optimizer: adam(1e-2) }
  let s = source.theta
  for t in [none.theta, some.theta, all.theta] {
    print(moved(s.conv_block1.batch_norm, t.conv_block1.batch_norm), moved(s.conv_block2.batch_norm, t.conv_block2.batch_norm))
  }
  let taken = init(two, draw_normal([3, 8, 8, 1]), from: s)
  print(moved(s.conv_block1.batch_norm, taken.conv_block1.batch_norm), sum(taken) - sum(s))
}
)");
  BOOST_TEST_REQUIRE(lines.size() == 4u);
  BOOST_TEST(lines[0] == (std::vector<double>{0, 0}), boost::test_tools::per_element());
  BOOST_TEST(lines[1].at(0) == 0);
  BOOST_TEST(lines[1].at(1) > 0.1);
  BOOST_TEST(lines[2].at(0) > 0.1);
  BOOST_TEST(lines[2].at(1) > 0.1);
  BOOST_TEST(lines[3] == (std::vector<double>{0, 0}), boost::test_tools::per_element());
}

// ---- support ----

struct FewShot {
  std::string name, learner, optimizer;
  double accuracy;  // at least; chance is 0.2
};
// Bounds are half the way from chance to the worst of six seeds.
const FewShot few_shot[] = {
    {"maml", "maml(network(\"support\"), inner_lr: 0.4, steps: 2)", "adam(1e-2)", 0.36},
    {"anil", "anil(network(\"support\"), inner_lr: 0.4, steps: 2)", "adam(1e-2)", 0.41},
    {"meta_sgd", "meta_sgd(network(\"support\"), inner_lr: 0.4)", "adam(1e-2)", 0.39},
    {"meta_lstm", "meta_lstm(network(\"support\"), hidden: 4, steps: 2)", "adam(1e-2)", 0.32},
    {"reptile", "reptile(network(\"support\"), inner: sgd(0.1))", "sgd(0.5)", 0.44},
    {"protonet", "protonet(body(\"support\"))", "adam(1e-2)", 0.54},
    {"matching", "matching(body(\"support\"), sharpness: 10)", "adam(1e-2)", 0.54},
    {"matching in context", "matching(body(\"support\"), sharpness: 10, reads: 1)", "adam(1e-2)", 0.55},
    {"oml", "oml(body(\"support\"), linear(5))", "adam(1e-2)", 0.4},
};

BOOST_AUTO_TEST_CASE(with_statistics_of_the_support_few_shot_learners_learn_and_are_not_transductive) {
  for (const auto& row : few_shot) BOOST_TEST_CONTEXT(row.name) {
      Recorder recorder;
      run_script(tasks + "experiment e {\n  let l = " + row.learner +
                     "\n  train l on old { iterations: 100, batch: 4, optimizer: " + row.optimizer + R"( }
  evaluate l on new { tasks: 200, metrics: [accuracy] }
  let task = (support: (x: draw_normal([10, 12, 12, 1]), y: cast_int([0, 0, 1, 1, 2, 2, 3, 3, 4, 4])), ways: 5)
  let x = draw_normal([6, 12, 12, 1])
  let whole = l.predict(task, x)
  print(max(abs(whole[2:3] - l.predict(task, x[2:3]))), max(abs(whole[2:3] - whole[3:4])))
}
)",
                 {}, recorder);
      BOOST_TEST_REQUIRE(recorder.results.size() == 1u);
      BOOST_TEST_MESSAGE(row.name << ": accuracy " << mean_of(recorder.results[0]));
      BOOST_TEST(mean_of(recorder.results[0]) > row.accuracy);
      BOOST_TEST(recorder.results[0].statistics == (Statistics{"support"}), boost::test_tools::per_element());
      std::istringstream line(recorder.lines.at(0));
      double other_queries = 1, between_queries = 0;
      line >> other_queries >> between_queries;
      BOOST_TEST(between_queries > 0.05);
      BOOST_TEST(other_queries < 1e-3 * between_queries);
    }
}

// Interning finds the forward pass of `observe` in that of the prediction: nothing is convolved twice.
BOOST_AUTO_TEST_CASE(observing_costs_no_forward_pass_of_its_own) {
  const auto convolutions = [](const std::string& statistics) {
    Laboratory lab(tasks + "let _unused = [new, network(\"batch\")]\nlet learner = protonet(body(\"" + statistics +
                   "\"))\nlet rule = sgd(0.1)\n");
    const Step step(lab, "learner", lab.source("old"), 2, "rule");
    std::istringstream lines(to_text(*step.plan));
    int count = 0;
    for (std::string line; std::getline(lines, line);) count += line.find("conv") != std::string::npos;
    return count;
  };
  BOOST_TEST(convolutions("support") > 4);
  BOOST_TEST(convolutions("support") == convolutions("batch"));
}

// ---- what remembers them ----

BOOST_AUTO_TEST_CASE(the_state_of_a_training_has_running_statistics_and_none_of_the_support) {
  const auto names = [](const std::string& statistics) {
    Recorder recorder;
    run_script(tasks + "experiment e {\n  let _ = new\n  let l = protonet(body(\"" + statistics +
                   "\"))\n  train l on old { iterations: 1, batch: 2, optimizer: adam(1e-2) }\n}\n",
               {}, recorder);
    int carried = 0, moments = 0;
    for (const auto& [name, array] : recorder.states.at(0).list()) {
      carried += name.starts_with("learner.theta.") && name.find(".carried_") != std::string::npos;
      moments += name.starts_with("optimizer.") && name.find(".carried_") != std::string::npos;
    }
    BOOST_TEST(moments == 0);
    return carried;
  };
  BOOST_TEST(names("running") == 4);  // mean and variance of two blocks
  BOOST_TEST(names("support") == 0);
}

BOOST_AUTO_TEST_CASE(the_same_bits_on_any_number_of_threads) {
  for (const std::string learner :
       {"maml(network(\"running\"), inner_lr: 0.1)", "protonet(body(\"running\"))",
        "maml(network(\"support\"), inner_lr: 0.1)", "reptile(network(\"running\"), inner: sgd(0.1), steps: 2)"})
    BOOST_TEST_CONTEXT(learner) {
      std::vector<TrainState> states;
      std::vector<std::vector<double>> values;
      for (const int threads : {1, 2, 4}) {
        Options options;
        options.threads = threads;
        Recorder recorder;
        run_script(tasks + "experiment e {\n  let l = " + learner + R"(
  train l on old { iterations: 3, batch: 5, optimizer: sgd(0.1) }
  evaluate l on new { tasks: 7, metrics: [cross_entropy] }
}
)",
                   options, recorder);
        states.push_back(recorder.states.at(0));
        values.push_back(recorder.results.at(0).rows.front().values);
      }
      for (const int other : {1, 2}) {
        BOOST_TEST(difference(states[0], states[other]) == "");
        BOOST_TEST(values[0] == values[other]);
      }
    }
}

// A learner that comes from a file is the one that was saved: it predicts, trains and carries alike, wrapped or not.
BOOST_AUTO_TEST_CASE(files_keep_what_a_tree_carries) {
  const auto file =
      (std::filesystem::temp_directory_path() / ("metac_batch_norm_" + std::to_string(getpid()) + ".safetensors"))
          .string();
  struct Kept {
    std::string learner, theta, train, test;
  };
  const Kept rows_of_it[] = {
      {"running", "l.theta", "drawings.train", "drawings.test"},
      {"ewc(running)", "l.learned.base.theta", "drawings.train", "drawings.test"},
      {"si(finetune(source, head: linear(4), freeze: [\"conv_block\"]))", "l.learned.base.theta", "drawings.train",
       "drawings.test"},
      {"maml(small(\"support\"))", "l.theta", "few", "few"},
      {"maml(small(\"running\"))", "l.theta", "few", "few"},
  };
  for (const auto& row : rows_of_it) BOOST_TEST_CONTEXT(row.learner) {
      const bool few = row.train == "few";
      const std::string train = "{ iterations: 3, batch: 8, optimizer: adam(1e-2) }\n";
      const std::string measure =
          few ? "{ tasks: 5, metrics: [cross_entropy], overlap: \"intended\" }\n" : "{ metrics: [cross_entropy] }\n";
      Recorder recorder;
      run_script(rows + R"(
let few = episodes(glyphs(classes: 20, per_class: 12, size: 8), ways: 4, shots: 1, queries: 2)
model small(statistics)(x) = x |> conv_block(4, statistics: statistics) |> flatten |> linear(4)
fn new(source) = [running, maml(small("running")), few, drawings, source]
experiment e {
  let source = running
  let _ = new(source)
  train source on drawings.train )" +
                     train + "  let l = " + row.learner + "\n  train l on " + row.train + " " + train + "  save(l, \"" +
                     file + "\")\n  let kept = load(" + row.learner + ", \"" + file + "\")\n" + "  evaluate l on " +
                     row.test + " " + measure + "  evaluate kept on " + row.test + " " + measure + "  print(" +
                     row.theta + ")\n  let same = kept\n  print(same" + row.theta.substr(1) + ")\n" +
                     "  print(zeros_like(" + row.theta + "))\n  print(zeros_like(same" + row.theta.substr(1) + "))\n" +
                     "  train l on " + row.train + " " + train + "  train kept on " + row.train + " " + train + "}\n",
                 {}, recorder);
      BOOST_TEST_REQUIRE(recorder.results.size() == 2u);
      BOOST_TEST(recorder.results[0].rows.front().values == recorder.results[1].rows.front().values);
      std::erase_if(recorder.lines, [](const auto& line) { return line.starts_with("init: "); });
      BOOST_TEST_REQUIRE(recorder.lines.size() == 4u);
      BOOST_TEST(recorder.lines[0] == recorder.lines[1]);
      BOOST_TEST(recorder.lines[2] == recorder.lines[3]);
      BOOST_TEST(recorder.lines[3].find("carried_mean: -") != std::string::npos);
      BOOST_TEST_REQUIRE(recorder.states.size() == 4u);
      BOOST_TEST(difference(recorder.states[2], recorder.states[3]) == "");
    }
  std::filesystem::remove(file);
}

BOOST_AUTO_TEST_SUITE_END()
