// The derivatives that are composed of reverse sweeps, compared with each other, with closed forms, and with rows taken
// one by one; nested in any order, through maps and inside of them.
#include <boost/test/unit_test.hpp>

#include <cmath>

#include "engine/interpreter.hpp"
#include "transform/transform.hpp"

using namespace metac;
using metac::testing::interpret;

namespace {

Type f64(Shape shape) { return {Dtype::f64, shape}; }

Array some(const Type& type, double seed) {
  Array result(type);
  for (std::int64_t i = 0; i < result.elements(); ++i)
    metac::testing::put(result, i, std::sin(seed + 1.7 * static_cast<double>(i)));
  return result;
}

// Values of expressions of one graph, for inputs that are filled by `some`.
struct Bench {
  Graph graph;
  std::map<NodeId, Array> given;

  Tensor add(const Shape& shape) {
    const Tensor x = input(graph, f64(shape));
    given[x.id()] = some(x.type(), static_cast<double>(given.size()));
    return x;
  }
  Array value(Tensor t) const {
    verify(graph);
    const std::vector<Tensor> one{t};
    return interpret(one, given)[0];
  }
  void check_same(Tensor a, Tensor b, double tolerance = 1e-11) const {
    const Array left = value(a), right = value(b);
    BOOST_REQUIRE_EQUAL(to_string(left.type()), to_string(right.type()));
    for (std::int64_t i = 0; i < left.elements(); ++i)
      BOOST_TEST(std::abs(left.at(i) - right.at(i)) <= tolerance * (1 + std::abs(right.at(i))));
  }
};

// One gradient after the other, stacked.
Tensor rows_one_by_one(Tensor output, Tensor wrt) {
  const std::int64_t n = output.type().elements();
  const Tensor flat = reshape(output, {n});
  std::vector<Tensor> rows;
  for (std::int64_t i = 0; i < n; ++i) rows.push_back(grad(index_axis(flat, 0, i), wrt));
  Shape shape = output.shape();
  for (const auto size : wrt.shape()) shape.push_back(size);
  return reshape(stack(rows, 0), shape);
}

Tensor curved(Tensor x) { return matmul(sin(x), transpose(x, {1, 0})) + exp(mean(x)); }  // [2, 3] to [2, 2]

std::string message_of(const std::function<void()>& f) {
  try {
    f();
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

}  // namespace

BOOST_AUTO_TEST_SUITE(composed_derivatives)

BOOST_AUTO_TEST_CASE(a_map_of_no_tasks_has_the_derivative_0_of_whatever_it_captures) {
  Graph graph;
  const Tensor x = input(graph, {Dtype::f64, {}}), xs = input(graph, {Dtype::f64, {0, 2}});
  MapBuilder tasks(graph, {xs}, 0);
  const Tensor y = tasks.close({{sum(tasks.slices()[0] * exp(log(x))), MapBuilder::summed}})[0];
  const std::vector<Tensor> outputs{grad(y, x)};
  const Array found = interpret(outputs, {{x.id(), Array::scalar(-1.0)}, {xs.id(), Array(xs.type())}})[0];
  BOOST_TEST(found.at(0) == 0);
}

BOOST_AUTO_TEST_CASE(jacobians_of_both_directions_equal_rows_one_by_one) {
  Bench b;
  const Tensor x = b.add({2, 3}), y = curved(x), expected = rows_one_by_one(y, x);
  for (const Sweeps sweeps : {Sweeps::fewest, Sweeps::reverse, Sweeps::forward})
    b.check_same(jacobian(y, x, sweeps), expected);
  BOOST_TEST(to_string(jacobian(y, x).shape()) == "[2, 2, 2, 3]");
  // Forward where the variable is the smaller one: as many rows as it has elements.
  const Tensor t = b.add({2}), many = reshape(t, {2, 1}) * b.add({2, 5});
  b.check_same(jacobian(many, t), rows_one_by_one(many, t));
}

BOOST_AUTO_TEST_CASE(hessians_are_symmetric_and_hvp_is_their_product) {
  Bench b;
  const Tensor x = b.add({2, 3}), v = b.add({2, 3}), y = sum(square(curved(x)));
  const Tensor h = reshape(hessian(y, x), {6, 6});
  b.check_same(h, transpose(h, {1, 0}));
  b.check_same(reshape(hvp(y, x, v), {6}), matmul(h, reshape(v, {6})));
  b.check_same(jvp(grad(y, x), x, v), hvp(y, x, v));
}

BOOST_AUTO_TEST_CASE(of_several_variables_are_the_blocks_of_the_whole) {
  Bench b;
  const Tensor x = b.add({3}), y = b.add({2}), u = b.add({3}), v = b.add({2});
  const Tensor f = sum(sin(x)) * sum(exp(y)) + sum(square(x)) * index_axis(y, 0, 1);
  const auto products = hvp(f, {x, y}, {u, v});
  const Tensor xx = hessian(f, x), xy = jacobian(grad(f, x), y), yx = jacobian(grad(f, y), x), yy = hessian(f, y);
  b.check_same(products[0], matmul(xx, u) + matmul(xy, v));
  b.check_same(products[1], matmul(yx, u) + matmul(yy, v));
  b.check_same(hvp(f, {x, y}, {u, Tensor()})[1], matmul(yx, u));
  b.check_same(jvp(f, {x, y}, {u, v}), sum(grad(f, x) * u) + sum(grad(f, y) * v));
  const auto [value, gradients] = value_and_grad(f, {x, y});
  BOOST_TEST((value == f));
  b.check_same(gradients[1], grad(f, y));
}

// Every transformation of every other: what the inner one gives is an expression like any other.
BOOST_AUTO_TEST_CASE(nest_in_any_order) {
  Bench b;
  const Tensor x = b.add({3}), v = b.add({3}), w = b.add({3});
  const Tensor f = sum(sin(x) * x) * sum(exp(x * 0.5)), whole = hessian(f, x);
  const Tensor third = jacobian(whole, x);  // [3, 3, 3]
  b.check_same(third, transpose(third, {2, 0, 1}));
  b.check_same(jacobian(jacobian(grad(f, x), x, Sweeps::forward), x, Sweeps::reverse), third);
  b.check_same(jacobian(hessian(f, x), x, Sweeps::forward), third);
  const Tensor along = matmul(matmul(third, v), w);
  b.check_same(grad(sum(hvp(f, x, v) * w), x), along);
  b.check_same(jvp(hvp(f, x, v), x, w), along);
  b.check_same(hvp(jvp(f, x, v), x, w), along);
  b.check_same(jvp(jvp(grad(f, x), x, v), x, w), along);
  b.check_same(vjp(matmul(jacobian(grad(f, x), x), v), w, x)[0], along);
  b.check_same(jacobian(jvp(jvp(f, x, v), x, w), x), along);
  b.check_same(hessian(jvp(f, x, v), x), matmul(third, v));
}

namespace {

// A map that uses a slice, and a value of outside.
Tensor mapped(Tensor xs, Tensor w) {
  MapBuilder tasks(w.graph(), {xs}, xs.shape()[0]);
  const Tensor x = tasks.slices()[0];
  return tasks.close({{sum(sin(x * w)) * sum(w), MapBuilder::stacked}})[0];
}

Tensor looped(Tensor xs, Tensor w) {
  std::vector<Tensor> rows;
  for (std::int64_t i = 0; i < xs.shape()[0]; ++i) rows.push_back(sum(sin(index_axis(xs, 0, i) * w)) * sum(w));
  return stack(rows, 0);
}

}  // namespace

BOOST_AUTO_TEST_CASE(go_through_maps) {
  Bench b;
  const Tensor xs = b.add({4, 3}), w = b.add({3});
  const Tensor map = mapped(xs, w), loop = looped(xs, w);
  for (const Sweeps sweeps : {Sweeps::reverse, Sweeps::forward}) {
    b.check_same(jacobian(map, w, sweeps), jacobian(loop, w, sweeps));
    b.check_same(jacobian(map, xs, sweeps), jacobian(loop, xs, sweeps));
  }
  b.check_same(hessian(sum(square(map)), w), hessian(sum(square(loop)), w));
  b.check_same(jacobian(hessian(sum(map), w), w), jacobian(hessian(sum(loop), w), w), 1e-10);
}

BOOST_AUTO_TEST_CASE(stand_in_the_bodies_of_maps) {
  Bench b;
  const Tensor xs = b.add({4, 3}), w = b.add({3}), v = b.add({3});
  MapBuilder tasks(b.graph, {xs}, 4);
  const Tensor x = tasks.slices()[0], inner = alias(w, tasks.graph()), f = sum(sin(x * inner) * inner);
  const auto parts = tasks.close({{hessian(f, inner)}, {jacobian(grad(f, x), x)}, {hvp(f, inner, v)}});
  for (std::int64_t i = 0; i < 4; ++i) {
    const Tensor row = alias(index_axis(xs, 0, i), b.graph), g = sum(sin(row * w) * w);
    b.check_same(index_axis(parts[0], 0, i), hessian(g, w));
    b.check_same(index_axis(parts[1], 0, i), hessian(g, row));
    b.check_same(index_axis(parts[2], 0, i), hvp(g, w, v));
  }
}

BOOST_AUTO_TEST_CASE(of_nothing_are_zeros_of_the_right_form) {
  Bench b;
  const Tensor x = b.add({3}), y = b.add({2}), none = b.add({0}), f = sum(square(y));
  const auto is_zero = [&](Tensor t, const std::string& shape) {
    BOOST_TEST(to_string(t.shape()) == shape);
    const Array values = b.value(t);
    for (std::int64_t i = 0; i < values.elements(); ++i) BOOST_TEST(values.at(i) == 0);
  };
  is_zero(grad(f, x), "[3]");
  is_zero(hvp(f, x, x), "[3]");
  is_zero(hvp(sum(x), x, x), "[3]");  // linear
  is_zero(hessian(sum(x), x), "[3, 3]");
  is_zero(jvp(y, x, x), "[2]");
  for (const Sweeps sweeps : {Sweeps::reverse, Sweeps::forward}) {
    is_zero(jacobian(y, x, sweeps), "[2, 3]");
    is_zero(jacobian(none, x, sweeps), "[0, 3]");
    is_zero(jacobian(x, none, sweeps), "[3, 0]");
  }
  BOOST_TEST(grad(f, TensorList()).empty());
}

BOOST_AUTO_TEST_CASE(say_what_was_given_and_needed) {
  Graph graph;
  const Tensor x = input(graph, f64({3})), n = input(graph, {Dtype::i32, {3}}), y = sum(x);
  const Tensor wide = input(graph, f64({1, 1, 1, 1, 1})), single = input(graph, {Dtype::f32, {3}});
  const std::pair<std::function<void()>, std::string> cases[] = {
      {[&] { grad(x, x); }, "[grad] the output is f64[3], a floating scalar is needed"},
      {[&] { grad(y, n); }, "[grad] variable 0 is i32[3], f32 or f64 is needed"},
      {[&] { grad(sum(n), x); }, "[grad] the output is i32[], a floating scalar is needed"},
      {[&] { hvp(x, x, x); }, "[hvp] the output is f64[3], a floating scalar is needed"},
      {[&] { hvp(y, x, single); }, "[hvp] tangent 0 is f32[3], its variable is f64[3]"},
      {[&] {
         hvp(y, {x, x}, x);
       },
       "[hvp] 1 tangents were given for 2 variables"},
      {[&] { jvp(x, x, y); }, "[jvp] tangent 0 is f64[], its variable is f64[3]"},
      {[&] { jvp(n, x, x); }, "[jvp] the output is i32[3], f32 or f64 is needed"},
      {[&] { jacobian(n, x); }, "[jacobian] the output is i32[3], f32 or f64 is needed"},
      {[&] { jacobian(wide, wide); },
       "[jacobian] an output [1, 1, 1, 1, 1] and a variable [1, 1, 1, 1, 1] were given: at most 8 axes together are "
       "possible"},
      {[&] { vjp(x, y, x); }, "[vjp] cotangent 0 is f64[], its output is f64[3]"},
      {[&] {
         vjp({x, y}, y, x);
       },
       "[vjp] 1 cotangents were given for 2 outputs"},
      {[&] { grad(Tensor(), x); }, "[grad] an empty tensor was given; every input needs a value"},
      {[&] { grad(y, Tensor()); }, "[grad] an empty tensor was given; every input needs a value"},
      {[&] { hvp(y, x * 1.5, x); }, "[grad] variable 0 is the result of `mul`, an input or an alias is needed"},
  };
  for (const auto& [f, message] : cases) BOOST_TEST(message_of(f) == message);
  MapBuilder tasks(graph, {x}, 3);
  BOOST_TEST(message_of([&] { grad(tasks.slices()[0] * y, x); }) ==
             "[grad] variable 0 is of another graph than the output: an alias of it in that graph is needed");
}

BOOST_AUTO_TEST_SUITE_END()
