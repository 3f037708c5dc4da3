// read_classes: a table of classes from a file of tab-separated values.
#include <fmt/format.h>

#include <algorithm>

#include "data/load.hpp"
#include "data/reading.hpp"

namespace metac::data {

namespace {

constexpr std::size_t most_text = std::size_t{64} << 20;  // bytes

using Fields = std::vector<std::string>;

std::string name_of(const ClassTable& table, std::size_t cls, const std::vector<std::string>& columns) {
  Fields parts;
  for (const auto& column : columns) parts.push_back(table.column(column)[cls]);
  return fmt::format("{}", fmt::join(parts, "/"));
}

}  // namespace

ClassTable read_classes(const std::filesystem::path& path, const std::vector<std::string>& name) {
  const auto lines = lines_of(read_file(path, most_text));
  if (lines.size() < 2)
    throw Error(fmt::format("{}: a class table has a line of column names and one line a class", path.string()));
  ClassTable table;
  table.columns = pieces_of(lines[0], '\t');
  table.values.resize(table.columns.size());
  for (std::size_t i = 1; i < lines.size(); ++i) {
    const auto fields = pieces_of(lines[i], '\t');
    if (fields.size() != table.columns.size())
      throw Error(fmt::format("{}, line {}: {} values were needed, {} found", path.string(), i + 1,
                              table.columns.size(), fields.size()));
    for (std::size_t column = 0; column < fields.size(); ++column) table.values[column].push_back(fields[column]);
  }
  const auto index = std::find(table.columns.begin(), table.columns.end(), "index") - table.columns.begin();
  if (index < static_cast<std::ptrdiff_t>(table.columns.size())) {
    for (std::size_t cls = 0; cls + 1 < lines.size(); ++cls)
      if (const auto& found = table.values[static_cast<std::size_t>(index)][cls]; found != std::to_string(cls))
        throw Error(fmt::format("{}, line {}: the index is {}, {} was needed: classes are in order", path.string(),
                                cls + 2, found, cls));
    table.columns.erase(table.columns.begin() + index);
    table.values.erase(table.values.begin() + index);
  }
  // `column` also answers "name", by `names`, which is still empty.
  for (const auto& column : name)
    if (std::find(table.columns.begin(), table.columns.end(), column) == table.columns.end())
      throw Error(fmt::format("{}: has no column {}", path.string(), column));
  std::vector<std::string> names;
  for (std::size_t cls = 0; cls + 1 < lines.size(); ++cls) names.push_back(name_of(table, cls, name));
  table.names = std::move(names);
  return table;
}

}  // namespace metac::data
