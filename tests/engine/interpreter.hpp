// The obvious meaning of a graph: evaluates it node by node, as plainly as possible. Every value is rounded to its
// dtype after each node, everything in between is double. What kernels, plans and transformations are compared with.
#pragma once

#include <cmath>
#include <map>
#include <vector>

#include "graph/operator.hpp"
#include "ops/primitives.hpp"

namespace metac::testing {

inline void put(Array& array, std::int64_t index, double value) {
  switch (array.dtype()) {
    case Dtype::f32:
      array.as<float>()[index] = static_cast<float>(value);
      return;
    case Dtype::f64:
      array.as<double>()[index] = value;
      return;
    case Dtype::i32:
      array.as<std::int32_t>()[index] = static_cast<std::int32_t>(value);
      return;
    case Dtype::boolean:
      array.as<bool>()[index] = value != 0;
      return;
  }
}

// Position of row-major element `index` of `shape` in memory with `strides`.
inline std::int64_t offset_of(std::int64_t index, const Shape& shape, const Shape& strides) {
  std::int64_t offset = 0;
  for (int axis = shape.rank(); axis-- > 0; index /= shape[axis]) offset += index % shape[axis] * strides[axis];
  return offset;
}

inline void interpret_pointwise(const Node& node, std::span<const Array> inputs, Array& result) {
  // A select is typed by its choices, everything else by its first operand.
  const Dtype operand = inputs[*node.op.pointwise == Fn::select ? 1 : 0].dtype();
  for (std::int64_t i = 0; i < result.elements(); ++i) {
    double values[3] = {0, 0, 0};
    for (std::size_t k = 0; k < inputs.size(); ++k) values[k] = inputs[k].at(i);
    put(result, i,
        evaluate(*node.op.pointwise, operand, result.dtype(), values[0], values[1], values[2], node.op.call));
  }
}

// The reduced axes are attributes.numbers; whether the result keeps them with size 1 does not matter here.
inline void interpret_reduction(const Node& node, std::span<const Array> inputs, Array& result) {
  const Shape& shape = inputs[0].shape();
  Shape kept = shape;
  for (auto axis : node.attributes.numbers) kept[axis] = 1;
  Shape strides = row_major_strides(kept);
  for (auto axis : node.attributes.numbers) strides[axis] = 0;
  const bool integer = result.dtype() == Dtype::i32;
  const double lowest = integer ? -2147483648.0 : -INFINITY, highest = integer ? 2147483647.0 : INFINITY;
  std::vector<double> values(result.elements());
  const auto combine = [&](double& a, double b) {
    switch (node.op.reduction) {
      case Reduction::sum:
        a += b;
        return;
      case Reduction::product:
        a *= b;
        return;
      case Reduction::maximum:
        a = std::isnan(b) || b > a ? b : a;
        return;
      case Reduction::minimum:
        a = std::isnan(b) || b < a ? b : a;
        return;
      case Reduction::none:
        return;
    }
  };
  const double start = node.op.reduction == Reduction::sum       ? 0
                       : node.op.reduction == Reduction::product ? 1
                       : node.op.reduction == Reduction::maximum ? lowest
                                                                 : highest;
  for (auto& value : values) value = start;
  for (std::int64_t i = 0; i < inputs[0].elements(); ++i)
    combine(values[offset_of(i, shape, strides)], inputs[0].at(i));
  for (std::int64_t i = 0; i < result.elements(); ++i)
    put(result, i, integer ? static_cast<std::int32_t>(static_cast<std::int64_t>(values[i])) : values[i]);
}

inline void interpret_view(const Node& node, std::span<const Array> inputs, Array& result) {
  const auto view = node.op.view(node, Layout::dense(inputs[0].type()));
  if (!view) throw Bug(std::string("the view of dense memory failed: ") + node.op.name);
  for (std::int64_t i = 0; i < result.elements(); ++i)
    put(result, i, inputs[0].at(view->offset + offset_of(i, view->layout.shape, view->layout.strides)));
}

// The value of a node that is neither an input nor of a region.
inline Array interpret_node(const Node& node, std::span<const Array> inputs) {
  Array result(node.type);
  if (node.op.reference)
    node.op.reference(node, inputs, result);
  else if (node.op.pointwise)
    interpret_pointwise(node, inputs, result);
  else if (node.op.reduction != Reduction::none)
    interpret_reduction(node, inputs, result);
  else if (node.op.view)
    interpret_view(node, inputs, result);
  else
    throw Bug(std::string("there is no reference for ") + node.op.name);
  return result;
}

class Interpreter {
 public:
  // Values of `outputs` for given values of the input nodes.
  static std::vector<Array> run(const Graph& graph, std::span<const NodeId> outputs,
                                const std::map<NodeId, Array>& inputs) {
    Interpreter interpreter{graph, inputs};
    return interpreter.evaluate_all(outputs);
  }

