// Element types, shapes, and dense row-major arrays in host memory: what every other room speaks of.
#pragma once

#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/error.hpp"

namespace [[gnu::visibility("default")]] metac {

// f32 is the working type, f64 the reference; i32 holds labels, indices, counters and random keys.
enum class Dtype : std::uint8_t { f32, f64, i32, boolean };

std::size_t size_of(Dtype);  // bytes of one element
std::string to_string(Dtype);
inline bool is_float(Dtype dtype) { return dtype == Dtype::f32 || dtype == Dtype::f64; }

// The element types of C++ that an array can have.
template <class T>
concept Element =
    std::same_as<T, float> || std::same_as<T, double> || std::same_as<T, std::int32_t> || std::same_as<T, bool>;

template <Element T>
constexpr Dtype dtype_of() {
  if (std::same_as<T, float>) return Dtype::f32;
  if (std::same_as<T, double>) return Dtype::f64;
  return std::same_as<T, std::int32_t> ? Dtype::i32 : Dtype::boolean;
}

// Up to `max_rank` sizes, each at least 0. Also used for strides, axes and positions, where the sizes may be negative.
inline constexpr int max_rank = 8;
// More f64 than a process can address (128 TiB), so that no count of bytes overflows.
inline constexpr std::int64_t most_elements = std::int64_t{1} << 44;

class Shape {
 public:
  Shape() = default;
  Shape(std::initializer_list<std::int64_t> sizes) : Shape(std::span(sizes.begin(), sizes.size())) {}
  explicit Shape(std::span<const std::int64_t> sizes);  // Error if there are more than max_rank
  explicit Shape(int rank, std::int64_t fill) {
    for (int axis = 0; axis < rank; ++axis) push_back(fill);
  }
  explicit Shape(const std::vector<std::int64_t>& sizes) : Shape(std::span<const std::int64_t>(sizes)) {}

  int rank() const { return rank_; }
  bool empty() const { return rank_ == 0; }
  std::int64_t operator[](int axis) const { return sizes_[axis]; }
  std::int64_t& operator[](int axis) { return sizes_[axis]; }
  std::int64_t back() const { return sizes_[rank_ - 1]; }
  const std::int64_t* begin() const { return sizes_.data(); }
  const std::int64_t* end() const { return sizes_.data() + rank_; }
  std::span<const std::int64_t> span() const { return {begin(), end()}; }

  void push_back(std::int64_t size);          // Error beyond max_rank
  Shape with_front(std::int64_t size) const;  // a further first axis
  Shape without(int axis) const;              // one axis less
  // Product of the sizes; 1 for a scalar. Error where the sizes that are not 0 make more than most_elements: so products
  // of some of the sizes, and dense strides, never overflow, in an empty array neither.
  std::int64_t elements() const;

  bool operator==(const Shape& other) const;

 private:
  std::array<std::int64_t, max_rank> sizes_{};
  std::int8_t rank_ = 0;
};

std::string to_string(const Shape&);  // "[2, 3]", "[]" for a scalar

// Strides, in elements, of a dense row-major array.
Shape row_major_strides(const Shape&);

struct Type {
  Dtype dtype = Dtype::f32;
  Shape shape;
  bool operator==(const Type&) const = default;
  std::int64_t elements() const { return shape.elements(); }
  std::size_t bytes() const { return static_cast<std::size_t>(elements()) * size_of(dtype); }
};

std::string to_string(const Type&);  // "f32[2, 3]"

// A dense row-major array whose memory is shared between copies: copying an Array is cheap, and `clone` makes a deep
// copy. Memory is aligned to 64 bytes and comes from the engine's counted allocator.
class Array {
 public:
  Array() : Array(Type{}) {}
  explicit Array(Type type);  // zeros. Error: a negative size, too many elements, OutOfMemory
  // Memory of at least type.bytes().
  Array(Type type, std::shared_ptr<std::byte> memory) : type_(type), memory_(std::move(memory)) {}
  // A copy of the values, in row-major order. Error if their number is not that of the shape.
  template <Element T>
  static Array from(const Shape& shape, std::span<const T> values);
  template <Element T>
  static Array scalar(T value) {
    return from<T>(Shape{}, std::span<const T>(&value, 1));
  }

  const Type& type() const { return type_; }
  const Shape& shape() const { return type_.shape; }
  Dtype dtype() const { return type_.dtype; }
  std::int64_t elements() const { return type_.elements(); }
  std::size_t bytes() const { return type_.bytes(); }
  void* data() { return memory_.get(); }
  const void* data() const { return memory_.get(); }
  const std::shared_ptr<std::byte>& memory() const { return memory_; }

  // The elements as T, in row-major order. Error if T is not the dtype.
  template <Element T>
  std::span<T> as();
  template <Element T>
  std::span<const T> as() const;

  // Element `index` in row-major order, converted to double. Error if there is none.
  double at(std::int64_t index) const;

  Array clone() const;
  Array reshaped(const Shape&) const;  // shares memory; Error if the number of elements differs
  // Row `index` of the first axis; shares memory with this array. Error if there is none.
  Array row(std::int64_t index) const;

 private:
  Type type_;
  std::shared_ptr<std::byte> memory_;
};

// Same type and same bits (so a NaN equals itself).
bool same_bits(const Array&, const Array&);
// No infinity and no NaN; whole numbers and bools have none.
bool all_finite(const Array&);

}  // namespace metac
