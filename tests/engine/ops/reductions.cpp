// Reductions, cumulative functions and sorting: what they are at values one knows by heart, over nothing, at ties, and
// to three orders.
#include "engine/ops/bench.hpp"
#include "engine/ops/checks.hpp"
#include "transform/transform.hpp"

using namespace metac;
using namespace metac::testing;

namespace {

using Axes = std::vector<int>;

// Shapes with the axes to reduce over: nothing, one element, odd sizes, none and several axes.
const std::vector<std::pair<Shape, Axes>> reductions = {{{}, {}},         {{1}, {0}},         {{0}, {0}},
                                                        {{3, 0, 2}, {1}}, {{3, 0, 2}, {0}},   {{7}, {0}},
                                                        {{5, 3}, {-1}},   {{2, 3, 5}, {2, 0}}};

void check_reduction(const std::string& name, const std::function<Tensor(Tensor, Axes, bool)>& reduce,
                     Dtype dtype = Dtype::f32) {
  for (const auto& [shape, axes] : reductions)
    for (const bool keep : {false, true})
      check_all(name, {{.inputs = {{dtype, shape}}}}, [&, &axes = axes](auto x) { return reduce(x[0], axes, keep); });
}

}  // namespace

BOOST_AUTO_TEST_SUITE(reductions_and_sorting)

BOOST_AUTO_TEST_CASE(compositions_have_three_derivatives_and_batches) {
  check_reduction("logsumexp", logsumexp);
  check_reduction("mean", [](Tensor x, Axes axes, bool keep) { return mean(x, axes, keep); });
  check_reduction("variance", [](Tensor x, Axes axes, bool keep) { return variance(x, axes, keep); });
  for (const double order : {1.0, 2.0, 3.5, inf})
    check_reduction("norm", [&](Tensor x, Axes axes, bool keep) { return norm(x, axes, keep, order); });
  check_reduction("any", any, Dtype::boolean);
  check_reduction("all", all, Dtype::boolean);
}

BOOST_AUTO_TEST_CASE(functions_along_an_axis_have_three_derivatives_and_batches) {
  const std::vector<std::pair<Shape, int>> cases = {{{1}, 0}, {{0}, 0}, {{3, 0, 2}, 2}, {{7}, 0}, {{2, 5, 3}, -2}};
  for (const auto& [shape, axis] : cases) {
    const auto along = [&, &axis = axis](const char* name, auto&& f) {
      check_all(name, {{.inputs = {{Dtype::f32, shape}}}}, [&](auto x) { return f(x[0], axis); });
    };
    along("cumulative_product", cumulative_product);
    along("sort", [](Tensor x, int a) { return sort(x, a); });
    along("sort descending", [](Tensor x, int a) { return sort(x, a, true); });
    along("top_k",
          [](Tensor x, int a) { return top_k(x, (x.shape()[a < 0 ? a + x.shape().rank() : a] + 1) / 2, a).values; });
    along("softmax", softmax);
    along("log_softmax", log_softmax);
    if (shape.elements() > 0) along("argmin", argmin);
  }
  check_all("gather_along",
            {{.inputs = {{Dtype::f32, {2, 5, 3}}, {Dtype::i32, {2, 4, 3}}}, .integer_low = 0, .integer_high = 5},
             {.inputs = {{Dtype::f32, {1}}, {Dtype::i32, {1}}}, .integer_low = 0, .integer_high = 1},
             {.inputs = {{Dtype::f32, {3, 2}}, {Dtype::i32, {0, 2}}}, .integer_low = 0, .integer_high = 3}},
            [](auto x) { return gather_along(x[0], x[1], x[0].shape().rank() == 3 ? 1 : 0); });
}

BOOST_AUTO_TEST_CASE(over_nothing_there_is_a_neutral_value) {
  Bench bench;
  const Tensor none = bench.of(values({2, 0}, {}));
  const Tensor no_bools = equal(none, none);
  check(bench.run(sum(none, {1})), {0, 0});
  check(bench.run(prod(none, {1})), {1, 1});
  check(bench.run(max(none, {1})), {-inf, -inf});
  check(bench.run(mean(none, {1})), {not_a_number, not_a_number});
  check(bench.run(variance(none, {1})), {not_a_number, not_a_number});
  check(bench.run(logsumexp(none, {1})), {-inf, -inf});
  check(bench.run(any(no_bools, {1})), {0, 0});
  check(bench.run(all(no_bools, {1})), {1, 1});
  for (const double order : {1.0, 2.0, 3.0, inf}) check(bench.run(norm(none, {1}, false, order)), {0, 0});
}

