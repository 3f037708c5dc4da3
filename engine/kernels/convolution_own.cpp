// Convolution as many small products without copying windows: one product for each run of pixels that see the same part
// of the weights. Assumes the sizes were checked. Places outside the image are skipped, never multiplied; the order of
// a sum is the order of the weights (forward, data) or of the pixels (weights), whatever the batch.
#include <algorithm>
#include <numeric>
#include <vector>

#include "base/error.hpp"
#include "kernels/convolution.hpp"
#include "kernels/products.hpp"

namespace metac {
namespace {

// ---- forward and data: every target pixel gathers from source pixels through some of the weights ----

// Along one axis: what one target place reads. From tap to tap, sources and kernel places go up by the axis's steps.
struct Taps {
  std::int64_t count = 0, source = 0, kernel = 0;
};

// Targets first, first + step, ... that read through the same weights, each `source_step` further on.
struct Run {
  std::int64_t first = 0, count = 0;
};

struct Axis {
  std::vector<Taps> taps;  // by target
  std::vector<Run> runs;
  std::int64_t target_step = 1, source_step = 1;      // from one target of a run to the next
  std::int64_t tap_source_step = 1, kernel_step = 1;  // from one tap to the next
};

std::int64_t rounded_up(std::int64_t a, std::int64_t b) { return (a + b - 1) / b; }  // a / b, for a >= 0

Taps forward_taps(const Convolution& c, int axis, std::int64_t target) {
  const std::int64_t origin = target * c.stride[axis] - c.before[axis], step = c.dilation[axis];
  const std::int64_t low = origin < 0 ? rounded_up(-origin, step) : 0;
  const std::int64_t beyond = c.input[axis] - origin;  // so far is the end of the image
  const std::int64_t high = beyond <= 0 ? 0 : std::min(c.kernel[axis], rounded_up(beyond, step));
  return high <= low ? Taps{} : Taps{high - low, origin + low * step, low};
}

// Image place `target` was read by output places o with o * stride + kernel * dilation = target + before. From one such
// o to the next are dilation / g places, where g is the greatest common divisor of stride and dilation, and stride / g
// places of the kernel, backwards.
Taps data_taps(const Convolution& c, int axis, std::int64_t target) {
  const std::int64_t place = target + c.before[axis], stride = c.stride[axis], dilation = c.dilation[axis];
  const std::int64_t common = std::gcd(stride, dilation), next = dilation / common, back = stride / common;
  std::int64_t output = 0;
  while (output < next && output <= place / stride && (place - output * stride) % dilation != 0) ++output;
  if (place < 0 || output == next || output > place / stride) return {};
  std::int64_t kernel = (place - output * stride) / dilation;
  const std::int64_t skipped = kernel < c.kernel[axis] ? 0 : rounded_up(kernel - c.kernel[axis] + 1, back);
  output += skipped * next, kernel -= skipped * back;
  if (kernel < 0 || output >= c.output[axis]) return {};
  return {1 + std::min(kernel / back, (c.output[axis] - 1 - output) / next), output, kernel};
}

void find_runs(Axis& axis) {
  const auto size = static_cast<std::int64_t>(axis.taps.size());
  for (std::int64_t phase = 0; phase < std::min(axis.target_step, size); ++phase) {
    Run run{phase, 1};
    for (std::int64_t target = phase + axis.target_step; target < size; target += axis.target_step) {
      const auto &first = axis.taps[run.first], &next = axis.taps[target];
      const bool same = next.count == first.count &&
                        (next.count == 0 ||
                         (next.kernel == first.kernel && next.source == first.source + run.count * axis.source_step));
      if (same) {
        ++run.count;
      } else {
        axis.runs.push_back(run);
        run = {target, 1};
      }
    }
    axis.runs.push_back(run);
  }
}

Axis make_axis(const Convolution& c, ConvolutionPart part, int axis) {
  const bool forward = part == ConvolutionPart::forward;
  const std::int64_t common = std::gcd(c.stride[axis], c.dilation[axis]);
  Axis result;
  result.target_step = forward ? 1 : c.stride[axis];
  result.source_step = forward ? c.stride[axis] : 1;
  result.tap_source_step = forward ? c.dilation[axis] : c.dilation[axis] / common;
  result.kernel_step = forward ? 1 : -c.stride[axis] / common;
  const std::int64_t targets = forward ? c.output[axis] : c.input[axis];
  for (std::int64_t target = 0; target < targets; ++target)
    result.taps.push_back(forward ? forward_taps(c, axis, target) : data_taps(c, axis, target));
  find_runs(result);
  return result;
}

// Elements from one step of each spatial axis to the next, and of the whole.
struct Strides {
  std::int64_t step[spatial_axes], all;
  Strides(const std::int64_t* sizes, std::int64_t inner) {
    for (int axis = spatial_axes - 1; axis >= 0; --axis) step[axis] = inner, inner *= sizes[axis];
    all = inner;
  }
};

template <class T>
class GatherConvolution : public Kernel {
 public:
  GatherConvolution(const Convolution& c, ConvolutionPart part)
      : c_(c),
        part_(part),
        axes_{make_axis(c, part, 0), make_axis(c, part, 1), make_axis(c, part, 2)},
        source_(forward() ? c.input : c.output, forward() ? c.channels : c.filters),
        target_(forward() ? c.output : c.input, forward() ? c.filters : c.channels),
        weights_(c.kernel, c.channels / c.groups * c.filters),
        depth_((forward() ? c.channels : c.filters) / c.groups),
        columns_((forward() ? c.filters : c.channels) / c.groups) {}

