// The only threading of the engine, behind one function. oneDNN and OpenMP inside a worker are held to one thread.
#pragma once

#include <cstdint>
#include <functional>

namespace metac {

// Calls body(worker, item) for every item of 0..count-1, on as many workers as there are items, and `threads` at most
// (0 is the caller). The first exception is rethrown after all have stopped. Further threads, and those that find no
// item, help with calls within the body that ask for more than one thread.
void parallel_for(int threads, std::int64_t count, const std::function<void(int worker, std::int64_t item)>& body);

}  // namespace metac
