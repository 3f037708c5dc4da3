// How differentiation and batching go through a `map` or `scan`: the derivative of a loop is a loop, a batch of loops
// is one loop.
#include "transform/regions.hpp"

#include <algorithm>

namespace metac {

namespace {

Tensor swap_first_axes(Tensor tensor) {
  std::vector<int> permutation(tensor.shape().rank());
  for (std::size_t i = 0; i < permutation.size(); ++i) permutation[i] = static_cast<int>(i);
  std::swap(permutation[0], permutation[1]);
  return transpose(tensor, permutation);
}

// The derivative of one loop, step by step. That of a scan goes backwards: its sequences come reversed, what each carry
// was at each step is one of them, and its own carries are the cotangents of the carries. A step that was left out is
// left out there, too, as its guard is a sequence then.
struct LoopVjp {
  const VjpSite& site;
  const MapBody& body;
  std::vector<int> floating = {};  // carries that have cotangents

  Tensor ordered(Tensor sequence) const { return body.carries > 0 ? flip(sequence, 0) : sequence; }
  bool is_carry(int input) const { return input >= body.sequences && input < body.inputs_of_steps(); }
  bool is_variable(int input) const {
    return is_float(site.inputs[input].dtype()) && (site.needed[input] || is_carry(input));
  }

  // The old sequences without the index, the carries of each step, the cotangents of the stacked results.
  std::vector<Tensor> all_sequences() const {
    std::vector<Tensor> result(site.inputs.begin() + 1, site.inputs.begin() + body.sequences);
    for (int j = 0; j < body.carries; ++j)
      result.push_back(part(site.node, stack_of(body, body.region.inputs[body.carry_input(j)])));
    for (std::size_t k = 0; k < body.outputs.size(); ++k)
      if (site.cotangents[k] && body.outputs[k] == MapBuilder::stacked) result.push_back(site.cotangents[k]);
    for (Tensor& sequence : result) sequence = ordered(sequence);
    return result;
  }

  std::vector<Tensor> last_cotangents() const {
    std::vector<Tensor> result;
    for (const int j : floating) {
      const Tensor cotangent = site.cotangents[body.carry_output(j)];
      result.push_back(cotangent ? cotangent : zeros_like(site.inputs[body.carry_input(j)]));
    }
    return result;
  }

  // The body's inputs in the new body. Captures become aliases, so that two that are equal stay two variables, and none
  // of the replayed body is taken for a value of outside.
  std::vector<Tensor> body_inputs(OpenLoop& tasks) const {
    const Tensor last = constant(*tasks.body, static_cast<double>(body.length - 1), Dtype::i32);
    std::vector<Tensor> result{body.carries > 0 ? last - tasks.index : tasks.index};
    for (int i = 1; i < body.inputs_of_steps(); ++i) result.push_back(tasks.slices[i - 1]);
    for (std::size_t i = body.inputs_of_steps(); i < site.inputs.size(); ++i)
      result.push_back(alias(site.inputs[i], *tasks.body));
    return result;
  }

  std::vector<Tensor> body_cotangents(const OpenLoop& tasks) const {
    std::vector<Tensor> result(site.cotangents.size());
    std::size_t slice = body.inputs_of_steps() - 1;
    for (std::size_t k = 0; k < body.outputs.size(); ++k) {
      if (!site.cotangents[k]) continue;
      result[k] = body.outputs[k] == MapBuilder::stacked ? tasks.slices[slice++] : site.cotangents[k];
    }
    for (std::size_t f = 0; f < floating.size(); ++f) result[body.carry_output(floating[f])] = tasks.carry[f];
    return result;
  }

  // Cotangents may be of a graph inside that of the node: the new loop is then there.
  Graph& home() const {
    std::vector<Tensor> together{site.node};
    for (const Tensor& cotangent : site.cotangents)
      if (cotangent) together.push_back(cotangent);
    return innermost(together);
  }

  std::vector<Tensor> run() {
    for (int j = 0; j < body.carries; ++j)
      if (is_float(site.inputs[body.carry_input(j)].dtype())) floating.push_back(j);
    OpenLoop tasks(home(), all_sequences(), last_cotangents(), body.length);
    tasks.guard = body.guard;  // the same number: where the carries were, there are now the sequences of them
    const std::vector<Tensor> inputs = body_inputs(tasks);
    const std::vector<Tensor> outputs =
        replay(*body.region.graph, body.region.inputs, inputs, body.region.outputs, *tasks.body);
    std::vector<Tensor> variables;
    std::vector<int> places;
    for (int i = 1; i < static_cast<int>(inputs.size()); ++i) {
      if (!is_variable(i)) continue;
      variables.push_back(inputs[i]);
      places.push_back(i);
    }
    std::vector<Tensor> cotangents(inputs.size());
    const std::vector<Tensor> found = vjp(outputs, body_cotangents(tasks), variables);
    for (std::size_t i = 0; i < found.size(); ++i) cotangents[places[i]] = found[i];
    return close(tasks, cotangents);
  }

