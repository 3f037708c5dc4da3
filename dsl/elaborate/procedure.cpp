// Items of sources, and what learners say of them, as nodes of the procedure at hand.
#include "elaborate/procedure.hpp"

#include <fmt/format.h>

namespace metac::dsl {

const TaskSource* as_tasks(const Source& source) { return dynamic_cast<const TaskSource*>(&source); }

// What a source remembers while nothing is trained.
Value first_source_memory(Elaborator& self, const Source& source, const ProcedureBuilder& builder) {
  const TaskSource* tasks = as_tasks(source);
  if (tasks == nullptr) return Value::record({});
  Context context = builder.context();
  context.key = fold_in(builder.key, source_stream);
  WithContext here(self, context);
  return tasks->first_memory(self);
}

Value item_of(Elaborator& self, const Source& source, const ProcedureBuilder& builder) {
  const Value remembered = first_source_memory(self, source, builder);
  Context context = builder.context();
  context.key = fold_in(builder.key, task_stream);
  WithContext here(self, context);
  const TaskSource* tasks = as_tasks(source);
  return tasks != nullptr ? tasks->task(self, builder.arrays, remembered).task : source.build(self, builder.arrays);
}

Span place_of(const Learner& learner, std::string_view function, Span otherwise) {
  const auto* definition = function_of(learner, function);
  return definition != nullptr ? definition->name.span : otherwise;
}

const Definition* function_of(const Learner& learner, std::string_view name) {
  for (const auto& statement : learner.definition->body.block->statements)
    if (const auto* definition = std::get_if<Definition>(&statement->node);
        definition != nullptr && definition->name.text == name)
      return definition;
  return learner.base() != nullptr ? function_of(*learner.base(), name) : nullptr;
}

namespace {

// A direction may leave out the names on its way where there is one only: `theta - w` for (theta: ..).
Value direction_of(const Value& weights, const Value& direction) {
  const Record* record = weights.record();
  if (record == nullptr || record->fields.size() != 1) return direction;
  const auto& [name, tree] = record->fields.front();
  const Value* named = direction.record() != nullptr ? direction.record()->find(name) : nullptr;
  return Value::record({{name, direction_of(tree, named != nullptr ? *named : direction)}});
}

}  // namespace

Tensor objective_of(Elaborator& self, const Learner& learner, const ScopePtr& frame, const Value& item, Span span) {
  const Value* objective = frame->find("objective");
  if (objective == nullptr) return {};
  const Span place = place_of(learner, "objective", span);
  const Tensor loss = self.real(self.tensor(self.call_function(*objective, {item}, span), place));
  if (loss.shape().rank() != 0)
    self.fail("E0411", place, fmt::format("`objective` gives {}, a scalar is needed", to_string(loss.type())), "",
              "take the `mean`");
  return loss;
}

std::vector<Tensor> directions_of(Elaborator& self, const Learner& learner, const ScopePtr& frame, const Value& weights,
                                  const Value& item, Span span) {
  const Value* rule = frame->find("direction");
  if (rule == nullptr)
    self.fail(
        "E0412", learner.definition->name.span,
        fmt::format("the learner `{}` cannot be trained: it has no `objective` and no `direction`", learner.name()));
  const Value direction = direction_of(weights, self.call_function(*rule, {item}, span));
  std::vector<Tensor> result;
  const Span place = place_of(learner, "direction", span);
  self.guarded(place, {}, [&] {
    return zip_leaves(weights, direction, [&](const Value& weight, const Value& move) -> Value {
      const Tensor w = *weight.get<Tensor>(), d = self.tensor(move, place);
      result.push_back(cast(broadcast_to(d, w.shape()), w.dtype()));
      return weight;
    });
  });
  return result;
}

}  // namespace metac::dsl
