// A small data set for tests.
#pragma once

#include <stdexcept>
#include <string>

#include "data/dataset.hpp"
#include "data/split.hpp"

namespace metac::data::testing {

// Images [3, 3, 1] of classes "c0", "c1", ... in turn, no two alike: the first pixels hold the row in base 250. The
// column "part" says train, val, test, train, ...
inline Dataset small_set(int classes, int each, const std::string& origin = "small") {
  Bytes pixels;
  std::vector<std::int32_t> labels;
  for (int row = 0; row < classes * each; ++row) {
    labels.push_back(row % classes);
    for (int pixel : {row % 250, row / 250, row % classes, 3, 4, 5, 6, 7, 8})
      pixels.push_back(static_cast<std::uint8_t>(pixel));
  }
  ClassTable table{{}, {"part"}, {{}}};
  for (int cls = 0; cls < classes; ++cls) {
    table.names.emplace_back("c").append(std::to_string(cls));
    table.values[0].push_back(cls % 3 == 0 ? "train" : cls % 3 == 1 ? "val" : "test");
  }
  return Dataset::from_bytes("small", Shape{3, 3, 1}, pixels, labels, table, Lineage{origin, "", {}});
}

// One of them by its name, which must be there.
inline const Dataset& part(const Parts& parts, const std::string& name) {
  for (const auto& [key, set] : parts)
    if (key == name) return set;
  throw std::out_of_range(name);
}

}  // namespace metac::data::testing
