// Regions: captures, nesting, sums in a fixed order, any number of threads, no allocation.
#include <atomic>
#include <chrono>
#include <functional>
#include <thread>

#include "base/memory.hpp"
#include "engine/plan/support.hpp"
#include "plan/parallel.hpp"

namespace metac::testing {
namespace {

Type f32(Shape shape) { return {Dtype::f32, shape}; }

// Tasks that add up a big gradient, with a region in the region and captures through both.
Case nested(std::int64_t length) {
  Case c;
  const Tensor x = c.add_input(f32({length, 3, 5})), w = c.add_input(f32({5})), scale = c.add_input(f32({}));
  MapBuilder outer(*c.graph, {x}, length);
  const Tensor rows = outer.slices()[0] * scale;
  MapBuilder inner(outer.graph(), {rows}, 3);
  const Tensor row = tanh(inner.slices()[0] * w) + cast(outer.index(), Dtype::f32);
  const auto parts = inner.close({{row}, {row, MapBuilder::summed}, {sum(row), MapBuilder::summed}, {w}});
  c.outputs = outer.close({{parts[0]},
                           {parts[1], MapBuilder::summed},
                           {sum(parts[3]) + parts[2], MapBuilder::summed},
                           {rows},
                           {rows},
                           {transpose(parts[0], {1, 0})},
                           {scale, MapBuilder::summed},
                           {constant(outer.graph(), 2.0), MapBuilder::summed},
                           {outer.index(), MapBuilder::summed},
                           {outer.slices()[0]},
                           {parts[2]}});
  return c;
}

}  // namespace

BOOST_AUTO_TEST_CASE(nested_regions_are_right_for_every_length) {
  for (const std::int64_t length : {0, 1, 2, 7, 16, 17, 40}) BOOST_TEST_CONTEXT("length " << length) {
      check_plan(nested(length));
    }
}

BOOST_AUTO_TEST_CASE(sums_have_the_same_bits_for_any_number_of_threads) {
  const Case c = nested(37);
  std::mt19937 random(3);
  const auto arrays = random_inputs(c, random);
  const auto plan = c.plan();
  const auto expected = Executable(plan, 1).run(arrays);
  for (const int threads : {2, 3, 4, 16}) {
    Executable executable(plan, threads);
    for (int repeat = 0; repeat < 20; ++repeat) {
      const auto results = executable.run(arrays);
      for (std::size_t i = 0; i < results.size(); ++i) BOOST_TEST(same_bits(results[i], expected[i]));
    }
  }
}

BOOST_AUTO_TEST_CASE(running_allocates_nothing) {
  Case c = nested(20);
  c.outputs.push_back(sum(c.add_input({Dtype::f32, {0, 3}}) * 2.0, {0}));
  std::mt19937 random(3);
  const auto arrays = random_inputs(c, random);
  for (const int threads : {1, 2}) {
    Executable executable(c.plan(), threads);
    std::vector<Array> outputs = executable.run(arrays);
    const std::int64_t calls = allocations();
    const std::size_t bytes = memory_in_use();
    for (int i = 0; i < 3; ++i) executable.run(arrays, outputs);
    const std::int64_t more = allocations() - calls;
    BOOST_TEST(more == 0);
    BOOST_TEST(memory_in_use() == bytes);
  }
}

BOOST_AUTO_TEST_CASE(a_body_works_in_little_memory) {
  Case c;
  const Tensor x = c.add_input(f32({1000, 64}));
  MapBuilder tasks(*c.graph, {x}, 1000);
  c.outputs = tasks.close({{sum(tanh(tasks.slices()[0])), MapBuilder::summed}});
  BOOST_TEST(arena_bytes(*c.plan()) < 40 * 1024);
}

BOOST_AUTO_TEST_CASE(a_stacked_result_is_written_in_place) {
  Case c;
  const Tensor x = c.add_input(f32({8, 64}));
  MapBuilder tasks(*c.graph, {x}, 8);
  c.outputs = tasks.close({{tanh(tasks.slices()[0])}});
  BOOST_TEST(steps(*c.plan()) == 1);
  check_plan(c);
}

BOOST_AUTO_TEST_CASE(an_executable_can_be_moved_and_plans_shared) {
  const Case c = nested(5);
  std::mt19937 random(3);
  const auto arrays = random_inputs(c, random);
  const auto plan = c.plan();
  Executable first(plan, 2), second(plan, 1);
  Executable moved = std::move(first);
  const auto a = moved.run(arrays), b = second.run(arrays);
  for (std::size_t i = 0; i < a.size(); ++i) BOOST_TEST(same_bits(a[i], b[i]));
}

BOOST_AUTO_TEST_CASE(parallel_for_meets_every_item_once_and_rethrows) {
  for (const int threads : {1, 2, 4}) {
    std::vector<std::atomic<int>> met(100);
    parallel_for(threads, 100, [&](int worker, std::int64_t item) {
      if (worker < 0 || worker >= threads) throw Bug("worker");
      ++met[static_cast<std::size_t>(item)];
    });
    for (const auto& count : met) BOOST_TEST(count == 1);
    BOOST_CHECK_THROW(parallel_for(threads, 10,
                                   [](int, std::int64_t item) {
                                     if (item == 3) throw Error("three");
                                   }),
                      Error);
    parallel_for(threads, 0, [](int, std::int64_t) { throw Bug("no item"); });
  }
}

BOOST_AUTO_TEST_CASE(parallel_for_within_its_body) {
  for (int round = 0; round < 100; ++round) {
    std::vector<std::atomic<int>> met(60);
    parallel_for(4, 3, [&](int, std::int64_t outer) {
      std::vector<std::atomic<int>> busy(2);
      parallel_for(2, 20, [&](int worker, std::int64_t inner) {
        const auto w = static_cast<std::size_t>(worker);
        if (busy.at(w)++ != 0) throw Bug("two threads are one worker");
        ++met[static_cast<std::size_t>(20 * outer + inner)];
        --busy[w];
      });
    });
    for (const auto& count : met) BOOST_TEST(count == 1);
  }
  BOOST_CHECK_THROW(parallel_for(4, 2,
                                 [](int, std::int64_t) {
                                   parallel_for(2, 10, [](int, std::int64_t item) {
                                     if (item == 3) throw Error("three");
                                   });
                                 }),
                    Error);
}

// Each item waits for the other one of its pair, so that it takes four threads at one time.
BOOST_AUTO_TEST_CASE(threads_without_items_help_within_the_body) {
  std::atomic<int> alone{0};
  parallel_for(4, 2, [&](int, std::int64_t) {
    std::atomic<int> begun{0};
    parallel_for(2, 2, [&](int, std::int64_t) {
      ++begun;
      const auto patience = std::chrono::steady_clock::now() + std::chrono::seconds(60);
      while (begun < 2 && std::chrono::steady_clock::now() < patience) std::this_thread::yield();
      if (begun < 2) ++alone;
    });
  });
  BOOST_TEST(alone == 0);
}

}  // namespace metac::testing
