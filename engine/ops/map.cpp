// `map`: independent tasks as one node that holds the graph of a single task. Its inputs are the sequences (the first
// an iota, the index), then the captures; `part` takes one of its results. Bodies are closed and never change again, so
// they may be shared by nodes and graphs.
#include <fmt/format.h>

#include "ops/primitives.hpp"

namespace metac {

namespace {

[[noreturn]] void refuse(const std::string& what) { throw Error("[map] " + what); }

void check_sequence(const Type& given, const Type& slice, std::int64_t length, int position) {
  if (given.shape.empty() || given.shape[0] != length)
    refuse(fmt::format("sequence {} is {}, a first axis of {} tasks is needed", position, to_string(given), length));
  if (Type{given.dtype, given.shape.without(0)} != slice)
    refuse(fmt::format("sequence {} is {}, its slices are {}", position, to_string(given), to_string(slice)));
}

Type map_type(const Site& site) {
  const auto& body = *static_cast<const MapBody*>(site.attributes.object.get());
  const Region& region = body.region;
  if (site.inputs.size() != region.inputs.size())
    refuse(fmt::format("{} inputs were given, {} are needed", site.inputs.size(), region.inputs.size()));
  for (std::size_t i = 0; i < site.inputs.size(); ++i) {
    const Type& given = site.inputs[i].type();
    const Type& needed = region.graph->node(region.inputs[i]).type;
    if (static_cast<int>(i) < body.sequences)
      check_sequence(given, needed, body.length, static_cast<int>(i));
    else if (given != needed)
      refuse(fmt::format("a captured value is {}, {} is needed", to_string(given), to_string(needed)));
  }
  return {Dtype::boolean, Shape{0}};
}

const Region* map_region(const Node& node) { return &map_body(node).region; }

Type part_type(const Site& site) {
  const Node map = site.inputs[0].graph().node(site.inputs[0].id());
  if (&map.op != &map_operator)
    throw Error(fmt::format("[part] the result of `{}` was given, a map is needed", map.op.name));
  const MapBody& body = map_body(map);
  const auto index = site.attributes.numbers[0];
  if (index < 0 || index >= static_cast<std::int64_t>(body.outputs.size()))
    throw Error(fmt::format("[part] part {} of a map with {} results", index, body.outputs.size()));
  const Type& one = body.region.graph->node(body.region.outputs[index]).type;
  if (body.outputs[index] == MapBuilder::summed) return one;
  return {one.dtype, one.shape.with_front(body.length)};
}

void check_result(const MapBuilder::Result& result, const Graph& body) {
  require_present("map", {result.value});
  if (result.output == MapBuilder::summed && result.value.dtype() == Dtype::boolean)
    refuse("a result of bool cannot be summed, numbers are needed");
  if (result.value.graph().depth() > body.depth()) refuse("a result belongs to a body inside this one");
}

}  // namespace

const Operator map_operator = {.name = "map",
                               .doc = "Runs its body once for each index of its sequences.",
                               .arity = -1,
                               .type = map_type,
                               .region = map_region};
const Operator part_operator = {
    .name = "part", .doc = "One result of a region that has several.", .arity = 1, .type = part_type};

namespace {
const Register registered[] = {Register(map_operator), Register(part_operator)};
}

const MapBody& map_body(const Node& node) {
  if (&node.op != &map_operator) throw Bug(fmt::format("the body of a map was asked of `{}`", node.op.name));
  return *static_cast<const MapBody*>(node.attributes.object.get());
}

Tensor part(Tensor map_node, int index) {
  require_present("part", {map_node});
  return map_node.graph().push(part_operator, std::span(&map_node, 1), {{index}, nullptr});
}

Tensor push_map(Graph& graph, std::span<const Tensor> inputs, MapBody body) {
  body.region.graph->close();
  return graph.push(map_operator, inputs, {{}, std::make_shared<const MapBody>(std::move(body))});
}

MapBuilder::MapBuilder(Graph& outer, std::vector<Tensor> sequences, std::int64_t length)
    : outer_(outer), body_(std::make_shared<Graph>(outer)), sequences_(std::move(sequences)), length_(length) {
  require_present("map", sequences_);
  sequences_.insert(sequences_.begin(), iota(outer, length));
  for (std::size_t i = 0; i < sequences_.size(); ++i) {
    const Type& type = sequences_[i].type();
    if (type.shape.empty() || type.shape[0] != length)
      refuse(fmt::format("sequence {} is {}, a first axis of {} tasks is needed", i, to_string(type), length));
    const Tensor slice = input(*body_, {type.dtype, type.shape.without(0)});
    if (i == 0)
      index_ = slice;
    else
      slices_.push_back(slice);
  }
}

std::vector<Tensor> MapBuilder::close(const std::vector<Result>& results) {
  MapBody body{{body_, {index_.id()}, {}}, static_cast<int>(sequences_.size()), length_, {}};
  for (const Result& result : results) {
    check_result(result, *body_);
    body.region.outputs.push_back(body_->capture(result.value).id());
    body.outputs.push_back(result.output);
  }
  for (const Tensor& slice : slices_) body.region.inputs.push_back(slice.id());
  std::vector<Tensor> inputs = sequences_;
  for (const Graph::Capture& capture : body_->captures()) {
    body.region.inputs.push_back(capture.inner);
    inputs.push_back(capture.outer);
  }
  const Tensor map = push_map(outer_, inputs, std::move(body));
  std::vector<Tensor> parts;
  for (std::size_t i = 0; i < results.size(); ++i) parts.push_back(part(map, static_cast<int>(i)));
  return parts;
}

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
