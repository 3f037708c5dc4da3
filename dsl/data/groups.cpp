// GroupSource: which rows a regression task takes is a function of the key and the number of the task.
#include "data/groups.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace metac::data {

namespace {

// The uses of the key of a task.
constexpr std::uint32_t for_class = 0, for_rows = 1, for_transforms = 2;

}  // namespace

GroupSource::GroupSource(Dataset dataset, std::int64_t shots, std::int64_t queries)
    : dataset_(std::move(dataset)), shots_(shots), queries_(queries) {
  const auto& name = dataset_.name();
  if (!dataset_.labelled())
    throw Error(fmt::format("groups: {} has no classes to make tasks of; say the column of its groups", name));
  if (!dataset_.has_targets())
    throw Error(
        fmt::format("groups: {} has no targets; with labels only, all examples of a task would be alike", name));
  if (shots < 1 || queries < 1)
    throw Error(fmt::format("groups: shots and queries must be at least 1, {} and {} were given", shots, queries));
  for (std::int64_t cls = 0; cls < dataset_.class_count(); ++cls)
    if (!dataset_.rows_of(cls).empty()) classes_.push_back(static_cast<std::int32_t>(cls));
  const auto smallest = *std::min_element(classes_.begin(), classes_.end(), [&](auto a, auto b) {
    return dataset_.rows_of(a).size() < dataset_.rows_of(b).size();
  });
  const auto there = static_cast<std::int64_t>(dataset_.rows_of(smallest).size());
  if (shots > there || queries > there - shots)
    throw Error(fmt::format("groups: {} shots and {} queries need as many examples in each group, {} of {} has {}",
                            shots, queries, dataset_.classes().names[static_cast<std::size_t>(smallest)], name, there));
}

Groups GroupSource::sample(Key key, std::int64_t first, std::int64_t count) const {
  if (first < 0 || count < 1) throw Error(fmt::format("groups: there are no {} tasks from {} on", count, first));
  const auto array = [&](Type of_rows) {
    of_rows.shape = of_rows.shape.with_front(count);
    return Array(of_rows);
  };
  Groups groups{array(dataset_.x_type(shots_)), array(dataset_.y_type(shots_)), array(dataset_.x_type(queries_)),
                array(dataset_.y_type(queries_))};
  for (std::int64_t i = 0; i < count; ++i) {
    const Key of_task = fold_in_wide(key, static_cast<std::uint64_t>(first + i));
    const auto drawn = uniform_below(fold_in(of_task, for_class), static_cast<std::uint32_t>(classes_.size()));
    const auto of_class = dataset_.rows_of(classes_[drawn]);
    auto rows = choice(fold_in(of_task, for_rows), static_cast<std::uint32_t>(of_class.size()),
                       static_cast<std::uint32_t>(shots_ + queries_));
    for (auto& row : rows) row = of_class[row];
    const auto support = std::span(rows).first(static_cast<std::size_t>(shots_));
    const auto query = std::span(rows).subspan(static_cast<std::size_t>(shots_));
    const Key of_transforms = fold_in(of_task, for_transforms);
    dataset_.copy_x(support, of_transforms, groups.support_x.row(i).data());
    dataset_.copy_y(support, groups.support_y.row(i).data());
    dataset_.copy_x(query, of_transforms, groups.query_x.row(i).data());
    dataset_.copy_y(query, groups.query_y.row(i).data());
  }
  return groups;
}

}  // namespace metac::data
