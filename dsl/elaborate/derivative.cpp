// grad, value_and_grad, jvp and hessian: operators of the language, to any depth.
#include <fmt/format.h>

#include "elaborate/elaborator.hpp"
#include "transform/transform.hpp"

namespace metac::dsl {
namespace {

// One variable of a derivative: a name or a path, and fresh aliases of its floating leaves.
struct Variable {
  std::vector<Name> path;
  Span span;
  Value tree;                   // with the aliases
  std::vector<Tensor> aliases;  // of the floating leaves
};

std::vector<Name> path_of(Elaborator& self, const Expr& expression) {
  if (const auto* name = std::get_if<NameExpr>(&expression.node)) return {{name->name, expression.span}};
  if (const auto* member = std::get_if<MemberExpr>(&expression.node)) {
    auto path = path_of(self, *member->base);
    path.push_back(member->member);
    return path;
  }
  self.fail("E0370", expression.span, "a derivative is taken with respect to a name or a path such as `w.head`");
}

// The tree with each floating leaf replaced by what `next` gives for it; other leaves get zeros, carried ones empty
// places.
Value over_variables(Elaborator& self, const Variable& variable, const std::function<Tensor(Tensor)>& next) {
  return map_leaves(seen(variable.tree), [&](const Leaf& leaf) -> Value {
    const Tensor t = self.tensor(leaf.value, variable.span);
    return is_float(t.dtype()) ? next(t) : zeros_like(t);
  });
}

std::vector<NodeId> ids_of(const std::vector<Tensor>& tensors) {
  std::vector<NodeId> ids;
  for (const Tensor& tensor : tensors) ids.push_back(tensor.id());
  return ids;
}

constexpr std::int64_t largest_hessian = 4096;  // rows: so many gradients are computed at once

Tensor hessian_of(Elaborator& self, Tensor value, const Variable& variable) {
  const Tensor x = variable.aliases.front();
  const auto n = x.type().elements();
  if (n > largest_hessian)
    self.fail("E0371", variable.span,
              fmt::format("a Hessian of {} variables is too large; at most {} are possible", n, largest_hessian));
  return hessian(value, x);
}

}  // namespace

Value Elaborator::derivative(const DerivativeExpr& form, const ScopePtr& scope, Span span) {
  Graph& here = graph(span);
  std::vector<Variable> variables;
  std::optional<Value> along;
  auto inner = std::make_shared<Scope>(scope);
  std::vector<std::tuple<Scope*, std::string, Value>> saved;  // of learners' names that were changed
  struct Restore {
    std::vector<std::tuple<Scope*, std::string, Value>>& saved;
    ~Restore() {
      for (auto it = saved.rbegin(); it != saved.rend(); ++it)
        std::get<0>(*it)->bind(std::get<1>(*it), std::get<2>(*it));
    }
  } restore{saved};

  for (const auto& argument : form.arguments) {
    if (argument.name) {
      if (argument.name->text != "along" || form.kind.text != "jvp")
        fail("E0372", argument.span, fmt::format("`{}` has no argument `{}`", form.kind.text, argument.name->text));
      along = evaluate(argument.value, scope);
      continue;
    }
    Variable variable{path_of(*this, *argument.value), argument.value->span, {}, {}};
    const std::string& root = variable.path.front().text;
    Scope* holder = inner->holder(root);
    if (holder == nullptr)
      fail("E0373", variable.span, fmt::format("`{}` is no variable here", root), "",
           "names of the whole script are constants; a variable is bound where its derivative is taken");
    Value value = evaluate(argument.value, inner);
    variable.tree = map_leaves(value, [&](const Leaf& leaf) -> Value {
      if (leaf.carried) return leaf.value;
      Tensor t = tensor(leaf.value, variable.span);
      // A number is a variable too: grad(x) { x^3 } at x = 2.
      if (!is_float(t.dtype()) && leaf.value.number()) t = real(t);
      if (!is_float(t.dtype())) return t;
      variable.aliases.push_back(alias(t, here));
      return variable.aliases.back();
    });
    if (variable.aliases.empty())
      fail("E0374", variable.span, fmt::format("there is nothing to differentiate in {}", describe(value)));
    const Value rebound = replaced(*inner->find(root), variable.path, 1, variable.tree);
    if (holder->is_learner) {
      saved.emplace_back(holder, root, *holder->find(root));
      holder->bind(root, rebound);
    } else {
      inner->bind(root, rebound);
    }
    variables.push_back(std::move(variable));
  }
  if (variables.empty())
    fail("E0375", span, fmt::format("`{}` needs a variable: `{}(w) {{ ... }}`", form.kind.text, form.kind.text));

  const Value result = [&] {
    struct Inside {  // the block
      explicit Inside(int& blocks) : blocks(++blocks) {}
      ~Inside() { --blocks; }
      int& blocks;
    } inside(blocks_of_derivatives_);
    return block_value(*form.block, inner);
  }();
  if (result.is_none())
    fail("E0376", form.block->span, fmt::format("the block of `{}` gives no value", form.kind.text), "",
         "write one expression, or `return` the value");
  const Tensor value = real(tensor(result, form.block->span));
  std::vector<Tensor> all;
  for (const auto& variable : variables) all.insert(all.end(), variable.aliases.begin(), variable.aliases.end());

  const auto given = [this](Tensor t) { return derivatives == Derivatives::first_order ? stop_gradient(t) : t; };
  return guarded(span, {}, [&]() -> Value {
    if (form.kind.text == "jvp") {
      if (!along || variables.size() != 1)
        fail("E0377", span, "`jvp` needs one variable and a direction: `jvp(w, along: v) { ... }`");
      std::vector<Tensor> tangents;
      zip_leaves(variables.front().tree, *along, [&](const Value& x, const Value& v) -> Value {
        const Tensor t = tensor(x, span);
        if (is_float(t.dtype())) tangents.push_back(cast(broadcast_to(tensor(v, span), t.shape()), t.dtype()));
        return x;
      });
      return given(jvp(value, all, tangents));
    }
    if (value.shape().rank() != 0)
      fail("E0378", form.block->span,
           fmt::format("`{}` needs a scalar, the block gives {}", form.kind.text, to_string(value.type())), "",
           "take the `mean` or the `sum`");
    if (form.kind.text == "hessian") {
      if (all.size() != 1)
        fail("E0379", span, "`hessian` needs one tensor as its variable", "",
             "of a tree: `let v = to_vector(w)`, then `hessian(v) { .. from_vector(v, w) .. }`");
      return given(hessian_of(*this, value, variables.front()));
    }
    const NodeId begin = here.size();
    const auto gradients = grad(value, all);
    if (flow != nullptr) {
      auto results = gradients;
      if (form.kind.text == "value_and_grad") results.push_back(value);
      flow->derivatives.push_back({span, &here, begin, here.size(), value.id(), ids_of(all), ids_of(results)});
    }
    std::size_t next = 0;
    std::vector<Value> trees;
    for (const auto& variable : variables)
      trees.push_back(over_variables(*this, variable, [&](Tensor) { return given(gradients[next++]); }));
    const Value gradient = trees.size() == 1 ? trees.front() : Value::tuple(trees);
    return form.kind.text == "grad" ? gradient : Value::tuple({value, gradient});
  });
}

}  // namespace metac::dsl
