// Makes kernels, each once: steps that do the same on the same layouts share one. (A primitive takes tens of KiB and
// microseconds to make; an unrolled inner loop repeats the same few.)
#pragma once

#include <memory>
#include <span>
#include <string>
#include <unordered_map>

#include "graph/operator.hpp"
#include "kernels/pointwise.hpp"
#include "plan/cost.hpp"

namespace metac {

// Of one call.
Cost work_of(const PointwiseProgram&);
Cost work_of(const Node&, std::span<const Layout> inputs);

class KernelCache {
 public:
  using Shared = std::shared_ptr<const Kernel>;
  Shared of_program(PointwiseProgram);
  Shared of_node(const Node&, std::span<const Layout> inputs);
  std::unordered_map<const Kernel*, Cost> take_work() { return std::move(work_); }  // of one call of each

 private:
  std::unordered_map<std::string, Shared> kernels_;  // by a string of bytes that says all a kernel depends on
  std::unordered_map<const Kernel*, Cost> work_;
};

}  // namespace metac
