// Arrays that somebody else owns: a type, and where the elements are. A view copies nothing and keeps nothing alive:
// its memory must stay where it is while the view is used.
#pragma once

#include <iterator>
#include <type_traits>

#include "base/array.hpp"

namespace [[gnu::visibility("default")]] metac {

// A container of elements that lie side by side: std::vector<float>, std::array<double, 3>, std::span<const bool>.
template <class C>
using element_of = std::remove_cvref_t<decltype(*std::data(std::declval<C&>()))>;
template <class C>
concept Elements = requires(C& values) {
  std::data(values);
  std::size(values);
}
&&Element<element_of<C>>;

// Dense, row-major memory to read from.
class ArrayView {
 public:
  ArrayView(const Array& array) : ArrayView(array.type(), array.data()) {}

  // Error "[view] ...": the memory is null although there are elements, or not aligned for its elements.
  ArrayView(const Type& type, const void* first);
  // Strides count elements, one for each axis. Error also where they are not those of dense row-major memory.
  template <Element T>
  ArrayView(const T* first, const Shape& shape, const Shape& strides) : ArrayView(Type{dtype_of<T>(), shape}, first) {
    require_dense(strides);
  }
  // The elements in row-major order. Error also where their number is not that of the shape.
  template <Elements C>
  ArrayView(const C& values, const Shape& shape)
      : ArrayView(Type{dtype_of<element_of<C>>(), shape}, std::data(values)) {
    require_count(std::size(values));
  }
  // One axis.
  template <Elements C>
  ArrayView(const C& values) : ArrayView(values, Shape{static_cast<std::int64_t>(std::size(values))}) {}

  const Type& type() const { return type_; }
  const Shape& shape() const { return type_.shape; }
  Dtype dtype() const { return type_.dtype; }
  const void* data() const { return data_; }

 private:
  void require_dense(const Shape& strides) const;
  void require_count(std::size_t values) const;

  Type type_;
  const void* data_;
};

// The same, to write to.
class MutableArrayView : public ArrayView {
 public:
  MutableArrayView(Array& array) : ArrayView(array) {}
  MutableArrayView(const Type& type, void* first) : ArrayView(type, first) {}
  template <Element T>
  MutableArrayView(T* first, const Shape& shape, const Shape& strides) : ArrayView(first, shape, strides) {}
  template <Elements C>
  requires(!std::is_const_v<std::remove_pointer_t<decltype(std::data(std::declval<C&>()))>>)
      MutableArrayView(C&& values, const Shape& shape)
      : ArrayView(values, shape) {}

  void* data() const { return const_cast<void*>(ArrayView::data()); }
};

}  // namespace metac