 private:
  Interpreter(const Graph& graph, const std::map<NodeId, Array>& inputs) : graph_(graph), inputs_(inputs) {}

  std::vector<Array> evaluate_all(std::span<const NodeId> outputs) {
    NodeId end = 0;
    for (NodeId id : outputs) end = std::max(end, id + 1);
    std::vector<char> needed(end, 0);
    for (NodeId id : outputs) needed[id] = 1;
    for (NodeId id = end; id-- > 0;)
      if (needed[id])
        for (NodeId input : graph_.node(id).inputs) needed[input] = 1;
    for (NodeId id = 0; id < end; ++id)
      if (needed[id]) evaluate_node(id);
    std::vector<Array> results;
    for (NodeId id : outputs) results.push_back(values_.at(id)[0]);
    return results;
  }

  void evaluate_node(NodeId id) {
    const Node node = graph_.node(id);
    std::vector<Array> inputs;
    for (NodeId input : node.inputs)
      inputs.push_back(values_.at(input).empty() ? Array(Type{Dtype::boolean, Shape{0}}) : values_.at(input)[0]);
    if (is_loop(node))
      values_[id] = run_loop(map_body(node), inputs);
    else if (is_custom(node))
      values_[id] = inputs;  // its parts are the first ones
    else if (&node.op == &part_operator)
      values_[id] = {values_.at(node.inputs[0]).at(node.attributes.numbers[0])};
    else
      values_[id] = {value(id, node, inputs)};
  }

  Array value(NodeId id, const Node& node, std::span<const Array> inputs) {
    if (&node.op == &input_operator) {
      const auto found = inputs_.find(id);
      if (found == inputs_.end()) throw Bug("an input is needed that was not given");
      if (found->second.type() != node.type) throw Bug("an input was given with another type than it has");
      return found->second;
    }
    return interpret_node(node, inputs);
  }

  std::vector<Array> run_loop(const MapBody& body, std::vector<Array> inputs) {
    const Region& region = body.region;
    std::vector<Array> results;
    for (std::size_t k = 0; k < body.outputs.size(); ++k)
      results.push_back(Array(part_type(body, static_cast<int>(k))));
    for (std::int64_t task = 0; task < body.length; ++task) {
      std::map<NodeId, Array> slices;
      for (std::size_t i = 0; i < inputs.size(); ++i)
        slices[region.inputs[i]] = static_cast<int>(i) < body.sequences ? inputs[i].row(task) : inputs[i];
      if (body.guard != MapBody::no_guard && slices.at(region.inputs[body.guard]).at(0) == 0) continue;
      const std::vector<Array> values = run(*region.graph, region.outputs, slices);
      for (std::size_t k = 0; k < body.outputs.size(); ++k) store(body, k, task, values[k], results[k]);
      for (int j = 0; j < body.carries; ++j) inputs[body.carry_input(j)] = values[body.carry_output(j)];
    }
    for (int j = 0; j < body.carries; ++j) results.push_back(inputs[body.carry_input(j)]);
    return results;
  }

  static void store(const MapBody& body, std::size_t k, std::int64_t task, const Array& value, Array& result) {
    const bool stacked = body.outputs[k] == MapBuilder::stacked;
    for (std::int64_t i = 0; i < value.elements(); ++i)
      put(result, stacked ? task * value.elements() + i : i, stacked ? value.at(i) : result.at(i) + value.at(i));
  }

  const Graph& graph_;
  const std::map<NodeId, Array>& inputs_;
  std::map<NodeId, std::vector<Array>> values_;  // parts of a region: several
};

// Values of `outputs` for given values of the input nodes.
inline std::vector<Array> interpret(const Graph& graph, std::span<const NodeId> outputs,
                                    const std::map<NodeId, Array>& inputs) {
  return Interpreter::run(graph, outputs, inputs);
}

inline std::vector<Array> interpret(std::span<const Tensor> outputs, const std::map<NodeId, Array>& inputs) {
  std::vector<NodeId> ids;
  for (const Tensor& output : outputs) ids.push_back(output.id());
  return ids.empty() ? std::vector<Array>() : interpret(outputs[0].graph(), ids, inputs);
}

inline Array interpret(Tensor output, const std::map<NodeId, Array>& inputs) {
  return interpret(std::span(&output, 1), inputs)[0];
}

}  // namespace metac::testing
