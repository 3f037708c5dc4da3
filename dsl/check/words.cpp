// Reads words.md: headings `## kind names`, the form between backquotes, a text, and an example between fences.
#include "check/words.hpp"

#include <unordered_map>
#include <vector>

namespace metac::dsl {

extern const std::string_view words_text;  // made from words.md

namespace {

class Reader {
 public:
  std::vector<Word> read(std::string_view text) {
    while (!text.empty()) {
      const std::size_t end = text.find('\n');
      add(text.substr(0, end));
      text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    }
    for (Word& word : words_)
      while (word.doc.ends_with('\n')) word.doc.pop_back();
    return std::move(words_);
  }

 private:
  void add(std::string_view line) {
    if (line.starts_with("```"))
      in_example_ = !in_example_;
    else if (in_example_)
      words_.back().example += std::string(line) + "\n";
    else if (line.starts_with("## "))
      add_heading(line.substr(3));
    else if (words_.empty())
      return;  // the opening of the file
    else if (after_heading_ && line.starts_with('`'))
      words_.back().form = line.substr(1, line.size() - 2);
    else if (!line.empty() || !words_.back().doc.empty())
      words_.back().doc += std::string(line) + "\n";
    after_heading_ = line.starts_with("## ");
  }
  void add_heading(std::string_view heading) {
    const std::size_t blank = heading.find(' ');
    const std::string_view kind = heading.substr(0, blank);
    Word& word = words_.emplace_back();
    word.kind = kind == "word" ? Word::Kind::word : kind == "constant" ? Word::Kind::constant : Word::Kind::name;
    word.names = heading.substr(blank + 1);
  }

  std::vector<Word> words_;
  bool in_example_ = false, after_heading_ = false;
};

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
  static const std::vector<Word> words = Reader().read(words_text);
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
