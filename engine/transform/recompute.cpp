// Computing again in place of keeping. Nodes run in the order of their ids, so how long each value is kept is known
// here. Where most is kept at once, the value that is cheapest to make again, for the memory that it takes, is given up
// after the last use before that place and made anew before the next one, from what is there then (Griewank and Walther
// 2008, "Evaluating derivatives", chapter 12; Jain et al. 2020, "Checkmate", for general graphs). Again, until enough
// is saved or nothing is left to give up. What a plan keeps is a little less than what is counted here: it fuses more.
#include <algorithm>
#include <limits>
#include <unordered_map>
#include <utility>

#include "transform/regions.hpp"

namespace metac {
namespace {

constexpr std::int64_t most_together = 64;      // nodes that are made again for one value
constexpr double operations_of_a_call = 1000;   // what starting a kernel costs: large values go first
constexpr std::int64_t most_work = 20'000'000;  // nodes that the search looks at: less than a second

// What runs, in order: a node of the old graph on earlier items. `again`: it is a second copy.
struct Item {
  NodeId node = 0;
  std::vector<std::int32_t> inputs;
  bool again = false;
};

class Schedule {
 public:
  Schedule(const Graph& graph, std::span<const NodeId> outputs) : graph_(graph) {
    const std::vector<char> needed = needed_by(graph, outputs);
    std::unordered_map<NodeId, std::int32_t> item_of;
    const auto add = [&](NodeId id) {
      Item item{id, {}, false};
      for (const NodeId input : graph.node(id).inputs) item.inputs.push_back(item_of.at(input));
      item_of[id] = static_cast<std::int32_t>(items_.size());
      items_.push_back(std::move(item));
      if (const Node node = graph.node(id); is_loop(node)) bodies_.emplace(id, Body(map_body(node)));
    };
    for (NodeId id = 0; id < needed.size(); ++id)
      if (needed[id]) add(id);
    for (const NodeId output : outputs) outputs_.push_back(item_of.at(output));
    look();
  }

  std::int64_t peak() const { return peak_; }

  // Until at most so many bytes are kept at once, or as few as can be.
  void reduce(std::int64_t bytes) {
    const std::size_t most_rounds = 64 + 4 * items_.size();
    work_ = 0;
    for (std::size_t round = 0; peak_ > bytes && round < most_rounds && work_ < most_work; ++round) {
      if (!reduce_body(bytes) && !give_up_one()) return;
      work_ += static_cast<std::int64_t>(items_.size());
    }
  }

  // The outputs, in a graph of this order. `inputs`: where the inputs of the old graph are in the new one.
  std::vector<Tensor> build(Graph& into, const std::unordered_map<NodeId, Tensor>& inputs) const {
    std::vector<Tensor> made;
    for (const Item& item : items_) {
      const Node node = graph_.node(item.node);
      std::vector<Tensor> given;
      for (const std::int32_t input : item.inputs) given.push_back(made[input]);
      into.set_place(node.place);
      if (const auto at = inputs.find(item.node); at != inputs.end())
        made.push_back(at->second);
      else if (is_loop(node))
        made.push_back(push_loop(into, given, bodies_.at(item.node).built(into)));
      else
        made.push_back(item.again ? into.push_unique(node.op, given, node.attributes)
                                  : into.push(node.op, given, node.attributes));
    }
    std::vector<Tensor> result;
    for (const std::int32_t output : outputs_) result.push_back(made[output]);
    return result;
  }

 private:
  // The body of a loop, with a schedule of its own.
  struct Body {
    const MapBody* old;
    std::unique_ptr<Schedule> schedule;
    bool exhausted = false;

    explicit Body(const MapBody& body)
        : old(&body), schedule(std::make_unique<Schedule>(*body.region.graph, body.region.outputs)) {}

    MapBody built(Graph& outer) const {
      MapBody body = *old;
      const auto graph = std::make_shared<Graph>(outer);
      std::unordered_map<NodeId, Tensor> inputs;
      for (NodeId& id : body.region.inputs) {
        const Tensor given = input(*graph, old->region.graph->node(id).type);
        inputs.emplace(id, given);
        id = given.id();
      }
      const std::vector<Tensor> outputs = schedule->build(*graph, inputs);
      for (std::size_t k = 0; k < outputs.size(); ++k) body.region.outputs[k] = outputs[k].id();
      body.region.graph = graph;
      return body;
    }
  };

  Node node_of(std::int32_t item) const { return graph_.node(items_[item].node); }
  bool is_leaf(std::int32_t item) const { return items_[item].inputs.empty(); }
  // Without memory of its own: a view, or a part of what a kernel gives.
  bool is_view(std::int32_t item) const { return !is_leaf(item) && node_of(item).op.view != nullptr; }
  bool can_repeat(std::int32_t item) const {
    const Node node = node_of(item);
    return !is_leaf(item) && !is_loop(node) && &node.op != &part_operator && !node.unique;
  }

