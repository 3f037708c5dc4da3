// Convolution, pooling and resizing in one to three sizes; see cases.hpp. Images are channels-last here and
// channels-first in torch: `first` and `last` of compare.py move the channels.
#include <fmt/format.h>

#include "parity/cases.hpp"

namespace metac::parity {
namespace {

Shape image(Draws& draws, int sizes, std::int64_t channels, std::int64_t least = 4) {
  Shape shape{1 + draws.pick(2)};
  for (int i = 0; i < sizes; ++i) shape.push_back(least + draws.pick(sizes == 3 ? 2 : 4));
  shape.push_back(channels);
  return shape;
}

void convolutions(Draws& draws, Cases& cases, int sizes) {
  ConvolutionWindow window;
  window.stride = Shape(sizes, 1 + draws.pick(2)), window.dilation = Shape(sizes, 1 + draws.pick(2));
  window.padding = Shape(sizes, draws.pick(3)), window.groups = 1 + draws.pick(2);
  Shape kernel;
  for (int i = 0; i < sizes; ++i) kernel.push_back(1 + draws.pick(2));
  const auto weights = [&](std::int64_t channels, std::int64_t filters) {
    Shape shape = kernel;
    shape.push_back(channels), shape.push_back(filters);
    return draws.uniform(shape);
  };
  const std::int64_t in = window.groups * (1 + draws.pick(2)), out = window.groups * (1 + draws.pick(3));
  const std::string settings = fmt::format("stride={}, padding={}, dilation={}, groups={}", python(window.stride),
                                           python(window.padding), python(window.dilation), window.groups);
  cases.push_back({"convolution",
                   fmt::format("last(F.conv{}d(first(a), filters(b), {}))", sizes, settings),
                   {draws.uniform(image(draws, sizes, in)), weights(in / window.groups, out)},
                   [window](auto x) -> Results { return {convolution(x[0], x[1], window)}; }});
  window.padding = Shape(sizes, 1), window.padding_after = Shape(sizes, 2);
  std::string places = "1, 2";
  for (int i = 1; i < sizes; ++i) places += ", 1, 2";
  cases.push_back({"convolution",
                   fmt::format("last(F.conv{}d(F.pad(first(a), [{}]), filters(b), stride={}, dilation={}, groups={}))",
                               sizes, places, python(window.stride), python(window.dilation), window.groups),
                   {draws.uniform(image(draws, sizes, in)), weights(in / window.groups, out)},
                   [window](auto x) -> Results { return {convolution(x[0], x[1], window)}; }});
  window.padding = Shape(sizes, draws.pick(2)), window.padding_after = {};
  const Shape further(sizes, window.stride[0] > 1 ? draws.pick(2) : 0);
  cases.push_back(
      {"convolution_transposed",
       fmt::format("last(F.conv_transpose{}d(first(a), filters(b), stride={}, padding={}, dilation={}, groups={}, "
                   "output_padding={}))",
                   sizes, python(window.stride), python(window.padding), python(window.dilation), window.groups,
                   python(further)),
       {draws.uniform(image(draws, sizes, out)), weights(in / window.groups, out)},
       [=](auto x) -> Results { return {convolution_transposed(x[0], x[1], window, further)}; },
       // torch's own derivative of order 3 fails where there is an output padding.
       further[0] > 0 ? 2 : 3});
}

void pools(Draws& draws, Cases& cases, int sizes) {
  PoolingWindow window;
  window.size = Shape(sizes, 2 + draws.pick(2)), window.stride = Shape(sizes, 1 + draws.pick(2));
  window.padding = Shape(sizes, draws.pick(2));
  const std::string settings =
      fmt::format("{}, stride={}, padding={}", python(window.size), python(window.stride), python(window.padding));
  const Array a = draws.uniform(image(draws, sizes, 2));
  cases.push_back(
      {"max_pool", fmt::format("last(F.max_pool{}d(first(a), {}))", sizes, settings), {a}, [window](auto x) -> Results {
         return {max_pool(x[0], window)};
       }});
  const bool counted = draws.once_in(2);
  // torch gives average_pool1d no choice of the divisor's kind in one size other than whether padding counts.
  cases.push_back(
      {"average_pool",
       fmt::format("last(F.avg_pool{}d(first(a), {}, count_include_pad={}))", sizes, settings, python(counted)),
       {a},
       [=](auto x) -> Results { return {average_pool(x[0], window, counted)}; }});
  const Shape to(sizes, 1 + draws.pick(4));
  cases.push_back({"adaptive_average_pool",
                   fmt::format("last(F.adaptive_avg_pool{}d(first(a), {}))", sizes, python(to)),
                   {a},
                   [to](auto x) -> Results { return {adaptive_average_pool(x[0], to)}; }});
  cases.push_back({"adaptive_max_pool",
                   fmt::format("last(F.adaptive_max_pool{}d(first(a), {}))", sizes, python(to)),
                   {a},
                   [to](auto x) -> Results { return {adaptive_max_pool(x[0], to)}; }});
}

void resizes(Draws& draws, Cases& cases, int sizes) {
  const Shape to(sizes, 1 + draws.pick(8));
  const Array a = draws.uniform(image(draws, sizes, 2));
  cases.push_back({"resize",
                   fmt::format("last(F.interpolate(first(a), {}, mode='nearest-exact'))", python(to)),
                   {a},
                   [to](auto x) -> Results { return {resize(x[0], to, Resize::nearest)}; }});
  const char* mode = sizes == 1 ? "linear" : sizes == 2 ? "bilinear" : "trilinear";
  cases.push_back({"resize",
                   fmt::format("last(F.interpolate(first(a), {}, mode='{}', align_corners=False))", python(to), mode),
                   {a},
                   [to](auto x) -> Results { return {resize(x[0], to, Resize::linear)}; }});
}

}  // namespace

void window_cases(Draws& draws, Cases& cases) {
  for (const int sizes : {1, 2, 3}) {
    convolutions(draws, cases, sizes);
    pools(draws, cases, sizes);
    resizes(draws, cases, sizes);
  }
}

}  // namespace metac::parity
