// From the graph that was built to the graph that is planned, in two passes over the ids: down, to find what is needed
// (looking into regions for the parts and captures that are used), and up, to build it anew: without aliases and
// stop_gradient, interned again, with each region's unused inputs and outputs dropped and equal ones merged. What a
// body holds that depends on none of its slices moves out of it. Recursion is over the nesting of regions only.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <memory>
#include <unordered_map>

#include "graph/operator.hpp"
#include "ops/primitives.hpp"
#include "transform/regions.hpp"
#include "transform/transform.hpp"

namespace metac {

namespace {

// What is needed of one graph.
struct Needs {
  std::vector<char> nodes;
  struct Map {
    std::vector<char> parts;
    std::unique_ptr<Needs> body;
  };
  std::unordered_map<NodeId, Map> maps;

  bool node(NodeId id) const { return id < nodes.size() && nodes[id]; }
};

std::unique_ptr<Needs> find_needs(const Graph& graph, std::span<const NodeId> outputs);

// Looks into the body: only the inputs that its used parts need are needed (and the index, which says how many tasks).
void find_map_needs(Needs& needs, NodeId id, const MapBody& body) {
  Needs::Map& map = needs.maps[id];
  std::vector<NodeId> outputs;
  for (std::size_t k = 0; k < map.parts.size(); ++k)
    if (map.parts[k]) outputs.push_back(body.region.outputs[k]);
  map.body = find_needs(*body.region.graph, outputs);
}

std::unique_ptr<Needs> find_needs(const Graph& graph, std::span<const NodeId> outputs) {
  auto needs = std::make_unique<Needs>();
  NodeId end = 0;
  for (NodeId id : outputs) end = std::max(end, id + 1);
  needs->nodes.resize(end, 0);
  for (NodeId id : outputs) needs->nodes[id] = 1;
  for (NodeId id = end; id-- > 0;) {
    if (!needs->nodes[id]) continue;
    const Node node = graph.node(id);
    if (&node.op == &part_operator) {
      auto& parts = needs->maps[node.inputs[0]].parts;
      parts.resize(map_body(graph.node(node.inputs[0])).outputs.size(), 0);
      parts[node.attributes.numbers[0]] = 1;
    } else if (&node.op == &map_operator) {
      const MapBody& body = map_body(node);
      find_map_needs(*needs, id, body);
      const Needs& inside = *needs->maps[id].body;
      for (std::size_t i = 0; i < node.inputs.size(); ++i)
        if (i == 0 || inside.node(body.region.inputs[i])) needs->nodes[node.inputs[i]] = 1;
      continue;
    }
    for (NodeId input : node.inputs) needs->nodes[input] = 1;
  }
  count_visits(end);
  return needs;
}

// A body as a list of numbers: two that are equal do the same (operators, attributes and inputs, node by node).
std::vector<std::int64_t> signature(const MapBody& body) {
  std::vector<std::int64_t> result{body.sequences, body.length};
  const Graph& graph = *body.region.graph;
  for (std::size_t k = 0; k < body.outputs.size(); ++k) {
    result.push_back(body.region.outputs[k]);
    result.push_back(body.outputs[k]);
  }
  result.push_back(-1);
  result.insert(result.end(), body.region.inputs.begin(), body.region.inputs.end());
  for (NodeId id = 0; id < graph.size(); ++id) {
    const Node node = graph.node(id);
    result.push_back(reinterpret_cast<std::intptr_t>(&node.op));
    result.push_back(static_cast<std::int64_t>(node.inputs.size()));
    result.insert(result.end(), node.inputs.begin(), node.inputs.end());
    result.push_back(static_cast<std::int64_t>(node.attributes.numbers.size()));
    result.insert(result.end(), node.attributes.numbers.begin(), node.attributes.numbers.end());
    result.push_back(reinterpret_cast<std::intptr_t>(node.attributes.object.get()));
  }
  return result;
}

Graph& outermost(Graph& graph) {
  Graph* result = &graph;
  while (result->parent()) result = result->parent();
  return *result;
}

using Bodies = std::map<std::vector<std::int64_t>, Attributes>;

// Builds one graph anew, or one body of it.
class Rebuild {
 public:
  Rebuild(const Graph& source, const Needs& needs, Graph& into, Bodies& bodies)
      : source_(source), needs_(needs), into_(into), bodies_(bodies), copies_(needs.nodes.size()) {}

  void replace(NodeId id, Tensor copy) {
    if (id < copies_.size()) copies_[id] = copy;
  }

