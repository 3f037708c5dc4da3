// Compositions over windows of images: average and adaptive pooling, resizing. All go axis by axis, for a mean over a
// box is a mean of means, and a maximum one of maxima.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "ops/family.hpp"

namespace metac {
namespace {

constexpr int most_sizes = 3;
constexpr std::int64_t most_places = largest_i32;  // of a window and its stride, or of an axis to resize

int sizes_of(const char* name, const Tensor& image) {
  require_float(name, image);
  const int count = image.shape().rank() - 2;
  if (count < 1 || count > most_sizes)
    throw Error(fmt::format("[{}] {} was given; images [n, sizes.., channels] with one to three sizes are needed", name,
                            to_string(image.type())));
  return count;
}

// Along one axis of an image, without padding, windows of one size: their sums.
Tensor sums_of_windows(Tensor x, int axis, std::int64_t size, std::int64_t stride, std::int64_t count) {
  const Shape shape = x.shape();
  if (stride == size && count * size == shape[axis]) {  // side by side
    const Shape before = leading(shape, axis), after = trailing(shape, shape.rank() - axis - 1);
    return sum(reshape(x, concatenated(concatenated(before, {count, size}), after)), {axis + 1});
  }
  Tensor total;
  for (std::int64_t begin = 0; begin < size; ++begin) {
    const Tensor part = slice_axis(x, axis, begin, begin + (count - 1) * stride + 1, stride);
    total = total ? total + part : part;
  }
  return total;
}

// How many elements of the axis each window has; the sizes of its other axes are 1.
Tensor elements_of_windows(const Windows& w, int axis, std::int64_t size, Tensor like) {
  std::vector<double> counts(w.count(axis, size));
  for (std::size_t i = 0; i < counts.size(); ++i) {
    const std::int64_t begin = static_cast<std::int64_t>(i) * w.stride[axis] - w.before[axis];
    counts[i] = static_cast<double>(std::min(begin + w.size[axis], size) - std::max<std::int64_t>(begin, 0));
  }
  const auto n = static_cast<std::int64_t>(counts.size());
  const Tensor along = cast(constant(like.graph(), Array::from<double>({n}, counts)), like.dtype());
  return with_trailing_ones(along, like.shape().rank() - axis - 1);
}

using ReduceAxes = Tensor (*)(Tensor, Axes, bool);

// Along one axis, `count` neighbouring (or overlapping) parts that together cover it.
Tensor adapt_axis(const char* name, ReduceAxes reduce, Tensor x, int axis, std::int64_t count) {
  const std::int64_t size = x.shape()[axis];
  if (count < 1 || size < 1)
    throw Error(
        fmt::format("[{}] {} was given to be pooled to {} places along axis {}; at least 1 element and 1 place "
                    "are needed",
                    name, to_string(x.type()), count, axis));
  if (size % count == 0) {
    const Shape before = leading(x.shape(), axis), after = trailing(x.shape(), x.shape().rank() - axis - 1);
    return reduce(reshape(x, concatenated(concatenated(before, {count, size / count}), after)), {axis + 1}, false);
  }
  checked_product(name, count, size);
  Tensors parts;
  for (std::int64_t i = 0; i < count; ++i) {
    const std::int64_t begin = i * size / count, end = ((i + 1) * size + count - 1) / count;
    parts.push_back(reduce(slice_axis(x, axis, begin, end), {axis}, true));
  }
  return concatenate(parts, axis);
}

Tensor adapt(const char* name, ReduceAxes reduce, Tensor image, const Shape& sizes) {
  const int count = sizes_of(name, image);
  const Shape wanted = for_each_axis(name, "a size", sizes, count);
  for (int axis = 0; axis < count; ++axis) image = adapt_axis(name, reduce, image, axis + 1, wanted[axis]);
  return image;
}

// ---- resizing ----

// Where the centre of element i of `to` lies among `from` elements, of which the first has its centre at 0.
double seen_from(std::int64_t i, std::int64_t from, std::int64_t to) {
  const double place = (static_cast<double>(i) + 0.5) * static_cast<double>(from) / static_cast<double>(to) - 0.5;
  return std::clamp(place, 0.0, static_cast<double>(from - 1));
}

Tensor indices(Graph& graph, const std::vector<std::int32_t>& values) {
  return constant(graph, Array::from<std::int32_t>({static_cast<std::int64_t>(values.size())}, values));
}

Tensor resize_axis(Tensor x, int axis, std::int64_t to, Resize resize) {
  const std::int64_t from = x.shape()[axis];
  std::vector<std::int32_t> low, high;
  std::vector<double> weights;
  for (std::int64_t i = 0; i < to; ++i) {
    const double place = seen_from(i, from, to);
    const double first = resize == Resize::nearest ? std::floor(place + 0.5) : std::floor(place);
    weights.push_back(place - first);
    low.push_back(static_cast<std::int32_t>(first));
    high.push_back(static_cast<std::int32_t>(place > first ? first + 1 : first));
  }
  const Tensor below = take(x, indices(x.graph(), low), axis);
  if (resize == Resize::nearest) return below;
  const Tensor given = cast(constant(x.graph(), Array::from<double>({to}, weights)), x.dtype());
  const Tensor weight = with_trailing_ones(given, x.shape().rank() - axis);
  const Tensor above = take(x, indices(x.graph(), high), axis) * weight;
  return below * (1.0 - weight) + drop_where(equal(weight, zeros_like(weight)), above);  // 0 times infinity is NaN
}

}  // namespace

std::string by_axis(const Shape& sizes) { return fmt::format("{}", fmt::join(sizes.begin(), sizes.end(), "x")); }

Windows windows_of(const char* name, Tensor image, const PoolingWindow& window) {
  const int count = sizes_of(name, image);
  Windows w;
  w.size = for_each_axis(name, "a window", window.size, count);
  w.stride = window.stride.empty() ? w.size : for_each_axis(name, "a stride", window.stride, count);
  w.before = for_each_axis(name, "a padding", window.padding, count);
  w.after = window.padding_after.empty() ? w.before : for_each_axis(name, "a padding", window.padding_after, count);
  for (int axis = 0; axis < count; ++axis) {
    const std::int64_t size = image.shape()[axis + 1], most = std::max(w.before[axis], w.after[axis]);
    const bool fits = size >= 1 && w.size[axis] >= 1 && w.size[axis] <= most_places && w.stride[axis] >= 1 &&
                      w.stride[axis] <= most_places && w.before[axis] >= 0 && w.after[axis] >= 0 &&
                      most < w.size[axis] && w.size[axis] - size <= w.before[axis] + w.after[axis];
    if (!fits)
      throw Error(
          fmt::format("[{}] {} was given for windows {}, stride {} and padding {}{}; windows that fit into the "
                      "padded image, strides of at least 1 and less padding than window are needed",
                      name, to_string(image.type()), by_axis(w.size), by_axis(w.stride), by_axis(w.before),
                      w.after == w.before ? "" : fmt::format(" before and {} after", by_axis(w.after))));
  }
  return w;
}

Tensor average_pool(Tensor x, const PoolingWindow& window, bool count_padding) {
  const Windows w = windows_of("average_pool", x, window);
  double elements = 1;
  for (int axis = 0; axis < w.size.rank(); ++axis) {
    const std::int64_t size = x.shape()[axis + 1], count = w.count(axis, size);
    Shape before(x.shape().rank(), 0), after = before;
    before[axis + 1] = w.before[axis], after[axis + 1] = w.after[axis];
    x = sums_of_windows(pad(x, before, after), axis + 1, w.size[axis], w.stride[axis], count);
    if (count_padding)
      elements *= static_cast<double>(w.size[axis]);
    else
      x = x / elements_of_windows(w, axis, size, x);
  }
  return count_padding ? x / elements : x;
}

Tensor adaptive_average_pool(Tensor image, const Shape& sizes) {
  return adapt("adaptive_average_pool", mean, image, sizes);
}

Tensor adaptive_max_pool(Tensor image, const Shape& sizes) { return adapt("adaptive_max_pool", max, image, sizes); }

Tensor resize(Tensor image, const Shape& sizes, Resize resize) {
  const int count = sizes_of("resize", image);
  const Shape wanted = for_each_axis("resize", "a size", sizes, count);
  for (int axis = 0; axis < count; ++axis) {
    const std::int64_t size = image.shape()[axis + 1], to = wanted[axis];
    if (size < 1 || size > most_places || to < 0 || to > most_places)
      throw Error(
          fmt::format("[resize] {} was given for sizes {}; at least 1 element on each axis, and sizes of at least "
                      "0, all below 2^31, are needed",
                      to_string(image.type()), to_string(wanted)));
    if (size != to) image = resize_axis(image, axis + 1, to, resize);
  }
  return image;
}

}  // namespace metac