  std::size_t scratch_bytes() const override {
    return forward() ? 0 : static_cast<std::size_t>(weights_.all) * sizeof(T);
  }

  void run(void* const* operands, std::byte* scratch, State*) const override {
    if (c_.batch * target_.all == 0) return;
    auto* result = static_cast<T*>(operands[0]);
    const auto* source = static_cast<const T*>(operands[1]);
    const auto* weights = static_cast<const T*>(operands[2]);
    if (!forward()) weights = swap_channels(weights, reinterpret_cast<T*>(scratch));
    // Of the weights of one place, those of the next group are further columns, or after the swap further rows.
    const std::int64_t next_group = forward() ? columns_ : depth_ * columns_;
    for (std::int64_t group = 0; group < c_.groups;
         ++group, source += depth_, result += columns_, weights += next_group)
      for (std::size_t z = 0; z < axes_[0].taps.size(); ++z)
        for (std::size_t y = 0; y < axes_[1].taps.size(); ++y)
          for (const auto& run : axes_[2].runs) gather(z, y, run, source, weights, result);
  }

  std::string describe() const override { return metac::describe(c_, part_, "own"); }

 private:
  bool forward() const { return part_ == ConvolutionPart::forward; }

  // Weights [.., channels, groups, filters] as [.., groups, filters, channels].
  const T* swap_channels(const T* weights, T* to) const {
    const Packing packing{.depth = depth_, .columns = columns_, .b_k = 1, .b_column = c_.filters};
    const std::int64_t places = c_.kernel[0] * c_.kernel[1] * c_.kernel[2];
    for (std::int64_t place = 0; place < places; ++place)
      for (std::int64_t group = 0; group < c_.groups; ++group) {
        const std::int64_t first = place * columns_ * c_.filters;
        products<T>().pack(packing, weights + first + group * depth_, to + first + group * depth_ * columns_);
      }
    return to;
  }

