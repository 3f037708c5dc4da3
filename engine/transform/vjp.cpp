// Reverse-mode derivatives. One sweep up marks what depends on the variables, one sweep down carries cotangents; both
// only over the ids between the variables and the outputs, which keeps repeated inner gradients linear. The rules build
// public operators, so a derivative is a graph like any other and can be differentiated again.
#include <fmt/format.h>

#include <algorithm>
#include <unordered_map>

#include "graph/operator.hpp"
#include "transform/flow.hpp"
#include "transform/regions.hpp"
#include "transform/transform.hpp"

namespace metac {

namespace {

thread_local std::int64_t visits = 0;

bool has_parts(const Node& node) { return is_loop(node) || is_custom(node); }
std::size_t parts_of(const Node& node) {
  return is_custom(node) ? custom_rule(node.attributes).outputs : map_body(node).region.outputs.size();
}
bool is_part(const Node& node) { return &node.op == &part_operator; }

// The sweep over one graph, with everything it knows about the nodes of the window [low, high).
class Sweep {
 public:
  Sweep(Graph& graph, std::span<const Tensor> outputs, std::span<const Tensor> wrt) : graph_(graph) {
    low_ = wrt[0].id();
    for (const Tensor& variable : wrt) low_ = std::min(low_, variable.id());
    high_ = low_;
    for (const Tensor& output : outputs)
      if (output) high_ = std::max(high_, output.id() + 1);
    for (const Tensor& variable : wrt) high_ = std::max(high_, variable.id() + 1);
    depends_.resize(high_ - low_, 0);
    cotangents_.resize(high_ - low_);
    for (const Tensor& variable : wrt) depends_[variable.id() - low_] = 1;
    mark();
  }

  bool depends(NodeId id) const { return id >= low_ && id < high_ && depends_[id - low_]; }

  void add_cotangent(NodeId id, Tensor cotangent) {
    const Type& type = graph_.node(id).type;
    if (cotangent.type() != type)
      throw Bug(fmt::format("the cotangent of %{} = {} : {} is {}", id, graph_.node(id).op.name, to_string(type),
                            to_string(cotangent.type())));
    Tensor& sum = cotangents_[id - low_];
    sum = sum ? add(sum, cotangent) : cotangent;
  }

  // Downwards. What a rule makes remembers the place of the node whose derivative it is.
  void run() {
    const std::int32_t place = graph_.place();
    for (NodeId id = high_; id-- > low_;) {
      ++visits;
      if (!depends(id)) continue;
      const Node node = graph_.node(id);
      if (is_part(node) && cotangents_[id - low_])
        part_cotangent(node) = cotangents_[id - low_];
      else if (has_parts(node))
        step_parts(id, node);
      else if (node.op.vjp && cotangents_[id - low_])
        step(id, node, std::span(&cotangents_[id - low_], 1), node.op.vjp);
    }
    graph_.set_place(place);
  }

  Tensor cotangent(NodeId id) const { return cotangents_[id - low_]; }

 private:
  void mark() {
    for (NodeId id = low_; id < high_; ++id) {
      ++visits;
      if (depends_[id - low_]) continue;
      const Node node = graph_.node(id);
      if (!carries_derivative(node)) continue;
      depends_[id - low_] = std::any_of(node.inputs.begin(), node.inputs.end(), [&](NodeId i) { return depends(i); });
    }
  }

  Tensor& part_cotangent(const Node& part) {
    auto& parts = parts_[part.inputs[0]];
    if (parts.empty()) parts.resize(parts_of(graph_.node(part.inputs[0])));
    return parts[part.attributes.numbers[0]];
  }

  void step_parts(NodeId id, const Node& node) {
    const auto found = parts_.find(id);
    if (found != parts_.end()) step(id, node, found->second, is_custom(node) ? node.op.vjp : loop_vjp);
  }

