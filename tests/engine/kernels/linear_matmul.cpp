// Matrix products against naive loops in double precision.
#include <boost/test/unit_test.hpp>
#include <limits>
#include <thread>

#include "engine/kernels/run_kernel.hpp"
#include "kernels/instruction_set.hpp"
#include "kernels/linear.hpp"

using namespace metac;
using namespace metac::testing;

BOOST_AUTO_TEST_SUITE(linear_matmul)

namespace {

// How an operand of [batch, rows, columns] lies in its memory.
enum class Lie { plain, transposed, spaced, shared, shared_transposed, row_repeated };
constexpr Lie all_lies[] = {Lie::plain,  Lie::transposed,        Lie::spaced,
                            Lie::shared, Lie::shared_transposed, Lie::row_repeated};

struct Operand {
  Layout layout;
  Array memory;
  double at(std::int64_t batch, std::int64_t row, std::int64_t column) const {
    const auto& s = layout.strides;
    return memory.at(batch * s[0] + row * s[1] + column * s[2]);
  }
};

Operand operand(Lie lie, Dtype dtype, const Shape& shape, std::uint64_t seed) {
  const std::int64_t rows = shape[1], columns = shape[2];
  Shape strides = row_major_strides(shape);
  if (lie == Lie::transposed || lie == Lie::shared_transposed) strides = Shape{rows * columns, 1, rows};
  if (lie == Lie::spaced) strides = Shape{rows * columns * 6 + 1, columns * 2 + 3, 2};
  if (lie == Lie::row_repeated) strides = Shape{columns, 0, 1};
  if (lie == Lie::shared || lie == Lie::shared_transposed) strides[0] = 0;
  const std::int64_t elements = shape[0] * (rows * columns * 6 + rows * 5 + 8) + 8;
  return {{dtype, shape, strides}, filled({dtype, {elements}}, seed)};
}

void check_product(const Operand& a, const Operand& b) {
  const auto &as = a.layout.shape, &bs = b.layout.shape;
  const auto kernel = make_matmul(a.layout, b.layout);
  const auto result = run(*kernel, {a.layout.dtype, {as[0], as[1], bs[2]}}, {&a.memory, &b.memory});
  std::int64_t wrong = 0, place = 0;
  for (std::int64_t batch = 0; batch < as[0]; ++batch)
    for (std::int64_t i = 0; i < as[1]; ++i)
      for (std::int64_t j = 0; j < bs[2]; ++j) {
        double sum = 0;
        for (std::int64_t k = 0; k < as[2]; ++k) sum += a.at(batch, i, k) * b.at(batch, k, j);
        wrong += !close(result.at(place++), sum, tolerance(a.layout.dtype, as[2]));
      }
  BOOST_TEST(wrong == 0, kernel->describe()
                             << " of " << to_string(a.layout.shape) << to_string(a.layout.strides) << " and "
                             << to_string(b.layout.shape) << to_string(b.layout.strides) << ": " << wrong << " wrong");
}

}  // namespace

BOOST_AUTO_TEST_CASE(equals_naive_loops_for_every_way_to_lie) {
  const std::int64_t sizes[][3] = {{10, 1, 40}, {10, 40, 40}, {40, 10, 40}, {10, 40, 1}, {5, 64, 5},  {1, 1, 1},
                                   {1, 7, 70},  {2, 3, 50},   {3, 9, 33},   {13, 5, 17}, {17, 31, 3}, {1, 64, 1},
                                   {7, 1, 1},   {64, 2, 9},   {9, 8, 8},    {16, 16, 16}};
  std::uint64_t seed = 0;
  for (const auto dtype : {Dtype::f32, Dtype::f64})
    for (const auto& [m, k, n] : sizes)
      for (const auto a : all_lies)
        for (const auto b : all_lies)
          for (const std::int64_t batch : {1, 3}) {
            seed += 2;
            check_product(operand(a, dtype, {batch, m, k}, seed), operand(b, dtype, {batch, k, n}, seed + 1));
          }
}

BOOST_AUTO_TEST_CASE(every_small_height_and_width_is_covered) {
  for (const auto dtype : {Dtype::f32, Dtype::f64})
    for (std::int64_t m = 1; m <= 14; ++m)
      for (std::int64_t n = 1; n <= 70; n += n < 20 ? 1 : 5)
        check_product(operand(Lie::plain, dtype, {1, m, 5}, m), operand(Lie::plain, dtype, {1, 5, n}, n));
}

BOOST_AUTO_TEST_CASE(large_products_equal_naive_loops) {
  for (const auto dtype : {Dtype::f32, Dtype::f64})
    for (const auto a : all_lies)
      for (const auto b : all_lies)
        check_product(operand(a, dtype, {2, 70, 111}, 1), operand(b, dtype, {2, 111, 130}, 2));
}

