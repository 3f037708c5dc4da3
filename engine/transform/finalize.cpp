// From the graph that was built to the graph that is planned, in two passes over the ids: down, to find what is needed
// (looking into regions for the parts and captures that are used), and up, to build it anew: without aliases,
// stop_gradient and rules of derivatives, interned again, with each region's unused inputs and outputs dropped and
// equal ones merged. What a body holds that depends on none of its slices moves out of it. Recursion is over the
// nesting of regions only.
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
  struct Loop {
    std::vector<char> parts;
    std::vector<char> carries;
    std::unique_ptr<Needs> body;
  };
  std::unordered_map<NodeId, Loop> loops;

  bool node(NodeId id) const { return id < nodes.size() && nodes[id]; }
};

std::unique_ptr<Needs> find_needs(const Graph& graph, std::span<const NodeId> outputs);

// Looks into the body: only the inputs that its used parts need are needed (and the index, which says how many tasks).
// A carry is needed if it is used at the end, or in a step: then, what a step hands on for it is needed, too.
void find_loop_needs(Needs& needs, NodeId id, const MapBody& body) {
  Needs::Loop& loop = needs.loops[id];
  std::vector<NodeId> outputs;
  for (std::size_t k = 0; k < loop.parts.size(); ++k)
    if (loop.parts[k]) outputs.push_back(body.region.outputs[k]);
  if (body.guard != MapBody::no_guard) outputs.push_back(body.region.inputs[body.guard]);
  loop.carries.assign(loop.parts.begin() + body.carry_output(0), loop.parts.end());
  for (bool changed = true; changed;) {
    changed = false;
    loop.body = find_needs(*body.region.graph, outputs);
    for (int j = 0; j < body.carries; ++j) {
      if (loop.carries[j] || !loop.body->node(body.region.inputs[body.carry_input(j)])) continue;
      loop.carries[j] = 1;
      outputs.push_back(body.region.outputs[body.carry_output(j)]);
      changed = true;
    }
  }
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
    if (&node.op == &part_operator && is_custom(graph.node(node.inputs[0]))) {
      needs->nodes[graph.node(node.inputs[0]).inputs[node.attributes.numbers[0]]] = 1;
      continue;
    }
    if (&node.op == &part_operator) {
      auto& parts = needs->loops[node.inputs[0]].parts;
      parts.resize(map_body(graph.node(node.inputs[0])).region.outputs.size(), 0);
      parts[node.attributes.numbers[0]] = 1;
    } else if (is_loop(node)) {
      const MapBody& body = map_body(node);
      find_loop_needs(*needs, id, body);
      const Needs::Loop& loop = needs->loops[id];
      for (int i = 0; i < static_cast<int>(node.inputs.size()); ++i) {
        const int carry = i - body.sequences;
        const bool carried = carry >= 0 && carry < body.carries && loop.carries[carry];
        if (i == 0 || carried || loop.body->node(body.region.inputs[i])) needs->nodes[node.inputs[i]] = 1;
      }
      continue;
    }
    for (NodeId input : node.inputs) needs->nodes[input] = 1;
  }
  count_visits(end);
  return needs;
}

// A body as a list of numbers: two that are equal do the same (operators, attributes and inputs, node by node).
std::vector<std::int64_t> signature(const MapBody& body) {
  std::vector<std::int64_t> result{body.sequences, body.length, body.carries, body.guard};
  const Graph& graph = *body.region.graph;
  result.insert(result.end(), body.outputs.begin(), body.outputs.end());
  result.push_back(-1);
  result.insert(result.end(), body.region.outputs.begin(), body.region.outputs.end());
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
      if (is_loop(node))
        rebuild_loop(id, node);
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
    if (&node.op == &part_operator) return copy_of_part(node);
    inputs_.clear();
    for (NodeId input : node.inputs) inputs_.push_back(copies_[input]);
    // In a body this may be a graph around it: the node is hoisted. Constants begin outermost so as to hold nothing
    // back; where they are used in a body they are made anew.
    Graph& home = inputs_.empty() ? outermost(into_) : innermost(inputs_);
    return home.push(node.op, inputs_, node.attributes);
  }

  Tensor copy_of_part(const Node& node) const {
    const Node whole = source_.node(node.inputs[0]);
    const std::int64_t index = node.attributes.numbers[0];
    return is_custom(whole) ? copies_[whole.inputs[index]] : parts_.at(node.inputs[0]).at(index);
  }

  void rebuild_loop(NodeId id, const Node& node);

  const Graph& source_;
  const Needs& needs_;
  Graph& into_;
  Bodies& bodies_;
  std::vector<Tensor> copies_, inputs_;
  std::unordered_map<NodeId, std::vector<Tensor>> parts_;  // of loops
};

