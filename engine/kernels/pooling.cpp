// Take and put look into the window first, where every index of a pooling lies. Any index is safe: one inside the image
// but outside its window is found the slow way, one outside the image reads as NaN and is dropped by put.
#include "kernels/pooling.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <utility>

#include "base/error.hpp"
#include "kernels/dispatch.hpp"

namespace metac {
namespace {

template <class T>
const PoolingTable<T>& pooling() {
  if constexpr (std::is_same_v<T, float>)
    return simd().pooling_f32;
  else
    return simd().pooling_f64;
}

void check(const Pooling& p) {
  bool fits = is_float(p.dtype) && p.batch >= 0 && p.channels >= 0;
  for (int axis = 0; axis < 2; ++axis)
    fits = fits && p.input[axis] >= 0 && p.output[axis] >= 0 && p.window[axis] >= 1 && p.stride[axis] >= 1;
  if (!fits) throw Bug("a pooling kernel whose sizes make no sense");
  if (p.input[0] * p.input[1] > std::numeric_limits<std::int32_t>::max())
    throw Error(fmt::format("[max_pool] an image of {}x{} was given, its places must be countable in i32", p.input[0],
                            p.input[1]));
}

class PoolingKernel : public Kernel {
 public:
  PoolingKernel(const Pooling& p, const char* name) : p_(p), name_(name) { check(p); }
  std::string describe() const override {
    return fmt::format("{} {}x{}x{}x{} window {}x{} stride {}x{}", name_, p_.batch, p_.input[0], p_.input[1],
                       p_.channels, p_.window[0], p_.window[1], p_.stride[0], p_.stride[1]);
  }

 protected:
  struct Span {
    std::int64_t low, high;
  };
  Span inside(int axis, std::int64_t output) const {
    const std::int64_t origin = output * p_.stride[axis] - p_.before[axis];
    return {std::max<std::int64_t>(0, origin), std::min(p_.input[axis], origin + p_.window[axis])};
  }

  std::int64_t image_elements() const { return p_.input[0] * p_.input[1] * p_.channels; }
  std::int64_t places() const { return p_.input[0] * p_.input[1]; }

  // A window of the images, as for_each_window finds it.
  struct Window {
    Span rows{}, columns{};
    bool listed = false;  // `places` has room for all of them
    PoolWindow places;
  };

  // Calls visit(image's first element, window, window's first result) for each window of each image, until one gives
  // false, and says whether none did.
  template <class Visit>
  bool for_each_window(const Visit& visit) const {
    std::int64_t to = 0;
    Window window;
    for (std::int64_t image = 0; image < p_.batch; ++image)
      for (std::int64_t y = 0; y < p_.output[0]; ++y) {
        window.rows = inside(0, y);
        for (std::int64_t x = 0; x < p_.output[1]; ++x, to += p_.channels) {
          const Span columns = inside(1, x), before = std::exchange(window.columns, columns);
          const std::int64_t step = p_.stride[1];
          if (x > 0 && columns.low == before.low + step && columns.high == before.high + step)
            move(window.places);
          else
            window.listed = list_places(window.rows, columns, window.places);
          if (!visit(image * image_elements(), window, to)) return false;
        }
      }
    return true;
  }

  // To the next window of the row, where it has as many places.
  void move(PoolWindow& window) const {
    const std::int64_t elements = p_.stride[1] * p_.channels;
    for (int i = 0; i < window.count; ++i) {
      window.place[i] += static_cast<std::int32_t>(p_.stride[1]);
      window.offset[i] += elements;
    }
  }

  // False if there is no room for all places of the window.
  bool list_places(Span rows, Span columns, PoolWindow& window) const {
    const std::int64_t high = rows.high - rows.low, wide = columns.high - columns.low;
    window.count = 0;
    window.ahead = windows_ahead * p_.stride[1] * p_.channels;
    if (high <= 0 || wide <= 0) return true;
    if (high * wide > PoolWindow::most_places) return false;
    for (std::int64_t y = rows.low; y < rows.high; ++y)
      for (std::int64_t x = columns.low; x < columns.high; ++x) {
        window.place[window.count] = static_cast<std::int32_t>(y * p_.input[1] + x);
        window.offset[window.count++] = (y * p_.input[1] + x) * p_.channels;
      }
    return true;
  }

  static constexpr std::int64_t windows_ahead = 2;  // measured: 1 and 4 are slower
  const Pooling p_;
  const char* name_;
};

template <class T>
class MaxPoolIndex : public PoolingKernel {
 public:
  explicit MaxPoolIndex(const Pooling& p) : PoolingKernel(p, "max_pool_index") {}
  void run(void* const* operands, std::byte*, State*) const override {
    auto* index = static_cast<std::int32_t*>(operands[0]);
    const auto* images = static_cast<const T*>(operands[1]);
    for_each_window([&](std::int64_t image, const Window& window, std::int64_t to) {
      if (!window.listed) {
        search(window.rows, window.columns, images + image, index + to);
      } else if (window.places.count == 0) {
        std::fill_n(index + to, p_.channels, -1);
      } else {
        pooling<T>().largest(window.places, images + image, index + to, p_.channels);
      }
      return true;
    });
  }