  // Where each value lies, how long, and where most lies at once.
  void look() {
    const auto count = static_cast<std::int32_t>(items_.size());
    uses_.assign(count, {});
    is_output_.assign(count, 0);
    for (const std::int32_t output : outputs_) is_output_[output] = 1;
    for (std::int32_t i = 0; i < count; ++i)
      for (const std::int32_t input : items_[i].inputs) uses_[input].push_back(i);
    // A pointwise value with one user that works on the same elements stays in registers: it runs where the user does.
    runs_at_.resize(count);
    seen_.assign(count, 0);
    stamp_ = 0;
    fused_.assign(count, 0);
    for (std::int32_t i = count; i-- > 0;) {
      runs_at_[i] = i;
      if (uses_[i].size() != 1 || !node_of(i).op.pointwise || is_output_[i]) continue;
      const Node user = node_of(uses_[i].front());
      fused_[i] = user.op.pointwise ? user.type.shape == node_of(i).type.shape : user.op.reduction != Reduction::none;
      if (fused_[i]) runs_at_[i] = runs_at_[uses_[i].front()];
    }
    memory_of_.resize(count);
    last_.assign(count, -1);
    for (std::int32_t i = 0; i < count; ++i) memory_of_[i] = is_view(i) ? memory_of_[items_[i].inputs.front()] : i;
    for (std::int32_t i = 0; i < count; ++i) {
      last_[memory_of_[i]] = std::max(last_[memory_of_[i]], i);
      for (const std::int32_t input : items_[i].inputs)
        last_[memory_of_[input]] = std::max(last_[memory_of_[input]], runs_at_[i]);
    }
    for (const std::int32_t output : outputs_) last_[memory_of_[output]] = count - 1;
    find_peak();
  }

  void find_peak() {
    const auto count = static_cast<std::int32_t>(items_.size());
    std::vector<std::int64_t> change(count + 1, 0);
    for (std::int32_t i = 0; i < count; ++i) {
      change[i] += bytes(i);
      change[last_[i] < 0 ? i + 1 : last_[i] + 1] -= bytes(i);
    }
    std::int64_t kept = 0;
    peak_ = 0;
    for (std::int32_t i = 0; i < count; ++i) {
      kept += change[i];
      const auto body = bodies_.find(items_[i].node);
      const std::int64_t here = kept + (body != bodies_.end() ? body->second.schedule->peak() : 0);
      if (here > peak_) peak_ = here, place_ = i;
    }
  }

  // That an item keeps while it is used. Inputs and constants are not in the memory of a plan.
  std::int64_t bytes(std::int32_t item) const {
    if (is_leaf(item) || fused_[item] || memory_of_[item] != item) return 0;
    return static_cast<std::int64_t>(node_of(item).type.bytes());
  }

  // Where most is kept inside of a loop, its body is made smaller first: that saves on every thread.
  bool reduce_body(std::int64_t wanted) {
    const auto at = bodies_.find(items_[place_].node);
    if (at == bodies_.end() || at->second.exhausted) return false;
    Schedule& body = *at->second.schedule;
    const std::int64_t before = body.peak(), outside = peak_ - before;
    body.reduce(std::max<std::int64_t>(wanted - outside, 0));
    at->second.exhausted = true;  // it did what it can, or enough
    find_peak();
    return body.peak() < before;
  }

  // What is to run again, in order, for one value that is kept over the place where most is.
  struct Choice {
    std::vector<std::int32_t> items;
    std::int32_t next = 0;                                  // the use before which they run
    double cost = std::numeric_limits<double>::infinity();  // operations for a byte
  };

  bool give_up_one() {
    Choice best;
    for (std::int32_t i = 0; i < place_; ++i) {
      if (bytes(i) == 0 || last_[i] <= place_ || !can_repeat(i)) continue;
      const Choice choice = choice_of(i, best.cost);
      if (choice.cost < best.cost) best = choice;
    }
    if (best.items.empty()) return false;
    repeat(best);
    look();
    return true;
  }

