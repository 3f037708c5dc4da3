// The derivatives that are compositions of the reverse sweep: gradients, forward mode, Hessian-vector products,
// Jacobians.
#include <fmt/format.h>

#include <functional>

#include "ops/ops.hpp"
#include "transform/transform.hpp"

namespace metac {

namespace {

Tensor or_zeros(Tensor derivative, Tensor like) { return derivative ? derivative : zeros_like(like); }

// The gradient, empty where the output does not depend on a variable.
std::vector<Tensor> gradient(const char* name, Tensor output, TensorList wrt) {
  require_present(name, {output});
  if (!is_float(output.dtype()) || !output.shape().empty())
    throw Error(fmt::format("[{}] the output is {}, a floating scalar is needed", name, to_string(output.type())));
  return vjp(output, constant(output.graph(), 1, output.dtype()), wrt);
}

void check_tangents(const char* name, TensorList wrt, TensorList tangents) {
  require_present(name, wrt);
  if (wrt.size() != tangents.size())
    throw Error(fmt::format("[{}] {} tangents were given for {} variables", name, tangents.size(), wrt.size()));
  for (std::size_t i = 0; i < wrt.size(); ++i)
    if (tangents[i] && tangents[i].type() != wrt[i].type())
      throw Error(fmt::format("[{}] tangent {} is {}, its variable is {}", name, i, to_string(tangents[i].type()),
                              to_string(wrt[i].type())));
}

// What flows to `wrt` from those outputs that have a cotangent at all.
std::vector<Tensor> vjp_of_present(std::span<const Tensor> outputs, TensorList cotangents, TensorList wrt) {
  std::vector<Tensor> given, seeds;
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    if (!outputs[i] || !cotangents[i]) continue;
    given.push_back(outputs[i]);
    seeds.push_back(cotangents[i]);
  }
  return given.empty() ? std::vector<Tensor>(wrt.size()) : vjp(given, seeds, wrt);
}

}  // namespace

std::vector<Tensor> grad(Tensor output, TensorList wrt) {
  std::vector<Tensor> result = gradient("grad", output, wrt);
  for (std::size_t i = 0; i < result.size(); ++i) result[i] = or_zeros(result[i], wrt[i]);
  return result;
}

Tensor grad(Tensor output, Tensor wrt) { return grad(output, TensorList(wrt))[0]; }

std::pair<Tensor, std::vector<Tensor>> value_and_grad(Tensor output, TensorList wrt) {
  return {output, grad(output, wrt)};
}

std::pair<Tensor, Tensor> value_and_grad(Tensor output, Tensor wrt) { return {output, grad(output, wrt)}; }

// J t is the derivative to v of <J^T v, t>, which is linear in v: so v may be anything, here a fresh alias of zeros.
Tensor jvp(Tensor output, TensorList wrt, TensorList tangents) {
  check_tangents("jvp", wrt, tangents);
  require_present("jvp", {output});
  if (!is_float(output.dtype()))
    throw Error(fmt::format("[jvp] the output is {}, f32 or f64 is needed", to_string(output.type())));
  std::vector<Tensor> together(wrt.begin(), wrt.end());
  together.push_back(output);
  for (const Tensor& tangent : tangents)
    if (tangent) together.push_back(tangent);
  const Tensor dual = alias(zeros_like(output), innermost(together));
  return or_zeros(vjp_of_present(vjp(output, dual, wrt), tangents, dual)[0], output);
}

std::vector<Tensor> hvp(Tensor output, TensorList wrt, TensorList tangents) {
  check_tangents("hvp", wrt, tangents);
  std::vector<Tensor> result = vjp_of_present(gradient("hvp", output, wrt), tangents, wrt);
  for (std::size_t i = 0; i < result.size(); ++i) result[i] = or_zeros(result[i], wrt[i]);
  return result;
}

Tensor hvp(Tensor output, Tensor wrt, Tensor tangent) { return hvp(output, TensorList(wrt), TensorList(tangent))[0]; }

namespace {

// [n, n] with ones on the diagonal.
Tensor unit_vectors(Graph& graph, std::int64_t n, Dtype dtype) { return one_hot(iota(graph, n), n, dtype); }

// linear(v) for every unit vector v of `like`, one row for each: a body that is batched over them.
Tensor rows_of(Tensor like, const std::function<Tensor(Tensor)>& linear) {
  Graph& outer = like.graph();
  const std::int64_t n = like.type().elements();
  const auto body = std::make_shared<Graph>(outer);
  const Tensor unit = input(*body, {like.dtype(), {n}});
  const Tensor row = body->capture(linear(reshape(unit, like.shape())));
  Region region{body, {unit.id()}, {row.id()}};
  std::vector<Batched> inputs{{unit_vectors(outer, n, like.dtype()), true}};
  for (const Graph::Capture& capture : body->captures()) {
    region.inputs.push_back(capture.inner);
    inputs.push_back({capture.outer, false});
  }
  body->close();
  const Batched rows = batch(region, inputs, n, outer)[0];
  return rows.batched ? rows.value : broadcast_to(rows.value, rows.value.shape().with_front(n));
}

Shape both(const Shape& a, const Shape& b) {
  if (a.rank() + b.rank() > max_rank)
    throw Error(
        fmt::format("[jacobian] an output {} and a variable {} were given: at most {} axes together are possible",
                    to_string(a), to_string(b), max_rank));
  Shape result = a;
  for (const auto size : b) result.push_back(size);
  return result;
}

}  // namespace

Tensor jacobian(Tensor output, Tensor wrt, Sweeps sweeps) {
  require_present("jacobian", {output, wrt});
  if (!is_float(output.dtype()))
    throw Error(fmt::format("[jacobian] the output is {}, f32 or f64 is needed", to_string(output.type())));
  const Shape shape = both(output.shape(), wrt.shape());
  const std::int64_t outputs = output.type().elements(), variables = wrt.type().elements();
  Graph& graph = innermost(std::vector{output, wrt});
  if (outputs == 0 || variables == 0) return full(graph, shape, 0, output.dtype());
  output = graph.capture(output);
  if (sweeps == Sweeps::forward || (sweeps == Sweeps::fewest && variables < outputs)) {
    const Tensor columns = rows_of(wrt, [&](Tensor tangent) { return jvp(output, wrt, tangent); });
    return reshape(transpose(reshape(columns, {variables, outputs}), {1, 0}), shape);
  }
  const Tensor rows = rows_of(output, [&](Tensor unit) { return or_zeros(vjp(output, unit, wrt)[0], wrt); });
  return cast(reshape(rows, shape), output.dtype());
}

Tensor hessian(Tensor output, Tensor wrt) { return jacobian(grad(output, wrt), wrt); }

}  // namespace metac
