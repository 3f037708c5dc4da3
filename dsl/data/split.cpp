// Cutting a dataset into parts that share nothing: by a column of its classes, by files, by counts.
#include "data/split.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <limits>
#include <unordered_map>

#include "data/reading.hpp"

namespace metac::data {

namespace {

constexpr std::size_t most_text = std::size_t{64} << 20;  // bytes of a text file that names classes

std::string joined_names(const std::vector<std::string>& names) { return fmt::format("{}", fmt::join(names, ", ")); }

void check_parts(const std::string& what, const std::vector<std::string>& names) {
  if (names.empty()) throw Error(fmt::format("{}: no parts were asked for", what));
  for (std::size_t i = 0; i < names.size(); ++i)
    if (std::find(names.begin(), names.begin() + static_cast<std::ptrdiff_t>(i), names[i]) !=
        names.begin() + static_cast<std::ptrdiff_t>(i))
      throw Error(fmt::format("{}: two parts are named {}", what, names[i]));
}

Dataset class_part(const Dataset& dataset, const std::string& part, const std::vector<std::int32_t>& classes,
                   const std::string& how) {
  return dataset.with_classes(classes, fmt::format("split_classes({}).{}", how, part))
      .renamed(dataset.name() + "." + part);
}

// Finds classes by what a line of a file calls them.
class ClassFinder {
 public:
  explicit ClassFinder(const Dataset& dataset) : dataset_(dataset) {
    const auto& names = dataset.classes().names;
    for (std::size_t cls = 0; cls < names.size(); ++cls) by_name_.emplace(names[cls], static_cast<std::int32_t>(cls));
  }

  // -1 if there is none. `turned` says that the line named a rotation of the class.
  std::int32_t find(const std::string& line, bool& turned) const {
    turned = false;
    if (const auto found = by_name_.find(line); found != by_name_.end()) return found->second;
    for (const char* ending : {"/rot000", "/rot090", "/rot180", "/rot270"})
      if (line.ends_with(ending))
        if (const auto found = by_name_.find(line.substr(0, line.size() - 7)); found != by_name_.end()) {
          turned = true;
          return found->second;
        }
    std::int32_t number = -1;
    const auto read = std::from_chars(line.data(), line.data() + line.size(), number);
    const bool whole = read.ec == std::errc() && read.ptr == line.data() + line.size();
    return whole && number >= 0 && number < dataset_.class_count() ? number : -1;
  }

