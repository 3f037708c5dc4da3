// rotated_classes: turned images as further classes, without a copy of an image.
#include <fmt/format.h>

#include <algorithm>

#include "data/content.hpp"
#include "data/dataset.hpp"

namespace metac::data {

namespace {

constexpr std::int32_t turns = 4;

// Where a turned square image finds its places in the one that is stored.
struct Walk {
  std::int64_t begin, row, column;
};

Walk walk_of(int quarters, std::int64_t side) {
  switch (quarters) {
    case 0:
      return {0, side, 1};
    case 1:
      return {side - 1, -1, side};
    case 2:
      return {side * side - 1, -side, -1};
    case 3:
      return {side * (side - 1), 1, -side};
  }
  throw Bug("a turn is 0 to 3 quarters");
}

// Turns each row as far as the row says.
class Turn : public Transform {
 public:
  explicit Turn(const Shape& shape) : Transform("rotated_classes", shape, shape) {}
  void apply(const float* from, const Row& of, float* to) const override {
    const Walk walk = walk_of(of.quarters, in[0]);
    for (std::int64_t row = 0; row < in[0]; ++row)
      for (std::int64_t column = 0; column < in[1]; ++column)
        to = std::copy_n(from + (walk.begin + row * walk.row + column * walk.column) * in[2], in[2], to);
  }
};

ClassTable turned(const ClassTable& table) {
  ClassTable result;
  result.columns = table.columns;
  result.values.resize(table.values.size());
  for (std::size_t cls = 0; cls < table.names.size(); ++cls)
    for (int turn = 0; turn < turns; ++turn) {
      result.names.push_back(fmt::format("{}/rot{:03}", table.names[cls], 90 * turn));
      for (std::size_t i = 0; i < table.values.size(); ++i) result.values[i].push_back(table.values[i][cls]);
    }
  return result;
}

void check(const Dataset& dataset) {
  const Shape& shape = dataset.example_shape();
  if (!dataset.labelled()) throw Error(fmt::format("rotated_classes: {} has no classes", dataset.name()));
  if (shape.rank() != 3 || shape[0] != shape[1])
    throw Error(fmt::format("rotated_classes: needs square images, [size, size, channels]; {} has {}", dataset.name(),
                            to_string(shape)));
}

}  // namespace

Dataset rotated_classes(const Dataset& dataset) {
  check(dataset);
  const auto& old = *dataset.content_;
  if (!old.rows->quarters.empty()) throw Error(fmt::format("rotated_classes: {} is rotated already", dataset.name()));
  auto content = std::make_shared<Dataset::Content>();
  content->name = old.name + ".rotated";
  content->storage = old.storage;
  content->transforms = old.transforms;
  content->transforms.push_back(std::make_shared<const Turn>(old.example()));
  content->lineage = old.lineage;
  content->lineage.history.push_back("rotated_classes");
  content->classes = turned(old.classes);
  for (auto cls : old.class_origins) content->class_origins.insert(content->class_origins.end(), turns, cls);
  Rows rows;
  for (std::size_t row = 0; row < old.rows->sources.size(); ++row)
    for (std::int32_t turn = 0; turn < turns; ++turn) {
      rows.sources.push_back(old.rows->sources[row]);
      rows.quarters.push_back(static_cast<std::uint8_t>(turn));
      rows.labels.push_back(turns * old.rows->labels[row] + turn);
    }
  content->set_rows(std::move(rows));
  return Dataset(std::move(content));
}

}  // namespace metac::data
