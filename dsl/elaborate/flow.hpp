// Which derivatives reach what: from what an objective says of an item, back through its inner derivatives, to what is
// learned. A derivative that never arrives is a mistake no number shows: it trains, and learns something else.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "elaborate/value.hpp"

namespace metac::dsl {

// What is noted while the objective is elaborated, in this graph.
class FlowLog {
 public:
  const Graph* graph = nullptr;

  void watch(Span expression) { watched_.emplace_back(expression, Value()); }
  // The value of an expression: kept where it is watched. What is of a body is not: the body may be gone before.
  void note(Span expression, const Value& value) {
    if (const Tensor* t = value.get<Tensor>(); t != nullptr && t->graph().depth() > graph->depth()) return;
    for (auto& [place, last] : watched_)
      if (place == expression) last = value;
  }
  const std::vector<std::pair<Span, Value>>& watched() const { return watched_; }

  // A `grad` and its like, as nodes of a graph.
  struct Derivative {
    Span span;
    const Graph* graph = nullptr;
    NodeId begin = 0, end = 0;  // of the nodes that it made
    NodeId value = 0;           // what it is the derivative of
    std::vector<NodeId> variables;
    std::vector<NodeId> results;
  };
  std::vector<Derivative> derivatives;

  // A derivative that is taken in a body, as seen from the graph around it.
  struct Inner {
    const Graph* graph = nullptr;
    NodeId begin = 0, end = 0;              // of the nodes that run the body
    int count = 0;                          // of derivatives that stand inside each other there
    std::size_t derivative = 0;             // which of `derivatives`
    bool depends = true;                    // what it is a derivative of, on its variables
    std::vector<NodeId> values, variables;  // of `graph`: what it is a derivative of is made of, and its variables
  };
  std::vector<Inner> inner;

 private:
  std::vector<std::pair<Span, Value>> watched_;
};

// Notes the derivatives in the body of a loop, or of a branch, as derivatives of the graph around. Made before the
// body; `end`, when that is complete and not yet gone; `run_by`, when there are nodes that run it.
class BodyFlow {
 public:
  explicit BodyFlow(FlowLog* log)
      : log_(log), first_(log != nullptr ? log->derivatives.size() : 0), first_inner_(log ? log->inner.size() : 0) {}
  // An input of the body that is no capture, and what it stands for; a carry also has what the next step gets for it.
  struct Input {
    Tensor inner, outer, next;
  };
  void end(const Graph& body, const std::vector<Input>& inputs);
  void run_by(const Graph& outer, NodeId begin) const;  // its nodes from `begin` on

 private:
  std::vector<NodeId> from_outside(const Graph& body, const std::vector<Input>&, std::vector<NodeId>) const;
  FlowLog* log_;
  std::size_t first_, first_inner_;
  std::vector<FlowLog::Inner> found_;
};

// The terms of what a function gives: a sum taken apart, through names that it binds with `let`. A term that says
// `stop_gradient` itself, or is 0 times something, is none of them.
std::vector<Span> terms_of(const Definition& function);

// A path of derivatives from the objective to something learned: the places that it goes through, and the derivatives,
// where it enters one. Its order is one more than how many of these stand inside each other.
struct FlowPath {
  int order = 1;
  std::vector<Span> places;
};

// The paths to one learned tensor of a learner; none where no derivative arrives.
struct LearnedFlow {
  std::string name;
  std::vector<FlowPath> paths;
};

// The flow of one objective: of its loss, in the graph that it is in.
class Flow {
 public:
  Flow(const FlowLog&, Tensor loss);

  // Whether the derivative of a value is 0 for whatever numbers: nothing reaches it, or what does is multiplied by the
  // difference of a thing and itself.
  static bool is_zero(const std::vector<Tensor>& gradients);
  // Where a difference of a thing and itself stands in what a value is made of; -1 if there is none.
  static std::int32_t place_of_difference(Tensor value);

  // Where derivatives end on the way from nodes to a value: at operators that have none.
  struct End {
    std::string op;
    std::int32_t place = -1;
  };
  std::vector<End> ends(std::span<const NodeId> from, Tensor to) const;
  // What is made of these nodes, with and without derivatives: a mark for each node of the graph.
  std::vector<char> made_of(std::span<const NodeId>) const;
  // Whether the loss, or a derivative that it is made of, is made of one of them at all; the loss itself; and this by a
  // path of derivatives.
  bool uses(std::span<const NodeId>) const;
  bool holds(std::span<const NodeId>) const;
  bool differentiates(std::span<const NodeId>) const;

  // The shortest path of each order from the loss to the variables. `places`: of the numbers of `Graph::set_place`.
  std::vector<FlowPath> paths(std::span<const Tensor> variables, const std::vector<Span>& places) const;

 private:
  std::vector<char> reached(std::span<const NodeId> from, NodeId last) const;

  const FlowLog& log_;
  Graph& graph_;
  Tensor loss_;
  std::vector<char> needed_;  // of the loss
  std::vector<char> used_;    // of the loss, and of what its derivatives are those of
};

}  // namespace metac::dsl
