// An editor, for tests: a server with files in memory, requests and notifications as JSON.
#pragma once

#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "editor/server.hpp"

namespace metac::dsl::test {

using Json = nlohmann::json;

using Files = std::map<std::string, std::string>;  // by their path, which begins with a slash

class Client {
 public:
  explicit Client(Files files = {}, bool utf8 = false);

  Json request(const std::string& method, const Json& parameters);         // the whole answer
  Json result(const std::string& method, const Json& parameters);          // its result; a failure if it is an error
  std::string refusal(const std::string& method, const Json& parameters);  // the message of its error
  void notify(const std::string& method, const Json& parameters);
  std::vector<Json> send(const std::string& text);  // any text, as one message

  // ---- of one document, "/a.meta" ----
  void open(const std::string& path, const std::string& text);
  // The text with `$` where the cursor is: opened, and the parameters of a request at this place.
  Json at(const std::string& path, std::string text);
  void replace(const std::string& path, int line, int from, int to, const std::string& text);  // on one line
  std::string answer_labels(const Json& parameters);  // of completion, each with a blank before and behind it

  // What was published last for a file: "line:column code message", one a line.
  std::string diagnostics(const std::string& path) const;
  Json published(const std::string& path) const;
  // Does what the server wants done beside the answers.
  int elaborate();

  Server& server() { return server_; }
  std::vector<std::string> logged;
  int publications = 0;

 private:
  void take(const std::vector<std::string>& messages, std::vector<Json>& answers);

  Files files_;
  Server server_;
  std::map<std::string, Json> published_;
  std::map<std::string, int> versions_;
  int next_id_ = 1;
};

std::string uri(const std::string& path);
Json document(const std::string& path);  // {"textDocument": {"uri": ..}}

}  // namespace metac::dsl::test