  void run() {
    for (NodeId id = 0; id < copies_.size(); ++id) {
      if (!needs_.nodes[id] || copies_[id]) continue;
      const Node node = source_.node(id);
      into_.set_place(node.place);
      if (&node.op == &map_operator)
        rebuild_map(id, node);
      else
        copies_[id] = copy(node);
    }
    count_visits(static_cast<std::int64_t>(copies_.size()));
  }

  Tensor copied(NodeId id) const { return copies_[id]; }

 private:
  Tensor copy(const Node& node) {
    if (&node.op == &input_operator)
      throw Error(fmt::format("[finalize] an input of {} is used that is not among the inputs", to_string(node.type)));
    if (&node.op == &alias_operator || &node.op == &stop_gradient_operator) return copies_[node.inputs[0]];
    if (&node.op == &part_operator) return parts_.at(node.inputs[0]).at(node.attributes.numbers[0]);
    inputs_.clear();
    for (NodeId input : node.inputs) inputs_.push_back(copies_[input]);
    // In a body this may be a graph around it: the node is hoisted. Constants begin outermost so as to hold nothing
    // back; where they are used in a body they are made anew.
    Graph& home = inputs_.empty() ? outermost(into_) : innermost(inputs_);
    return home.push(node.op, inputs_, node.attributes);
  }

  void rebuild_map(NodeId id, const Node& node);

  const Graph& source_;
  const Needs& needs_;
  Graph& into_;
  Bodies& bodies_;
  std::vector<Tensor> copies_, inputs_;
  std::unordered_map<NodeId, std::vector<Tensor>> parts_;  // of maps
};

// The new body of one map.
class RebuildMap {
 public:
  RebuildMap(const MapBody& old, std::span<const Tensor> inputs, const Needs::Map& needs, Graph& outer, Bodies& bodies)
      : old_(old), needs_(needs), outer_(outer), bodies_(bodies), graph_(std::make_shared<Graph>(outer)) {
    body_.region.graph = graph_;
    body_.length = old.length;
    Rebuild rebuild(*old.region.graph, *needs.body, *graph_, bodies);
    for (std::size_t i = 0; i < inputs.size(); ++i) add_input(rebuild, i, inputs[i]);
    body_.sequences = static_cast<int>(sequences_.size());
    rebuild.run();
    for (std::size_t k = 0; k < old.outputs.size(); ++k) add_output(rebuild, k);
  }

  // The parts of the map, empty where not needed.
  std::vector<Tensor> close() {
    std::vector<char> used = used_inputs();
    std::vector<Tensor> inputs;
    body_.sequences = 0;
    for (std::size_t i = 0; i < sequences_.size(); ++i) {
      if (i != 0 && !used[slices_[i].id()]) continue;
      inputs.push_back(sequences_[i]);
      body_.region.inputs.push_back(slices_[i].id());
      ++body_.sequences;
    }
    for (const Graph::Capture& capture : graph_->captures()) {
      if (!used[capture.inner]) continue;
      inputs.push_back(capture.outer);
      body_.region.inputs.push_back(capture.inner);
    }
    const Tensor map = push(inputs);
    std::vector<Tensor> parts(old_.outputs.size());
    for (std::size_t k = 0; k < parts.size(); ++k)
      if (needs_.parts[k]) parts[k] = part(map, part_of_[k]);
    return parts;
  }

 private:
  // Sequences that are needed become slices, equal ones one slice; captures stand for themselves, so that what depends
  // on them alone is built outside.
  void add_input(Rebuild& rebuild, std::size_t i, Tensor outer) {
    const NodeId inner = old_.region.inputs[i];
    if (static_cast<int>(i) >= old_.sequences) {
      if (needs_.body->node(inner)) rebuild.replace(inner, outer);
      return;
    }
    if (i != 0 && !needs_.body->node(inner)) return;
    const auto found = std::find(sequences_.begin(), sequences_.end(), outer);
    if (found == sequences_.end()) {
      sequences_.push_back(outer);
      slices_.push_back(input(*graph_, old_.region.graph->node(inner).type));
      rebuild.replace(inner, slices_.back());
    } else {
      rebuild.replace(inner, slices_[found - sequences_.begin()]);
    }
  }