BOOST_AUTO_TEST_CASE(moments_and_norms_by_hand) {
  Bench bench;
  const Tensor x = bench.of(values({2, 3}, {1, 2, 6, -3, 0, 4}));
  check_near(bench.run(variance(x, {1})), {14.0 / 3, (9 + 16 - 1.0 / 3) / 3});
  check_near(bench.run(variance(x, {1}, false, 1)), {7, (9 + 16 - 1.0 / 3) / 2});
  check_near(bench.run(standard_deviation(x, {1}, false, 1)), {std::sqrt(7), std::sqrt((25 - 1.0 / 3) / 2)});
  check_near(bench.run(variance(x, {1}, false, 3)), {inf, inf});
  check_near(bench.run(norm(x, {1})), {std::sqrt(41), 5});
  check_near(bench.run(norm(x, {1}, false, 1)), {9, 7});
  check_near(bench.run(norm(x, {1}, false, 3)), {std::cbrt(225), std::cbrt(91)});
  check_near(bench.run(norm(x, {1}, false, inf)), {6, 4});
}

BOOST_AUTO_TEST_CASE(where_a_norm_or_a_deviation_is_zero_its_derivative_is_zero) {
  Bench bench;
  const Tensor zero = bench.of(vector({0, 0})), equal_ones = bench.of(vector({3, 3}));
  for (const double order : {1.0, 1.5, 2.0, 3.0, inf}) {
    Tensor y = norm(zero, {0}, false, order);
    for (int derivative = 1; derivative <= 3; ++derivative, y = sum(y)) {
      y = grad(y, zero);
      check_near(bench.run(y), {0, 0});
    }
  }
  check_near(bench.run(grad(standard_deviation(equal_ones, {0}), equal_ones)), {0, 0});
}

BOOST_AUTO_TEST_CASE(log_sum_exp_keeps_its_range_and_its_infinities) {
  Bench bench;
  const Tensor x = bench.of(values({4, 2}, {1000, 1000, -inf, -inf, -inf, 3, inf, 1}));
  check_near(bench.run(logsumexp(x, {1})), {1000 + std::log(2), -inf, 3, inf});
  const Tensor finite = slice_axis(x, 0, 0, 3);
  Tensor y = sum(logsumexp(finite, {1}));
  check_near(bench.run(grad(y, x)), {0.5, 0.5, 0, 0, 0, 1, 0, 0});
}

BOOST_AUTO_TEST_CASE(cumulative_functions_by_hand) {
  Bench bench;
  const Tensor x = bench.of(values({2, 3}, {1, 2, 3, 4, 0, 6}));
  check(bench.run(cumulative_sum(x, 1)), {1, 3, 6, 4, 4, 10});
  check(bench.run(cumulative_sum(x, -1, true)), {6, 5, 3, 10, 6, 6});
  check(bench.run(cumulative_sum(x, 0)), {1, 2, 3, 5, 2, 9});
  check(bench.run(cumulative_product(x, 1)), {1, 2, 6, 4, 0, 0});
  check_near(bench.run(grad(sum(cumulative_product(x, 1)), x)), {1 + 2 + 6, 1 + 3, 2, 1, 4 + 24, 0});
  const Tensor i = bench.of(integers({3}, {std::numeric_limits<std::int32_t>::max(), 1, 1}));
  check(bench.run(cumulative_sum(i, 0)), {2147483647.0, -2147483648.0, -2147483647.0});
}

