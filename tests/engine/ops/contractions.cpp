// General products, convolutions and windows: what they are by hand, against sums written out, and to three orders.
#include "engine/ops/bench.hpp"
#include "engine/ops/checks.hpp"
#include "transform/transform.hpp"

using namespace metac;
using namespace metac::testing;

namespace {

Sample floats(std::vector<Shape> shapes) {
  Sample sample;
  for (const auto& shape : shapes) sample.inputs.push_back({Dtype::f32, shape});
  return sample;
}

std::vector<double> counted(int count) {
  std::vector<double> numbers;
  for (int i = 0; i < count; ++i) numbers.push_back(i + 1);
  return numbers;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(contractions)

BOOST_AUTO_TEST_CASE(general_products_have_three_derivatives_and_batches) {
  const auto product = [](const std::string& equation, std::vector<Shape> shapes) {
    check_all("einsum " + equation, {floats(std::move(shapes))}, [&](auto x) {
      return einsum(equation, {x.begin(), x.end()});
    });
  };
  product("ij,jk->ik", {{2, 3}, {3, 4}});
  product("ij,jk->ki", {{1, 1}, {1, 1}});
  product("ij,jk->ik", {{2, 0}, {0, 3}});
  product("bij,bjk->bik", {{2, 3, 2}, {2, 2, 3}});
  product("ij,ij->", {{2, 3}, {2, 3}});
  product("i,j->ji", {{2}, {3}});
  product("ii->i", {{3, 3}});
  product("iji->j", {{3, 2, 3}});
  product("ij->", {{0, 2}});
  product("ij,jk,kl->il", {{2, 3}, {3, 2}, {2, 3}});
  product("...ij,...jk->...ik", {{2, 1, 3}, {2, 3, 2}});
  check_all("contract", {floats({{2, 3, 2, 4}, {4, 2, 3, 3}}), floats({{1, 1, 1, 1}, {1, 1, 1, 1}})}, [](auto x) {
    return contract(x[0], x[1], {3, 1}, {0, 2}, {-2}, {1});
  });
}

BOOST_AUTO_TEST_CASE(equations_by_hand) {
  Bench bench;
  const Tensor m = bench.of(values({2, 2}, counted(4))), v = bench.of(vector({1, -1}));
  const Tensor x = bench.of(values({2, 3}, counted(6))), cube = bench.of(values({2, 2, 2}, counted(8)));
  check(bench.run(einsum("ij,j", {m, v})), {-1, -1});
  check(bench.run(einsum("ij,j->ij", {m, v})), {1, -2, 3, -4});
  check(bench.run(einsum("ij -> ji", {x})), {1, 4, 2, 5, 3, 6});
  check(bench.run(einsum("ba", {x})), {1, 4, 2, 5, 3, 6});
  check(bench.run(einsum("ii", {m})), {5});
  check(bench.run(einsum("ii->i", {m})), {1, 4});
  check(bench.run(einsum("iii->i", {cube})), {1, 8});
  check(bench.run(einsum("ij,ik->jk", {x, m})), {13, 18, 17, 24, 21, 30});
  check(bench.run(einsum("...j->...", {x})), {6, 15});
  check(bench.run(einsum("...,...", {x, x})), {1, 4, 9, 16, 25, 36});
  check(bench.run(einsum("i...,i->...", {x, v})), {-3, -3, -3});
  check(bench.run(einsum("...ij,kj->...ik", {cube, m})), {5, 11, 11, 25, 17, 39, 23, 53});
  check(bench.run(einsum(",i->i", {bench.of(values({}, {3})), v})), {3, -3});
  check(bench.run(einsum("i,i,i", {v, v, v})), {0});
}

// Sums over positions of all letters: the definition.
BOOST_AUTO_TEST_CASE(an_equation_of_three_operands_equals_its_sum) {
  Bench bench;
  std::mt19937 rng(5);
  const Tensor a = bench.of(random_array({Dtype::f64, {2, 3, 4}}, rng));
  const Tensor b = bench.of(random_array({Dtype::f64, {4, 3, 5}}, rng));
  const Tensor c = bench.of(random_array({Dtype::f64, {5, 2}}, rng));
  const auto x = bench.run(a), y = bench.run(b), z = bench.run(c);
  std::vector<double> expected(10, 0);
  for (int i = 0; i < 2; ++i)
    for (int j = 0; j < 3; ++j)
      for (int k = 0; k < 4; ++k)
        for (int l = 0; l < 5; ++l)
          expected[l * 2 + i] += x[(i * 3 + j) * 4 + k] * y[(k * 3 + j) * 5 + l] * z[l * 2 + i];
  check_near(bench.run(einsum("ijk,kjl,li->li", {a, b, c})), expected);
}

BOOST_AUTO_TEST_CASE(a_product_without_a_sum_multiplies_element_by_element) {
  Bench bench;
  const Tensor a = bench.of(vector({inf, 0})), b = bench.of(vector({2, 3}));
  check(bench.run(einsum("i,j->ij", {a, b})), {inf, inf, 0, 0});
}

BOOST_AUTO_TEST_CASE(what_does_not_fit_is_refused) {
  Graph graph;
  const Tensor x = input(graph, {Dtype::f32, {2, 3}}), v = input(graph, {Dtype::f32, {3}});
  const Tensor i = input(graph, {Dtype::i32, {2, 3}}), wide = input(graph, {Dtype::f64, {3}});
  BOOST_CHECK_EQUAL(error_of([&] {
                      einsum("ij,i->j", {x, v});
                    }),
                    "[einsum] \"ij,i->j\" was given; `i` stands for the sizes 2 and 3; equal ones are needed");
  BOOST_CHECK_EQUAL(error_of([&] { einsum("ijk->i", {x}); }),
                    "[einsum] \"ijk->i\" was given; `ijk` stands for f32[2, 3], which has 2 axes");
  BOOST_CHECK_EQUAL(error_of([&] { einsum("ij,j->i", {x}); }),
                    "[einsum] \"ij,j->i\" was given; it stands for 2 operands, there are 1");
  BOOST_CHECK_EQUAL(error_of([&] { einsum("i1->i", {x}); }),
                    "[einsum] \"i1->i\" was given; `1` is no letter for an axis");
  BOOST_CHECK_EQUAL(
      error_of([&] { contract(x, v, {0}, {0}); }),
      "[contract] axes 0 of f32[2, 3] and 0 of f32[3] were given; as many axes of equal sizes are needed");
  for (const auto& action : std::vector<std::function<void()>>{
           [&] { einsum("", {}); }, [&] { einsum("ij->ik", {x}); }, [&] { einsum("ij->ii", {x}); },
           [&] { einsum("ii->i", {x}); }, [&] { einsum("ij->i->j", {x}); }, [&] { einsum("......", {x}); },
           [&] { einsum("i....->i", {x}); },
           [&] {
             einsum("ij", {i});
             einsum("ij,ij->", {i, i});
           },
           [&] {
             einsum("i,i", {v, wide});
           },
           [&] { einsum("i", {Tensor{}}); }, [&] { einsum("ijk...", {x}); },
           [&] {
             einsum("...,...", {x, transpose(x, {1, 0})});
           },
           [&] { contract(x, v, {1}, {}); }, [&] { contract(x, v, {2}, {0}); },
           [&] {
             contract(x, v, {1, 1}, {0, 0});
           },
           [&] { contract(x, v, {1}, {0}, {1}, {0}); }, [&] { contract(i, i, {0}, {0}); },
           [&] { contract(v, wide, {0}, {0}); }, [&] { contract(Tensor{}, v, {}, {}); }})
    BOOST_CHECK_THROW(action(), Error);
}

BOOST_AUTO_TEST_CASE(the_transposed_convolution_is_the_derivative_of_a_convolution) {
  Bench bench;
  std::mt19937 rng(3);
  for (const std::int64_t groups : {1, 2})
    for (const ConvolutionWindow& window :
         {ConvolutionWindow{}, ConvolutionWindow{.stride = {2}, .padding = {1}},
          ConvolutionWindow{.stride = {3}, .padding = {0}, .padding_after = {2}, .dilation = {2}}}) {
      ConvolutionWindow with_groups = window;
      with_groups.groups = groups;
      const Tensor image = bench.of(random_array({Dtype::f64, {2, 9, 8, 4}}, rng));
      const Tensor weights = bench.of(random_array({Dtype::f64, {3, 2, 4 / groups, 6}}, rng));
      const Tensor result = convolution(image, weights, with_groups);
      const Tensor ct = bench.of(random_array(result.type(), rng));
      const Tensor wanted = vjp(std::span(&result, 1), std::span(&ct, 1), std::span(&image, 1))[0];
      const std::int64_t height = image.shape()[1], width = image.shape()[2];
      const Shape smallest = convolution_transposed(ct, weights, with_groups).shape();
      const Tensor given =
          convolution_transposed(ct, weights, with_groups, {height - smallest[1], width - smallest[2]});
      check_near(bench.run(given), bench.run(wanted));
    }
}

BOOST_AUTO_TEST_CASE(convolutions_by_hand) {
  Bench bench;
  const Tensor row = bench.of(values({1, 5, 1}, counted(5))), two = bench.of(values({2, 1, 1}, {1, -1}));
  check(bench.run(convolution(row, two)), {-1, -1, -1, -1});
  check(bench.run(convolution(row, two, {.dilation = {2}})), {-2, -2, -2});
  check(bench.run(convolution(row, two, {.stride = {2}, .padding = {0}, .padding_after = {1}})), {-1, -1, 5});
  check(bench.run(convolution_transposed(row, two)), {1, 1, 1, 1, 1, -5});
  check(bench.run(convolution_transposed(slice_axis(row, 1, 0, 2), two, {.stride = {2}}, {1})), {1, -1, 2, -2, 0});
  const Tensor channels = bench.of(values({1, 2, 2}, {1, 2, 3, 4})),
               by_channel = bench.of(values({1, 1, 2}, {10, 100}));
  check(bench.run(convolution(channels, by_channel, {.groups = 2})), {10, 200, 30, 400});
  const Tensor cube = bench.of(values({1, 2, 2, 2, 1}, counted(8))),
               ones = bench.of(values({2, 2, 2, 1, 1}, std::vector<double>(8, 1)));
  check(bench.run(convolution(cube, ones)), {36});
  const auto padded = bench.run(convolution(cube, ones, {.padding = {1}}));
  BOOST_CHECK_EQUAL(padded.size(), 27u);
  BOOST_CHECK_EQUAL(padded[0], 1);
  BOOST_CHECK_EQUAL(padded[13], 36);
}

BOOST_AUTO_TEST_CASE(windows_have_three_derivatives_and_batches) {
  const std::vector<Sample> any = {floats({{1, 1, 1}}), floats({{2, 7, 3}}), floats({{0, 4, 5, 2}}),
                                   floats({{1, 5, 6, 2}}), floats({{1, 3, 5, 4, 2}})};
  check_all("max_pool", any, [](auto x) {
    const std::int64_t size = x[0].shape()[1] == 1 ? 1 : 2;
    return max_pool(x[0], {.size = {size}, .stride = {1}, .padding = {0}, .padding_after = {size - 1}});
  });
  for (const bool count_padding : {true, false})
    check_all("average_pool", any, [&](auto x) {
      const std::int64_t size = x[0].shape()[1] == 1 ? 1 : 3;
      return average_pool(x[0], {.size = {size}, .stride = {2}, .padding = {size / 2}}, count_padding);
    });
  check_all("adaptive_average_pool", any, [](auto x) { return adaptive_average_pool(x[0], {2}); });
  check_all("adaptive_max_pool", any, [](auto x) { return adaptive_max_pool(x[0], {3}); });
  for (const Resize how : {Resize::nearest, Resize::linear})
    for (const std::int64_t size : {1, 3, 8})
      check_all("resize", any, [&](auto x) { return resize(x[0], {size}, how); });
}

BOOST_AUTO_TEST_CASE(windows_by_hand) {
  Bench bench;
  const Tensor image = bench.of(values({1, 3, 3, 1}, counted(9))), row = bench.of(values({1, 5, 1}, counted(5)));
  check(bench.run(average_pool(image, {.size = {2}, .stride = {1}})), {3, 4, 6, 7});
  check(bench.run(average_pool(row, {.size = {2}})), {1.5, 3.5});
  check(bench.run(average_pool(row, {.size = {3}, .stride = {2}, .padding = {1}})), {1, 3, 3});
  check(bench.run(average_pool(row, {.size = {3}, .stride = {2}, .padding = {1}}, false)), {1.5, 3, 4.5});
  check(bench.run(max_pool(row, {.size = {2}})), {2, 4});
  check(bench.run(max_pool(row, {.size = {3}, .stride = {2}, .padding = {1}})), {2, 4, 5});
  check(bench.run(adaptive_average_pool(image, {1})), {5});
  check(bench.run(adaptive_average_pool(row, {2})), {2, 4});
  check(bench.run(adaptive_max_pool(image, {2, 1})), {6, 9});
  check(bench.run(resize(row, {10}, Resize::nearest)), {1, 1, 2, 2, 3, 3, 4, 4, 5, 5});
  check(bench.run(resize(row, {2}, Resize::nearest)), {2, 4});
  check_near(bench.run(resize(row, {10}, Resize::linear)), {1, 1.25, 1.75, 2.25, 2.75, 3.25, 3.75, 4.25, 4.75, 5});
  const Tensor edge = bench.of(values({1, 2, 1}, {1, inf}));
  check(bench.run(resize(edge, {4}, Resize::linear)), {1, inf, inf, inf});
}

BOOST_AUTO_TEST_CASE(the_largest_of_a_cube_is_the_first_of_equals_in_row_major_order) {
  Bench bench;
  const Tensor x = bench.of(values({1, 2, 2, 2, 1}, {1, 5, 5, 2, 5, 0, 5, 5}));
  const Tensor largest = max_pool(x, {.size = {2}});
  check(bench.run(largest), {5});
  check_near(bench.run(grad(sum(largest), x)), {0, 1, 0, 0, 0, 0, 0, 0});
}

BOOST_AUTO_TEST_CASE(windows_that_do_not_fit_are_refused) {
  Graph graph;
  const Tensor image = input(graph, {Dtype::f32, {1, 4, 4, 2}}), weights = input(graph, {Dtype::f32, {3, 3, 2, 4}});
  const Tensor flat = input(graph, {Dtype::f32, {4, 2}}), whole = input(graph, {Dtype::i32, {1, 4, 4, 2}});
  const Tensor none = input(graph, {Dtype::f32, {1, 0, 4, 2}});
  constexpr std::int64_t huge = std::numeric_limits<std::int64_t>::max();
  BOOST_CHECK_EQUAL(
      error_of([&] { convolution(image, weights, {.groups = 2}); }),
      "[convolution] shapes [1, 4, 4, 2] and [3, 3, 2, 4] were given for stride 1x1 and padding 0x0, 2 groups; images "
      "[n, sizes.., channels] and weights [kernel sizes.., channels / groups, filters] that fit into the padded image "
      "are "
      "needed");
  BOOST_CHECK_EQUAL(error_of([&] {
                      convolution(image, weights, {.stride = {1, 1, 1}});
                    }),
                    "[convolution] a stride [1, 1, 1] was given; one for each of 2 axes, or one for all, is needed");
  BOOST_CHECK_EQUAL(
      error_of([&] { average_pool(image, {.size = {2}, .padding = {2}}); }),
      "[average_pool] f32[1, 4, 4, 2] was given for windows 2x2, stride 2x2 and padding 2x2; windows that fit into the "
      "padded image, strides of at least 1 and less padding than window are needed");
  for (const auto& action : std::vector<std::function<void()>>{
           [&] { convolution(flat, weights); },
           [&] { convolution(image, flat); },
           [&] { convolution(whole, whole); },
           [&] { convolution(image, weights, {.stride = {0}}); },
           [&] { convolution(image, weights, {.padding = {-1}}); },
           [&] { convolution(image, weights, {.dilation = {0}}); },
           [&] { convolution(image, weights, {.dilation = {2}}); },
           [&] { convolution(image, weights, {.dilation = {huge}}); },
           [&] { convolution(image, weights, {.groups = 0}); },
           [&] { convolution(image, weights, {.padding = {huge}}); },
           [&] { convolution(Tensor{}, weights); },
           [&] { convolution_transposed(image, weights); },  // two channels for four filters
           [&] {
             convolution_transposed(image, transpose(weights, {0, 1, 3, 2}), {}, {1});
           },
           [&] {
             convolution_transposed(image, transpose(weights, {0, 1, 3, 2}), {.padding = {4}});
           },
           [&] {
             convolution_transposed(image, transpose(weights, {0, 1, 3, 2}), {.stride = {huge}});
           },
           [&] { max_pool(image, {.size = {5}}); },
           [&] { max_pool(image, {.size = {0}}); },
           [&] { max_pool(image, {.size = {}}); },
           [&] { max_pool(whole, {.size = {2}}); },
           [&] { max_pool(image, {.size = {huge}, .padding = {huge - 1}}); },
           [&] { max_pool(none, {.size = {1}}); },
           [&] { average_pool(flat, {.size = {1}}); },
           [&] { adaptive_max_pool(none, {1}); },
           [&] { adaptive_average_pool(image, {0}); },
           [&] {
             adaptive_average_pool(image, {1, 1, 1});
           },
           [&] { resize(none, {2}, Resize::linear); },
           [&] { resize(image, {-1}, Resize::nearest); },
           [&] { resize(image, {huge}, Resize::nearest); },
           [&] { resize(whole, {2}, Resize::nearest); }})
    BOOST_CHECK_THROW(action(), Error);
  constexpr std::int64_t far = std::numeric_limits<std::int32_t>::max();
  BOOST_CHECK(max_pool(image, {.size = {2}, .stride = {far}}).shape() == Shape({1, 1, 1, 2}));
}

BOOST_AUTO_TEST_SUITE_END()
