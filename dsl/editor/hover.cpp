// Declarations to words, with the outline that `metac doc` prints.
#include "editor/hover.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <sstream>
#include <utility>

#include "report/codes.hpp"

namespace metac::dsl {

namespace {

constexpr std::array<std::pair<std::string_view, std::string_view>, 13> language_names = {{
    {"pi", "the number pi"},
    {"none", "no value"},
    {"infinity", "larger than every number"},
    {"nan", "not a number"},
    {"step", "the number of the step at hand; known while training"},
    {"progress", "how much of the training is done, from 0 to 1; 1 where nothing is trained"},
    {"example", "the form of one task, or of a batch of one; known in a learner"},
    {"weights", "the tree that is moved; known in an optimizer"},
    {"gradient", "of what is learned, for the step at hand; known in an optimizer and in `on step` of a learner"},
    {"before", "what was learned before the step at hand; known in `on step` of a learner"},
    {"loss", "of each task of the step at hand; known in `on step` of tasks"},
    {"gain", "by how much the step lowered the loss of each task; known in `on step` of tasks"},
    {"same", "the optimizer of the learner's last training, with its memory; known as `optimizer: same`"},
}};
constexpr std::size_t constant_count = 4;  // of them, at the beginning: known everywhere

std::string_view trimmed(std::string_view line) {
  while (!line.empty() && (line.front() == ' ' || line.front() == '\t')) line.remove_prefix(1);
  while (!line.empty() && (line.back() == ' ' || line.back() == '\t')) line.remove_suffix(1);
  return line;
}

std::string line_of(const Analysis& analysis, Span span) {
  const Sources& sources = *analysis.sources;
  return std::string(trimmed(sources.line(span.file, sources.position(span.file, span.begin).line)));
}

// What the documentation of a definition says of one of its parameters: the line that begins with it, and those below
// that are indented further.
std::string documentation_of_parameter(const std::string& documentation, const std::string& name) {
  std::istringstream lines(documentation);
  std::string text;
  for (std::string line; std::getline(lines, line);) {
    if (text.empty()) {
      if (line.starts_with(name + "  ") || line.starts_with(name + ": "))
        text = trimmed(std::string_view(line).substr(name.size() + 1));
    } else if (line.starts_with("  ")) {
      text.append(1, ' ').append(trimmed(line));
    } else {
      break;
    }
  }
  return text;
}

const Parameter* parameter_of(const Definition& definition, Span name) {
  for (const ParameterList& list : definition.lists)
    for (const Parameter& each : list.parameters)
      if (each.name.span == name) return &each;
  return nullptr;
}

Description parameter_description(const Declaration& declaration) {
  const std::string& name = declaration.name.text;
  const Definition* owner = declaration.inside;
  const Parameter* parameter = owner ? parameter_of(*owner, declaration.name.span) : nullptr;
  if (!parameter) return {fmt::format("parameter {}", name), ""};
  const Outline outline = outline_of(*owner);
  std::string heading = fmt::format("parameter {}", name);
  for (const auto& list : outline.lists)
    for (const OutlineParameter& each : list)
      if (each.name == name && !each.default_value.empty()) heading += " = " + each.default_value;
  heading += "\n# of " + dsl::heading(outline);
  return {std::move(heading), documentation_of_parameter(outline.documentation, name)};
}

// The explanations of what is wrong at this byte.
std::string mistakes_at(const Analysis& analysis, std::uint32_t byte) {
  std::string text;
  for (const Diagnostic& each : analysis.report.all()) {
    const bool here = each.span.file == analysis.file && each.span.begin <= byte && byte <= each.span.end;
    const CodeFamily* family = here ? find_code(each.code) : nullptr;
    if (!family) continue;
    for (const Code& code : family->codes)
      if (code.code == each.code) text += fmt::format("{}: {}\n\n{}\n\n", code.code, code.title, family->text);
  }
  return text;
}

std::string place_of(const Analysis& analysis, Span definition) {
  return fmt::format("{}:{}", analysis.path(definition.file),
                     analysis.sources->position(definition.file, definition.begin).line);
}

void add_paragraph(std::string& text, std::string_view paragraph) {
  while (!paragraph.empty() && paragraph.back() == '\n') paragraph.remove_suffix(1);
  if (paragraph.empty()) return;
  if (!text.empty()) text += "\n\n";
  text += paragraph;
}

std::optional<Hover> hover_name(const Analysis& analysis, const Occurrence& occurrence, const BoundTo& bound_to) {
  Hover result{occurrence.name.span, "", "", ""};
  if (occurrence.kind == Occurrence::Kind::file) {
    result.text = analysis.path(occurrence.definition.file);
    return result;
  }
  if (const Declaration* declaration = analysis.names.declaration(occurrence.definition)) {
    const Description description = describe(analysis, *declaration);
    result.code = description.heading;
    const std::string value = bound_to(occurrence.definition);
    if (!value.empty()) add_paragraph(result.text, fmt::format("`{}` is {}", declaration->name.text, value));
    result.documentation = description.documentation;
    add_paragraph(result.text, place_of(analysis, occurrence.definition));
    return result;
  }
  if (occurrence.kind != Occurrence::Kind::name) return std::nullopt;
  if (const auto words = meaning_of_language_name(occurrence.name.text); !words.empty()) {
    result.code = occurrence.name.text;
    result.text = words;
    return result;
  }
  const Builtin* builtin = find_builtin(occurrence.name.text);
  if (!builtin) return std::nullopt;
  const Description description = describe(*builtin);
  result.code = description.heading;
  result.documentation = description.documentation;
  return result;
}

}  // namespace

std::string_view meaning_of_language_name(std::string_view name) {
  for (const auto& [known, words] : language_names)
    if (known == name) return words;
  return "";
}

std::vector<std::string> constants() {
  std::vector<std::string> names;
  for (std::size_t i = 0; i < constant_count; ++i) names.emplace_back(language_names[i].first);
  return names;
}

Description describe(const Builtin& builtin) {
  const Outline outline = outline_of(builtin);
  return {heading(outline), outline.documentation};
}

Description describe(const Analysis& analysis, const Declaration& declaration) {
  const Sources& sources = *analysis.sources;
  if (declaration.definition) {
    const Outline outline = outline_of(*declaration.definition);
    return {heading(outline), outline.documentation};
  }
  if (declaration.global)
    return {line_of(analysis, declaration.global->statement->span),
            outline_of(declaration.name.text, *declaration.global, sources).documentation};
  if (declaration.kind == SymbolKind::parameter) return parameter_description(declaration);
  std::string documentation;
  if (declaration.inside) {
    const Outline owner = outline_of(*declaration.inside, sources);
    const Outline* member = find_member(owner, declaration.name.text);
    if (member && member->place == declaration.name.span) documentation = member->documentation;
  }
  return {line_of(analysis, declaration.name.span), std::move(documentation)};
}

std::optional<Hover> hover(const Analysis& analysis, std::uint32_t byte, const BoundTo& bound_to) {
  const Occurrence* occurrence = analysis.at(analysis.file, byte);
  std::optional<Hover> result = occurrence ? hover_name(analysis, *occurrence, bound_to) : std::nullopt;
  const std::string mistakes = mistakes_at(analysis, byte);
  if (mistakes.empty()) return result;
  if (!result) result = Hover{{analysis.file, byte, byte}, "", "", ""};
  add_paragraph(result->text, mistakes);
  return result;
}

}  // namespace metac::dsl
