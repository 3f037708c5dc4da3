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

}  // namespace metac
