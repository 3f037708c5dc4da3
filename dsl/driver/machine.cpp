// From trees and keys to the inputs of a program, and back.
#include "driver/machine.hpp"

#include "base/error.hpp"
#include "base/memory.hpp"
#include "driver/state.hpp"
#include "elaborate/source.hpp"

namespace metac::dsl {

RunFailure run_failure(const char* code, const Error& error, Span span) {
  RunFailure failure;
  failure.diagnostic.code = code;
  failure.diagnostic.span = span;
  failure.diagnostic.message = error.what();
  return failure;
}

Array key_array(data::Key key) {
  const std::int32_t words[] = {static_cast<std::int32_t>(key.a), static_cast<std::int32_t>(key.b)};
  return Array::from<std::int32_t>(Shape{2}, words);
}

void Machine::stop_if_asked() const {
  if (options.stop != nullptr && options.stop->load()) throw Interrupted{};
}

void Machine::inspect(const std::string& what, const Procedure& procedure) const {
  if (rehearsal && options.inspect) options.inspect(what, procedure.program);
}

std::vector<Array> Machine::inputs(std::initializer_list<Value> state, data::Key key, std::int64_t step,
                                   double progress, std::vector<Array> arrays) const {
  std::vector<Array> result;
  for (const Value& tree : state)
    for (const auto& leaf : leaves(tree)) result.push_back(*leaf.value.get<Array>());
  result.push_back(key_array(key));
  result.push_back(Array::scalar<std::int32_t>(static_cast<std::int32_t>(step)));
  result.push_back(self.context().real == Dtype::f64 ? Array::scalar<double>(progress)
                                                     : Array::scalar<float>(static_cast<float>(progress)));
  for (auto& array : arrays) result.push_back(std::move(array));
  return result;
}

std::size_t Machine::weigh(const Procedure& procedure, Span span, Cost* cost) const {
  if (costs == nullptr || !rehearsal) return 0;
  const auto plan = this->plan(procedure);
  const Graph& graph = *procedure.program.graph;
  std::size_t arrays = 0, results = 0;
  for (std::size_t i = procedure.state_leaves; i < procedure.program.inputs.size(); ++i)
    arrays += graph.node(procedure.program.inputs[i]).type.bytes();
  for (const NodeId output : procedure.program.outputs) results += graph.node(output).type.bytes();
  const std::size_t kept = working_bytes(*plan, options.threads);
  const std::size_t all = memory_in_use() + costs->held + kept + arrays + results;
  if (all > costs->peak_memory) costs->peak_memory = all, costs->place = span;
  if (cost != nullptr) *cost = cost_of(*plan);
  return kept + results;
}

Value Machine::computed(const Computed& tree, Span span, const std::function<std::vector<Array>()>& inputs) const {
  weigh(tree.procedure, span);
  if (rehearsal) return tree.form;
  const std::vector<Array> results = executable(tree.procedure).run(inputs());
  return with_leaves(tree.form, std::vector<Value>(results.begin(), results.end()));
}

namespace {

// `tree` with those leaves marked as carried that `form` carries: a file from elsewhere says nothing of it.
Value carried_as(const Value& form, const Value& tree) {
  if (tree.record() == nullptr) {
    if (form.carried() == nullptr || tree.carried() != nullptr) return tree;
    Carried leaf = *form.carried();
    leaf.leaf = tree;
    return Value::carried(std::move(leaf));
  }
  auto fields = tree.record()->fields;
  for (auto& [name, value] : fields)
    if (const Value* part = form.record() != nullptr ? form.record()->find(name) : nullptr)
      value = carried_as(*part, value);
  return Value::record(std::move(fields));
}

}  // namespace

Value Machine::own(const Value& state) const {
  if (!rehearsal) return cloned(state);
  return map_leaves(state, [](const Leaf& leaf) -> Value { return Array(leaf.value.get<Array>()->type()); });
}

Value Machine::state_for(const Learner& learner, const Source& source, data::Key key) const {
  if (learner.state.is_none()) {
    Form form = example_form(source);
    std::vector<Array> example;
    if (!rehearsal) {
      form.clear();
      for (const auto& array : source.draw(key, 0, 1)) {
        example.push_back(source.gives_tasks() ? array.row(0) : array);
        form.push_back(example.back().type());
      }
    }
    return computed(first_state(self, learner, source, form), learner.span,
                    [&] { return inputs({}, key, 0, 0, std::move(example)); });
  }
  if (learner.loaded.empty()) return own(learner.state);
  auto untrained = learner;
  untrained.state = None{};
  const Value form = first_state(self, untrained, source, example_form(source)).form;
  // Events between trainings may have changed its shapes: then what is wrong shows where it is used.
  if (Elaborator::has_event(learner, "start") || Elaborator::has_event(learner, "end"))
    return own(carried_as(form, learner.state));
  try {
    return own(taken(form, "learner", parts_of("learner", learner.state), learner.loaded));
  } catch (const Error& error) {
    self.fail("E0436", learner.span, error.what());
  }
}

}  // namespace metac::dsl
