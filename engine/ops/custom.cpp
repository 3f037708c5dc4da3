// Functions with a derivative of one's own. The node stands beside the function's outputs, which its parts are: it
// computes nothing, and finalize puts the outputs in the place of the parts. Its rule is traced, each time a derivative
// is taken, in a graph that knows no other, and replayed where the derivative is: so the node may be copied to any
// graph.
#include <fmt/format.h>

#include "ops/control.hpp"
#include "ops/family.hpp"

namespace metac {
namespace {

Type custom_type(const Site&) { return {Dtype::boolean, Shape{0}}; }

Tensors inputs_of(Graph& graph, std::span<const Type> types) {
  Tensors result;
  for (const Type& type : types) result.push_back(input(graph, type));
  return result;
}

void check_cotangent(Tensor cotangent, const Type& needed, std::size_t i, const Graph& graph) {
  if (&cotangent.graph() != &graph)
    throw Error(fmt::format("[custom_vjp] cotangent {} is of another graph: a rule may use only what it is given", i));
  if (cotangent.type() != needed)
    throw Error(fmt::format("[custom_vjp] the rule gives {} as cotangent {}, its input is {}",
                            to_string(cotangent.type()), i, to_string(needed)));
}

Tensors custom_rule_vjp(const VjpSite& site) {
  const CustomRule& rule = custom_rule(site.attributes);
  std::vector<Type> types;
  for (const Tensor& x : site.inputs) types.push_back(x.type());
  const TracedRule traced = trace(rule, std::span(types).first(rule.outputs), std::span(types).subspan(rule.outputs));
  Tensors to(site.inputs.begin() + static_cast<std::ptrdiff_t>(rule.outputs), site.inputs.end()), together{site.node};
  for (std::size_t k = 0; k < rule.outputs; ++k) to.push_back(part(site.node, static_cast<int>(k)));
  for (std::size_t k = 0; k < rule.outputs; ++k) {
    const Tensor cotangent = site.cotangents[k];
    to.push_back(cotangent ? cotangent : zeros_like(site.inputs[k]));
    together.push_back(to.back());
  }
  const Region& region = traced.region;
  const Tensors values = replay(*region.graph, region.inputs, to, region.outputs, innermost(together));
  Tensors result(site.inputs.size());
  for (std::size_t i = 0; i < values.size(); ++i) result[rule.outputs + traced.inputs[i]] = values[i];
  return result;
}

}  // namespace

const Operator custom_vjp_operator = {.name = "custom_vjp",
                                      .doc = "Values with a derivative of their own to what follows them.",
                                      .arity = -1,
                                      .type = custom_type,
                                      .vjp = custom_rule_vjp};

namespace {
const Register registered{custom_vjp_operator};
}

const CustomRule& custom_rule(const Attributes& attributes) {
  return *static_cast<const CustomRule*>(attributes.object.get());
}

Tensor push_custom(std::span<const Tensor> outputs_and_inputs, CustomRule rule) {
  return apply(custom_vjp_operator, outputs_and_inputs, {{}, std::make_shared<const CustomRule>(std::move(rule))});
}

TracedRule trace(const CustomRule& rule, std::span<const Type> outputs, std::span<const Type> inputs) {
  const auto graph = std::make_shared<Graph>();
  const Tensors in = inputs_of(*graph, inputs), out = inputs_of(*graph, outputs), ct = inputs_of(*graph, outputs);
  const Tensors cotangents = rule.rule(in, out, ct);
  if (cotangents.size() != inputs.size())
    throw Error(
        fmt::format("[custom_vjp] the rule gives {} cotangents for {} inputs", cotangents.size(), inputs.size()));
  TracedRule result{{graph, {}, {}}, {}};
  for (const Tensors* group : {&in, &out, &ct})
    for (const Tensor& x : *group) result.region.inputs.push_back(x.id());
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    if (!cotangents[i] || !is_float(inputs[i].dtype)) continue;
    check_cotangent(cotangents[i], inputs[i], i, *graph);
    result.region.outputs.push_back(cotangents[i].id());
    result.inputs.push_back(i);
  }
  return result;
}

Tensors custom_vjp(const TensorFunction& f, VjpRule rule, TensorList inputs) {
  if (inputs.empty()) throw Error("[custom_vjp] no input was given, at least one is needed");
  require_present("custom_vjp", inputs);
  Tensors together = f(inputs);
  require_present("custom_vjp", together);
  const std::size_t outputs = together.size();
  together.insert(together.end(), inputs.begin(), inputs.end());
  const Tensor node = push_custom(together, {outputs, std::move(rule)});
  Tensors results;
  for (std::size_t k = 0; k < outputs; ++k) results.push_back(part(node, static_cast<int>(k)));
  return results;
}

Tensor reverse_gradient(Tensor x, Tensor strength) {
  require_present("reverse_gradient", {x, strength});
  if (!is_float(x.dtype()) || strength.dtype() != x.dtype() ||
      common_shape("reverse_gradient", x.shape(), strength.shape()) != x.shape())
    throw Error(
        fmt::format("[reverse_gradient] {} was given with a strength {}; floats of one dtype are needed, of which "
                    "the strength broadcasts to the first",
                    to_string(x.type()), to_string(strength.type())));
  const auto same = [](TensorList in) -> Tensors { return {in[0]}; };
  const auto reversed = [](TensorList in, TensorList, TensorList cotangents) -> Tensors {
    return {-(in[1] * cotangents[0]), Tensor()};
  };
  return custom_vjp(same, reversed, {x, strength})[0];
}

Tensor reverse_gradient(Tensor x, double strength) {
  require_present("reverse_gradient", {x});
  return reverse_gradient(x, constant(x.graph(), strength, x.dtype()));
}

}  // namespace metac
