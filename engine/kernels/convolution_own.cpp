// Convolution as many small products without copying windows: one product for each run of pixels that see the same part
// of the weights. Assumes the sizes were checked. Places outside the image are skipped, never multiplied; the order of a
// sum is the order of the weights (forward, data) or of the pixels (weights), whatever the batch.
#include <algorithm>
#include <cstring>
#include <vector>

#include "base/error.hpp"
#include "kernels/convolution.hpp"
#include "kernels/products.hpp"

namespace metac {
namespace {

// ---- forward and data: every target pixel gathers from source pixels through some of the weights ----

// Along one axis: what one target place reads. Source places go up by 1, kernel places by `kernel_step`.
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
  std::int64_t target_step = 1, source_step = 1, kernel_step = 1;
};

Taps forward_taps(const Convolution& c, int axis, std::int64_t target) {
  const std::int64_t origin = target * c.stride[axis] - c.before[axis];
  const std::int64_t low = std::max<std::int64_t>(0, -origin), high = std::min(c.kernel[axis], c.input[axis] - origin);
  return high <= low ? Taps{} : Taps{high - low, origin + low, low};
}

// Image place `target` was read by output places o with o * stride + kernel = target + before.
Taps data_taps(const Convolution& c, int axis, std::int64_t target) {
  const std::int64_t place = target + c.before[axis], stride = c.stride[axis];
  if (place < 0) return {};
  const std::int64_t reach = place - (c.kernel[axis] - 1);
  const std::int64_t low = reach <= 0 ? 0 : (reach + stride - 1) / stride;
  const std::int64_t high = std::min(c.output[axis] - 1, place / stride);
  return high < low ? Taps{} : Taps{high - low + 1, low, place - low * stride};
}

void find_runs(Axis& axis) {
  const auto size = static_cast<std::int64_t>(axis.taps.size());
  for (std::int64_t phase = 0; phase < std::min(axis.target_step, size); ++phase) {
    Run run{phase, 1};
    for (std::int64_t target = phase + axis.target_step; target < size; target += axis.target_step) {
      const auto &first = axis.taps[run.first], &next = axis.taps[target];
      const bool same = next.count == first.count && (next.count == 0 || (next.kernel == first.kernel &&
                                                       next.source == first.source + run.count * axis.source_step));
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
  Axis result;
  result.target_step = forward ? 1 : c.stride[axis];
  result.source_step = forward ? c.stride[axis] : 1;
  result.kernel_step = forward ? 1 : -c.stride[axis];
  const std::int64_t targets = forward ? c.output[axis] : c.input[axis];
  for (std::int64_t target = 0; target < targets; ++target)
    result.taps.push_back(forward ? forward_taps(c, axis, target) : data_taps(c, axis, target));
  find_runs(result);
  return result;
}

template <class T>
class GatherConvolution : public Kernel {
 public:
  GatherConvolution(const Convolution& c, ConvolutionPart part)
      : c_(c), part_(part), y_(make_axis(c, part, 0)), x_(make_axis(c, part, 1)) {
    const bool forward = part == ConvolutionPart::forward;
    depth_ = forward ? c.channels : c.filters;
    columns_ = forward ? c.filters : c.channels;
    source_row_ = (forward ? c.input[1] : c.output[1]) * depth_;
    source_image_ = (forward ? c.input[0] : c.output[0]) * source_row_;
    target_row_ = static_cast<std::int64_t>(x_.taps.size()) * columns_;
    target_image_ = static_cast<std::int64_t>(y_.taps.size()) * target_row_;
  }

  std::size_t scratch_bytes() const override {
    if (part_ == ConvolutionPart::forward) return 0;
    return static_cast<std::size_t>(c_.kernel[0] * c_.kernel[1] * c_.channels * c_.filters) * sizeof(T);
  }

  void run(void* const* operands, std::byte* scratch, State*) const override {
    if (c_.batch * target_image_ == 0) return;
    auto* result = static_cast<T*>(operands[0]);
    const auto* source = static_cast<const T*>(operands[1]);
    const auto* weights = static_cast<const T*>(operands[2]);
    if (part_ == ConvolutionPart::data) weights = swap_channels(weights, reinterpret_cast<T*>(scratch));
    for (std::size_t y = 0; y < y_.taps.size(); ++y)
      for (const auto& run : x_.runs) gather(y, run, source, weights, result);
  }

  std::string describe() const override { return metac::describe(c_, part_, "own"); }

 private:
  // Weights [.., channels, filters] as [.., filters, channels].
  const T* swap_channels(const T* weights, T* to) const {
    const std::int64_t one = c_.channels * c_.filters;
    const Packing packing{.depth = c_.filters, .columns = c_.channels, .b_k = 1, .b_column = c_.filters};
    for (std::int64_t i = 0; i < c_.kernel[0] * c_.kernel[1]; ++i)
      products<T>().pack(packing, weights + i * one, to + i * one);
    return to;
  }

  // The rows of a product are the pixels of the run, or the images of the batch: whichever are more.
  void gather(std::size_t y, const Run& run, const T* source, const T* weights, T* result) const {
    const Taps &down = y_.taps[y], &right = x_.taps[run.first];
    const std::int64_t weights_x = depth_ * columns_, weights_y = c_.kernel[1] * weights_x;
    Contraction s{.rows = 0, .columns = columns_, .k = {down.count, right.count, depth_}, .a_row = 0,
                  .a_k = {source_row_, depth_, 1},
                  .b_k = {y_.kernel_step * weights_y, x_.kernel_step * weights_x, columns_}, .result_row = 0};
    const T* b = weights + down.kernel * weights_y + right.kernel * weights_x;
    const T* a = source + down.source * source_row_ + right.source * depth_;
    T* to = result + static_cast<std::int64_t>(y) * target_row_ + run.first * columns_;
    const std::int64_t a_next = x_.source_step * depth_, to_next = x_.target_step * columns_;
    const bool rows_are_pixels = run.count >= c_.batch;
    s.rows = rows_are_pixels ? run.count : c_.batch;
    s.a_row = rows_are_pixels ? a_next : source_image_;
    s.result_row = rows_are_pixels ? to_next : target_image_;
    if (right.count == c_.kernel[1] && x_.kernel_step == 1) s.k[2] *= s.k[1], s.k[1] = 1;  // one long inner loop
    const std::int64_t calls = rows_are_pixels ? c_.batch : run.count;
    const std::int64_t a_call = rows_are_pixels ? source_image_ : a_next;
    const std::int64_t to_call = rows_are_pixels ? target_image_ : to_next;
    for (std::int64_t i = 0; i < calls; ++i) products<T>().contract(s, a + i * a_call, b, to + i * to_call);
  }

  Convolution c_;
  ConvolutionPart part_;
  Axis y_, x_;
  std::int64_t depth_, columns_, source_row_, source_image_, target_row_, target_image_;
};

// ---- weights: every weight sums over the pixels it met ----

// The output places that meet kernel place `kernel` inside the image: low .. high - 1.
struct Range {
  std::int64_t low = 0, high = 0;
  std::int64_t size() const { return std::max<std::int64_t>(0, high - low); }
};

Range meeting(const Convolution& c, int axis, std::int64_t kernel) {
  const std::int64_t stride = c.stride[axis], offset = c.before[axis] - kernel;  // o * stride - offset is in the image
  const std::int64_t end = c.input[axis] + offset;
  return {offset <= 0 ? 0 : (offset + stride - 1) / stride,
          end <= 0 ? 0 : std::min(c.output[axis], (end + stride - 1) / stride)};
}

template <class T>
class WeightsConvolution : public Kernel {
 public:
  explicit WeightsConvolution(const Convolution& c) : c_(c) {
    const std::int64_t pixels = std::max<std::int64_t>(1, c.output[0] * c.output[1]);
    images_at_once_ = std::max<std::int64_t>(1, pixels_at_once / pixels);
    for (std::int64_t kernel = 0; kernel < c.kernel[0]; ++kernel) y_.push_back(meeting(c, 0, kernel));
    common_ = {0, c.output[1]};
    for (std::int64_t kernel = 0; kernel < c.kernel[1]; ++kernel) {
      x_.push_back(meeting(c, 1, kernel));
      common_ = {std::max(common_.low, x_.back().low), std::min(common_.high, x_.back().high)};
    }
    if (common_.size() == 0) common_ = {0, 0};
  }

  void run(void* const* operands, std::byte*, State*) const override {
    auto* result = static_cast<T*>(operands[0]);
    const std::int64_t weights = c_.kernel[0] * c_.kernel[1] * c_.channels * c_.filters;
    std::fill(result, result + weights, T(0));
    if (weights == 0) return;
    const auto *image = static_cast<const T*>(operands[1]), *gradient = static_cast<const T*>(operands[2]);
    const std::int64_t per_image = c_.input[0] * c_.input[1] * c_.channels;
    const std::int64_t per_gradient = c_.output[0] * c_.output[1] * c_.filters;
    for (std::int64_t first = 0; first < c_.batch; first += images_at_once_) {
      const std::int64_t images = std::min(images_at_once_, c_.batch - first);
      add_images(images, image + first * per_image, gradient + first * per_gradient, result);
    }
  }

  std::string describe() const override { return metac::describe(c_, ConvolutionPart::weights, "own"); }

 private:
  // So many gradients of pixels stay in the cache while all weights pass over them.
  static constexpr std::int64_t pixels_at_once = 256;

  // Where all kernel columns meet the image, they are rows of one product; the margins follow column by column.
  void add_images(std::int64_t images, const T* image, const T* gradient, T* result) const {
    const std::int64_t per_column = c_.channels * c_.filters;
    for (std::int64_t y = 0; y < c_.kernel[0]; ++y) {
      add(images, image, gradient, y, 0, c_.kernel[1] * c_.channels, common_, result);
      for (std::int64_t x = 0; x < c_.kernel[1]; ++x) {
        const Range whole = x_[x];
        if (common_.size() == 0) {
          add(images, image, gradient, y, x, c_.channels, whole, result + x * per_column);
        } else {
          add(images, image, gradient, y, x, c_.channels, {whole.low, common_.low}, result + x * per_column);
          add(images, image, gradient, y, x, c_.channels, {common_.high, whole.high}, result + x * per_column);
        }
      }
      result += c_.kernel[1] * per_column;
    }
  }

  void add(std::int64_t images, const T* image, const T* gradient, std::int64_t ky, std::int64_t kx, std::int64_t rows,
           Range x, T* result) const {
    const Range y = y_[ky];
    if (y.size() == 0 || x.size() == 0) return;
    const std::int64_t image_row = c_.input[1] * c_.channels, gradient_row = c_.output[1] * c_.filters;
    const Contraction s{.rows = rows, .columns = c_.filters, .k = {images, y.size(), x.size()}, .a_row = 1,
                        .a_k = {c_.input[0] * image_row, c_.stride[0] * image_row, c_.stride[1] * c_.channels},
                        .b_k = {c_.output[0] * gradient_row, gradient_row, c_.filters}, .result_row = c_.filters,
                        .accumulate = true};
    const std::int64_t top = y.low * c_.stride[0] - c_.before[0] + ky, left = x.low * c_.stride[1] - c_.before[1] + kx;
    products<T>().contract(s, image + top * image_row + left * c_.channels,
                           gradient + y.low * gradient_row + x.low * c_.filters, result);
  }

  Convolution c_;
  std::int64_t images_at_once_ = 1;
  std::vector<Range> y_, x_;  // by place in the kernel
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
