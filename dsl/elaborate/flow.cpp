// Walks over the graph of an objective. Only ids between what is asked for and the loss are looked at, each once.
#include "elaborate/flow.hpp"

#include <algorithm>
#include <array>
#include <limits>
#include <string_view>
#include <unordered_map>
#include <unordered_set>

#include "transform/flow.hpp"

namespace metac::dsl {

// ---- terms ----

namespace {

const Expr* bound_by(const Block* block, const std::string& name) {
  if (block == nullptr) return nullptr;
  for (const auto& statement : block->statements)
    if (const auto* let = std::get_if<LetStatement>(&statement->node);
        let != nullptr && let->pattern.names.size() == 1 && let->pattern.names.front().text == name)
      return let->value.get();
  return nullptr;
}

bool is_zero_literal(const Expr& expression) {
  const auto* number = std::get_if<NumberLiteral>(&expression.node);
  return number != nullptr && number->real == 0;
}

// Adds the terms of an expression. A quotient has those of what is divided.
void add_terms(const Expr* expression, const Block* block, std::vector<Span>& terms) {
  if (const auto* paren = std::get_if<ParenExpr>(&expression->node)) return add_terms(paren->inner.get(), block, terms);
  if (const auto* sign = std::get_if<UnaryExpr>(&expression->node); sign && sign->op == UnaryOp::negate)
    return add_terms(sign->operand.get(), block, terms);
  if (const auto* both = std::get_if<BinaryExpr>(&expression->node)) {
    if (both->op == BinaryOp::divide) return add_terms(both->left.get(), block, terms);
    if (both->op == BinaryOp::add || both->op == BinaryOp::subtract) {
      add_terms(both->left.get(), block, terms);
      return add_terms(both->right.get(), block, terms);
    }
    if (both->op == BinaryOp::multiply && (is_zero_literal(*both->left) || is_zero_literal(*both->right))) return;
  }
  if (const auto* name = std::get_if<NameExpr>(&expression->node))
    if (const Expr* bound = bound_by(block, name->name)) return add_terms(bound, nullptr, terms);
  const auto* call = std::get_if<CallExpr>(&expression->node);
  const auto* callee = call != nullptr ? std::get_if<NameExpr>(&call->callee->node) : nullptr;
  if (callee == nullptr || callee->name != "stop_gradient") terms.push_back(expression->span);
}

}  // namespace

std::vector<Span> terms_of(const Definition& function) {
  std::vector<Span> terms;
  const Block* block = function.body.block.get();
  if (function.body.expression != nullptr) add_terms(function.body.expression.get(), nullptr, terms);
  if (block != nullptr && !block->statements.empty())
    if (const auto* last = std::get_if<ReturnStatement>(&block->statements.back()->node); last && last->value)
      add_terms(last->value.get(), block, terms);
  return terms;
}

// ---- what is 0 for whatever numbers ----

namespace {

using Names = std::unordered_set<std::string_view>;

bool is(const Node& node, std::string_view name) { return operator_name(node) == name; }

// The value that a node stands for: without aliases and ends of derivatives.
NodeId plain(const Graph& graph, NodeId id) {
  while (is(graph.node(id), "alias") || is(graph.node(id), "stop_gradient")) id = graph.node(id).inputs[0];
  return id;
}

bool is_difference_of_one(const Graph& graph, const Node& node) {
  const auto same = [&](NodeId a, NodeId b) { return plain(graph, a) == plain(graph, b); };
  if (is(node, "sub")) return same(node.inputs[0], node.inputs[1]);
  if (!is(node, "add")) return false;
  const Node a = graph.node(node.inputs[0]), b = graph.node(node.inputs[1]);
  return (is(a, "neg") && same(a.inputs[0], node.inputs[1])) || (is(b, "neg") && same(b.inputs[0], node.inputs[0]));
}

// Infinite and undefined numbers aside: 0 times anything is 0.
bool gives_zero(const Graph& graph, const Node& node, const std::vector<char>& zero) {
  static const Names of_one{"alias", "stop_gradient", "neg",     "abs",       "sign",      "sqrt",  "sin",
                            "tanh",  "sum",           "reshape", "transpose", "broadcast", "slice", "pad",
                            "flip",  "cast",          "square",  "max",       "min",       "prod"};
  static const Names of_any{"mul", "matmul", "squared_products"};
  static const Names of_all{"add", "sub", "concatenate", "maximum", "minimum"};
  const auto all = [&](std::size_t from) {
    return std::all_of(node.inputs.begin() + static_cast<std::ptrdiff_t>(from), node.inputs.end(),
                       [&](NodeId id) { return zero[id]; });
  };
  if (node.inputs.empty()) return false;
  const std::string_view name = operator_name(node);
  if (is_difference_of_one(graph, node)) return true;
  if (name == "div" || name == "scatter_add" || name == "gather" || of_one.contains(name)) return zero[node.inputs[0]];
  if (of_any.contains(name))
    return std::any_of(node.inputs.begin(), node.inputs.end(), [&](NodeId id) { return zero[id]; });
  if (name == "select") return all(1);
  return of_all.contains(name) && all(0);
}

}  // namespace

bool Flow::is_zero(const std::vector<Tensor>& gradients) {
  std::vector<NodeId> ids;
  const Graph* graph = nullptr;
  for (const Tensor& gradient : gradients)
    if (gradient) ids.push_back(gradient.id()), graph = &gradient.graph();
  if (ids.empty()) return true;
  const auto needed = needed_by(*graph, ids);
  std::vector<char> zero(needed.size(), 0);
  for (NodeId id = 0; id < needed.size(); ++id)
    if (needed[id]) zero[id] = gives_zero(*graph, graph->node(id), zero);
  return std::all_of(ids.begin(), ids.end(), [&](NodeId id) { return zero[id]; });
}

std::int32_t Flow::place_of_difference(Tensor value) {
  const Graph& graph = value.graph();
  const NodeId ids[] = {value.id()};
  const auto needed = needed_by(graph, ids);
  for (NodeId id = 0; id < needed.size(); ++id)
    if (needed[id] && is_difference_of_one(graph, graph.node(id))) return graph.node(id).place;
  return -1;
}

// ---- paths ----

namespace {

bool has_any(const std::vector<char>& marks, std::span<const NodeId> ids) {
  return std::any_of(ids.begin(), ids.end(), [&](NodeId id) { return id < marks.size() && marks[id]; });
}

// What a derivative of the nodes `from` goes through: a mark for each node up to the last.
std::vector<char> reached_in(const Graph& graph, std::span<const NodeId> from, NodeId last) {
  std::vector<char> marks(last + 1, 0);
  NodeId first = last + 1;
  for (const NodeId id : from)
    if (id <= last) marks[id] = 1, first = std::min(first, id);
  for (NodeId id = first; id <= last; ++id) {
    const Node node = graph.node(id);
    if (!marks[id] && carries_derivative(node)) marks[id] = has_any(marks, node.inputs);
  }
  return marks;
}

// How many derivatives stand behind each node, one inside the other, and the outermost of them.
struct Level {
  int count = 0;
  const FlowLog::Derivative* derivative = nullptr;
};

// Of those that were noted in a graph from these numbers on: those of before are of other graphs.
std::vector<Level> levels_in(const FlowLog& log, const Graph& graph, std::size_t first = 0,
                             std::size_t first_inner = 0) {
  std::vector<Level> level(graph.size());
  for (std::size_t i = first_inner; i < log.inner.size(); ++i) {
    const auto& inner = log.inner[i];
    if (inner.graph != &graph) continue;
    for (NodeId id = inner.begin; id < inner.end && id < level.size(); ++id)
      if (inner.count > level[id].count) level[id] = {inner.count, &log.derivatives[inner.derivative]};
  }
  for (std::size_t i = first; i < log.derivatives.size(); ++i) {
    const auto& derivative = log.derivatives[i];
    if (derivative.graph != &graph || derivative.value >= level.size()) continue;
    const NodeId value[] = {derivative.value};
    const auto needed = needed_by(graph, value);
    const auto marks = reached_in(graph, derivative.variables, derivative.value);
    int inner = 0;
    for (NodeId id = 0; id < needed.size(); ++id)
      if (needed[id] && marks[id]) inner = std::max(inner, level[id].count);
    for (NodeId id = derivative.begin; id < derivative.end && id < level.size(); ++id)
      if (inner + 1 > level[id].count) level[id] = {inner + 1, &derivative};
  }
  return level;
}

}  // namespace

// ---- bodies ----

// What of the outer graph these nodes of a body are made of. What a step hands on is made in it, too.
std::vector<NodeId> BodyFlow::from_outside(const Graph& body, const std::vector<Input>& inputs,
                                           std::vector<NodeId> ids) const {
  std::vector<char> followed(inputs.size(), 0);
  std::vector<NodeId> outside;
  for (bool more = true; more;) {
    more = false;
    const auto needed = needed_by(body, ids);
    const auto is_needed = [&](NodeId id) { return id < needed.size() && needed[id]; };
    outside.clear();
    for (const auto& capture : body.captures())
      if (is_needed(capture.inner)) outside.push_back(capture.outer.id());
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      if (!is_needed(inputs[i].inner.id())) continue;
      outside.push_back(inputs[i].outer.id());
      if (!inputs[i].next || followed[i]) continue;
      followed[i] = more = true;
      if (&inputs[i].next.graph() == &body) ids.push_back(inputs[i].next.id());
    }
  }
  return outside;
}

