// Few-shot regression tasks: a task is a class of the data set (a station, a country), its examples the rows of that
// class with their targets.
#pragma once

#include <cstdint>
#include <vector>

#include "data/dataset.hpp"
#include "data/random.hpp"

namespace metac::data {

// A batch of n tasks; x and y have the set's types.
struct Groups {
  Array support_x, support_y;  // [n, shots, ...]
  Array query_x, query_y;      // [n, queries, ...]
};

class GroupSource {
 public:
  // Errors: no classes; no targets (labels would be the same all through a task); shots or queries below 1; a class
  // with fewer than shots + queries examples (the smallest is named, with its count).
  GroupSource(Dataset dataset, std::int64_t shots, std::int64_t queries);

  const Dataset& dataset() const { return dataset_; }
  std::int64_t shots() const { return shots_; }
  std::int64_t queries() const { return queries_; }

  // Tasks first, ..., first + count - 1 of the key: a class, and distinct rows of it. Task i depends on (key, i) only.
  Groups sample(Key key, std::int64_t first, std::int64_t count) const;

 private:
  Dataset dataset_;
  std::vector<std::int32_t> classes_;  // those with examples
  std::int64_t shots_, queries_;
};

}  // namespace metac::data
