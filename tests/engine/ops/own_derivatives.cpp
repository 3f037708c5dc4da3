// Derivatives of one's own.
#include "engine/ops/bench.hpp"
#include "engine/ops/checks.hpp"
#include "plan/plan.hpp"
#include "transform/transform.hpp"

namespace metac::testing {
namespace {

using Inputs = std::span<const Tensor>;
using Tensors = std::vector<Tensor>;

// The exponential, whose rule uses its result: the derivative of that is the rule again.
Tensor own_exp(Tensor x) {
  return custom_vjp([](TensorList in) -> Tensors { return {stop_gradient(exp(in[0]))}; },
                    [](TensorList, TensorList out, TensorList ct) -> Tensors { return {ct[0] * out[0]}; }, x)[0];
}

// Two outputs of two inputs, one of them with no derivative to the second.
Tensors own_products(Tensor x, Tensor w) {
  const auto f = [](TensorList in) -> Tensors {
    return {stop_gradient(sin(in[0]) * in[1]), stop_gradient(cos(in[0]))};
  };
  const auto rule = [](TensorList in, TensorList out, TensorList ct) -> Tensors {
    return {ct[0] * out[1] * in[1] - ct[1] * sin(in[0]), ct[0] * sin(in[0])};
  };
  return custom_vjp(f, rule, {x, w});
}

Tensor composed(Inputs in) {
  const Tensors both = own_products(in[0], in[1]);
  return own_exp(0.3 * both[0]) * both[1] + own_products(both[1], in[0])[0];
}

// The same in the body of a loop.
Tensor in_a_scan(Inputs in) {
  ScanBuilder steps(in[0].graph(), {in[0]}, {}, 3);
  const Tensor x = steps.carries()[0], y = own_products(x, in[1])[0];
  return steps.close({sin(y) + 0.2 * own_exp(sin(x))}).carries[0];
}

std::vector<Sample> two_of(const std::vector<Shape>& shapes) {
  std::vector<Sample> samples;
  for (const Shape& shape : shapes) samples.push_back({.inputs = {{Dtype::f32, shape}, {Dtype::f32, shape}}});
  return samples;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(own_derivatives)

BOOST_AUTO_TEST_CASE(rules_give_derivatives_batches_and_plans) {
  const auto samples = two_of({{}, {1}, {0, 3}, {2, 3}});
  check_all("own exp", samples, [](Inputs in) { return own_exp(in[0]) * in[1]; });
  check_all("own products", samples, composed);
  check_all("own products in a scan", samples, in_a_scan);
}

BOOST_AUTO_TEST_CASE(the_rule_counts_and_not_the_function) {
  Bench b;
  const Tensor x = b.of(vector({0.4, 1.6, -2.2}));
  const Tensor y = custom_vjp([](TensorList in) -> Tensors { return {round(in[0])}; },
                              [](TensorList, TensorList, TensorList ct) -> Tensors { return {ct[0] * 2.0}; }, x)[0];
  check(b.run(y), {0, 2, -2});
  const Tensor slope = grad(sum(y * y), x);  // 2 y times 2
  check(b.run(slope), {0, 8, -8});
  check_near(b.run(grad(sum(slope), x)), {8, 8, 8});
  const auto planned = compile(x, {y, slope})({b.given[x.id()]});
  check({planned[1].at(0), planned[1].at(1), planned[1].at(2)}, {0, 8, -8});
  BOOST_TEST(find_operator("custom_vjp") != nullptr);
  const Program program = finalize(x, y);
  BOOST_TEST(to_text(*program.graph, program.outputs).find("custom") == std::string::npos);
  // An output that is the same for all examples has a cotangent of each.
  const Tensor xs = b.of(values({2, 3}, {1, 2, 3, 4, 5, 6}));
  const auto constant_value = [](TensorList in) -> Tensors {
    const Tensor y = custom_vjp([](TensorList now) -> Tensors { return {zeros_like(now[0])}; },
                                [](TensorList, TensorList, TensorList ct) -> Tensors { return {ct[0]}; }, in)[0];
    return {grad(sum((y + 1.0) * in[0]), in[0])};
  };
  check_near(b.run(batch(constant_value, xs)[0]), {2, 3, 4, 5, 6, 7});
}

BOOST_AUTO_TEST_CASE(a_gradient_is_reversed_and_the_value_kept) {
  Bench b;
  const Tensor x = b.of(vector({0.3, 0, -2})), strength = b.of(vector({0.5, 2, 1}));
  const Tensor y = reverse_gradient(x, strength);
  check(b.run(y), {0.3, 0, -2});
  const Tensor slope = grad(sum(y * y * y), x);  // -3 strength y^2
  check_near(b.run(slope), {-0.135, 0, -12});
  check_near(b.run(grad(sum(slope), x)), {0.45, 0, -12});  // 6 strength^2 y: reversed again
  check_near(b.run(grad(sum(grad(sum(slope), x)), x)), {-0.75, -48, -6});
  check(b.run(grad(sum(y), strength)), {0, 0, 0});
  check(b.run(grad(sum(reverse_gradient(x, 2)), x)), {-2, -2, -2});
  check(b.run(grad(sum(reverse_gradient(x)), x)), {-1, -1, -1});
  const auto each = [](TensorList in) -> Tensors { return {grad(sum(reverse_gradient(in[0], in[1]) * in[0]), in[0])}; };
  check_near(b.run(batch(each, {x, strength})[0]), {0.15, 0, 0});
  BOOST_TEST(error_of([&] { reverse_gradient(sum(x), strength); }) ==
             "[reverse_gradient] f64[] was given with a strength f64[3]; floats of one dtype are needed, of which the "
             "strength broadcasts to the first");
}

BOOST_AUTO_TEST_CASE(rules_say_what_was_given_and_what_is_needed) {
  Graph graph;
  const Tensor x = input(graph, {Dtype::f64, {3}}), other = sin(x);
  const auto f = [](TensorList in) { return Tensors{sin(in[0])}; };
  const auto error = [&](const VjpRule& rule) { return error_of([&] { grad(sum(custom_vjp(f, rule, x)[0]), x); }); };
  BOOST_TEST(error([](TensorList, TensorList, TensorList) { return Tensors(); }) ==
             "[custom_vjp] the rule gives 0 cotangents for 1 inputs");
  BOOST_TEST(error([](TensorList in, TensorList, TensorList) { return Tensors{sum(in[0])}; }) ==
             "[custom_vjp] the rule gives f64[] as cotangent 0, its input is f64[3]");
  BOOST_TEST(error([&](TensorList, TensorList, TensorList) { return Tensors{other}; }) ==
             "[custom_vjp] cotangent 0 is of another graph: a rule may use only what it is given");
  BOOST_TEST(error([&](TensorList, TensorList, TensorList ct) { return Tensors{ct[0] * other}; }) != "no error");
  BOOST_TEST(error_of([&] { custom_vjp(f, {}, {}); }) == "[custom_vjp] no input was given, at least one is needed");
  // An empty cotangent is zero.
  BOOST_TEST(error([](TensorList, TensorList, TensorList) { return Tensors{Tensor()}; }) == "no error");
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace metac::testing
