// Pooling, gather, scatter-add, argmax, concatenate and pad against loops that say what they mean.
#include <boost/test/unit_test.hpp>
#include <limits>

#include "engine/kernels/run_kernel.hpp"
#include "kernels/indexing.hpp"
#include "kernels/pooling.hpp"

using namespace metac;
using namespace metac::testing;

BOOST_AUTO_TEST_SUITE(indexing)

namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();
constexpr double infinity = std::numeric_limits<double>::infinity();

Array integers(const Shape& shape, std::vector<std::int32_t> values) {
  return Array::from<std::int32_t>(shape, values);
}

Array numbers(Dtype dtype, const Shape& shape, const std::vector<double>& values) {
  Array result(Type{dtype, shape});
  const auto fill = [&]<class T>(std::span<T> elements) {
    BOOST_REQUIRE(elements.size() == values.size());
    std::transform(values.begin(), values.end(), elements.begin(), [](double value) { return static_cast<T>(value); });
  };
  if (dtype == Dtype::f32) fill(result.as<float>());
  if (dtype == Dtype::f64) fill(result.as<double>());
  if (dtype == Dtype::boolean) fill(result.as<bool>());
  return result;
}

void check_values(const Array& given, const std::vector<double>& wanted) {
  BOOST_REQUIRE(given.elements() == static_cast<std::int64_t>(wanted.size()));
  std::int64_t wrong = 0;
  for (std::size_t i = 0; i < wanted.size(); ++i) wrong += !close(given.at(static_cast<std::int64_t>(i)), wanted[i], 0);
  BOOST_TEST(wrong == 0);
}

Pooling pooling(Dtype dtype, std::int64_t batch, std::array<std::int64_t, 2> input, std::int64_t channels,
                std::int64_t window, std::int64_t stride, std::int64_t before) {
  Pooling p{.dtype = dtype, .batch = batch, .channels = channels};
  for (int axis = 0; axis < 2; ++axis) {
    p.input[axis] = input[axis], p.window[axis] = window, p.stride[axis] = stride, p.before[axis] = before;
    p.output[axis] = std::max<std::int64_t>(0, (input[axis] + 2 * before - window) / stride + 1);
  }
  return p;
}

Type image_type(const Pooling& p) { return {p.dtype, {p.batch, p.input[0], p.input[1], p.channels}}; }
Type result_type(const Pooling& p, Dtype dtype) { return {dtype, {p.batch, p.output[0], p.output[1], p.channels}}; }

double best_of_window(const Pooling& p, const Array& image, std::int64_t n, std::int64_t oy, std::int64_t ox,
                      std::int64_t channel) {
  std::int64_t best = -1;
  double leader = 0;
  for (std::int64_t y = oy * p.stride[0] - p.before[0]; y < oy * p.stride[0] - p.before[0] + p.window[0]; ++y)
    for (std::int64_t x = ox * p.stride[1] - p.before[1]; x < ox * p.stride[1] - p.before[1] + p.window[1]; ++x) {
      if (y < 0 || x < 0 || y >= p.input[0] || x >= p.input[1]) continue;
      const double value = image.at(((n * p.input[0] + y) * p.input[1] + x) * p.channels + channel);
      if (best >= 0 && !(value > leader) && !(std::isnan(value) && !std::isnan(leader))) continue;
      best = y * p.input[1] + x, leader = value;
    }
  return static_cast<double>(best);
}

// f32 image with ties, NaN and infinities in it.
Array difficult_image(const Pooling& p, std::uint64_t seed) {
  Numbers random(seed);
  std::vector<double> values;
  const double special[] = {nan, infinity, -infinity, -0.0, 0.0};
  for (std::int64_t i = 0; i < image_type(p).elements(); ++i)
    values.push_back(random.below(5) == 0 ? special[random.below(5)] : static_cast<double>(random.below(4)));
  return numbers(p.dtype, image_type(p).shape, values);
}

