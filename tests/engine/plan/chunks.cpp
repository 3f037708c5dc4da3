// Maps whose tasks multiply one row by a matrix that they share run in chunks: the same numbers, other kernels.
#include <string>

#include "engine/plan/support.hpp"

namespace metac::testing {
namespace {

// Per-example gradients of one layer: their squares added up, the losses side by side, and the sum of the indices.
Case of_examples(std::int64_t examples, std::int64_t inputs, std::int64_t outputs, Dtype dtype, bool nested = false) {
  Case c;
  const Tensor x = c.add_input({dtype, {examples, inputs}}), weights = c.add_input({dtype, {inputs, outputs}});
  MapBuilder tasks(*c.graph, {x}, examples);
  const Tensor w = alias(weights, tasks.graph());
  const Tensor row = reshape(tasks.slices()[0], {1, inputs});
  const Tensor loss = sum(square(tanh(matmul(row, w))));
  Tensor extra = loss;
  if (nested) {
    MapBuilder inner(tasks.graph(), {row}, 1);
    extra = inner.close({{sum(exp(inner.slices()[0])), MapBuilder::summed}})[0];
  }
  const Tensor g = grad(loss, w);
  c.outputs = tasks.close({{square(g), MapBuilder::summed},
                           {extra, MapBuilder::stacked},
                           {tasks.index(), MapBuilder::summed},
                           {tasks.index() * tasks.index(), MapBuilder::stacked}});
  return c;
}

std::string finished_plan(const Case& c) { return to_text(*make_plan(finalize(c.inputs, c.outputs))); }

bool in_chunks_of_squares(const Case& c) { return finished_plan(c).find("squared_products") != std::string::npos; }

}  // namespace

BOOST_AUTO_TEST_CASE(tasks_that_share_a_matrix_run_in_chunks_with_the_same_results) {
  for (const Dtype dtype : {Dtype::f32, Dtype::f64})
    for (const std::int64_t examples : {8, 63, 64, 65, 131}) {  // less than a chunk, whole ones, one with a rest
      const Case c = of_examples(examples, 72, 65, dtype);
      BOOST_TEST(in_chunks_of_squares(c), examples << " examples");
      check_plan(c);
    }
}

BOOST_AUTO_TEST_CASE(other_tasks_stay_single) {
  BOOST_TEST(!in_chunks_of_squares(of_examples(7, 72, 65, Dtype::f32)));         // few
  BOOST_TEST(!in_chunks_of_squares(of_examples(64, 60, 60, Dtype::f32)));        // a small matrix
  BOOST_TEST(!in_chunks_of_squares(of_examples(64, 72, 65, Dtype::f32, true)));  // a map inside
}

BOOST_AUTO_TEST_CASE(chunks_have_the_same_bits_on_any_number_of_threads) {
  const Case c = of_examples(200, 80, 66, Dtype::f32);
  std::mt19937 random(5);
  const auto arrays = random_inputs(c, random);
  const auto plan = make_plan(finalize(c.inputs, c.outputs));
  const auto one = Executable(plan, 1).run(arrays), three = Executable(plan, 3).run(arrays);
  for (std::size_t i = 0; i < one.size(); ++i) BOOST_TEST(same_bits(one[i], three[i]));
}

// (1e30 * 1e-30)^2 is 1; the square of the first factor alone would be infinite.
BOOST_AUTO_TEST_CASE(products_are_squared_and_not_their_factors) {
  Case c;
  const Tensor a = c.add_input({Dtype::f32, {1, 1}}), b = c.add_input({Dtype::f32, {1, 1}});
  c.outputs = {squared_products(a, b)};
  const auto result =
      Executable(c.plan()).run(std::vector<Array>{Array::from<float>(Shape{1, 1}, std::vector<float>{1e30f}),
                                                  Array::from<float>(Shape{1, 1}, std::vector<float>{1e-30f})});
  BOOST_TEST(std::abs(result[0].at(0) - 1) < 1e-5);
}

}  // namespace metac::testing