// The new body of one loop.
class RebuildLoop {
 public:
  RebuildLoop(const MapBody& old, std::span<const Tensor> inputs, const Needs::Loop& needs, Graph& outer,
              Bodies& bodies)
      : old_(old), needs_(needs), outer_(outer), bodies_(bodies), graph_(std::make_shared<Graph>(outer)) {
    body_.region.graph = graph_;
    body_.length = old.length;
    Rebuild rebuild(*old.region.graph, *needs.body, *graph_, bodies);
    for (std::size_t i = 0; i < inputs.size(); ++i) add_input(rebuild, static_cast<int>(i), inputs[i]);
    rebuild.run();
    for (std::size_t k = 0; k < old.outputs.size(); ++k) add_output(rebuild, k);
    for (int j = 0; j < old.carries; ++j) add_carry(rebuild, j);
  }

  // The parts of the loop, empty where not needed.
  std::vector<Tensor> close() {
    std::vector<char> used = used_inputs();
    std::vector<Tensor> inputs;
    const auto give = [&](Tensor inner, Tensor outer) {
      if (inner.id() == guard_) body_.guard = static_cast<int>(inputs.size());
      inputs.push_back(outer);
      body_.region.inputs.push_back(inner.id());
    };
    for (std::size_t i = 0; i < sequences_.size(); ++i)
      if (i == 0 || used[slices_[i].id()]) give(slices_[i], sequences_[i]);
    body_.sequences = static_cast<int>(inputs.size());
    for (std::size_t j = 0; j < carries_.size(); ++j) give(carries_[j], initial_[j]);
    body_.carries = static_cast<int>(carries_.size());
    for (const Graph::Capture& capture : graph_->captures())
      if (used[capture.inner]) give({graph_.get(), capture.inner}, capture.outer);
    const Tensor loop = push(inputs);
    std::vector<Tensor> parts(needs_.parts.size());
    for (std::size_t k = 0; k < parts.size(); ++k)
      if (needs_.parts[k]) parts[k] = part(loop, part_of_[k]);
    return parts;
  }

 private:
  // Sequences that are needed become slices, equal ones one slice; captures stand for themselves, so that what depends
  // on them alone is built outside.
  void add_input(Rebuild& rebuild, int i, Tensor outer) {
    const NodeId inner = old_.region.inputs[i];
    const int carry = i - old_.sequences;
    const Type& type = old_.region.graph->node(inner).type;
    if (carry >= 0 && carry < old_.carries) {
      if (!needs_.carries[carry]) return;
      initial_.push_back(outer);
      carries_.push_back(input(*graph_, type));
      rebuild.replace(inner, carries_.back());
      if (i == old_.guard) guard_ = carries_.back().id();
      return;
    }
    if (i != 0 && !needs_.body->node(inner)) return;
    if (carry >= 0) return rebuild.replace(inner, outer);
    auto found = std::find(sequences_.begin(), sequences_.end(), outer) - sequences_.begin();
    if (found == static_cast<std::ptrdiff_t>(sequences_.size())) {
      sequences_.push_back(outer);
      slices_.push_back(input(*graph_, type));
    }
    rebuild.replace(inner, slices_[found]);
    if (i == old_.guard) guard_ = slices_[found].id();
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

  void add_carry(const Rebuild& rebuild, int j) {
    part_of_.push_back(static_cast<int>(body_.region.outputs.size()));
    if (!needs_.carries[j]) return;
    body_.region.outputs.push_back(graph_->capture(rebuild.copied(old_.region.outputs[old_.carry_output(j)])).id());
  }

  // Building anew may have simplified some needs away.
  std::vector<char> used_inputs() const {
    std::vector<NodeId> outputs = body_.region.outputs;
    if (guard_ != no_node) outputs.push_back(guard_);
    std::vector<char> used = find_needs(*graph_, outputs)->nodes;
    used.resize(graph_->size(), 0);
    return used;
  }

  // Equal bodies share one object, so that equal loops are interned.
  Tensor push(std::span<const Tensor> inputs) {
    const Operator& op = body_.carries == 0 ? map_operator : scan_operator;
    const auto [known, is_new] = bodies_.try_emplace(signature(body_));
    if (!is_new) return outer_.push(op, inputs, known->second);
    const Tensor loop = push_loop(outer_, inputs, std::move(body_));
    known->second = outer_.node(loop.id()).attributes;
    return loop;
  }

  static constexpr NodeId no_node = ~NodeId{0};

  const MapBody& old_;
  const Needs::Loop& needs_;
  Graph& outer_;
  Bodies& bodies_;
  std::shared_ptr<Graph> graph_;
  MapBody body_;
  std::vector<Tensor> sequences_, slices_, initial_, carries_;
  NodeId guard_ = no_node;
  std::vector<int> part_of_;  // of the new loop, for each part of the old
};

void Rebuild::rebuild_loop(NodeId id, const Node& node) {
  std::vector<Tensor> inputs(node.inputs.size());
  std::vector<Tensor> present;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    inputs[i] = copies_[node.inputs[i]];
    if (inputs[i]) present.push_back(inputs[i]);
  }
  Graph& home = present.empty() ? into_ : innermost(present);
  for (std::size_t i = 0; i < inputs.size(); ++i)
    if (inputs[i]) inputs[i] = home.capture(inputs[i]);
  parts_[id] = RebuildLoop(map_body(node), inputs, needs_.loops.at(id), home, bodies_).close();
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
