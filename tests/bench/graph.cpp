// Cost of building, differentiating and finalizing graphs, in nanoseconds and bytes a node.
#include <malloc.h>
#include <time.h>

#include <cstdio>

#include "ops/ops.hpp"
#include "plan/plan.hpp"
#include "transform/transform.hpp"

using namespace metac;

namespace {

// Of this process: other work on the machine does not count.
double seconds() {
  timespec now;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

void report(const char* what, double start, std::size_t nodes) {
  std::printf("%-44s %8zu nodes  %7.1f ns a node\n", what, nodes, (seconds() - start) * 1e9 / nodes);
}

double allocated() {
  const struct mallinfo2 heap = mallinfo2();
  return static_cast<double>(heap.uordblks + heap.hblkhd);
}

void chain() {
  const double before = allocated();
  Graph graph;
  const Tensor x = input(graph, {Dtype::f32, {}});
  double start = seconds();
  Tensor y = x;
  for (int i = 0; i < 1000000; ++i) y = sin(y);
  report("build a chain of sin", start, graph.size());
  std::printf("%.1f bytes a node\n", (allocated() - before) / graph.size());
  start = seconds();
  Tensor again = x;
  for (int i = 0; i < 1000000; ++i) again = sin(again);
  report("find it again", start, graph.size());
  start = seconds();
  const NodeId size = graph.size();
  const Tensor g = grad(y, x);
  report("differentiate it", start, graph.size() - size);
  start = seconds();
  report("finalize", start, finalize(std::span(&x, 1), std::span(&g, 1)).graph->size());
}

void inner_loop() {
  Graph graph;
  const Tensor w0 = input(graph, {Dtype::f32, {20, 20}}), data = input(graph, {Dtype::f32, {10, 20}});
  const double start = seconds();
  Tensor w = w0;
  for (int i = 0; i < 5000; ++i) {
    const Tensor v = alias(w, graph);
    w = v - 0.1 * grad(mean(square(tanh(matmul(data, v)))), v);
  }
  report("5000 inner steps, each with its gradient", start, graph.size());
  const double outer = seconds();
  const NodeId size = graph.size();
  const Tensor g = grad(mean(w), w0);
  report("the gradient through them", outer, graph.size() - size);
  const double last = seconds();
  const Tensor inputs[] = {w0, data};
  report("finalize", last, finalize(inputs, std::span(&g, 1)).graph->size());
}

// From nothing to a plan of a graph of a million nodes that was differentiated twice: gradient steps on a small
// network, and the gradient through all of them.
void whole_way() {
  const double before = allocated();
  Graph graph;
  const Tensor w0 = input(graph, {Dtype::f32, {20, 20}}), data = input(graph, {Dtype::f32, {10, 20}});
  const double start = seconds();
  Tensor w = w0;
  for (int i = 0; i < 41700; ++i) {
    const Tensor v = alias(w, graph);
    w = v - 0.1 * grad(mean(square(tanh(matmul(data, v)))), v);
  }
  const double built = seconds();
  const Tensor g = grad(mean(w), w0);
  const double differentiated = seconds();
  const Tensor inputs[] = {w0, data};
  const std::size_t final_nodes = finalize(inputs, std::span(&g, 1)).graph->size();
  const double finalized = seconds();
  const Function function = compile(inputs, std::span(&g, 1));
  const double planned = seconds();
  const double count = static_cast<double>(final_nodes);
  std::printf(
      "a plan from nothing: %zu final nodes; a node %.2f us (building %.2f, differentiating %.2f, planning %.2f with "
      "finalizing %.2f), %.0f bytes beside the arena\n",
      final_nodes, (planned - finalized + differentiated - start) * 1e6 / count, (built - start) * 1e6 / count,
      (differentiated - built) * 1e6 / count, (planned - finalized) * 1e6 / count,
      (finalized - differentiated) * 1e6 / count,
      (allocated() - before - static_cast<double>(arena_bytes(function.plan()))) / count);
}

}  // namespace

int main() {
  chain();
  inner_loop();
  whole_way();
}
