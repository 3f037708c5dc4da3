// Declarations to words, with the outline that `metac doc` prints.
#include "editor/hover.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <sstream>

#include "report/codes.hpp"
#include "syntax/syntax.hpp"

namespace metac::dsl {

namespace {

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
  const auto words = describe_language(occurrence.name.text);
  if (!words) return std::nullopt;
  result.code = words->heading;
  result.documentation = words->documentation;
  return result;
}

// A word of the grammar, which is no occurrence of a name: `train`, but not the option in `tasks: 20`.
std::optional<Hover> hover_word(const Analysis& analysis, std::uint32_t byte) {
  const std::string_view text = analysis.sources->text(analysis.file);
  const auto all = tokens(text);
  for (std::size_t i = 0; i < all.size(); ++i) {
    const auto begin = static_cast<std::uint32_t>(all[i].data() - text.data());
    const auto end = begin + static_cast<std::uint32_t>(all[i].size());
    if (begin > byte) break;
    if (byte >= end || (i + 1 < all.size() && all[i + 1] == ":")) continue;
    if (const auto words = describe_language(all[i]))
      return Hover{{analysis.file, begin, end}, words->heading, words->documentation, ""};
  }
  return std::nullopt;
}

}  // namespace

std::optional<Description> describe_language(std::string_view name) {
  const auto outline = outline_of_language(name);
  if (!outline) return std::nullopt;
  return Description{heading(*outline), outline->documentation};
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
  std::optional<Hover> result = occurrence ? hover_name(analysis, *occurrence, bound_to) : hover_word(analysis, byte);
  const std::string mistakes = mistakes_at(analysis, byte);
  if (mistakes.empty()) return result;
  if (!result) result = Hover{{analysis.file, byte, byte}, "", "", ""};
  add_paragraph(result->text, mistakes);
  return result;
}

}  // namespace metac::dsl