void check_pooling(const Pooling& p, std::uint64_t seed) {
  const auto image = difficult_image(p, seed);
  const auto index = run(*make_max_pool_index(p), result_type(p, Dtype::i32), {&image});
  const auto taken = run(*make_pool_take(p), result_type(p, p.dtype), {&image, &index});
  const auto values = filled(result_type(p, p.dtype), seed);
  const auto put = run(*make_pool_put(p), image_type(p), {&values, &index});
  std::vector<double> wanted_index, wanted_taken, wanted_put(static_cast<std::size_t>(image.elements()), 0.0);
  std::int64_t place = 0;
  for (std::int64_t n = 0; n < p.batch; ++n)
    for (std::int64_t y = 0; y < p.output[0]; ++y)
      for (std::int64_t x = 0; x < p.output[1]; ++x)
        for (std::int64_t channel = 0; channel < p.channels; ++channel, ++place) {
          const double best = best_of_window(p, image, n, y, x, channel);
          wanted_index.push_back(best);
          const auto at = (n * p.input[0] * p.input[1] + static_cast<std::int64_t>(best)) * p.channels + channel;
          wanted_taken.push_back(best < 0 ? nan : image.at(at));
          if (best >= 0) wanted_put[at] += values.at(place);
        }
  check_values(index, wanted_index);
  check_values(taken, wanted_taken);
  for (std::int64_t i = 0; i < put.elements(); ++i) BOOST_REQUIRE(close(put.at(i), wanted_put[i], 1e-5));
}

}  // namespace

BOOST_AUTO_TEST_CASE(pooling_equals_loops_with_ties_nan_and_infinity) {
  std::uint64_t seed = 0;
  for (const auto dtype : {Dtype::f32, Dtype::f64})
    for (const std::int64_t channels : {0, 1, 3, 32, 64, 75})
      for (const auto& [window, stride, before] : {std::array<std::int64_t, 3>{2, 2, 0},
                                                   {3, 2, 1},
                                                   {3, 1, 1},
                                                   {1, 1, 0},
                                                   {3, 3, 0},
                                                   {2, 3, 0},
                                                   {5, 1, 2},
                                                   {9, 1, 0}})
        BOOST_TEST_CONTEXT("channels " << channels << " window " << window << " stride " << stride << " before "
                                       << before)
  check_pooling(pooling(dtype, 2, {11, 9}, channels, window, stride, before), ++seed);
}

BOOST_AUTO_TEST_CASE(pooling_of_nothing) {
  check_pooling(pooling(Dtype::f32, 0, {4, 4}, 3, 2, 2, 0), 1);
  check_pooling(pooling(Dtype::f32, 2, {0, 0}, 3, 2, 2, 0), 1);
  check_pooling(pooling(Dtype::f32, 1, {1, 1}, 3, 2, 2, 3), 1);  // windows wholly outside
}

BOOST_AUTO_TEST_CASE(pooling_indices_from_elsewhere_are_safe) {
  const auto p = pooling(Dtype::f32, 1, {4, 4}, 2, 2, 2, 0);
  const auto image = filled(image_type(p), 1);
  const auto index = integers({1, 2, 2, 2}, {15, 16, -1, 0, 2147483647, -2147483647 - 1, 3, 10});
  const auto taken = run(*make_pool_take(p), result_type(p, Dtype::f32), {&image, &index});
  check_values(taken, {image.at(30), nan, nan, image.at(1), nan, nan, image.at(6), image.at(21)});
  const auto values = numbers(Dtype::f32, {1, 2, 2, 2}, {1, 2, 3, 4, 5, 6, 7, 8});
  std::vector<double> wanted(32, 0.0);
  wanted[30] = 1, wanted[1] = 4, wanted[6] = 7, wanted[21] = 8;
  check_values(run(*make_pool_put(p), image_type(p), {&values, &index}), wanted);

  const auto late = integers({1, 2, 2, 2}, {0, 1, 2, 3, 8, 9, 0, 15});  // the last window names a place of the first
  std::vector<double> sums(32, 0.0);
  sums[0] = 1 + 7, sums[3] = 2, sums[4] = 3, sums[7] = 4, sums[16] = 5, sums[19] = 6, sums[31] = 8;
  check_values(run(*make_pool_put(p), image_type(p), {&values, &late}), sums);
}

