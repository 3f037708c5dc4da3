// Takes the values out of a script (a learner, tasks, functions) and runs its procedures directly: one training step as
// a function from parameters to loss and gradient. For tests and benchmarks; throws std::runtime_error on a mistake.
#pragma once

#include <stdexcept>

#include "driver/machine.hpp"
#include "elaborate/source.hpp"
#include "plan/plan.hpp"

namespace metac::dsl::testing {

inline Script script_of(const std::string& text) {
  Report report;
  Script script = Script::from_text("test.meta", text, report);
  std::string mistakes;
  for (const auto& diagnostic : report.all()) mistakes += render(diagnostic, script.sources(), false);
  if (!script.valid()) throw std::runtime_error(mistakes);
  return script;
}

class Laboratory {
 public:
  explicit Laboratory(const std::string& text, Dtype real = Dtype::f32)
      : script_(script_of(text)), self_(script_.program()) {
    context_.graph = &graph_;
    context_.real = real;
    self_.context() = context_;
  }

  Elaborator& elaborator() { return self_; }
  Graph& graph() { return graph_; }
  Dtype real() const { return context_.real; }

  // What a name of the script stands for.
  Value value(const std::string& name) {
    return explained([&] { return self_.global(name, 0, {}); });
  }
  const Learner& learner(const std::string& name) {
    learners_.push_back(value(name));
    return **learners_.back().get<std::shared_ptr<const Learner>>();
  }
  SourcePtr source(const std::string& name) { return *value(name).get<SourcePtr>(); }
  OptimizerRule optimizer(const std::string& name) {
    return {[this, name] { return value(name); }, {}};
  }

  // A mistake of the script as text.
  template <class F>
  auto explained(F&& f) -> decltype(f()) {
    try {
      return f();
    } catch (const Failure& failure) {
      throw std::runtime_error(render(failure.diagnostic, script_.sources(), false));
    }
  }

 private:
  Script script_;
  Elaborator self_;
  Graph graph_;
  Context context_;
  std::vector<Value> learners_;
};

// The first weights of a learner, and one training step on a batch of tasks that only the key decides.
class Step {
 public:
  Step(Laboratory& lab, const std::string& learner, const SourcePtr& source, std::int64_t batch,
       const std::string& optimizer, int threads = 1)
      : lab_(lab), source_(source), batch_(batch) {
    lab.explained([&] {
      const Learner& learned = lab.learner(learner);
      const Computed first = first_state(lab.elaborator(), learned, *source, example_form(*source));
      std::vector<Array> example;
      for (const auto& array : source->draw({}, 0, 1)) example.push_back(source->gives_tasks() ? array.row(0) : array);
      state = computed(first, inputs({}, {}, std::move(example)));
      const Computed before = first_memory(lab.elaborator(), learned, state, lab.optimizer(optimizer));
      memory = computed(before, inputs(arrays(state), {}, {}));
      const TrainStep step = train_step(lab.elaborator(), learned, state, memory, Value::record({}),
                                        lab.optimizer(optimizer), *source, source->forms(batch).front(), batch, {});
      plan = make_plan(step.procedure.program);
    });
    executable_ = std::make_unique<Executable>(plan, threads);
  }

  // The leaves of the state, of the memory, and the losses of the tasks, after one step.
  std::vector<Array> run(std::vector<Array> leaves, data::Key key) {
    return executable_->run(inputs(std::move(leaves), key, source_->draw(key, 0, batch_)));
  }
  // The same with the data of another step, over arrays of a step before.
  void run(std::vector<Array> leaves, data::Key key, std::int64_t step, std::vector<Array>& results) {
    executable_->run(inputs(std::move(leaves), key, source_->draw(key, step, batch_)), results);
  }
  std::vector<Array> inputs(std::vector<Array> leaves, data::Key key, std::vector<Array> arrays) const {
    leaves.push_back(key_array(key));
    leaves.push_back(Array::scalar<std::int32_t>(0));
    leaves.push_back(lab_.real() == Dtype::f64 ? Array::scalar<double>(0) : Array::scalar<float>(0));
    for (auto& array : arrays) leaves.push_back(std::move(array));
    return leaves;
  }
  static std::vector<Array> arrays(const Value& tree) {
    std::vector<Array> result;
    for (const auto& leaf : leaves(tree)) result.push_back(*leaf.value.get<Array>());
    return result;
  }

  Value state, memory;
  std::shared_ptr<const Plan> plan;

 private:
  static Value computed(const Computed& first, const std::vector<Array>& inputs) {
    std::vector<Value> values;
    for (auto& array : Executable(make_plan(first.procedure.program)).run(inputs)) values.emplace_back(array.clone());
    return with_leaves(first.form, values);
  }

  Laboratory& lab_;
  SourcePtr source_;
  std::int64_t batch_;
  std::unique_ptr<Executable> executable_;
};

}  // namespace metac::dsl::testing
