// The life of a session, and the notifications that change documents. Requests about them are in answers.cpp.
#include "editor/server.hpp"

#include <fmt/format.h>

#include <set>
#include <string_view>

#include "editor/protocol.hpp"
#include "editor/rehearsal.hpp"
#include "editor/uri.hpp"

namespace metac::dsl {

namespace {

Json error_answer(Json id, ErrorCode code, const std::string& message) {
  return {
      {"jsonrpc", "2.0"}, {"id", std::move(id)}, {"error", {{"code", static_cast<int>(code)}, {"message", message}}}};
}

Json notification(const char* method, Json parameters) {
  return {{"jsonrpc", "2.0"}, {"method", method}, {"params", std::move(parameters)}};
}

bool is_id(const Json& id) { return id.is_string() || id.is_number_integer(); }

// What was found, for this program itself: the bytes of paths stay as they are, also those that are no UTF-8.
std::string packed(const Json& found) {
  std::string bytes;
  Json::to_cbor(found, bytes);
  return bytes;
}

constexpr int deepest_nesting = 100;  // of a message, since JSON is copied, compared and written by recursion

// Whether lists and objects stand in each other deeper than that; brackets in texts do not count.
bool nests_too_deep(std::string_view json) {
  int depth = 0;
  bool in_text = false;
  for (std::size_t i = 0; i < json.size(); ++i) {
    const char c = json[i];
    if (c == '"') in_text = !in_text;
    if (in_text && c == '\\') ++i;
    if (in_text) continue;
    if ((c == '[' || c == '{') && ++depth > deepest_nesting) return true;
    if (c == ']' || c == '}') --depth;
  }
  return false;
}

}  // namespace

struct Server::State {
  enum class Stage { created, initialized, shut_down };

  State(ServerFiles given, std::string program_version)
      : files(std::move(given)), version(std::move(program_version)), documents(files.read) {}

  void handle(const Json& message);
  void answer(const Json& id, const std::string& method, const Json& parameters);
  Json result_of(const std::string& method, const Json& parameters);
  Json initialize(const Json& parameters);
  Json capabilities() const;
  void notice(const std::string& method, const Json& parameters);
  void open(const Json& parameters);
  void change(const Json& parameters);
  void close(const Json& parameters);
  void saved(const Json& parameters);
  void files_changed(const Json& parameters);
  void refresh(const std::string& path);
  void set_findings(const std::string& root, Findings found, Findings elaborated);
  void publish(const std::string& path);
  void log(const std::string& text);
  Json rehearsed(const std::string& path, const Document&) const;
  std::string bound_to(const std::string& path, std::uint64_t revision, const std::string& file,
                       std::uint32_t byte) const;

  // What was found from an open document on, in all files that it uses.
  struct Root {
    Findings checked, elaborated;
    std::uint64_t asked = 0;     // the revision that elaboration was asked for
    std::uint64_t revision = 0;  // that `values` belong to
    std::map<std::pair<std::string, std::uint32_t>, std::string> values;
  };

