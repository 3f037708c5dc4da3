// What the transformations and the plan need to know of single operators: those that they treat as cases of their own.
#pragma once

#include "graph/operator.hpp"
#include "ops/control.hpp"
#include "ops/ops.hpp"

namespace metac {

extern const Operator matmul_operator, map_operator, scan_operator, part_operator, custom_vjp_operator, alias_operator,
    stop_gradient_operator, constant_operator, array_operator, iota_operator;

double constant_value(const Node&);  // of a node of constant_operator, as it is in its own dtype
Array array_value(const Node&);      // of a node of array_operator: shares its memory

// Runtime facts of a `map` node, or of a `scan`, which is a map whose tasks, its steps, hand on carries one after the
// other. The node's inputs are the sequences (the first of them is always an iota: the index), then what the carries
// begin with, then the captures. Its parts are the body's outputs: the results, then the carries after the last step.
// attributes.object is the body.
struct MapBody {
  Region region;
  int sequences = 0;
  std::int64_t length = 0;
  std::vector<MapBuilder::Output> outputs;  // of the results
  int carries = 0;
  // The input, a slice or a carry, that is a bool scalar and says whether the task is run; -1: all are. One that is not
  // hands on the carries as they came, stacks zeros and adds nothing.
  int guard = no_guard;
  static constexpr int no_guard = -1;

  int carry_input(int j) const { return sequences + j; }
  int carry_output(int j) const { return static_cast<int>(outputs.size()) + j; }
  int inputs_of_steps() const { return sequences + carries; }  // those that are no captures
};
inline bool is_loop(const Node& node) { return &node.op == &map_operator || &node.op == &scan_operator; }
const MapBody& map_body(const Node&);  // of a loop
Type part_type(const MapBody&, int index);
int stack_of(const MapBody&, NodeId value);  // which result stacks this value of the body; -1: none
Tensor part(Tensor node, int index);
// The map or scan of a body, on inputs that fit it (as checked by its shape rule).
Tensor push_loop(Graph&, std::span<const Tensor> inputs, MapBody);

// A map or scan whose body is being built.
struct OpenLoop {
  Graph& outer;
  std::shared_ptr<Graph> body;
  std::vector<Tensor> sequences, slices;  // without the index
  std::vector<Tensor> initial, carry;
  std::int64_t length;
  Tensor index;
  int guard = MapBody::no_guard;

  OpenLoop(Graph& outer, std::vector<Tensor> sequences, std::vector<Tensor> initial, std::int64_t length);
  // The parts: the results, then the last carries. `next` is what a step hands on. The node has further parts, each
  // carry stacked as it comes into the steps, for derivatives to read: finalize drops those that nothing does.
  std::vector<Tensor> close(const std::vector<MapBuilder::Result>& results, std::span<const Tensor> next = {});
  void check(const std::vector<MapBuilder::Result>& results, std::span<const Tensor> next) const;  // that it can close
};
// Closes a scan of which derivatives keep the carries of every k-th step only; of all of them where k is 0.
std::vector<Tensor> close_scan(OpenLoop&, const std::vector<MapBuilder::Result>&, std::span<const Tensor> next,
                               std::int64_t recompute_every);

// What a node of custom_vjp holds, as attributes.object. Its inputs are the outputs of the function, which are its
// parts, then the inputs of the function.
struct CustomRule {
  std::size_t outputs;
  VjpRule rule;
};
inline bool is_custom(const Node& node) { return &node.op == &custom_vjp_operator; }
const CustomRule& custom_rule(const Attributes&);
Tensor push_custom(std::span<const Tensor> outputs_and_inputs, CustomRule);
// The rule as a region of a graph of its own, for these types of outputs and inputs: from the inputs, the outputs and
// their cotangents to those cotangents of inputs that are not zero.
struct TracedRule {
  Region region;
  std::vector<std::size_t> inputs;  // whose cotangents they are
};
TracedRule trace(const CustomRule&, std::span<const Type> outputs, std::span<const Type> inputs);

// A batching rule that every operator may use: runs the operator in a `map` over the batch.
Tensor batch_by_map(const BatchSite&);

}  // namespace metac
