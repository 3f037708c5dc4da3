// csv and text: tables to data sets.
#include "data/tabular.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <unordered_map>

#include "data/reading.hpp"
#include "data/table.hpp"

namespace metac::data {

namespace {

namespace fs = std::filesystem;

Array numbers_of(const Table& table, const std::vector<std::string>& names) {
  std::vector<std::size_t> columns;
  for (const auto& name : names) columns.push_back(table.column(name));
  Array result(
      Type{Dtype::f32, Shape{static_cast<std::int64_t>(table.rows.size()), static_cast<std::int64_t>(columns.size())}});
  float* out = result.as<float>().data();
  for (std::size_t row = 0; row < table.rows.size(); ++row)
    for (auto column : columns) *out++ = static_cast<float>(table.number(row, column));
  return result;
}

struct Labels {
  std::vector<std::int32_t> of_rows;
  ClassTable classes;
};

Labels labels_of(const Table& table, const std::string& name, bool sorted) {
  Labels labels;
  const std::size_t column = table.column(name);
  for (std::size_t row = 0; row < table.rows.size(); ++row)
    if (table.rows[row][column].empty())
      throw Error(fmt::format("{}: the column {} is empty; it names the class of the row", table.place(row), name));
  if (sorted) {
    std::set<std::string> values;
    for (const auto& row : table.rows) values.insert(row[column]);
    labels.classes.names.assign(values.begin(), values.end());
  }
  std::unordered_map<std::string, std::int32_t> numbers;
  for (const auto& cls : labels.classes.names) numbers.emplace(cls, static_cast<std::int32_t>(numbers.size()));
  for (const auto& row : table.rows) {
    const auto [found, fresh] = numbers.emplace(row[column], static_cast<std::int32_t>(numbers.size()));
    if (fresh) labels.classes.names.push_back(row[column]);
    labels.of_rows.push_back(found->second);
  }
  return labels;
}

using Sentences = std::vector<std::vector<std::string>>;

Sentences sentences_of(const Table& table, const std::string& name) {
  const std::size_t column = table.column(name);
  Sentences sentences;
  for (std::size_t row = 0; row < table.rows.size(); ++row) {
    sentences.push_back(tokens(table.rows[row][column]));
    if (sentences.back().empty()) throw Error(fmt::format("{}: the column {} has no words", table.place(row), name));
  }
  return sentences;
}

// The most frequent words first; equally frequent ones by their bytes.
std::vector<std::string> most_frequent(const Sentences& sentences, std::int64_t count) {
  std::map<std::string, std::int64_t> frequency;
  for (const auto& sentence : sentences)
    for (const auto& word : sentence) ++frequency[word];
  std::vector<std::string> words;
  for (const auto& [word, times] : frequency) words.push_back(word);
  std::stable_sort(words.begin(), words.end(),
                   [&](const auto& a, const auto& b) { return frequency.at(a) > frequency.at(b); });
  words.resize(std::min(words.size(), static_cast<std::size_t>(count)));
  return words;
}

constexpr std::int32_t unknown_word = 1, first_word = 2;  // 0 is padding

Array indices_of(const Sentences& sentences, const std::vector<std::string>& words, std::int64_t length) {
  std::unordered_map<std::string, std::int32_t> numbers;
  for (const auto& word : words) numbers.emplace(word, first_word + static_cast<std::int32_t>(numbers.size()));
  Array x(Type{Dtype::i32, Shape{static_cast<std::int64_t>(sentences.size()), length}});
  auto* row = x.as<std::int32_t>().data();
  for (const auto& sentence : sentences) {
    for (std::size_t i = 0; i < std::min(sentence.size(), static_cast<std::size_t>(length)); ++i) {
      const auto found = numbers.find(sentence[i]);
      row[i] = found == numbers.end() ? unknown_word : found->second;
    }
    row += length;
  }
  return x;
}

bool is_word(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || static_cast<unsigned char>(c) >= 0x80;
}

}  // namespace

Dataset csv(const fs::path& path, const NumberColumns& columns) {
  const Table table = read_table(path, columns.header);
  if (columns.x.empty()) throw Error(fmt::format("{}: `x` needs at least one column", path.string()));
  std::optional<Array> targets;
  if (!columns.y.empty()) targets = numbers_of(table, columns.y);
  const Labels labels = columns.group.empty() ? Labels{} : labels_of(table, columns.group, false);
  return Dataset::from_floats(path.filename().string(), numbers_of(table, columns.x), labels.of_rows, labels.classes,
                              lineage_of(path), std::move(targets));
}

std::vector<std::string> tokens(const std::string& sentence) {
  std::vector<std::string> result(1);
  std::string text = sentence;
  for (char& c : text)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool within = i > 0 && i + 1 < text.size() && is_word(text[i - 1]) && is_word(text[i + 1]);
    if (is_word(text[i]) || (text[i] == '\'' && within)) {
      result.back().push_back(text[i]);
      continue;
    }
    if (!result.back().empty()) result.emplace_back();
    if (text[i] > ' ' && text[i] != 0x7f) {
      result.back().push_back(text[i]);
      result.emplace_back();
    }
  }
  if (result.back().empty()) result.pop_back();
  return result;
}

Dataset text(const fs::path& path, const TextColumns& columns) {
  constexpr std::int64_t most_words = 10'000'000, longest = 100'000;
  if (columns.vocabulary < 3 || columns.vocabulary > most_words)
    throw Error(fmt::format("text: a vocabulary is from 3 (padding, unknown, one word) to {}, {} was given", most_words,
                            columns.vocabulary));
  if (columns.length < 1 || columns.length > longest)
    throw Error(fmt::format("text: a length is from 1 to {} words, {} was given", longest, columns.length));
  const Table table = read_table(path, columns.header);
  const Sentences sentences = sentences_of(table, columns.text);
  const Labels labels = columns.label.empty() ? Labels{} : labels_of(table, columns.label, true);
  auto words = most_frequent(sentences, columns.vocabulary - first_word);
  Array x = indices_of(sentences, words, columns.length);
  return Dataset::from_integers(path.filename().string(), std::move(x), labels.of_rows, labels.classes,
                                lineage_of(path), std::move(words));
}

Dataset text(const fs::path& path, const TextColumns& columns, const Dataset& like) {
  if (like.words().empty()) throw Error(fmt::format("text: {} is no text, so it has no vocabulary", like.name()));
  const Table table = read_table(path, columns.header);
  const Sentences sentences = sentences_of(table, columns.text);
  std::vector<std::int32_t> labels;
  if (!columns.label.empty()) {
    const std::size_t column = table.column(columns.label);
    std::unordered_map<std::string, std::int32_t> numbers;
    for (const auto& cls : like.classes().names) numbers.emplace(cls, static_cast<std::int32_t>(numbers.size()));
    for (std::size_t row = 0; row < table.rows.size(); ++row) {
      const auto found = numbers.find(table.rows[row][column]);
      if (found == numbers.end())
        throw Error(fmt::format("{}: {} has no class {}", table.place(row), like.name(), table.rows[row][column]));
      labels.push_back(found->second);
    }
  }
  Array x = indices_of(sentences, like.words(), like.example_shape()[0]);
  return Dataset::from_integers(path.filename().string(), std::move(x), std::move(labels),
                                columns.label.empty() ? ClassTable{} : like.classes(), lineage_of(path), like.words());
}

}  // namespace metac::data
