// The life of a session: what comes too early, too late, malformed; documents that open, change and close; what is
// published for them.
#include <boost/test/unit_test.hpp>
#include <ctime>

#include "dsl/editor/client.hpp"

namespace metac::dsl::test {

namespace {

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

// A server that nobody has spoken to.
Server fresh() {
  return Server(
      {[](const std::string&) { return std::nullopt; }, [](const std::string&) { return std::vector<std::string>(); }},
      "test");
}

Json only(const std::vector<std::string>& messages) {
  BOOST_REQUIRE_EQUAL(messages.size(), 1u);
  return Json::parse(messages.front());
}

}  // namespace

BOOST_AUTO_TEST_SUITE(session)

BOOST_AUTO_TEST_CASE(the_life_of_a_session_has_its_order) {
  Server server = fresh();
  const std::string hover = R"({"jsonrpc":"2.0","id":1,"method":"textDocument/hover","params":{}})";
  const std::string initialize = R"({"jsonrpc":"2.0","id":"a","method":"initialize","params":{"capabilities":{}}})";
  const std::string shutdown = R"({"jsonrpc":"2.0","id":3,"method":"shutdown"})";
  const std::string opened =
      R"({"jsonrpc":"2.0","method":"textDocument/didOpen","params":{"textDocument":{"uri":"file:///a","version":1,"text":""}}})";
  BOOST_TEST(only(server.receive(hover))["error"]["code"] == -32002);
  BOOST_TEST(server.receive(opened).empty());
  BOOST_TEST(only(server.receive(shutdown))["error"]["code"] == -32002);
  const Json answer = only(server.receive(initialize));
  BOOST_TEST(answer["id"] == "a");
  BOOST_TEST(answer["result"]["capabilities"]["positionEncoding"] == "utf-16");
  BOOST_TEST(answer["result"]["serverInfo"]["version"] == "test");
  BOOST_TEST(only(server.receive(initialize))["error"]["code"] == -32600);
  BOOST_TEST(only(server.receive(hover))["error"]["code"] == -32602);
  BOOST_TEST(only(server.receive(shutdown))["result"].is_null());
  BOOST_TEST(only(server.receive(hover))["error"]["code"] == -32600);
  BOOST_TEST(server.receive(opened).empty());
  BOOST_TEST(!server.exit_code().has_value());
  BOOST_TEST(server.receive(R"({"jsonrpc":"2.0","method":"exit"})").empty());
  BOOST_TEST(server.exit_code().value() == 0);
}

BOOST_AUTO_TEST_CASE(exit_without_shutdown_is_a_failure) {
  Server server = fresh();
  BOOST_TEST(server.receive(R"({"jsonrpc":"2.0","method":"exit"})").empty());
  BOOST_TEST(server.exit_code().value() == 1);
}

BOOST_AUTO_TEST_CASE(what_is_no_message_gets_the_error_for_it) {
  Client client;
  const auto code = [&](const std::string& text) {
    const auto answers = client.send(text);
    BOOST_REQUIRE_EQUAL(answers.size(), 1u);
    BOOST_TEST(answers.front()["id"].is_null());
    return answers.front()["error"]["code"].get<int>();
  };
  for (const char* text : {"", "{", "{]", "\"\\ud800\"", "\xff", "{\"a\":1}x"}) BOOST_TEST(code(text) == -32700, text);
  for (const char* text :
       {"1", "null", "[]", "{}", R"({"method":"exit"})", R"({"jsonrpc":"1.0","id":null,"method":"x"})",
        R"({"jsonrpc":"2.0","id":{},"method":"x"})", R"({"jsonrpc":"2.0","id":null,"method":"shutdown"})",
        R"({"jsonrpc":"2.0","method":7})", R"([{"jsonrpc":"2.0","id":1,"method":"shutdown"}])"})
    BOOST_TEST(code(text) == -32600, text);
  BOOST_TEST(code(std::string(200'000, '[')) == -32700);
}

BOOST_AUTO_TEST_CASE(a_message_that_nests_deep_is_refused_wherever_it_does) {
  Client client;
  const auto nested = [](std::size_t depth) { return std::string(depth, '[') + std::string(depth, ']'); };
  const char* messages[] = {R"($)",
                            R"({"jsonrpc":"2.0","id":2,"method":"x","params":$})",
                            R"({"params":{"a":$,"b":"]","c":2},"jsonrpc":"2.0","id":2,"method":"x"})",
                            R"({"jsonrpc":$,"id":2,"method":"x"})",
                            R"({"jsonrpc":"2.0","id":$,"method":"x"})",
                            R"({"jsonrpc":"2.0","id":2,"method":$})"};
  for (const std::string message : messages) {
    const std::size_t place = message.find('$');
    const auto answers = client.send(std::string(message).replace(place, 1, nested(100'000)));
    BOOST_REQUIRE_EQUAL(answers.size(), 1u);
    BOOST_TEST(answers.front()["error"]["code"] == -32700, message);
    BOOST_TEST(contains(answers.front()["error"]["message"], "nest at most 100 deep"));
    const auto shallow = client.send(std::string(message).replace(place, 1, nested(98)));
    BOOST_TEST(shallow.front()["error"]["code"] != -32700, message);
  }
  const Json unknown = client.request("x", {{"\\\"", std::string(200, '[')}});  // a text is no nesting
  BOOST_TEST(unknown["error"]["code"] == -32601);
}

BOOST_AUTO_TEST_CASE(requests_that_are_not_known_are_refused_and_notifications_are_not) {
  Client client;
  BOOST_TEST(client.request("textDocument/foldingRange", Json::object())["error"]["code"] == -32601);
  BOOST_TEST(client.request("$/nothing", nullptr)["error"]["code"] == -32601);
  client.notify("$/cancelRequest", {{"id", 1}});
  client.notify("workspace/didChangeConfiguration", nullptr);
  BOOST_TEST(client.send(R"({"jsonrpc":"2.0","id":9,"result":null})").empty());  // an answer to nothing
  BOOST_TEST(client.logged.empty());
}

BOOST_AUTO_TEST_CASE(parameters_of_wrong_types_are_refused) {
  Client client;
  client.open("/a.meta", "let x = 1\n");
  const Json wrong[] = {
      nullptr,
      1,
      Json::array(),
      {{"textDocument", 1}},
      {{"textDocument", {{"uri", 1}}}},
      {{"textDocument", {{"uri", "file:///a.meta"}}}, {"position", {{"line", "1"}}}},
      {{"textDocument", {{"uri", "file:///a.meta"}}}, {"position", {{"line", 1.5}, {"character", 0}}}},
      {{"textDocument", {{"uri", "file:///a.meta"}}}, {"position", {{"line", 7}, {"character", 0}}}},
      {{"textDocument", {{"uri", "file:///b.meta"}}}, {"position", {{"line", 0}, {"character", 0}}}}};
  for (const Json& each : wrong)
    for (const char* method : {"hover", "definition", "references", "completion", "rename", "prepareRename"})
      BOOST_TEST(client.request(std::string("textDocument/") + method, each)["error"]["code"] == -32602, each.dump());
  for (const Json& each : wrong) client.notify("textDocument/didOpen", each);
  BOOST_TEST(client.logged.size() == std::size(wrong));
}

BOOST_AUTO_TEST_CASE(a_refusal_names_the_field) {
  Client client;
  client.open("/a.meta", "let x = 1\n");
  const Json place{{"textDocument", {{"uri", "file:///a.meta"}}}, {"position", {{"line", 0}, {"character", 4}}}};
  BOOST_TEST(client.refusal("textDocument/references", place) == "`context` is missing");
  BOOST_TEST(client.refusal("textDocument/references", nullptr) == "`textDocument` is missing");
  Json wrong = place;
  wrong["position"]["line"] = "0";
  BOOST_TEST(client.refusal("textDocument/hover", wrong) == "`line` is not an integer of 64 bits with a sign");
  wrong = place;
  wrong["textDocument"]["uri"] = 7;
  BOOST_TEST(client.refusal("textDocument/hover", wrong) == "`uri` is not a text");
}

BOOST_AUTO_TEST_CASE(integers_that_are_too_large_are_refused) {
  Client client;
  const auto open = [&](std::uint64_t version) {
    client.notify("textDocument/didOpen",
                  {{"textDocument", {{"uri", "file:///a.meta"}, {"version", version}, {"text", ""}}}});
  };
  open(1ull << 63);
  open(UINT64_MAX);
  BOOST_TEST(client.published("/a.meta").is_null());
  BOOST_REQUIRE_EQUAL(client.logged.size(), 2u);
  BOOST_TEST(contains(client.logged[0], "`version` is not an integer of 64 bits with a sign"));
  open(INT64_MAX);
  BOOST_TEST(client.published("/a.meta")["version"] == INT64_MAX);
  const auto refusal = [&](std::uint64_t line) {
    return client.refusal("textDocument/hover", {{"textDocument", {{"uri", "file:///a.meta"}}},
                                                 {"position", {{"line", line}, {"character", 0}}}});
  };
  BOOST_TEST(refusal(1ull << 63) == "`line` is not an integer of 64 bits with a sign");
  BOOST_TEST(contains(refusal(INT64_MAX), "there is no line 9223372036854775807"));
}

BOOST_AUTO_TEST_CASE(utf8_is_taken_where_the_client_has_it) {
  Client client({}, true);
  client.open("/a.meta", "experiment e { print(\"\u20ac\", nothing) }\n");
  BOOST_TEST(contains(client.diagnostics("/a.meta"), "0:28 E0201"));
  Client other;
  other.open("/a.meta", "experiment e { print(\"\u20ac\", nothing) }\n");
  BOOST_TEST(contains(other.diagnostics("/a.meta"), "0:26 E0201"));
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(changes)

BOOST_AUTO_TEST_CASE(edits_of_parts_and_of_the_whole_are_followed) {
  Client client;
  client.open("/a.meta", "experiment e {\n  print(\"\U0001F600\", on3)\n}\n");
  BOOST_TEST(contains(client.diagnostics("/a.meta"), "1:14 E0201 unknown name `on3`"));
  client.replace("/a.meta", 1, 14, 17, "1");
  BOOST_TEST(client.diagnostics("/a.meta") == "");
  BOOST_TEST(client.published("/a.meta")["version"] == 2);
  client.replace("/a.meta", 1, 9, 11, "");  // the whole character
  BOOST_TEST(client.diagnostics("/a.meta") == "");
  client.notify("textDocument/didChange", {{"textDocument", {{"uri", "file:///a.meta"}, {"version", 9}}},
                                           {"contentChanges", {{{"text", "let a = b\n"}}}}});
  BOOST_TEST(contains(client.diagnostics("/a.meta"), "0:8 E0201 unknown name `b`"));
}

BOOST_AUTO_TEST_CASE(several_changes_of_one_message_follow_each_other) {
  Client client;
  client.open("/a.meta", "let a = 1\n");
  const auto change = [](int line, int from, int to, const char* text) -> Json {
    return {{"range", {{"start", {{"line", line}, {"character", from}}}, {"end", {{"line", line}, {"character", to}}}}},
            {"text", text}};
  };
  client.notify("textDocument/didChange",
                {{"textDocument", {{"uri", "file:///a.meta"}, {"version", 2}}},
                 {"contentChanges", {change(0, 9, 9, "\nlet b = a"), change(1, 4, 5, "c"), change(1, 8, 9, "d")}}});
  BOOST_TEST(contains(client.diagnostics("/a.meta"), "1:8 E0201 unknown name `d`"));
}

BOOST_AUTO_TEST_CASE(changes_outside_of_the_document_change_nothing) {
  Client client;
  client.open("/a.meta", "let a = b\n");
  const std::string before = client.diagnostics("/a.meta");
  const int published = client.publications;
  client.replace("/a.meta", 5, 0, 0, "x");
  client.replace("/a.meta", -1, 0, 0, "x");
  client.replace("/a.meta", 0, 5, 2, "x");
  client.replace("/b.meta", 0, 0, 0, "x");
  BOOST_TEST(client.logged.size() == 4u);
  BOOST_TEST(contains(client.logged[0], "there is no line 5"));
  BOOST_TEST(contains(client.logged[2], "ends before it begins"));
  BOOST_TEST(contains(client.logged[3], "is not open"));
  BOOST_TEST(client.publications == published);
  client.replace("/a.meta", 0, 8, 99, "1");  // up to the end of the line, wherever that is
  BOOST_TEST(client.diagnostics("/a.meta") == "");
  BOOST_TEST(before != "");
}

BOOST_AUTO_TEST_CASE(open_documents_go_before_files) {
  Client client(Files{{"/net.meta", "fn twice(x) = 2 * x\n"}});
  client.open("/a.meta", "use \"net.meta\"\nexperiment e { print(thrice(1)) }\n");
  BOOST_TEST(contains(client.diagnostics("/a.meta"), "E0201 unknown name `thrice`"));
  client.open("/net.meta", "fn thrice(x) = 3 * x\n");
  BOOST_TEST(client.diagnostics("/a.meta") == "");
  client.replace("/net.meta", 0, 3, 9, "double");
  BOOST_TEST(contains(client.diagnostics("/a.meta"), "E0201 unknown name `thrice`"));
  client.replace("/net.meta", 0, 3, 9, "thrice");
  client.notify("textDocument/didClose", document("/net.meta"));
  BOOST_TEST(contains(client.diagnostics("/a.meta"), "E0201 unknown name `thrice`"));
}

BOOST_AUTO_TEST_CASE(a_file_that_appears_is_seen) {
  Client client;
  client.open("/a.meta", "use \"net.meta\"\nexperiment e { print(twice(1)) }\n");
  BOOST_TEST(contains(client.diagnostics("/a.meta"), "E0215"));
  client.open("/net.meta", "fn twice(x) = 2 * x\n");
  BOOST_TEST(client.diagnostics("/a.meta") == "");
  client.notify("workspace/didChangeWatchedFiles", {{"changes", {{{"uri", "file:///net.meta"}, {"type", 2}}}}});
  BOOST_TEST(client.diagnostics("/a.meta") == "");
}

BOOST_AUTO_TEST_CASE(mistakes_of_a_used_file_are_published_there_and_taken_back) {
  Client client(Files{{"/net.meta", "fn twice(x) = 2 * y\n"}});
  client.open("/a.meta", "use \"net.meta\"\nexperiment e { print(twice(1)) }\n");
  BOOST_TEST(client.diagnostics("/a.meta") == "");
  BOOST_TEST(contains(client.diagnostics("/net.meta"), "0:18 E0201 unknown name `y`"));
  client.notify("textDocument/didClose", document("/a.meta"));
  BOOST_TEST(client.diagnostics("/net.meta") == "");
}

BOOST_AUTO_TEST_CASE(an_edit_publishes_only_what_it_concerns) {
  Client client;
  client.open("/net.meta", "fn twice(x) = 2 * x\n");
  client.open("/a.meta", "use \"net.meta\"\nexperiment e { print(twice(1)) }\n");
  client.open("/b.meta", "experiment e { print(1) }\n");
  const auto publications = [&](const std::string& path) {
    const int before = client.publications;
    client.replace(path, 0, 0, 0, "#\n");
    return client.publications - before;
  };
  BOOST_TEST(publications("/b.meta") == 1);
  BOOST_TEST(publications("/a.meta") == 1);
  BOOST_TEST(publications("/net.meta") == 2);
}

BOOST_AUTO_TEST_CASE(a_file_for_others_is_not_warned_of_what_it_does_not_use) {
  Client client;
  client.open("/a.meta", "let rate = 0.1\n");
  BOOST_TEST(client.diagnostics("/a.meta") == "");
  client.open("/b.meta", "let rate = 0.1\nexperiment e { print(1) }\n");
  BOOST_TEST(contains(client.diagnostics("/b.meta"), "W0201"));
  BOOST_TEST(client.published("/b.meta")["diagnostics"][0]["tags"][0] == 1);
  BOOST_TEST(client.published("/b.meta")["diagnostics"][0]["severity"] == 2);
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(diagnostics)

BOOST_AUTO_TEST_CASE(many_warnings_are_published_in_linear_time) {
  const auto seconds_of = [](int lines) {
    std::string text = "experiment e { print(1) }\n";
    for (int i = 0; i < lines; ++i) text += "let a" + std::to_string(i) + " = 1\n";
    Client client;
    const std::clock_t start = std::clock();  // time of this process, however busy the machine is
    client.open("/a.meta", text);
    const double took = static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC;
    BOOST_TEST(client.published("/a.meta")["diagnostics"].size() == static_cast<std::size_t>(lines));
    return took;
  };
  const double of_few = seconds_of(8'000), of_many = seconds_of(32'000);
  BOOST_TEST(of_many < 4 * 2 * of_few, of_few << " s, " << of_many << " s");
}

BOOST_AUTO_TEST_CASE(labels_and_notes_are_related_information) {
  Client client;
  client.open("/a.meta", "fn f(x) = x\nexperiment e {\n  print(f(1, 2))\n}\n");
  const Json found = client.published("/a.meta")["diagnostics"][0];
  BOOST_TEST(found["code"] == "E0208");
  BOOST_TEST(found["source"] == "metac");
  BOOST_TEST(found["severity"] == 1);
  const Json label = found["relatedInformation"][0];
  BOOST_TEST(label["location"]["uri"] == "file:///a.meta");
  BOOST_TEST(label["location"]["range"]["start"] == (Json{{"line", 0}, {"character", 3}}));
  BOOST_TEST(label["message"] == "defined as `f(x)`");
}

BOOST_AUTO_TEST_CASE(without_related_information_the_message_says_it) {
  Server server = fresh();
  server.receive(R"({"jsonrpc":"2.0","id":1,"method":"initialize","params":{"capabilities":{}}})");
  const auto messages = server.receive(
      R"({"jsonrpc":"2.0","method":"textDocument/didOpen","params":{"textDocument":{"uri":"file:///a","version":1,"text":"fn f(x) = x\nlet y = f(1, 2)\n"}}})");
  const Json found = only(messages)["params"]["diagnostics"][0];
  BOOST_TEST(!found.contains("relatedInformation"));
  BOOST_TEST(contains(found["message"], "\ndefined as `f(x)`"));
}

BOOST_AUTO_TEST_CASE(elaboration_finds_shapes_and_data) {
  Client client(Files{{"/net.meta", "fn add(a, b) = a + b\n"}});
  client.open("/a.meta",
              "use \"net.meta\"\nexperiment e {\n  let v = zeros()([2])\n  print(add(v, zeros()([3])))\n}\n");
  BOOST_TEST(client.diagnostics("/a.meta") == "");
  BOOST_TEST(client.elaborate() == 1);
  BOOST_TEST(contains(client.diagnostics("/net.meta"), "0:15 E0303 shapes [2] and [3]"));
  BOOST_TEST(client.elaborate() == 0);  // each revision once
  client.replace("/a.meta", 3, 24, 25, "2");
  BOOST_TEST(client.diagnostics("/net.meta") == "");  // nobody knows any longer
  BOOST_TEST(client.elaborate() == 1);
  BOOST_TEST(client.diagnostics("/net.meta") == "");
}

BOOST_AUTO_TEST_CASE(what_was_found_of_an_older_text_is_dropped) {
  Client client;
  client.open("/a.meta", "experiment e { print(zeros()([2]) + zeros()([3])) }\n");
  const auto work = client.server().next_work();
  BOOST_REQUIRE(work.has_value());
  const std::string found = client.server().elaborate(*work);
  BOOST_TEST(contains(found, "E0303"));
  client.replace("/a.meta", 0, 0, 0, "# new\n");
  BOOST_TEST(client.server().elaborated(*work, found).empty());
  BOOST_TEST(client.server().elaborated(*client.server().next_work(), "cut off {").empty());
}

BOOST_AUTO_TEST_CASE(elaboration_knows_a_path_whose_bytes_are_no_text) {
  Client client;
  const std::string path = "/%25%FF.meta";  // as the editor writes it
  client.open(path, "experiment e {\n  let v = zeros()([2])\n  print(v + zeros()([3]))\n}\n");
  const int publications = client.publications;
  BOOST_TEST(client.elaborate() == 1);
  BOOST_TEST(client.publications == publications + 1);  // for no other file
  BOOST_TEST(contains(client.diagnostics(path), "2:8 E0303"));
  const Json place{{"textDocument", {{"uri", uri(path)}}}, {"position", {{"line", 1}, {"character", 6}}}};
  const std::string hover = client.result("textDocument/hover", place)["contents"]["value"];
  BOOST_TEST(contains(hover, "`v` is a tensor f32[2]"), hover);
}

BOOST_AUTO_TEST_CASE(an_elaboration_that_fails_is_logged_with_its_reason) {
  bool broken = false;
  const auto read = [&](const std::string&) -> std::optional<std::string> {
    if (broken) throw std::runtime_error("the disk is gone");
    return "fn twice(x) = 2 * x\n";
  };
  Server server({read, [](const std::string&) { return std::vector<std::string>(); }}, "test");
  server.receive(R"({"jsonrpc":"2.0","id":1,"method":"initialize","params":{"capabilities":{}}})");
  server.receive(
      R"({"jsonrpc":"2.0","method":"textDocument/didOpen","params":{"textDocument":{"uri":"file:///a.meta","version":1,"text":"use \"net.meta\"\nexperiment e { print(twice(1)) }\n"}}})");
  const auto work = server.next_work();
  BOOST_REQUIRE(work.has_value());
  broken = true;
  const Json logged = only(server.elaborated(*work, server.elaborate(*work)));
  BOOST_TEST(logged["method"] == "window/logMessage");
  BOOST_TEST(contains(logged["params"]["message"], "/a.meta: shapes were not checked, that failed: the disk is gone"));
}

BOOST_AUTO_TEST_CASE(scripts_with_mistakes_and_files_without_experiments_are_not_elaborated) {
  Client client;
  client.open("/a.meta", "experiment e { print(nothing) }\n");
  client.open("/b.meta", "fn f(x) = x\n");
  BOOST_TEST(client.elaborate() == 0);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace metac::dsl::test
