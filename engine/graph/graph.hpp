// The one representation: an immutable, interned, append-only expression graph. `push` is the only birth of a node; ids
// grow, so id order is a topological order; a whole graph is freed at once. Nothing here recurses over depth.
//
// A graph may be the body of a region (`map`) of another graph, its parent. An expression over values of several nested
// graphs is built in the innermost of them, and values from outside are captured by themselves: so whatever does not
// depend on the body is hoisted out of it.
#pragma once

#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/array.hpp"

namespace [[gnu::visibility("default")]] metac {

struct Operator;
class Graph;
using NodeId = std::uint32_t;

// An expression: a handle to a node of a graph, a value that is cheap to copy. The graph must outlive it; nothing is
// computed before it is compiled. An empty Tensor stands for "none" (for a cotangent: zero).
class Tensor {
 public:
  Tensor() = default;
  Tensor(Graph* graph, NodeId id) : graph_(graph), id_(id) {}
  explicit operator bool() const { return graph_ != nullptr; }
  Graph& graph() const { return *graph_; }
  NodeId id() const { return id_; }
  const Type& type() const;  // Error if it is empty
  const Shape& shape() const { return type().shape; }
  Dtype dtype() const { return type().dtype; }
  bool operator==(const Tensor&) const = default;  // the same node; `equal` compares values

 private:
  Graph* graph_ = nullptr;
  NodeId id_ = 0;
};

// Tensors as an argument: one, several in braces, or a container of them. Refers to what it is given.
class TensorList : public std::span<const Tensor> {
 public:
  TensorList() = default;
  TensorList(const Tensor& one) : span(&one, 1) {}
  TensorList(std::initializer_list<Tensor> several) : span(several.begin(), several.size()) {}
  template <class C>
  requires std::convertible_to<const C&, std::span<const Tensor>> TensorList(const C& container)
      : span(static_cast<std::span<const Tensor>>(container)) {}
};

// What an operator needs to know besides its inputs. Numbers are compared by value (floats stored by their bits, so -0 and
// NaN are themselves), the object by identity.
struct Attributes {
  std::vector<std::int64_t> numbers;
  std::shared_ptr<const void> object;
  bool operator==(const Attributes&) const = default;
};

struct Node {
  const Operator& op;
  std::span<const NodeId> inputs;
  const Type& type;  // of a node with several parts (a region): bool[0]
  const Attributes& attributes;
  std::int32_t place;  // where in the script it came from; see Graph::set_place
  bool unique;         // made by push_unique: inputs and aliases
};

// Where expressions live: make one, make inputs in it, build, compile. For one thread at a time, with its tensors. All
// below the constructors is for who transforms graphs.
class Graph {
 public:
  Graph();
  explicit Graph(Graph& parent);  // the body of a region of `parent`
  Graph(const Graph&) = delete;
  Graph& operator=(const Graph&) = delete;
  ~Graph();

  // The node for `op` of `inputs`: an equal one if there is one, else a new one, after its shape rule has checked it
  // (Error: then nothing has changed). Inputs from enclosing graphs are captured. Applies the operator's simplification
  // first.
  Tensor push(const Operator& op, std::span<const Tensor> inputs, Attributes attributes = {});
  // As push, but always a new node (inputs and aliases).
  Tensor push_unique(const Operator& op, std::span<const Tensor> inputs, Attributes attributes = {});

  Node node(NodeId) const;  // Bug if there is none
  NodeId size() const;  // one more than the largest id
  Tensor tensor(NodeId id) { return {this, id}; }

  Graph* parent() const { return parent_; }
  int depth() const { return depth_; }  // 0 for a graph that is no region's body
  // The value of an enclosing graph, here: an input node, made once. Constants and broadcasts are made anew instead, so
  // that a body still sees them as what they are. Error if `outer` is not of this graph or one around it.
  Tensor capture(Tensor outer);
  struct Capture {
    Tensor outer;   // in the parent
    NodeId inner;   // the input node here
  };
  const std::vector<Capture>& captures() const { return captures_; }

  // Nodes made from now on remember this number (shared by a graph and the bodies inside it).
  void set_place(std::int32_t);
  std::int32_t place() const;

  // The body is complete: no node can be added any more (Error), so no value of it can leak into later expressions.
  void close() { closed_ = true; }

 private:
  std::span<const Tensor> import(const Operator&, std::span<const Tensor> inputs, const Attributes&,
                                 std::vector<Tensor>& storage);
  NodeId append(const Operator&, std::span<const Tensor> inputs, std::uint32_t attributes, const Type&, bool unique);

  // The store is the implementation's; a node of the finished graph takes about 60 bytes.
  struct Store;
  std::unique_ptr<Store> store_;
  Graph* parent_ = nullptr;
  int depth_ = 0;
  bool closed_ = false;
  std::vector<Capture> captures_;
};

// Error "[name] ..." if one of the tensors is empty.
void require_present(const char* name, std::span<const Tensor> tensors);
inline void require_present(const char* name, std::initializer_list<Tensor> tensors) {
  require_present(name, std::span(tensors.begin(), tensors.size()));
}

// The innermost graph of `inputs` (all of one nest, at least one). Error if they are not of one nest.
Graph& innermost(std::span<const Tensor> inputs);

// The body of a region: closed, shared, never changed again.
struct Region {
  std::shared_ptr<Graph> graph;
  std::vector<NodeId> inputs;   // input nodes of `graph`, in the order of the region node's inputs
  std::vector<NodeId> outputs;
};

// Which nodes the outputs need, themselves among them: for each id up to the largest output. What lies behind the nodes
// `ends` is not looked at.
std::vector<char> needed_by(const Graph&, std::span<const NodeId> outputs, std::span<const NodeId> ends = {});

// A copy of `outputs`' expressions into `into`, with the nodes `from` replaced by `to` (same length). Interned again on the
// way; nodes that the outputs do not need are not copied. Where `into` is `source` or a graph inside it, nodes that do not
// depend on `from` are used as they are; elsewhere an input that is not in `from` is a Bug.
std::vector<Tensor> replay(const Graph& source, std::span<const NodeId> from, std::span<const Tensor> to,
                           std::span<const NodeId> outputs, Graph& into);

// "%3 = add(%1, %2) : f32[2, 3]", a line a node: for people.
std::string to_text(const Graph&, std::span<const NodeId> outputs);

}  // namespace metac
