// Loops that end by themselves, branches and recomputation: what is computed, and that nothing else is.
#include "engine/ops/bench.hpp"
#include "engine/ops/checks.hpp"
#include "ops/control.hpp"
#include "plan/plan.hpp"
#include "transform/transform.hpp"

namespace metac::testing {
namespace {

using Inputs = std::span<const Tensor>;
using Tensors = std::vector<Tensor>;

Tensor number(Graph& graph, double value, Dtype dtype) { return constant(graph, value, dtype); }

// Shrinks x, and counts how much of it there was, while it is large.
Tensor is_large(TensorList now) { return greater(sum(square(now[0])), number(now[0].graph(), 1.5, now[0].dtype())); }
Tensors shrunk(Tensor x, Tensor total, Tensor w) { return {0.7 * sin(x) + 0.1 * w * x, total + x * w}; }

Tensor shrinking(Inputs in, std::int64_t max_steps, std::int64_t recompute_every) {
  const Tensor w = in[1];
  const auto step = [&](TensorList now) { return shrunk(now[0], now[1], w); };
  const Tensors last = while_loop(is_large, step, {in[0], zeros_like(in[0])}, max_steps, recompute_every);
  return last[0] * last[1] + sin(last[1]);
}

Tensor shrinking_written_out(Inputs in, std::int64_t max_steps) {
  Tensors now{in[0], zeros_like(in[0])};
  for (std::int64_t i = 0; i < max_steps; ++i) {
    const Tensor goes_on = is_large(now);
    const Tensors next = shrunk(now[0], now[1], in[1]);
    for (int k = 0; k < 2; ++k) now[k] = select(goes_on, next[k], now[k]);
  }
  return now[0] * now[1] + sin(now[1]);
}

std::vector<Sample> two_of(const std::vector<Shape>& shapes) {
  std::vector<Sample> samples;
  for (const Shape& shape : shapes) samples.push_back({.inputs = {{Dtype::f32, shape}, {Dtype::f32, shape}}});
  return samples;
}

int occurrences(const std::string& text, const std::string& word) {
  int count = 0;
  for (std::size_t at = text.find(word); at != std::string::npos; at = text.find(word, at + 1)) ++count;
  return count;
}

std::string finished(TensorList inputs, TensorList outputs) {
  const Program program = finalize(inputs, outputs);
  return to_text(*program.graph, program.outputs);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(control_flow)

BOOST_AUTO_TEST_CASE(a_while_loop_is_the_bounded_loop_with_selects) {
  for (const std::int64_t bound : {0, 1, 2, 8})
    for (const std::int64_t every : {0, 3})
      for (const Sample& sample : two_of({{5}, {2, 3}, {1}, {0, 2}})) {
        const auto both = [&](Graph&, Inputs in) {
          return shrinking(in, bound, every) - shrinking_written_out(in, bound);
        };
        const Built built(case_of("while", sample, Dtype::f64, both));
        const Array differences = compile(built.inputs, built.node)(built.values)[0];
        for (std::int64_t i = 0; i < differences.elements(); ++i) BOOST_TEST(std::abs(differences.at(i)) < 1e-12);
      }
}

BOOST_AUTO_TEST_CASE(while_loops_have_derivatives_batches_and_plans) {
  const auto samples = two_of({{}, {1}, {4}, {0, 2}, {2, 3}});
  check_all("while", samples, [](Inputs in) { return shrinking(in, 9, 0); });
  check_all("while in chunks of 4", samples, [](Inputs in) { return shrinking(in, 9, 4); });
}

// The sum of log x, log (x - 1), ... down to 1: one step more would be log 0, whose derivative is infinite.
Tensor log_factorial(Tensor x) {
  const auto goes_on = [](TensorList now) { return greater(now[0], number(now[0].graph(), 0.5, Dtype::f64)); };
  const auto step = [](TensorList now) -> Tensors {
    const Tensor safe = checked(now[0], greater(now[0], zeros_like(now[0])), "[test] a step too many");
    return {safe - 1.0, now[1] + log(safe)};
  };
  return while_loop(goes_on, step, {x, zeros_like(x)}, 50)[1];
}

BOOST_AUTO_TEST_CASE(steps_beyond_the_end_are_not_computed_in_any_order) {
  Graph graph;
  const Tensor x = input(graph, {Dtype::f64, {}});
  Tensors outputs{log_factorial(x)};
  for (int order = 1; order <= 3; ++order) outputs.push_back(grad(outputs.back(), x));
  const auto results = compile(x, outputs)({Array::scalar(4.0)});
  double expected[4] = {};
  for (double k = 1; k <= 4; ++k) {
    const double terms[] = {std::log(k), 1 / k, -1 / (k * k), 2 / (k * k * k)};
    for (int order = 0; order < 4; ++order) expected[order] += terms[order];
  }
  for (int order = 0; order < 4; ++order) BOOST_TEST(std::abs(results[order].at(0) - expected[order]) < 1e-12);
}

// Where the sum is positive a logarithm, else a polynomial; some of it from outside.
Tensor branching(Inputs in) {
  const Tensor w = in[1], positive = greater(sum(in[0]), number(w.graph(), 0, w.dtype()));
  const auto then = [&](TensorList x) -> Tensors { return {log(square(x[0]) + 1.5) * w, sum(x[1])}; };
  const auto otherwise = [&](TensorList x) -> Tensors { return {x[0] * square(x[1]), sum(sin(x[0]))}; };
  const Tensors results = branch(positive, then, otherwise, in);
  return results[0] * results[1];
}

BOOST_AUTO_TEST_CASE(branches_have_derivatives_batches_and_plans) {
  auto samples = two_of({{}, {1}, {0, 3}, {2, 3}});
  for (const auto& [low, high] : {std::pair{0.1, 2.0}, std::pair{-2.0, -0.1}})
    samples.push_back({.inputs = {{Dtype::f32, {3}}, {Dtype::f32, {3}}}, .low = low, .high = high});
  check_all("branch", samples, branching);
}

BOOST_AUTO_TEST_CASE(only_one_side_of_a_branch_is_computed_in_any_order) {
  Graph graph;
  const Tensor x = input(graph, {Dtype::f64, {}}), zero = number(graph, 0, Dtype::f64);
  const auto guarded = [](TensorList in) -> Tensors {
    return {log(checked(in[0], greater(in[0], zeros_like(in[0])), "[test] the wrong side"))};
  };
  const auto other = [](TensorList in) -> Tensors { return {square(in[0])}; };
  Tensors outputs{branch(greater(x, zero), guarded, other, x)[0]};
  for (int order = 1; order <= 3; ++order) outputs.push_back(grad(outputs.back(), x));
  const Function f = compile(x, outputs);
  const double at_zero[] = {0, 0, 2, 0}, at_two[] = {std::log(2.0), 0.5, -0.25, 0.25};
  for (int order = 0; order < 4; ++order) {
    BOOST_TEST(f({Array::scalar(0.0)})[order].at(0) == at_zero[order]);
    BOOST_TEST(std::abs(f({Array::scalar(2.0)})[order].at(0) - at_two[order]) < 1e-15);
  }
  // In a batch each example takes its own side.
  const Tensor xs = input(graph, {Dtype::f64, {3}});
  const auto one = [&](TensorList in) -> Tensors {
    const Tensor y = branch(greater(in[0], zero), guarded, other, in)[0];
    return {y, grad(y, in[0])};
  };
  const auto all = compile(xs, batch(one, xs))({vector({-3, 2, 0})});
  check({all[0].at(0), all[0].at(2)}, {9, 0});
  check({all[1].at(0), all[1].at(1), all[1].at(2)}, {-6, 0.5, 0});
}

Tensor layered(Inputs in) {
  Tensor x = in[0];
  for (int layer = 0; layer < 3; ++layer)
    x = checkpoint([w = in[1]](TensorList now) -> Tensors { return {sin(tanh(now[0] * now[1])) + now[0] * w}; },
                   {x, in[1]})[0];
  return checkpoint([](TensorList now) -> Tensors { return {exp(now[0]), sum(now[0])}; }, x)[0];
}

BOOST_AUTO_TEST_CASE(checkpoints_have_derivatives_batches_and_plans) {
  check_all("checkpoint", two_of({{}, {1}, {0, 3}, {2, 3}}), layered);
  // An array of as many axes as there can be.
  check_plan(case_of("checkpoint", two_of({{1, 2, 1, 1, 1, 1, 2, 1}})[0], Dtype::f64,
                     [](Graph&, Inputs in) { return layered(in); }));
}

BOOST_AUTO_TEST_CASE(what_is_in_a_checkpoint_is_computed_again_in_the_derivative) {
  Graph graph;
  const Tensor x = input(graph, {Dtype::f32, {300, 300}});
  const auto deep = [](Tensor y) {
    for (int i = 0; i < 6; ++i) y = erf(matmul(y, y));
    return y;
  };
  const auto loss = [&](bool kept) {
    Tensor y = x;
    for (int block = 0; block < 4; ++block)
      y = kept ? deep(y) : checkpoint([&](TensorList in) -> Tensors { return {deep(in[0])}; }, y)[0];
    return sum(y);
  };
  const Tensor a = loss(true), b = loss(false);
  BOOST_TEST(occurrences(finished(x, {a, grad(a, x)}), "= erf(") == 24);
  // The last one of each block is not: its derivative needs only what it was taken of.
  BOOST_TEST(occurrences(finished(x, {b, grad(b, x)}), "= erf(") == 24 + 20);
  BOOST_TEST(arena_bytes(compile(x, {b, grad(b, x)}).plan()) < 0.7 * arena_bytes(compile(x, {a, grad(a, x)}).plan()));
}

BOOST_AUTO_TEST_CASE(control_says_what_was_given_and_what_is_needed) {
  Graph graph;
  const Tensor x = input(graph, {Dtype::f32, {3}}), s = input(graph, {Dtype::f32, {}}), yes = greater(s, s);
  const auto same = [](TensorList in) { return Tensors(in.begin(), in.end()); };
  const auto total = [](TensorList in) -> Tensors { return {sum(in[0])}; };
  const auto none = [](TensorList) { return Tensors(); };
  const auto go = [&](TensorList) { return yes; };
  BOOST_TEST(error_of([&] { branch(s, same, same, x); }) == "[branch] the condition is f32[], a bool scalar is needed");
  BOOST_TEST(error_of([&] { branch(yes, same, total, x); }) ==
             "[branch] result 0 is f32[3] of one side, f32[] of the other");
  BOOST_TEST(error_of([&] { branch(yes, same, none, x); }) == "[branch] one side gives 1 results, the other 0");
  BOOST_TEST(error_of([&] { branch(yes, same, same, {}); }) == "[branch] no input was given, at least one is needed");
  BOOST_TEST(error_of([&] { checkpoint(same, {}); }) == "[checkpoint] no input was given, at least one is needed");
  BOOST_TEST(error_of([&] { while_loop(go, same, {}, 3); }) ==
             "[while_loop] no input was given, at least one is needed");
  BOOST_TEST(error_of([&] { while_loop(go, same, x, -1); }) ==
             "[while_loop] max_steps is -1, a number of steps is needed");
  BOOST_TEST(error_of([&] { while_loop(go, total, x, 3); }) ==
             "[while_loop] value 0 begins as f32[3], a step gives f32[]");
  BOOST_TEST(error_of([&] { while_loop(go, none, x, 3); }) == "[while_loop] a step gives 0 values, 1 began");
  BOOST_TEST(error_of([&] { while_loop([&](TensorList) { return s; }, same, x, 3); }) ==
             "[while_loop] the condition is f32[], a bool scalar is needed");
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace metac::testing