BOOST_AUTO_TEST_CASE(zero_sizes) {
  for (const auto dtype : {Dtype::f32, Dtype::f64})
    for (const auto& [batch, m, k, n] : {std::array<std::int64_t, 4>{2, 3, 0, 4},
                                         {2, 0, 3, 4},
                                         {2, 3, 4, 0},
                                         {0, 3, 4, 5},
                                         {0, 0, 0, 0},
                                         {1, 200, 0, 200}})
      check_product(operand(Lie::plain, dtype, {batch, m, k}, 1), operand(Lie::plain, dtype, {batch, k, n}, 2));
}

BOOST_AUTO_TEST_CASE(several_batch_axes_with_repeats) {
  const Layout a{Dtype::f32, {2, 3, 4, 5}, {0, 20, 5, 1}}, b{Dtype::f32, {2, 3, 5, 6}, {30, 0, 6, 1}};
  const auto am = filled({Dtype::f32, {60}}, 1), bm = filled({Dtype::f32, {60}}, 2);
  const auto result = run(*make_matmul(a, b), {Dtype::f32, {2, 3, 4, 6}}, {&am, &bm});
  std::int64_t place = 0;
  for (int x = 0; x < 2; ++x)
    for (int y = 0; y < 3; ++y)
      for (int i = 0; i < 4; ++i)
        for (int j = 0; j < 6; ++j) {
          double sum = 0;
          for (int k = 0; k < 5; ++k) sum += am.at(y * 20 + i * 5 + k) * bm.at(x * 30 + k * 6 + j);
          BOOST_TEST(close(result.at(place++), sum, tolerance(Dtype::f32, 5)));
        }
}

BOOST_AUTO_TEST_CASE(nan_and_infinity_stay_in_their_rows_and_columns) {
  const double special[] = {std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity(), -0.0};
  for (const auto& [m, k, n] : {std::array<std::int64_t, 3>{5, 7, 9}, {5, 64, 5}, {100, 100, 100}, {6, 9, 1}})
    for (const double value : special)
      for (const auto lie : {Lie::plain, Lie::transposed}) {
        auto a = operand(lie, Dtype::f32, {1, m, k}, 1);
        auto b = operand(lie, Dtype::f32, {1, k, n}, 2);
        a.memory.as<float>()[3] = static_cast<float>(value);
        b.memory.as<float>()[4] = static_cast<float>(value);
        check_product(a, b);
      }
}

BOOST_AUTO_TEST_CASE(a_row_has_the_same_bits_whatever_its_neighbours) {
  const auto a = filled({Dtype::f32, {40, 24}}, 1), b = filled({Dtype::f32, {24, 37}}, 2);
  const auto all =
      run(*make_matmul(Layout::dense(a.type()), Layout::dense(b.type())), {Dtype::f32, {40, 37}}, {&a, &b});
  for (std::int64_t row = 0; row < 40; ++row) {
    const auto one = Array(a.row(row)).reshaped({1, 24});
    const auto result =
        run(*make_matmul(Layout::dense(one.type()), Layout::dense(b.type())), {Dtype::f32, {1, 37}}, {&one, &b});
    BOOST_TEST(same_bits(result.reshaped({37}), all.row(row)));
  }
}

BOOST_AUTO_TEST_CASE(two_workers_of_one_kernel_get_the_bits_of_one) {
  for (const std::int64_t size : {24, 160}) {
    const Type type{Dtype::f32, {size, size}};
    const auto layout = Layout::dense(type);
    const auto kernel = make_matmul(layout, layout);
    const auto a = filled(type, 1), b = filled(type, 2);
    const auto alone = run(*kernel, type, {&a, &b});
    std::vector<Array> results(2);
    {
      std::vector<std::jthread> workers;
      for (auto& result : results)
        workers.emplace_back([&] {
          for (int i = 0; i < 20; ++i) result = run(*kernel, type, {&a, &b});
        });
    }
    for (const auto& result : results) BOOST_TEST(same_bits(result, alone));
  }
}

BOOST_AUTO_TEST_CASE(small_products_are_our_own_and_large_ones_are_given_to_the_library) {
  const auto describe = [](std::int64_t size) {
    const auto layout = Layout::dense({Dtype::f32, {size, size}});
    return make_matmul(layout, layout)->describe();
  };
  BOOST_TEST(describe(16) == "matmul 16x16x16 own");
  BOOST_TEST(describe(256).find("oneDNN") != std::string::npos);
  // The limit of METAC_ISA, with which these tests run again, holds for both.
  const std::string_view set = instruction_set();
  if (set != "avx512") BOOST_TEST(describe(256).find("avx512") == std::string::npos, describe(256));
  if (set == "baseline") BOOST_TEST(describe(256).find("avx") == std::string::npos, describe(256));
}

BOOST_AUTO_TEST_SUITE_END()
