// What every code of a diagnostic means: the table codes.md, inside of the program.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace metac::dsl {

struct Code {
  std::string code;   // "E0203"
  std::string title;  // "used before it is bound"
};

// Codes that one explanation holds for.
struct CodeFamily {
  std::vector<Code> codes;
  std::string text;                   // paragraphs, in lines
  std::vector<std::string> examples;  // scripts that have the mistake: one for each code, or some for all
  // Those of one code.
  std::vector<std::string> examples_of(std::string_view code) const;
};

// In the order of the table.
const std::vector<CodeFamily>& code_families();
// The family of a code; nullptr if there is no such code.
const CodeFamily* find_code(std::string_view code);
// The codes next to one that does not exist: at most three of its letter, the nearest first.
std::vector<Code> codes_near(std::string_view code);

}  // namespace metac::dsl
