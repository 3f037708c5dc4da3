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

// Measured by tests/bench/convolution.cpp: with so few channels oneDNN has no good blocked layout, and with so little
// work its call and reorders cost more than they save.
constexpr std::int64_t fewest_channels_for_onednn = 8;
constexpr std::int64_t least_work_for_onednn = 1 << 18;

bool suits_onednn(const Convolution& c) {
  if (c.dtype != Dtype::f32 || c.channels < fewest_channels_for_onednn || c.filters < fewest_channels_for_onednn)
    return false;
  for (int axis = 0; axis < 2; ++axis)
    if (c.before[axis] < 0 || c.after[axis] < 0 || c.kernel[axis] == 0) return false;
  const std::int64_t work =
      c.batch * c.output[0] * c.output[1] * c.kernel[0] * c.kernel[1] * c.channels * c.filters;
  return work >= least_work_for_onednn;
}

KernelPtr make_part(const Convolution& c, ConvolutionPart part) {
  check(c);
  if (suits_onednn(c))
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
