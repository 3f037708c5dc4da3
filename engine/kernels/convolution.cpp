// Which kernel computes which part of which convolution: a function of the shapes only.
#include "kernels/convolution.hpp"

#include <fmt/format.h>

#include "base/error.hpp"

namespace metac {
namespace {

void check(const Convolution& c) {
  bool fits = is_float(c.dtype) && c.batch >= 0 && c.channels >= 0 && c.filters >= 0;
  for (int axis = 0; axis < 2; ++axis) {
    const std::int64_t room = c.input[axis] + c.before[axis] + c.after[axis] - c.kernel[axis];
    fits = fits && c.input[axis] >= 0 && c.kernel[axis] >= 0 && c.output[axis] >= 0 && c.stride[axis] >= 1;
    fits = fits && c.output[axis] == (room < 0 ? 0 : room / c.stride[axis] + 1);
  }
  if (!fits) throw Bug(describe(c, ConvolutionPart::forward, "with sizes that contradict each other"));
}

// Measured by tests/bench/convolution.cpp. The own kernels need no reorder of weights and skip the margins, and win at
// the sizes of few-shot learners. oneDNN wins where one vector of filters' weights no longer fits the nearest cache, where
// there is one product a pixel and nothing to skip, and forward from images of few channels.
constexpr std::int64_t many_weights = 128 * 128;  // channels * filters
constexpr std::int64_t few_channels = 8;
constexpr std::int64_t least_work_for_onednn = 1 << 20;
constexpr std::int64_t onednn_filters = 8;  // oneDNN blocks by as many: others it pads

bool suits_onednn(const Convolution& c, ConvolutionPart part) {
  if (c.dtype != Dtype::f32) return false;
  std::int64_t work = c.batch * c.channels * c.filters, strides = 1, window = 1;
  for (int axis = 0; axis < 2; ++axis) {
    if (c.before[axis] < 0 || c.after[axis] < 0 || c.kernel[axis] == 0) return false;
    work *= c.output[axis] * c.kernel[axis], strides *= c.stride[axis], window *= c.kernel[axis];
  }
  if (work < least_work_for_onednn || c.filters % onednn_filters != 0) return false;
  if (c.channels < few_channels) return part == ConvolutionPart::forward;
  if (window == 1) return c.channels % onednn_filters == 0 && c.channels * c.filters >= many_weights / 2;
  return part != ConvolutionPart::weights && strides == 1 && c.channels * c.filters >= many_weights;
}

KernelPtr make_part(const Convolution& c, ConvolutionPart part) {
  check(c);
  if (suits_onednn(c, part))
    if (auto kernel = make_onednn_convolution(c, part)) return kernel;
  return make_own_convolution(c, part);
}

}  // namespace

const char* to_string(ConvolutionPart part) {
  return part == ConvolutionPart::forward ? "forward" : part == ConvolutionPart::data ? "data" : "weights";
}

std::string describe(const Convolution& c, ConvolutionPart part, const std::string& by) {
  return fmt::format("convolution {} {}x{}x{}x{} to {}x{}x{} kernel {}x{} stride {}x{} {}", to_string(part), c.batch,
                     c.input[0], c.input[1], c.channels, c.output[0], c.output[1], c.filters, c.kernel[0], c.kernel[1],
                     c.stride[0], c.stride[1], by);
}

KernelPtr make_convolution(const Convolution& c) { return make_part(c, ConvolutionPart::forward); }
KernelPtr make_convolution_data(const Convolution& c) { return make_part(c, ConvolutionPart::data); }
KernelPtr make_convolution_weights(const Convolution& c) { return make_part(c, ConvolutionPart::weights); }

}  // namespace metac
