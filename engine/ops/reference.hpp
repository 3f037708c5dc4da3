// For the obvious references of the operators: walking over positions, and storing a double in an array of any type.
// Slow on purpose: nothing here but what a reader believes at once.
#pragma once

#include <cmath>

#include "base/array.hpp"

namespace metac {

// body(position, index) for every position of `shape`, in row-major order.
template <class Body>
void for_each_position(const Shape& shape, Body&& body) {
  Shape position(shape.rank(), 0);
  const std::int64_t elements = shape.elements();
  for (std::int64_t index = 0; index < elements; ++index) {
    body(position, index);
    for (int axis = shape.rank() - 1; axis >= 0; --axis) {
      if (++position[axis] < shape[axis]) break;
      position[axis] = 0;
    }
  }
}

// Index in row-major order of a position.
inline std::int64_t index_of(const Shape& position, const Shape& shape) {
  std::int64_t index = 0;
  for (int axis = 0; axis < shape.rank(); ++axis) index = index * shape[axis] + position[axis];
  return index;
}

// Of a maximum's place: the first of equals, and a NaN beats numbers.
inline bool beats(double challenger, double best) {
  return challenger > best || (std::isnan(challenger) && !std::isnan(best));
}

inline void store(Array& array, std::int64_t index, double value) {
  switch (array.dtype()) {
    case Dtype::f32:
      array.as<float>()[index] = static_cast<float>(value);
      break;
    case Dtype::f64:
      array.as<double>()[index] = value;
      break;
    case Dtype::i32:
      array.as<std::int32_t>()[index] = static_cast<std::int32_t>(value);
      break;
    case Dtype::boolean:
      array.as<bool>()[index] = value != 0;
      break;
  }
}

}  // namespace metac
