// The three parts of convolution against naive loops in double precision, for every implementation that takes the
// shape.
#include <boost/test/unit_test.hpp>
#include <limits>
#include <thread>

#include "engine/kernels/run_kernel.hpp"
#include "kernels/convolution.hpp"

using namespace metac;
using namespace metac::testing;

BOOST_AUTO_TEST_SUITE(linear_convolution)

namespace {

constexpr ConvolutionPart all_parts[] = {ConvolutionPart::forward, ConvolutionPart::data, ConvolutionPart::weights};

struct Case {
  Convolution c;
  Array image, weights, result;  // inputs of the three parts
  Case(const Convolution& convolution, std::uint64_t seed) : c(convolution) {
    image = filled({c.dtype, {c.batch, c.input[0], c.input[1], c.input[2], c.channels}}, seed);
    weights = filled({c.dtype, {c.kernel[0], c.kernel[1], c.kernel[2], c.channels / c.groups, c.filters}}, seed + 1);
    result = filled({c.dtype, {c.batch, c.output[0], c.output[1], c.output[2], c.filters}}, seed + 2);
  }
  const Array& replaced(ConvolutionPart part) const {
    return part == ConvolutionPart::forward ? result : part == ConvolutionPart::data ? image : weights;
  }
  std::vector<const Array*> inputs(ConvolutionPart part) const {
    if (part == ConvolutionPart::forward) return {&image, &weights};
    if (part == ConvolutionPart::data) return {&result, &weights};
    return {&image, &result};
  }
};

// The sizes of the result follow from the others.
Convolution completed(Convolution c) {
  for (int axis = 0; axis < spatial_axes; ++axis) {
    const std::int64_t room =
        c.input[axis] + c.before[axis] + c.after[axis] - c.dilation[axis] * (c.kernel[axis] - 1) - 1;
    c.output[axis] = room < 0 ? 0 : room / c.stride[axis] + 1;
  }
  return c;
}

Convolution sized(std::int64_t batch, std::int64_t height, std::int64_t width, std::int64_t channels,
                  std::int64_t filters, std::array<std::int64_t, 2> kernel, std::array<std::int64_t, 2> stride,
                  std::array<std::int64_t, 2> before, std::array<std::int64_t, 2> after) {
  Convolution c;
  c.batch = batch, c.channels = channels, c.filters = filters;
  c.input[1] = height, c.input[2] = width;
  for (int axis = 0; axis < 2; ++axis)
    c.kernel[axis + 1] = kernel[axis], c.stride[axis + 1] = stride[axis], c.before[axis + 1] = before[axis],
                    c.after[axis + 1] = after[axis];
  return completed(c);
}

Convolution padded(std::int64_t batch, std::int64_t side, std::int64_t channels, std::int64_t filters,
                   std::int64_t stride = 1) {
  return sized(batch, side, side, channels, filters, {3, 3}, {stride, stride}, {1, 1}, {1, 1});
}

// The trilinear form, one product after the other.
std::vector<double> naive(const Case& given, ConvolutionPart part) {
  const auto& c = given.c;
  std::vector<double> sums(static_cast<std::size_t>(given.replaced(part).elements()), 0.0);
  const auto visit = [&](std::int64_t image, std::int64_t weight, std::int64_t result) {
    if (part == ConvolutionPart::forward) sums[result] += given.image.at(image) * given.weights.at(weight);
    if (part == ConvolutionPart::data) sums[image] += given.result.at(result) * given.weights.at(weight);
    if (part == ConvolutionPart::weights) sums[weight] += given.image.at(image) * given.result.at(result);
  };
  const Shape places = {c.output[0], c.output[1], c.output[2], c.kernel[0], c.kernel[1], c.kernel[2]};
  const std::int64_t channels = c.channels / c.groups, filters = c.filters / c.groups;
  for (std::int64_t i = 0; i < places.elements(); ++i) {
    std::int64_t at[6], rest = i;
    for (int axis = 5; axis >= 0; --axis) at[axis] = rest % places[axis], rest /= places[axis];
    std::int64_t pixel = 0, place = 0, to = 0;
    bool inside = true;
    for (int axis = 0; axis < spatial_axes; ++axis) {
      const std::int64_t from = at[axis] * c.stride[axis] - c.before[axis] + at[axis + 3] * c.dilation[axis];
      inside = inside && from >= 0 && from < c.input[axis];
      pixel = pixel * c.input[axis] + from, place = place * c.kernel[axis] + at[axis + 3];
      to = to * c.output[axis] + at[axis];
    }
    const std::int64_t pixels = c.input[0] * c.input[1] * c.input[2], tos = c.output[0] * c.output[1] * c.output[2];
    for (std::int64_t n = 0; inside && n < c.batch; ++n)
      for (std::int64_t o = 0; o < c.filters; ++o)
        for (std::int64_t k = 0; k < channels; ++k)
          visit((n * pixels + pixel) * c.channels + o / filters * channels + k, (place * channels + k) * c.filters + o,
                (n * tos + to) * c.filters + o);
  }
  return sums;
}

KernelPtr make_chosen(const Convolution& c, ConvolutionPart part) {
  if (part == ConvolutionPart::forward) return make_convolution(c);
  return part == ConvolutionPart::data ? make_convolution_data(c) : make_convolution_weights(c);
}

std::int64_t longest_sum(const Convolution& c) {
  const std::int64_t window = c.kernel[0] * c.kernel[1] * c.kernel[2];
  return std::max({window * c.channels, window * c.filters, c.batch * c.output[0] * c.output[1] * c.output[2]});
}

void check_kernel(const Kernel& kernel, const Case& given, ConvolutionPart part, const std::vector<double>& wanted) {
  const auto result = run(kernel, given.replaced(part).type(), given.inputs(part));
  std::int64_t wrong = 0;
  for (std::size_t i = 0; i < wanted.size(); ++i)
    wrong += !close(result.at(static_cast<std::int64_t>(i)), wanted[i], tolerance(given.c.dtype, longest_sum(given.c)));
  BOOST_TEST(wrong == 0, kernel.describe() << ": " << wrong << " wrong");
}

void check_all(const Convolution& c, std::uint64_t seed, bool library) {
  const Case given(c, seed);
  for (const auto part : all_parts) {
    const auto wanted = naive(given, part);
    check_kernel(*make_chosen(c, part), given, part, wanted);
    check_kernel(*make_own_convolution(c, part), given, part, wanted);
    if (!library || c.dtype != Dtype::f32) continue;
    if (const auto kernel = make_onednn_convolution(c, part)) check_kernel(*kernel, given, part, wanted);
  }
}

}  // namespace

