// Planned = interpreted on random graphs: pointwise chains, reductions, views, products, regions in regions (maps,
// scans, branches), captures.
#include <algorithm>
#include <cstdlib>

#include "engine/plan/support.hpp"
#include "ops/control.hpp"

namespace metac::testing {
namespace {

class Generator {
 public:
  explicit Generator(std::uint32_t seed) : random_(seed), dtype_(pick(2) == 0 ? Dtype::f32 : Dtype::f64) {}

  Case make() {
    Case c;
    std::vector<Tensor> pool;
    for (const Shape& shape : {Shape{}, Shape{3}, Shape{4, 3}, Shape{2, 4, 3}, Shape{3, 1}, Shape{0, 3}, Shape{4, 4}})
      pool.push_back(c.add_input({dtype_, shape}));
    pool.push_back(constant(*c.graph, 0.5, dtype_));
    pool.push_back(full(*c.graph, {4, 3}, -0.25, dtype_));
    pool.push_back(constant(*c.graph, random_array({dtype_, {3, 4}}, random_)));
    grow(*c.graph, pool, 12 + pick(30), 0);
    for (int i = 0; i < 6; ++i) c.outputs.push_back(any(pool));
    return c;
  }

  std::mt19937& random() { return random_; }

 private:
  int pick(int n) { return static_cast<int>(random_() % static_cast<unsigned>(n)); }
  Tensor any(const std::vector<Tensor>& pool) {
    return pool[static_cast<std::size_t>(pick(static_cast<int>(pool.size())))];
  }

  // Later values more often: deeper graphs.
  Tensor recent(const std::vector<Tensor>& pool) {
    const int n = static_cast<int>(pool.size()), window = std::min(n, 8);
    return pick(3) == 0 ? any(pool) : pool[static_cast<std::size_t>(n - 1 - pick(window))];
  }

  void grow(Graph& graph, std::vector<Tensor>& pool, int steps, int depth) {
    for (int i = 0; i < steps; ++i) {
      const Tensor made = step(graph, pool, depth);
      if (made && made.type().elements() <= 500) pool.push_back(made);
    }
  }

  Tensor step(Graph& graph, std::vector<Tensor>& pool, int depth) {
    const Tensor a = recent(pool);
    switch (pick(depth < 2 ? 15 : 12)) {
      case 0:
        return tanh(a);
      case 1:
        return neg(a);
      case 2:
        return sigmoid(a);
      case 3:
        return binary(a, partner(pool, a.shape()));
      case 4:
        return binary(a, partner(pool, a.shape()));
      case 5:
        return tanh(mul(a, a));
      case 6:
        return select(less(a, partner(pool, a.shape())), a, mul(a, constant(a.graph(), 0.5, dtype_)));
      case 7:
        return reduction(a);
      case 8:
        return view(a);
      case 9:
        return view(a);
      case 10:
        return product(a);
      case 11:
        return spread(a);
      case 12:
        return steps(graph, pool, depth);
      case 13:
        return either(a, recent(pool));
      default:
        return tasks(graph, pool, depth);
    }
  }

  Tensor partner(const std::vector<Tensor>& pool, const Shape& shape) {
    for (int i = 0; i < 20; ++i) {
      const Tensor b = any(pool);
      if (b.shape() == shape || b.shape().empty()) return b;
    }
    return constant(pool[0].graph(), 1.25, dtype_);
  }

  Tensor binary(Tensor a, Tensor b) {
    switch (pick(4)) {
      case 0:
        return add(a, b);
      case 1:
        return sub(a, b);
      case 2:
        return maximum(a, b);
      default:
        return tanh(mul(a, b));
    }
  }

  Tensor reduction(Tensor a) {
    std::vector<int> axes;
    for (int axis = 0; axis < a.shape().rank(); ++axis)
      if (pick(2) == 0) axes.push_back(axis);
    const Tensor scaled = a * 0.3;
    switch (pick(3)) {
      case 0:
        return tanh(max(a, axes));
      case 1:
        return sum(scaled, axes);
      default:
        return tanh(sub(scaled, broadcast_to(sum(scaled, axes, true), a.shape())));
    }
  }

  Tensor view(Tensor a) {
    const int rank = a.shape().rank();
    if (rank == 0) return reshape(a, {1});
    const int axis = pick(rank);
    switch (pick(4)) {
      case 0:
        return reshape(a, {a.type().elements()});
      case 1: {
        std::vector<int> order;
        for (int i = 0; i < rank; ++i) order.push_back((i + axis) % rank);
        return transpose(a, order);
      }
      case 2:
        return flip(a, axis);
      default:
        return slice_axis(a, axis, a.shape()[axis] / 2, a.shape()[axis]);
    }
  }