BOOST_AUTO_TEST_CASE(pool_put_adds_to_zero_also_where_it_only_writes) {
  for (const std::int64_t stride : {1, 2}) {
    const auto p = pooling(Dtype::f32, 1, {2, 2}, 17, 2, stride, 0);  // one channel more than a vector
    const Array index = integers({1, 1, 1, 17}, std::vector<std::int32_t>(17, 3));
    const Array values = numbers(Dtype::f32, {1, 1, 1, 17}, std::vector<double>(17, -0.0));
    const Array put = run(*make_pool_put(p), image_type(p), {&values, &index});
    for (std::int64_t i = 0; i < put.elements(); ++i) BOOST_TEST(!std::signbit(put.at(i)));
  }
}

BOOST_AUTO_TEST_CASE(labels_out_of_range_end_the_run_with_their_numbers) {
  const auto kernel = make_checked_labels({Dtype::i32, {3}}, 4);
  const auto labels = [](std::vector<std::int32_t> values) { return Array::from<std::int32_t>({3}, values); };
  const Array good = labels({0, 3, 1}), high = labels({0, 4, 1}), low = labels({0, 3, -1});
  check_values(run(*kernel, {Dtype::i32, {3}}, {&good}), {0, 3, 1});
  const auto says = [](const std::string& what) {
    return [what](const Error& error) { return std::string(error.what()).find(what) != std::string::npos; };
  };
  BOOST_CHECK_EXCEPTION(run(*kernel, {Dtype::i32, {3}}, {&high}), Error,
                        says("the label or index 4 was met, at place 1 of 3; there is room for 4, 0 to 3"));
  BOOST_CHECK_EXCEPTION(run(*kernel, {Dtype::i32, {3}}, {&low}), Error,
                        says("the label or index -1 was met, at place 2"));
}

BOOST_AUTO_TEST_CASE(argmax_takes_the_first_of_equals_and_nan_over_numbers) {
  for (const auto dtype : {Dtype::f32, Dtype::f64}) {
    const auto input = numbers(dtype, {2, 4}, {1, 3, 3, 2, infinity, nan, 5, nan});
    check_values(run(*make_argmax(input.type(), 1), {Dtype::i32, {2}}, {&input}), {1, 1});
    check_values(run(*make_argmax(input.type(), 0), {Dtype::i32, {4}}, {&input}), {1, 1, 1, 1});
  }
  const auto whole = integers({3, 1, 2}, {-5, 7, -5, 9, -6, 9});
  check_values(run(*make_argmax(whole.type(), 0), {Dtype::i32, {1, 2}}, {&whole}), {0, 1});
  const Array truth = numbers(Dtype::boolean, {4}, {0, 1, 0, 1});
  check_values(run(*make_argmax(truth.type(), 0), {Dtype::i32, {}}, {&truth}), {1});
  const Array nothing(Type{Dtype::f32, {0, 3}});
  check_values(run(*make_argmax(nothing.type(), 1), {Dtype::i32, {0}}, {&nothing}), {});
}

BOOST_AUTO_TEST_CASE(gather_reads_rows_and_marks_what_is_out_of_range) {
  const auto index = integers({2, 2}, {2, 0, 3, -1});
  const auto table = numbers(Dtype::f32, {3, 2}, {1, 2, 3, 4, 5, 6});
  check_values(run(*make_gather(table.type(), index.type()), {Dtype::f32, {2, 2, 2}}, {&table, &index}),
               {5, 6, 1, 2, nan, nan, nan, nan});
  const auto whole = integers({3}, {7, 8, 9});
  check_values(run(*make_gather(whole.type(), index.type()), {Dtype::i32, {2, 2}}, {&whole, &index}),
               {9, 7, -2147483648.0, -2147483648.0});
  const auto truth = numbers(Dtype::boolean, {3}, {1, 0, 1});
  check_values(run(*make_gather(truth.type(), index.type()), {Dtype::boolean, {2, 2}}, {&truth, &index}), {1, 1, 0, 0});
  const Array empty(Type{Dtype::f64, {0, 2}});
  check_values(run(*make_gather(empty.type(), index.type()), {Dtype::f64, {2, 2, 2}}, {&empty, &index}),
               std::vector<double>(8, nan));
}

