// The only parallel region of the engine. Items are handed out one by one, so uneven ones balance; nothing that is
// computed may depend on which worker gets which item.
#include "plan/parallel.hpp"

#include <omp.h>

#include <algorithm>
#include <atomic>
#include <exception>

#include "kernels/one_thread.hpp"

namespace metac {
namespace {

using Body = std::function<void(int, std::int64_t)>;

struct Queue {
  std::atomic<std::int64_t> next{0};
  std::atomic<bool> failed{false};
  std::exception_ptr failure;  // written by the one worker that set `failed`
};

void work(Queue& queue, std::int64_t count, int worker, const Body& body) {
  const OneThread guard;
  try {
    for (std::int64_t item; !queue.failed && (item = queue.next++) < count;) body(worker, item);
  } catch (...) {
    if (!queue.failed.exchange(true)) queue.failure = std::current_exception();
  }
}

}  // namespace

// The team has all threads, also those that no item is left for: OpenMP ends threads when a smaller team follows a
// larger one. Within a team the shares are tasks, which threads take up that have arrived at the end of the region; a
// thread that waits for its shares runs none but those.
void parallel_for(int threads, std::int64_t count, const Body& body) {
  const int workers = static_cast<int>(std::min<std::int64_t>(threads, count));
  if (workers <= 1) {
    const OneThread guard;
    for (std::int64_t item = 0; item < count; ++item) body(0, item);
    return;
  }
  Queue queue;
  if (omp_in_parallel()) {
    for (int worker = 1; worker < workers; ++worker) {
#pragma omp task default(none) shared(queue, body) firstprivate(count, worker)
      work(queue, count, worker, body);
    }
    work(queue, count, 0, body);
#pragma omp taskwait
  } else {
#pragma omp parallel num_threads(threads)
    {
      const int worker = omp_get_thread_num();
      if (worker < workers) work(queue, count, worker, body);
    }
  }
  if (queue.failure) std::rethrow_exception(queue.failure);
}

}  // namespace metac
