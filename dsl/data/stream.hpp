// Streams of lifelong learning: tasks that come one after the other, each with examples to train and to test on.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "data/load.hpp"
#include "data/random.hpp"

namespace metac::data {

// What labels mean from task to task (van de Ven and Tolias 2019). With `domain` every task has the same labels; with
// `cls` each task has labels of its own, numbered through the stream; with `task` too, and the learner is told which.
enum class Scenario { domain, cls, task };
Scenario scenario_of(const std::string& name);  // "domain", "class", "task"; Error for others
std::string to_string(Scenario);

struct StreamTask {
  std::string name;
  TrainTest data;
  std::vector<std::int32_t> active;  // the labels of this task
};

struct TaskStream {
  Scenario scenario = Scenario::domain;
  std::int64_t classes = 0;  // outputs that a learner of all tasks needs
  std::vector<StreamTask> tasks;
};

// Tasks that are there already. Errors: none, no classes, train and test with other classes; numbers of classes that
// differ between tasks (domain); examples to train on that are also to test on; tasks that share examples to test on
// under the same transforms.
TaskStream stream(std::vector<std::pair<std::string, TrainTest>> tasks, Scenario);

// The same examples with the pixels in another order for each task, of train and test alike. Every task is permuted,
// the first too, as the papers say (Goodfellow et al. 2013; van de Ven and Tolias 2019). Task i depends on the seed and
// i only.
TaskStream permuted(const TrainTest&, std::int64_t tasks, std::int64_t seed, Scenario);

// The classes in their order, in equal parts. Error if they do not divide evenly.
TaskStream split(const TrainTest&, std::int64_t tasks, Scenario);

// The same images turned, by another angle for each task.
TaskStream rotated(const TrainTest&, const std::vector<double>& degrees, Scenario);

}  // namespace metac::data
