// Scans at run time: memory, threads, what the plan says.
#include "engine/plan/support.hpp"
#include "ops/control.hpp"

namespace metac::testing {
namespace {

Type f32(Shape shape) { return {Dtype::f32, shape}; }

// Steps that each run a map, hand on three carries of which two change places, and end before the bound.
Case looping(std::int64_t length) {
  Case c;
  const Tensor x = c.add_input(f32({length, 40, 3})), w = c.add_input(f32({3}));
  ScanBuilder steps(*c.graph, {w, w * 0.5f, sum(w)}, {x}, length);
  MapBuilder tasks(steps.graph(), {steps.slices()[0]}, 40);
  const Tensor row = tanh(tasks.slices()[0] * steps.carries()[0]);
  const auto parts = tasks.close({{row}, {row, MapBuilder::summed}});
  const Tensor next = tanh(parts[1] * 0.1 + steps.carries()[1]);
  const auto [last, results] = steps.close({steps.carries()[1], next, steps.carries()[2] + sum(next)},
                                           {{parts[0], MapBuilder::summed}, {next}, {steps.carries()[0]}}, 3);
  const auto goes_on = [](TensorList now) { return less(now[1], constant(now[1].graph(), 3.5)); };
  const auto step = [](TensorList now) { return std::vector{tanh(now[0]), now[1] + 1.0}; };
  c.outputs = while_loop(goes_on, step, {w, zeros_like(last[2])}, 10);
  c.outputs.insert(c.outputs.end(), last.begin(), last.end());
  c.outputs.insert(c.outputs.end(), results.begin(), results.end());
  return c;
}

}  // namespace

BOOST_AUTO_TEST_CASE(scans_are_planned_right_for_every_length) {
  for (const std::int64_t length : {0, 1, 2, 3, 7, 17}) BOOST_TEST_CONTEXT("length " << length) {
      check_plan(looping(length));
    }
}

BOOST_AUTO_TEST_CASE(scans_allocate_nothing_and_have_the_same_bits_for_any_number_of_threads) {
  const Case c = looping(8);
  std::mt19937 random(3);
  const auto arrays = random_inputs(c, random);
  const auto expected = Executable(c.plan(), 1).run(arrays);
  for (const int threads : {1, 2, 4}) {
    Executable executable(c.plan(), threads);
    std::vector<Array> outputs = executable.run(arrays);
    const std::int64_t calls = allocations();
    for (int i = 0; i < 3; ++i) executable.run(arrays, outputs);
    const std::int64_t more = allocations() - calls;
    BOOST_TEST(more == 0);
    for (std::size_t i = 0; i < outputs.size(); ++i) BOOST_TEST(same_bits(outputs[i], expected[i]));
  }
}

BOOST_AUTO_TEST_CASE(a_step_writes_its_carries_in_place) {
  Case c;
  const Tensor x = c.add_input(f32({64}));
  ScanBuilder scan(*c.graph, {x, x * 2.0}, {}, 9);
  const auto last = scan.close({tanh(scan.carries()[1]), exp(scan.carries()[0])}).carries;
  c.outputs = {last[0], last[1]};
  check_plan(c);
  const auto plan = compile(c.inputs, c.outputs);
  BOOST_TEST(steps(plan.plan()) == 3);  // one before the loop, two in a step
  const std::string text = to_text(plan.plan());
  BOOST_TEST(text.find("scan 9") != std::string::npos, text);
  const std::string graph = to_text(*c.graph, c.program().outputs);
  BOOST_TEST(graph.find("= scan(") != std::string::npos, graph);
}

BOOST_AUTO_TEST_CASE(sequences_are_read_where_they_lie) {
  Case c;
  const Tensor x = c.add_input(f32({8, 64})), y = c.add_input(f32({17, 64})), row = c.add_input(f32({64}));
  const auto odd = slice_axis(y, 0, 1, 17, 2), turned = flip(x, 0), columns = transpose(reshape(x, {64, 8}), {1, 0});
  MapBuilder tasks(*c.graph, {turned, odd, broadcast_to(row, {8, 64}), full(*c.graph, {8}, 0.5)}, 8);
  const auto s = tasks.slices();
  c.outputs = tasks.close({{tanh(s[0]) + s[1] * s[2] * s[3]}});
  BOOST_TEST(steps(*c.plan()) == 1);
  check_plan(c);
  MapBuilder others(*c.graph, {columns}, 8);  // whose rows are not dense: they are copied
  c.outputs = others.close({{exp(others.slices()[0])}});
  BOOST_TEST(steps(*c.plan()) == 2);
  check_plan(c);
}

BOOST_AUTO_TEST_CASE(a_derivative_keeps_each_carry_once) {
  Graph graph;
  const Tensor x = input(graph, f32({1000}));
  const auto bytes = [&](std::int64_t every) {
    ScanBuilder scan(graph, {x}, {}, 100);
    const Tensor slope = grad(sum(scan.close({tanh(scan.carries()[0])}, {}, every).carries[0]), x);
    return arena_bytes(compile(x, slope).plan());
  };
  BOOST_TEST(bytes(0) > 400'000u);
  BOOST_TEST(bytes(0) < 430'000u);
  BOOST_TEST(bytes(10) < 110'000u);
}

// Four threads would wait for each other in a map of one task, if it kept them.
BOOST_AUTO_TEST_CASE(a_checkpoint_leaves_the_threads_to_the_map_inside) {
  Case c;
  const Tensor x = c.add_input(f32({33, 5}));
  const auto mapped = [](TensorList in) {
    MapBuilder tasks(in[0].graph(), {in[0]}, 33);
    return tasks.close({{tanh(tasks.slices()[0])}, {exp(tasks.slices()[0]), MapBuilder::summed}});
  };
  c.outputs = checkpoint(mapped, x);
  check_plan(c);
  std::mt19937 random(3);
  const auto arrays = random_inputs(c, random);
  const auto expected = Executable(c.plan(), 1).run(arrays);
  Executable executable(c.plan(), 4);
  for (int i = 0; i < 20; ++i) {
    const auto results = executable.run(arrays);
    for (std::size_t k = 0; k < results.size(); ++k) BOOST_TEST(same_bits(results[k], expected[k]));
  }
}

}  // namespace metac::testing
