// The commands and their options as data: what completions of shells and the manual page are made of.
#pragma once

#include <string>
#include <vector>

namespace metac::dsl {

struct OptionText {
  std::string name;  // "--seed"; of what stands by itself, as "script", without dashes
  std::string
      value;  // what it takes: "NUMBER", "FILE", "FOLDER", "SCRIPT", "text|json" for one of these; empty: nothing
  std::string text;

  bool is_positional() const { return name.front() != '-'; }
  std::vector<std::string> choices() const;  // of "text|json"; else none
};

struct CommandText {
  std::string name, text;
  std::vector<OptionText> options;
};

std::string bash_completion(const std::vector<CommandText>&);
std::string zsh_completion(const std::vector<CommandText>&);
std::string fish_completion(const std::vector<CommandText>&);
// In the language of `man`. `version` is that of the command.
std::string manual_page(const std::vector<CommandText>&, const std::string& version);

}  // namespace metac::dsl