BOOST_AUTO_TEST_CASE(random_shapes_equal_naive_loops) {
  Numbers numbers(7);
  const auto pair = [&](std::int64_t low, std::int64_t high) {
    return std::array{low + numbers.below(high - low + 1), low + numbers.below(high - low + 1)};
  };
  for (int i = 0; i < 120; ++i) {
    const auto kernel = pair(1, 5), size = pair(1, 12);
    auto c = sized(1 + numbers.below(4), size[0], size[1], 1 + numbers.below(19), 1 + numbers.below(19), kernel,
                   pair(1, 3), {numbers.below(kernel[0] + 1), numbers.below(kernel[1] + 1)},
                   {numbers.below(kernel[0] + 1), numbers.below(kernel[1] + 1)});
    c.dtype = i % 2 == 0 ? Dtype::f32 : Dtype::f64;
    BOOST_TEST_CONTEXT("case " << i) check_all(c, 100 + 3 * i, false);
  }
}

BOOST_AUTO_TEST_CASE(random_shapes_over_three_axes_with_dilation_and_groups_equal_naive_loops) {
  Numbers numbers(8);
  for (int i = 0; i < 200; ++i) {
    Convolution c;
    c.dtype = i % 2 == 0 ? Dtype::f32 : Dtype::f64;
    c.batch = 1 + numbers.below(3), c.groups = 1 + numbers.below(4);
    c.channels = c.groups * (1 + numbers.below(5)), c.filters = c.groups * (1 + numbers.below(9));
    for (int axis = static_cast<int>(numbers.below(3)); axis < spatial_axes; ++axis) {
      c.input[axis] = 1 + numbers.below(8), c.kernel[axis] = 1 + numbers.below(4);
      c.stride[axis] = 1 + numbers.below(4), c.dilation[axis] = 1 + numbers.below(4);
      c.before[axis] = numbers.below(5), c.after[axis] = numbers.below(5);
    }
    BOOST_TEST_CONTEXT("case " << i) check_all(completed(c), 100 + 3 * i, false);
  }
}

BOOST_AUTO_TEST_CASE(dilation_and_groups_by_channel_equal_naive_loops_in_the_library) {
  for (const std::int64_t dilation : {1, 2})
    for (const std::int64_t stride : {1, 2}) {
      auto by_channel = padded(2, 14, 32, 32, stride), dilated = padded(1, 14, 64, 64, stride);
      by_channel.groups = 32;
      by_channel.dilation[1] = by_channel.dilation[2] = dilated.dilation[1] = dilated.dilation[2] = dilation;
      check_all(completed(by_channel), 1, true);
      check_all(completed(dilated), 1, true);
    }
}

