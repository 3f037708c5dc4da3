// Philox4x32-10: ten rounds that turn a 128-bit counter and a 64-bit key into 128 random bits (Salmon et al. 2011,
// "Parallel random numbers: as easy as 1, 2, 3", section 3.3). Nothing but integer arithmetic: the same bits
// everywhere.
#pragma once

#include <array>
#include <cstdint>

namespace metac {

using PhiloxCounter = std::array<std::uint32_t, 4>;
using PhiloxKey = std::array<std::uint32_t, 2>;

// The last word of a counter says what its numbers are for ("fold", "pick" in ASCII), so that derived keys, samples and
// distinct indices of one key never share a block; the third counts the attempts where some are refused.
enum PhiloxPurpose : std::uint32_t { for_samples = 0, for_keys = 0x666f6c64, for_indices = 0x7069636b };

inline PhiloxCounter philox(PhiloxCounter counter, PhiloxKey key) {
  constexpr std::uint32_t multiplier[2] = {0xD2511F53, 0xCD9E8D57};
  constexpr std::uint32_t weyl[2] = {0x9E3779B9, 0xBB67AE85};  // golden ratio, sqrt(3) - 1
  for (int round = 0; round < 10; ++round) {
    const std::uint64_t first = std::uint64_t{multiplier[0]} * counter[0];
    const std::uint64_t second = std::uint64_t{multiplier[1]} * counter[2];
    counter = {static_cast<std::uint32_t>(second >> 32) ^ counter[1] ^ key[0], static_cast<std::uint32_t>(second),
               static_cast<std::uint32_t>(first >> 32) ^ counter[3] ^ key[1], static_cast<std::uint32_t>(first)};
    key[0] += weyl[0], key[1] += weyl[1];
  }
  return counter;
}

}  // namespace metac
