// What a random operator draws.
#pragma once

#include <cstdint>

namespace [[gnu::visibility("default")]] metac {

enum class Distribution : std::uint8_t {
  bits,              // i32, all values equally likely
  uniform,           // [0, 1)
  normal,            // mean 0, variance 1
  truncated_normal,  // normal, drawn again while beyond two standard deviations (as TensorFlow's initialiser)
};

}  // namespace metac
