// Convolutions of few-shot image learners: GFLOP/s of one core for the three parts, by oneDNN, by the own kernels, and
// by the one that the engine chooses (*).
#include <cstdio>

#include "kernels/convolution.hpp"
#include "kernels/instruction_set.hpp"
#include "timing.hpp"

using namespace metac;

namespace {

Convolution shape(std::int64_t batch, std::int64_t side, std::int64_t channels, std::int64_t filters,
                  std::int64_t kernel, std::int64_t stride) {
  Convolution c;
  c.batch = batch, c.channels = channels, c.filters = filters;
  for (int axis = 1; axis < spatial_axes; ++axis) {
    c.input[axis] = side, c.kernel[axis] = kernel, c.before[axis] = c.after[axis] = kernel / 2, c.stride[axis] = stride;
    c.output[axis] = (side + kernel / 2 * 2 - kernel) / stride + 1;
  }
  return c;
}

void measure(const Convolution& c, ConvolutionPart part) {
  const Type image{Dtype::f32, {c.batch, c.input[1], c.input[2], c.channels}};
  const Type weights{Dtype::f32, {c.kernel[1], c.kernel[2], c.channels, c.filters}};
  const Type result{Dtype::f32, {c.batch, c.output[1], c.output[2], c.filters}};
  const std::vector<Type> types = part == ConvolutionPart::forward ? std::vector{result, image, weights}
                                  : part == ConvolutionPart::data  ? std::vector{image, result, weights}
                                                                   : std::vector{weights, image, result};
  const double work = 2.0 * static_cast<double>(result.elements() * c.kernel[1] * c.kernel[2] * c.channels);
  const auto chosen = part == ConvolutionPart::forward ? make_convolution(c)
                      : part == ConvolutionPart::data  ? make_convolution_data(c)
                                                       : make_convolution_weights(c);
  const auto own = make_own_convolution(c, part), library = make_onednn_convolution(c, part);
  const double own_time = bench::seconds(*own, types), library_time = library ? bench::seconds(*library, types) : 0;
  const bool chose_own = chosen->describe() == own->describe();
  std::printf(
      "%3ld x %3ldx%-3ld %3ld to %3ld kernel %ld stride %ld %-8s own %6.1f GFLOP/s%s %8.1f us   oneDNN %6.1f GFLOP/s%s "
      "%8.1f us\n",
      c.batch, c.input[1], c.input[2], c.channels, c.filters, c.kernel[1], c.stride[1], to_string(part),
      work / own_time * 1e-9, chose_own ? "*" : " ", own_time * 1e6, library ? work / library_time * 1e-9 : 0.0,
      chose_own ? " " : "*", library_time * 1e6);
}

}  // namespace

int main() {
  std::printf("instruction set %s\n", instruction_set());
  struct Layer {
    std::int64_t batch, side, channels, filters, kernel = 3;
  };
  const Layer layers[] = {
      {5, 28, 1, 64},   {5, 84, 3, 64},      {5, 84, 3, 32},     {5, 28, 8, 64},   {5, 14, 32, 32},   {5, 14, 64, 64},
      {25, 14, 64, 64}, {5, 7, 64, 64},      {5, 3, 64, 64},     {5, 42, 64, 64},  {5, 28, 128, 128}, {5, 14, 256, 256},
      {5, 7, 512, 512}, {5, 28, 64, 128, 1}, {5, 14, 64, 64, 5}, {1, 112, 64, 64}, {5, 14, 20, 20},   {5, 14, 24, 5}};
  for (const std::int64_t stride : {1, 2})
    for (const auto& l : layers)
      for (const auto part : {ConvolutionPart::forward, ConvolutionPart::data, ConvolutionPart::weights})
        measure(shape(l.batch, l.side, l.channels, l.filters, l.kernel, stride), part);
}
