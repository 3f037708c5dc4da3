// What the operators promise at the edges: NaN, infinity, -0, ties, zero sizes; and the public functions' broadcasting,
// compositions and errors.
#include <algorithm>

#include "engine/ops/bench.hpp"
#include "transform/transform.hpp"

using namespace metac;
using namespace metac::testing;

BOOST_AUTO_TEST_SUITE(derivatives_at_the_edges)

BOOST_AUTO_TEST_CASE(the_root_has_derivative_zero_at_zero_at_every_order) {
  Bench bench;
  const Tensor x = bench.of(vector({0, -0.0, 4}));
  const Tensor first = grad(sum(sqrt(x)), x), second = grad(sum(first), x), third = grad(sum(second), x);
  check_near(bench.run(first), {0, 0, 0.25});
  check_near(bench.run(second), {0, 0, -1.0 / 32});
  check_near(bench.run(third), {0, 0, 3.0 / 256});
}

BOOST_AUTO_TEST_CASE(infinite_cotangents_do_not_leak_through_masks) {
  Bench bench;
  const Tensor x = bench.of(vector({0, -1, 1}));
  const Tensor ct = constant(bench.graph, vector({inf, inf, inf}));
  const auto pulled = [&](Tensor y) { return vjp(std::span(&y, 1), std::span(&ct, 1), std::span(&x, 1))[0]; };
  check_near(bench.run(pulled(relu(x))), {0, 0, inf});
  check_near(bench.run(pulled(sqrt(x))), {0, not_a_number, inf});
  check_near(bench.run(pulled(abs(x))), {0, -inf, inf});
  check_near(bench.run(pulled(select(less(x, zeros_like(x)), x, zeros_like(x)))), {0, inf, 0});
}

BOOST_AUTO_TEST_CASE(relu_keeps_nan_and_has_derivative_zero_at_zero) {
  Bench bench;
  const Tensor x = bench.of(vector({not_a_number, 0, -0.0, 3, -inf, inf}));
  check_near(bench.run(relu(x)), {not_a_number, 0, 0, 3, 0, inf});
  check_near(bench.run(grad(sum(relu(x)), x)), {1, 0, 0, 1, 0, 1});
}

BOOST_AUTO_TEST_CASE(ties_go_to_the_second_operand) {
  Bench bench;
  const Tensor a = bench.of(vector({1, 2, 0, -0.0})), b = bench.of(vector({1, 1, -0.0, 0}));
  for (auto choose : {&maximum, &minimum}) {
    const bool larger = choose == &maximum;
    const Tensor total = sum(choose(a, b));
    check_near(bench.run(grad(total, a)), {0, larger ? 1.0 : 0.0, 0, 0});
    check_near(bench.run(grad(total, b)), {1, larger ? 0.0 : 1.0, 1, 1});
  }
}

BOOST_AUTO_TEST_CASE(largest_shares_equally_between_equals) {
  Bench bench;
  const Tensor x = bench.of(values({3, 3}, {1, 5, 5, -inf, -inf, -inf, 1, not_a_number, 2}));
  check_near(bench.run(grad(sum(max(x, {1})), x)), {0, 0.5, 0.5, 1.0 / 3, 1.0 / 3, 1.0 / 3, 0, 1, 0});
  check_near(bench.run(grad(sum(min(x, {1})), x)), {1, 0, 0, 1.0 / 3, 1.0 / 3, 1.0 / 3, 0, 1, 0});
}

BOOST_AUTO_TEST_CASE(powers_at_zero_stay_finite) {
  Bench bench;
  const Tensor x = bench.of(vector({0, 0, 0, 2})), y = bench.of(vector({0, 1, 2, 0}));
  const Tensor total = sum(pow(x, y));
  check_near(bench.run(pow(x, y)), {1, 0, 0, 1});
  const Tensor to_base = grad(total, x), to_exponent = grad(total, y);
  check_near(bench.run(to_base), {0, 1, 0, 0});
  check_near(bench.run(to_exponent), {0, 0, 0, std::log(2)});
  check_near(bench.run(grad(sum(to_base), x)), {0, 0, 2, 0});
  check_near(bench.run(grad(sum(to_exponent), y)), {0, 0, 0, std::log(2) * std::log(2)});
  const Tensor cubed = pow(x, full(bench.graph, {4}, 4, Dtype::f64));
  const Tensor second = grad(sum(grad(sum(cubed), x)), x);
  check_near(bench.run(second), {0, 0, 0, 48});
}

