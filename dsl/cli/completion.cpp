// Completions for bash, zsh and fish, from the description of the commands.
#include <fmt/format.h>

#include <sstream>

#include "cli/description.hpp"

namespace metac::dsl {

std::vector<std::string> OptionText::choices() const {
  std::vector<std::string> words;
  if (value.find('|') == std::string::npos) return words;
  std::istringstream all(value);
  for (std::string word; std::getline(all, word, '|');) words.push_back(word);
  return words;
}

namespace {

std::string names_of(const std::vector<CommandText>& commands) {
  std::string names;
  for (const auto& each : commands) names += (names.empty() ? "" : " ") + each.name;
  return names;
}

// In single quotes of a shell.
std::string in_single_quotes(std::string_view text) {
  std::string out = "'";
  for (const char c : text) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return out + "'";
}

// ---- bash ----

// What fills COMPREPLY with things of this kind.
std::string bash_words(const OptionText& option) {
  const auto words = option.choices();
  if (!words.empty()) return fmt::format("COMPREPLY=($(compgen -W '{}' -- \"$word\"))", fmt::join(words, " "));
  if (option.value == "FOLDER") return "COMPREPLY=($(compgen -d -- \"$word\"))";
  if (option.value == "FILE") return "COMPREPLY=($(compgen -f -- \"$word\"))";
  if (option.value == "SCRIPT") return "COMPREPLY=($(compgen -d -- \"$word\") $(compgen -f -X '!*.meta' -- \"$word\"))";
  return "COMPREPLY=()";
}

std::string bash_case(const CommandText& command) {
  std::string values, flags, positional;
  for (const auto& option : command.options) {
    if (option.is_positional()) {
      positional = option.value == "SCRIPT" || positional.empty() ? bash_words(option) : positional;
      continue;
    }
    flags += (flags.empty() ? "" : " ") + option.name;
    if (!option.value.empty()) values += fmt::format("        {}) {}; return ;;\n", option.name, bash_words(option));
  }
  std::string text = fmt::format("    {})\n", command.name);
  if (!values.empty()) text += "      case $before in\n" + values + "      esac\n";
  text +=
      fmt::format("      if [[ $word == -* ]]; then COMPREPLY=($(compgen -W '{}' -- \"$word\")); return; fi\n", flags);
  if (!positional.empty()) text += "      " + positional + "\n";
  return text + "      ;;\n";
}

// ---- zsh ----

// In a specification of _arguments.
std::string zsh_escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '[' || c == ']' || c == ':' || c == '\\') out += '\\';
    out += c;
  }
  return out;
}

std::string zsh_action(const OptionText& option) {
  const auto words = option.choices();
  if (!words.empty()) return fmt::format("({})", fmt::join(words, " "));
  if (option.value == "FOLDER") return "_files -/";
  if (option.value == "FILE") return "_files";
  if (option.value == "SCRIPT") return "_files -g \"*.meta\"";
  return " ";
}

std::string zsh_case(const CommandText& command) {
  std::string text = fmt::format("    {})\n      _arguments", command.name);
  for (const auto& option : command.options) {
    const std::string what = option.is_positional() ? fmt::format("*:{}:{}", option.name, zsh_action(option))
                             : option.value.empty()
                                 ? fmt::format("{}[{}]", option.name, zsh_escaped(option.text))
                                 : fmt::format("*{}[{}]:{}:{}", option.name, zsh_escaped(option.text),
                                               zsh_escaped(option.value), zsh_action(option));
    if (option.is_positional() && &option != &command.options.front() && (&option - 1)->is_positional()) continue;
    text += " \\\n        " + in_single_quotes(what);
  }
  return text + "\n      ;;\n";
}

// ---- fish ----

std::string fish_line(const CommandText& command, const OptionText& option) {
  std::string text = fmt::format("complete -c metac -n '__fish_seen_subcommand_from {}'", command.name);
  if (!option.is_positional()) text += fmt::format(" -l {} -d {}", option.name.substr(2), in_single_quotes(option.text));
  const auto words = option.choices();
  if (!words.empty()) {
    text += fmt::format(" -x -a '{}'", fmt::join(words, " "));
  } else if (option.value == "FOLDER") {
    text += " -x -a '(__fish_complete_directories)'";
  } else if (option.value == "FILE") {
    text += option.is_positional() ? " -F" : " -r -F";
  } else if (option.value == "SCRIPT") {
    text += " -k -x -a '(__fish_complete_suffix .meta)'";
  } else if (!option.value.empty() && !option.is_positional()) {
    text += " -x";
  }
  return text + "\n";
}

}  // namespace

std::string bash_completion(const std::vector<CommandText>& commands) {
  std::string cases;
  for (const auto& each : commands) cases += bash_case(each);
  return fmt::format(R"(# Completion of metac for bash; made by `metac completion bash`.
_metac() {{
  local word=${{COMP_WORDS[COMP_CWORD]}} before=${{COMP_WORDS[COMP_CWORD-1]}}
  COMPREPLY=()
  if [[ $COMP_CWORD -eq 1 ]]; then COMPREPLY=($(compgen -W '{} --help --version' -- "$word")); return; fi
  case ${{COMP_WORDS[1]}} in
{}  esac
}}
complete -o filenames -F _metac metac
)",
                     names_of(commands), cases);
}

std::string zsh_completion(const std::vector<CommandText>& commands) {
  std::string names, cases;
  for (const auto& each : commands) {
    names += "    " + in_single_quotes(each.name + ":" + each.text) + "\n";
    cases += zsh_case(each);
  }
  return fmt::format(R"(#compdef metac
# Completion of metac for zsh; made by `metac completion zsh`.
_metac() {{
  local -a commands=(
{}  )
  if (( CURRENT == 2 )); then
    _describe command commands
    return
  fi
  shift words
  (( CURRENT-- ))
  case $words[1] in
{}  esac
}}
_metac "$@"
)",
                     names, cases);
}

std::string fish_completion(const std::vector<CommandText>& commands) {
  std::string text = "# Completion of metac for fish; made by `metac completion fish`.\ncomplete -c metac -f\n";
  for (const auto& each : commands)
    text += fmt::format("complete -c metac -n __fish_use_subcommand -a {} -d {}\n", each.name, in_single_quotes(each.text));
  for (const auto& each : commands)
    for (const auto& option : each.options) text += fish_line(each, option);
  return text;
}

}  // namespace metac::dsl
