// In a file of its own: a compiler that sees both ends takes `free` for a mistake.
#include "dsl/store/largest_piece.hpp"

#include <algorithm>
#include <cstdlib>
#include <new>

std::size_t largest_piece = 0;

void* operator new(std::size_t bytes) {
  largest_piece = std::max(largest_piece, bytes);
  if (void* memory = std::malloc(bytes > 0 ? bytes : 1)) return memory;
  throw std::bad_alloc();
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
