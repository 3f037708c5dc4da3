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

Overlap overlap(const Dataset& first, const Dataset& second) {
  Overlap common;
  if (first.lineage().origin != second.lineage().origin) return common;
  const auto classes = origin_classes(second);
  for (std::int64_t cls = 0; cls < first.class_count(); ++cls) {
    const auto origin = static_cast<std::size_t>(first.origin_class(cls));
    if (first.rows_of(cls).empty() || origin >= classes.size() || !classes[origin]) continue;
    if (common.classes++ == 0) common.example = first.classes().names[static_cast<std::size_t>(cls)];
  }
  if (first.lineage().part != second.lineage().part) return common;
  const auto rows = origin_rows(second);
  for (std::int64_t row = 0; row < first.size(); ++row) {
    const std::size_t origin = first.origin_row(row);
    if (origin < rows.size() && rows[origin]) ++common.rows;
  }
  return common;
}

}  // namespace metac::data
