// General products: what they are by hand, against sums written out, and to three orders.
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

BOOST_AUTO_TEST_SUITE(products)

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

BOOST_AUTO_TEST_SUITE_END()
