// The sources there are, and how a `tasks` body draws its examples.
#pragma once

#include "elaborate/elaborator.hpp"
#include "elaborate/source.hpp"

namespace metac::dsl {

// Of several ways or shots, in ascending order, one of each is drawn for a step.
SourcePtr episode_source(const data::Dataset&, const std::vector<std::int64_t>& ways,
                         const std::vector<std::int64_t>& shots, std::int64_t queries);

// One data set, or one task of a stream: its items are records of `x` and, where there are labels, `y`. With `active`,
// the labels a learner is told to choose among, items have a mask `active`, bool [rows, classes].
SourcePtr batch_source(const data::Dataset&, std::vector<std::int64_t> active = {});
// A labelled domain and one without labels: items are records of `source`, with `x` and `y`, and `target`, with `x`.
// Error if the source has no labels.
SourcePtr pair_source(const data::Dataset& source, const data::Dataset& target);
// A data set, and the labels to choose among where the task is known.
struct TaskExamples {
  data::Dataset set;
  std::vector<std::int64_t> active;
};
// Of a data set, or of the part of a task of a stream ("train", "test"). Failure for anything else.
TaskExamples examples_of(Elaborator&, const Value&, const char* part, Span);
// The examples of several tasks shuffled together: items as of one task, with `active` where tasks have it. Error if
// they have other shapes or numbers of classes, or only some have labels.
SourcePtr joint_source(std::vector<TaskExamples> tasks);

// `count` examples of a function without arguments, or tasks of a source, each from a key of its own, side by side:
// each leaf has a further first axis.
Value sample(Elaborator&, const Value& drawn, std::int64_t count, Span);

}  // namespace metac::dsl
