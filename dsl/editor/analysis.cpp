// The checker, asked as an editor asks.
#include "editor/analysis.hpp"

#include <algorithm>

#include "check/modules.hpp"

namespace metac::dsl {

namespace {

bool is_of_library(const std::string& path) {
  const auto library = standard_library();
  return std::any_of(library.begin(), library.end(), [&](const LibraryFile& each) { return each.path == path; });
}

// What a file without experiments binds is for those that use it.
Report without_unused_globals(const Analysis& analysis) {
  Report kept;
  for (const Diagnostic& each : analysis.report.all()) {
    const Declaration* declaration = analysis.names.declaration(each.span);
    if (each.code != "W0201" || !declaration || !declaration->global) kept.add(each);
  }
  return kept;
}

}  // namespace

std::optional<std::uint32_t> Analysis::file_of(const std::string& wanted) const {
  for (std::uint32_t i = 0; i < static_cast<std::uint32_t>(sources->size()); ++i)
    if (path(i) == wanted) return i;
  return std::nullopt;
}

const Module* Analysis::module(std::uint32_t of) const {
  const auto found =
      std::find_if(names.modules.begin(), names.modules.end(), [&](const Module& each) { return each.file == of; });
  return found == names.modules.end() ? nullptr : &*found;
}

bool Analysis::has_experiments() const {
  const Module* own = module(file);
  return own && std::any_of(own->statements.begin(), own->statements.end(), [](const auto& statement) {
           const auto* definition = std::get_if<Definition>(&statement->node);
           return definition && definition->kind == DefinitionKind::experiment;
         });
}

const Occurrence* Analysis::at(std::uint32_t of, std::uint32_t byte) const {
  const Occurrence* best = nullptr;
  for (const Occurrence& each : names.all) {
    const Span span = each.name.span;
    if (span.file != of || byte < span.begin || byte > span.end) continue;
    const bool better = !best || (best->definition == nowhere && !(each.definition == nowhere));
    if (better) best = &each;
  }
  return best;
}

ModuleLoader loader(ReadText read) {
  return [read = std::move(read)](const std::string& path, const std::string& user) {
    return read(resolved_path(path, user));
  };
}

Analysis analyse(const std::string& path, std::string text, const ReadText& read, std::optional<ProbedBytes> probe) {
  Analysis result;
  result.sources = std::make_shared<Sources>();
  const bool of_library = is_of_library(path);
  result.sources->add(of_library ? "" : path, of_library ? "" : std::move(text));
  if (probe) result.names.probe.place = {0, probe->begin, probe->end};
  const auto library = standard_library();
  const auto program = check(result.sources, 0, loader(read), result.report, library, result.names);
  result.is_valid = program != nullptr;
  result.first_library_file = static_cast<std::uint32_t>(result.sources->size() - static_cast<int>(library.size()));
  if (of_library) result.file = *result.file_of(path);
  if (!of_library && !result.has_experiments()) result.report = without_unused_globals(result);
  return result;
}

}  // namespace metac::dsl