  // The rows of a product are the pixels of the run, or the images of the batch: whichever are more.
  void gather(std::size_t z, std::size_t y, const Run& run, const T* source, const T* weights, T* result) const {
    const Axis &rows = axes_[1], &places = axes_[2];
    const Taps &down = rows.taps[y], &right = places.taps[run.first];
    const bool rows_are_pixels = run.count >= c_.batch;
    const std::int64_t a_next = places.source_step * source_.step[2], to_next = places.target_step * target_.step[2];
    Contraction s{.rows = rows_are_pixels ? run.count : c_.batch,
                  .columns = columns_,
                  .k = {down.count, right.count, depth_},
                  .a_row = rows_are_pixels ? a_next : source_.all,
                  .a_k = {rows.tap_source_step * source_.step[1], places.tap_source_step * source_.step[2], 1},
                  .b_k = {rows.kernel_step * weights_.step[1], places.kernel_step * weights_.step[2],
                          forward() ? c_.filters : columns_},
                  .result_row = rows_are_pixels ? to_next : target_.all};
    // One long inner loop, where the places of a row of the kernel lie side by side in both.
    if (right.count == c_.kernel[2] && s.a_k[1] == depth_ && s.b_k[1] == depth_ * s.b_k[2])
      s.k[2] *= s.k[1], s.k[1] = 1;
    const T* b = weights + down.kernel * weights_.step[1] + right.kernel * weights_.step[2];
    const T* a = source + down.source * source_.step[1] + right.source * source_.step[2];
    T* to = result + static_cast<std::int64_t>(z) * target_.step[0] + static_cast<std::int64_t>(y) * target_.step[1] +
            run.first * target_.step[2];
    const std::int64_t calls = rows_are_pixels ? c_.batch : run.count;
    const std::int64_t a_call = rows_are_pixels ? source_.all : a_next;
    const std::int64_t to_call = rows_are_pixels ? target_.all : to_next;
    for (std::int64_t i = 0; i < calls; ++i) add_planes(s, axes_[0].taps[z], a + i * a_call, b, to + i * to_call);
  }

  // The planes of the kernel, one after the other. Where there are none, zeros.
  void add_planes(Contraction s, const Taps& planes, const T* a, const T* b, T* to) const {
    if (planes.count == 0) {
      s.k[0] = 0;
      return products<T>().contract(s, a, b, to);
    }
    a += planes.source * source_.step[0], b += planes.kernel * weights_.step[0];
    for (std::int64_t tap = 0; tap < planes.count; ++tap) {
      s.accumulate = tap > 0;
      products<T>().contract(s, a + tap * axes_[0].tap_source_step * source_.step[0],
                             b + tap * axes_[0].kernel_step * weights_.step[0], to);
    }
  }

  Convolution c_;
  ConvolutionPart part_;
  Axis axes_[spatial_axes];
  Strides source_, target_, weights_;
  std::int64_t depth_, columns_;  // of one group
};

// ---- weights: every weight sums over the pixels it met ----

// The output places that meet kernel place `kernel` inside the image: low .. high - 1.
struct Range {
  std::int64_t low = 0, high = 0;
  std::int64_t size() const { return std::max<std::int64_t>(0, high - low); }
};

Range meeting(const Convolution& c, int axis, std::int64_t kernel) {
  const std::int64_t stride = c.stride[axis];
  const std::int64_t offset = c.before[axis] - kernel * c.dilation[axis];  // o * stride - offset is in the image
  const std::int64_t end = c.input[axis] + offset;
  return {offset <= 0 ? 0 : rounded_up(offset, stride),
          end <= 0 ? 0 : std::min(c.output[axis], rounded_up(end, stride))};
}

template <class T>
class WeightsConvolution : public Kernel {
 public:
  explicit WeightsConvolution(const Convolution& c)
      : c_(c), image_(c.input, c.channels), gradient_(c.output, c.filters), channels_(c.channels / c.groups) {
    const std::int64_t pixels = std::max<std::int64_t>(1, c.output[1] * c.output[2]);
    images_at_once_ = std::max<std::int64_t>(1, pixels_at_once / pixels);
    for (int axis = 0; axis < spatial_axes; ++axis)
      for (std::int64_t kernel = 0; kernel < c.kernel[axis]; ++kernel)
        places_[axis].push_back(meeting(c, axis, kernel));
    if (c.groups > 1 || c.dilation[2] > 1) return;
    common_ = {0, c.output[2]};
    for (const Range& range : places_[2])
      common_ = {std::max(common_.low, range.low), std::min(common_.high, range.high)};
    if (common_.size() == 0) common_ = {0, 0};
  }

