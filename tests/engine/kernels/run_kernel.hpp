// Running one kernel on arrays, and filling arrays with numbers that depend on a seed only.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include "base/memory.hpp"
#include "kernels/kernel.hpp"

namespace metac::testing {

inline void run(const Kernel& kernel, const std::vector<void*>& operands) {
  const auto state = kernel.make_state();
  const auto scratch = allocate(kernel.scratch_bytes());
  kernel.run(operands.data(), scratch.get(), state.get());
}

// Runs on a result filled with rubbish first, so that an element that is not written shows.
inline Array run(const Kernel& kernel, const Type& result_type, std::vector<const Array*> inputs) {
  Array result(result_type);
  auto* bytes = static_cast<unsigned char*>(result.data());
  std::fill(bytes, bytes + result.bytes(), 0x5b);
  std::vector<void*> operands{result.data()};
  for (const auto* input : inputs) operands.push_back(const_cast<void*>(input->data()));
  run(kernel, operands);
  return result;
}

struct Numbers {
  std::uint64_t state;
  explicit Numbers(std::uint64_t seed) : state(seed * 2654435761u + 12345) {}
  std::uint64_t next() {
    state = state * 6364136223846793005u + 1442695040888963407u;
    return state >> 33;
  }
  std::int64_t below(std::int64_t n) { return static_cast<std::int64_t>(next() % static_cast<std::uint64_t>(n)); }
  double real() { return static_cast<double>(next() % 2001) / 1000.0 - 1; }
};

inline Array filled(const Type& type, std::uint64_t seed) {
  Numbers numbers(seed);
  Array result(type);
  if (type.dtype == Dtype::f32)
    for (auto& value : result.as<float>()) value = static_cast<float>(numbers.real());
  if (type.dtype == Dtype::f64)
    for (auto& value : result.as<double>()) value = numbers.real();
  return result;
}

// Equal up to rounding; NaN equals NaN, infinities equal themselves.
inline bool close(double given, double wanted, double tolerance) {
  if (std::isnan(wanted)) return std::isnan(given);
  if (std::isinf(wanted)) return given == wanted;
  return std::abs(given - wanted) <= tolerance;
}

// The rounding error of a sum of `length` products of numbers up to 1.
inline double tolerance(Dtype dtype, std::int64_t length) {
  return (dtype == Dtype::f32 ? 1.2e-7 : 2.3e-16) * static_cast<double>(length + 4);
}

}  // namespace metac::testing
