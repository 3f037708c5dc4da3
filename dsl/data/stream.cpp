// Streams: tasks made from one data set, the labels of each scenario, and the check that tasks do not share what they
// are tested on.
#include "data/stream.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <unordered_set>

#include "data/transforms.hpp"

namespace metac::data {

namespace {

using NamedTasks = std::vector<std::pair<std::string, TrainTest>>;

constexpr std::int64_t most_tasks = 10'000;

void check_count(const char* what, std::int64_t tasks) {
  if (tasks < 1 || tasks > most_tasks)
    throw Error(fmt::format("{}: a stream has 1 to {} tasks, {} was given", what, most_tasks, tasks));
}

void check_classes(const std::string& name, const TrainTest& both) {
  for (const auto* set : {&both.train, &both.test})
    if (!set->labelled()) throw Error(fmt::format("stream: {}: {} has no classes", name, set->name()));
  if (both.train.classes().names != both.test.classes().names)
    throw Error(fmt::format("stream: {}: {} and {} have different classes ({} and {} of them)", name, both.train.name(),
                            both.test.name(), both.train.class_count(), both.test.class_count()));
  if (!(both.train.example_shape() == both.test.example_shape()))
    throw Error(fmt::format("stream: {}: examples to train on are {}, those to test on {}", name,
                            to_string(both.train.example_shape()), to_string(both.test.example_shape())));
}

void check_shared(const NamedTasks& tasks) {
  struct Transforms {
    std::vector<std::string> train, test;
  };
  std::vector<Transforms> transforms;
  for (const auto& [name, both] : tasks) transforms.push_back({both.train.transforms(), both.test.transforms()});
  for (std::size_t i = 0; i < tasks.size(); ++i) {
    const auto& [name, both] = tasks[i];
    if (const auto rows = overlap(both.test, both.train).rows; rows > 0)
      throw Error(fmt::format("stream: {} is tested on {} of the examples that it is trained on", name, rows));
    for (std::size_t j = 0; j < tasks.size(); ++j) {
      if (i == j) continue;
      const auto& other = tasks[j].second;
      const auto shared = [&](const Dataset& set, const std::vector<std::string>& theirs) {
        return transforms[i].test == theirs ? overlap(both.test, set).rows : 0;
      };
      if (const auto rows = shared(other.test, transforms[j].test); rows > 0)
        throw Error(fmt::format("stream: {} and {} share {} examples to test on, under the same transforms", name,
                                tasks[j].first, rows));
      if (const auto rows = shared(other.train, transforms[j].train); rows > 0)
        throw Error(fmt::format("stream: {} is tested on {} of the examples that {} is trained on", name, rows,
                                tasks[j].first));
    }
  }
}

// One table for all tasks. Where two tasks have classes of one name, the names of all are preceded by their tasks'.
ClassTable joined(const NamedTasks& tasks) {
  std::unordered_set<std::string> seen;
  bool unique = true;
  for (const auto& [name, both] : tasks)
    for (const auto& cls : both.train.classes().names) unique = seen.insert(cls).second && unique;
  ClassTable table;
  for (const auto& [name, both] : tasks)
    for (const auto& cls : both.train.classes().names) table.names.push_back(unique ? cls : name + "/" + cls);
  return table;
}

std::vector<std::int32_t> origins(const NamedTasks& tasks, Dataset TrainTest::*part) {
  std::vector<std::int32_t> result;
  for (const auto& [name, both] : tasks)
    for (std::int64_t cls = 0; cls < both.train.class_count(); ++cls) result.push_back((both.*part).origin_class(cls));
  return result;
}

std::vector<std::int32_t> labels_from(std::int64_t first, std::int64_t count) {
  std::vector<std::int32_t> labels(static_cast<std::size_t>(count));
  std::iota(labels.begin(), labels.end(), static_cast<std::int32_t>(first));
  return labels;
}

// Labels of its own for each task, in one table.
void number_through(NamedTasks& tasks, TaskStream& stream) {
  const ClassTable table = joined(tasks);
  const auto of_train = origins(tasks, &TrainTest::train), of_test = origins(tasks, &TrainTest::test);
  for (auto& [name, both] : tasks) {
    auto labels = labels_from(stream.classes, both.train.class_count());
    const auto step = fmt::format("{}: labels from {}", name, stream.classes);
    stream.classes += both.train.class_count();
    stream.tasks.push_back(
        {name,
         {both.train.relabelled(labels, table, of_train, step), both.test.relabelled(labels, table, of_test, step)},
         labels});
  }
}

// Names that are given to both parts of a task.
TrainTest named(const TrainTest& both, const std::string& task) {
  return {both.train.renamed(both.train.name() + " " + task), both.test.renamed(both.test.name() + " " + task)};
}

}  // namespace

Scenario scenario_of(const std::string& name) {
  for (auto scenario : {Scenario::domain, Scenario::cls, Scenario::task})
    if (to_string(scenario) == name) return scenario;
  throw Error(fmt::format("stream: a scenario is \"domain\", \"class\" or \"task\", not \"{}\"", name));
}

std::string to_string(Scenario scenario) {
  return scenario == Scenario::domain ? "domain" : scenario == Scenario::cls ? "class" : "task";
}

TaskStream stream(NamedTasks tasks, Scenario scenario) {
  if (tasks.empty()) throw Error("stream: has no tasks");
  for (const auto& [name, both] : tasks) check_classes(name, both);
  check_shared(tasks);
  TaskStream result{scenario, 0, {}};
  if (scenario != Scenario::domain) {
    number_through(tasks, result);
    return result;
  }
  result.classes = tasks.front().second.train.class_count();
  for (auto& [name, both] : tasks) {
    if (both.train.class_count() != result.classes)
      throw Error(fmt::format("stream: {} has {} classes, {} has {}; in the scenario \"domain\" all have as many",
                              tasks.front().first, result.classes, name, both.train.class_count()));
    result.tasks.push_back({name, both, labels_from(0, result.classes)});
  }
  return result;
}

TaskStream permuted(const TrainTest& both, std::int64_t tasks, std::int64_t seed, Scenario scenario) {
  check_count("permuted", tasks);
  const Key key = fold_in_wide(Key{}, static_cast<std::uint64_t>(seed));
  NamedTasks made;
  for (std::int64_t i = 0; i < tasks; ++i) {
    const Key of_task = fold_in(key, static_cast<std::uint32_t>(i));
    const auto what = fmt::format("seed {}, task {}", seed, i + 1), name = fmt::format("permuted {}", i + 1);
    made.emplace_back(name, named({permute(both.train, of_task, what), permute(both.test, of_task, what)}, name));
  }
  return stream(std::move(made), scenario);
}

TaskStream split(const TrainTest& both, std::int64_t tasks, Scenario scenario) {
  check_count("split", tasks);
  check_classes("split", both);
  const std::int64_t classes = both.train.class_count(), each = classes / tasks;
  if (classes % tasks != 0)
    throw Error(
        fmt::format("split: the {} classes of {} do not make {} equal parts", classes, both.train.name(), tasks));
  NamedTasks made;
  for (std::int64_t i = 0; i < tasks; ++i) {
    const auto of_task = labels_from(i * each, each);
    const auto name = fmt::format("split {}", i + 1);
    made.emplace_back(name,
                      named({both.train.with_classes(of_task, name), both.test.with_classes(of_task, name)}, name));
  }
  return stream(std::move(made), scenario);
}

TaskStream rotated(const TrainTest& both, const std::vector<double>& degrees, Scenario scenario) {
  check_count("rotated", static_cast<std::int64_t>(degrees.size()));
  NamedTasks made;
  for (const double angle : degrees) {
    const auto name = fmt::format("rotated {}", angle);
    made.emplace_back(name, named({rotate(both.train, angle), rotate(both.test, angle)}, name));
  }
  return stream(std::move(made), scenario);
}

}  // namespace metac::data
