// Measuring learners: on tasks, on the rows of a data set, side by side, and along a stream.
#pragma once

#include "driver/machine.hpp"
#include "driver/work_options.hpp"

namespace metac::dsl {

// How to measure: the same for every learner that is compared.
struct Measuring {
  SourcePtr source;
  std::int64_t count = 0;  // tasks or rows
  std::int64_t batch = 0;  // rows that are predicted together; 0 for tasks
  std::vector<SweepPoint> sweep;
  std::vector<Metric> metrics;
  Span span;
};

// A function of the learner by its name, as a metric.
Value own_metric(const std::string& function);

// What `with` and `metrics` say. Without metrics: the default of the source. A metric that compares learners needs
// `in_pairs`: that several are measured side by side.
Measuring measuring(Elaborator&, const SourcePtr&, const std::optional<Value>& with, Span with_span,
                    const std::optional<Value>& metrics, Span metrics_span, Span, bool in_pairs);

// What decides a number besides the learner (but for a metric that is a function of its own) and the seed, as eight
// digits: the items and how many there are, `with`, the metric, whether predictions are transductive (then also how
// many are made at once), which state was selected.
std::string protocol_of(Elaborator&, const Learner&, const Measuring&, const SweepPoint&, const Metric&,
                        bool transductive, const Selection&);

EvaluationResult measure(const Machine&, const Learner&, const Measuring&, data::Key);

// What a value stands for where something is trained or measured on: a source, a data set, or a record with that part.
// Failure for anything else.
SourcePtr source_of(Elaborator&, const Value&, const char* part, Span);

}  // namespace metac::dsl
