// Programs that make values again rather than keep them: less memory, the same numbers.
#include "engine/plan/support.hpp"
#include "plan/cost.hpp"

namespace metac::testing {
namespace {

// The gradient of a network of `depth` layers: each one's activations are kept until the sweep back comes by.
Case deep_network(int depth, std::int64_t rows, std::int64_t width, Dtype dtype = Dtype::f32) {
  Case c;
  Tensor x = c.add_input({dtype, {rows, width}});
  std::vector<Tensor> weights;
  for (int layer = 0; layer < depth; ++layer) {
    weights.push_back(c.add_input({dtype, {width, width}}));
    x = tanh(0.1 * matmul(x, weights.back()));
    x = x - mean(x, {0}, true);
  }
  c.outputs = grad(sum(square(x)), weights);
  return c;
}

// The same, a task at a time, two inner steps of gradient descent.
Case tasks_of_networks(std::int64_t tasks) {
  Case c;
  const Tensor xs = c.add_input({Dtype::f32, {tasks, 32, 16}}), start = c.add_input({Dtype::f32, {16, 16}});
  MapBuilder map(*c.graph, {xs}, tasks);
  const Tensor meta = alias(start, map.graph());
  Tensor w = meta;
  const auto loss = [&](Tensor weights) {
    Tensor x = map.slices()[0];
    for (int layer = 0; layer < 4; ++layer) x = tanh(matmul(x, weights));
    return sum(square(x));
  };
  for (int step = 0; step < 2; ++step) {
    const Tensor now = alias(w, map.graph());
    w = now - 0.01 * grad(loss(now), now);
  }
  const Tensor end = loss(w);
  c.outputs = map.close({{end, MapBuilder::stacked}, {grad(end, meta), MapBuilder::summed}});
  return c;
}

struct Effect {
  double memory, operations;  // after, as a share of before
};

// Also that the numbers are the same, but for the order of sums.
Effect effect_of(const Case& c, double share) {
  const Program kept = finalize(c.inputs, c.outputs), again = recompute(kept, share);
  verify(*again.graph);
  const auto before = make_plan(kept), after = make_plan(again);
  std::mt19937 random(7);
  const auto given = random_inputs(c, random);
  const auto expected = Executable(before, 2).run(given), results = Executable(after, 2).run(given);
  for (std::size_t i = 0; i < expected.size(); ++i) check_close(results[i], expected[i]);
  return {static_cast<double>(arena_bytes(*after)) / static_cast<double>(arena_bytes(*before)),
          cost_of(*after).operations / cost_of(*before).operations};
}

}  // namespace

BOOST_AUTO_TEST_CASE(values_made_again_take_less_memory_and_give_the_same) {
  for (const Dtype dtype : {Dtype::f32, Dtype::f64}) {
    const Effect half = effect_of(deep_network(16, 64, 32, dtype), 0.5),
                 least = effect_of(deep_network(16, 64, 32, dtype), 0);
    BOOST_TEST(half.memory < 0.6);
    BOOST_TEST(half.operations < 1.4);  // one more sweep up is a third
    BOOST_TEST(least.memory < half.memory);
  }
  const Effect nothing = effect_of(deep_network(16, 64, 32), 1);
  BOOST_TEST(nothing.memory == 1);
  BOOST_TEST(nothing.operations == 1);
}

BOOST_AUTO_TEST_CASE(bodies_of_maps_are_made_smaller) {
  const Effect half = effect_of(tasks_of_networks(5), 0.5);
  BOOST_TEST(half.memory < 0.75);
  BOOST_TEST(half.operations < 2);
}

BOOST_AUTO_TEST_CASE(what_is_small_or_empty_stays_as_it_is) {
  Case c;
  const Tensor x = c.add_input({Dtype::f32, {0, 3}});
  c.outputs = {x, exp(x), sum(x)};
  effect_of(c, 0.5);
  Case none;
  BOOST_TEST(recompute(none.program(), 0.5).outputs.empty());
}

}  // namespace metac::testing