  std::vector<Tensor> close(OpenLoop& tasks, const std::vector<Tensor>& cotangents) const {
    std::vector<Tensor> next, result(site.inputs.size());
    for (const int j : floating) {
      const Tensor cotangent = cotangents[body.carry_input(j)];
      next.push_back(cotangent ? cotangent : zeros_like(site.inputs[body.carry_input(j)]));
    }
    std::vector<MapBuilder::Result> results;
    for (int i = 0; i < static_cast<int>(cotangents.size()); ++i)
      if (cotangents[i] && !is_carry(i))
        results.push_back({cotangents[i], i < body.sequences ? MapBuilder::stacked : MapBuilder::summed});
    if (results.empty() && next.empty()) return result;
    const std::vector<Tensor> parts = tasks.close(results, next);
    std::size_t part = 0;
    for (int i = 0; i < static_cast<int>(cotangents.size()); ++i)
      if (cotangents[i] && !is_carry(i)) result[i] = i < body.sequences ? ordered(parts[part++]) : parts[part++];
    for (const int j : floating) result[body.carry_input(j)] = parts[part++];
    return result;
  }
};

// ---- batching ----

// Which inputs of the body differ from example to example: also the carries that do so after some steps.
std::vector<char> batched_inputs(const BatchSite& site, const MapBody& body) {
  const Region& region = body.region;
  std::vector<char> result(site.batched.begin(), site.batched.end());
  for (bool changed = true; changed;) {
    changed = false;
    std::vector<char> batched(region.graph->size(), 0);
    for (std::size_t i = 0; i < result.size(); ++i) batched[region.inputs[i]] = result[i];
    for (NodeId id = 0; id < batched.size(); ++id)
      for (const NodeId input : region.graph->node(id).inputs) batched[id] |= batched[input];
    count_visits(region.graph->size());
    for (int j = 0; j < body.carries; ++j) {
      char& carry = result[body.carry_input(j)];
      if (carry || !batched[region.outputs[body.carry_output(j)]]) continue;
      carry = 1;
      changed = true;
    }
  }
  return result;
}

Tensor of_all(const Batched& one, std::int64_t size) {
  return one.batched ? one.value : broadcast_to(one.value, one.value.shape().with_front(size));
}

// Each example runs a loop of its own: where they do not agree on which steps to run.
std::vector<Batched> loop_of_each(const BatchSite& site, const MapBody& body) {
  std::vector<Tensor> sequences, inputs(site.inputs.begin(), site.inputs.end());
  for (std::size_t i = 0; i < inputs.size(); ++i)
    if (site.batched[i]) sequences.push_back(inputs[i]);
  MapBuilder examples(site.graph, sequences, site.size);
  for (std::size_t i = 0, next = 0; i < inputs.size(); ++i)
    if (site.batched[i]) inputs[i] = examples.slices()[next++];
  const Tensor loop = examples.graph().push(site.op, inputs, site.attributes);
  std::vector<MapBuilder::Result> results;
  for (std::size_t k = 0; k < body.region.outputs.size(); ++k) results.push_back({part(loop, static_cast<int>(k))});
  std::vector<Batched> parts;
  for (const Tensor& value : examples.close(results)) parts.push_back({value, true});
  return parts;
}

}  // namespace

std::vector<Tensor> loop_vjp(const VjpSite& site) {
  const MapBody& body = map_body(site.node.graph().node(site.node.id()));
  // Without a task nothing has a part in the results. What the tasks share is computed outside of them, where a factor
  // that is no number would make NaN of the 0.
  if (body.length == 0 && body.carries == 0) return std::vector<Tensor>(site.inputs.size());
  return LoopVjp{site, body}.run();
}

std::vector<Batched> loop_batch(const BatchSite& site) {
  const auto& body = *static_cast<const MapBody*>(site.attributes.object.get());
  const std::vector<char> batched = batched_inputs(site, body);
  if (body.guard != MapBody::no_guard && batched[body.guard]) return loop_of_each(site, body);
  std::vector<Tensor> sequences, initial;
  for (int i = 1; i < body.sequences; ++i)
    sequences.push_back(site.batched[i] ? swap_first_axes(site.inputs[i]) : site.inputs[i]);
  for (int i = body.sequences; i < body.inputs_of_steps(); ++i)
    initial.push_back(batched[i] ? of_all({site.inputs[i], site.batched[i] != 0}, site.size) : site.inputs[i]);
  OpenLoop tasks(site.graph, sequences, initial, body.length);
  tasks.guard = body.guard;

  std::vector<Batched> inputs{{tasks.index, false}};
  for (const Tensor& slice : tasks.slices) inputs.push_back({slice, false});
  for (const Tensor& carry : tasks.carry) inputs.push_back({carry, false});
  for (std::size_t i = inputs.size(); i < site.inputs.size(); ++i) inputs.push_back({site.inputs[i], false});
  for (std::size_t i = 0; i < inputs.size(); ++i) inputs[i].batched = batched[i] != 0;
  const std::vector<Batched> outputs = batch(body.region, inputs, site.size, *tasks.body);

  std::vector<MapBuilder::Result> results;
  std::vector<Tensor> next;
  for (std::size_t k = 0; k < body.outputs.size(); ++k) results.push_back({outputs[k].value, body.outputs[k]});
  for (int j = 0; j < body.carries; ++j) {
    const Batched& carry = outputs[body.carry_output(j)];
    next.push_back(batched[body.carry_input(j)] ? of_all(carry, site.size) : carry.value);
  }
  const std::vector<Tensor> values = tasks.close(results, next);
  std::vector<Batched> parts;
  for (std::size_t k = 0; k < body.outputs.size(); ++k) {
    const bool swapped = outputs[k].batched && body.outputs[k] == MapBuilder::stacked;
    parts.push_back({swapped ? swap_first_axes(values[k]) : values[k], outputs[k].batched});
  }
  for (int j = 0; j < body.carries; ++j)
    parts.push_back({values[body.carry_output(j)], batched[body.carry_input(j)] != 0});
  return parts;
}

}  // namespace metac