void BodyFlow::end(const Graph& body, const std::vector<Input>& inputs) {
  if (log_ == nullptr) return;
  int count = 0;
  for (const Level& level : levels_in(*log_, body, first_, first_inner_)) count = std::max(count, level.count);
  const auto note = [&](std::size_t derivative, bool depends, std::vector<NodeId> values,
                        std::vector<NodeId> variables) {
    found_.push_back({nullptr, 0, 0, count, derivative, depends, from_outside(body, inputs, std::move(values)),
                      from_outside(body, inputs, std::move(variables))});
  };
  for (std::size_t i = first_; i < log_->derivatives.size(); ++i)
    if (const auto& one = log_->derivatives[i]; one.graph == &body) {
      const NodeId value[] = {one.value};
      note(i, has_any(needed_by(body, value), one.variables), {one.value}, one.variables);
    }
  for (std::size_t i = first_inner_; i < log_->inner.size(); ++i)
    if (const auto& one = log_->inner[i]; one.graph == &body)
      note(one.derivative, one.depends, one.values, one.variables);
}

void BodyFlow::run_by(const Graph& outer, NodeId begin) const {
  for (auto one : found_) {
    one.graph = &outer, one.begin = begin, one.end = outer.size();
    log_->inner.push_back(std::move(one));
  }
}

