// The manual page, from the description of the commands.
#include <fmt/format.h>

#include "cli/description.hpp"

namespace metac::dsl {

namespace {

// As words of a page: a dash that is one, no line that is a request.
std::string words(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '\\') {
      out += "\\e";
    } else if (c == '-') {
      out += "\\-";
    } else {
      if ((c == '.' || c == '\'') && (out.empty() || out.back() == '\n')) out += "\\&";
      out += c;
    }
  }
  return out;
}

std::string section(const CommandText& command) {
  std::string title = command.name;
  for (const auto& option : command.options)
    if (option.is_positional()) title += " " + option.name;
  std::string text = fmt::format(".SS metac {}\n{}.\n", words(title), words(command.text));
  for (const auto& option : command.options)
    text += fmt::format(
        ".TP\n.B {}{}\n{}\n", words(option.name),
        option.value.empty() || option.is_positional() ? "" : fmt::format(" \\fI{}\\fR", words(option.value)),
        words(option.text));
  return text;
}

}  // namespace

std::string manual_page(const std::vector<CommandText>& commands, const std::string& version) {
  std::string text = fmt::format(
      ".TH METAC 1 \"\" \"metac {}\" \"\"\n"
      ".SH NAME\nmetac \\- learning procedures as scripts\n"
      ".SH SYNOPSIS\n.B metac\n.I command\n.RI [ options ]\n"
      ".SH DESCRIPTION\nA .meta script says what a paper's method section says: the model, the distribution of tasks, "
      "how it\n"
      "learns, and what is measured. metac checks the whole script, builds one graph from it, and runs that graph.\n"
      ".SH COMMANDS\n",
      words(version));
  for (const auto& each : commands) text += section(each);
  text +=
      ".SH EXIT STATUS\n.TP\n0\ndone\n.TP\n1\nthe script or its data is wrong\n.TP\n2\nthe command line is "
      "wrong\n.TP\n3\n"
      "it failed while running\n.TP\n70\na bug of metac\n.TP\n130\ninterrupted\n"
      ".SH ENVIRONMENT\n.TP\n.B METAC_DATA\nthe data directory, where \\-\\-data is not given\n.TP\n.B METAC_ISA\n"
      "the instruction set of the kernels: baseline, avx2 or avx512\n.TP\n.B NO_COLOR\nno colours on a terminal\n"
      ".TP\n.B XDG_STATE_HOME\nwhere the prompt keeps its history, as metac/history; otherwise in ~/.local/state\n";
  return text;
}

}  // namespace metac::dsl
