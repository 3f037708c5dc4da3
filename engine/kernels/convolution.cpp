// Which kernel computes which part of which convolution: a function of the shapes only.
#include "kernels/convolution.hpp"

#include <fmt/format.h>

#include "base/error.hpp"

namespace metac {
namespace {

void check(const Convolution& c) {
  bool fits = is_float(c.dtype) && c.batch >= 0 && c.channels >= 0 && c.filters >= 0 && c.groups >= 1;
  fits = fits && c.channels % c.groups == 0 && c.filters % c.groups == 0;
  for (int axis = 0; axis < spatial_axes; ++axis) {
    const std::int64_t room =
        c.input[axis] + c.before[axis] + c.after[axis] - c.dilation[axis] * (c.kernel[axis] - 1) - 1;
    fits = fits && c.input[axis] >= 0 && c.kernel[axis] >= 0 && c.output[axis] >= 0 && c.stride[axis] >= 1;
    fits = fits && c.dilation[axis] >= 1 && c.output[axis] == (room < 0 ? 0 : room / c.stride[axis] + 1);
  }
  if (!fits) throw Bug(describe(c, ConvolutionPart::forward, "with sizes that contradict each other"));
}

// Measured by tests/bench/convolution.cpp. The own kernels need no reorder of weights and skip the margins, and win at
// the sizes of few-shot learners. oneDNN wins where one vector of filters' weights no longer fits the nearest cache,
// where there is one product a pixel and nothing to skip, and forward from images of few channels.
constexpr std::int64_t many_weights = 128 * 128;  // channels * filters
constexpr std::int64_t few_channels = 8;
constexpr std::int64_t least_work_for_onednn = 1 << 20;
constexpr std::int64_t onednn_filters = 8;  // oneDNN blocks by as many: others it pads
// With a group for each channel, the own kernels make one product of a single column for each of them.
constexpr std::int64_t least_work_by_channel = 1 << 13;

bool has_depth(const Convolution& c) { return c.input[0] != 1 || c.kernel[0] != 1 || c.output[0] != 1; }

bool suits_onednn(const Convolution& c, ConvolutionPart part) {
  if (c.dtype != Dtype::f32 || has_depth(c)) return false;
  const bool by_channel = c.groups > 1 && c.groups == c.channels && c.groups == c.filters;
  if (c.groups > 1 && !by_channel) return false;
  std::int64_t work = c.batch * (c.channels / c.groups) * c.filters, strides = 1, window = 1;
  for (int axis = 0; axis < spatial_axes; ++axis) {
    if (c.before[axis] < 0 || c.after[axis] < 0 || c.kernel[axis] == 0) return false;
    work *= c.output[axis] * c.kernel[axis], strides *= c.stride[axis], window *= c.kernel[axis];
  }
  if (by_channel) return work >= least_work_by_channel && c.channels % onednn_filters == 0;
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
  const int first = has_depth(c) ? 0 : 1;
  const auto sizes = [&](const std::int64_t* of) {
    return fmt::format("{}", fmt::join(of + first, of + spatial_axes, "x"));
  };
  std::string text =
      fmt::format("convolution {} {}x{}x{} to {}x{} kernel {} stride {}", to_string(part), c.batch, sizes(c.input),
                  c.channels, sizes(c.output), c.filters, sizes(c.kernel), sizes(c.stride));
  if (c.dilation[0] * c.dilation[1] * c.dilation[2] != 1) text += " dilation " + sizes(c.dilation);
  if (c.groups != 1) text += fmt::format(" groups {}", c.groups);
  return text + " " + by;
}

KernelPtr make_convolution(const Convolution& c) { return make_part(c, ConvolutionPart::forward); }
KernelPtr make_convolution_data(const Convolution& c) { return make_part(c, ConvolutionPart::data); }
KernelPtr make_convolution_weights(const Convolution& c) { return make_part(c, ConvolutionPart::weights); }

}  // namespace metac
