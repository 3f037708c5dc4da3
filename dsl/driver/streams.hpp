// The accuracy matrices of streams: which row an evaluation fills, and what a full matrix says.
#pragma once

#include <map>

#include "driver/driver.hpp"
#include "elaborate/value.hpp"

namespace metac::dsl {

class Streams {
 public:
  // The matrix that an `evaluate` of this place in the text is filling. Its row `after` is next: a row that is there
  // already begins a new matrix (the next learner of a loop); -1 is the row before any training.
  StreamResult& matrix(Span place, std::size_t learner, const std::string& name, const std::string& metric,
                       const std::vector<std::string>& tasks, std::int64_t after);

 private:
  std::map<std::tuple<std::uint32_t, std::uint32_t, std::size_t, std::string>, StreamResult> matrices_;
};

}  // namespace metac::dsl
