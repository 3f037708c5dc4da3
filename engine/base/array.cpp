// Dtypes, shapes and arrays: sizes are checked for overflow, copies share memory, `clone` does not.
#include "base/array.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <span>

#include "base/memory.hpp"

namespace metac {

std::size_t size_of(Dtype dtype) {
  switch (dtype) {
    case Dtype::f32:
      return 4;
    case Dtype::f64:
      return 8;
    case Dtype::i32:
      return 4;
    case Dtype::boolean:
      return 1;
  }
  throw Bug("size_of: no such dtype");
}

std::string to_string(Dtype dtype) {
  switch (dtype) {
    case Dtype::f32:
      return "f32";
    case Dtype::f64:
      return "f64";
    case Dtype::i32:
      return "i32";
    case Dtype::boolean:
      return "bool";
  }
  throw Bug("to_string: no such dtype");
}

Shape::Shape(std::span<const std::int64_t> sizes) {
  for (auto size : sizes) push_back(size);
}

void Shape::push_back(std::int64_t size) {
  if (rank_ == max_rank) throw Error(fmt::format("an array can have at most {} axes", max_rank));
  sizes_[rank_++] = size;
}

Shape Shape::with_front(std::int64_t size) const {
  Shape result{size};
  for (auto s : *this) result.push_back(s);
  return result;
}

Shape Shape::without(int axis) const {
  Shape result;
  for (int i = 0; i < rank_; ++i)
    if (i != axis) result.push_back(sizes_[i]);
  return result;
}

std::int64_t Shape::elements() const {
  std::int64_t product = 1;
  bool empty = false;
  for (auto size : *this) {
    if (size == 0)
      empty = true;
    else if (__builtin_mul_overflow(product, size, &product) || product > most_elements)
      throw Error(fmt::format("an array of shape {} has too many elements: at most {} are possible", to_string(*this),
                              most_elements));
  }
  return empty ? 0 : product;
}

bool Shape::operator==(const Shape& other) const { return std::equal(begin(), end(), other.begin(), other.end()); }

std::string to_string(const Shape& shape) { return fmt::format("[{}]", fmt::join(shape.begin(), shape.end(), ", ")); }

std::string to_string(const Type& type) { return to_string(type.dtype) + to_string(type.shape); }

Shape row_major_strides(const Shape& shape) {
  Shape strides(shape.rank(), 1);
  for (int axis = shape.rank() - 2; axis >= 0; --axis) strides[axis] = strides[axis + 1] * shape[axis + 1];
  return strides;
}

namespace {

void require_sizes(const Shape& shape) {
  for (auto size : shape)
    if (size < 0) throw Error(fmt::format("an array cannot have the shape {}: a size is negative", to_string(shape)));
}

}  // namespace

Array::Array(Type type) : type_(type) {
  require_sizes(type.shape);
  memory_ = allocate(type.bytes());
}

template <Element T>
std::span<T> Array::as() {
  if (dtype() != dtype_of<T>())
    throw Error(fmt::format("an array of {} was read as {}", to_string(dtype()), to_string(dtype_of<T>())));
  return {reinterpret_cast<T*>(memory_.get()), static_cast<std::size_t>(elements())};
}

template <Element T>
std::span<const T> Array::as() const {
  return const_cast<Array*>(this)->as<T>();
}

template <Element T>
Array Array::from(const Shape& shape, std::span<const T> values) {
  Array array(Type{dtype_of<T>(), shape});
  if (static_cast<std::int64_t>(values.size()) != array.elements())
    throw Error(fmt::format("an array of shape {} needs {} values, {} were given", to_string(shape), array.elements(),
                            values.size()));
  if (!values.empty()) std::memcpy(array.data(), values.data(), array.bytes());
  return array;
}

#define METAC_INSTANTIATE(T)                        \
  template std::span<T> Array::as<T>();             \
  template std::span<const T> Array::as<T>() const; \
  template Array Array::from<T>(const Shape&, std::span<const T>);
METAC_INSTANTIATE(float)
METAC_INSTANTIATE(double)
METAC_INSTANTIATE(std::int32_t)
METAC_INSTANTIATE(bool)
#undef METAC_INSTANTIATE

double Array::at(std::int64_t index) const {
  if (index < 0 || index >= elements())
    throw Error(fmt::format("element {} of {} was asked for: it has {}", index, to_string(type_), elements()));
  switch (dtype()) {
    case Dtype::f32:
      return as<float>()[index];
    case Dtype::f64:
      return as<double>()[index];
    case Dtype::i32:
      return as<std::int32_t>()[index];
    case Dtype::boolean:
      return as<bool>()[index];
  }
  throw Bug("at: no such dtype");
}

Array Array::clone() const {
  Array copy(type_, allocate_for_result(type_.bytes()));
  if (bytes() > 0) std::memcpy(copy.data(), data(), bytes());
  return copy;
}

Array Array::reshaped(const Shape& shape) const {
  require_sizes(shape);
  if (shape.elements() != elements())
    throw Error(fmt::format("an array of shape {} cannot be seen as {}: {} elements, {} are needed",
                            to_string(this->shape()), to_string(shape), elements(), shape.elements()));
  Array result = *this;
  result.type_.shape = shape;
  return result;
}

Array Array::row(std::int64_t index) const {
  if (shape().empty() || index < 0 || index >= shape()[0])
    throw Error(fmt::format("row {} of {} was asked for: {}", index, to_string(type_),
                            shape().empty() ? "it has no axis" : fmt::format("it has {}", shape()[0])));
  Array result = *this;
  result.type_.shape = shape().without(0);
  result.memory_ = std::shared_ptr<std::byte>(memory_, memory_.get() + index * result.bytes());
  return result;
}

bool same_bits(const Array& a, const Array& b) {
  return a.type() == b.type() && (a.bytes() == 0 || std::memcmp(a.data(), b.data(), a.bytes()) == 0);
}

namespace {

// A number less itself is 0, of which no bit is set, or NaN. Without a way out of the loop it takes vectors at a time.
template <class Bits, class T>
bool all_finite(std::span<const T> values) {
  Bits bits = 0;
  for (const T value : values) bits |= std::bit_cast<Bits>(value - value);
  return bits == 0;
}

}  // namespace

bool all_finite(const Array& array) {
  switch (array.dtype()) {
    case Dtype::f32:
      return all_finite<std::uint32_t>(array.as<float>());
    case Dtype::f64:
      return all_finite<std::uint64_t>(array.as<double>());
    case Dtype::i32:
    case Dtype::boolean:
      break;
  }
  return true;
}

}  // namespace metac
