// How differentiation and batching go through a `map`: the derivative of a map is a map, a batch of maps is one map.
#include "transform/regions.hpp"

#include "ops/primitives.hpp"

namespace metac {

namespace {

Tensor swap_first_axes(Tensor tensor) {
  std::vector<int> permutation(tensor.shape().rank());
  for (std::size_t i = 0; i < permutation.size(); ++i) permutation[i] = static_cast<int>(i);
  std::swap(permutation[0], permutation[1]);
  return transpose(tensor, permutation);
}

// The derivative of one map, step by step.
struct MapVjp {
  const VjpSite& site;
  const MapBody& body;
  int sequences = body.sequences;

  bool is_variable(std::size_t input) const { return site.needed[input] && is_float(site.inputs[input].dtype()); }

  // The old sequences without the index, then the cotangents of the stacked parts.
  std::vector<Tensor> all_sequences() const {
    std::vector<Tensor> result(site.inputs.begin() + 1, site.inputs.begin() + sequences);
    for (std::size_t k = 0; k < site.cotangents.size(); ++k)
      if (site.cotangents[k] && body.outputs[k] == MapBuilder::stacked) result.push_back(site.cotangents[k]);
    return result;
  }

  // The body's inputs in the new body. Captures become aliases, so that two that are equal stay two variables, and none
  // of the replayed body is taken for a value of outside.
  std::vector<Tensor> body_inputs(MapBuilder& tasks) const {
    std::vector<Tensor> result{tasks.index()};
    for (int i = 1; i < sequences; ++i) result.push_back(tasks.slices()[i - 1]);
    for (std::size_t i = sequences; i < site.inputs.size(); ++i) result.push_back(alias(site.inputs[i], tasks.graph()));
    return result;
  }

  std::vector<Tensor> body_cotangents(const MapBuilder& tasks) const {
    std::vector<Tensor> result(site.cotangents.size());
    std::size_t slice = sequences - 1;
    for (std::size_t k = 0; k < result.size(); ++k) {
      if (!site.cotangents[k]) continue;
      result[k] = body.outputs[k] == MapBuilder::stacked ? tasks.slices()[slice++] : site.cotangents[k];
    }
    return result;
  }

  // Cotangents may be of a graph inside that of the node: the new map is then there.
  Graph& home() const {
    std::vector<Tensor> together{site.node};
    for (const Tensor& cotangent : site.cotangents)
      if (cotangent) together.push_back(cotangent);
    return innermost(together);
  }

  std::vector<Tensor> run() const {
    MapBuilder tasks(home(), all_sequences(), body.length);
    const std::vector<Tensor> inputs = body_inputs(tasks);
    const std::vector<Tensor> outputs =
        replay(*body.region.graph, body.region.inputs, inputs, body.region.outputs, tasks.graph());
    std::vector<Tensor> variables;
    std::vector<std::size_t> places;
    for (std::size_t i = 1; i < inputs.size(); ++i) {
      if (!is_variable(i)) continue;
      variables.push_back(inputs[i]);
      places.push_back(i);
    }
    const std::vector<Tensor> cotangents = vjp(outputs, body_cotangents(tasks), variables);
    return close(tasks, cotangents, places);
  }

  std::vector<Tensor> close(MapBuilder& tasks, const std::vector<Tensor>& cotangents,
                            const std::vector<std::size_t>& places) const {
    std::vector<Tensor> result(site.inputs.size());
    std::vector<MapBuilder::Result> results;
    for (std::size_t i = 0; i < places.size(); ++i)
      if (cotangents[i])
        results.push_back(
            {cotangents[i], static_cast<int>(places[i]) < sequences ? MapBuilder::stacked : MapBuilder::summed});
    if (results.empty()) return result;
    const std::vector<Tensor> parts = tasks.close(results);
    for (std::size_t i = 0, next = 0; i < places.size(); ++i)
      if (cotangents[i]) result[places[i]] = parts[next++];
    return result;
  }
};

}  // namespace

std::vector<Tensor> map_vjp(const VjpSite& site) {
  const NodeId id = site.node.id();
  return MapVjp{site, map_body(site.node.graph().node(id))}.run();
}

Tensor map_batch(const BatchSite& site) {
  const auto& body = *static_cast<const MapBody*>(site.attributes.object.get());
  std::vector<Tensor> sequences;
  for (int i = 1; i < body.sequences; ++i)
    sequences.push_back(site.batched[i] ? swap_first_axes(site.inputs[i]) : site.inputs[i]);
  MapBuilder tasks(site.graph, sequences, body.length);

  std::vector<Batched> inputs{{tasks.index(), false}};
  for (int i = 1; i < body.sequences; ++i) inputs.push_back({tasks.slices()[i - 1], site.batched[i] != 0});
  for (std::size_t i = body.sequences; i < site.inputs.size(); ++i)
    inputs.push_back({site.inputs[i], site.batched[i] != 0});
  const std::vector<Batched> outputs = batch(body.region, inputs, site.size, tasks.graph());

  std::vector<MapBuilder::Result> results;
  for (std::size_t k = 0; k < outputs.size(); ++k) {
    Tensor value = outputs[k].value;
    if (!outputs[k].batched) value = broadcast_to(value, value.shape().with_front(site.size));
    results.push_back({value, body.outputs[k]});
  }
  const std::vector<Tensor> parts = tasks.close(results);
  const Node first = site.graph.node(parts[0].id());
  return site.graph.tensor(first.inputs[0]);
}

Tensor part_batch(const BatchSite& site) {
  const Tensor result = site.graph.push(site.op, site.inputs, site.attributes);
  const MapBody& body = map_body(site.graph.node(site.inputs[0].id()));
  return body.outputs[site.attributes.numbers[0]] == MapBuilder::stacked ? swap_first_axes(result) : result;
}

}  // namespace metac