BOOST_AUTO_TEST_CASE(important_layers_equal_naive_loops) {
  for (const std::int64_t stride : {1, 2})
    for (const auto& c : {padded(2, 28, 1, 64, stride), padded(2, 14, 64, 64, stride), padded(5, 7, 64, 64, stride),
                          padded(5, 3, 64, 64, stride), padded(1, 30, 3, 32, stride)})
      check_all(c, 1, true);
  check_all(sized(2, 9, 9, 64, 128, {1, 1}, {1, 1}, {0, 0}, {0, 0}), 1, true);
  check_all(sized(1, 6, 6, 128, 128, {3, 3}, {1, 1}, {1, 1}, {1, 1}), 1, true);
  check_all(sized(1, 8, 9, 16, 16, {3, 2}, {2, 3}, {1, 0}, {0, 2}), 1, true);
  check_all(sized(3, 10, 11, 8, 24, {5, 4}, {3, 2}, {0, 3}, {2, 1}), 1, true);
}

BOOST_AUTO_TEST_CASE(zero_sizes) {
  for (const auto dtype : {Dtype::f32, Dtype::f64})
    for (auto c :
         {padded(0, 5, 3, 4), padded(2, 5, 0, 4), padded(2, 5, 3, 0), padded(2, 0, 3, 4),
          sized(2, 2, 2, 3, 4, {5, 5}, {1, 1}, {0, 0}, {0, 0}), sized(2, 0, 4, 3, 4, {3, 3}, {1, 1}, {0, 0}, {0, 0}),
          sized(2, 3, 3, 2, 4, {3, 3}, {2, 2}, {5, 5}, {5, 5})}) {
      c.dtype = dtype;
      check_all(c, 1, false);
    }
}

BOOST_AUTO_TEST_CASE(infinity_meets_no_padding) {
  for (const auto& c : {padded(2, 5, 3, 16), padded(5, 7, 64, 64), padded(6, 14, 1, 64)}) {
    Case given(c, 1);
    given.weights.as<float>()[5] = std::numeric_limits<float>::infinity();
    given.image.as<float>()[7] = -std::numeric_limits<float>::infinity();
    given.result.as<float>()[1] = std::numeric_limits<float>::quiet_NaN();
    for (const auto part : all_parts) check_kernel(*make_chosen(c, part), given, part, naive(given, part));
  }
}

BOOST_AUTO_TEST_CASE(forward_and_data_of_an_image_do_not_depend_on_the_batch) {
  for (const std::int64_t side : {4, 14}) {
    const auto many = padded(9, side, 16, 16), one = padded(1, side, 16, 16);
    const Case all(many, 1), single(one, 1);
    for (const auto part : {ConvolutionPart::forward, ConvolutionPart::data}) {
      const auto whole = run(*make_own_convolution(many, part), all.replaced(part).type(), all.inputs(part));
      for (std::int64_t i = 0; i < 9; ++i) {
        Array source = part == ConvolutionPart::forward ? all.image.row(i) : all.result.row(i);
        const auto result =
            run(*make_own_convolution(one, part), single.replaced(part).type(), {&source, &all.weights});
        BOOST_TEST(same_bits(result.reshaped(whole.row(i).shape()), whole.row(i)));
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(two_workers_of_one_kernel_get_the_bits_of_one) {
  const auto c = padded(3, 14, 64, 64);
  const Case given(c, 1);
  for (const auto part : all_parts)
    for (const bool library : {false, true}) {
      const auto kernel = library ? make_onednn_convolution(c, part) : make_own_convolution(c, part);
      if (!kernel) continue;
      const auto& type = given.replaced(part).type();
      const auto alone = run(*kernel, type, given.inputs(part));
      std::vector<Array> results(2);
      {
        std::vector<std::jthread> workers;
        for (auto& result : results)
          workers.emplace_back([&] {
            for (int i = 0; i < 10; ++i) result = run(*kernel, type, given.inputs(part));
          });
      }
      for (const auto& result : results) BOOST_TEST(same_bits(result, alone));
    }
}

BOOST_AUTO_TEST_CASE(sizes_that_contradict_each_other_are_our_bug) {
  auto c = padded(1, 5, 1, 1);
  c.output[1] = 4;
  BOOST_CHECK_THROW(make_convolution(c), Bug);
  auto odd = padded(1, 5, 3, 4);
  odd.groups = 2;
  BOOST_CHECK_THROW(make_convolution(odd), Bug);
}

BOOST_AUTO_TEST_SUITE_END()