BOOST_AUTO_TEST_CASE(products_with_zeros_have_exact_derivatives) {
  Bench bench;
  const Tensor x = bench.of(values({3, 3}, {0, 2, 3, 0, 0, 4, 2, 3, 4}));
  const Tensor first = grad(sum(prod(x, {1})), x);
  check_near(bench.run(first), {6, 0, 0, 0, 0, 0, 12, 8, 6});
  check_near(bench.run(grad(sum(first), x)), {5, 3, 2, 4, 4, 0, 7, 6, 5});
}

BOOST_AUTO_TEST_CASE(casting_between_floats_passes_the_derivative) {
  Bench bench;
  const Tensor x = bench.of(vector({1.5, -2}));
  const Tensor y = cast(x, Dtype::f32);
  const Tensor gradient = grad(sum(y * y), x);
  BOOST_CHECK(gradient.dtype() == Dtype::f64);
  check_near(bench.run(gradient), {3, -4});
  BOOST_CHECK(!vjp(sum(cast(cast(x, Dtype::i32), Dtype::f64)), constant(x.graph(), 1, Dtype::f64), x)[0]);
}

BOOST_AUTO_TEST_CASE(indices_out_of_range_read_nan_and_receive_nothing) {
  Bench bench;
  const Tensor table = bench.of(values({2, 2}, {1, 2, 3, 4})), index = bench.of(integers({3}, {1, -1, 2}));
  check_near(bench.run(gather(table, index)), {3, 4, not_a_number, not_a_number, not_a_number, not_a_number});
  check_near(bench.run(grad(sum(gather(table, index)), table)), {0, 0, 1, 1});
  const Tensor rows = bench.of(values({3, 1}, {5, 6, 7}));
  check_near(bench.run(scatter_add(rows, index, 2)), {0, 5});
  const Tensor squares = square(scatter_add(rows, index, 2));
  check_near(bench.run(grad(sum(squares), rows)), {10, 0, 0});
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(simplification)

BOOST_AUTO_TEST_CASE(only_what_holds_for_every_value) {
  Bench bench;
  const Tensor x = bench.of(vector({1, 2}));
  const auto all = [&](double value) { return full(bench.graph, {2}, value, Dtype::f64); };
  BOOST_CHECK(x * all(1) == x && all(1) * x == x && x / all(1) == x);
  BOOST_CHECK(x - all(0.0) == x && x + all(-0.0) == x && all(-0.0) + x == x);
  BOOST_CHECK(!(x - all(-0.0) == x) && !(x + all(0.0) == x) && !(x * all(0) == all(0)));
  BOOST_CHECK(neg(neg(x)) == x && logical_not(logical_not(less(x, all(1)))) == less(x, all(1)));
  BOOST_CHECK(pow(x, all(1)) == x && pow(x, all(2)) == x * x);
  BOOST_CHECK(select(less(x, all(1)), x, x) == x && cast(x, Dtype::f64) == x);
  const Tensor yes = full(bench.graph, {2}, 1, Dtype::boolean), no = full(bench.graph, {2}, 0, Dtype::boolean);
  BOOST_CHECK(select(yes, x, all(3)) == x && select(no, all(3), x) == x);
}

BOOST_AUTO_TEST_CASE(structure_that_says_nothing_disappears) {
  Bench bench;
  const Tensor x = bench.of(values({2, 3}, {1, 2, 3, 4, 5, 6}));
  BOOST_CHECK(reshape(reshape(x, {6}), {2, 3}) == x && reshape(x, {3, -1}) == reshape(reshape(x, {6}), {3, 2}));
  BOOST_CHECK(transpose(transpose(x, {1, 0}), {1, 0}) == x && transpose(x, {0, 1}) == x);
  BOOST_CHECK(broadcast_to(broadcast_to(x, {4, 2, 3}), {5, 4, 2, 3}) == broadcast_to(x, {5, 4, 2, 3}));
  BOOST_CHECK(slice_axis(x, 0, 0, 2) == x && pad(x, {0, 0}, {0, 0}) == x && flip(flip(x, 1), 1) == x);
  BOOST_CHECK(slice_axis(slice_axis(x, 1, 1, 3), 1, 1, 2) == slice_axis(x, 1, 2, 3));
  BOOST_CHECK(sum(x, {}) == x && concatenate({x}, 0) == x && sum_to(x, {2, 3}) == x);
  const Tensor repeated = full(bench.graph, {2, 3}, 7, Dtype::f64);
  BOOST_CHECK(transpose(repeated, {1, 0}) == full(bench.graph, {3, 2}, 7, Dtype::f64));
  BOOST_CHECK(reshape(repeated, {6}) == full(bench.graph, {6}, 7, Dtype::f64));
}

BOOST_AUTO_TEST_CASE(slices_of_slices_with_steps_are_one_slice) {
  Bench bench;
  std::vector<double> numbers(20);
  for (int i = 0; i < 20; ++i) numbers[i] = i;
  const Tensor x = bench.of(vector(numbers));
  const Tensor y = slice(slice(x, {1}, {20}, {3}), {1}, {6}, {2});
  check(bench.run(y), {4, 10, 16});
  BOOST_CHECK(y.graph().node(y.id()).inputs[0] == x.id());
}

BOOST_AUTO_TEST_CASE(constants_fold_and_keep_their_sign) {
  Graph graph;
  const Tensor y = full(graph, {3}, 2, Dtype::f64) * full(graph, {3}, -0.0, Dtype::f64);
  BOOST_REQUIRE(constant_value(y));
  BOOST_CHECK(*constant_value(y) == 0 && std::signbit(*constant_value(y)));
  BOOST_CHECK(std::isnan(*constant_value(full(graph, {3}, inf) - full(graph, {3}, inf))));
  BOOST_CHECK_EQUAL(*constant_value(sqrt(constant(graph, 9))), 3);
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(functions)

BOOST_AUTO_TEST_CASE(special_values_follow_ieee) {
  Bench bench;
  const Tensor x = bench.of(vector({not_a_number, inf, -inf, -0.0, 0.0}));
  check(bench.run(sign(x)), {not_a_number, 1, -1, -0.0, 0.0});
  check(bench.run(is_finite(x)), {0, 0, 0, 1, 1});
  check(bench.run(neg(x)), {not_a_number, -inf, inf, 0.0, -0.0});
  check(bench.run(sqrt(x)), {not_a_number, inf, not_a_number, -0.0, 0.0});
  check_near(bench.run(sigmoid(x)), {not_a_number, 1, 0, 0.5, 0.5});
  check(bench.run(equal(x, x)), {0, 1, 1, 1, 1});
  check(bench.run(not_equal(x, x)), {1, 0, 0, 0, 0});
}

BOOST_AUTO_TEST_CASE(operands_broadcast) {
  Bench bench;
  const Tensor a = bench.of(values({2, 1}, {1, 2})), b = bench.of(vector({10, 20, 30}));
  const Tensor c = a + b;
  BOOST_CHECK(c.shape() == Shape({2, 3}));
  check(bench.run(c), {11, 21, 31, 12, 22, 32});
  check(bench.run(grad(sum(c * c), a)), {126, 132});
  check(bench.run(2.0 / (a + 1.0) - 1.0), {0, 2.0 / 3 - 1});
  const Tensor none = bench.of(values({0, 3}, {}));
  BOOST_CHECK((none + b).shape() == Shape({0, 3}));
  check(bench.run(grad(sum(none + b), b)), {0, 0, 0});
}

BOOST_AUTO_TEST_CASE(matrix_products_take_vectors_and_batches) {
  Bench bench;
  const Tensor m = bench.of(values({2, 3}, {1, 2, 3, 4, 5, 6})), v = bench.of(vector({1, 0, -1}));
  const Tensor w = bench.of(vector({1, 2}));
  check(bench.run(matmul(m, v)), {-2, -2});
  check(bench.run(matmul(w, m)), {9, 12, 15});
  const Tensor dot = matmul(v, v);
  BOOST_CHECK(dot.shape().empty());
  check(bench.run(dot), {2});
  const Tensor batch = bench.of(values({2, 1, 2}, {1, 0, 0, 1}));
  const Tensor product = matmul(batch, m);
  BOOST_CHECK(product.shape() == Shape({2, 1, 3}));
  check(bench.run(product), {1, 2, 3, 4, 5, 6});
  const Tensor many = bench.of(values({2, 3, 1}, {1, 0, 0, 0, 0, 1}));
  check(bench.run(matmul(m, many)), {1, 4, 3, 6});
  BOOST_CHECK(matmul(v, many).shape() == Shape({2, 1}));
}

BOOST_AUTO_TEST_CASE(a_shared_matrix_is_one_product_with_one_gradient) {
  Bench bench;
  const Tensor a = input(bench.graph, {Dtype::f32, {5, 4, 3}}), b = input(bench.graph, {Dtype::f32, {3, 2}});
  const Tensor gradient = grad(sum(square(matmul(a, b))), b);
  const Node node = bench.graph.node(gradient.id());
  BOOST_CHECK_EQUAL(node.op.name, std::string("matmul"));
  BOOST_CHECK(bench.graph.node(node.inputs[0]).type.shape == Shape({3, 20}));
}

BOOST_AUTO_TEST_CASE(convolution_by_hand) {
  Bench bench;
  const Tensor image = bench.of(values({1, 3, 3, 1}, {1, 2, 3, 4, 5, 6, 7, 8, 9}));
  const Tensor weights = bench.of(values({2, 2, 1, 1}, {1, 0, 0, -1}));
  check(bench.run(convolution(image, weights)), {-4, -4, -4, -4});
  check(bench.run(convolution(image, weights, {.stride = {2}, .padding = {1}})), {-1, -3, -7, -4});
  check(bench.run(max_pool(image, {.size = {2}, .stride = {1}})), {5, 6, 8, 9});
  check(bench.run(grad(sum(square(max_pool(image, {.size = {2}, .padding = {1}}))), image)),
        {2, 0, 6, 0, 0, 0, 14, 0, 18});
}

BOOST_AUTO_TEST_CASE(compositions) {
  Bench bench;
  const Tensor x = bench.of(values({2, 3}, {1, 2, 3, 1000, 0, -inf}));
  const double total = std::log(std::exp(-2) + std::exp(-1) + 1);
  check_near(bench.run(log_softmax(x, -1)), {-2 - total, -1 - total, -total, 0, -1000, -inf});
  check_near(bench.run(mean(slice_axis(x, 0, 0, 1))), {2});
  check_near(bench.run(mean(slice_axis(x, 0, 0, 0))), {not_a_number});
  BOOST_CHECK(mean(x, {0}, true).shape() == Shape({1, 3}) && max(x, {-1}, true).shape() == Shape({2, 1}));
  const Tensor index = bench.of(integers({3}, {1, -1, 2}));
  check(bench.run(one_hot(index, 3)), {0, 1, 0, 0, 0, 0, 0, 0, 1});
  const Tensor row = index_axis(x, 0, 0);
  check(bench.run(stack({row, row}, 1)), {1, 1, 2, 2, 3, 3});
  check(bench.run(index_axis(x, 1, -2)), {2, 0});
  check(bench.run(argmax(bench.of(values({2, 3}, {1, 3, 3, 2, not_a_number, 5})), 1)), {1, 1});
}

BOOST_AUTO_TEST_CASE(keys_differ_by_number_and_repeat_by_value) {
  Graph graph;
  const Tensor root = key(graph, 0x123456789abcdefu);
  BOOST_CHECK(root == key(graph, 0x123456789abcdefu) && !(root == key(graph, 1)));
  BOOST_CHECK(fold_in(root, 1) == fold_in(root, 1) && !(fold_in(root, 1) == fold_in(root, 2)));
  BOOST_CHECK(fold_in(root, iota(graph, 5)).shape() == Shape({5, 2}));
  BOOST_CHECK(random(fold_in(root, iota(graph, 5)), Distribution::normal, {3, 4}).shape() == Shape({5, 3, 4}));
}

BOOST_AUTO_TEST_CASE(numbers_below_a_limit_fill_what_is_below_it) {
  Bench bench;
  const Tensor largest = constant(bench.graph, std::numeric_limits<std::int32_t>::max(), Dtype::i32);
  const auto small =
      bench.run(random_below(key(bench.graph, 1), broadcast_to(constant(bench.graph, 5, Dtype::i32), {10'000})));
  std::map<double, int> counts;
  for (const double number : small) ++counts[number];
  BOOST_CHECK(counts.begin()->first == 0 && counts.rbegin()->first == 4 && counts.size() == 5u);
  for (const auto& [number, count] : counts) BOOST_TEST(std::abs(count - 2000) < 4 * 40);  // four deviations
  const auto wide = bench.run(random_below(key(bench.graph, 2), broadcast_to(largest, {10'000})));
  BOOST_TEST(*std::min_element(wide.begin(), wide.end()) >= 0);
  BOOST_TEST(*std::max_element(wide.begin(), wide.end()) > 0.999 * std::numeric_limits<std::int32_t>::max());
  const auto limits = bench.run(random_below(key(bench.graph, 3), bench.of(integers({3}, {1, 2, 1}))));
  BOOST_CHECK(limits[0] == 0 && limits[1] < 2 && limits[2] == 0);
}

BOOST_AUTO_TEST_CASE(errors_say_what_was_given_and_needed) {
  Graph graph;
  const Tensor a = input(graph, {Dtype::f32, {2, 3}}), b = input(graph, {Dtype::f32, {4}});
  const Tensor i = input(graph, {Dtype::i32, {2, 3}});
  BOOST_CHECK_EQUAL(error_of([&] { add(a, b); }),
                    "[add] shapes [2, 3] and [4] were given; counted from the last axis, sizes need to be equal or 1");
  BOOST_CHECK_EQUAL(error_of([&] { mul(a, i); }),
                    "[mul] f32[2, 3] and i32[2, 3] were given; both need the same element type");
  BOOST_CHECK_EQUAL(error_of([&] { exp(i); }), "[exp] i32[2, 3] was given; f32 or f64 is needed");
  BOOST_CHECK_EQUAL(error_of([&] { matmul(a, b); }),
                    "[matmul] shapes [2, 3] and [4] were given; [..., m, k] and [..., k, n] with one k are needed");
  BOOST_CHECK_EQUAL(error_of([&] { sum(a, {2}); }), "[sum] axis 2 of shape [2, 3] was given; that shape has 2 axes");
  BOOST_CHECK_EQUAL(error_of([&] {
                      sum(a, {1, -1});
                    }),
                    "[sum] axis 1 of shape [2, 3] was given twice; each is needed at most once");
  BOOST_CHECK_EQUAL(error_of([&] {
                      reshape(a, {4, -1});
                    }),
                    "[reshape] f32[2, 3] was given for shape [4, -1]; its 6 elements need to be a multiple of 4");
  BOOST_CHECK_EQUAL(
      error_of([&] { distinct(key(graph, 1), 3, 4); }),
      "[distinct] 4 different ones of 3 were asked for; at most as many as there are, of at most 2^31 - 1, "
      "are needed");
  for (const auto& action :
       std::vector<std::function<void()>>{[&] { convolution(a, b); },
                                          [&] { distinct(a, 3, 2); },
                                          [&] { random_below(key(graph, 1), a); },
                                          [&] { max_pool(a, {.size = {2}}); },
                                          [&] { slice_axis(a, 0, 1, 3); },
                                          [&] { broadcast_to(a, {3}); },
                                          [&] {
                                            concatenate({a, b}, 0);
                                          },
                                          [&] { concatenate({}, 0); },
                                          [&] {
                                            transpose(a, {0, 0});
                                          },
                                          [&] {
                                            pad(a, {-1, 0}, {0, 0});
                                          },
                                          [&] { gather(a, b); },
                                          [&] { scatter_add(a, i, -1); },
                                          [&] { part(a, 0); },
                                          [&] { select(a, a, a); },
                                          [&] { argmax(a, 2); },
                                          [&] { random(a, Distribution::normal, {}); },
                                          [&] { fold_in(i, 1); },
                                          [&] { logical_and(a, a); },
                                          [&] { index_axis(a, 0, 2); },
                                          [&] {
                                            stack({a, b}, 0);
                                          },
                                          [&] { sum_to(b, {3}); },
                                          [&] { mean(i); },
                                          [&] { random(key(graph, 1), Distribution::bits, {2}, Dtype::f32); }})
    BOOST_CHECK_THROW(action(), Error);
}

BOOST_AUTO_TEST_CASE(an_empty_tensor_is_an_error_everywhere) {
  Graph graph;
  const Tensor x = input(graph, {Dtype::f32, {2, 3}}), i = input(graph, {Dtype::i32, {2}}), none;
  for (const auto& action : std::vector<std::function<void()>>{[&] { zeros_like(none); },
                                                               [&] { constant_value(none); },
                                                               [&] { stop_gradient(none); },
                                                               [&] { alias(none, graph); },
                                                               [&] { part(none, 0); },
                                                               [&] { MapBuilder(graph, {none}, 3); },
                                                               [&] { MapBuilder(graph, {x}, 2).close({{none}}); },
                                                               [&] { square(none); },
                                                               [&] { add(x, none); },
                                                               [&] { 1.0 - none; },
                                                               [&] { relu(none); },
                                                               [&] { cast(none, Dtype::f64); },
                                                               [&] { select(none, x, x); },
                                                               [&] { sum(none); },
                                                               [&] { mean(none, {0}); },
                                                               [&] { argmax(none, 0); },
                                                               [&] { log_softmax(none, 0); },
                                                               [&] { sum_to(none, {}); },
                                                               [&] { reshape(none, {1}); },
                                                               [&] { transpose(none, {}); },
                                                               [&] { broadcast_to(none, {2}); },
                                                               [&] { slice(none, {}, {}); },
                                                               [&] { index_axis(none, 0, 0); },
                                                               [&] { pad(none, {}, {}); },
                                                               [&] { flip(none, 0); },
                                                               [&] {
                                                                 concatenate({x, none}, 0);
                                                               },
                                                               [&] {
                                                                 stack({none, x}, 0);
                                                               },
                                                               [&] { gather(x, none); },
                                                               [&] { scatter_add(none, i, 3); },
                                                               [&] { one_hot(none, 3); },
                                                               [&] { matmul(none, x); },
                                                               [&] { convolution(none, none); },
                                                               [&] { max_pool(none, {.size = {2}}); },
                                                               [&] { fold_in(none, 1); },
                                                               [&] { random(none, Distribution::normal, {}); },
                                                               [&] { distinct(none, 3, 2); },
                                                               [&] { random_below(none, i); }})
    BOOST_CHECK_THROW(action(), Error);
}

BOOST_AUTO_TEST_CASE(sizes_that_overflow_are_errors) {
  Graph graph;
  const std::int64_t most = std::numeric_limits<std::int64_t>::max(), huge = std::int64_t{1} << 40;
  const Tensor x = input(graph, {Dtype::f32, {5}}), scalar = input(graph, {Dtype::f32, {}});
  const Tensor image = input(graph, {Dtype::f32, {1, 4, 4, 1}}), weights = input(graph, {Dtype::f32, {2, 2, 1, 1}});
  const Tensor large = broadcast_to(scalar, {most_elements});
  for (const auto& action : std::vector<std::function<void()>>{
           [&] { pad(x, {most}, {most}); }, [&] { pad(x, {0}, {most}); },
           [&] { pad(pad(x, {most_elements / 2}, {0}), {most_elements / 2}, {0}); },
           [&] { concatenate(std::vector<Tensor>(10, large), 0); },
           [&] {
             reshape(x, {huge, huge, -1});
           },
           [&] {
             stack({large, large}, 0);
           },
           [&] { convolution(image, weights, {.padding = {most}}); },
           [&] { convolution(image, weights, {.stride = {most}}); },
           [&] { max_pool(image, {.size = {most}, .stride = {1}, .padding = {most - 1}}); },
           [&] { max_pool(image, {.size = {2}, .stride = {most}}); },
           [&] { argmax(broadcast_to(scalar, {std::int64_t{1} << 32}), 0); }})
    BOOST_CHECK_THROW(action(), Error);
  BOOST_CHECK_NO_THROW(convolution(image, weights, {.stride = {std::numeric_limits<std::int32_t>::max()}}));
}

BOOST_AUTO_TEST_CASE(a_step_beyond_the_end_takes_the_first_element) {
  Bench bench;
  const Tensor x = bench.of(vector({1, 2, 3, 4, 5}));
  for (const std::int64_t step : {std::int64_t{5}, std::int64_t{1} << 40, std::numeric_limits<std::int64_t>::max()}) {
    const Tensor first = slice(x, {1}, {5}, {step});
    check(bench.run(first), {2});
    check(bench.run(slice(first, {0}, {1}, {step})), {2});
    check(bench.run(grad(sum(square(first)), x)), {0, 4, 0, 0, 0});
  }
  BOOST_CHECK_THROW(slice(x, {0}, {5}, {0}), Error);
  const Operator& direct = *find_operator("slice");  // its rule itself
  const Tensor one = bench.graph.push(direct, std::span(&x, 1), {{0, 5, std::numeric_limits<std::int64_t>::max()}, {}});
  BOOST_CHECK(one.shape() == Shape{1});
}

// Views of constants are merged into one; a chain that is not, as here, must not be walked by every node behind it.
BOOST_AUTO_TEST_CASE(a_constant_is_looked_for_behind_a_few_views_only) {
  Graph graph;
  Tensor x = constant(graph, 3);
  for (int axes = 1; axes <= max_rank; ++axes) {
    x = stop_gradient(broadcast_to(x, Shape(axes, 2)));
    BOOST_TEST(constant_value(x).has_value() == (axes <= 4));
  }
}

BOOST_AUTO_TEST_SUITE_END()
