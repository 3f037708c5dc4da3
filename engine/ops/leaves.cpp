// Nodes that begin expressions: inputs, constants, host arrays, iota; and the two identities that steer derivatives,
// alias and stop_gradient. Constants are interned by their bits, arrays by the identity of their memory.
#include <fmt/format.h>

#include <bit>
#include <cmath>
#include <limits>
#include <numeric>

#include "ops/family.hpp"
#include "ops/primitives.hpp"
#include "ops/reference.hpp"

namespace metac {

namespace {

Type leaf_type(const Site& site) { return attributes_type(site.attributes); }

// ---- constant: numbers are the dtype and the bits of the value, as double ----

Type constant_type(const Site& site) { return {static_cast<Dtype>(site.attributes.numbers[0]), Shape{}}; }

double rounded(double value, Dtype dtype) {
  switch (dtype) {
    case Dtype::f32:
      return static_cast<float>(value);
    case Dtype::f64:
      return value;
    case Dtype::i32:
      if (value != std::trunc(value) || std::abs(value) > 2147483648.0 || value == 2147483648.0)
        throw Error(fmt::format("[constant] {} was given, an i32 is needed", value));
      return value + 0.0;  // there is no -0 among integers
    case Dtype::boolean:
      return value != 0 ? 1 : 0;
  }
  throw Bug("constant: no such dtype");
}

void constant_reference(const Node& node, std::span<const Array>, Array& result) {
  store(result, 0, constant_value(node));
}

// ---- array: numbers are the type; the object points to the memory and owns it ----

void array_reference(const Node& node, std::span<const Array>, Array& result) { result = array_value(node).clone(); }

// ---- iota ----

Type iota_type(const Site& site) { return {Dtype::i32, Shape{site.attributes.numbers[0]}}; }

KernelPtr iota_kernel(const Node& node, std::span<const Layout>) {
  const std::int64_t n = node.attributes.numbers[0];
  return make_kernel(fmt::format("iota {}", n), [n](void* const* operands, std::byte*) {
    std::iota(static_cast<std::int32_t*>(operands[0]), static_cast<std::int32_t*>(operands[0]) + n, 0);
  });
}

void iota_reference(const Node&, std::span<const Array>, Array& result) {
  for (std::int64_t i = 0; i < result.elements(); ++i) store(result, i, static_cast<double>(i));
}

std::vector<Sample> iota_samples() {
  return {{.inputs = {}, .attributes = {{0}, nullptr}}, {.inputs = {}, .attributes = {{5}, nullptr}}};
}

// ---- alias and stop_gradient ----

Type same_type(const Site& site) { return site.inputs[0].type(); }

std::vector<Tensor> alias_vjp(const VjpSite& site) { return {site.cotangents[0]}; }

Tensor alias_batch(const BatchSite& site) { return site.graph.push_unique(site.op, site.inputs, site.attributes); }
Tensor stop_gradient_batch(const BatchSite& site) { return site.graph.push(site.op, site.inputs, site.attributes); }

std::optional<Operator::View> same_view(const Node&, const Layout& input) { return Operator::View{input, 0}; }

Tensor simplify_stop(const Site& site) {
  const Node inner = site.graph.node(site.inputs[0].id());
  const bool constant = inner.inputs.empty() && !inner.unique;
  return constant || &inner.op == &site.op ? site.inputs[0] : Tensor();
}

std::vector<Sample> identity_samples() {
  return {{.inputs = {{Dtype::f32, {}}}}, {.inputs = {{Dtype::f32, {0, 3}}}}, {.inputs = {{Dtype::f32, {2, 3}}}}};
}

}  // namespace

const Operator constant_operator = {.name = "constant",
                                    .doc = "A number, known when the graph is made.",
                                    .arity = 0,
                                    .type = constant_type,
                                    .reference = constant_reference};
const Operator array_operator = {.name = "array",
                                 .doc = "An array of the host, known when the graph is made.",
                                 .arity = 0,
                                 .type = leaf_type,
                                 .reference = array_reference};
const Operator iota_operator = {.name = "iota",
                                .doc = "0, 1, ..., n-1 as i32.",
                                .arity = 0,
                                .type = iota_type,
                                .kernel = iota_kernel,
                                .samples = iota_samples,
                                .reference = iota_reference};
const Operator alias_operator = {.name = "alias",
                                 .doc = "The same value as a fresh variable, to differentiate with respect to.",
                                 .arity = 1,
                                 .type = same_type,
                                 .vjp = alias_vjp,
                                 .batch = alias_batch,
                                 .view = same_view,
                                 .samples = identity_samples};
const Operator stop_gradient_operator = {.name = "stop_gradient",
                                         .doc = "The same value, to derivatives a constant.",
                                         .arity = 1,
                                         .type = same_type,
                                         .simplify = simplify_stop,
                                         .batch = stop_gradient_batch,
                                         .view = same_view,
                                         .samples = identity_samples};

namespace {
const Register registered[] = {Register(constant_operator), Register(array_operator), Register(iota_operator),
                               Register(alias_operator), Register(stop_gradient_operator)};
}

Tensor input(Graph& graph, const Type& type) { return graph.push_unique(input_operator, {}, type_attributes(type)); }

Tensor constant(Graph& graph, double value, Dtype dtype) {
  const auto bits = std::bit_cast<std::int64_t>(rounded(value, dtype));
  return graph.push(constant_operator, {}, {{static_cast<std::int64_t>(dtype), bits}, nullptr});
}

Tensor constant(Graph& graph, const Array& array) {
  if (array.shape().empty()) return constant(graph, array.at(0), array.dtype());
  Attributes attributes = type_attributes(array.type());
  attributes.object = array.memory();
  return graph.push(array_operator, {}, std::move(attributes));
}

double constant_value(const Node& node) {
  if (&node.op != &constant_operator) throw Bug(fmt::format("the value of a constant was asked of `{}`", node.op.name));
  return std::bit_cast<double>(node.attributes.numbers[1]);
}

Array array_value(const Node& node) {
  if (&node.op != &array_operator) throw Bug(fmt::format("an array was asked of `{}`", node.op.name));
  auto memory = std::static_pointer_cast<std::byte>(std::const_pointer_cast<void>(node.attributes.object));
  return {attributes_type(node.attributes), std::move(memory)};
}

std::optional<double> constant_value(Tensor tensor) {
  constexpr int most_views = 8;  // views of a constant are merged; every node asks, so a long chain must not be walked
  require_present("constant_value", {tensor});
  const Graph& graph = tensor.graph();
  NodeId id = tensor.id();
  for (int views = 0; views <= most_views; ++views) {
    const Node node = graph.node(id);
    if (&node.op == &constant_operator) return constant_value(node);
    if (!node.op.view || node.inputs.size() != 1 || node.unique) break;
    id = node.inputs[0];
  }
  return std::nullopt;
}

Tensor full(Graph& graph, const Shape& shape, double value, Dtype dtype) {
  return broadcast_to(constant(graph, value, dtype), shape);
}

Tensor zeros_like(Tensor tensor) {
  require_present("zeros_like", {tensor});
  return full(tensor.graph(), tensor.shape(), 0, tensor.dtype());
}

Tensor iota(Graph& graph, std::int64_t n) {
  if (n < 0 || n > std::numeric_limits<std::int32_t>::max())
    throw Error(fmt::format("[iota] {} was given, a length that fits in i32 is needed", n));
  return graph.push(iota_operator, {}, {{n}, nullptr});
}

Tensor alias(Tensor tensor, Graph& graph) { return graph.push_unique(alias_operator, std::span(&tensor, 1)); }

Tensor stop_gradient(Tensor tensor) {
  require_present("stop_gradient", {tensor});
  return tensor.graph().push(stop_gradient_operator, std::span(&tensor, 1));
}

}  // namespace metac
