// The engine's only allocator of array memory. It counts, so that a run can say how much it used and refuse to use
// more.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>

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

// The same, but with whatever is in it, for what is written as a whole: large blocks that were freed are used again. Up
// to 32 MiB of them are kept beside what is counted; where the system has no more, they go back to it.
std::shared_ptr<std::byte> allocate_for_result(std::size_t bytes);

// Counted memory for containers, with whatever is in it and no more than malloc's alignment; OutOfMemory as above. It
// is given back with the size that was taken.
void* take_memory(std::size_t bytes);
void give_memory(void* memory, std::size_t bytes) noexcept;

// For a vector of numbers that may be as large as an array: counted, and what `resize` adds is not cleared, because it
// is written next.
template <class T>
struct CountedAllocator {
  using value_type = T;
  CountedAllocator() = default;
  template <class U>
  CountedAllocator(const CountedAllocator<U>&) {}
  T* allocate(std::size_t count) {
    return static_cast<T*>(take_memory(count > most_bytes / sizeof(T) ? SIZE_MAX : count * sizeof(T)));
  }
  void deallocate(T* memory, std::size_t count) noexcept { give_memory(memory, count * sizeof(T)); }
  template <class U>
  void construct(U* place) {
    ::new (static_cast<void*>(place)) U;
  }
  template <class U, class... Arguments>
  void construct(U* place, Arguments&&... arguments) {
    ::new (static_cast<void*>(place)) U(static_cast<Arguments&&>(arguments)...);
  }
  friend bool operator==(CountedAllocator, CountedAllocator) { return true; }
};

// Of the whole process; any thread may call these at any time.
std::size_t memory_in_use();  // bytes of arrays and of programs' working memory
std::size_t memory_peak();    // the most there ever was at once
// What all arrays and programs may take together, in bytes; more is OutOfMemory. 0, the default: nine tenths of the
// machine's memory.
void set_memory_limit(std::size_t bytes);

}  // namespace metac