 private:
  // For windows of many places.
  void search(Span rows, Span columns, const T* image, std::int32_t* index) const {
    for (std::int64_t channel = 0; channel < p_.channels; ++channel) {
      std::int64_t best = rows.low * p_.input[1] + columns.low;
      for (std::int64_t y = rows.low; y < rows.high; ++y)
        for (std::int64_t x = columns.low; x < columns.high; ++x) {
          const T value = image[(y * p_.input[1] + x) * p_.channels + channel],
                  leader = image[best * p_.channels + channel];
          if (value > leader || (value != value && leader == leader)) best = y * p_.input[1] + x;
        }
      index[channel] = static_cast<std::int32_t>(best);
    }
  }
};

template <class T>
class PoolTake : public PoolingKernel {
 public:
  explicit PoolTake(const Pooling& p) : PoolingKernel(p, "pool_take") {}
  void run(void* const* operands, std::byte*, State*) const override {
    auto* result = static_cast<T*>(operands[0]);
    const auto* images = static_cast<const T*>(operands[1]);
    const auto* index = static_cast<const std::int32_t*>(operands[2]);
    for_each_window([&](std::int64_t image, const Window& window, std::int64_t to) {
      if (window.listed && pooling<T>().take(window.places, images + image, index + to, result + to, p_.channels))
        return true;
      for (std::int64_t channel = 0; channel < p_.channels; ++channel) {
        const std::int64_t place = index[to + channel];
        const bool there = place >= 0 && place < places();
        result[to + channel] =
            there ? images[image + place * p_.channels + channel] : std::numeric_limits<T>::quiet_NaN();
      }
      return true;
    });
  }
};

template <class T>
class PoolPut : public PoolingKernel {
 public:
  explicit PoolPut(const Pooling& p) : PoolingKernel(p, "pool_put") {}
  void run(void* const* operands, std::byte*, State*) const override {
    auto* images = static_cast<T*>(operands[0]);
    const auto* values = static_cast<const T*>(operands[1]);
    const auto* index = static_cast<const std::int32_t*>(operands[2]);
    if (windows_are_tiles() && fill(images, values, index)) return;
    std::fill_n(images, p_.batch * image_elements(), T(0));
    for_each_window([&](std::int64_t image, const Window& window, std::int64_t to) {
      if (window.listed && pooling<T>().put(window.places, images + image, values + to, index + to, p_.channels))
        return true;
      for (std::int64_t channel = 0; channel < p_.channels; ++channel) {
        const std::int64_t place = index[to + channel];
        if (place >= 0 && place < places()) images[image + place * p_.channels + channel] += values[to + channel];
      }
      return true;
    });
  }

 private:
  // No two windows share a place, and they begin at the image's first.
  bool windows_are_tiles() const {
    bool tiles = true;
    for (int axis = 0; axis < 2; ++axis) tiles = tiles && p_.before[axis] == 0 && p_.stride[axis] == p_.window[axis];
    return tiles;
  }

  // Each place is written once and none is read. False if an index is outside of its window.
  bool fill(T* images, const T* values, const std::int32_t* index) const {
    const std::int64_t rows = std::min(p_.input[0], p_.output[0] * p_.window[0]),
                       columns = std::min(p_.input[1], p_.output[1] * p_.window[1]);
    for (std::int64_t image = 0; image < p_.batch; ++image) {  // what no window covers
      const auto place = [&](std::int64_t y, std::int64_t x) {
        return images + image * image_elements() + (y * p_.input[1] + x) * p_.channels;
      };
      for (std::int64_t y = 0; y < rows; ++y) std::fill(place(y, columns), place(y + 1, 0), T(0));
      std::fill(place(rows, 0), place(p_.input[0], 0), T(0));
    }
    return for_each_window([&](std::int64_t image, const Window& window, std::int64_t to) {
      return window.listed && pooling<T>().fill(window.places, images + image, values + to, index + to, p_.channels);
    });
  }
};

template <template <class> class K>
KernelPtr make(const Pooling& p) {
  if (p.dtype == Dtype::f32) return std::make_unique<K<float>>(p);
  return std::make_unique<K<double>>(p);
}

}  // namespace

KernelPtr make_max_pool_index(const Pooling& p) { return make<MaxPoolIndex>(p); }
KernelPtr make_pool_take(const Pooling& p) { return make<PoolTake>(p); }
KernelPtr make_pool_put(const Pooling& p) { return make<PoolPut>(p); }

}  // namespace metac
