// The scripts that the language was drawn up with run as they are written: checked whole where there is real data, and
// run with shorter numbers on data that is made here. Learners that an experiment of theirs does not use are used by
// one here.
#include <boost/test/unit_test.hpp>
#include <cstdlib>
#include <fstream>
#include <map>
#include <regex>

#include "dsl/command/made_data.hpp"
#include "dsl/command/process.hpp"
#include "dsl/command/workshop.hpp"
#include "files.hpp"

namespace metac::dsl::test {
namespace {

namespace fs = std::filesystem;

// By script, what uses the rest of it.
const std::map<std::string, std::string> further{
    {"sinusoid", R"(
experiment others {
  let follower = reptile(mlp([8, 1]), loss: mse)
  train follower on sinusoids() { iterations: 2, batch: 2, optimizer: sgd(1 - progress) }
  evaluate follower on sinusoids() { tasks: 2, with: (updates: [0, 3]), metrics: [mse] }
  let nearest = protonet(mlp([8]))
  train nearest on episodes(glyphs(classes: 5, per_class: 4, size: 8), ways: 3, shots: 1, queries: 2) {
    iterations: 2, batch: 2, optimizer: momentum(0.01)
  }
  let held = ewc(replay(classifier(mlp([8, 5])), capacity: 10), estimator: fisher(sampled: 5))
  for task in split(split_rows(glyphs(classes: 4, per_class: 10, size: 8), train: 30, test: 10), tasks: 2) {
    train held on task { iterations: 2, batch: 5, optimizer: adam(1e-3) }
  }
}
)"},
    {"models", R"(
experiment models {
  let net = conv4(ways: 3, channels: 4)
  let x = full([2, 16, 16, 1], 1.0)
  let w = init(net, x)
  print(net(w, x).shape, normalised(centred("support"), init(centred("support"), x), (x: x), x).shape)
}
)"},
    {"omniglot", ""},
    {"transfer", ""},
    {"lifelong", ""},
};

const std::vector<std::pair<std::string, std::string>> shorter{
    {"iterations: [0-9_]+", "iterations: 2"},
    {"epochs: [0-9]+", "epochs: 1"},
    {"tasks: [0-9]+, with", "tasks: 3, with"},
    {"tasks: 200", "tasks: 3"},
    {"seeds = 3", "seeds = 1"},
    {"take\\(200\\)", "take(20)"},
    {"batch: (128|32|25)", "batch: 4"},
    {"\\[1000, 1000, 10\\]", "[8, 8, 10]"},
    {"tasks: 10,", "tasks: 2,"},
    {"capacity: 2000", "capacity: 20"},
    {"sampled: 1000", "sampled: 5"},
    {"channels = 64", "channels = 4"},
};

// What somebody wrote who knew the tutorial only.
const std::string of_a_newcomer = R"(
model net(hidden)(x) = x |> linear(hidden) |> relu |> linear(1) as head

learner my_meta_sgd(net, first = 0.01) {
  learn theta = init(net)
  learn rate = first * ones_like(theta)
  fn adapt(support) {
    let g = grad(theta) { mse(net(theta, support.x), support.y) }
    return theta - rate * g
  }
  fn objective(task) = mse(net(adapt(task.support), task.query.x), task.query.y)
  fn predict(task, x) = net(adapt(task.support), x)
}

learner my_anil(net, rate = 0.01) {
  learn theta = init(net)
  fn adapt(support) {
    var w = theta
    w.head = w.head - rate * grad(w.head) { mse(net(w, support.x), support.y) }
    return w
  }
  fn objective(task) = mse(net(adapt(task.support), task.query.x), task.query.y)
  fn predict(task, x) = net(adapt(task.support), x)
}

# Of several tasks the easiest, while the training is young.
tasks easy_first(base, difficulty, candidates = 4) {
  drawn = sample(base, candidates)
  let easiest = rows(drawn, argmin(map(difficulty, drawn)))
  let any = rows(drawn, 0)
  return if progress < 0.5 then easiest else any
}

experiment as_in_the_library {
  let mine = my_meta_sgd(net(10))
  let theirs = meta_sgd(net(10), loss: mse)
  train mine on sinusoids() { iterations: 20, batch: 4, optimizer: adam(1e-2) }
  train theirs on sinusoids() { iterations: 20, batch: 4, optimizer: adam(1e-2) }
  let rates = evaluate [mine, theirs] on sinusoids() { tasks: 20, metrics: [mse] }
  assert(rates[0].mean == rates[1].mean)

  let head = my_anil(net(10))
  let library = anil(net(10), loss: mse)
  train head on sinusoids() { iterations: 20, batch: 4, optimizer: adam(1e-2) }
  train library on sinusoids() { iterations: 20, batch: 4, optimizer: adam(1e-2) }
  let heads = evaluate [head, library] on sinusoids() { tasks: 20, metrics: [mse] }
  assert(heads[0].mean == heads[1].mean)

  let graded = maml(net(10), loss: mse)
  train graded on easy_first(sinusoids(), fn (task) = task.amplitude) { iterations: 20, batch: 4, optimizer: adam(1e-2) }
  evaluate graded on sinusoids() { tasks: 20, metrics: [mse] }
}
)";

std::string shortened(std::string text) {
  for (const auto& [long_one, short_one] : shorter) text = std::regex_replace(text, std::regex(long_one), short_one);
  return text;
}

std::string script(const std::string& name) {
  return read_all(METAC_TESTS_DIR "/dsl/good/" + name + ".meta") + further.at(name);
}

}  // namespace

BOOST_AUTO_TEST_CASE(every_canonical_script_runs) {
  const data::testing::TemporaryFolder folder;
  write_data(folder / "data");
  for (const auto& [name, _] : further) {
    std::ofstream(folder / "script.meta") << shortened(script(name));
    const Finished finished = run_command(folder.path(), {"run", "script.meta", "--data", "data", "--threads", "2"});
    BOOST_TEST(finished.code == 0, name << " says:\n" << finished.err << finished.out);
    BOOST_TEST(finished.out.find("experiment ") != std::string::npos, name << " has no experiment");
  }
}

BOOST_AUTO_TEST_CASE(learners_that_a_newcomer_writes_are_those_of_the_library) {
  const data::testing::TemporaryFolder folder;
  std::ofstream(folder / "script.meta") << of_a_newcomer;
  const Finished finished = run_command(folder.path(), {"run", "script.meta", "--threads", "2"});
  BOOST_TEST(finished.code == 0, finished.err << finished.out);
}

BOOST_AUTO_TEST_CASE(every_canonical_script_is_checked_whole_with_the_real_data) {
  const char* real = std::getenv("METAC_DATA");
  if (real == nullptr || *real == '\0') {
    BOOST_TEST_MESSAGE("skipped: METAC_DATA is not set");
    return;
  }
  const data::testing::TemporaryFolder folder;
  for (const auto& [name, _] : further) {
    std::ofstream(folder / "script.meta") << script(name);
    const Finished finished =
        run_command(folder.path(), {"check", "script.meta", "--data", fs::absolute(real).string()});
    BOOST_TEST(finished.code == 0, name << " says:\n" << finished.err << finished.out);
  }
}

}  // namespace metac::dsl::test
