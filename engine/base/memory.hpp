// The engine's only allocator of array memory. It counts, so that a run can say how much it used and refuse to use more.
#pragma once

#include <cstddef>
#include <memory>

namespace metac {

inline constexpr std::size_t memory_alignment = 64;  // a cache line, and the widest vector

// Zeroed memory, aligned to `memory_alignment`, with room to read a whole vector past the end. Error when the system
// has none, or when the limit would be passed.
std::shared_ptr<std::byte> allocate(std::size_t bytes);

std::size_t memory_in_use();       // bytes, all threads
std::size_t memory_peak();         // the most there ever was at once
void set_memory_limit(std::size_t bytes);  // 0: none, the default

}  // namespace metac
