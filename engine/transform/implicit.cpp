// Solutions of equations, differentiated by what they solve and not by how they were found. The cotangent of a linear
// solution is a linear solution, too, with the transposed map: so every order is as exact as the solver.
#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "transform/transform.hpp"

namespace metac {
namespace {

using Tensors = std::vector<Tensor>;

struct LinearPair {
  ParametricFunction map, transposed;
};

Tensor or_zeros(Tensor derivative, Tensor like) { return derivative ? derivative : zeros_like(like); }

std::vector<std::size_t> floating(TensorList tensors) {
  std::vector<std::size_t> places;
  for (std::size_t i = 0; i < tensors.size(); ++i)
    if (is_float(tensors[i].dtype())) places.push_back(i);
  return places;
}

// What flows from `output` to each of the inputs, empty where nothing does.
Tensors flow(Tensor output, Tensor cotangent, TensorList inputs) {
  Tensors variables, result(inputs.size());
  const auto places = floating(inputs);
  for (const std::size_t i : places) variables.push_back(inputs[i]);
  const Tensors found = vjp(output, cotangent, variables);
  for (std::size_t k = 0; k < places.size(); ++k) result[places[k]] = found[k];
  return result;
}

// Conjugate gradients (Hestenes and Stiefel 1952); of A^T A x = A^T b where A need not be symmetric and definite. NaN
// takes all the steps, so that it is seen.
Tensor found_by_gradients(const LinearPair& a, Tensor right, TensorList parameters, const ConjugateGradients& how) {
  const auto apply = [&](Tensor x) {
    const Tensor y = a.map(x, parameters);
    return how.symmetric ? y : a.transposed(y, parameters);
  };
  const Tensor b = how.symmetric ? right : a.transposed(right, parameters);
  const double smallest =
      right.dtype() == Dtype::f64 ? std::numeric_limits<double>::epsilon() : std::numeric_limits<float>::epsilon();
  const double tolerance = std::max(how.tolerance, smallest);
  const Tensor start = sum(square(b)), enough = start * (tolerance * tolerance);
  const auto goes_on = [&](TensorList now) { return logical_not(less_equal(now[3], enough)); };
  const auto step = [&](TensorList now) -> Tensors {
    const Tensor x = now[0], residual = now[1], direction = now[2], size = now[3];
    const Tensor image = apply(direction), length = size / sum(direction * image);
    const Tensor rest = residual - length * image, left = sum(square(rest));
    return {x + length * direction, rest, rest + left / size * direction, left};
  };
  return while_loop(goes_on, step, {zeros_like(b), b, b, start}, how.max_steps)[0];
}

Tensor solved(const LinearPair& a, Tensor right, TensorList parameters, const ConjugateGradients& how) {
  Tensors inputs{right};
  inputs.insert(inputs.end(), parameters.begin(), parameters.end());
  const auto find = [&](TensorList in) -> Tensors { return {found_by_gradients(a, in[0], in.subspan(1), how)}; };
  const auto rule = [a, how](TensorList in, TensorList out, TensorList cotangents) -> Tensors {
    const TensorList given = in.subspan(1);
    const Tensor dual = solved({a.transposed, a.map}, cotangents[0], given, how);
    Tensors result = flow(a.map(out[0], given), neg(dual), given);
    result.insert(result.begin(), dual);
    return result;
  };
  return custom_vjp(find, rule, inputs)[0];
}

ParametricFunction transposed(const ParametricFunction& map) {
  return [map](Tensor y, TensorList parameters) {
    Tensors together(parameters.begin(), parameters.end());
    together.push_back(y);
    const Tensor x = alias(zeros_like(y), innermost(together));
    return or_zeros(vjp(map(x, parameters), y, x)[0], x);
  };
}

void check(const char* name, const ConjugateGradients& how) {
  if (how.max_steps < 0)
    throw Error(fmt::format("[{}] max_steps is {}, a number of steps is needed", name, how.max_steps));
  if (!(how.tolerance >= 0))
    throw Error(fmt::format("[{}] the tolerance is {}, a number of at least 0 is needed", name, how.tolerance));
}

void check_same(const char* name, const char* what, Tensor given, Tensor needed) {
  require_present(name, {given, needed});
  if (!is_float(needed.dtype()))
    throw Error(fmt::format("[{}] the unknown is {}, f32 or f64 is needed", name, to_string(needed.type())));
  if (given.type() != needed.type())
    throw Error(
        fmt::format("[{}] {} is {}, the unknown is {}", name, what, to_string(given.type()), to_string(needed.type())));
}

}  // namespace

Tensor conjugate_gradients(const ParametricFunction& map, Tensor right, TensorList parameters,
                           const ConjugateGradients& how) {
  const char* name = "conjugate_gradients";
  check(name, how);
  check_same(name, "what the map gives", map(right, parameters), right);
  return solved({map, how.symmetric ? map : transposed(map)}, right, parameters, how);
}

Tensor implicit_root(const ParametricFunction& residual, const std::function<Tensor(TensorList)>& solver,
                     TensorList parameters, const ConjugateGradients& how) {
  const char* name = "implicit_root";
  check(name, how);
  // The Jacobian at the root, which comes first among the parameters, and its transpose.
  const ParametricFunction backwards = [residual](Tensor y, TensorList at) {
    const Tensor x = alias(at[0], at[0].graph());
    return or_zeros(vjp(residual(x, at.subspan(1)), y, x)[0], x);
  };
  const ParametricFunction forwards = [residual](Tensor v, TensorList at) {
    const Tensor x = alias(at[0], at[0].graph());
    return jvp(residual(x, at.subspan(1)), x, v);
  };
  const auto find = [&](TensorList in) -> Tensors {
    const Tensor root = solver(in);
    require_present(name, {root});
    check_same(name, "the residual", residual(root, in), root);
    return {root};
  };
  const auto rule = [=](TensorList in, TensorList out, TensorList cotangents) -> Tensors {
    Tensors at{out[0]};
    at.insert(at.end(), in.begin(), in.end());
    const LinearPair pair{backwards, how.symmetric ? backwards : forwards};
    const Tensor dual = solved(pair, cotangents[0], at, how);
    return flow(residual(out[0], in), neg(dual), in);
  };
  return custom_vjp(find, rule, parameters)[0];
}

}  // namespace metac
