// Batching: replays a region upwards; nodes with a batched input go through their operator's rule, the others are made
// again as they are (and so only once for the whole batch).
#include <fmt/format.h>

#include <algorithm>
#include <unordered_map>

#include "graph/operator.hpp"
#include "transform/regions.hpp"
#include "transform/transform.hpp"

namespace metac {

namespace {

class Batcher {
 public:
  Batcher(const Region& region, std::int64_t size, Graph& into) : region_(region), size_(size), into_(into) {}

  std::vector<Batched> run(std::span<const Batched> inputs) {
    const std::vector<char> needed = needed_by(*region_.graph, region_.outputs);
    values_.resize(needed.size());
    for (std::size_t i = 0; i < inputs.size(); ++i)
      if (region_.inputs[i] < needed.size()) values_[region_.inputs[i]] = inputs[i];
    for (NodeId id = 0; id < needed.size(); ++id)
      if (needed[id] && !values_[id].value) values_[id] = step(id);
    count_visits(2 * static_cast<std::int64_t>(needed.size()));  // once down, once up
    std::vector<Batched> outputs;
    for (NodeId id : region_.outputs) outputs.push_back(values_[id]);
    return outputs;
  }

 private:
  Batched step(NodeId id) {
    const Node node = region_.graph->node(id);
    if (&node.op == &input_operator) throw Bug(fmt::format("batch: the input %{} is not given", id));
    inputs_.clear();
    batched_.clear();
    for (NodeId input : node.inputs) {
      inputs_.push_back(into_.capture(values_[input].value));
      batched_.push_back(values_[input].batched);
    }
    if (std::none_of(batched_.begin(), batched_.end(), [](char b) { return b; })) return {copy(node), false};
    return rule(id, node, {node.op, inputs_, batched_, node.attributes, size_, into_});
  }

  Batched rule(NodeId id, const Node& node, const BatchSite& site) {
    if (is_loop(node) || is_custom(node)) {
      parts_[id] = is_loop(node) ? loop_batch(site) : custom_batch(site);
      return {inputs_[0], true};  // never read: parts are
    }
    Batched result;
    if (&node.op == &part_operator)
      result = parts_.at(node.inputs[0]).at(node.attributes.numbers[0]);
    else if (node.op.batch)
      result = {node.op.batch(site), true};
    else
      throw Bug(fmt::format("[{}] has no batching rule", node.op.name));
    if (result.batched) check(node, result.value);
    return result;
  }

  Tensor copy(const Node& node) {
    return node.unique ? into_.push_unique(node.op, inputs_, node.attributes)
                       : into_.push(node.op, inputs_, node.attributes);
  }

  void check(const Node& node, Tensor result) const {
    const Type needed{node.type.dtype, node.type.shape.with_front(size_)};
    if (result.type() != needed)
      throw Bug(
          fmt::format("[{}] batched to {}, {} is needed", node.op.name, to_string(result.type()), to_string(needed)));
  }

  const Region& region_;
  std::int64_t size_;
  Graph& into_;
  std::vector<Batched> values_;
  std::unordered_map<NodeId, std::vector<Batched>> parts_;  // of batched nodes that have some
  std::vector<Tensor> inputs_;
  std::vector<char> batched_;
};

void check_inputs(const Region& region, std::span<const Batched> inputs, std::int64_t size) {
  if (inputs.size() != region.inputs.size())
    throw Error(fmt::format("[batch] {} inputs were given, {} are needed", inputs.size(), region.inputs.size()));
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    require_present("batch", {inputs[i].value});
    const Type& type = region.graph->node(region.inputs[i]).type;
    const Type needed = inputs[i].batched ? Type{type.dtype, type.shape.with_front(size)} : type;
    if (inputs[i].value.type() != needed)
      throw Error(
          fmt::format("[batch] input {} is {}, {} is needed", i, to_string(inputs[i].value.type()), to_string(needed)));
  }
}

}  // namespace

std::vector<Batched> batch(const Region& region, std::span<const Batched> inputs, std::int64_t size, Graph& into) {
  check_inputs(region, inputs, size);
  return Batcher(region, size, into).run(inputs);
}

}  // namespace metac