BOOST_AUTO_TEST_CASE(sorting_is_stable_and_puts_nan_last) {
  Bench bench;
  const Tensor x = bench.of(vector({2, not_a_number, -inf, 0.0, 2, -0.0, inf, not_a_number}));
  check(bench.run(argsort(x, 0)), {2, 3, 5, 0, 4, 6, 1, 7});
  check(bench.run(sort(x, 0)), {-inf, 0.0, -0.0, 2, 2, inf, not_a_number, not_a_number});
  check(bench.run(argsort(x, 0, true)), {1, 7, 6, 0, 4, 3, 5, 2});
  const TopK best = top_k(x, 4);
  check(bench.run(best.values), {not_a_number, not_a_number, inf, 2});
  check(bench.run(best.indices), {1, 7, 6, 0});
  const Tensor weights = constant(bench.graph, vector({1, 2, 3}));
  const Tensor y = bench.of(vector({5, 7, 6}));
  check_near(bench.run(grad(sum(sort(y, 0) * weights), y)), {1, 3, 2});
  const Tensor i = bench.of(integers({3}, {std::numeric_limits<std::int32_t>::min(), 5, 5}));
  check(bench.run(argmin(i, 0)), {0});
  check(bench.run(argsort(i, 0, true)), {1, 2, 0});
}

BOOST_AUTO_TEST_CASE(the_smallest_is_the_first_of_equals) {
  Bench bench;
  const Tensor x = bench.of(values({3, 3}, {1, 0, 0, 5, not_a_number, -1, inf, inf, inf}));
  check(bench.run(argmin(x, 1)), {1, 1, 0});
  check(bench.run(argmin(x, 0)), {0, 1, 1});
}

BOOST_AUTO_TEST_CASE(what_does_not_fit_is_refused) {
  Graph graph;
  const Tensor x = input(graph, {Dtype::f32, {2, 3}}), i = input(graph, {Dtype::i32, {2, 3}});
  const Tensor b = input(graph, {Dtype::boolean, {2, 3}}), none = input(graph, {Dtype::f32, {2, 0}});
  BOOST_CHECK_EQUAL(error_of([&] { norm(x, {0}, false, 0.5); }), "[norm] order 0.5 was given; at least 1 is needed");
  BOOST_CHECK_EQUAL(error_of([&] { top_k(x, 4); }),
                    "[top_k] 4 of axis 1 of f32[2, 3] were asked for; a number from 0 to 3 is needed");
  BOOST_CHECK_EQUAL(error_of([&] { any(x, {0}); }), "[any] f32[2, 3] was given; bool is needed");
  BOOST_CHECK_EQUAL(
      error_of([&] { gather_along(x, slice_axis(i, 1, 0, 2), 0); }),
      "[gather_along] f32[2, 3] and indices i32[2, 2] were given for axis 0; i32 indices of equal sizes on "
      "the other axes are needed");
  for (const auto& action : std::vector<std::function<void()>>{[&] { argsort(b, 0); },
                                                               [&] { argsort(x, 2); },
                                                               [&] { sort(x, -3); },
                                                               [&] { sort(Tensor{}, 0); },
                                                               [&] { cumulative_sum(b, 0); },
                                                               [&] { cumulative_sum(x, 2); },
                                                               [&] { cumulative_product(b, 0); },
                                                               [&] { cumulative_product(x, -3); },
                                                               [&] { variance(i, {0}); },
                                                               [&] { variance(x, {0}, false, -1); },
                                                               [&] {
                                                                 variance(x, {0, 0});
                                                               },
                                                               [&] { norm(x, {0}, false, not_a_number); },
                                                               [&] { norm(i, {0}); },
                                                               [&] { logsumexp(i, {0}); },
                                                               [&] { logsumexp(x, {2}); },
                                                               [&] { all(i, {0}); },
                                                               [&] {
                                                                 any(b, {0, -2});
                                                               },
                                                               [&] { top_k(x, -1); },
                                                               [&] { top_k(b, 1); },
                                                               [&] { argmin(b, 0); },
                                                               [&] { argmin(x, 2); },
                                                               [&] { argmin(none, 1); },
                                                               [&] { gather_along(x, x, 0); },
                                                               [&] { gather_along(x, i, 2); },
                                                               [&] { gather_along(x, reshape(i, {6}), 0); },
                                                               [&] { softmax(x, 2); }})
    BOOST_CHECK_THROW(action(), Error);
}

BOOST_AUTO_TEST_SUITE_END()
