// JSON of the protocol, for the files of this room only: fields of messages, errors, places as ranges.
#pragma once

#include <map>
#include <nlohmann/json.hpp>
#include <string>

#include "editor/documents.hpp"
#include "editor/rename.hpp"

namespace metac::dsl {

using Json = nlohmann::ordered_json;

enum class ErrorCode {
  parse_error = -32700,
  invalid_request = -32600,
  method_not_found = -32601,
  invalid_params = -32602,
  internal_error = -32603,
  not_initialized = -32002,
  request_failed = -32803
};

// Ends the handling of a message; of a request it becomes the answer.
struct ProtocolError {
  ErrorCode code;
  std::string message;
};

// Fields that a message must have; ProtocolError (invalid_params) says which is missing or of another type.
const Json& field(const Json&, const char* name);
std::string text_field(const Json&, const char* name);
std::int64_t integer_field(const Json&, const char* name);

// What editor and server agreed on.
struct Agreement {
  Encoding encoding = Encoding::utf16;
  bool related_information = false;  // with diagnostics
  bool markdown = false;             // in hovers
  bool nested_symbols = false;
  bool versioned_edits = false;
  bool prepares_rename = false;
  std::string data;                  // the data directory
  std::vector<std::string> folders;  // of the workspace

  static Agreement with(const Json& parameters_of_initialize);
};

// Places of one set of sources as ranges.
class Ranges {
 public:
  Ranges(const Sources& sources, Encoding encoding) : sources_(sources), encoding_(encoding) {}
  Json range(Span);

 private:
  const Sources& sources_;
  Encoding encoding_;
  std::map<std::uint32_t, Text> texts_;
};

Json range(const Text&, std::uint32_t begin, std::uint32_t end, Encoding);
// The byte of a `position`; ProtocolError where the document has no such line.
std::uint32_t byte_of(const Json& position, const Text&, Encoding);
std::string dumped(const Json&);  // bytes that are no UTF-8 are replaced

// ---- answers.cpp: each takes the parameters of its request ----

struct Request {
  const Json& parameters;
  Documents& documents;
  const Agreement& agreement;
  const std::function<std::vector<std::string>(const std::string&)>& scripts;  // in a folder
  const std::function<std::string(const std::string& path, std::uint64_t revision, const std::string& file,
                                  std::uint32_t byte)>& bound_to;  // what elaboration found
};
using Answer = Json (*)(const Request&);
// nullptr where the method is not known.
Answer find_answer(const std::string& method);

// ---- publishing.cpp ----

// Diagnostics by the path of the file that they are in.
using Findings = std::map<std::string, std::vector<Json>>;
Findings findings(const Report&, const Sources&, const std::string& document, const Documents&, const Agreement&);

}  // namespace metac::dsl
