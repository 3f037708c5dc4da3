// What the language itself gives a meaning, besides its builtins: words that begin a statement, words inside of
// expressions, constants, and names that are known in some places only. One table, words.md, for the checker, `metac
// doc`, the prompt and editors.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace metac::dsl {

struct Word {
  enum class Kind {
    word,      // of the grammar: `train`, `if`
    constant,  // known everywhere: `pi`
    name,      // known in some places: `progress`
  };
  Kind kind = Kind::word;
  std::string names;  // one, or several with one meaning, with blanks between them: "if then else"
  std::string form;   // how it is written; of a constant or name, empty
  std::string doc;    // what it means; the first line is a summary
  // A script, which a test runs; behind each `print` stands what it prints. Empty: that of the word it belongs to does.
  std::string example;
};

std::span<const Word> language_words();
const Word* find_word(std::string_view name);
// What is written here for a word that other languages have and this one has not, such as `break`; else empty.
std::string_view instead_of(std::string_view name);
// Calls `use(std::string_view)` with each name of a word.
template <class Use>
void for_each_name(const Word& word, Use use) {
  std::string_view rest = word.names;
  while (!rest.empty()) {
    const auto end = rest.find(' ');
    use(rest.substr(0, end));
    rest = end == std::string_view::npos ? "" : rest.substr(end + 1);
  }
}

}  // namespace metac::dsl
