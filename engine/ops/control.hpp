// Control: loops whose steps hand on values, loops that end by themselves, branches, recomputation, derivatives of
// one's own. Each is one node however long it runs, can be differentiated to any order, batched, and stand in the
// bodies of all others. What holds for all functions on tensors (ops.hpp) holds here.
#pragma once

#include <functional>

#include "ops/ops.hpp"

namespace [[gnu::visibility("default")]] metac {

// ---- scan: steps one after the other ----

// A loop of known length. The body is built once; each step gets the carries of the step before and a slice of every
// sequence, and hands on new carries.
//
//   ScanBuilder steps(graph, {state}, {inputs}, n);          // inputs is [n, ...]
//   const Tensor state = tanh(matmul(steps.carries()[0], w) + steps.slices()[0]);
//   const auto [last, states] = steps.close({state}, {{state}});  // the last state; all of them, [n, ...]
//
// What holds for the body of a map holds here. The derivative goes through the steps backwards. It computes each step
// again from the carries that it began with, which are kept: n times the size of the carries. `recompute_every` k keeps
// those of every k-th step only, n / k + k times their size, and computes the steps in between once more (Griewank
// 1992). Of length 0 the carries are those given. Steps run one after the other; a map in the body uses the threads.
// Errors "[scan] ...": a sequence whose first axis is not `length`, another number of carries than began or of another
// type, a result as with maps, a negative `recompute_every`.
class ScanBuilder {
 public:
  ScanBuilder(Graph& outer, std::vector<Tensor> initial, std::vector<Tensor> sequences, std::int64_t length);
  Graph& graph();                              // of the body
  const std::vector<Tensor>& carries() const;  // as they come into the step at hand
  const std::vector<Tensor>& slices() const;   // of each sequence, for the step at hand
  Tensor index() const;                        // of the step at hand, an i32 scalar
  std::int64_t length() const;
  struct Results {
    std::vector<Tensor> carries;  // after the last step
    std::vector<Tensor> results;  // [length, ...] where stacked, as in the body where summed
  };
  // Ends the body: the carries for the next step, and what else is wanted of every step.
  Results close(const std::vector<Tensor>& carries, const std::vector<MapBuilder::Result>& results = {},
                std::int64_t recompute_every = 0);

 private:
  std::shared_ptr<OpenLoop> loop_;
};

// A function of tensors, as an argument. It builds from what it is given, when it is called.
using TensorFunction = std::function<std::vector<Tensor>(TensorList)>;

// ---- loops that end by themselves ----

// While condition(values), a bool scalar, holds: values = step(values), at most `max_steps` times. Gives the last
// values. Steps beyond the end are not computed, neither in the derivative, which is exact: that of the steps that were
// taken, backwards, as with a scan. In a batch whose examples end apart each one runs a loop of its own. Where the
// bound ends the loop the condition still holds. Errors "[while_loop] ...": a step that gives values of other types
// than began, a condition that is no bool scalar, no values, a negative number of steps.
std::vector<Tensor> while_loop(const std::function<Tensor(TensorList)>& condition, const TensorFunction& step,
                               TensorList initial, std::int64_t max_steps, std::int64_t recompute_every = 0);

// ---- branches ----

// then(inputs) where the condition, a bool scalar, holds, else otherwise(inputs): only that one is computed, and only
// its derivative. Where `select` computes both sides, so that an infinite derivative of the other side gives NaN, this
// does not. What a side uses besides the inputs it is given is computed in any case. In a batch of conditions each
// example takes its own branch. Errors "[branch] ...": a condition that is no bool scalar, sides that differ in the
// number or types of their results, no inputs.
std::vector<Tensor> branch(Tensor condition, const TensorFunction& then, const TensorFunction& otherwise,
                           TensorList inputs);

// ---- recomputation ----

// f(inputs), whose derivative keeps the inputs and computes everything in between once more, so that it takes no memory
// meanwhile (Griewank 1992). What f uses besides the inputs it is given is kept. Error "[checkpoint] ..." without
// inputs.
std::vector<Tensor> checkpoint(const TensorFunction& f, TensorList inputs);

// ---- derivatives of one's own ----

// The cotangents of the inputs for cotangents of the outputs. An empty one is zero; those of inputs that are no floats
// do not count. It may use nothing but what it is given (Error), and is called when a derivative is taken.
using VjpRule = std::function<std::vector<Tensor>(TensorList inputs, TensorList outputs, TensorList cotangents)>;

// f(inputs), with this for its derivative. Higher derivatives are those of the rule; where it uses the outputs, their
// derivative is the rule again. No derivative flows to what f uses besides the inputs it is given. Error
// "[custom_vjp] ..." without inputs; when a derivative is taken: another number of cotangents than inputs, or one of
// another type than its input.
std::vector<Tensor> custom_vjp(const TensorFunction& f, VjpRule rule, TensorList inputs);

// x itself, whose cotangent is reversed and scaled: -strength times it (Ganin et al. 2016, "Domain-adversarial training
// of neural networks", equation 17). The strength, a scalar of x's dtype or one that broadcasts to x, has no
// derivative.
Tensor reverse_gradient(Tensor x, Tensor strength);
Tensor reverse_gradient(Tensor x, double strength = 1);

}  // namespace metac
