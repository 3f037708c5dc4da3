// The engine's only allocator of array memory. It counts, so that a run can say how much it used and refuse to use more.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

namespace [[gnu::visibility("default")]] metac {

inline constexpr std::size_t memory_alignment = 64;  // a cache line, and the widest vector

inline constexpr std::size_t most_bytes = PTRDIFF_MAX - 2 * memory_alignment;  // of one allocation

// To the next multiple of the alignment: where pieces of one allocation begin.
constexpr std::size_t round_up_to_alignment(std::size_t bytes) {
  return (bytes + memory_alignment - 1) / memory_alignment * memory_alignment;
}

// Zeroed memory, aligned to `memory_alignment`, with room to read a whole vector past the end. OutOfMemory when the
// system has none, or when the limit would be passed.
std::shared_ptr<std::byte> allocate(std::size_t bytes);

// The same, but with whatever is in it, for what is written as a whole: large blocks that were freed are used again.
std::shared_ptr<std::byte> allocate_for_result(std::size_t bytes);

// Of the whole process; any thread may call these at any time.
std::size_t memory_in_use();  // bytes of arrays and of programs' working memory
std::size_t memory_peak();    // the most there ever was at once
// What all arrays and programs may take together, in bytes; more is OutOfMemory. 0, the default: nine tenths of the
// machine's memory.
void set_memory_limit(std::size_t bytes);

}  // namespace metac
