// What a Plan is made of.
#pragma once

#include "plan/frame.hpp"
#include "plan/plan.hpp"

namespace metac {

class Plan {
 public:
  Frame frame;
  std::vector<Type> inputs, outputs;
};

}  // namespace metac
