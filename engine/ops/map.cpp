// `map`: independent tasks as one node that holds the graph of a single task; `scan`: the same with carries that one
// step hands to the next. `part` takes one of their results. Bodies are closed and never change again, so they may be
// shared by nodes and graphs.
#include <fmt/format.h>

#include <limits>

#include "ops/primitives.hpp"

namespace metac {

namespace {

const char* name_of(int carries) { return carries == 0 ? "map" : "scan"; }

[[noreturn]] void refuse(const char* name, const std::string& what) { throw Error(fmt::format("[{}] {}", name, what)); }

void check_sequence(const char* name, const Type& given, const Type& slice, std::int64_t length, int position) {
  if (given.shape.empty() || given.shape[0] != length)
    refuse(name,
           fmt::format("sequence {} is {}, a first axis of {} tasks is needed", position, to_string(given), length));
  if (Type{given.dtype, given.shape.without(0)} != slice)
    refuse(name, fmt::format("sequence {} is {}, its slices are {}", position, to_string(given), to_string(slice)));
}

Type loop_type(const Site& site) {
  const auto& body = *static_cast<const MapBody*>(site.attributes.object.get());
  const Region& region = body.region;
  const char* name = site.op.name;
  if (site.inputs.size() != region.inputs.size())
    refuse(name, fmt::format("{} inputs were given, {} are needed", site.inputs.size(), region.inputs.size()));
  for (std::size_t i = 0; i < site.inputs.size(); ++i) {
    const int position = static_cast<int>(i);
    const Type& given = site.inputs[i].type();
    const Type& needed = region.graph->node(region.inputs[i]).type;
    if (position < body.sequences)
      check_sequence(name, given, needed, body.length, position);
    else if (given != needed)
      refuse(name,
             fmt::format("a {} value is {}, {} is needed", position < body.inputs_of_steps() ? "carried" : "captured",
                         to_string(given), to_string(needed)));
  }
  return {Dtype::boolean, Shape{0}};
}

const Region* loop_region(const Node& node) { return &map_body(node).region; }

Type part_type(const Site& site) {
  const Node loop = site.inputs[0].graph().node(site.inputs[0].id());
  const auto index = static_cast<int>(site.attributes.numbers[0]);
  if (is_custom(loop)) return site.inputs[0].graph().tensor(loop.inputs[index]).type();
  if (!is_loop(loop))
    throw Error(fmt::format("[part] the result of `{}` was given, a map or scan is needed", loop.op.name));
  return part_type(map_body(loop), index);
}

void check_result(const char* name, const MapBuilder::Result& result, const Graph& body) {
  require_present(name, {result.value});
  if (result.output == MapBuilder::summed && result.value.dtype() == Dtype::boolean)
    refuse(name, "a result of bool cannot be summed, numbers are needed");
  if (result.value.graph().depth() > body.depth()) refuse(name, "a result belongs to a body inside this one");
}

void check_carries(const OpenLoop& loop, std::span<const Tensor> next) {
  require_present("scan", next);
  if (next.size() != loop.carry.size())
    refuse("scan", fmt::format("a step hands on {} values, {} carries began", next.size(), loop.carry.size()));
  for (std::size_t j = 0; j < next.size(); ++j) {
    if (next[j].type() != loop.initial[j].type())
      refuse("scan", fmt::format("carry {} begins as {}, a step hands on {}", j, to_string(loop.initial[j].type()),
                                 to_string(next[j].type())));
    if (next[j].graph().depth() > loop.body->depth())
      refuse("scan", fmt::format("carry {} belongs to a body inside this one", j));
  }
}

}  // namespace

const Operator map_operator = {.name = "map",
                               .doc = "Runs its body once for each index of its sequences.",
                               .arity = -1,
                               .type = loop_type,
                               .region = loop_region};
const Operator scan_operator = {.name = "scan",
                                .doc = "Runs its body for one index after the other; each step hands on its carries.",
                                .arity = -1,
                                .type = loop_type,
                                .region = loop_region};
const Operator part_operator = {
    .name = "part", .doc = "One result of a region that has several.", .arity = 1, .type = part_type};

namespace {
const Register registered[] = {Register(map_operator), Register(scan_operator), Register(part_operator)};
}

const MapBody& map_body(const Node& node) {
  if (!is_loop(node)) throw Bug(fmt::format("the body of a map or scan was asked of `{}`", node.op.name));
  return *static_cast<const MapBody*>(node.attributes.object.get());
}

Type part_type(const MapBody& body, int index) {
  const auto count = static_cast<int>(body.region.outputs.size());
  if (index < 0 || index >= count) throw Error(fmt::format("[part] part {} of a region with {} results", index, count));
  const Type& one = body.region.graph->node(body.region.outputs[index]).type;
  const bool stacked = index < body.carry_output(0) && body.outputs[index] == MapBuilder::stacked;
  return stacked ? Type{one.dtype, one.shape.with_front(body.length)} : one;
}

int stack_of(const MapBody& body, NodeId value) {
  for (std::size_t k = 0; k < body.outputs.size(); ++k)
    if (body.region.outputs[k] == value && body.outputs[k] == MapBuilder::stacked) return static_cast<int>(k);
  return -1;
}

Tensor part(Tensor node, int index) {
  require_present("part", {node});
  return node.graph().push(part_operator, std::span(&node, 1), {{index}, nullptr});
}

Tensor push_loop(Graph& graph, std::span<const Tensor> inputs, MapBody body) {
  body.region.graph->close();
  const Operator& op = body.carries == 0 ? map_operator : scan_operator;
  return graph.push(op, inputs, {{}, std::make_shared<const MapBody>(std::move(body))});
}

OpenLoop::OpenLoop(Graph& around, std::vector<Tensor> given, std::vector<Tensor> begin, std::int64_t count)
    : outer(around),
      body(std::make_shared<Graph>(around)),
      sequences(std::move(given)),
      initial(std::move(begin)),
      length(count) {
  const char* name = name_of(static_cast<int>(initial.size()));
  require_present(name, sequences);
  require_present(name, initial);
  if (length < 0 || length > std::numeric_limits<std::int32_t>::max())
    refuse(name, fmt::format("a length of {} was given, one that fits in i32 is needed", length));
  index = input(*body, {Dtype::i32, {}});
  for (std::size_t i = 0; i < sequences.size(); ++i) {
    const Type& type = sequences[i].type();
    if (type.shape.empty() || type.shape[0] != length)
      refuse(name, fmt::format("sequence {} is {}, a first axis of {} tasks is needed", i, to_string(type), length));
    slices.push_back(input(*body, {type.dtype, type.shape.without(0)}));
  }
  for (const Tensor& value : initial) carry.push_back(input(*body, value.type()));
}

void OpenLoop::check(const std::vector<MapBuilder::Result>& results, std::span<const Tensor> next) const {
  for (const auto& result : results) check_result(name_of(static_cast<int>(carry.size())), result, *body);
  check_carries(*this, next);
}

std::vector<Tensor> OpenLoop::close(const std::vector<MapBuilder::Result>& results, std::span<const Tensor> next) {
  check(results, next);
  MapBody made{{body, {index.id()}, {}}, static_cast<int>(slices.size()) + 1, length, {}, 0, guard};
  made.carries = static_cast<int>(carry.size());
  const auto add = [&](const MapBuilder::Result& result) {
    made.region.outputs.push_back(body->capture(result.value).id());
    made.outputs.push_back(result.output);
  };
  for (const MapBuilder::Result& result : results) add(result);
  for (const Tensor& value : carry)
    if (stack_of(made, value.id()) < 0) add({value, MapBuilder::stacked});
  for (const Tensor& value : next) made.region.outputs.push_back(body->capture(value).id());

  std::vector<Tensor> inputs{iota(outer, length)};
  const auto give = [&](NodeId inner, const Tensor& value) {
    made.region.inputs.push_back(inner);
    inputs.push_back(value);
  };
  for (std::size_t i = 0; i < slices.size(); ++i) give(slices[i].id(), sequences[i]);
  for (std::size_t j = 0; j < carry.size(); ++j) give(carry[j].id(), initial[j]);
  for (const Graph::Capture& capture : body->captures()) give(capture.inner, capture.outer);

  const int first_carry = made.carry_output(0);
  const Tensor node = push_loop(outer, inputs, std::move(made));
  std::vector<Tensor> parts;
  for (std::size_t k = 0; k < results.size(); ++k) parts.push_back(part(node, static_cast<int>(k)));
  for (std::size_t j = 0; j < carry.size(); ++j) parts.push_back(part(node, first_carry + static_cast<int>(j)));
  return parts;
}

MapBuilder::MapBuilder(Graph& outer, std::vector<Tensor> sequences, std::int64_t length)
    : loop_(std::make_shared<OpenLoop>(outer, std::move(sequences), std::vector<Tensor>(), length)) {}

Graph& MapBuilder::graph() { return *loop_->body; }
const std::vector<Tensor>& MapBuilder::slices() const { return loop_->slices; }
Tensor MapBuilder::index() const { return loop_->index; }
std::int64_t MapBuilder::length() const { return loop_->length; }
std::vector<Tensor> MapBuilder::close(const std::vector<Result>& results) { return loop_->close(results); }

Tensor batch_by_map(const BatchSite& site) {
  std::vector<Tensor> sequences;
  for (std::size_t i = 0; i < site.inputs.size(); ++i)
    if (site.batched[i]) sequences.push_back(site.inputs[i]);
  MapBuilder tasks(site.graph, sequences, site.size);
  std::vector<Tensor> inputs(site.inputs.begin(), site.inputs.end());
  std::size_t next = 0;
  for (std::size_t i = 0; i < inputs.size(); ++i)
    if (site.batched[i]) inputs[i] = tasks.slices()[next++];
  return tasks.close({{tasks.graph().push(site.op, inputs, site.attributes)}})[0];
}

}  // namespace metac