  ServerFiles files;
  std::string version;
  Documents documents;
  Agreement agreement;
  Stage stage = Stage::created;
  std::optional<int> exit_code;
  std::map<std::string, Root> roots;  // by path, as the documents
  std::vector<std::string> out;
};

Server::Server(ServerFiles files, std::string version)
    : state_(std::make_unique<State>(std::move(files), std::move(version))) {}

Server::~Server() = default;

std::optional<int> Server::exit_code() const { return state_->exit_code; }

std::string Server::refuse_frame(const std::string& reason) {
  return dumped(error_answer(nullptr, ErrorCode::parse_error, reason));
}

std::vector<std::string> Server::receive(std::string_view text) {
  if (nests_too_deep(text)) {
    return {refuse_frame(fmt::format("lists and objects of a message nest at most {} deep", deepest_nesting))};
  }
  const Json message = Json::parse(text, nullptr, false);
  if (message.is_discarded()) {
    state_->out.push_back(dumped(error_answer(nullptr, ErrorCode::parse_error, "this is no JSON")));
  } else {
    state_->handle(message);
  }
  return std::exchange(state_->out, {});
}

// ---- messages ----

void Server::State::handle(const Json& message) {
  const bool is_object = message.is_object();
  const bool has_id = is_object && message.contains("id");
  const Json id = has_id && is_id(message.at("id")) ? message.at("id") : Json(nullptr);
  const bool has_method = is_object && message.contains("method");
  if (is_object && !has_method && has_id && (message.contains("result") || message.contains("error"))) return;
  if (!has_method || !message.at("method").is_string() || (has_id && id.is_null()) ||
      message.value("jsonrpc", Json()) != "2.0") {
    out.push_back(dumped(error_answer(id, ErrorCode::invalid_request,
                                      "a message is an object with `jsonrpc`: \"2.0\", a `method`, and, if it is a "
                                      "request, an `id` that is a number or a text")));
    return;
  }
  const auto method = message.at("method").get<std::string>();
  static const Json nothing;
  const Json& parameters = message.contains("params") ? message.at("params") : nothing;
  if (has_id)
    answer(id, method, parameters);
  else
    notice(method, parameters);
}

void Server::State::answer(const Json& id, const std::string& method, const Json& parameters) {
  try {
    Json result = result_of(method, parameters);
    out.push_back(dumped({{"jsonrpc", "2.0"}, {"id", id}, {"result", std::move(result)}}));
  } catch (const ProtocolError& error) {
    out.push_back(dumped(error_answer(id, error.code, error.message)));
  } catch (const Refusal& refusal) {
    out.push_back(dumped(error_answer(id, ErrorCode::request_failed, refusal.reason)));
  } catch (const std::exception& error) {
    out.push_back(
        dumped(error_answer(id, ErrorCode::internal_error, fmt::format("this is a bug of metac: {}", error.what()))));
  }
}

Json Server::State::result_of(const std::string& method, const Json& parameters) {
  if (method == "initialize") return initialize(parameters);
  if (stage == Stage::created)
    throw ProtocolError{ErrorCode::not_initialized, fmt::format("`{}` came before `initialize`", method)};
  if (stage == Stage::shut_down)
    throw ProtocolError{ErrorCode::invalid_request, fmt::format("`{}` came after `shutdown`", method)};
  if (method == "shutdown") {
    stage = Stage::shut_down;
    return nullptr;
  }
  const Answer answer = find_answer(method);
  if (answer == nullptr) throw ProtocolError{ErrorCode::method_not_found, fmt::format("there is no `{}`", method)};
  const auto values = [this](const std::string& path, std::uint64_t revision, const std::string& file,
                             std::uint32_t byte) { return bound_to(path, revision, file, byte); };
  return answer({parameters, documents, agreement, files.scripts, values});
}

Json Server::State::initialize(const Json& parameters) {
  if (stage != Stage::created) throw ProtocolError{ErrorCode::invalid_request, "`initialize` came a second time"};
  if (!parameters.is_object() || !parameters.contains("capabilities"))
    throw ProtocolError{ErrorCode::invalid_params, "`capabilities` is missing"};
  agreement = Agreement::with(parameters);
  stage = Stage::initialized;
  return {{"capabilities", capabilities()}, {"serverInfo", {{"name", "metac"}, {"version", version}}}};
}

Json Server::State::capabilities() const {
  constexpr int incremental = 2;
  Json rename = true;
  if (agreement.prepares_rename) rename = {{"prepareProvider", true}};
  return {{"positionEncoding", agreement.encoding == Encoding::utf8 ? "utf-8" : "utf-16"},
          {"textDocumentSync", {{"openClose", true}, {"change", incremental}, {"save", true}}},
          {"hoverProvider", true},
          {"definitionProvider", true},
          {"referencesProvider", true},
          {"completionProvider", {{"triggerCharacters", {"."}}}},
          {"documentFormattingProvider", true},
          {"documentSymbolProvider", true},
          {"renameProvider", std::move(rename)}};
}

// A notification has no answer, so what is wrong with it is logged.
void Server::State::notice(const std::string& method, const Json& parameters) {
  if (method == "exit") exit_code = stage == Stage::shut_down ? 0 : 1;
  if (stage != Stage::initialized) return;
  try {
    if (method == "textDocument/didOpen") open(parameters);
    if (method == "textDocument/didChange") change(parameters);
    if (method == "textDocument/didClose") close(parameters);
    if (method == "textDocument/didSave") saved(parameters);
    if (method == "workspace/didChangeWatchedFiles") files_changed(parameters);
  } catch (const ProtocolError& error) {
    log(fmt::format("{}: {}", method, error.message));
  } catch (const std::exception& error) {
    log(fmt::format("{}: this is a bug of metac: {}", method, error.what()));
  }
}

void Server::State::log(const std::string& text) {
  constexpr int error = 1;
  out.push_back(dumped(notification("window/logMessage", {{"type", error}, {"message", text}})));
}

// ---- documents ----

void Server::State::open(const Json& parameters) {
  const Json& document = field(parameters, "textDocument");
  std::string uri = text_field(document, "uri");
  const std::string path = path_of(uri);
  documents.open(path, std::move(uri), integer_field(document, "version"), text_field(document, "text"));
  refresh(path);
}

// All changes or none.
void Server::State::change(const Json& parameters) {
  const Json& identifier = field(parameters, "textDocument");
  const std::string uri = text_field(identifier, "uri"), path = path_of(uri);
  Document* document = documents.find(path);
  if (!document) throw ProtocolError{ErrorCode::invalid_params, fmt::format("the document `{}` is not open", uri)};
  const std::int64_t new_version = integer_field(identifier, "version");
  const Json& changes = field(parameters, "contentChanges");
  if (!changes.is_array()) throw ProtocolError{ErrorCode::invalid_params, "`contentChanges` is no list"};
  Text text = document->text;
  for (const Json& each : changes) {
    std::string words = text_field(each, "text");
    if (!each.contains("range")) {
      text = Text(std::move(words));
      continue;
    }
    const std::uint32_t begin = byte_of(field(each.at("range"), "start"), text, agreement.encoding);
    const std::uint32_t end = byte_of(field(each.at("range"), "end"), text, agreement.encoding);
    if (end < begin) throw ProtocolError{ErrorCode::invalid_params, "the range of a change ends before it begins"};
    text.replace(begin, end, words);
  }
  document->text = std::move(text);
  document->version = new_version;
  refresh(path);
}

void Server::State::close(const Json& parameters) {
  const std::string path = path_of(text_field(field(parameters, "textDocument"), "uri"));
  set_findings(path, {}, {});
  documents.close(path);
  roots.erase(path);
  refresh(path);  // those that use it see the file on the disk now
}

void Server::State::saved(const Json& parameters) {
  refresh(path_of(text_field(field(parameters, "textDocument"), "uri")));
}

void Server::State::files_changed(const Json& parameters) {
  const Json& changes = field(parameters, "changes");
  if (!changes.is_array()) throw ProtocolError{ErrorCode::invalid_params, "`changes` is no list"};
  for (const Json& each : changes) {
    const std::string path = path_of(text_field(each, "uri"));
    if (!documents.find(path)) refresh(path);
  }
}

void Server::State::refresh(const std::string& path) {
  for (const std::string& root : documents.refresh(path)) {
    const Document& document = *documents.find(root);
    if (is_library_uri(document.uri)) continue;
    const Analysis& analysis = document.analysis;
    set_findings(root, findings(analysis.report, *analysis.sources, root, documents, agreement), {});
  }
}

// ---- diagnostics ----

// Of a root, in the place of what was found before; what changed for a file is published.
void Server::State::set_findings(const std::string& root, Findings found, Findings elaborated) {
  Root& state = roots[root];
  std::set<std::string> concerned;
  for (const Findings* all : {&state.checked, &state.elaborated, &found, &elaborated})
    for (const auto& [path, each] : *all) concerned.insert(path);
  state.checked = std::move(found);
  state.elaborated = std::move(elaborated);
  for (const std::string& path : concerned) publish(path);
}

// Of a file that is open, its own analysis says what checking finds; elaboration goes through it from other roots.
void Server::State::publish(const std::string& path) {
  const Document* document = documents.find(path);
  Json all = Json::array();
  std::set<std::string> told;
  const auto add = [&](const Findings& found) {
    const auto here = found.find(path);
    if (here == found.end()) return;
    for (const Json& each : here->second)
      if (told.insert(dumped(each)).second) all.push_back(each);
  };
  for (const auto& [root, state] : roots) {
    if (!document || root == path) add(state.checked);
    add(state.elaborated);
  }
  Json parameters{{"uri", documents.uri(path)}, {"diagnostics", std::move(all)}};
  if (document) parameters["version"] = document->version;
  out.push_back(dumped(notification("textDocument/publishDiagnostics", std::move(parameters))));
}

std::string Server::State::bound_to(const std::string& path, std::uint64_t revision, const std::string& file,
                                    std::uint32_t byte) const {
  const auto root = roots.find(path);
  if (root == roots.end() || root->second.revision != revision) return "";
  const auto found = root->second.values.find({file, byte});
  return found == root->second.values.end() ? "" : found->second;
}

// ---- elaboration ----

std::optional<Server::Work> Server::next_work() {
  for (const auto& [path, document] : state_->documents.all()) {
    const auto root = state_->roots.find(path);
    if (root == state_->roots.end() || root->second.asked == document.revision) continue;
    root->second.asked = document.revision;
    if (document.analysis.is_valid && document.analysis.has_experiments()) return Work{path, document.revision};
  }
  return std::nullopt;
}

std::string Server::elaborate(const Work& work) const {
  const Document* document = state_->documents.find(work.path);
  if (!document) return packed(Json::object());
  try {
    return packed(state_->rehearsed(work.path, *document));
  } catch (const std::exception& error) {
    return packed({{"error", error.what()}});
  }
}

Json Server::State::rehearsed(const std::string& path, const Document& document) const {
  const Rehearsal found = rehearse(path, document.text.all(), documents.reader(), agreement.data);
  const Sources& sources = found.script.sources();
  Json diagnostics = Json::object(), values = Json::array();
  for (const auto& [file, all] : findings(found.report, sources, path, documents, agreement)) diagnostics[file] = all;
  for (const auto& [place, words] : found.values)
    values.push_back({sources.name(place.first), place.second, fmt::format("{}", fmt::join(words, " or "))});
  return {{"diagnostics", std::move(diagnostics)}, {"values", std::move(values)}};
}

std::vector<std::string> Server::elaborated(const Work& work, std::string_view text) {
  const Document* document = state_->documents.find(work.path);
  const Json found = Json::from_cbor(text, true, false);
  if (!document || document->revision != work.revision || !found.is_object()) return {};
  if (found.contains("error"))
    return gave_up(work, fmt::format("that failed: {}", found.at("error").get<std::string>()));
  State::Root& root = state_->roots[work.path];
  root.revision = work.revision;
  root.values.clear();
  for (const Json& each : found.value("values", Json::array()))
    root.values[{each.at(0).get<std::string>(), each.at(1).get<std::uint32_t>()}] = each.at(2).get<std::string>();
  Findings elaborated;
  const Json diagnostics = found.value("diagnostics", Json::object());
  for (const auto& [path, all] : diagnostics.items()) elaborated[path] = all.get<std::vector<Json>>();
  state_->set_findings(work.path, root.checked, std::move(elaborated));
  return std::exchange(state_->out, {});
}

std::vector<std::string> Server::gave_up(const Work& work, const std::string& reason) {
  state_->log(fmt::format("{}: shapes were not checked, {}", work.path, reason));
  return std::exchange(state_->out, {});
}

}  // namespace metac::dsl