  void step(NodeId id, const Node& node, std::span<const Tensor> cotangents,
            std::vector<Tensor> (*rule)(const VjpSite&)) {
    graph_.set_place(node.place);
    inputs_.clear();
    needed_.clear();
    for (NodeId input : node.inputs) {
      inputs_.push_back(graph_.tensor(input));
      needed_.push_back(depends(input));
    }
    const auto results = rule({graph_.tensor(id), inputs_, node.attributes, cotangents, needed_});
    if (results.size() != inputs_.size())
      throw Bug(fmt::format("[{}] the derivative has {} cotangents for {} inputs", node.op.name, results.size(),
                            inputs_.size()));
    for (std::size_t i = 0; i < results.size(); ++i)
      if (results[i] && needed_[i] && is_float(inputs_[i].dtype())) add_cotangent(inputs_[i].id(), results[i]);
  }

  Graph& graph_;
  NodeId low_ = 0, high_ = 0;
  std::vector<char> depends_;
  std::vector<Tensor> cotangents_;
  std::unordered_map<NodeId, std::vector<Tensor>> parts_;  // of nodes that have some: a cotangent for each
  std::vector<Tensor> inputs_;
  std::vector<char> needed_;
};

// A variable that is a node like any other could be simplified or interned away on the path to the output.
void check_variables(const Graph& graph, std::span<const Tensor> wrt) {
  for (std::size_t i = 0; i < wrt.size(); ++i) {
    if (!is_float(wrt[i].dtype()))
      throw Error(fmt::format("[grad] variable {} is {}, f32 or f64 is needed", i, to_string(wrt[i].type())));
    if (&wrt[i].graph() != &graph)
      throw Error(fmt::format(
          "[grad] variable {} is of another graph than the output: an alias of it in that graph is needed", i));
    const Node node = graph.node(wrt[i].id());
    if (!node.unique)
      throw Error(
          fmt::format("[grad] variable {} is the result of `{}`, an input or an alias is needed", i, node.op.name));
  }
}

void check_seeds(std::span<const Tensor> outputs, std::span<const Tensor> cotangents) {
  require_present("vjp", outputs);
  if (outputs.size() != cotangents.size())
    throw Error(fmt::format("[vjp] {} cotangents were given for {} outputs", cotangents.size(), outputs.size()));
  for (std::size_t i = 0; i < outputs.size(); ++i)
    if (cotangents[i] && cotangents[i].type() != outputs[i].type())
      throw Error(fmt::format("[vjp] cotangent {} is {}, its output is {}", i, to_string(cotangents[i].type()),
                              to_string(outputs[i].type())));
}

// The outputs as nodes of `graph`, without those that have no cotangent or are not floating.
std::vector<Tensor> seeded(Graph& graph, std::span<const Tensor> outputs, std::span<const Tensor> cotangents) {
  std::vector<Tensor> result(outputs.size());
  for (std::size_t i = 0; i < outputs.size(); ++i)
    if (cotangents[i] && is_float(outputs[i].dtype())) result[i] = graph.capture(outputs[i]);
  return result;
}

}  // namespace

bool carries_derivative(const Node& node) {
  return has_parts(node) || ((node.op.vjp || is_part(node)) && is_float(node.type.dtype));
}

std::string_view operator_name(const Node& node) { return node.op.name; }
const Region* region_of(const Node& node) { return node.op.region != nullptr ? node.op.region(node) : nullptr; }

std::int64_t nodes_visited() { return visits; }
void count_visits(std::int64_t nodes) { visits += nodes; }

std::vector<Tensor> vjp(TensorList outputs, TensorList cotangents, TensorList wrt) {
  if (wrt.empty()) return {};
  require_present("grad", wrt);
  check_seeds(outputs, cotangents);
  std::vector<Tensor> together(outputs.begin(), outputs.end());
  together.insert(together.end(), wrt.begin(), wrt.end());
  Graph& graph = innermost(together);
  check_variables(graph, wrt);

  const std::vector<Tensor> ends = seeded(graph, outputs, cotangents);
  Sweep sweep(graph, ends, wrt);
  for (std::size_t i = 0; i < ends.size(); ++i)
    if (ends[i] && sweep.depends(ends[i].id())) sweep.add_cotangent(ends[i].id(), cotangents[i]);
  sweep.run();
  std::vector<Tensor> result;
  for (const Tensor& variable : wrt) result.push_back(sweep.cotangent(variable.id()));
  return result;
}

}  // namespace metac
