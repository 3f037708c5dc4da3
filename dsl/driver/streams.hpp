// The accuracy matrices of streams: which row an evaluation fills, and what a full matrix says.
#pragma once

#include <map>

#include "driver/driver.hpp"
#include "elaborate/value.hpp"

namespace metac::dsl {

// Which matrix of an experiment a row belongs to, wherever in the text it is measured.
struct StreamKey {
  std::string learner;    // its name, and
  std::size_t place = 0;  // its place in the list that is measured
  std::vector<std::string> tasks;
  std::string with;         // what `predict` is given
  std::string metric;       // its name, and
  std::size_t of_name = 0;  // how many of that name stand before it
  auto operator<=>(const StreamKey&) const = default;
};

class Streams {
 public:
  // The matrix that a row belongs to, ready for it: `after` is its number, -1 that before any training, or, of a
  // learner that is not `untrained`, a row that belongs to none. The last row measured again takes its own place; the
  // first one, where there are others, begins a new matrix (the next learner of a loop). The matrix is shorter than
  // `after` where rows before it are missing.
  StreamResult& matrix(const StreamKey&, std::int64_t after, bool untrained);

 private:
  std::map<StreamKey, StreamResult> matrices_;
  StreamResult single_;
};

}  // namespace metac::dsl
