// What a plan promises: few kernels, little memory, results apart from inputs, no allocation, linear work.
#include "plan/plan.hpp"

#include "base/memory.hpp"
#include "engine/plan/support.hpp"

namespace metac::testing {
namespace {

Type f32(Shape shape) { return {Dtype::f32, shape}; }

Array ramp(const Shape& shape) {
  Array array(f32(shape));
  for (std::int64_t i = 0; i < array.elements(); ++i) put(array, i, 0.1 * static_cast<double>(i) - 1);
  return array;
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_pointwise_chain_and_its_reduction_are_one_kernel) {
  Case c;
  const Tensor x = c.add_input(f32({5, 7})), bias = c.add_input(f32({7}));
  c.outputs = {sum(square(tanh(x * 2.0 + bias)), {1})};
  BOOST_TEST(steps(*c.plan()) == 1);
  check_plan(c);
}

BOOST_AUTO_TEST_CASE(two_chains_that_meet_are_one_kernel) {
  Case c;
  const Tensor x = c.add_input(f32({6})), y = c.add_input(f32({6}));
  const Tensor a = tanh(sin(x)), b = exp(neg(y));
  c.outputs = {a * b, a, b};
  BOOST_TEST(steps(*c.plan()) == 1);
  check_plan(c);
}

BOOST_AUTO_TEST_CASE(nodes_that_read_the_same_value_are_one_kernel) {
  Case c;
  const Tensor x = c.add_input(f32({6}));
  c.outputs = {exp(x), sin(x), sum(x)};
  BOOST_TEST(steps(*c.plan()) == 1);
  check_plan(c);
}

// The maximum; the sum of exponentials; its logarithm, of another shape; the difference.
BOOST_AUTO_TEST_CASE(log_softmax_takes_four_kernels) {
  Case c;
  const Tensor x = c.add_input(f32({4, 9}));
  c.outputs = {log_softmax(x, 1)};
  BOOST_TEST(steps(*c.plan()) == 4);
  check_plan(c);
}

BOOST_AUTO_TEST_CASE(views_of_stored_values_cost_nothing) {
  Case c;
  const Tensor x = c.add_input(f32({4, 6}));
  c.outputs = {transpose(slice_axis(x, 1, 2, 6), {1, 0}) + broadcast_to(index_axis(x, 1, 0), {4, 4})};
  BOOST_TEST(steps(*c.plan()) == 1);
  check_plan(c);
}

BOOST_AUTO_TEST_CASE(reductions_over_different_axes_are_right) {
  Case c;
  const Tensor x = tanh(c.add_input(f32({4, 6, 3})));
  c.outputs = {sum(x, {0}),       sum(x, {1, 2}), max(x, {2}),
               sum(x * 2.0, {0}), sum(x),         sum(full(*c.graph, {3, 2}, 0.5), {0})};
  check_plan(c);
}

BOOST_AUTO_TEST_CASE(a_wide_sum_is_cut_into_kernels) {
  Case c;
  Tensor total = c.add_input(f32({3}));
  for (int i = 0; i < 500; ++i) total = total + c.add_input(f32({3}));
  c.outputs = {total};
  BOOST_TEST(steps(*c.plan()) < 25);
  check_plan(c);
}

BOOST_AUTO_TEST_CASE(memory_is_used_again) {
  Case c;
  const Tensor w = c.add_input(f32({64, 64}));
  Tensor y = c.add_input(f32({64, 64}));
  for (int i = 0; i < 30; ++i) y = matmul(y, w);
  c.outputs = {y};
  const std::size_t scratch = 256 * 1024;  // whatever the product wants, once
  BOOST_TEST(arena_bytes(*c.plan()) <= 3 * 64 * 64 * sizeof(float) + scratch);
  BOOST_TEST(steps(*c.plan()) == 30);
}

BOOST_AUTO_TEST_CASE(more_memory_than_can_be_counted_is_refused) {
  const auto many = [](Tensor x) {
    const Tensor largest = broadcast_to(x, {most_elements});
    std::vector<Tensor> values;
    for (std::size_t i = 0; i < most_bytes / largest.type().bytes() + 64; ++i)
      values.push_back(largest + static_cast<double>(i));
    return values;
  };
  Case at_once, summed;
  // Of each value a part is an output: so it lies in the arena, with all others, until the end (but for the last few,
  // which one kernel makes, perhaps when the parts of the others have been taken).
  for (const Tensor& value : many(at_once.add_input({Dtype::f64, {}})))
    at_once.outputs.push_back(slice_axis(value, 0, 1, 3));
  BOOST_CHECK_THROW(at_once.plan(), OutOfMemory);
  MapBuilder tasks(*summed.graph, {summed.add_input({Dtype::f64, {3}})}, 3);
  std::vector<MapBuilder::Result> results;
  for (const Tensor& result : many(tasks.slices()[0])) results.push_back({result, MapBuilder::summed});
  summed.outputs = tasks.close(results);
  BOOST_CHECK_THROW(summed.plan(), OutOfMemory);
}

BOOST_AUTO_TEST_CASE(outputs_may_be_anything) {
  Case c;
  const Tensor x = c.add_input(f32({2, 3})), y = tanh(x);
  c.add_input(f32({5}));  // not needed
  c.outputs = {x,
               y,
               y,
               constant(*c.graph, 4),
               full(*c.graph, {2, 2}, -0.0),
               transpose(x, {1, 0}),
               transpose(y, {1, 0}),
               reshape(y, {6}),
               reshape(x, {6}),
               constant(*c.graph, ramp({3})),
               slice_axis(y, 0, 1, 2),
               x};
  check_plan(c);
}

BOOST_AUTO_TEST_CASE(an_output_may_share_memory_with_an_input) {
  Case c;
  const Tensor x = c.add_input(f32({4})), y = c.add_input(f32({4}));
  c.outputs = {x + y, x, y};  // the first is written over x before the second is read
  Executable executable(c.plan());
  const Array a = ramp({4}), b = Array::from<float>({4}, std::vector<float>{5, 6, 7, 8});
  const Array old_a = a.clone(), old_b = b.clone();
  std::vector<Array> outputs{a, b, Array(f32({4}))};
  const auto expected = executable.run(std::vector<Array>{old_a, old_b});
  executable.run(std::vector<Array>{a, b}, outputs);
  for (std::size_t i = 0; i < 3; ++i) BOOST_TEST(same_bits(outputs[i], expected[i]));
  BOOST_TEST(same_bits(outputs[1], old_a));
  BOOST_TEST(same_bits(outputs[2], old_b));
}

BOOST_AUTO_TEST_CASE(zero_sizes_work_everywhere) {
  Case c;
  const Tensor x = c.add_input(f32({0, 3})), y = c.add_input(f32({3, 0}));
  c.outputs = {tanh(x),      sum(x, {0}),  sum(x, {1}), max(x, {0}), transpose(x, {1, 0}),
               matmul(y, x), matmul(x, y), sum(x * 2.0)};
  check_plan(c);
}

// Its windows reach the kernels that take the largest elements and put their cotangents back: they look there first.
BOOST_AUTO_TEST_CASE(max_pooling_knows_its_windows_in_both_directions) {
  Case c;
  const Tensor x = c.add_input(f32({2, 9, 7, 5}));
  const Tensor y = max_pool(x, {.size = {3}, .stride = {2}, .padding = {1}});
  c.outputs = {y, grad(sum(square(y)), x)};
  const Tensor tangent = c.add_input(x.type());
  c.outputs.push_back(grad(sum(c.outputs[1] * tangent), x));
  const std::string text = to_text(*c.plan());
  for (const char* kernel : {"max_pool_index", "pool_take", "pool_put"})
    BOOST_TEST(text.find(std::string(kernel) + " 2x9x7x5 window 3x3 stride 2x2") != std::string::npos, text);
  BOOST_TEST(text.find("window 1x1") == std::string::npos, text);
  check_plan(c);
}

BOOST_AUTO_TEST_CASE(special_values_pass_through) {
  Case c;
  const Tensor x = c.add_input(f32({5}));
  c.outputs = {x, neg(x), x * 0.0, x + 0.0, maximum(x, zeros_like(x)), reshape(flip(x, 0), {5, 1})};
  check_plan(c, {Array::from<float>({5}, std::vector<float>{NAN, INFINITY, -INFINITY, -0.0f, 1e-45f})}, Zeros::signed_);
}

BOOST_AUTO_TEST_CASE(errors_say_what_was_given_and_needed) {
  Case c;
  c.outputs = {tanh(c.add_input(f32({2})))};
  Executable executable(c.plan());
  BOOST_CHECK_EXCEPTION(executable.run(std::vector<Array>{}), Error, [](const Error& e) {
    return std::string(e.what()) == "[run] 0 inputs were given, 1 are needed";
  });
  BOOST_CHECK_EXCEPTION(executable.run(std::vector<Array>{ramp({3})}), Error, [](const Error& e) {
    return std::string(e.what()) == "[run] input 0 is f32[3], f32[2] is needed";
  });
  BOOST_CHECK_THROW(Executable(c.plan(), 0), Error);
  c.inputs.clear();
  BOOST_CHECK_THROW(c.plan(), Error);
}

BOOST_AUTO_TEST_CASE(empty_outputs_are_made) {
  Case c;
  c.outputs = {tanh(c.add_input(f32({2})))};
  std::vector<Array> outputs(1);
  Executable(c.plan()).run(std::vector<Array>{ramp({2})}, outputs);
  BOOST_TEST(to_string(outputs[0].type()) == "f32[2]");
}

BOOST_AUTO_TEST_CASE(outputs_stay_what_they_are_where_a_run_is_refused) {
  Case c;
  c.outputs = {tanh(c.add_input(f32({2})))};
  Executable executable(c.plan());
  std::vector<Array> outputs{ramp({3})};
  BOOST_CHECK_THROW(executable.run(std::vector<Array>{ramp({5})}, outputs), Error);
  std::vector<Array> too_many{ramp({3}), ramp({3})};
  BOOST_CHECK_THROW(executable.run(std::vector<Array>{ramp({2})}, too_many), Error);
  for (const Array& output : {outputs[0], too_many[0]}) BOOST_TEST(to_string(output.type()) == "f32[3]");
}

BOOST_AUTO_TEST_CASE(the_text_shows_kernels_and_regions) {
  Case c;
  const Tensor x = c.add_input(f32({3, 4}));
  MapBuilder tasks(*c.graph, {x}, 3);
  c.outputs = tasks.close({{sum(tanh(tasks.slices()[0]))}});
  const std::string text = to_text(*c.plan());
  BOOST_TEST_INFO(text);
  BOOST_TEST(text.find("arena of") != std::string::npos);
  BOOST_TEST(text.find("map 3") != std::string::npos);
  BOOST_TEST(text.find("\n  0: ") != std::string::npos);
}

// Planning is linear, in operations that are counted: ten times the nodes cost ten times as much, with an 8 MiB stack.
BOOST_AUTO_TEST_CASE(a_million_nodes_are_planned_and_run) {
  const auto chain = [](int length, bool fused) {
    Case c;
    const Tensor one = c.add_input(f32({2}));
    Tensor y = one;
    for (int i = 0; i < length; ++i)
      y = fused ? add(y, one) : flip(concatenate({slice_axis(y, 0, 1, 2), slice_axis(y, 0, 0, 1)}, 0), 0);
    c.outputs = {y};
    return c;
  };
  for (const bool fused : {true, false}) {
    const int length = fused ? 1'000'000 : 100'000;
    const Case small = chain(length / 10, fused), large = chain(length, fused);
    std::shared_ptr<const Plan> plan;
    const auto visits = [&](const Case& c) {
      const std::int64_t before = nodes_visited();
      plan = c.plan();
      return nodes_visited() - before;
    };
    const std::int64_t few = visits(small), many = visits(large);
    BOOST_TEST_MESSAGE("planned a chain of " << length << " in " << many << " visits, a tenth of it in " << few);
    BOOST_TEST(few > length / 10);
    BOOST_TEST(many < 20 * static_cast<std::int64_t>(large.graph->size()));
    BOOST_TEST(many < 10 * few + 1000);
    BOOST_TEST(arena_bytes(*plan) < 1 << 20);
    const auto result = Executable(plan).run(std::vector<Array>{Array::from<float>({2}, std::vector<float>{1, 2})});
    BOOST_TEST(result[0].at(0) == (fused ? length + 1.0 : 1.0));
  }
}

}  // namespace metac::testing
