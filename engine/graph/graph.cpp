// The store of nodes and their birth. Everything is append-only: records in one vector, input lists in a pool that
// never moves, types and attributes interned in stores that never move, so what `node` hands out stays valid while the
// graph grows (derivative rules hold on to it while they push).
#include "graph/graph.hpp"

#include <fmt/format.h>

#include <deque>
#include <unordered_map>

#include "graph/intern.hpp"
#include "graph/operator.hpp"

namespace metac {

namespace {

constexpr NodeId most_nodes = IdTable::none - 1;

struct Record {
  const Operator* op;
  const NodeId* inputs;
  std::uint32_t type, attributes;
  std::int32_t place;
  std::uint32_t unique : 1, inputs_count : 31;
};

std::uint64_t hash_of(const Type& type) {
  std::uint64_t hash = static_cast<std::uint64_t>(type.dtype);
  for (auto size : type.shape) hash = mix(hash, static_cast<std::uint64_t>(size));
  return hash;
}

std::uint64_t hash_of(const Attributes& attributes) {
  std::uint64_t hash = reinterpret_cast<std::uintptr_t>(attributes.object.get());
  for (auto number : attributes.numbers) hash = mix(hash, static_cast<std::uint64_t>(number));
  return hash;
}

// Values that are equal share one id; references stay valid.
template <class T>
struct Interned {
  std::deque<T> values;
  IdTable table;

  template <class Value>
  std::uint32_t id(Value&& value) {
    const std::uint64_t hash = mix(0, hash_of(value));
    std::uint32_t found = table.find(hash, [&](std::uint32_t id) { return values[id] == value; });
    if (found != IdTable::none) return found;
    found = static_cast<std::uint32_t>(values.size());
    values.push_back(std::forward<Value>(value));
    table.insert(hash, found);
    return found;
  }
};

}  // namespace

struct Graph::Store {
  std::vector<Record> records;
  IdTable nodes;
  IdPool pool;
  Interned<Type> types;
  Interned<Attributes> attributes;
  std::unordered_map<NodeId, NodeId> captured;  // of the parent, here
  std::shared_ptr<std::int32_t> place;

  static std::uint64_t hash(const Operator& op, std::span<const Tensor> inputs, std::uint32_t attributes) {
    std::uint64_t hash = mix(reinterpret_cast<std::uintptr_t>(&op), attributes);
    for (const Tensor& input : inputs) hash = mix(hash, input.id());
    return hash;
  }