  Tensor spread(Tensor a) {
    return a.shape().rank() < 3 ? broadcast_to(a, a.shape().with_front(1 + pick(3))) : Tensor();
  }

  Tensor product(Tensor a) {
    if (a.shape().rank() != 2) return {};
    return tanh(matmul(a, transpose(a, {1, 0})));
  }

  Tensor tasks(Graph& graph, std::vector<Tensor>& pool, int depth) {
    const Tensor a = recent(pool);
    if (a.shape().empty()) return {};
    std::vector<Tensor> sequences{a};
    for (int i = 0; i < 10; ++i) {
      const Tensor b = any(pool);
      if (!b.shape().empty() && b.shape()[0] == a.shape()[0]) sequences.push_back(b);
    }
    MapBuilder map(graph, sequences, a.shape()[0]);
    std::vector<Tensor> inner = map.slices();
    for (int i = 0; i < 3; ++i) inner.push_back(any(pool));
    inner.push_back(cast(map.index(), dtype_));
    grow(map.graph(), inner, 4 + pick(12), depth + 1);
    std::vector<MapBuilder::Result> results;
    for (int i = 0; i < 1 + pick(4); ++i)
      results.push_back({recent(inner), pick(2) == 0 ? MapBuilder::summed : MapBuilder::stacked});
    for (const Tensor& part : map.close(results))
      if (part.type().elements() <= 500) pool.push_back(tanh(part));
    return {};
  }

  // The same with carries.
  Tensor steps(Graph& graph, std::vector<Tensor>& pool, int depth) {
    const Tensor a = recent(pool);
    if (a.shape().empty()) return {};
    ScanBuilder scan(graph, {any(pool), recent(pool)}, {a}, a.shape()[0]);
    std::vector<Tensor> inner = scan.slices();
    for (const Tensor& carry : scan.carries()) inner.push_back(carry);
    for (int i = 0; i < 3; ++i) inner.push_back(any(pool));
    inner.push_back(cast(scan.index(), dtype_));
    grow(scan.graph(), inner, 4 + pick(12), depth + 1);
    std::vector<Tensor> next;
    for (const Tensor& carry : scan.carries())
      next.push_back(pick(3) == 0 ? carry : tanh(sub(partner(inner, carry.shape()), mul(carry, carry))));
    if (next[0].type() == next[1].type() && pick(2) == 0) std::swap(next[0], next[1]);
    std::vector<MapBuilder::Result> results;
    for (int i = 0; i < pick(4); ++i)
      results.push_back({recent(inner), pick(2) == 0 ? MapBuilder::summed : MapBuilder::stacked});
    const auto [last, parts] = scan.close(next, results, pick(4));
    for (const auto* group : {&last, &parts})
      for (const Tensor& part : *group)
        if (part.type().elements() <= 500) pool.push_back(tanh(part));
    return {};
  }

  Tensor either(Tensor a, Tensor b) {
    const auto then = [](TensorList in) { return std::vector{tanh(in[0]), sum(in[1])}; };
    const auto otherwise = [](TensorList in) { return std::vector{mul(in[0], in[0]), max(in[1], all_axes(in[1]))}; };
    const auto results = branch(less(sum(a), sum(b)), then, otherwise, {a, b});
    return tanh(mul(results[0], results[1]));
  }

  std::mt19937 random_;
  Dtype dtype_;
};

void check_threads(const Case& c, const std::vector<Array>& arrays) {
  for (const auto& plan : {c.plan(), make_plan(c.program(), Parts::smallest())}) {
    const auto expected = Executable(plan, 1).run(arrays);
    for (const int threads : {2, 4}) {
      const auto results = Executable(plan, threads).run(arrays);
      for (std::size_t i = 0; i < results.size(); ++i) BOOST_TEST(same_bits(results[i], expected[i]));
    }
  }
}

}  // namespace

// METAC_SEED repeats one graph.
BOOST_AUTO_TEST_CASE(planned_equals_interpreted_on_random_graphs) {
  const char* fixed = std::getenv("METAC_SEED");
  const std::uint32_t first = fixed != nullptr ? static_cast<std::uint32_t>(std::atoi(fixed)) : 1;
  const std::uint32_t count = fixed != nullptr ? 1 : 300;
  for (std::uint32_t seed = first; seed < first + count; ++seed) {
    BOOST_TEST_CONTEXT("METAC_SEED=" << seed) {
      Generator generator(seed);
      const Case c = generator.make();
      const auto arrays = random_inputs(c, generator.random());
      check_plan(c, arrays);
      if (seed % 4 == 0 || fixed != nullptr) check_threads(c, arrays);
    }
  }
}

}  // namespace metac::testing
