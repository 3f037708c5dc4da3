// The only threading of the engine, behind one function. oneDNN and OpenMP inside a worker are held to one thread.
#pragma once

#include <cstdint>
#include <functional>

namespace metac {

// Calls body(worker, item) for every item of 0..count-1, spread over `threads` workers (0 is the caller). The first
// exception is rethrown after all have stopped.
// Within a worker a further call runs in the worker itself.
void parallel_for(int threads, std::int64_t count, const std::function<void(int worker, std::int64_t item)>& body);

}  // namespace metac
