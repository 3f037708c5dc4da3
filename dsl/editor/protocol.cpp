// Fields, errors and places.
#include "editor/protocol.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <string_view>

#include "editor/uri.hpp"

namespace metac::dsl {

namespace {

[[noreturn]] void wrong_field(const char* name, const char* needed) {
  throw ProtocolError{ErrorCode::invalid_params, fmt::format("`{}` is not {}", name, needed)};
}

Json position(Place place) { return {{"line", place.line}, {"character", place.column}}; }

// "hover.contentFormat": a field of a field; null if there is none.
const Json* find_path(const Json& json, std::string_view path) {
  const std::string_view name = path.substr(0, path.find('.'));
  const auto found = json.is_object() ? json.find(std::string(name)) : json.end();
  if (found == json.end()) return nullptr;
  return name.size() == path.size() ? &*found : find_path(*found, path.substr(name.size() + 1));
}

bool has(const Json& parameters, const char* path) {
  const Json* found = find_path(parameters, path);
  return found && *found == true;
}

bool lists(const Json& parameters, const char* path, const char* wanted) {
  const Json* found = find_path(parameters, path);
  return found && found->is_array() && std::find(found->begin(), found->end(), wanted) != found->end();
}

}  // namespace

const Json& field(const Json& message, const char* name) {
  if (!message.is_object() || !message.contains(name))
    throw ProtocolError{ErrorCode::invalid_params, fmt::format("`{}` is missing", name)};
  return message.at(name);
}

std::string text_field(const Json& message, const char* name) {
  const Json& found = field(message, name);
  if (!found.is_string()) wrong_field(name, "a text");
  return found.get<std::string>();
}

std::int64_t integer_field(const Json& message, const char* name) {
  const Json& found = field(message, name);
  constexpr std::uint64_t largest = std::numeric_limits<std::int64_t>::max();
  const bool too_large = found.is_number_unsigned() && found.get<std::uint64_t>() > largest;
  if (!found.is_number_integer() || too_large) wrong_field(name, "an integer of 64 bits with a sign");
  return found.get<std::int64_t>();
}

Agreement Agreement::with(const Json& parameters) {
  Agreement made;
  if (lists(parameters, "capabilities.general.positionEncodings", "utf-8")) made.encoding = Encoding::utf8;
  made.markdown = lists(parameters, "capabilities.textDocument.hover.contentFormat", "markdown");
  made.related_information = has(parameters, "capabilities.textDocument.publishDiagnostics.relatedInformation");
  made.nested_symbols = has(parameters, "capabilities.textDocument.documentSymbol.hierarchicalDocumentSymbolSupport");
  made.versioned_edits = has(parameters, "capabilities.workspace.workspaceEdit.documentChanges");
  made.prepares_rename = has(parameters, "capabilities.textDocument.rename.prepareSupport");
  const Json* data = find_path(parameters, "initializationOptions.data");
  if (data && data->is_string()) made.data = data->get<std::string>();
  const Json* folders = find_path(parameters, "workspaceFolders");
  const Json* root = find_path(parameters, "rootUri");
  if (folders && folders->is_array()) {
    for (const Json& folder : *folders) made.folders.push_back(path_of(text_field(folder, "uri")));
  } else if (root && root->is_string()) {
    made.folders.push_back(path_of(root->get<std::string>()));
  }
  return made;
}

Json range(const Text& text, std::uint32_t begin, std::uint32_t end, Encoding encoding) {
  return {{"start", position(text.place(begin, encoding))}, {"end", position(text.place(end, encoding))}};
}

Json Ranges::range(Span span) {
  auto found = texts_.find(span.file);
  if (found == texts_.end()) found = texts_.emplace(span.file, Text(std::string(sources_.text(span.file)))).first;
  return dsl::range(found->second, span.begin, span.end, encoding_);
}

std::uint32_t byte_of(const Json& position, const Text& text, Encoding encoding) {
  const Place place{integer_field(position, "line"), integer_field(position, "character")};
  const auto byte = text.byte(place, encoding);
  if (!byte)
    throw ProtocolError{ErrorCode::invalid_params,
                        fmt::format("there is no line {}, column {} in this document: its lines are 0 to {}",
                                    place.line, place.column, text.lines() - 1)};
  return *byte;
}

std::string dumped(const Json& json) { return json.dump(-1, ' ', false, Json::error_handler_t::replace); }

}  // namespace metac::dsl
