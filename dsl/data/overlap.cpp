// overlap: what two data sets have in common, by lineage.
#include <algorithm>
#include <vector>

#include "data/dataset.hpp"

namespace metac::data {

namespace {

// The numbers of the origin's rows that a data set has, as a table from number to yes or no.
std::vector<bool> origin_rows(const Dataset& dataset) {
  std::vector<bool> present;
  for (std::int64_t row = 0; row < dataset.size(); ++row) {
    const std::size_t origin = dataset.origin_row(row);
    if (origin >= present.size()) present.resize(origin + 1, false);
    present[origin] = true;
  }
  return present;
}

std::vector<bool> origin_classes(const Dataset& dataset) {
  std::vector<bool> present;
  for (std::int64_t cls = 0; cls < dataset.class_count(); ++cls) {
    if (dataset.rows_of(cls).empty()) continue;
    const auto origin = static_cast<std::size_t>(dataset.origin_class(cls));
    if (origin >= present.size()) present.resize(origin + 1, false);
    present[origin] = true;
  }
  return present;
}

}  // namespace

Footprint footprint(const Dataset& set) {
  return {set.name(), {set.lineage().origin, set.lineage().part, {}}, origin_rows(set), origin_classes(set)};
}

Overlap overlap(const Dataset& first, const Dataset& second) {
  if (first.lineage().origin != second.lineage().origin) return {};
  return overlap(first, footprint(second));
}

Overlap overlap(const Dataset& first, const Footprint& second) {
  Overlap common;
  if (first.lineage().origin != second.lineage.origin) return common;
  for (std::int64_t cls = 0; cls < first.class_count(); ++cls) {
    const auto origin = static_cast<std::size_t>(first.origin_class(cls));
    if (first.rows_of(cls).empty() || origin >= second.classes.size() || !second.classes[origin]) continue;
    if (common.classes++ == 0) common.example = first.classes().names[static_cast<std::size_t>(cls)];
  }
  if (first.lineage().part != second.lineage.part) return common;
  for (std::int64_t row = 0; row < first.size(); ++row) {
    const std::size_t origin = first.origin_row(row);
    if (origin < second.rows.size() && second.rows[origin]) ++common.rows;
  }
  return common;
}

}  // namespace metac::data
