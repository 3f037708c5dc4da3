// The client's side of the protocol.
#include "dsl/editor/client.hpp"

#include <boost/test/unit_test.hpp>

namespace metac::dsl::test {

namespace {

ServerFiles files_of(const Files& files) {
  const auto read = [&files](const std::string& path) -> std::optional<std::string> {
    const auto found = files.find(path);
    return found == files.end() ? std::nullopt : std::optional(found->second);
  };
  const auto scripts = [&files](const std::string& folder) {
    std::vector<std::string> all;
    for (const auto& [path, text] : files)
      if (path.starts_with(folder)) all.push_back(path);
    return all;
  };
  return {read, scripts};
}

}  // namespace

std::string uri(const std::string& path) { return path.starts_with("/") ? "file://" + path : path; }

Json document(const std::string& path) { return {{"textDocument", {{"uri", uri(path)}}}}; }

Client::Client(Files files, bool utf8) : files_(std::move(files)), server_(files_of(files_), "test") {
  Json capabilities{{"textDocument",
                     {{"hover", {{"contentFormat", {"markdown"}}}},
                      {"rename", {{"prepareSupport", true}}},
                      {"documentSymbol", {{"hierarchicalDocumentSymbolSupport", true}}},
                      {"publishDiagnostics", {{"relatedInformation", true}}}}}};
  if (utf8) capabilities["general"]["positionEncodings"] = {"utf-8", "utf-16"};
  result("initialize",
         {{"capabilities", capabilities}, {"workspaceFolders", {{{"uri", "file:///"}, {"name", "all"}}}}});
  notify("initialized", Json::object());
}

void Client::take(const std::vector<std::string>& messages, std::vector<Json>& answers) {
  for (const std::string& text : messages) {
    const Json message = Json::parse(text);
    const std::string method = message.value("method", "");
    if (method == "textDocument/publishDiagnostics") {
      published_[message["params"]["uri"]] = message["params"];
      ++publications;
    } else if (method == "window/logMessage") {
      logged.push_back(message["params"]["message"]);
    } else {
      answers.push_back(message);
    }
  }
}

std::vector<Json> Client::send(const std::string& text) {
  std::vector<Json> answers;
  take(server_.receive(text), answers);
  return answers;
}

Json Client::request(const std::string& method, const Json& parameters) {
  const int id = next_id_++;
  const auto answers = send(Json{{"jsonrpc", "2.0"}, {"id", id}, {"method", method}, {"params", parameters}}.dump());
  BOOST_REQUIRE_EQUAL(answers.size(), 1u);
  BOOST_REQUIRE_EQUAL(answers.front()["id"], id);
  return answers.front();
}

Json Client::result(const std::string& method, const Json& parameters) {
  const Json answer = request(method, parameters);
  BOOST_REQUIRE_MESSAGE(answer.contains("result"), answer.dump());
  return answer["result"];
}

std::string Client::refusal(const std::string& method, const Json& parameters) {
  const Json answer = request(method, parameters);
  BOOST_REQUIRE_MESSAGE(answer.contains("error"), answer.dump());
  return answer["error"]["message"];
}

void Client::notify(const std::string& method, const Json& parameters) {
  const auto answers = send(Json{{"jsonrpc", "2.0"}, {"method", method}, {"params", parameters}}.dump());
  BOOST_REQUIRE(answers.empty());
}

void Client::open(const std::string& path, const std::string& text) {
  versions_[path] = 1;
  notify("textDocument/didOpen",
         {{"textDocument", {{"uri", uri(path)}, {"languageId", "meta"}, {"version", 1}, {"text", text}}}});
}

Json Client::at(const std::string& path, std::string text) {
  const std::size_t cursor = text.find('$');
  BOOST_REQUIRE(cursor != std::string::npos);
  text.erase(cursor, 1);
  open(path, text);
  const std::string before = text.substr(0, cursor);
  const auto line = std::count(before.begin(), before.end(), '\n');
  const std::size_t line_begin = before.rfind('\n') + 1;
  Json parameters = document(path);
  parameters["position"] = {{"line", line}, {"character", cursor - line_begin}};
  return parameters;
}

void Client::replace(const std::string& path, int line, int from, int to, const std::string& text) {
  const Json range{{"start", {{"line", line}, {"character", from}}}, {"end", {{"line", line}, {"character", to}}}};
  notify("textDocument/didChange", {{"textDocument", {{"uri", uri(path)}, {"version", ++versions_[path]}}},
                                    {"contentChanges", {{{"range", range}, {"text", text}}}}});
}

std::string Client::answer_labels(const Json& parameters) {
  std::string labels = " ";
  for (const Json& item : result("textDocument/completion", parameters))
    labels += item["label"].get<std::string>() + " ";
  return labels;
}

Json Client::published(const std::string& path) const {
  const auto found = published_.find(uri(path));
  return found == published_.end() ? Json(nullptr) : found->second;
}

std::string Client::diagnostics(const std::string& path) const {
  const Json found = published(path);
  if (found.is_null()) return "nothing was published";
  std::string text;
  for (const Json& each : found["diagnostics"]) {
    const Json& start = each["range"]["start"];
    text += start["line"].dump() + ":" + start["character"].dump() + " " + each["code"].get<std::string>() + " " +
            each["message"].get<std::string>() + "\n";
  }
  return text;
}

int Client::elaborate() {
  int done = 0;
  for (auto work = server_.next_work(); work; work = server_.next_work(), ++done) {
    std::vector<Json> answers;
    take(server_.elaborated(*work, server_.elaborate(*work)), answers);
    BOOST_REQUIRE(answers.empty());
  }
  return done;
}

}  // namespace metac::dsl::test
