// Arranging elements: what the functions give by hand, at their edges, and to three orders.
#include "engine/ops/bench.hpp"
#include "engine/ops/checks.hpp"
#include "transform/transform.hpp"

using namespace metac;
using namespace metac::testing;

namespace {

Sample floats(std::vector<Shape> shapes) {
  Sample sample;
  for (const auto& shape : shapes) sample.inputs.push_back({Dtype::f32, shape});
  return sample;
}

// Floats beside indices from `low` to below `high`.
Sample with_index(std::vector<Shape> shapes, Shape index, std::int64_t low, std::int64_t high) {
  Sample sample = floats(std::move(shapes));
  sample.inputs.push_back({Dtype::i32, index});
  sample.integer_low = low, sample.integer_high = high;
  return sample;
}

std::vector<double> counted(int count) {
  std::vector<double> numbers;
  for (int i = 0; i < count; ++i) numbers.push_back(i);
  return numbers;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(structure)

BOOST_AUTO_TEST_CASE(arrangements_have_three_derivatives_and_batches) {
  const std::vector<Sample> any = {floats({{1}}), floats({{0}}), floats({{7}}), floats({{3, 0, 2}}),
                                   floats({{2, 5, 3}})};
  check_all("tile", any, [](auto x) {
    Shape times(x[0].shape().rank(), 3);
    times[0] = 2;
    return tile(x[0], times);
  });
  check_all("roll", any, [](auto x) { return roll(x[0], 2, -1); });
  check_all("split", any, [](auto x) {
    const std::int64_t size = x[0].shape()[0], half = size / 2;
    const auto parts = split(x[0], {half, 0, size - half}, 0);
    return concatenate({parts[2] * 2.0, parts[1], parts[0]}, 0);
  });
  check_all("to a vector and back", any, [](auto x) {
    const Tensor scalar = full(x[0].graph(), {}, 2.0, x[0].dtype());
    const auto parts = from_vector(square(to_vector({x[0], scalar, x[0]})), {x[0], scalar, flip(x[0], 0)});
    return parts[0] * parts[1] + parts[2];
  });
  check_all("pad with a value", any, [](auto x) {
    const Shape ones(x[0].shape().rank(), 1), twos(x[0].shape().rank(), 2);
    return pad(x[0], ones, twos, 0.5);
  });
  check_all("pad edge", {floats({{1}}), floats({{0, 3}}), floats({{2, 3}})}, [](auto x) {
    const int rank = x[0].shape().rank();
    Shape before(rank, 1), after(rank, 2);
    before[0] = after[0] = rank == 1 ? 3 : 0;
    return pad(x[0], before, after, Padding::edge);
  });
  check_all("pad reflect", {floats({{2}}), floats({{0, 4}}), floats({{3, 4}})}, [](auto x) {
    const int rank = x[0].shape().rank();
    Shape before(rank, 1), after(rank, 0);
    if (rank > 1) before[0] = 0, after[1] = 3;
    return pad(x[0], before, after, Padding::reflect);
  });
}

BOOST_AUTO_TEST_CASE(parts_of_matrices_have_three_derivatives_and_batches) {
  const std::vector<Sample> matrices = {floats({{1, 1}}), floats({{0, 3}}), floats({{3, 0}}), floats({{5, 3}}),
                                        floats({{2, 3, 5}})};
  for (const std::int64_t offset : {-2, 0, 1}) {
    check_all("lower_triangle", matrices, [&](auto x) { return lower_triangle(x[0], offset); });
    check_all("upper_triangle", matrices, [&](auto x) { return upper_triangle(x[0], offset); });
  }
  check_all("diagonal", matrices, [](auto x) { return diagonal(x[0]); });
  check_all("diagonal_matrix", {floats({{1}}), floats({{0}}), floats({{2, 3}})},
            [](auto x) { return diagonal_matrix(x[0]); });
}

BOOST_AUTO_TEST_CASE(reading_and_writing_by_index_has_three_derivatives_and_batches) {
  check_all("take",
            {with_index({{1}}, {}, 0, 1), with_index({{3, 4, 2}}, {2, 3}, 0, 4), with_index({{3, 4}}, {0}, 0, 3)},
            [](auto x) { return take(x[0], x[1], x[0].shape().rank() == 3 ? 1 : 0); });
  check_all("dynamic_slice",
            {with_index({{1}}, {1}, 0, 1), with_index({{5, 4, 3}}, {3}, -1, 5), with_index({{0, 4}}, {2}, 0, 2)},
            [](auto x) {
              Shape size = x[0].shape();
              if (size.back() > 1) size[size.rank() - 1] -= 2;
              if (size[0] > 1) size[0] -= 2;
              return dynamic_slice(x[0], x[1], size);
            });
  check_all("dynamic_update",
            {with_index({{1}, {1}}, {1}, 0, 1), with_index({{5, 4, 3}, {2, 4, 1}}, {3}, -1, 5),
             with_index({{3, 4}, {0, 4}}, {2}, 0, 2)},
            [](auto x) { return dynamic_update(x[0], x[1], x[2]); });
  check_all("scatter_set",
            {with_index({{1}, {1}}, {1}, 0, 1), with_index({{4, 3}, {6, 3}}, {6}, -1, 5),
             with_index({{4}, {2, 3}}, {2, 3}, 0, 4), with_index({{0, 2}, {3, 2}}, {3}, 0, 1),
             with_index({{3, 2}, {0, 2}}, {0}, 0, 3), with_index({{3}, {}}, {}, 0, 3)},
            [](auto x) { return scatter_set(x[0], x[1], x[2]); });
}

BOOST_AUTO_TEST_CASE(arrangements_by_hand) {
  Bench bench;
  const Tensor x = bench.of(values({2, 3}, counted(6))), v = bench.of(vector({1, 2, 3}));
  check(bench.run(tile(x, {2, 1})), {0, 1, 2, 3, 4, 5, 0, 1, 2, 3, 4, 5});
  check(bench.run(tile(v, {2})), {1, 2, 3, 1, 2, 3});
  check(bench.run(roll(v, 1, 0)), {3, 1, 2});
  check(bench.run(roll(v, -4, 0)), {2, 3, 1});
  check(bench.run(split(x, 3, 1)[2]), {2, 5});
  check(bench.run(to_vector({v, x})), {1, 2, 3, 0, 1, 2, 3, 4, 5});
  check(bench.run(from_vector(to_vector({v, x}), {x, v})[0]), {1, 2, 3, 0, 1, 2});
  check(bench.run(slice_axis(x, 1, 0, 3, 2)), {0, 2, 3, 5});
  check(bench.run(pad(v, {2}, {3}, Padding::edge)), {1, 1, 1, 2, 3, 3, 3, 3});
  check(bench.run(pad(v, {2}, {2}, Padding::reflect)), {3, 2, 1, 2, 3, 2, 1});
  check(bench.run(pad(v, {1}, {1}, not_a_number)), {not_a_number, 1, 2, 3, not_a_number});
  const Tensor yes = greater(bench.of(vector({1})), bench.of(vector({0})));
  check(bench.run(pad(yes, {1}, {1}, 1)), {1, 1, 1});
  check(bench.run(triangle(bench.graph, 2, 3)), {1, 0, 0, 1, 1, 0});
  check(bench.run(triangle(bench.graph, 2, 3, 1L << 40)), {1, 1, 1, 1, 1, 1});
  check(bench.run(triangle(bench.graph, 2, 3, -(1L << 40))), {0, 0, 0, 0, 0, 0});
  check(bench.run(lower_triangle(x, 1)), {0, 1, 0, 3, 4, 5});
  check(bench.run(upper_triangle(x)), {0, 1, 2, 0, 4, 5});
  check(bench.run(upper_triangle(x, 2)), {0, 0, 2, 0, 0, 0});
  check(bench.run(diagonal(x)), {0, 4});
  check(bench.run(diagonal(transpose(x, {1, 0}))), {0, 4});
  check(bench.run(diagonal_matrix(bench.of(vector({5, inf})))), {5, 0, 0, inf});
  check(bench.run(identity(bench.graph, 2)), {1, 0, 0, 1});
}

BOOST_AUTO_TEST_CASE(blocks_are_moved_to_where_they_fit) {
  Bench bench;
  const Tensor x = bench.of(values({3, 4}, counted(12))), block = bench.of(values({2, 2}, {-1, -2, -3, -4}));
  const auto at = [&](int row, int column) { return bench.of(integers({2}, {row, column})); };
  check(bench.run(dynamic_slice(x, at(1, 2), {2, 2})), {6, 7, 10, 11});
  check(bench.run(dynamic_slice(x, at(-5, 9), {2, 2})), {2, 3, 6, 7});
  check(bench.run(dynamic_update(x, block, at(0, 1))), {0, -1, -2, 3, 4, -3, -4, 7, 8, 9, 10, 11});
  check(bench.run(dynamic_update(x, block, at(9, -9))), {0, 1, 2, 3, -1, -2, 6, 7, -3, -4, 10, 11});
}

BOOST_AUTO_TEST_CASE(of_equal_indices_the_last_row_is_written_and_has_the_derivative) {
  Bench bench;
  const Tensor table = bench.of(vector({1, 2, 3})), rows = bench.of(vector({10, 20, 30, 40}));
  const Tensor index = bench.of(integers({4}, {2, 0, 2, 7}));
  const Tensor written = scatter_set(table, rows, index);
  check(bench.run(written), {20, 2, 30});
  check_near(bench.run(grad(sum(written * written), rows)), {0, 40, 60, 0});
  check_near(bench.run(grad(sum(written * written), table)), {0, 4, 0});
  check(bench.run(last_place(index, 3)), {1, -1, 2});
}

BOOST_AUTO_TEST_CASE(what_does_not_fit_is_refused) {
  Graph graph;
  const Tensor x = input(graph, {Dtype::f32, {2, 3}}), v = input(graph, {Dtype::f32, {3}});
  const Tensor i = input(graph, {Dtype::i32, {2}}), none = input(graph, {Dtype::f32, {0}});
  const Tensor empty;
  constexpr std::int64_t huge = std::numeric_limits<std::int64_t>::max();
  BOOST_CHECK_EQUAL(
      error_of([&] { split(x, 2, 1); }),
      "[split] axis 1 of f32[2, 3] was to be split into 2 parts; a number of parts that divides 3 is needed");
  BOOST_CHECK_EQUAL(
      error_of([&] {
        split(x, {1, 1}, 1);
      }),
      "[split] axis 1 of f32[2, 3] was to be split into parts of 1, 1; sizes of at least 0 that add up to 3 "
      "are needed");
  BOOST_CHECK_EQUAL(error_of([&] { to_vector({}); }), "[to_vector] no tensor was given; at least one is needed");
  BOOST_CHECK_EQUAL(error_of([&] {
                      from_vector(v, {x, v});
                    }),
                    "[from_vector] f32[3] was given for 2 tensors; a vector of 9 elements is needed");
  BOOST_CHECK_EQUAL(error_of([&] { pad(v, {3}, {0}, Padding::reflect); }),
                    "[pad] f32[3] was given for 3 places of padding along axis 0; more elements than that are needed");
  BOOST_CHECK_EQUAL(
      error_of([&] { pad(v, {huge}, {1}); }),
      "[pad] 9223372036854775807 was given; a number within -17592186044416 and 17592186044416 is needed");
  BOOST_CHECK_EQUAL(error_of([&] { tile(x, {huge, 1}); }).substr(0, 6), "[tile]");
  BOOST_CHECK_EQUAL(
      error_of([&] {
        full(graph, {huge / 8, 2}, 0, Dtype::f64);
      }),
      "[broadcast] 1152921504606846975 was given; a number within -17592186044416 and 17592186044416 is needed");
  for (const auto& action : std::vector<std::function<void()>>{[&] { pad(none, {1}, {0}, Padding::edge); },
                                                               [&] { pad(v, {-1}, {0}, Padding::edge); },
                                                               [&] {
                                                                 pad(v, {1, 1}, {0, 0}, 1.0);
                                                               },
                                                               [&] { pad(v, {huge}, {huge}, 1.0); },
                                                               [&] { pad(empty, {1}, {1}, 1.0); },
                                                               [&] { tile(x, {2}); },
                                                               [&] { tile(v, {-1}); },
                                                               [&] { tile(empty, {2}); },
                                                               [&] { roll(x, 1, 2); },
                                                               [&] { split(none, huge, 0); },
                                                               [&] { split(x, 0, 0); },
                                                               [&] {
                                                                 split(v, {huge, huge, 5}, 0);
                                                               },
                                                               [&] {
                                                                 split(v, {4, -1}, 0);
                                                               },
                                                               [&] { split(x, 1, 2); },
                                                               [&] { slice_axis(v, 0, 0, 3, 0); },
                                                               [&] { lower_triangle(v); },
                                                               [&] { upper_triangle(v); },
                                                               [&] { diagonal(v); },
                                                               [&] { diagonal_matrix(constant(graph, 1)); },
                                                               [&] { triangle(graph, -1, 2); },
                                                               [&] { identity(graph, -1); },
                                                               [&] { take(x, v, 0); },
                                                               [&] { take(x, i, 2); },
                                                               [&] { take(empty, i, 0); },
                                                               [&] {
                                                                 dynamic_slice(x, i, {3, 1});
                                                               },
                                                               [&] { dynamic_slice(x, i, {1}); },
                                                               [&] { dynamic_slice(v, i, {1}); },
                                                               [&] {
                                                                 dynamic_slice(x, x, {1, 1});
                                                               },
                                                               [&] { dynamic_update(x, v, i); },
                                                               [&] { dynamic_update(x, empty, i); },
                                                               [&] { dynamic_update(x, cast(x, Dtype::f64), i); },
                                                               [&] { scatter_set(x, x, x); },
                                                               [&] { scatter_set(x, v, i); },
                                                               [&] { scatter_set(constant(graph, 1), v, i); },
                                                               [&] { last_place(x, 3); },
                                                               [&] { last_place(i, -1); },
                                                               [&] { one_hot(x, 3); },
                                                               [&] { one_hot(i, -1); }})
    BOOST_CHECK_THROW(action(), Error);
  BOOST_CHECK(slice_axis(v, 0, 0, 3, huge).shape() == Shape{1});
}

BOOST_AUTO_TEST_SUITE_END()
