// Solutions of equations: their derivatives, whatever the solver.
#include "engine/ops/bench.hpp"
#include "engine/ops/checks.hpp"
#include "plan/plan.hpp"
#include "transform/transform.hpp"

namespace metac::testing {
namespace {

using Inputs = std::span<const Tensor>;

void check_in_f64(const std::string& name, const std::vector<Sample>& samples,
                  const std::function<Tensor(Inputs)>& composition) {
  for (const Sample& sample : samples) {
    const Case one = case_of(name, sample, Dtype::f64, [&](Graph&, Inputs in) { return composition(in); });
    check_derivatives(one);
    check_plan(one);
    for (unsigned subset = 1; subset < 1u << sample.inputs.size(); ++subset)
      for (const std::int64_t size : {0, 1, 3}) check_batch(one, subset, size);
  }
}

Tensor diagonally_dominant(Tensor a) { return 0.3 * a + 3.0 * identity(a.graph(), a.shape()[0], a.dtype()); }
Tensor definite(Tensor a) {
  return matmul(a, transpose(a, {1, 0})) + 2.0 * identity(a.graph(), a.shape()[0], a.dtype());
}
Tensor product(Tensor x, TensorList parameters) { return matmul(parameters[0], x); }

std::vector<Sample> systems() {
  std::vector<Sample> samples;
  for (const std::int64_t n : {0, 1, 4}) samples.push_back({.inputs = {{Dtype::f32, {n, n}}, {Dtype::f32, {n}}}});
  return samples;
}

// x^3 + a x = b for positive a: one root each, found by Newton's method.
Tensor cubic(Tensor x, TensorList p) { return x * x * x + p[0] * x - p[1]; }
Tensor cubic_root(TensorList p) {
  ScanBuilder steps(innermost(p), {zeros_like(p[0])}, {}, 60);
  const Tensor x = steps.carries()[0];
  return steps.close({x - cubic(x, p) / (3.0 * x * x + p[0])}).carries[0];
}

// a x + sin(x) = b, whose Jacobian is not symmetric, by repeated solving.
Tensor bent(Tensor x, TensorList p) { return matmul(p[0], x) + sin(x) - p[1]; }
Tensor bent_root(TensorList p) {
  ScanBuilder steps(innermost(p), {zeros_like(p[1])}, {}, 80);
  return steps.close({solve(p[0], p[1] - sin(steps.carries()[0]))}).carries[0];
}

}  // namespace

BOOST_AUTO_TEST_SUITE(equations)

BOOST_AUTO_TEST_CASE(conjugate_gradients_solve_linear_systems_and_are_differentiable) {
  check_in_f64("conjugate gradients", systems(), [](Inputs in) {
    return conjugate_gradients(product, in[1], definite(in[0]), {.max_steps = 30, .symmetric = true});
  });
  check_in_f64("normal equations", systems(), [](Inputs in) {
    return conjugate_gradients(product, in[1], diagonally_dominant(in[0]), {.max_steps = 30});
  });
  const auto difference_of = [](Graph&, Inputs in) {
    const Tensor a = diagonally_dominant(in[0]);
    return conjugate_gradients(product, in[1], a, {.max_steps = 30}) - solve(a, in[1]);
  };
  for (const Sample& sample : systems()) {
    const Built built(case_of("solve", sample, Dtype::f64, difference_of));
    const Array left = compile(built.inputs, built.node)(built.values)[0];
    for (std::int64_t i = 0; i < left.elements(); ++i) BOOST_TEST(std::abs(left.at(i)) < 1e-12);
  }
}

BOOST_AUTO_TEST_CASE(roots_are_differentiated_by_their_equation) {
  std::vector<Sample> samples;
  for (const auto& shape : {Shape{}, Shape{1}, Shape{0, 2}, Shape{3}})
    samples.push_back({.inputs = {{Dtype::f32, shape}, {Dtype::f32, shape}}, .low = 0.5, .high = 2});
  check_in_f64("cubic root", samples,
               [](Inputs in) { return implicit_root(cubic, cubic_root, in, {.max_steps = 20, .symmetric = true}); });
  check_in_f64("bent root", systems(), [](Inputs in) {
    return implicit_root(bent, bent_root, {diagonally_dominant(in[0]), in[1]}, {.max_steps = 40});
  });
}

// The derivative does not look at the solver: here it is a constant that happens to be the root.
BOOST_AUTO_TEST_CASE(the_solver_may_be_anything) {
  Bench b;
  const Tensor one = b.of(Array::scalar(1.0)), two = b.of(Array::scalar(2.0));
  const auto known = [](TensorList p) { return constant(p[0].graph(), 1, Dtype::f64); };
  const Tensor x = implicit_root(cubic, known, {one, two}, {.max_steps = 5, .symmetric = true});
  check_near(b.run(grad(x, two)), {0.25});                  // 1 / (3 x^2 + a)
  check_near(b.run(grad(grad(x, two), two)), {-6.0 / 64});  // -6 x / (3 x^2 + a)^3
}

BOOST_AUTO_TEST_CASE(equations_say_what_was_given_and_what_is_needed) {
  Graph graph;
  const Tensor a = input(graph, {Dtype::f64, {2, 3}}), b = input(graph, {Dtype::f64, {3}});
  BOOST_TEST(error_of([&] { conjugate_gradients(product, b, a, {.max_steps = 2}); }) ==
             "[conjugate_gradients] what the map gives is f64[2], the unknown is f64[3]");
  BOOST_TEST(error_of([&] { conjugate_gradients(product, b, a, {.max_steps = -2}); }) ==
             "[conjugate_gradients] max_steps is -2, a number of steps is needed");
  BOOST_TEST(error_of([&] { conjugate_gradients(product, b, a, {.max_steps = 2, .tolerance = NAN}); }) ==
             "[conjugate_gradients] the tolerance is nan, a number of at least 0 is needed");
  const auto any = [&](TensorList) { return b; };
  BOOST_TEST(error_of([&] { implicit_root(product, any, a, {.max_steps = 2}); }) ==
             "[implicit_root] the residual is f64[2], the unknown is f64[3]");
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace metac::testing
