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

Overlap common_of(const Dataset& first, const std::vector<bool>& classes, const std::vector<bool>& rows) {
  Overlap common;
  for (std::int64_t cls = 0; cls < first.class_count(); ++cls) {
    const auto origin = static_cast<std::size_t>(first.origin_class(cls));
    if (first.rows_of(cls).empty() || origin >= classes.size() || !classes[origin]) continue;
    if (common.classes++ == 0) common.example = first.classes().names[static_cast<std::size_t>(cls)];
  }
  for (std::int64_t row = 0; row < first.size(); ++row) {
    const std::size_t origin = first.origin_row(row);
    if (origin < rows.size() && rows[origin]) ++common.rows;
  }
  return common;
}

}  // namespace

Overlap overlap(const Dataset& first, const Dataset& second) {
  const auto &a = first.lineage(), &b = second.lineage();
  if (a.origin != b.origin) return {};
  return common_of(first, origin_classes(second), a.part == b.part ? origin_rows(second) : std::vector<bool>());
}

Footprint footprint(const Dataset& set) {
  return {set.name(), set.lineage().origin, set.lineage().part, set.content(), origin_rows(set), origin_classes(set)};
}

Overlap overlap(const Dataset& first, const Footprint& second) {
  const auto& own = first.lineage();
  const bool same = first.content() == second.content;
  if (!same && own.origin != second.origin) return {};
  return common_of(first, second.classes, same || own.part == second.part ? second.rows : std::vector<bool>());
}

}  // namespace metac::data
