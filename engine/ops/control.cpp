// What is made of loops: while, branch, checkpoint. A guarded loop of one task is what may or may not run; a loop of
// one task alone is what a derivative computes again. Inputs come as slices, so that nothing built from them can move
// out of the body or be merged with what is outside.
#include "ops/control.hpp"

#include <fmt/format.h>

#include "ops/family.hpp"

namespace metac {
namespace {

void require_flag(const char* name, Tensor condition) {
  require_present(name, {condition});
  if (condition.type() != Type{Dtype::boolean, {}})
    throw Error(fmt::format("[{}] the condition is {}, a bool scalar is needed", name, to_string(condition.type())));
}

void require_some(const char* name, TensorList inputs) {
  if (inputs.empty()) throw Error(fmt::format("[{}] no input was given, at least one is needed", name));
  require_present(name, inputs);
}

// Of one row, flat: a further axis might be one too many.
Tensor as_sequence(Tensor x) { return reshape(x, {1, x.type().elements()}); }

// f in a body of its own, run where the guard, if there is one, holds; else its values are zeros.
Tensors as_one_task(const char* name, const TensorFunction& f, TensorList inputs, Tensor guard) {
  Tensors together(inputs.begin(), inputs.end()), sequences;
  if (guard) together.push_back(guard);
  for (const Tensor& x : inputs) sequences.push_back(as_sequence(x));
  if (guard) sequences.push_back(reshape(guard, {1}));
  OpenLoop task(innermost(together), sequences, {}, 1);
  if (guard) task.guard = static_cast<int>(sequences.size());
  Tensors given;
  for (std::size_t i = 0; i < inputs.size(); ++i) given.push_back(reshape(task.slices[i], inputs[i].shape()));
  const Tensors values = f(given);
  require_present(name, values);
  std::vector<MapBuilder::Result> results;
  for (const Tensor& value : values) results.push_back({reshape(value, {value.type().elements()})});
  Tensors parts = task.close(results);
  for (std::size_t k = 0; k < parts.size(); ++k) parts[k] = reshape(parts[k], values[k].shape());
  return parts;
}

}  // namespace

Tensors checkpoint(const TensorFunction& f, TensorList inputs) {
  require_some("checkpoint", inputs);
  return as_one_task("checkpoint", f, inputs, Tensor());
}

Tensors branch(Tensor condition, const TensorFunction& then, const TensorFunction& otherwise, TensorList inputs) {
  require_flag("branch", condition);
  require_some("branch", inputs);
  const Tensors a = as_one_task("branch", then, inputs, condition),
                b = as_one_task("branch", otherwise, inputs, logical_not(condition));
  if (a.size() != b.size())
    throw Error(fmt::format("[branch] one side gives {} results, the other {}", a.size(), b.size()));
  Tensors results;
  for (std::size_t k = 0; k < a.size(); ++k) {
    if (a[k].type() != b[k].type())
      throw Error(fmt::format("[branch] result {} is {} of one side, {} of the other", k, to_string(a[k].type()),
                              to_string(b[k].type())));
    results.push_back(select(condition, a[k], b[k]));
  }
  return results;
}

Tensors while_loop(const std::function<Tensor(TensorList)>& condition, const TensorFunction& step, TensorList initial,
                   std::int64_t max_steps, std::int64_t recompute_every) {
  const char* name = "while_loop";
  require_some(name, initial);
  if (max_steps < 0) throw Error(fmt::format("[{}] max_steps is {}, a number of steps is needed", name, max_steps));
  Tensors begin{condition(initial)};
  require_flag(name, begin[0]);
  begin.insert(begin.end(), initial.begin(), initial.end());
  OpenLoop loop(innermost(begin), {}, begin, max_steps);
  loop.guard = 1;  // the first carry, behind the index
  const Tensors values(loop.carry.begin() + 1, loop.carry.end());
  Tensors next = step(values);
  require_present(name, next);
  if (next.size() != initial.size())
    throw Error(fmt::format("[{}] a step gives {} values, {} began", name, next.size(), initial.size()));
  for (std::size_t i = 0; i < next.size(); ++i)
    if (next[i].type() != initial[i].type())
      throw Error(fmt::format("[{}] value {} begins as {}, a step gives {}", name, i, to_string(initial[i].type()),
                              to_string(next[i].type())));
  const Tensor running = condition(next);
  require_flag(name, running);
  next.insert(next.begin(), running);
  const Tensors last = close_scan(loop, {}, next, recompute_every);
  return {last.begin() + 1, last.end()};
}

}  // namespace metac
