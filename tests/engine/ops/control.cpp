// Loops with carries: values against loops written out, derivatives of three orders, batches, plans, bad input.
#include "ops/control.hpp"

#include "engine/ops/bench.hpp"
#include "engine/ops/checks.hpp"
#include "ops/primitives.hpp"
#include "plan/plan.hpp"
#include "transform/transform.hpp"

namespace metac::testing {
namespace {

using Inputs = std::span<const Tensor>;

// h' = tanh(w h + x) over the rows of x, with a count beside it; the sum of states, of which a few are weighed more.
Tensor recurrent(Inputs in, std::int64_t recompute_every) {
  const Tensor w = in[0], start = in[1], x = in[2];
  const std::int64_t n = x.shape()[0];
  ScanBuilder steps(start.graph(), {start, constant(start.graph(), 0, Dtype::i32)}, {x}, n);
  const Tensor h = tanh(matmul(w, steps.carries()[0]) + steps.slices()[0]);
  const Tensor count = steps.carries()[1] + constant(steps.graph(), 2, Dtype::i32);
  const Tensor weight = cast(steps.index() + count, h.dtype());
  const auto [last, results] =
      steps.close({h, count}, {{h * weight}, {sin(h), MapBuilder::summed}, {w, MapBuilder::summed}}, recompute_every);
  return concatenate({last[0] * cast(last[1], h.dtype()), sum(results[0], {0}), results[1] + sum(results[2], {0})}, 0);
}

Tensor written_out(Inputs in) {
  const Tensor w = in[0], x = in[2];
  const std::int64_t n = x.shape()[0];
  Tensor h = in[1], weighed = zeros_like(h), sines = zeros_like(h);
  for (std::int64_t i = 0; i < n; ++i) {
    h = tanh(matmul(w, h) + index_axis(x, 0, i));
    weighed = weighed + h * static_cast<double>(3 * i + 2);
    sines = sines + sin(h) + sum(w, {0});
  }
  return concatenate({h * static_cast<double>(2 * n), weighed, sines}, 0);
}

std::vector<Sample> recurrences() {
  std::vector<Sample> samples;
  for (const std::int64_t n : {0, 1, 2, 5})
    for (const std::int64_t size : {0, 1, 3})
      samples.push_back({.inputs = {{Dtype::f32, {size, size}}, {Dtype::f32, {size}}, {Dtype::f32, {n, size}}}});
  return samples;
}

// Of one graph: that two ways of saying the same agree, run by plan.
void check_same(const std::string& name, const Sample& sample, const std::function<Tensor(Inputs)>& given,
                const std::function<Tensor(Inputs)>& expected) {
  const auto both = [&](Graph&, Inputs in) { return given(in) - expected(in); };
  const Built built(case_of(name, sample, Dtype::f64, both));
  const Array differences = compile(built.inputs, built.node)(built.values)[0];
  for (std::int64_t i = 0; i < differences.elements(); ++i)
    BOOST_CHECK_MESSAGE(std::abs(differences.at(i)) < 1e-12, name << " differs by " << differences.at(i));
}

}  // namespace

BOOST_AUTO_TEST_SUITE(control)

BOOST_AUTO_TEST_CASE(a_scan_is_the_loop_written_out) {
  for (const std::int64_t every : {0, 1, 2, 3, 5, 9})
    for (const Sample& sample : recurrences())
      check_same(
          "scan", sample, [&](Inputs in) { return recurrent(in, every); }, written_out);
}

BOOST_AUTO_TEST_CASE(scans_have_derivatives_batches_and_plans) {
  check_all("scan", recurrences(), [](Inputs in) { return recurrent(in, 0); });
}

BOOST_AUTO_TEST_CASE(scans_that_keep_few_carries_have_the_same) {
  check_all("scan in chunks of 2", recurrences(), [](Inputs in) { return recurrent(in, 2); });
}

// (a, b) becomes (b, a): what is handed on was read in the same step.
BOOST_AUTO_TEST_CASE(carries_may_change_places) {
  for (const std::int64_t n : {0, 1, 4, 7}) {
    Bench b;
    const Tensor x = b.of(vector({1, 2})), y = b.of(vector({3, 4}));
    ScanBuilder steps(b.graph, {x, y, x}, {}, n);
    const auto last = steps.close({steps.carries()[1], steps.carries()[0], y}).carries;
    const auto results = compile({x, y}, last)({b.given[x.id()], b.given[y.id()]});
    const double first = n % 2 == 0 ? 1 : 3;
    BOOST_TEST(results[0].at(0) == first);
    BOOST_TEST(results[1].at(0) == 4 - first);
    BOOST_TEST(results[2].at(0) == (n == 0 ? 1 : 3));
  }
}

// Scans in maps in scans, carries that depend on outer ones, and a scan of which only the count is wanted.
Tensor nested(Inputs in) {
  const Tensor x = in[0], w = in[1];
  ScanBuilder outer(x.graph(), {w}, {x}, x.shape()[0]);
  const Tensor state = outer.carries()[0];
  MapBuilder tasks(outer.graph(), {outer.slices()[0]}, x.shape()[1]);
  ScanBuilder inner(tasks.graph(), {sin(state)}, {}, 3);
  const Tensor next = sin(inner.carries()[0] * tasks.slices()[0] + w) * 0.9;
  const Tensor sums = tasks.close({{inner.close({next}).carries[0], MapBuilder::summed}})[0];
  const auto [last, all] = outer.close({state * 0.5 + sin(sums)}, {{sums}});
  return concatenate({last[0], sum(all[0], {0})}, 0);
}

BOOST_AUTO_TEST_CASE(loops_nest) {
  std::vector<Sample> samples;
  for (const auto& shape : {Shape{2, 3}, Shape{1, 1}, Shape{0, 2}, Shape{2, 0}})
    samples.push_back({.inputs = {{Dtype::f32, shape}, {Dtype::f32, {2}}}});
  check_all("scan of maps of scans", samples, nested);
}

BOOST_AUTO_TEST_CASE(what_nothing_needs_is_not_carried) {
  Graph graph;
  const Tensor x = input(graph, {Dtype::f64, {4}});
  ScanBuilder steps(graph, {sum(x), sum(x)}, {x}, 4);
  const Tensor used = steps.carries()[0] * steps.slices()[0], idle = exp(steps.carries()[1]) + used;
  const auto last = steps.close({used, idle}, {{idle}}).carries;
  const std::string text = to_text(compile(x, last[0]).plan());
  BOOST_TEST(text.find("exp") == std::string::npos, text);
  // A carry that only leads to itself is gone, and with it the order of the steps.
  ScanBuilder squares(graph, {sum(x)}, {x}, 4);
  const auto results = squares.close({squares.carries()[0] + 1.0}, {{square(squares.slices()[0])}}).results;
  BOOST_TEST(to_text(compile(x, results[0]).plan()).find("map 4") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_million_steps_are_a_few_nodes_and_little_memory) {
  Graph graph;
  const std::int64_t n = 1000000;
  const Tensor x = input(graph, {Dtype::f64, {}});
  ScanBuilder steps(graph, {x, zeros_like(x)}, {}, n);
  const Tensor y = sin(steps.carries()[0]) * 0.5 + 0.7;
  const Tensor last = steps.close({y, steps.carries()[1] + y * 1e-6}, {}, 1000).carries[1];
  const Tensor slope = grad(last, x);
  BOOST_TEST(graph.size() < 400u);
  const Function f = compile(x, {last, slope});
  BOOST_TEST(arena_bytes(f.plan()) < 200'000u);
  double value = 0.3, mean = 0, expected = 0, factor = 1;
  const auto results = f({Array::scalar(0.3)});
  for (std::int64_t i = 0; i < n; ++i) {
    factor *= std::cos(value) * 0.5;
    value = std::sin(value) * 0.5 + 0.7;
    mean += value * 1e-6;
    expected += factor * 1e-6;
  }
  BOOST_TEST(std::abs(results[0].at(0) - mean) < 1e-12);
  BOOST_TEST(std::abs(results[1].at(0) - expected) < 1e-12);
}

BOOST_AUTO_TEST_CASE(a_broken_scan_is_found) {
  const auto broken = [](int carries, int guard) {
    Graph graph;
    const Tensor x = input(graph, {Dtype::f32, {3}});
    const auto body = std::make_shared<Graph>(graph);
    const Tensor index = input(*body, {Dtype::i32, {}}), carry = input(*body, {Dtype::f32, {3}});
    push_loop(graph, std::vector{iota(graph, 2), x},
              {{body, {index.id(), carry.id()}, {sum(carry).id()}}, 1, 2, {}, carries, guard});
    verify(graph);
  };
  BOOST_CHECK_THROW(broken(1, MapBody::no_guard), Bug);  // the carry becomes a scalar
  BOOST_CHECK_THROW(broken(1, 1), Bug);                  // the guard is no bool
  BOOST_CHECK_THROW(broken(0, MapBody::no_guard), Bug);  // an output that is nothing
}

BOOST_AUTO_TEST_CASE(scans_say_what_was_given_and_what_is_needed) {
  Graph graph;
  const Tensor x = input(graph, {Dtype::f32, {3}}), s = input(graph, {Dtype::f32, {}});
  BOOST_TEST(error_of([&] { ScanBuilder(graph, {s}, {x}, 4); }) ==
             "[scan] sequence 0 is f32[3], a first axis of 4 tasks is needed");
  BOOST_TEST(error_of([&] { ScanBuilder(graph, {s}, {}, -1); }) ==
             "[scan] a length of -1 was given, one that fits in i32 is needed");
  BOOST_TEST(error_of([&] { ScanBuilder(graph, {}, {x}, 3); }) ==
             "[scan] no carry was given: at least one is needed, else use a map");
  BOOST_CHECK_THROW(ScanBuilder(graph, {Tensor()}, {x}, 3), Error);
  ScanBuilder steps(graph, {s}, {x}, 3);
  const Tensor next = steps.carries()[0] * steps.slices()[0];
  BOOST_TEST(error_of([&] { steps.close({x}); }) == "[scan] carry 0 begins as f32[], a step hands on f32[3]");
  BOOST_TEST(error_of([&] { steps.close({}); }) == "[scan] a step hands on 0 values, 1 carries began");
  BOOST_TEST(error_of([&] { steps.close({next}, {}, -2); }) ==
             "[scan] recompute_every is -2, a number of steps is needed");
  BOOST_TEST(error_of([&] {
               steps.close({next}, {{less(next, s), MapBuilder::summed}}, 2);
             }) == "[scan] a result of bool cannot be summed, numbers are needed");
  steps.close({next}, {}, 2);
  BOOST_CHECK_THROW(steps.carries()[0] * s, Error);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace metac::testing
