// Reads words.md: headings are `kind names`; a first line between backquotes is the form.
#include "check/words.hpp"

#include <unordered_map>
#include <vector>

#include "report/sections.hpp"

namespace metac::dsl {

extern const std::string_view words_text;  // made from words.md

namespace {

std::vector<Word> words_in(std::string_view text) {
  std::vector<Word> words;
  for (Section& section : sections_of(text)) {
    const std::string& heading = section.headings.front();
    const std::size_t blank = heading.find(' ');
    const std::string kind = heading.substr(0, blank);
    Word& word = words.emplace_back();
    word.kind = kind == "word" ? Word::Kind::word : kind == "constant" ? Word::Kind::constant : Word::Kind::name;
    word.names = heading.substr(blank + 1);
    word.doc = std::move(section.text);
    if (word.doc.starts_with('`')) {
      const std::size_t end = word.doc.find('\n');
      word.form = word.doc.substr(1, end - 2);
      word.doc.erase(0, word.doc.find_first_not_of('\n', end));
    }
    if (!section.examples.empty()) word.example = std::move(section.examples.front());
  }
  return words;
}

struct Foreign {
  std::string_view name, instead;
};

constexpr Foreign foreign[] = {
    {"break", "a `for` goes through all items; `while(condition, step, start, at_most: n)` ends by its condition"},
    {"continue", "put the rest of the turn into `if c { .. }`"},
    {"def", "a function is defined with `fn`"},
    {"lambda", "a function without a name is `fn (x) = e`"},
    {"None", "write `none`"},
    {"null", "write `none`"},
    {"True", "write `true`"},
    {"False", "write `false`"},
    {"self", "functions of a learner see its names as they are: `theta`, not `self.theta`"},
    {"zip", "write `[(a[i], b[i]) for i in range(len(a))]`"},
    {"enumerate", "write `for i in range(len(items)) { .. }`"},
    {"append", "lists are joined by `+`: `items + [x]`"},
    {"pow", "a power is written `x ^ n`"},
    {"dot", "a product of matrices is written `a @ b`"},
    {"matmul", "a product of matrices is written `a @ b`"},
    {"math", "functions and constants need no prefix: `exp(x)`, `pi`"},
    {"np", "functions need no prefix: `exp(x)`, `concatenate([a, b])`"},
    {"torch", "functions need no prefix: `exp(x)`, `concatenate([a, b])`"},
    {"tensor", "a list of numbers is a tensor where one is needed: `[1.0, 2.0]`; `full(shape, value)` makes one"},
    {"array", "a list of numbers is a tensor where one is needed: `[1.0, 2.0]`; `full(shape, value)` makes one"},
    {"list", "a list is written `[a, b]`; `range(n)` gives one"},
    {"dict", "a record is written `(name: value)`"},
    {"float", "`cast_float(x)` makes floats"},
    {"int", "`cast_int(x)` makes whole numbers"},
    {"quit", "an experiment ends with its block; at the prompt `:quit` ends"},
    {"exit", "an experiment ends with its block; at the prompt `:quit` ends"},
    {"help", "`metac doc NAME` says what a name is, at the prompt `:doc NAME`; `:help` lists what there is"},
};

}  // namespace

std::string_view instead_of(std::string_view name) {
  for (const Foreign& each : foreign)
    if (each.name == name) return each.instead;
  return {};
}

std::span<const Word> language_words() {
  static const std::vector<Word> words = words_in(words_text);
  return words;
}

const Word* find_word(std::string_view name) {
  static const std::unordered_map<std::string_view, const Word*> by_name = [] {
    std::unordered_map<std::string_view, const Word*> result;
    for (const Word& word : language_words())
      for_each_name(word, [&](std::string_view each) { result.emplace(each, &word); });
    return result;
  }();
  const auto found = by_name.find(name);
  return found == by_name.end() ? nullptr : found->second;
}

}  // namespace metac::dsl
