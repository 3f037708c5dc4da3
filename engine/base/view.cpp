// What a view asks of the memory it is given.
#include "base/view.hpp"

#include <fmt/format.h>

#include <cstdint>

namespace metac {

ArrayView::ArrayView(const Type& type, const void* first) : type_(type), data_(first) {
  for (const auto size : type.shape)
    if (size < 0) throw Error(fmt::format("[view] {} was given: a size is negative", to_string(type)));
  if (type.elements() > 0 && first == nullptr)
    throw Error(fmt::format("[view] a null pointer was given for {}: memory is needed", to_string(type)));
  if (reinterpret_cast<std::uintptr_t>(first) % size_of(type.dtype) != 0)
    throw Error(
        fmt::format("[view] the address of a {} was given that is no multiple of {}: aligned elements are needed",
                    to_string(type), size_of(type.dtype)));
}

void ArrayView::require_dense(const Shape& strides) const {
  const Shape dense = row_major_strides(shape());
  bool same = strides.rank() == shape().rank();
  // Along an axis of one element, and where there are no elements, no step is ever made.
  if (same && type_.elements() > 0)
    for (int axis = 0; axis < shape().rank(); ++axis) same &= shape()[axis] == 1 || strides[axis] == dense[axis];
  if (!same)
    throw Error(fmt::format("[view] strides {} were given for {}: the dense row-major {} are needed",
                            to_string(strides), to_string(type_), to_string(dense)));
}

void ArrayView::require_count(std::size_t values) const {
  if (static_cast<std::int64_t>(values) != type_.elements())
    throw Error(
        fmt::format("[view] {} elements were given for {}: {} are needed", values, to_string(type_), type_.elements()));
}

}  // namespace metac
