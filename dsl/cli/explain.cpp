// `metac explain`: what a code of a diagnostic means.
#include <fmt/format.h>

#include <algorithm>
#include <cctype>

#include "cli/commands.hpp"
#include "cli/output.hpp"
#include "report/codes.hpp"

namespace metac::dsl {

namespace {

void print_indented(std::string_view text) {
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    fmt::print("    {}\n", text.substr(0, end));
    text.remove_prefix(end + 1);
  }
}

void print_explanation(const CodeFamily& family, const std::string& code) {
  std::vector<std::string> others;
  for (const Code& each : family.codes) {
    if (each.code == code)
      fmt::print("{}: {}\n\n", each.code, each.title);
    else
      others.push_back(fmt::format("{} ({})", each.code, each.title));
  }
  fmt::print("{}\n", family.text);
  for (const auto& example : family.examples_of(code)) {
    fmt::print("\nexample:\n\n");
    print_indented(example);
  }
  if (!others.empty()) fmt::print("\nthe same holds for {}\n", fmt::join(others, ", "));
}

int unknown(const std::string& code) {
  complain(fmt::format("there is no code `{}`", code));
  for (const Code& near : codes_near(code)) fmt::print(stderr, "  {}  {}\n", near.code, near.title);
  fmt::print(stderr, "  `metac explain` lists all of them\n");
  return static_cast<int>(Outcome::wrong_options);
}

}  // namespace

int explain_codes(const std::vector<std::string>& codes) {
  if (codes.empty())
    for (const auto& family : code_families())
      for (const Code& each : family.codes) fmt::print("{}  {}\n", each.code, each.title);
  bool first = true;
  for (std::string code : codes) {
    std::transform(code.begin(), code.end(), code.begin(), [](unsigned char c) { return std::toupper(c); });
    const CodeFamily* family = find_code(code);
    if (family == nullptr) return unknown(code);
    if (!first) fmt::print("\n");
    print_explanation(*family, code);
    first = false;
  }
  return static_cast<int>(Outcome::done);
}

}  // namespace metac::dsl
