// One step between an example as it is stored and as it is given out. Private to the room: sets are transformed by the
// functions of transforms.hpp.
#pragma once

#include <string>

#include "base/array.hpp"
#include "data/dataset.hpp"
#include "data/random.hpp"

namespace metac::data {

class Transform {
 public:
  // What a step may depend on besides the values of the example.
  struct Row {
    Key key;           // of this step, for this row
    int quarters = 0;  // how far the row is turned (rotated_classes)
  };

  // `name` says everything that the step does: steps of one name and one `in` are the same.
  Transform(std::string name, Shape in, Shape out, bool random = false)
      : name(std::move(name)), in(in), out(out), random(random) {}
  virtual ~Transform() = default;
  virtual void apply(const float* from, const Row& row, float* to) const = 0;

  const std::string name;
  const Shape in, out;  // of one example
  const bool random;    // reads the key
};

}  // namespace metac::data
