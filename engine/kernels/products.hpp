// The product functions of the instruction set chosen at start, by element type.
#pragma once

#include <type_traits>

#include "kernels/dispatch.hpp"

namespace metac {

template <class T>
const ProductTable<T>& products() {
  if constexpr (std::is_same_v<T, float>) return simd().products_f32;
  else return simd().products_f64;
}

}  // namespace metac