  void add_output(const Rebuild& rebuild, std::size_t k) {
    part_of_.push_back(-1);
    if (!needs_.parts[k]) return;
    const NodeId value = graph_->capture(rebuild.copied(old_.region.outputs[k])).id();
    auto& outputs = body_.region.outputs;
    for (std::size_t i = 0; i < outputs.size(); ++i)
      if (outputs[i] == value && body_.outputs[i] == old_.outputs[k]) part_of_.back() = static_cast<int>(i);
    if (part_of_.back() >= 0) return;
    part_of_.back() = static_cast<int>(outputs.size());
    outputs.push_back(value);
    body_.outputs.push_back(old_.outputs[k]);
  }

  // Building anew may have simplified some needs away.
  std::vector<char> used_inputs() const {
    std::vector<char> used = find_needs(*graph_, body_.region.outputs)->nodes;
    used.resize(graph_->size(), 0);
    return used;
  }

  // Equal bodies share one object, so that equal maps are interned.
  Tensor push(std::span<const Tensor> inputs) {
    const auto [known, is_new] = bodies_.try_emplace(signature(body_));
    if (!is_new) return outer_.push(map_operator, inputs, known->second);
    const Tensor map = push_map(outer_, inputs, std::move(body_));
    known->second = outer_.node(map.id()).attributes;
    return map;
  }

  const MapBody& old_;
  const Needs::Map& needs_;
  Graph& outer_;
  Bodies& bodies_;
  std::shared_ptr<Graph> graph_;
  MapBody body_;
  std::vector<Tensor> sequences_, slices_;
  std::vector<int> part_of_;  // of the new map, for each part of the old
};

void Rebuild::rebuild_map(NodeId id, const Node& node) {
  std::vector<Tensor> inputs(node.inputs.size());
  std::vector<Tensor> present;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    inputs[i] = copies_[node.inputs[i]];
    if (inputs[i]) present.push_back(inputs[i]);
  }
  Graph& home = present.empty() ? into_ : innermost(present);
  for (std::size_t i = 0; i < inputs.size(); ++i)
    if (inputs[i]) inputs[i] = home.capture(inputs[i]);
  parts_[id] = RebuildMap(map_body(node), inputs, needs_.maps.at(id), home, bodies_).close();
  copies_[id] = into_.tensor(0);  // never read: parts are
}

void check_given(std::span<const Tensor> inputs, std::span<const Tensor> outputs) {
  std::vector<Tensor> all(inputs.begin(), inputs.end());
  all.insert(all.end(), outputs.begin(), outputs.end());
  require_present("finalize", all);
  for (const Tensor& tensor : all) {
    if (&tensor.graph() != &all[0].graph()) throw Error("[finalize] inputs and outputs are not of one graph");
    if (tensor.graph().depth() != 0) throw Error("[finalize] a value of the body of a map was given");
  }
  std::vector<NodeId> ids;
  for (const Tensor& tensor : inputs) {
    ids.push_back(tensor.id());
    if (&tensor.graph().node(tensor.id()).op != &input_operator)
      throw Error("[finalize] something that is not an input was given as one");
  }
  std::sort(ids.begin(), ids.end());
  if (std::adjacent_find(ids.begin(), ids.end()) != ids.end()) throw Error("[finalize] an input was given twice");
}

Program rebuilt(std::span<const Tensor> inputs, std::span<const Tensor> outputs) {
  Program program{std::make_shared<Graph>(), {}, {}};
  if (inputs.empty() && outputs.empty()) return program;
  const Graph& source = inputs.empty() ? outputs[0].graph() : inputs[0].graph();
  std::vector<NodeId> ids;
  for (const Tensor& output : outputs) ids.push_back(output.id());
  const auto needs = find_needs(source, ids);
  Bodies bodies;
  Rebuild rebuild(source, *needs, *program.graph, bodies);
  for (const Tensor& given : inputs) {
    const Tensor copy = input(*program.graph, given.type());
    rebuild.replace(given.id(), copy);
    program.inputs.push_back(copy.id());
  }
  rebuild.run();
  for (NodeId id : ids) program.outputs.push_back(rebuild.copied(id).id());
  return program;
}

std::vector<Tensor> tensors_of(const Program& program, const std::vector<NodeId>& ids) {
  std::vector<Tensor> result;
  for (const NodeId id : ids) result.push_back(program.graph->tensor(id));
  return result;
}

}  // namespace

Program finalize(TensorList inputs, TensorList outputs) {
  check_given(inputs, outputs);
  const Program program = rebuilt(inputs, outputs);
  const auto chunked = in_chunks(program);
  return chunked ? rebuilt(tensors_of(*chunked, chunked->inputs), tensors_of(*chunked, chunked->outputs)) : program;
}

}  // namespace metac
