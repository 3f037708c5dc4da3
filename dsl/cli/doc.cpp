// `metac doc`: what a name of the library, of a script or of the language is, and all of them as a reference.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>
#include <sstream>

#include "cli/commands.hpp"
#include "cli/output.hpp"
#include "outline/outline.hpp"

namespace metac::dsl {

namespace {

// "learner.predict": the definition, and a member of it.
std::pair<std::string, std::string> parts_of(const std::string& name) {
  const auto dot = name.find('.');
  return {name.substr(0, dot), dot == std::string::npos ? "" : name.substr(dot + 1)};
}

std::vector<std::string> known_names(const Script& script) {
  auto names = script.program()->names(0);
  for (const Builtin& each : builtins()) names.push_back(each.name);
  for (const Word& word : language_words())
    for_each_name(word, [&](std::string_view name) { names.emplace_back(name); });
  return names;
}

std::optional<Outline> find(const Script& script, const std::string& name) {
  if (const Global* global = script.program()->find(name, 0)) return outline_of(name, *global, script.sources());
  return outline_of_language(name);
}

void print_indented(const std::string& text, const char* indent) {
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) fmt::print("{}{}\n", line.empty() ? "" : indent, line);
}

int unknown(const std::string& name, const std::string& where, const std::vector<std::string>& known) {
  complain(fmt::format("there is no `{}`{}", name, where));
  const std::string near = nearest(name, known);
  if (const auto instead = instead_of(name); !instead.empty())
    fmt::print(stderr, "  hint: {}\n", instead);
  else if (!near.empty())
    fmt::print(stderr, "  hint: did you mean `{}`?\n", near);
  return static_cast<int>(Outcome::wrong_options);
}

}  // namespace

void print_documentation(const Outline& outline, const Sources& sources) {
  fmt::print("{}\n", heading(outline));
  if (!outline.documentation.empty()) fmt::print("\n");
  print_indented(outline.documentation, "  ");
  if (!outline.members.empty()) fmt::print("\n");
  for (const Outline& member : outline.members) {
    fmt::print("  {}\n", heading(member));
    if (const auto words = summary(member); !words.empty()) fmt::print("      {}\n", words);
  }
  if (outline.place.file >= static_cast<std::uint32_t>(sources.size())) return;
  fmt::print("\n{}:{}\n", sources.name(outline.place.file),
             sources.position(outline.place.file, outline.place.begin).line);
}

namespace {

int document(const Script& script, const std::string& asked) {
  const auto [name, member] = parts_of(asked);
  const auto found = find(script, name);
  if (!found) return unknown(name, "", known_names(script));
  if (member.empty()) {
    print_documentation(*found, script.sources());
  } else if (const Outline* part = find_member(*found, member)) {
    print_documentation(*part, script.sources());
  } else {
    std::vector<std::string> members;
    for (const auto& each : found->members) members.push_back(each.name);
    return unknown(member, fmt::format(" in `{}`", name), members);
  }
  return static_cast<int>(Outcome::done);
}

// ---- the reference, in Markdown ----

// In a cell of a table.
std::string cell(std::string_view text) {
  std::string out;
  for (const char c : text) out += c == '|' ? std::string("\\|") : std::string(1, c);
  return out;
}

// Documentation stays as it is laid out in the source: it has columns, and equations.
void print_section(const Outline& outline) {
  fmt::print("### {}\n\n```meta\n{}\n", outline.name, heading(outline));
  for (const Outline& member : outline.members) fmt::print("  {}\n", heading(member));
  fmt::print("```\n");
  if (!outline.documentation.empty()) fmt::print("```text\n{}\n```\n", outline.documentation);
  fmt::print("\n");
}

int print_reference(const Script& nothing) {
  const Sources& sources = nothing.sources();
  std::map<std::string, std::vector<Outline>> files;  // by name
  for (const auto& name : nothing.program()->names(0)) {
    Outline made = outline_of(name, *nothing.program()->find(name, 0), sources);
    files[sources.name(made.place.file)].push_back(std::move(made));
  }
  fmt::print(
      "# Reference\n\nWhat every script knows, by file, and what is built into the language. `metac doc NAME` prints "
      "one of them.\n");
  for (auto& [file, all] : files) {
    std::sort(all.begin(), all.end(), [](const auto& a, const auto& b) { return a.place.begin < b.place.begin; });
    fmt::print("\n## {}\n\n", file);
    for (const auto& each : all) print_section(each);
  }
  fmt::print("\n## Words of the language\n\n");
  for (const Word& each : language_words()) print_section(outline_of(each));
  fmt::print("\n## Built in\n\n| function | what it gives |\n|---|---|\n");
  for (const Builtin& each : builtins()) fmt::print("| `{}{}` | {} |\n", each.name, each.parameters, cell(each.doc));
  fmt::print("\n");
  for (const Builtin& each : builtins())
    if (*each.more != '\0') print_section(outline_of(each));
  return static_cast<int>(Outcome::done);
}

}  // namespace

int document_names(const DocRequest& request) {
  if (request.all == !request.name.empty()) {
    complain(request.all ? "`--all` documents everything, a name was given besides"
                         : "a name to document was needed, or `--all`");
    return static_cast<int>(Outcome::wrong_options);
  }
  Report report;
  const Script script =
      request.script.empty() ? Script::from_text("", "", report) : Script::load(request.script, report);
  if (!script.valid()) {
    show(report, script.sources());
    return static_cast<int>(Outcome::wrong_script);
  }
  return request.all ? print_reference(script) : document(script, request.name);
}

}  // namespace metac::dsl