 private:
  const Dataset& dataset_;
  std::unordered_map<std::string, std::int32_t> by_name_;
};

// The lines without blanks behind them.
std::vector<std::string> trimmed_lines_of(const Bytes& text) {
  auto lines = lines_of(text);
  for (auto& line : lines) line.erase(line.find_last_not_of("\r \t") + 1);
  return lines;
}

// Which part each class belongs to, by which file named it first, and on what line.
struct Claims {
  std::vector<int> part;
  std::vector<std::string> line;
};

std::vector<std::int32_t> read_part(const Dataset& dataset, const ClassFinder& finder,
                                    const std::filesystem::path& path, int part, Claims& claims) {
  std::vector<std::int32_t> classes;
  const auto lines = trimmed_lines_of(read_file(path, most_text));
  for (std::size_t i = 0; i < lines.size(); ++i) {
    if (lines[i].empty() || lines[i][0] == '#') continue;
    const auto place = fmt::format("{}, line {}", path.string(), i + 1);
    bool turned = false;
    const std::int32_t cls = finder.find(lines[i], turned);
    if (cls < 0) throw Error(fmt::format("{}: {} has no class named or numbered {}", place, dataset.name(), lines[i]));
    const auto at = static_cast<std::size_t>(cls);
    if (claims.part[at] == -1)
      classes.push_back(cls);
    else if (claims.part[at] != part)
      throw Error(fmt::format("{}: the class {} is in another part already", place, lines[i]));
    // The rotations of one class are so many lines for it; the same line again is a mistake.
    else if (!turned || claims.line[at] == lines[i])
      throw Error(fmt::format("{}: the class {} is named twice", place, lines[i]));
    claims.part[at] = part;
    claims.line[at] = lines[i];
  }
  if (classes.empty()) throw Error(fmt::format("{}: names no classes", path.string()));
  std::sort(classes.begin(), classes.end());
  return classes;
}

// Draws disjoint groups of 0..n-1, each ascending.
std::vector<std::vector<std::uint32_t>> draw_groups(const std::string& what, const std::string& of, std::int64_t n,
                                                    const Counts& counts, Key key) {
  std::vector<std::string> names;
  std::int64_t total = 0;
  for (const auto& [name, count] : counts) {
    names.push_back(name);
    if (count < 1)
      throw Error(
          fmt::format("{}: the part {} needs at least one of the {}, {} were asked for", what, name, of, count));
    if (count > n - total)
      throw Error(fmt::format("{}: there are {} {}; with the part {} at least {} were asked for", what, n, of, name,
                              count > std::numeric_limits<std::int64_t>::max() - total ? count : total + count));
    total += count;
  }
  check_parts(what, names);
  const auto drawn = choice(key, static_cast<std::uint32_t>(n), static_cast<std::uint32_t>(total));
  std::vector<std::vector<std::uint32_t>> groups;
  auto next = drawn.begin();
  for (const auto& [name, count] : counts) {
    groups.emplace_back(next, next + count);
    std::sort(groups.back().begin(), groups.back().end());
    next += count;
  }
  return groups;
}

void check_labelled(const Dataset& dataset) {
  if (!dataset.labelled()) throw Error(fmt::format("split_classes: {} has no classes", dataset.name()));
}

}  // namespace

Parts split_classes(const Dataset& dataset, const std::string& column, const std::vector<std::string>& parts) {
  check_labelled(dataset);
  check_parts("split_classes", parts);
  const auto& values = dataset.classes().column(column);
  std::vector<std::vector<std::int32_t>> classes(parts.size());
  for (std::size_t cls = 0; cls < values.size(); ++cls) {
    const auto found = std::find(parts.begin(), parts.end(), values[cls]);
    if (found == parts.end())
      throw Error(fmt::format("split_classes: the column {} of {} says \"{}\" for the class {}; the parts are {}",
                              column, dataset.name(), values[cls], dataset.classes().names[cls], joined_names(parts)));
    classes[static_cast<std::size_t>(found - parts.begin())].push_back(static_cast<std::int32_t>(cls));
  }
  Parts result;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    if (classes[i].empty())
      throw Error(fmt::format("split_classes: the part {} is empty: no class of {} has it in the column {}", parts[i],
                              dataset.name(), column));
    result.emplace_back(parts[i], class_part(dataset, parts[i], classes[i], column));
  }
  return result;
}

Parts split_classes_by_files(const Dataset& dataset,
                             const std::vector<std::pair<std::string, std::filesystem::path>>& parts) {
  check_labelled(dataset);
  std::vector<std::string> names;
  for (const auto& [name, path] : parts) names.push_back(name);
  check_parts("split_classes", names);
  const ClassFinder finder(dataset);
  const auto count = static_cast<std::size_t>(dataset.class_count());
  Claims claims{std::vector<int>(count, -1), std::vector<std::string>(count)};
  Parts result;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const auto classes = read_part(dataset, finder, parts[i].second, static_cast<int>(i), claims);
    result.emplace_back(parts[i].first, class_part(dataset, parts[i].first, classes, "files"));
  }
  return result;
}

Parts split_classes_by_counts(const Dataset& dataset, const Counts& counts, Key key) {
  check_labelled(dataset);
  const auto groups = draw_groups("split_classes", "classes of " + dataset.name(), dataset.class_count(), counts, key);
  Parts result;
  for (std::size_t i = 0; i < counts.size(); ++i) {
    const std::vector<std::int32_t> classes(groups[i].begin(), groups[i].end());
    result.emplace_back(counts[i].first, class_part(dataset, counts[i].first, classes, "counts"));
  }
  return result;
}

Parts split_rows(const Dataset& dataset, const Counts& counts, Key key) {
  const auto groups = draw_groups("split_rows", "examples of " + dataset.name(), dataset.size(), counts, key);
  Parts result;
  for (std::size_t i = 0; i < counts.size(); ++i) {
    const auto& name = counts[i].first;
    result.emplace_back(name, dataset.with_rows(groups[i], "split_rows." + name).renamed(dataset.name() + "." + name));
  }
  return result;
}

}  // namespace metac::data
