// The widest vectors of the instruction set that a source in this folder is compiled for, as the compiler's own vector
// types: arithmetic and comparisons are written with the usual operators. Only for sources of this folder.
#pragma once

#include <cstdint>

namespace metac::METAC_SIMD_NAMESPACE {
namespace {

#if defined(__AVX512F__)
constexpr int vector_bytes = 64;
#elif defined(__AVX2__)
constexpr int vector_bytes = 32;
#else
constexpr int vector_bytes = 16;
#endif

template <class T>
struct VectorOf {
  typedef T type __attribute__((vector_size(vector_bytes)));
  typedef T unaligned __attribute__((vector_size(vector_bytes), aligned(sizeof(T)), may_alias));
};
template <class T>
using Vector = typename VectorOf<T>::type;
template <class T>
constexpr int lanes = vector_bytes / static_cast<int>(sizeof(T));

template <class T>
inline Vector<T> load(const T* from) {
  return *reinterpret_cast<const typename VectorOf<T>::unaligned*>(from);
}
template <class T>
inline void store(T* to, Vector<T> vector) {
  *reinterpret_cast<typename VectorOf<T>::unaligned*>(to) = vector;
}

}  // namespace
}  // namespace metac::METAC_SIMD_NAMESPACE