  NodeId find(std::uint64_t hash, const Operator& op, std::span<const Tensor> inputs, std::uint32_t attributes) const {
    return nodes.find(hash, [&](NodeId id) {
      const Record& record = records[id];
      return record.op == &op && record.attributes == attributes && record.inputs_count == inputs.size() &&
             std::equal(inputs.begin(), inputs.end(), record.inputs,
                        [](const Tensor& input, NodeId other) { return input.id() == other; });
    });
  }
};

const Type& Tensor::type() const {
  if (!graph_) throw Error("an empty tensor was given: it has no value and no type");
  return graph_->node(id_).type;
}

Graph::Graph() : store_(std::make_unique<Store>()) { store_->place = std::make_shared<std::int32_t>(0); }

Graph::Graph(Graph& parent) : store_(std::make_unique<Store>()), parent_(&parent), depth_(parent.depth_ + 1) {
  store_->place = parent.store_->place;
}

Graph::~Graph() = default;

NodeId Graph::size() const { return static_cast<NodeId>(store_->records.size()); }
void Graph::set_place(std::int32_t place) { *store_->place = place; }
std::int32_t Graph::place() const { return *store_->place; }

Node Graph::node(NodeId id) const {
  if (id >= store_->records.size()) throw Bug(fmt::format("there is no node %{}", id));
  const Record& record = store_->records[id];
  return {*record.op,
          {record.inputs, record.inputs_count},
          store_->types.values[record.type],
          store_->attributes.values[record.attributes],
          record.place,
          record.unique != 0};
}

namespace {

bool is_around(const Graph& outer, const Graph* inner) {
  while (inner && inner->depth() > outer.depth()) inner = inner->parent();
  return inner == &outer;
}

Type checked_type(const Site& site) {
  const Type type = site.op.type(site);
  for (auto size : type.shape)
    if (size < 0)
      throw Error(fmt::format("[{}] the result would have the shape {}", site.op.name, to_string(type.shape)));
  try {
    type.elements();
  } catch (const Error& too_many) {
    throw Error(fmt::format("[{}] {}", site.op.name, too_many.what()));
  }
  return type;
}

}  // namespace

// The inputs as nodes of this graph; `storage` is used only where one has to be captured. Nothing is captured for a
// node that cannot be made.
std::span<const Tensor> Graph::import(const Operator& op, std::span<const Tensor> inputs, const Attributes& attributes,
                                      std::vector<Tensor>& storage) {
  if (op.arity >= 0 && inputs.size() != static_cast<std::size_t>(op.arity))
    throw Error(fmt::format("[{}] {} inputs were given, {} are needed", op.name, inputs.size(), op.arity));
  require_present(op.name, inputs);
  bool all_here = true;
  for (const Tensor& input : inputs) {
    if (&input.graph() == this) continue;
    all_here = false;
    if (!is_around(input.graph(), this))
      throw Error(fmt::format("[{}] an input is of a graph that is neither the node's own nor around it", op.name));
  }
  if (all_here) return inputs;
  checked_type({op, inputs, attributes, *this});
  storage.assign(inputs.begin(), inputs.end());
  for (Tensor& input : storage) input = capture(input);
  return storage;
}

NodeId Graph::append(const Operator& op, std::span<const Tensor> inputs, std::uint32_t attributes, const Type& type,
                     bool unique) {
  if (closed_)
    throw Error(fmt::format("[{}] a value of the body of a region was used after the body was closed", op.name));
  if (size() == most_nodes) throw Error(fmt::format("[{}] the graph has too many nodes", op.name));
  NodeId* list = store_->pool.add(inputs.size());
  std::transform(inputs.begin(), inputs.end(), list, [](const Tensor& input) { return input.id(); });
  const NodeId id = size();
  store_->records.push_back({&op, list, store_->types.id(type), attributes, place(), unique,
                             static_cast<std::uint32_t>(inputs.size()) & 0x7fffffffu});
  return id;
}

Tensor Graph::push(const Operator& op, std::span<const Tensor> inputs, Attributes given) {
  std::vector<Tensor> storage;
  const std::uint32_t attributes = store_->attributes.id(std::move(given));
  inputs = import(op, inputs, store_->attributes.values[attributes], storage);
  const std::uint64_t hash = Store::hash(op, inputs, attributes);
  const NodeId known = store_->find(hash, op, inputs, attributes);
  if (known != IdTable::none) return {this, known};

  const Site site{op, inputs, store_->attributes.values[attributes], *this};
  const Type type = checked_type(site);
  if (op.simplify) {
    if (Tensor simpler = op.simplify(site)) {
      if (simpler.type() != type)
        throw Bug(fmt::format("[{}] simplified from {} to {}", op.name, to_string(type), to_string(simpler.type())));
      return capture(simpler);
    }
  }
  const NodeId id = append(op, inputs, attributes, type, false);
  store_->nodes.insert(hash, id);
  return {this, id};
}

Tensor Graph::push_unique(const Operator& op, std::span<const Tensor> inputs, Attributes given) {
  std::vector<Tensor> storage;
  const std::uint32_t attributes = store_->attributes.id(std::move(given));
  inputs = import(op, inputs, store_->attributes.values[attributes], storage);
  const Site site{op, inputs, store_->attributes.values[attributes], *this};
  return {this, append(op, inputs, attributes, checked_type(site), true)};
}

namespace {

bool is_leaf(const Node& node) { return node.inputs.empty() && !node.unique; }

// The views through which `outer` is seen that are worth making anew inside a body, the last one first: all of them
// where a constant is at the bottom, else down to the deepest broadcast. A broadcast captured as it is would be stored
// in full.
std::vector<NodeId> views_to_remake(Tensor outer) {
  constexpr int longest = 8;  // keeps one capture cheap; a longer chain is captured as a value
  const Graph& graph = outer.graph();
  std::vector<NodeId> views;
  std::size_t keep = 0;
  NodeId id = outer.id();
  for (int i = 0; i < longest; ++i) {
    const Node node = graph.node(id);
    if (is_leaf(node)) return views;
    if (!node.op.view || node.inputs.size() != 1 || node.unique) break;
    views.push_back(id);
    id = node.inputs[0];
    if (node.type.elements() > graph.node(id).type.elements()) keep = views.size();
  }
  views.resize(keep);
  return views;
}

}  // namespace

Tensor Graph::capture(Tensor outer) {
  require_present("capture", {outer});
  if (&outer.graph() == this) return outer;
  if (!is_around(outer.graph(), this))
    throw Error("[capture] a value was used in a graph that is neither its own nor inside it");
  if (&outer.graph() != parent_) outer = parent_->capture(outer);
  if (auto found = store_->captured.find(outer.id()); found != store_->captured.end()) return {this, found->second};

  const std::vector<NodeId> views = views_to_remake(outer);
  const NodeId base = views.empty() ? outer.id() : parent_->node(views.back()).inputs[0];
  const Node node = parent_->node(base);
  Tensor inner;
  if (is_leaf(node)) {
    inner = push(node.op, {}, node.attributes);
  } else if (!views.empty()) {
    inner = capture({parent_, base});
  } else {
    inner = push_unique(input_operator, {}, type_attributes(node.type));
    captures_.push_back({outer, inner.id()});
  }
  for (std::size_t i = views.size(); i-- > 0;) {
    const Node view = parent_->node(views[i]);
    inner = push(view.op, std::span(&inner, 1), view.attributes);
  }
  store_->captured.emplace(outer.id(), inner.id());
  return inner;
}

void require_present(const char* name, std::span<const Tensor> tensors) {
  for (const Tensor& tensor : tensors)
    if (!tensor) throw Error(fmt::format("[{}] an empty tensor was given; every input needs a value", name));
}

Graph& innermost(std::span<const Tensor> inputs) {
  require_present("graph", inputs);
  Graph* deepest = nullptr;
  for (const Tensor& input : inputs)
    if (!deepest || input.graph().depth() > deepest->depth()) deepest = &input.graph();
  if (!deepest) throw Error("[graph] no input was given to choose a graph by");
  for (const Tensor& input : inputs)
    if (&input.graph() != deepest && !is_around(input.graph(), deepest))
      throw Error("[graph] the inputs belong to graphs that are not of one nest");
  return *deepest;
}

std::vector<char> needed_by(const Graph& graph, std::span<const NodeId> outputs, std::span<const NodeId> ends) {
  NodeId size = 0;
  for (NodeId id : outputs) size = std::max(size, id + 1);
  std::vector<char> needed(size, 0), is_end(size, 0);
  for (NodeId id : ends)
    if (id < size) is_end[id] = 1;
  for (NodeId id : outputs) needed[id] = 1;
  for (NodeId id = size; id-- > 0;)
    if (needed[id] && !is_end[id])
      for (NodeId input : graph.node(id).inputs) needed[input] = 1;
  return needed;
}

}  // namespace metac