Flow::Flow(const FlowLog& log, Tensor loss) : log_(log), graph_(loss.graph()), loss_(loss) {
  const NodeId ids[] = {loss.id()};
  needed_ = needed_by(graph_, ids);
  // A derivative of a derivative need not hold the inner one: what a sum is made of is not in its gradient. So whoever
  // uses a derivative also uses the value that it is taken of.
  std::unordered_multimap<NodeId, const FlowLog::Derivative*> of_value;
  for (const auto& derivative : log_.derivatives)
    if (derivative.graph == &graph_) of_value.emplace(derivative.value, &derivative);
  used_.assign(graph_.size(), 0);
  used_[loss.id()] = 1;
  for (NodeId id = graph_.size(); id-- > 0;) {
    const auto [first, end] = of_value.equal_range(id);
    for (auto it = first; it != end; ++it) used_[id] |= uses(it->second->results);
    if (!used_[id]) continue;
    for (const NodeId input : graph_.node(id).inputs) used_[input] = 1;
  }
}

std::vector<char> Flow::reached(std::span<const NodeId> from, NodeId last) const {
  return reached_in(graph_, from, last);
}

std::vector<Flow::End> Flow::ends(std::span<const NodeId> from, Tensor to) const {
  const NodeId ids[] = {to.id()};
  const auto needed = needed_by(graph_, ids);
  const auto marks = reached(from, to.id());
  std::vector<End> found;
  for (NodeId id = 0; id < needed.size(); ++id) {
    if (!needed[id] || marks[id]) continue;
    const Node node = graph_.node(id);
    if (has_any(marks, node.inputs)) found.push_back({std::string(operator_name(node)), node.place});
  }
  return found;
}

std::vector<char> Flow::made_of(std::span<const NodeId> from) const {
  std::vector<char> marks(graph_.size(), 0);
  for (const NodeId id : from) marks[id] = 1;
  for (NodeId id = 0; id < marks.size(); ++id)
    if (!marks[id]) marks[id] = has_any(marks, graph_.node(id).inputs);
  return marks;
}

bool Flow::uses(std::span<const NodeId> ids) const { return has_any(used_, ids); }
bool Flow::holds(std::span<const NodeId> ids) const { return has_any(needed_, ids); }

bool Flow::differentiates(std::span<const NodeId> ids) const { return reached(ids, loss_.id())[loss_.id()]; }

std::vector<FlowPath> Flow::paths(std::span<const Tensor> variables, const std::vector<Span>& places) const {
  constexpr int most = 6;  // derivatives inside each other
  constexpr int far = std::numeric_limits<int>::max();
  const NodeId last = loss_.id();
  // For each node and the highest level on the way to it: how long the shortest way is, and by which input it comes.
  struct Way {
    int length = far;
    NodeId input = 0;
    int level = 0;
  };
  const auto level = levels_in(log_, graph_);
  std::vector<std::array<Way, most>> ways(last + 1);
  for (const Tensor& variable : variables)
    if (variable.id() <= last) ways[variable.id()][0] = {0, variable.id(), 0};
  for (NodeId id = 0; id <= last; ++id) {
    if (!needed_[id]) continue;
    const Node node = graph_.node(id);
    if (!carries_derivative(node)) continue;
    for (const NodeId input : node.inputs)
      for (int m = 0; m < most; ++m) {
        if (ways[input][m].length == far) continue;
        const int now = std::min(std::max(m, level[id].count), most - 1);
        if (Way& way = ways[id][now]; ways[input][m].length + 1 < way.length)
          way = {ways[input][m].length + 1, input, m};
      }
  }
  std::vector<FlowPath> found;
  for (int m = 0; m < most; ++m) {
    if (ways[last][m].length == far) continue;
    FlowPath& path = found.emplace_back(FlowPath{m + 1, {}});
    const FlowLog::Derivative* inside = nullptr;
    NodeId id = last;
    // Variables have no place of their own: where one was made says nothing of the script.
    for (int at = m; ways[id][at].length > 0;) {
      if (level[id].derivative != inside && level[id].derivative != nullptr)
        path.places.push_back(level[id].derivative->span);
      inside = level[id].derivative;
      const Node node = graph_.node(id);
      const auto place = static_cast<std::size_t>(node.place);
      if (place < places.size() && !is(node, "alias")) path.places.push_back(places[place]);
      const Way& way = ways[id][at];
      id = way.input, at = way.level;
    }
  }
  return found;
}

}  // namespace metac::dsl
