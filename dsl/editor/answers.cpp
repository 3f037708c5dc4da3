// The requests about documents: parameters to bytes, answers to JSON.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <utility>

#include "editor/completion.hpp"
#include "editor/formatting.hpp"
#include "editor/hover.hpp"
#include "editor/protocol.hpp"
#include "editor/uri.hpp"
#include "outline/outline.hpp"

namespace metac::dsl {

namespace {

struct Target {
  std::string path;
  const Document& document;
};

Target target(const Request& request) {
  const std::string uri = text_field(field(request.parameters, "textDocument"), "uri");
  std::string path = path_of(uri);
  const Document* document = request.documents.find(path);
  if (!document) throw ProtocolError{ErrorCode::invalid_params, fmt::format("the document `{}` is not open", uri)};
  return {std::move(path), *document};
}

std::uint32_t byte_in(const Request& request, const Document& document) {
  return byte_of(field(request.parameters, "position"), document.text, request.agreement.encoding);
}

Json location(const Request& request, const Analysis& analysis, Span span) {
  Ranges ranges(*analysis.sources, request.agreement.encoding);
  return {{"uri", request.documents.uri(analysis.path(span.file))}, {"range", ranges.range(span)}};
}

// ---- hover, definition ----

Json answer_hover(const Request& request) {
  const auto [path, document] = target(request);
  const Analysis& analysis = document.analysis;
  const auto bound_to = [&, &path = path, &document = document](Span definition) {
    return request.bound_to(path, document.revision, analysis.path(definition.file), definition.begin);
  };
  const auto found = hover(analysis, byte_in(request, document), bound_to);
  if (!found) return nullptr;
  const bool markdown = request.agreement.markdown;
  std::string text;
  const auto add = [&](const std::string& part, const char* language) {
    if (part.empty()) return;
    if (!text.empty()) text += "\n\n";
    text += markdown && language ? fmt::format("```{}\n{}\n```", language, part) : part;
  };
  add(found->code, "meta");
  add(found->documentation, found->documentation.find('\n') == std::string::npos ? nullptr : "text");
  add(found->text, nullptr);
  return {{"contents", {{"kind", markdown ? "markdown" : "plaintext"}, {"value", text}}},
          {"range", Ranges(*analysis.sources, request.agreement.encoding).range(found->span)}};
}

Json answer_definition(const Request& request) {
  const auto [path, document] = target(request);
  const Occurrence* found = document.analysis.at(document.analysis.file, byte_in(request, document));
  if (!found || found->definition == nowhere) return nullptr;
  const bool is_name = found->kind != Occurrence::Kind::file;
  Span span = found->definition;
  if (const Declaration* declaration = is_name ? document.analysis.names.declaration(span) : nullptr)
    span = declaration->name.span;
  return location(request, document.analysis, span);
}

// ---- references, rename ----

// Scripts of the workspace that are not open and have the word, analysed.
std::vector<Analysis> closed_scripts(const Request& request, const std::string& word) {
  std::set<std::string> paths;
  for (const std::string& folder : request.agreement.folders)
    for (const std::string& path : request.scripts(folder)) paths.insert(path);
  std::vector<Analysis> all;
  for (const std::string& path : paths) {
    if (request.documents.find(path)) continue;
    auto text = request.documents.read(path);
    if (text && text->find(word) != std::string::npos && text->find("use") != std::string::npos)
      all.push_back(analyse(path, std::move(*text), request.documents.reader()));
  }
  return all;
}

// What other files can see.
bool is_shared(const Declaration& declaration) {
  return declaration.global || declaration.kind == SymbolKind::parameter || declaration.kind == SymbolKind::learn ||
         declaration.kind == SymbolKind::memory || declaration.kind == SymbolKind::function;
}

// The analyses that may have a name, that of the document first.
struct Everywhere {
  std::vector<Analysis> closed;
  std::vector<const Analysis*> all;

