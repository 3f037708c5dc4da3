// Work in parts: where it is cut, what runs part by part together, and that nobody can tell from the results.
#include "base/memory.hpp"
#include "engine/plan/support.hpp"
#include "plan/cost.hpp"

namespace metac::testing {
namespace {

constexpr auto f32 = Dtype::f32;

std::int64_t count(const std::string& text, const std::string& word) {
  std::int64_t found = 0;
  for (auto at = text.find(word); at != std::string::npos; at = text.find(word, at + 1)) ++found;
  return found;
}

// The same bits with any number of threads, whichever of them is faster.
void check_same_bits(const Case& c, const Parts& parts = {}) {
  std::mt19937 random(3);
  const auto arrays = random_inputs(c, random);
  const auto plan = make_plan(c.program(), parts);
  const auto expected = Executable(plan, 1).run(arrays);
  for (const int threads : {2, 3, 4})
    for (int i = 0; i < 3; ++i) {
      const auto results = Executable(plan, threads).run(arrays);
      for (std::size_t k = 0; k < results.size(); ++k) BOOST_TEST(same_bits(results[k], expected[k]));
    }
}

std::string in_smallest_parts(const Case& c) { return to_text(*make_plan(c.program(), Parts::smallest())); }

void check_memory(const Case& c) {
  const auto plan = c.plan();
  for (const int threads : {1, 2, 3, 4, 100}) {
    const std::size_t before = memory_in_use();
    const Executable executable(plan, threads);
    const std::size_t taken = memory_in_use() - before;
    BOOST_TEST(taken >= working_bytes(*plan, threads));
    BOOST_TEST(taken < working_bytes(*plan, threads) + (1 << 16));
  }
}

// A block of a convolutional network in training: convolution, batch norm, relu, pooling, and the gradients of all.
std::vector<Tensor> train_block(const Tensor& x, const Tensor& weights) {
  const Tensor y = convolution(x, weights, {.padding = {1}});
  const Tensor centred = y - broadcast_to(mean(y, {0, 1, 2}, true), y.shape());
  const Tensor scale = sqrt(mean(square(centred), {0, 1, 2}, true) + 1e-3);
  const Tensor active = maximum(centred / broadcast_to(scale, y.shape()), 0.1 * centred);
  const Tensor loss = sum(square(max_pool(active, {.size = {2, 2}})));
  std::vector<Tensor> results = grad(loss, {x, weights});
  results.push_back(loss);
  return results;
}

Shape weights_of(const Shape& images, std::int64_t filters) { return {3, 3, images[3], filters}; }

Case block(const Shape& images, std::int64_t filters) {
  Case c;
  const Tensor x = c.add_input({f32, images});
  c.outputs = train_block(x, c.add_input({f32, weights_of(images, filters)}));
  return c;
}

Case block_of_tasks(std::int64_t tasks, const Shape& images, std::int64_t filters) {
  Case c;
  const Tensor xs = c.add_input({f32, {tasks, images[0], images[1], images[2], images[3]}});
  const Tensor weights = c.add_input({f32, weights_of(images, filters)});
  MapBuilder map(*c.graph, {xs}, tasks);
  const auto results = train_block(map.slices()[0], alias(weights, map.graph()));
  c.outputs = map.close(
      {{results[0], MapBuilder::stacked}, {results[1], MapBuilder::summed}, {results[2], MapBuilder::summed}});
  return c;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(parts)

BOOST_AUTO_TEST_CASE(a_block_of_a_network) {
  const Case c = block({5, 6, 4, 2}, 3);
  check_plan(c);
  check_same_bits(c, Parts::smallest());
  const std::string text = in_smallest_parts(c);
  BOOST_TEST(count(text, "in 5 parts") > 3);
  BOOST_TEST(count(text, "part by part with the step before") > 3);
}

BOOST_AUTO_TEST_CASE(large_work_is_cut_small_work_is_not) {
  BOOST_TEST(count(to_text(*block({5, 6, 4, 2}, 3).plan()), "parts") == 0);
  const Case large = block({24, 28, 28, 1}, 32);
  const std::string text = to_text(*large.plan());
  BOOST_TEST(count(text, " parts\n") > 3);
  BOOST_TEST(count(text, "part by part") > 1);
  check_same_bits(large);
}

// The fewer tasks, the more threads are left to share the steps of each.
BOOST_AUTO_TEST_CASE(in_a_map_parts_are_divided_among_the_tasks) {
  const auto of_tasks = [](std::int64_t outer, std::int64_t inner, std::int64_t width = 50'000) {
    Case c;
    const Tensor xs = c.add_input({f32, {outer, inner, 64, width}});
    MapBuilder map(*c.graph, {xs}, outer);
    MapBuilder inside(map.graph(), {map.slices()[0]}, inner);
    const Tensor y = inside.close({{tanh(inside.slices()[0]), MapBuilder::stacked}})[0];
    c.outputs = map.close({{y, MapBuilder::stacked}});
    return to_text(*c.plan());
  };
  BOOST_TEST(count(of_tasks(1, 1), "16 parts") == 1);
  BOOST_TEST(count(of_tasks(2, 1), "8 parts") == 1);
  BOOST_TEST(count(of_tasks(1, 3), "4 parts") == 1);
  BOOST_TEST(count(of_tasks(2, 2), "4 parts") == 1);
  BOOST_TEST(count(of_tasks(8, 1), "2 parts") == 1);
  BOOST_TEST(count(of_tasks(9, 1), "parts") == 0);
  BOOST_TEST(count(of_tasks(3, 4), "parts") == 0);
  BOOST_TEST(count(of_tasks(1, 1, 5'000), "2 parts") == 1);
  BOOST_TEST(count(of_tasks(2, 1, 5'000), "parts") == 0);

  Case steps;  // come one after the other
  ScanBuilder scan(*steps.graph, {steps.add_input({f32, {64, 50'000}})}, {}, 100);
  steps.outputs = scan.close({tanh(scan.carries()[0])}).carries;
  BOOST_TEST(count(to_text(*steps.plan()), "16 parts") > 0);
}

// Threads that no task is left for share the steps of the others.
BOOST_AUTO_TEST_CASE(few_tasks_of_large_steps) {
  for (const std::int64_t tasks : {1, 2, 3, 5}) {
    const Case c = block_of_tasks(tasks, {5, 6, 4, 2}, 3);
    check_plan(c);
    check_same_bits(c, Parts::smallest());
    check_same_bits(block_of_tasks(tasks, {12, 28, 28, 1}, 16));
    check_memory(block_of_tasks(tasks, {12, 28, 28, 1}, 16));
  }
  const auto plan = block_of_tasks(2, {12, 28, 28, 1}, 16).plan();
  BOOST_TEST(working_bytes(*plan, 3) > working_bytes(*plan, 2));
}

BOOST_AUTO_TEST_CASE(products_by_rows_and_by_entries_of_a_batch) {
  for (const auto& [a, b] : {std::pair{Shape{7, 5}, Shape{5, 4}}, std::pair{Shape{3, 4, 5}, Shape{3, 5, 2}},
                             std::pair{Shape{1, 6, 5}, Shape{1, 5, 2}}}) {
    Case c;
    c.outputs = {matmul(c.add_input({f32, a}), c.add_input({f32, b}))};
    check_plan(c);
    check_same_bits(c, Parts::smallest());
    BOOST_TEST(count(in_smallest_parts(c), "parts") == 1);
  }
  Case turned;
  turned.outputs = {matmul(transpose(turned.add_input({f32, {5, 7}}), {1, 0}), turned.add_input({f32, {5, 4}}))};
  check_plan(turned);
  BOOST_TEST(count(in_smallest_parts(turned), "parts") == 1);
}

// Each part makes a sum of its own; these are added in order.
BOOST_AUTO_TEST_CASE(sums_over_the_axis_that_is_cut) {
  for (const auto dtype : {Dtype::f32, Dtype::f64, Dtype::i32}) {
    Case c;
    const Tensor x = c.add_input({dtype, {7, 3, 2}});
    c.outputs = {sum(x, {0}), sum(x, {1}), sum(x, {0, 1}), max(x, {0, 2}), x + x};
    check_plan(c);
    check_same_bits(c, Parts::smallest());
  }
  Case products;
  const Tensor a = products.add_input({f32, {6, 4}}), b = products.add_input({f32, {6, 3}});
  products.outputs = {squared_products(a, b)};
  check_plan(products);
  BOOST_TEST(count(in_smallest_parts(products), "parts") == 1);
}

// More than one kernel has operands for.
BOOST_AUTO_TEST_CASE(many_sums_of_one_step) {
  Case c;
  const Tensor x = c.add_input({f32, {3, 4}});
  for (int k = 0; k < 20; ++k) c.outputs.push_back(sum(maximum(x, constant(*c.graph, 0.1 * k - 1, f32)), {0}));
  check_plan(c);
  check_same_bits(c, Parts::smallest());
}

// A part's product may be out of range where that of the whole is not.
BOOST_AUTO_TEST_CASE(products_over_an_axis_are_not_cut_along_it) {
  Case c;
  const Tensor x = c.add_input({f32, {1'000'000}});
  c.outputs = {prod(x, {0})};
  Array values({f32, {1'000'000}});
  for (int i = 0; i < 1'000'000; ++i) values.as<float>()[i] = i < 500'000 ? 1.0005f : 1 / 1.0005f;
  BOOST_TEST(std::abs(Executable(c.plan(), 2).run(std::vector{values})[0].at(0) - 1) < 0.1);
}

// Each result is used up by a product: only one of them is there at a time.
BOOST_AUTO_TEST_CASE(large_steps_do_not_change_places) {
  Case c;
  const Tensor w = c.add_input({f32, {64, 1}});
  Tensor total;
  for (int i = 0; i < 8; ++i) {
    const Tensor product = matmul(tanh(c.add_input({f32, {20'000, 64}})), w);
    total = total ? total + product : product;
  }
  c.outputs = {total};
  BOOST_TEST(arena_bytes(*c.plan()) < 2 * 20'000 * 64 * 4);

  // The second half needs nothing of the first, and must not be begun before the pooling has ended.
  Case halves;
  const auto half = [&] { return matmul(halves.add_input({f32, {20'000, 4}}), halves.add_input({f32, {4, 64}})); };
  const Tensor first = max_pool(tanh(reshape(half(), {100, 20, 10, 64})), {.size = {2, 2}});
  const Tensor second = matmul(half(), halves.add_input({f32, {64, 1}}));
  halves.outputs = {sum(first) + sum(second)};
  BOOST_TEST(arena_bytes(*halves.plan()) < 1.8 * 20'000 * 64 * 4);
}

// A reader of another part, of all parts, or of parts that lie between each other, waits for the whole.
BOOST_AUTO_TEST_CASE(chains_end_where_a_step_reads_more_than_its_part) {
  const std::vector<std::function<Tensor(Tensor)>> readers = {
      [](Tensor y) { return flip(y, 0); },
      [](Tensor y) {
        return transpose(y, {1, 0});
      },
      [](Tensor y) { return broadcast_to(slice_axis(y, 0, 3, 4), y.shape()); },
      [](Tensor y) {
        return concatenate({slice_axis(y, 0, 1, 4), slice_axis(y, 0, 0, 1)}, 0);
      },
      [](Tensor y) { return matmul(y, y); }};
  for (const auto& reader : readers) {
    Case c;
    const Tensor x = c.add_input({f32, {4, 4}});
    // Two kernels that could follow each other part by part, then one that needs other parts.
    const Tensor y = matmul(tanh(x), c.add_input({f32, {4, 4}}));
    c.outputs = {tanh(reader(tanh(y)))};
    check_plan(c);
    check_same_bits(c, Parts::smallest());
  }
}

BOOST_AUTO_TEST_CASE(views_that_lie_between_each_other) {
  Case c;
  const Tensor x = c.add_input({f32, {4, 2, 4}});
  const Tensor pooled = max_pool(reshape(x, {4, 2, 4, 1}), {.size = {2, 2}});
  const Tensor y = reshape(pooled, {4, 2});
  c.outputs = {sum(y * transpose(reshape(y, {2, 4}), {1, 0}), {1}), tanh(y)};
  check_plan(c);
  check_same_bits(c, Parts::smallest());
}

// e could take the memory of d, were it not read again behind the pooling.
BOOST_AUTO_TEST_CASE(memory_is_not_taken_over_while_the_chain_still_reads_it) {
  Case c;
  const Tensor x = c.add_input({f32, {4, 4}}), w = c.add_input({f32, {4, 4}});
  const Tensor d = reshape(matmul(x, w), {4, 2, 2, 1}), e = d * tanh(d);
  const Tensor loss = sum(square(max_pool(e, {.size = {2, 2}})));
  c.outputs = {grad(loss, x), matmul(w, reshape(e, {4, 4}))};
  check_plan(c);
  check_same_bits(c, Parts::smallest());
}

// The last product could be written over d part by part, were it not read backwards by the same chain.
BOOST_AUTO_TEST_CASE(memory_is_not_taken_over_while_another_part_reads_it) {
  Case c;
  const Tensor x = c.add_input({f32, {4, 4}}), w = c.add_input({f32, {4, 4}});
  const Tensor z = c.add_input({f32, {4, 2, 2, 1}}), d = reshape(matmul(x, w), {4, 2, 2, 1});
  const Tensor slope = grad(sum(square(max_pool(tanh(flip(d, 0)) + z, {.size = {2, 2}}))), z);
  c.outputs = {matmul(w, reshape(slope * d, {4, 4}))};
  check_plan(c);
  check_same_bits(c, Parts::smallest());
}

BOOST_AUTO_TEST_CASE(values_of_one_chain_need_room_for_a_part_only) {
  Case c;
  const Tensor x = c.add_input({f32, {64, 32, 32, 4}});
  const Tensor pooled = max_pool(tanh(x), {.size = {2, 2}});
  c.outputs = {sum(square(pooled), {1, 2, 3})};
  const std::size_t whole = x.type().bytes();
  BOOST_TEST(arena_bytes(*make_plan(c.program(), {.threads = 1, .bytes = 64 << 10})) < whole / 2);
  BOOST_TEST(arena_bytes(*make_plan(c.program(), {.threads = 1, .bytes = 1e12})) > whole);
  check_same_bits(c);
}

BOOST_AUTO_TEST_CASE(what_is_allocated_is_what_was_said) {
  const Case c = block({24, 28, 28, 1}, 32);
  const auto plan = c.plan();
  BOOST_TEST(working_bytes(*plan, 2) > working_bytes(*plan, 1));
  check_memory(c);
}

BOOST_AUTO_TEST_CASE(work_of_parts_is_that_of_the_whole) {
  const Case c = block({5, 6, 4, 2}, 3);
  const Cost whole = cost_of(*c.plan()), cut = cost_of(*make_plan(c.program(), Parts::smallest()));
  BOOST_TEST(cut.operations >= whole.operations);
  BOOST_TEST(cut.operations < 1.2 * whole.operations);
}

BOOST_AUTO_TEST_CASE(runs_in_parts_allocate_nothing) {
  const Case c = block({5, 6, 4, 2}, 3);
  std::mt19937 random(1);
  const auto arrays = random_inputs(c, random);
  Executable executable(make_plan(c.program(), Parts::smallest()), 1);
  auto results = executable.run(arrays);
  const auto before = allocations();
  executable.run(arrays, results);
  BOOST_TEST(allocations() == before);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace metac::testing