BOOST_AUTO_TEST_CASE(scatter_add_sums_rows_in_order_and_drops_what_is_out_of_range) {
  const auto index = integers({5}, {1, 0, 1, 4, -2});
  const auto rows = numbers(Dtype::f32, {5, 2}, {1, 2, 3, 4, 5, infinity, 7, 8, 9, 10});
  check_values(run(*make_scatter_add(rows.type(), index.type(), 3), {Dtype::f32, {3, 2}}, {&rows, &index}),
               {3, 4, 6, infinity, 0, 0});
  const auto whole = integers({5}, {2147483647, 3, 1, 0, 0});
  check_values(run(*make_scatter_add(whole.type(), index.type(), 2), {Dtype::i32, {2}}, {&whole, &index}),
               {3, -2147483648.0});
  check_values(run(*make_scatter_add(rows.type(), index.type(), 0), {Dtype::f32, {0, 2}}, {&rows, &index}), {});
}

BOOST_AUTO_TEST_CASE(concatenate_lays_inputs_side_by_side) {
  const auto a = numbers(Dtype::f32, {2, 1, 2}, {1, 2, 3, 4}),
             b = numbers(Dtype::f32, {2, 2, 2}, {5, 6, 7, 8, 9, 10, 11, 12});
  const Array none(Type{Dtype::f32, {2, 0, 2}});
  const auto result =
      run(*make_concatenate({a.type(), none.type(), b.type()}, 1), {Dtype::f32, {2, 3, 2}}, {&a, &none, &b});
  check_values(result, {1, 2, 5, 6, 7, 8, 3, 4, 9, 10, 11, 12});
  const auto first =
      run(*make_concatenate({b.type(), a.reshaped({1, 2, 2}).type()}, 0), {Dtype::f32, {3, 2, 2}}, {&b, &a});
  check_values(first, {5, 6, 7, 8, 9, 10, 11, 12, 1, 2, 3, 4});
}

BOOST_AUTO_TEST_CASE(pad_places_any_layout_among_zeros) {
  const auto memory = numbers(Dtype::f32, {6}, {1, 2, 3, 4, 5, nan});
  const Layout dense{Dtype::f32, {2, 3}, {3, 1}}, transposed{Dtype::f32, {3, 2}, {1, 3}},
      repeated{Dtype::f32, {2, 2}, {0, 1}};
  check_values(run(*make_pad(dense, {1, 0}, {4, 4}), {Dtype::f32, {4, 4}}, {&memory}),
               {0, 0, 0, 0, 1, 2, 3, 0, 4, 5, nan, 0, 0, 0, 0, 0});
  check_values(run(*make_pad(transposed, {0, 1}, {3, 3}), {Dtype::f32, {3, 3}}, {&memory}),
               {0, 1, 4, 0, 2, 5, 0, 3, nan});
  check_values(run(*make_pad(repeated, {0, 0}, {2, 2}), {Dtype::f32, {2, 2}}, {&memory}), {1, 2, 1, 2});
  check_values(run(*make_pad({Dtype::f32, {}, {}}, {}, {}), {Dtype::f32, {}}, {&memory}), {1});
  check_values(run(*make_pad({Dtype::f32, {0, 3}, {3, 1}}, {1, 0}, {2, 3}), {Dtype::f32, {2, 3}}, {&memory}),
               std::vector<double>(6, 0.0));
}

BOOST_AUTO_TEST_SUITE_END()
