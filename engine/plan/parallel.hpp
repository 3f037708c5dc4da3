// The only threading of the engine, behind one function. oneDNN and OpenMP inside a worker are held to one thread.
#pragma once

#include <cstdint>
#include <functional>

namespace metac {

// Calls body(worker, item) for every item of 0..count-1, spread over `threads` workers (0 is the caller). The first
// exception is rethrown after all have stopped.
// Within a worker a further call runs in the worker itself.
void parallel_for(int threads, std::int64_t count, const std::function<void(int worker, std::int64_t item)>& body);

// While it lives, OpenMP and oneDNN use one thread in the calling thread: primitives are made and run that way.
class OneThread {
 public:
  OneThread();
  ~OneThread();
  OneThread(const OneThread&) = delete;
  OneThread& operator=(const OneThread&) = delete;

 private:
  int before_;
};

}  // namespace metac
