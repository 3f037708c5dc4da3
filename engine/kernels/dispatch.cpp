// Chooses the kernels' instruction set once, at first use: the best of this machine, or what METAC_ISA allows.
#include "kernels/dispatch.hpp"

#include <fmt/format.h>

#include <cstdlib>

#include "base/error.hpp"
#include "kernels/instruction_set.hpp"

namespace metac {

SimdTable best_table(std::string_view limit) {
  if (limit != "" && limit != "baseline" && limit != "avx2" && limit != "avx512")
    throw Error(fmt::format("METAC_ISA is `{}`, it can be baseline, avx2 or avx512", limit));
  SimdTable table;
#if defined(__x86_64__)
  const bool v3 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi") &&
                  __builtin_cpu_supports("bmi2") && __builtin_cpu_supports("f16c") && __builtin_cpu_supports("lzcnt") &&
                  __builtin_cpu_supports("movbe");
  const bool v4 = v3 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                  __builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("avx512dq") &&
                  __builtin_cpu_supports("avx512vl");
  if (v4 && limit != "avx2" && limit != "baseline") {
    avx512::fill(table);
    return table;
  }
  if (v3 && limit != "baseline") {
    avx2::fill(table);
    return table;
  }
#endif
  baseline::fill(table);
  return table;
}

const SimdTable& simd() {
  static const SimdTable table = [] {
    const char* limit = std::getenv("METAC_ISA");
    return best_table(limit == nullptr ? "" : limit);
  }();
  return table;
}

const char* instruction_set() { return simd().name; }

}  // namespace metac
