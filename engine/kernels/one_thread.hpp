// Holds oneDNN, and OpenMP with it, to one thread: oneDNN reads the number of threads from OpenMP, both when it makes a
// primitive and when it runs one, and the two must agree (onednn.hpp).
#pragma once

namespace metac {

// While it lives, OpenMP and oneDNN use one thread in the calling thread.
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
