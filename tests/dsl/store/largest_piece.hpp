// The largest piece of memory that C++ itself took (strings, vectors, streams) since this was set to 0. Arrays come
// from the engine's allocator, which counts for itself.
#pragma once

#include <cstddef>

extern std::size_t largest_piece;