  // Empty if it would cost as much as `limit`, or more.
  Choice choice_of(std::int32_t item, double limit) {
    Choice choice;
    const double most_operations = limit * static_cast<double>(bytes(item));
    ++stamp_;
    std::vector<std::int32_t> open = uses_behind(item, choice.next);
    double operations = 0;
    while (!open.empty()) {
      const std::int32_t i = open.back();
      open.pop_back();
      ++work_;
      if (std::exchange(seen_[i], stamp_) == stamp_) continue;
      if (!can_repeat(i) || static_cast<std::int64_t>(choice.items.size()) >= most_together) return {};
      choice.items.push_back(i);
      operations += operations_of(i) + operations_of_a_call;
      if (operations >= most_operations) return {};
      for (const std::int32_t input : items_[i].inputs)
        if (!is_there(input, choice.next)) open.push_back(input);
    }
    std::sort(choice.items.begin(), choice.items.end());
    if (!choice.items.empty()) choice.cost = operations / static_cast<double>(bytes(item));
    return choice;
  }

  // What the uses behind the place read: the value and its views before the first of them, `next`. Nothing where the
  // place itself or an output reads them.
  std::vector<std::int32_t> uses_behind(std::int32_t item, std::int32_t& next) const {
    next = static_cast<std::int32_t>(items_.size());
    std::vector<std::int32_t> same{item};  // the value and its views
    for (std::size_t k = 0; k < same.size(); ++k) {
      if (is_output_[same[k]]) return {};
      for (const std::int32_t user : uses_[same[k]]) {
        const bool is_same = memory_of_[user] == item;
        if (is_same) same.push_back(user);
        if (user == place_ || (!is_same && runs_at_[user] == place_)) return {};
        if (user > place_) next = std::min(next, user);
        if (!is_same && user < place_ && runs_at_[user] > place_) return {};
      }
    }
    if (next == static_cast<std::int32_t>(items_.size())) return {};
    std::erase_if(same, [&](std::int32_t i) { return i >= next; });
    return same;
  }

  // Whether a value need not be made again to be used there: a leaf, or in memory until then anyway.
  bool is_there(std::int32_t item, std::int32_t at) const {
    if (is_leaf(item)) return true;
    if (fused_[item] || is_view(item)) return false;  // follow it to what it is made of
    return last_[item] >= at;
  }

  double operations_of(std::int32_t item) const {
    const Node node = node_of(item);
    std::vector<Layout> layouts;
    std::int64_t elements = node.type.elements();
    for (const NodeId input : node.inputs) {
      layouts.push_back(Layout::dense(graph_.node(input).type));
      elements = std::max(elements, graph_.node(input).type.elements());
    }
    if (node.op.view != nullptr) return 0;
    return node.op.operations != nullptr ? node.op.operations(node, layouts) : static_cast<double>(elements);
  }

  void repeat(const Choice& choice) {
    const auto shift = static_cast<std::int32_t>(choice.items.size());
    std::unordered_map<std::int32_t, std::int32_t> copies;
    std::vector<Item> added;
    for (const std::int32_t i : choice.items) {
      Item copy{items_[i].node, items_[i].inputs, true};
      for (std::int32_t& input : copy.inputs)
        if (const auto at = copies.find(input); at != copies.end()) input = at->second;
      copies[i] = choice.next + static_cast<std::int32_t>(added.size());
      added.push_back(std::move(copy));
    }
    for (auto i = static_cast<std::size_t>(choice.next); i < items_.size(); ++i)
      for (std::int32_t& input : items_[i].inputs) {
        if (const auto at = copies.find(input); at != copies.end())
          input = at->second;
        else if (input >= choice.next)
          input += shift;
      }
    for (std::int32_t& output : outputs_)
      if (output >= choice.next) output += shift;
    items_.insert(items_.begin() + choice.next, added.begin(), added.end());
  }

  const Graph& graph_;
  std::vector<Item> items_;
  std::vector<std::int32_t> outputs_;
  std::unordered_map<NodeId, Body> bodies_;
  std::vector<std::vector<std::int32_t>> uses_;
  std::vector<std::int32_t> runs_at_, memory_of_, last_;
  std::vector<char> fused_, is_output_;
  std::vector<std::int32_t> seen_;  // of the search for a choice: those with the stamp
  std::int32_t stamp_ = 0;
  std::int64_t peak_ = 0, work_ = 0;
  std::int32_t place_ = 0;  // of the peak
};

}  // namespace

Program recompute(const Program& program, double share) {
  Schedule schedule(*program.graph, program.outputs);
  schedule.reduce(static_cast<std::int64_t>(share * static_cast<double>(schedule.peak())));
  Program result{std::make_shared<Graph>(), {}, {}};
  std::unordered_map<NodeId, Tensor> inputs;
  for (const NodeId id : program.inputs) {
    const Tensor given = input(*result.graph, program.graph->node(id).type);
    inputs.emplace(id, given);
    result.inputs.push_back(given.id());
  }
  for (const Tensor& output : schedule.build(*result.graph, inputs)) result.outputs.push_back(output.id());
  return result;
}

}  // namespace metac
