// Data sets from the columns of a table: numbers (`csv`) and sentences (`text`).
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "data/dataset.hpp"

namespace metac::data {

// Which columns, by name; `header` says whether the first line holds the names (else they are "0", "1", ...).
struct NumberColumns {
  bool header = true;
  std::vector<std::string> x;
  std::vector<std::string> y;  // empty: no targets
  std::string group;           // empty: no classes. Each of its values is a class, in the order they come
};
// x f32 [rows, columns]; targets f32 [rows, columns], even for one column, as a model's output has that axis too.
// Errors name the line of a value that is no number.
Dataset csv(const std::filesystem::path&, const NumberColumns&);

// Words in lower case (letters A to Z; others stay as they are), and each mark of punctuation by itself. An apostrophe
// within a word belongs to it.
std::vector<std::string> tokens(const std::string& sentence);

struct TextColumns {
  bool header = true;
  std::string text;
  std::string label;            // empty: no classes. Each of its values is a class, sorted
  std::int64_t vocabulary = 0;  // x are below this: 0 padding, 1 unknown, then the most frequent words of the rows
  std::int64_t length = 0;      // words of an example: longer ones are cut off at the end, shorter ones padded
};
// x i32 [rows, length].
Dataset text(const std::filesystem::path&, const TextColumns&);
// With the vocabulary, the length and the classes of an earlier set, such as the one that is trained on: `vocabulary`
// and `length` of the columns are not read. Errors: a label that is no class of that set, a set that is no text.
Dataset text(const std::filesystem::path&, const TextColumns&, const Dataset& like);

}  // namespace metac::data
