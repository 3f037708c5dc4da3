// Cost: work is linear in nodes however deep a graph is, counted in nodes visited, on a small stack.
#include <pthread.h>

#include <boost/test/unit_test.hpp>
#include <functional>

#include "ops/ops.hpp"
#include "transform/transform.hpp"

using namespace metac;

namespace {

// Runs `body` on a stack of 256 KiB.
void on_a_small_stack(std::function<void()> body) {
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, 256 << 10);
  pthread_t thread;
  const auto start = [](void* argument) -> void* {
    (*static_cast<std::function<void()>*>(argument))();
    return nullptr;
  };
  BOOST_REQUIRE_EQUAL(pthread_create(&thread, &attributes, start, &body), 0);
  pthread_join(thread, nullptr);
  pthread_attr_destroy(&attributes);
}

std::int64_t inner_loop_visits(int steps, int orders) {
  Graph graph;
  const Tensor start = input(graph, {Dtype::f64, {}}), target = input(graph, {Dtype::f64, {}});
  const std::int64_t before = nodes_visited();
  Tensor w = start;
  for (int i = 0; i < steps; ++i) {
    const Tensor v = alias(w, graph);
    w = v - 0.1 * grad(square(sin(v) - target), v);
  }
  Tensor result = w * w;
  for (int order = 0; order < orders; ++order) result = grad(result, start);
  const Tensor inputs[] = {start, target};
  finalize(inputs, std::span(&result, 1));
  return nodes_visited() - before;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(depth)

BOOST_AUTO_TEST_CASE(a_chain_of_a_million_nodes_is_built_differentiated_finalized_and_freed) {
  constexpr std::int64_t length = 1000000;
  std::int64_t size = 0, derived = 0, visits = 0, finished = 0;
  on_a_small_stack([&] {
    Graph graph;
    const Tensor x = input(graph, {Dtype::f32, {}});
    Tensor y = x;
    for (std::int64_t i = 0; i < length; ++i) y = sin(y);
    size = graph.size();
    const Tensor g = grad(y, x);
    derived = graph.size();
    finished = finalize(std::span(&x, 1), std::span(&g, 1)).graph->size();
    visits = nodes_visited();
    verify(graph);
  });
  BOOST_TEST(size == length + 1);
  BOOST_TEST(derived <= 4 * length);
  BOOST_TEST(finished <= derived);
  BOOST_TEST(visits <= 2 * size + 2 * derived + 100);
}

BOOST_AUTO_TEST_CASE(a_long_chain_in_a_body_is_differentiated_and_batched) {
  std::int64_t results = 0;
  on_a_small_stack([&] {
    Graph graph;
    const Tensor x = input(graph, {Dtype::f32, {3}});
    MapBuilder tasks(graph, {x}, 3);
    Tensor y = tasks.slices()[0];
    for (int i = 0; i < 100000; ++i) y = sin(y);
    const Tensor g = grad(tasks.close({{y, MapBuilder::summed}})[0], x);
    const Program program = finalize(std::span(&x, 1), std::span(&g, 1));
    Graph outer;
    const Batched given{input(outer, {Dtype::f32, {2, 3}}), true};
    results = batch({program.graph, program.inputs, program.outputs}, std::span(&given, 1), 2, outer).size();
  });
  BOOST_TEST(results == 1);
}

BOOST_AUTO_TEST_CASE(five_thousand_inner_gradients_are_linear) {
  const std::int64_t few = inner_loop_visits(500, 1), many = inner_loop_visits(5000, 1);
  BOOST_TEST(many <= 11 * few);
  BOOST_TEST(many <= 5000 * 200);
}

BOOST_AUTO_TEST_CASE(so_is_their_second_outer_derivative) {
  const std::int64_t few = inner_loop_visits(200, 2), many = inner_loop_visits(2000, 2);
  BOOST_TEST(many <= 11 * few);
}

BOOST_AUTO_TEST_SUITE_END()