  Everywhere(const Request& request, const std::string& path, const Document& document, std::uint32_t byte) {
    all.push_back(&document.analysis);
    const Occurrence* occurrence = document.analysis.at(document.analysis.file, byte);
    const Declaration* declaration = occurrence ? document.analysis.names.declaration(occurrence->definition) : nullptr;
    if (!declaration || !is_shared(*declaration)) return;
    for (const auto& [other, open] : request.documents.all())
      if (other != path && !is_library_uri(open.uri)) all.push_back(&open.analysis);
    closed = closed_scripts(request, declaration->name.text);
    for (const Analysis& each : closed) all.push_back(&each);
  }
};

// Of a file that some analysis has read.
Text text_in(const std::vector<const Analysis*>& analyses, const std::string& path) {
  for (const Analysis* each : analyses)
    if (const auto file = each->file_of(path)) return Text(std::string(each->sources->text(*file)));
  return Text();
}

Json answer_references(const Request& request) {
  const auto [path, document] = target(request);
  const std::uint32_t byte = byte_in(request, document);
  const bool with_definition = field(field(request.parameters, "context"), "includeDeclaration") == true;
  const Everywhere everywhere(request, path, document, byte);
  Json result = Json::array();
  try {
    for (const auto& [file, places] : places_of(everywhere.all, byte, with_definition)) {
      const Text text = text_in(everywhere.all, file);
      for (const Bytes& each : places)
        result.push_back({{"uri", request.documents.uri(file)},
                          {"range", range(text, each.begin, each.end, request.agreement.encoding)}});
    }
  } catch (const Refusal&) {
    return nullptr;  // a name without places that are known
  }
  return result;
}

Json answer_prepare_rename(const Request& request) {
  const auto [path, document] = target(request);
  const Name name = renamable(document.analysis, byte_in(request, document));
  return {{"range", Ranges(*document.analysis.sources, request.agreement.encoding).range(name.span)},
          {"placeholder", name.text}};
}

Json answer_rename(const Request& request) {
  const auto [path, document] = target(request);
  const std::uint32_t byte = byte_in(request, document);
  const std::string name = text_field(request.parameters, "newName");
  const Everywhere everywhere(request, path, document, byte);
  const Places places = rename(everywhere.all, byte, name, request.documents.reader());
  Json by_uri = Json::object(), versioned = Json::array();
  for (const auto& [file, all] : places) {
    const Text text = text_in(everywhere.all, file);
    Json edits = Json::array();
    for (const Bytes& each : all)
      edits.push_back({{"range", range(text, each.begin, each.end, request.agreement.encoding)}, {"newText", name}});
    const std::string uri = request.documents.uri(file);
    const Document* open = request.documents.find(file);
    Json version = open ? Json(open->version) : Json(nullptr);
    versioned.push_back({{"textDocument", {{"uri", uri}, {"version", std::move(version)}}}, {"edits", edits}});
    by_uri[uri] = std::move(edits);
  }
  if (request.agreement.versioned_edits) return {{"documentChanges", std::move(versioned)}};
  return {{"changes", std::move(by_uri)}};
}

// ---- completion, formatting, symbols ----

int number_of(Completion::Kind kind) {
  using Kind = Completion::Kind;
  switch (kind) {
    case Kind::function:
      return 3;
    case Kind::type:
      return 7;  // class
    case Kind::variable:
      return 6;
    case Kind::member:
      return 5;  // field
    case Kind::argument:
    case Kind::option:
      return 10;  // property
    case Kind::constant:
      return 21;
    case Kind::keyword:
      return 14;
  }
  return 1;
}

Json answer_completion(const Request& request) {
  const auto [path, document] = target(request);
  const std::uint32_t byte = byte_in(request, document);
  Json items = Json::array();
  if (is_library_uri(document.uri)) return items;
  const Completions found = complete(path, document.text.all(), byte, request.documents.reader());
  const Json place = range(document.text, found.begin, found.end, request.agreement.encoding);
  for (const Completion& each : found.all) {
    Json item{{"label", each.label},
              {"kind", number_of(each.kind)},
              {"sortText", fmt::format("{}{}", each.rank, each.label)},
              {"textEdit", {{"range", place}, {"newText", each.insert}}}};
    if (!each.heading.empty()) item["detail"] = each.heading;
    if (!each.documentation.empty()) item["documentation"] = each.documentation;
    items.push_back(std::move(item));
  }
  return items;
}

Json answer_formatting(const Request& request) {
  const auto [path, document] = target(request);
  Json edits = Json::array();
  Report report;
  Sources sources;
  if (is_library_uri(document.uri)) return edits;
  const auto after = formatted(sources, sources.add(path, document.text.all()), report);
  if (!after) return nullptr;  // its mistakes are shown already
  const auto change = change_between(document.text.all(), *after);
  if (change)
    edits.push_back({{"range", range(document.text, change->begin, change->end, request.agreement.encoding)},
                     {"newText", change->text}});
  return edits;
}

int kind_of(const Outline& outline) {
  static const std::map<std::string, int> kinds = {{"fn", 12},    {"model", 5},      {"learner", 5}, {"optimizer", 5},
                                                   {"tasks", 5},  {"experiment", 2}, {"let", 13},    {"learn", 8},
                                                   {"memory", 8}, {"param", 8},      {"on", 24}};
  const auto found = kinds.find(outline.kind);
  return found == kinds.end() ? 13 : found->second;
}

Json symbol(const Outline& outline, Ranges& ranges) {
  Json made{{"name", outline.name},
            {"detail", heading(outline)},
            {"kind", kind_of(outline)},
            {"range", ranges.range(outline.whole)},
            {"selectionRange", ranges.range(outline.place)}};
  for (const Outline& member : outline.members) made["children"].push_back(symbol(member, ranges));
  return made;
}

void add_flat(const Outline& outline, const std::string& container, const std::string& uri, Ranges& ranges, Json& all) {
  Json made{{"name", outline.name},
            {"kind", kind_of(outline)},
            {"location", {{"uri", uri}, {"range", ranges.range(outline.whole)}}}};
  if (!container.empty()) made["containerName"] = container;
  all.push_back(std::move(made));
  for (const Outline& member : outline.members) add_flat(member, outline.name, uri, ranges, all);
}

Json answer_symbols(const Request& request) {
  const auto [path, document] = target(request);
  const Analysis& analysis = document.analysis;
  Ranges ranges(*analysis.sources, request.agreement.encoding);
  Json all = Json::array();
  const Module* module = analysis.module(analysis.file);
  if (!module) return all;
  for (const Outline& each : outline(*module, *analysis.sources)) {
    if (request.agreement.nested_symbols)
      all.push_back(symbol(each, ranges));
    else
      add_flat(each, "", document.uri, ranges, all);
  }
  return all;
}

// The text of a file of the library, for the editor to show.
Json answer_library(const Request& request) {
  const std::string uri = text_field(request.parameters, "uri");
  for (const LibraryFile& each : standard_library())
    if (is_library_uri(uri) && each.path == path_of(uri)) return {{"text", std::string(each.text)}};
  throw ProtocolError{ErrorCode::invalid_params, fmt::format("the standard library has no `{}`", uri)};
}

constexpr std::array<std::pair<std::string_view, Answer>, 9> answers = {{
    {"textDocument/hover", answer_hover},
    {"textDocument/definition", answer_definition},
    {"textDocument/references", answer_references},
    {"textDocument/prepareRename", answer_prepare_rename},
    {"textDocument/rename", answer_rename},
    {"textDocument/completion", answer_completion},
    {"textDocument/formatting", answer_formatting},
    {"textDocument/documentSymbol", answer_symbols},
    {"metac/stdlib", answer_library},
}};

}  // namespace

Answer find_answer(const std::string& method) {
  for (const auto& [name, answer] : answers)
    if (name == method) return answer;
  return nullptr;
}

}  // namespace metac::dsl
