// Time of one run of a kernel, for the benchmark programs: the least of several repetitions, since the machine is shared.
#pragma once

#include <algorithm>
#include <chrono>
#include <vector>

#include "base/memory.hpp"
#include "kernels/kernel.hpp"

namespace metac::bench {

// Seconds a run, over operands of these types filled with small numbers.
inline double seconds(const Kernel& kernel, const std::vector<Type>& types) {
  std::vector<Array> arrays;
  std::vector<void*> operands;
  for (const auto& type : types) {
    auto& array = arrays.emplace_back(type);
    if (type.dtype == Dtype::f32)
      for (std::size_t i = 0; i < array.as<float>().size(); ++i) array.as<float>()[i] = 0.01f * static_cast<float>(i % 97);
    operands.push_back(array.data());
  }
  const auto state = kernel.make_state();
  const auto scratch = allocate(kernel.scratch_bytes());
  const auto time = [&](int runs) {
    const auto start = std::chrono::steady_clock::now();
    for (int i = 0; i < runs; ++i) kernel.run(operands.data(), scratch.get(), state.get());
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count() / runs;
  };
  const int runs = static_cast<int>(std::clamp(2e-3 / std::max(time(1), 1e-9), 1.0, 1e5));
  double best = time(runs);
  for (int repetition = 0; repetition < 15; ++repetition) best = std::min(best, time(runs));
  return best;
}

}  // namespace metac::bench
