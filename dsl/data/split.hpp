// Parts of a data set by class or by row. The parts of one split are disjoint and not empty; their lineage shows it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "data/dataset.hpp"
#include "data/random.hpp"

namespace metac::data {

// Named parts in the order they were asked for.
using Parts = std::vector<std::pair<std::string, Dataset>>;

// By a column of the class table: a part has the classes with its name there. Errors: no such column (names those there
// are), a value that is no part, a part without classes.
Parts split_classes(const Dataset&, const std::string& column,
                    const std::vector<std::string>& parts = {"train", "val", "test"});

// By text files, one class a line: its name, or its number. Empty lines and lines that start with # are skipped. A name
// such as "Greek/character01/rot090" also stands for the class "Greek/character01" where the set is not rotated, so the
// files of Vinyals et al. work on both. Errors: an unknown class (with file and line), a class in two files or twice in
// one, an empty part.
Parts split_classes_by_files(const Dataset&, const std::vector<std::pair<std::string, std::filesystem::path>>& parts);

// So many classes for each part, drawn with the key; within a part they stay in the order of the table. Classes that
// are left over belong to no part. Errors: a count that is not positive, more than there are.
using Counts = std::vector<std::pair<std::string, std::int64_t>>;
Parts split_classes_by_counts(const Dataset&, const Counts&, Key);

// The same for rows, drawn without regard to classes; the parts keep all classes of the table.
Parts split_rows(const Dataset&, const Counts&, Key);

}  // namespace metac::data
