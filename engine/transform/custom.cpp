// Batching of functions with a rule of their own: the rule of the batch is the batch of the rule.
#include "transform/regions.hpp"

namespace metac {
namespace {

Tensor of_all(const Batched& one, std::int64_t size) {
  return one.batched ? one.value : broadcast_to(one.value, one.value.shape().with_front(size));
}

// A rule for one example and which of the function's inputs differ among the examples; its outputs all do.
struct BatchedRule {
  CustomRule one;
  std::vector<char> batched;
  std::int64_t size;

  std::vector<Tensor> operator()(TensorList inputs, TensorList outputs, TensorList cotangents) const {
    std::vector<Batched> given;
    for (std::size_t i = 0; i < inputs.size(); ++i) given.push_back({inputs[i], batched[i] != 0});
    for (const Tensor& output : outputs) given.push_back({output, true});
    for (const Tensor& cotangent : cotangents) given.push_back({cotangent, true});
    const TracedRule traced =
        trace(one, types_of_one(outputs, std::vector<char>(outputs.size(), 1)), types_of_one(inputs, batched));
    const std::vector<Batched> values = batch(traced.region, given, size, innermost(inputs));
    std::vector<Tensor> result(inputs.size());
    for (std::size_t k = 0; k < values.size(); ++k) {
      const std::size_t input = traced.inputs[k];
      result[input] = of_all(values[k], size);
      if (!batched[input]) result[input] = sum(result[input], {0});
    }
    return result;
  }

  static std::vector<Type> types_of_one(TensorList tensors, const std::vector<char>& batched) {
    std::vector<Type> types;
    for (std::size_t i = 0; i < tensors.size(); ++i) {
      types.push_back(tensors[i].type());
      if (batched[i]) types.back().shape = types.back().shape.without(0);
    }
    return types;
  }
};

}  // namespace

std::vector<Batched> custom_batch(const BatchSite& site) {
  const CustomRule& rule = custom_rule(site.attributes);
  std::vector<Tensor> inputs(site.inputs.begin(), site.inputs.end());
  for (std::size_t k = 0; k < rule.outputs; ++k) inputs[k] = of_all({inputs[k], site.batched[k] != 0}, site.size);
  const std::vector<char> batched(site.batched.begin() + static_cast<std::ptrdiff_t>(rule.outputs), site.batched.end());
  const Tensor node = push_custom(inputs, {rule.outputs, BatchedRule{rule, batched, site.size}});
  std::vector<Batched> parts;
  for (std::size_t k = 0; k < rule.outputs; ++k) parts.push_back({part(node, static_cast<int>(k)), true});
  return parts;
}

}  // namespace metac
