// One pass over an experiment: either the rehearsal, which elaborates everything and runs nothing, or the performance.
// Both are the same code, so what the rehearsal accepts does not fail later for a name or a shape.
#pragma once

#include "driver/lineage.hpp"
#include "driver/streams.hpp"
#include "driver/training.hpp"

namespace metac::dsl {

// A number that an experiment found, for the mean over its seeds.
struct Finding {
  std::string what, metric;
  double value = 0;
  bool difference = false;  // of two values of the metric
  std::string protocol;
};

class Session {
 public:
  Session(const Machine& machine, std::uint64_t seed, Journal* journal);
  void run(const Definition& experiment, const std::map<std::string, Value>& settings);
  // While it lives, the `train`, `evaluate`, `print`, `save` and `load` that the elaborator meets are those of the
  // session, whose expressions are in this graph.
  class Attached {
   public:
    Attached(Session&, Graph&);
    ~Attached();
    Attached(const Attached&) = delete;

   private:
    Elaborator& self_;
    std::size_t scopes_;
  };
  const std::vector<Finding>& findings() const { return findings_; }

  // What surrounds the expressions of an experiment, whose tensors are in this graph.
  static Context context(Graph&, const Options&, std::uint64_t seed);
  // The values of an experiment's parameters, in such a context; "seeds" is how often it runs.
  static ScopePtr parameters(Elaborator&, const Definition& experiment, const std::map<std::string, Value>& settings);

 private:
  Value work(const WorkExpr&, const ScopePtr&, Span);
  Value evaluate(const WorkExpr&, const ScopePtr&, Span);
  Value evaluate_stream(const WorkExpr&, const ScopePtr&, const std::vector<Learner>&, const List& stream, Span);
  std::vector<Learner> learners(const Value&, Span);
  EvaluationResult measured(Learner, const Measuring&, const std::vector<Exposure>& on);
  void refuse_seen(const std::vector<Learner>&, const std::vector<Exposure>& on);
  void save(const Learner&, const std::string& path, Span);
  Value load(const Learner&, const std::string& path, Span);

  Machine machine_;
  Elaborator& self_;
  std::uint64_t seed_;
  data::Key key_;
  Journal* journal_;
  Streams streams_;
  Exposures exposures_;
  std::vector<Finding> findings_;
  std::map<std::string, Value> saved_;  // in a rehearsal: the forms of what would be saved, by path
  std::map<std::string, std::vector<Exposure>> seen_by_saved_;  // what the learners that were saved have seen, by path
};

}  // namespace metac::dsl