  void run(void* const* operands, std::byte*, State*) const override {
    auto* result = static_cast<T*>(operands[0]);
    const std::int64_t weights = c_.kernel[0] * c_.kernel[1] * c_.kernel[2] * channels_ * c_.filters;
    std::fill(result, result + weights, T(0));
    if (weights == 0) return;
    const auto *image = static_cast<const T*>(operands[1]), *gradient = static_cast<const T*>(operands[2]);
    for (std::int64_t first = 0; first < c_.batch; first += images_at_once_) {
      const std::int64_t images = std::min(images_at_once_, c_.batch - first);
      for (std::int64_t group = 0; group < c_.groups; ++group)
        add_planes(images, image + first * image_.all + group * channels_,
                   gradient + first * gradient_.all + group * filters(), result + group * filters());
    }
  }

  std::string describe() const override { return metac::describe(c_, ConvolutionPart::weights, "own"); }

 private:
  // So many gradients of pixels stay in the cache while all weights pass over them.
  static constexpr std::int64_t pixels_at_once = 256;

  std::int64_t filters() const { return c_.filters / c_.groups; }

  void add_planes(std::int64_t images, const T* image, const T* gradient, T* result) const {
    for (std::int64_t kernel = 0; kernel < c_.kernel[0]; ++kernel) {
      const std::int64_t first = kernel * c_.dilation[0] - c_.before[0];
      for (std::int64_t z = places_[0][kernel].low; z < places_[0][kernel].high; ++z)
        add_images(images, image + (z * c_.stride[0] + first) * image_.step[0], gradient + z * gradient_.step[0],
                   result);
      result += c_.kernel[1] * c_.kernel[2] * channels_ * c_.filters;
    }
  }

  // Where all kernel columns meet the image, they are rows of one product; the margins follow column by column.
  void add_images(std::int64_t images, const T* image, const T* gradient, T* result) const {
    const std::int64_t per_column = channels_ * c_.filters;
    for (std::int64_t y = 0; y < c_.kernel[1]; ++y) {
      add(images, image, gradient, y, 0, c_.kernel[2] * channels_, common_, result);
      for (std::int64_t x = 0; x < c_.kernel[2]; ++x) {
        const Range whole = places_[2][x];
        if (common_.size() == 0) {
          add(images, image, gradient, y, x, channels_, whole, result + x * per_column);
        } else {
          add(images, image, gradient, y, x, channels_, {whole.low, common_.low}, result + x * per_column);
          add(images, image, gradient, y, x, channels_, {common_.high, whole.high}, result + x * per_column);
        }
      }
      result += c_.kernel[2] * per_column;
    }
  }

  void add(std::int64_t images, const T* image, const T* gradient, std::int64_t ky, std::int64_t kx, std::int64_t rows,
           Range x, T* result) const {
    const Range y = places_[1][ky];
    if (y.size() == 0 || x.size() == 0) return;
    const Contraction s{.rows = rows,
                        .columns = filters(),
                        .k = {images, y.size(), x.size()},
                        .a_row = 1,
                        .a_k = {image_.all, c_.stride[1] * image_.step[1], c_.stride[2] * image_.step[2]},
                        .b_k = {gradient_.all, gradient_.step[1], gradient_.step[2]},
                        .result_row = c_.filters,
                        .accumulate = true};
    const std::int64_t top = y.low * c_.stride[1] - c_.before[1] + ky * c_.dilation[1];
    const std::int64_t left = x.low * c_.stride[2] - c_.before[2] + kx * c_.dilation[2];
    products<T>().contract(s, image + top * image_.step[1] + left * image_.step[2],
                           gradient + y.low * gradient_.step[1] + x.low * gradient_.step[2], result);
  }

  Convolution c_;
  Strides image_, gradient_;
  std::int64_t channels_, images_at_once_ = 1;  // channels of one group
  std::vector<Range> places_[spatial_axes];     // by place in the kernel
  Range common_;
};

template <class T>
KernelPtr make(const Convolution& c, ConvolutionPart part) {
  if (part == ConvolutionPart::weights) return std::make_unique<WeightsConvolution<T>>(c);
  return std::make_unique<GatherConvolution<T>>(c, part);
}

}  // namespace

KernelPtr make_own_convolution(const Convolution& c, ConvolutionPart part) {
  return c.dtype == Dtype::f32 ? make<float>(c, part) : make<double>(c, part);
}

}  // namespace metac
