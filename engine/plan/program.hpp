// What a Plan is made of.
#pragma once

#include "plan/frame.hpp"
#include "plan/plan.hpp"
#include "plan/share.hpp"

namespace metac {

class Plan {
 public:
  Frame frame;
  std::vector<Type> inputs, outputs;
  std::unordered_map<const Kernel*, Cost> work;  // of one call; regions are the work of their bodies
};

}  // namespace metac
