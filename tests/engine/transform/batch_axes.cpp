// `batch` for users: axes in and out, against loops; nested with itself and with derivatives.
#include <boost/test/unit_test.hpp>

#include <cmath>

#include "engine/interpreter.hpp"
#include "transform/transform.hpp"

using namespace metac;
using metac::testing::interpret;

namespace {

using Tensors = std::vector<Tensor>;
constexpr std::nullopt_t shared = std::nullopt;

struct Bench {
  Graph graph;
  std::map<NodeId, Array> given;

  Tensor add(const Shape& shape) {
    const Tensor x = input(graph, {Dtype::f64, shape});
    Array values(x.type());
    for (std::int64_t i = 0; i < values.elements(); ++i)
      metac::testing::put(values, i, std::sin(1.3 * static_cast<double>(given.size()) + 1.7 * static_cast<double>(i)));
    given[x.id()] = values;
    return x;
  }
  void check_same(Tensor a, Tensor b) const {
    verify(graph);
    const Array left = interpret(a, given), right = interpret(b, given);
    BOOST_REQUIRE_EQUAL(to_string(left.type()), to_string(right.type()));
    for (std::int64_t i = 0; i < left.elements(); ++i)
      BOOST_TEST(std::abs(left.at(i) - right.at(i)) <= 1e-11 * (1 + std::abs(right.at(i))));
  }
};

// The results of f for one example after the other, stacked along `out`.
Tensor looped(const TensorFunction& f, const Tensors& arguments, const InAxes& in, int out, std::size_t result = 0) {
  std::int64_t size = 0;
  for (std::size_t i = 0; i < arguments.size(); ++i)
    if (in[i]) size = arguments[i].shape()[*in[i]];
  Tensors results;
  for (std::int64_t example = 0; example < size; ++example) {
    Tensors one;
    for (std::size_t i = 0; i < arguments.size(); ++i)
      one.push_back(alias(in[i] ? index_axis(arguments[i], *in[i], example) : arguments[i], arguments[i].graph()));
    results.push_back(f(one)[result]);
  }
  return stack(results, out);
}

Tensors affine(TensorList in) { return {matmul(in[0], sin(in[1])) + in[2], sum(in[1])}; }
Tensor loss_of(Tensor w, Tensor x) { return sum(square(sin(matmul(w, x)))) + sum(w); }
Tensors gradient_of(TensorList in) { return {grad(loss_of(in[0], in[1]), in[0])}; }

std::string message_of(const std::function<void()>& f) {
  try {
    f();
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

}  // namespace

BOOST_AUTO_TEST_SUITE(batch_with_axes)

BOOST_AUTO_TEST_CASE(equals_a_loop_for_all_axes_in_and_out) {
  for (const std::int64_t size : {1, 4}) {
    Bench b;
    const Tensor w = b.add({2, 3}), x = b.add({size, 3}), x1 = b.add({3, size}), c = b.add({2}),
                 ws = b.add({2, size, 3});
    for (const int out : {0, 1, -1}) {
      const int front = out < 0 ? out + 2 : out;
      b.check_same(batch(affine, {w, x, c}, {shared, 0, shared}, {out, 0})[0],
                   looped(affine, {w, x, c}, {shared, 0, shared}, front));
      b.check_same(batch(affine, {ws, x1, c}, {1, -1, shared}, {out, 0})[0],
                   looped(affine, {ws, x1, c}, {1, 1, shared}, front));
    }
    b.check_same(batch(affine, {w, x, c}, {shared, 0, shared})[1],
                 looped(affine, {w, x, c}, {shared, 0, shared}, 0, 1));
  }
}

BOOST_AUTO_TEST_CASE(results_that_are_the_same_for_all_examples_are_repeated) {
  Bench b;
  const Tensor w = b.add({2, 3}), x = b.add({4, 3});
  const auto f = [](TensorList in) -> Tensors { return {exp(in[0])}; };
  const Tensor all = batch(f, {w, x}, {shared, 0}, {-1})[0];
  BOOST_TEST(to_string(all.shape()) == "[2, 3, 4]");
  b.check_same(index_axis(all, 2, 3), exp(w));
}

BOOST_AUTO_TEST_CASE(of_no_example_is_empty) {
  Bench b;
  const Tensor w = b.add({2, 3}), x = b.add({0, 3}), c = b.add({2});
  const Tensors results = batch(affine, {w, x, c}, {shared, 0, shared}, {1, 0});
  BOOST_TEST(to_string(results[0].shape()) == "[2, 0]");
  b.check_same(sum(results[0]) + sum(results[1]), constant(b.graph, 0, Dtype::f64));
}

BOOST_AUTO_TEST_CASE(gives_the_gradient_of_each_example) {
  Bench b;
  const Tensor w = b.add({2, 3}), x = b.add({5, 3});
  const Tensor each = batch(gradient_of, {w, x}, {shared, 0})[0];
  BOOST_TEST(to_string(each.shape()) == "[5, 2, 3]");
  b.check_same(each, looped(gradient_of, {w, x}, {shared, 0}, 0));
  const auto losses = [](TensorList in) -> Tensors { return {loss_of(in[0], in[1])}; };
  b.check_same(sum(each, {0}), grad(sum(batch(losses, {w, x}, {shared, 0})[0]), w));
}

BOOST_AUTO_TEST_CASE(nests_in_any_order_with_itself_and_derivatives) {
  Bench b;
  const Tensor w = b.add({2, 3}), xs = b.add({4, 3, 2});  // examples [4, 2] of size 3
  const auto over_both = [](const TensorFunction& f) {
    return [f](TensorList in) { return batch(f, in, {shared, 1}); };
  };
  const Tensor twice = batch(over_both(gradient_of), {w, xs}, {shared, 0})[0];  // [4, 2, 2, 3]
  const Tensor flat = reshape(transpose(xs, {0, 2, 1}), {8, 3});
  b.check_same(reshape(twice, {8, 2, 3}), looped(gradient_of, {w, flat}, {shared, 0}, 0));

  const auto products = [](TensorList in) -> Tensors { return {hvp(loss_of(in[0], in[1]), in[0], sin(in[0]))}; };
  const auto hessians = [](TensorList in) -> Tensors { return {hessian(loss_of(in[0], in[1]), in[0])}; };
  const auto along = [](TensorList in) -> Tensors { return {jvp(loss_of(in[0], in[1]), in[1], cos(in[1]))}; };
  for (const TensorFunction& f : {TensorFunction(products), TensorFunction(hessians), TensorFunction(along)}) {
    const Tensor batched = batch(f, {w, flat}, {shared, 0})[0], loop = looped(f, {w, flat}, {shared, 0}, 0);
    b.check_same(batched, loop);
    b.check_same(grad(sum(sin(batched)), w), grad(sum(sin(loop)), w));
    b.check_same(jvp(batched, w, sin(w)), jvp(loop, w, sin(w)));
    b.check_same(hessian(sum(sin(batched)), w), hessian(sum(sin(loop)), w));
  }
  const auto inner = [&](TensorList in) -> Tensors {
    return {grad(sum(sin(batch(gradient_of, {in[0], in[1]}, {shared, 1})[0])), in[1])};
  };
  b.check_same(batch(inner, {w, xs}, {shared, 0})[0], looped(inner, {w, xs}, {shared, 0}, 0));
}

BOOST_AUTO_TEST_CASE(goes_through_loops) {
  Bench b;
  const Tensor w = b.add({3}), xs = b.add({4, 5, 3});
  const auto recurrent = [](TensorList in) -> Tensors {
    ScanBuilder steps(innermost(in), {sin(in[0])}, {in[1]}, in[1].shape()[0]);
    const Tensor next = sin(steps.carries()[0] * steps.slices()[0] + in[0]);
    const auto [last, all] = steps.close({next}, {{next * next}});
    return {last[0] * sum(all[0], {0})};
  };
  b.check_same(batch(recurrent, {w, xs}, {shared, 0})[0], looped(recurrent, {w, xs}, {shared, 0}, 0));
}

BOOST_AUTO_TEST_CASE(says_what_was_given_and_what_is_needed) {
  Graph graph;
  const Tensor x = input(graph, {Dtype::f64, {3}}), y = input(graph, {Dtype::f64, {4}});
  const auto first = [](TensorList in) -> Tensors { return {in[0]}; };
  BOOST_TEST(message_of([&] {
               batch(first, {x, y});
             }) == "[batch] argument 1 has 4 examples along axis 0, others have 3");
  BOOST_TEST(message_of([&] { batch(first, {x, y}, {0, 0, 0}); }) == "[batch] 3 axes were given for 2 arguments");
  BOOST_TEST(message_of([&] { batch(first, x, {1}); }) == "[batch] axis 1 of argument 0 was given, it has 1 axes");
  BOOST_TEST(message_of([&] { batch(first, x, {0}, {-2}); }) == "[batch] axis -2 of result 0 was given, it has 1 axes");
  BOOST_TEST(message_of([&] { batch(first, x, {0}, {0, 1}); }) == "[batch] 2 axes were given for 1 results");
  BOOST_TEST(message_of([&] { batch(first, x, {shared}); }) ==
             "[batch] no argument has an axis of examples, at least one is needed");
  BOOST_CHECK_THROW(batch(first, {x, Tensor()}, {0, shared}), Error);
}

BOOST_AUTO_TEST_SUITE_END()
