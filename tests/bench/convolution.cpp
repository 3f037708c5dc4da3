// Convolutions of few-shot image learners: GFLOP/s of one core for the three parts, by oneDNN, by the own kernels, and
// by the one that the engine chooses (*).
#include <cstdio>

#include "kernels/convolution.hpp"
#include "timing.hpp"

using namespace metac;

namespace {

Convolution shape(std::int64_t batch, std::int64_t side, std::int64_t channels, std::int64_t filters,
                  std::int64_t stride) {
  Convolution c;
  c.batch = batch, c.channels = channels, c.filters = filters;
  for (int axis = 0; axis < 2; ++axis) {
    c.input[axis] = side, c.kernel[axis] = 3, c.before[axis] = c.after[axis] = 1, c.stride[axis] = stride;
    c.output[axis] = (side + 2 - 3) / stride + 1;
  }
  return c;
}

void measure(const Convolution& c, ConvolutionPart part) {
  const Type image{Dtype::f32, {c.batch, c.input[0], c.input[1], c.channels}};
  const Type weights{Dtype::f32, {c.kernel[0], c.kernel[1], c.channels, c.filters}};
  const Type result{Dtype::f32, {c.batch, c.output[0], c.output[1], c.filters}};
  const std::vector<Type> types = part == ConvolutionPart::forward ? std::vector{result, image, weights}
                                  : part == ConvolutionPart::data  ? std::vector{image, result, weights}
                                                                   : std::vector{weights, image, result};
  const double work = 2.0 * static_cast<double>(result.elements() * c.kernel[0] * c.kernel[1] * c.channels);
  const auto chosen = part == ConvolutionPart::forward ? make_convolution(c)
                      : part == ConvolutionPart::data  ? make_convolution_data(c)
                                                       : make_convolution_weights(c);
  const auto own = make_own_convolution(c, part), library = make_onednn_convolution(c, part);
  const double own_time = bench::seconds(*own, types), library_time = library ? bench::seconds(*library, types) : 0;
  const bool chose_own = chosen->describe() == own->describe();
  std::printf("%3ld x %2ldx%-2ld %3ld to %3ld stride %ld %-8s own %6.1f GFLOP/s%s %8.1f us   oneDNN %6.1f GFLOP/s%s %8.1f us\n",
              c.batch, c.input[0], c.input[1], c.channels, c.filters, c.stride[0], to_string(part),
              work / own_time * 1e-9, chose_own ? "*" : " ", own_time * 1e6,
              library ? work / library_time * 1e-9 : 0.0, chose_own ? " " : "*", library_time * 1e6);
}

}  // namespace

int main() {
  std::printf("instruction set %s\n", instruction_set());
  for (const std::int64_t stride : {1, 2})
    for (const auto& [side, channels] : {std::pair{28, 1}, {84, 3}, {14, 64}, {7, 64}, {3, 64}, {14, 32}, {28, 8}})
      for (const auto part : {ConvolutionPart::forward, ConvolutionPart::data, ConvolutionPart::weights})
        measure(shape(5, side, channels, channels == 32 ? 32 : 64, stride), part);
}
