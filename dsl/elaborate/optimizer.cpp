// Optimizers as values: the memory they start with, and one update.
#include <fmt/format.h>

#include "elaborate/elaborator.hpp"

namespace metac::dsl {

Value Elaborator::start(const Optimizer& optimizer, const Value& weights) {
  auto scope = std::make_shared<Scope>(optimizer.arguments);
  scope->bind("weights", weights);
  const OnTrail here(*this, fmt::format("in the optimizer `{}`", optimizer.definition->name.text), optimizer.span);
  bind_functions(body_of(*optimizer.definition), scope);
  std::vector<std::pair<std::string, Value>> fields;
  for (const auto& statement : body_of(*optimizer.definition).statements) {
    const auto* memory = std::get_if<MemoryStatement>(&statement->node);
    if (memory == nullptr) continue;
    Value value = tensors(evaluate(memory->value, scope), memory->value->span);
    scope->bind(memory->name.text, value);
    fields.emplace_back(memory->name.text, std::move(value));
  }
  return Value::record(std::move(fields));
}

std::pair<Value, Value> Elaborator::update(const Optimizer& optimizer, const Value& weights, const Value& gradient,
                                           const Value& memory) {
  auto scope = std::make_shared<Scope>(optimizer.arguments);
  scope->bind("weights", weights);
  scope->bind("gradient", gradient);
  for (const auto& [name, value] : memory.record()->fields) scope->bind(name, value);
  bind_functions(body_of(*optimizer.definition), scope);
  Value* rule = scope->find("update");
  if (rule == nullptr)
    fail("E0382", optimizer.definition->name.span,
         fmt::format("the optimizer `{}` has no `fn update(weights, gradient)`", optimizer.definition->name.text));
  Value moved = call_function(*rule, {weights, gradient}, optimizer.span);
  // The update may have been computed in wider types or from trees with other leaves: weights keep theirs.
  const Span place = rule->callable() != nullptr ? rule->callable()->span : optimizer.span;
  moved = guarded(place, {}, [&] {
    return zip_leaves(weights, moved, [&](const Value& before, const Value& after) -> Value {
      const Tensor old = tensor(before, place), t = tensor(after, place);
      return cast(broadcast_to(t, old.shape()), old.dtype());
    });
  });
  std::vector<std::pair<std::string, Value>> fields;
  for (const auto& [name, value] : memory.record()->fields)
    fields.emplace_back(
        name, guarded(place, {}, [&] {
          return zip_leaves(value, *scope->find(name), [&](const Value& before, const Value& after) -> Value {
            const Tensor old = tensor(before, place), t = tensor(after, place);
            if (old.shape() != t.shape())
              fail("E0383", place,
                   fmt::format("the memory `{}` of `{}` changed its shape from {} to {}", name,
                               optimizer.definition->name.text, to_string(old.shape()), to_string(t.shape())));
            return cast(t, old.dtype());
          });
        }));
  return {std::move(moved), Value::record(std::move(fields))};
}

}  // namespace metac::dsl
