// What is answered about names: hovers, definitions, references, completions, renamings, symbols, formatting.
#include <boost/test/unit_test.hpp>

#include "dsl/editor/client.hpp"
#include "editor/completion.hpp"
#include "library/library.hpp"

namespace metac::dsl::test {

namespace {

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

// A learner, an experiment that trains it, and a `$` for the cursor in the place of `@`.
const std::string guess = R"(# The mean of the labels.
#
# start  where it begins
learner guess(start = 0.0) {
  # What is learned.
  learn value = [start]
  fn objective(task) = mean(square(predict(task, task.query.x) - task.query.y))
  fn predict(task, x, bonus = 0) = value + bonus + 0 * x
}

experiment run(rate = 0.1) {
  let mine = guess(start: 1.0)
  train mine on sinusoids() { iterations: 2, batch: 2, optimizer: sgd(rate) }
}
)";

// The text with the cursor behind the `count`th `part`.
std::string with_cursor(std::string text, const std::string& part, int count = 1) {
  std::size_t at = 0;
  for (int i = 0; i < count; ++i) at = text.find(part, at + (i > 0 ? 1 : 0));
  BOOST_REQUIRE_MESSAGE(at != std::string::npos, part);
  return text.insert(at + part.size(), 1, '$');
}

std::string hover_at(Client& client, const std::string& text) {
  const Json found = client.result("textDocument/hover", client.at("/a.meta", text));
  return found.is_null() ? "nothing" : found["contents"]["value"].get<std::string>();
}

// "uri line:column" of the place where the name at the cursor is defined.
std::string definition_at(Client& client, const std::string& text) {
  const Json found = client.result("textDocument/definition", client.at("/a.meta", text));
  if (found.is_null()) return "nothing";
  const Json& start = found["range"]["start"];
  return found["uri"].get<std::string>() + " " + start["line"].dump() + ":" + start["character"].dump();
}

Json with_name(Json parameters, const std::string& name) {
  parameters["newName"] = name;
  return parameters;
}

// "line:column" of every edit, file by file.
std::string edits(const Json& result) {
  std::string text;
  for (const auto& [file, all] : result["changes"].items()) {
    text += file + ":";
    for (const Json& each : all)
      text.append(1, ' ')
          .append(each["range"]["start"]["line"].dump())
          .append(1, ':')
          .append(each["range"]["start"]["character"].dump());
    text += "\n";
  }
  return text;
}

std::string renamed(Client& client, const std::string& text, const std::string& name) {
  return edits(client.result("textDocument/rename", with_name(client.at("/a.meta", text), name)));
}

std::string why_not_renamed(Client& client, const std::string& text, const std::string& name) {
  return client.refusal("textDocument/rename", with_name(client.at("/a.meta", text), name));
}

}  // namespace

BOOST_AUTO_TEST_SUITE(hovers)

BOOST_AUTO_TEST_CASE(a_definition_shows_its_form_its_documentation_and_its_place) {
  Client client;
  const std::string text = hover_at(client, with_cursor(guess, "let mine = gue"));
  BOOST_TEST(contains(text, "```meta\nlearner guess(start = 0.0)\n```"));
  BOOST_TEST(contains(text, "```text\nThe mean of the labels.\n\nstart  where it begins\n```"));
  BOOST_TEST(contains(text, "/a.meta:4"));
}

BOOST_AUTO_TEST_CASE(the_library_and_what_is_built_in_are_documented) {
  Client client;
  BOOST_TEST(contains(hover_at(client, with_cursor(guess, "on sinu")), "tasks sinusoids(shots = "));
  BOOST_TEST(contains(hover_at(client, with_cursor(guess, "mean(squ")), "builtin square(x)"));
  BOOST_TEST(contains(hover_at(client, "fn f() = p$i\n"), "the number pi"));
  BOOST_TEST(contains(hover_at(client, "fn f() = st$ep\n"), "known while training"));
  BOOST_TEST(contains(hover_at(client, with_cursor(guess, "trai")), "train LEARNER on SOURCE {"));
  BOOST_TEST(contains(hover_at(client, "fn f(x) = gr$ad(x) { x^2 }\n"), "the gradient of the scalar"));
}

BOOST_AUTO_TEST_CASE(parameters_have_their_line_of_the_documentation) {
  Client client;
  for (const auto& place : {with_cursor(guess, "guess(sta"), with_cursor(guess, "guess(sta", 2)}) {
    const std::string text = hover_at(client, place);
    BOOST_TEST(contains(text, "parameter start = 0.0\n# of learner guess(start = 0.0)\n"));
    BOOST_TEST(contains(text, "where it begins"));
  }
}

BOOST_AUTO_TEST_CASE(members_that_are_known_have_theirs) {
  Client client;
  BOOST_TEST(contains(hover_at(client, with_cursor(guess, "= val")), "What is learned."));
  std::string text = guess + "experiment other {\n  let mine = guess()\n  print(mine.value)\n}\n";
  BOOST_TEST(contains(hover_at(client, with_cursor(text, "mine.val")), "learn value = [start]"));
}

BOOST_AUTO_TEST_CASE(shapes_are_shown_once_they_are_known) {
  Client client;
  const Json place = client.at("/a.meta", with_cursor(guess, "fn predict(task, x"));
  const auto text = [&] { return client.result("textDocument/hover", place)["contents"]["value"].get<std::string>(); };
  BOOST_TEST(!contains(text(), "a tensor f32"));
  client.elaborate();
  BOOST_TEST(contains(text(), "`x` is a tensor f32["));
  client.replace("/a.meta", 0, 0, 0, "#");
  BOOST_TEST(!contains(text(), "a tensor f32"));
}

BOOST_AUTO_TEST_CASE(a_mistake_is_explained) {
  Client client;
  const std::string text = hover_at(client, "experiment e { print(noth$ing) }\n");
  BOOST_TEST(contains(text, "E0201: "));
}

BOOST_AUTO_TEST_CASE(elsewhere_there_is_nothing) {
  Client client;
  for (const char* text : {"$\n", "let x = 1$\n", "# wo$rds\nlet x = 1\n", "$", "let x = \"te$xt\"\n"})
    BOOST_TEST(hover_at(client, text) == "nothing", text);
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(definitions)

BOOST_AUTO_TEST_CASE(of_names_in_the_file) {
  Client client;
  BOOST_TEST(definition_at(client, with_cursor(guess, "= gue")) == "file:///a.meta 3:8");
  BOOST_TEST(definition_at(client, with_cursor(guess, "square(predic")) == "file:///a.meta 7:5");
  BOOST_TEST(definition_at(client, with_cursor(guess, "train mi")) == "file:///a.meta 11:6");
  BOOST_TEST(definition_at(client, with_cursor(guess, "sgd(ra")) == "file:///a.meta 10:15");
  BOOST_TEST(definition_at(client, with_cursor(guess, "guess(sta", 2)) == "file:///a.meta 3:14");
  BOOST_TEST(definition_at(client, with_cursor(guess, "task.que")) == "nothing");  // known when it runs
}

BOOST_AUTO_TEST_CASE(of_names_of_used_files) {
  Client client(Files{{"/parts/net.meta", "\nfn twice(x) = 2 * x\n"}});
  BOOST_TEST(definition_at(client, "use \"parts/ne$t.meta\"\n") == "file:///parts/net.meta 0:0");
  BOOST_TEST(definition_at(client, "use twi$ce from \"parts/net.meta\"\n") == "file:///parts/net.meta 1:3");
  BOOST_TEST(definition_at(client, "use \"parts/net.meta\"\nfn f(x) = twi$ce(x: x)\n") == "file:///parts/net.meta 1:3");
  BOOST_TEST(definition_at(client, "use \"parts/net.meta\"\nfn f(y) = twice(x$: y)\n") == "file:///parts/net.meta 1:9");
}

BOOST_AUTO_TEST_CASE(of_the_library_are_in_texts_that_the_server_gives) {
  Client client;
  const Json found = client.result("textDocument/definition", client.at("/a.meta", with_cursor(guess, "on sinu")));
  const std::string where = found["uri"];
  BOOST_TEST(where.starts_with("metac-stdlib:/stdlib/"));
  const std::string text = client.result("metac/stdlib", {{"uri", where}})["text"];
  std::size_t at = 0;
  for (int line = found["range"]["start"]["line"]; line > 0; --line) at = text.find('\n', at) + 1;
  at += found["range"]["start"]["character"].get<std::size_t>();
  BOOST_TEST(text.substr(at, 9) == "sinusoids");
  BOOST_TEST(contains(client.refusal("metac/stdlib", {{"uri", "metac-stdlib:/stdlib/nothing.meta"}}), "has no"));
  BOOST_TEST(contains(client.refusal("metac/stdlib", {{"uri", "file:///stdlib/losses.meta"}}), "has no"));
}

BOOST_AUTO_TEST_CASE(a_text_of_the_library_is_a_document_too) {
  Client client;
  const LibraryFile& file = standard_library().front();
  const std::string where = "metac-stdlib:/" + std::string(file.path);
  client.open(where, std::string(file.text));
  const Json symbols = client.result("textDocument/documentSymbol", document(where));
  BOOST_REQUIRE(!symbols.empty());
  Json parameters = document(where);
  parameters["position"] = symbols[0]["selectionRange"]["start"];
  BOOST_TEST(client.result("textDocument/hover", parameters)["contents"]["kind"] == "markdown");
  BOOST_TEST(client.result("textDocument/definition", parameters)["uri"] == where);
  BOOST_TEST(client.result("textDocument/completion", parameters).empty());
  BOOST_TEST(contains(client.refusal("textDocument/prepareRename", parameters), "standard library"));
  BOOST_TEST(client.publications == 0);
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(completions)

BOOST_AUTO_TEST_CASE(names_in_scope_come_with_those_of_the_library_and_the_language) {
  Client client;
  const std::string labels = client.answer_labels(client.at("/a.meta", with_cursor(guess, "= value + bo")));
  for (const char* each : {" bonus ", " x ", " task ", " value ", " start ", " predict ", " guess ", " sinusoids ",
                           " square ", " pi ", " if "})
    BOOST_TEST(contains(labels, each), each);
  for (const char* each : {" mine ", " rate ", " learner "}) BOOST_TEST(!contains(labels, each), each);
}

BOOST_AUTO_TEST_CASE(what_is_written_last_need_not_be_whole) {
  Client client;
  const char* texts[] = {"experiment e(rate = 1) {\n  let y = $\n  print(y)\n}\n",
                         "experiment e(rate = 1) {\n  let y = exp($\n  print(y)\n}\n",
                         "experiment e(rate = 1) {\n  let y = [1, $\n}\n",
                         "experiment e(rate = 1) {\n  let y = 2 * $",
                         "experiment e(rate = 1) {\n  if ra$\n}\n",
                         "experiment e(rate = 1) {\n  let y = [exp(2, (1 + $\n\nfn f(x) = x\n",
                         "experiment e(rate = 1) {\n  $\n}\n"};
  for (const char* text : texts) BOOST_TEST(contains(client.answer_labels(client.at("/a.meta", text)), " rate "), text);
}

BOOST_AUTO_TEST_CASE(arguments_are_offered_by_name) {
  Client client;
  const std::string call = guess + "experiment other {\n  let other = guess(";
  const std::string labels = client.answer_labels(client.at("/a.meta", call + "$)\n}\n"));
  BOOST_TEST(contains(labels, " start: "));
  BOOST_TEST(contains(labels, " value: "));  // it may begin as something given
  BOOST_TEST(!contains(client.answer_labels(client.at("/a.meta", call + "start: $)\n}\n")), " start: "));
  BOOST_TEST(!contains(client.answer_labels(client.at("/a.meta", call + "start: 1, $)\n}\n")), " start: "));
  BOOST_TEST(!contains(client.answer_labels(client.at("/a.meta", call + "$, start: 1)\n}\n")), " start: "));
  BOOST_TEST(contains(client.answer_labels(client.at("/a.meta", "let x = sum($)\n")), " axis: "));
  const std::string second =
      client.answer_labels(client.at("/a.meta", "model m(size)(x, deep = 1) = x\nfn f(x) = m(3)($)\n"));
  BOOST_TEST(contains(second, " deep: "));
  BOOST_TEST(!contains(second, " size: "));
}

BOOST_AUTO_TEST_CASE(train_and_evaluate_have_options) {
  Client client;
  const std::string text = "experiment e {\n  let l = guess()\n  train l on sinusoids() { batch: 3, $ }\n}\n";
  const std::string labels = client.answer_labels(client.at("/a.meta", text));
  BOOST_TEST(labels == " iterations epochs optimizer validate select overlap ");
  const std::string other =
      "experiment e {\n  let l = guess()\n  evaluate l on sinusoids() {\n    $\n    tasks: 3\n  }\n}\n";
  BOOST_TEST(client.answer_labels(client.at("/a.meta", other)) == " with metrics after batch overlap ");
  const std::string value = "experiment e(n = 1) {\n  train l on split.train { batch: $ }\n}\n";
  BOOST_TEST(contains(client.answer_labels(client.at("/a.meta", value)), " n "));
}

BOOST_AUTO_TEST_CASE(members_come_behind_a_dot) {
  Client client;
  const std::string labels =
      client.answer_labels(client.at("/a.meta", guess + "experiment other {\n  let m = guess()\n  print(m.$)\n}\n"));
  for (const char* each : {" value ", " predict ", " objective ", " start ", " learned "})
    BOOST_TEST(contains(labels, each), each);
  BOOST_TEST(!contains(labels, " exp "));
  BOOST_TEST(client.answer_labels(client.at(
                 "/a.meta", "fn f() {\n  let w = (slope: 1, offset: 2)\n  return w.$\n}\n")) == " offset slope ");
  BOOST_TEST(contains(client.answer_labels(client.at("/a.meta", "fn f(task) = task.su$\n")), " support "));
}

BOOST_AUTO_TEST_CASE(keywords_come_where_a_statement_begins) {
  Client client;
  BOOST_TEST(contains(client.answer_labels(client.at("/a.meta", "exp$\n")), " experiment "));
  BOOST_TEST(!contains(client.answer_labels(client.at("/a.meta", "let a = exp$\n")), " experiment "));
}

BOOST_AUTO_TEST_CASE(nothing_comes_in_comments_texts_and_numbers) {
  Client client;
  for (const char* text : {"# a$\n", "let x = \"a$b\"\n", "let x = \"a$\n", "let x = 12$\n"})
    BOOST_TEST(client.answer_labels(client.at("/a.meta", text)) == " ", text);
}

BOOST_AUTO_TEST_CASE(the_word_that_was_begun_is_replaced) {
  Client client;
  const Json items =
      client.result("textDocument/completion", client.at("/a.meta", "let \u00e9 = 1\nlet a = squ$are(1)\n"));
  const auto found =
      std::find_if(items.begin(), items.end(), [](const Json& item) { return item["label"] == "square"; });
  BOOST_REQUIRE(found != items.end());
  BOOST_TEST((*found)["textEdit"]["range"]["start"] == (Json{{"line", 1}, {"character", 8}}));
  BOOST_TEST((*found)["textEdit"]["range"]["end"] == (Json{{"line", 1}, {"character", 11}}));
  BOOST_TEST((*found)["detail"] == "builtin square(x)");
}

BOOST_AUTO_TEST_CASE(every_place_of_every_script_is_answered) {
  const ReadText nothing = [](const std::string&) { return std::nullopt; };
  for (const std::string& text : {guess, guess.substr(0, 300), guess.substr(40, 300)}) {
    for (std::uint32_t at = 0; at <= text.size(); at += 3) {
      const Completions found = complete("/a.meta", text, at, nothing);
      BOOST_TEST((found.begin <= found.end && found.end == at));
    }
  }
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(renaming)

BOOST_AUTO_TEST_CASE(every_place_of_a_name_changes) {
  Client client;
  BOOST_TEST(renamed(client, with_cursor(guess, "let mi"), "yours") == "file:///a.meta: 11:6 12:8\n");
  BOOST_TEST(renamed(client, with_cursor(guess, "learner gue"), "mean_guess") == "file:///a.meta: 3:8 11:13\n");
  BOOST_TEST(renamed(client, with_cursor(guess, "run(ra"), "lr") == "file:///a.meta: 10:15 12:70\n");
  const std::string call = "fn f(size) = 2 * size\nlet a = f(si$ze: 3)\n";
  BOOST_TEST(renamed(client, call, "width") == "file:///a.meta: 0:5 0:17 1:10\n");
}

BOOST_AUTO_TEST_CASE(it_is_prepared_with_the_name) {
  Client client;
  const Json found = client.result("textDocument/prepareRename", client.at("/a.meta", with_cursor(guess, "let mi")));
  BOOST_TEST(found["placeholder"] == "mine");
  BOOST_TEST(found["range"]["start"] == (Json{{"line", 11}, {"character", 6}}));
  for (const char* text : {"let x = $1\n", "let x = ex$p(1)\n", "let x = mam$l(1)\n", "let x = 1 # co$mment\n",
                           "fn f() = p$i\n", "use \"n$et.meta\"\n", "fn f(t) = t.su$pport\n"})
    BOOST_TEST(client.request("textDocument/prepareRename", client.at("/a.meta", text))["error"]["code"] == -32803,
               text);
}

BOOST_AUTO_TEST_CASE(other_files_change_too_open_or_not) {
  Client client(Files{{"/net.meta", "fn twice(x) = 2 * x\n"},
                      {"/other.meta", "use twice from \"net.meta\"\nlet a = twice(1)\n"},
                      {"/unrelated.meta", "fn twice(x) = x\nlet a = twice(1)\n"}});
  client.open("/open.meta", "use \"net.meta\"\nlet b = twice(2)\n");
  const std::string text = "use \"net.meta\"\nlet c = twi$ce(3)\n";
  BOOST_TEST(renamed(client, text, "double") ==
             "file:///a.meta: 1:8\nfile:///net.meta: 0:3\nfile:///open.meta: 1:8\n"
             "file:///other.meta: 0:4 1:8\n");
}

BOOST_AUTO_TEST_CASE(what_is_no_name_is_refused) {
  Client client;
  for (const char* name : {"", "1a", "a b", "a-b", "_", "\u00e9", "if", "and"}) {
    const std::string why = why_not_renamed(client, "let a$ = 1\n", name);
    BOOST_TEST((contains(why, "is no name") || contains(why, "a word of the language")), why);
  }
}

BOOST_AUTO_TEST_CASE(names_of_the_library_and_of_the_language_are_refused) {
  Client client;
  BOOST_TEST(
      contains(why_not_renamed(client, with_cursor(guess, "on sinu"), "waves"), "a name of the standard library"));
  BOOST_TEST(contains(why_not_renamed(client, with_cursor(guess, "mean(squ"), "sq"), "is built into the language"));
  BOOST_TEST(
      contains(why_not_renamed(client, with_cursor(guess, "fn obj"), "goal"), "the language looks for `objective`"));
  BOOST_TEST(contains(why_not_renamed(client, "fn f(shots) = sinusoids(sh$ots: 3)\n", "n"), "standard library"));
}

BOOST_AUTO_TEST_CASE(capture_is_refused_in_both_directions) {
  Client client;
  const char* texts[] = {"fn f(x) {\n  let a$ = 1\n  let b = 2\n  return a + b + x\n}\n",  // two of one name
                         "let b = 1\nfn f(a$) = a + b\n",  // it would hide one that is used
                         "let a$ = 1\nfn f(b) = a + b\n",  // it would be hidden
                         "fn a$(x) = x\nfn f(x) = b(x) + a(x)\nfn b(x) = x\n"};
  for (const char* text : texts) {
    const std::string why = why_not_renamed(client, text, "b");
    BOOST_TEST((contains(why, "mixed up") || contains(why, "is defined twice")), why);
  }
  BOOST_TEST(contains(why_not_renamed(client, "fn a$(x) = relu(x)\n", "relu"), "mixed up"));
  BOOST_TEST(renamed(client, "fn a$(x) = x\nlet y = a(1)\n", "relu") == "file:///a.meta: 0:3 1:8\n");  // hides nothing
}

BOOST_AUTO_TEST_CASE(what_may_be_meant_elsewhere_is_refused) {
  Client client;
  const auto why = [&](const std::string& text) { return why_not_renamed(client, text, "other"); };
  const std::string unknown = guess + "fn look(learner) = learner.value\n";
  BOOST_TEST(contains(why(with_cursor(unknown, "learn val")), "/a.meta:15:28 may mean this `value`"));
  const std::string swept = guess + "let s = (bonus: [1, 2])\n";
  BOOST_TEST(contains(why(with_cursor(swept, "x, bon")), "may mean this `bonus`"));
  const std::string layer =
      "model blo$ck(x) = x\nmodel net(x) = x |> block\nlet frozen = [\"block1\", \"net.block*\"]\n";
  BOOST_TEST(contains(why(layer), "/a.meta:3:15 may mean this `block`"));
  const std::string through_value = "fn f(si$ze) = size\nfn g(h) = h(size: 1)\nlet a = g(f)\n";
  BOOST_TEST(contains(why(through_value), "may mean this `size`"));
}

BOOST_AUTO_TEST_CASE(a_script_that_cannot_be_read_whole_is_left_alone) {
  Client client;
  BOOST_TEST(contains(why_not_renamed(client, "let a$ = 1\nlet b = (a\n", "c"), "mend /a.meta:2"));
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(documents)

BOOST_AUTO_TEST_CASE(references_are_found_with_and_without_the_definition) {
  Client client(Files{{"/net.meta", "fn twice(x) = 2 * x\n"}});
  Json parameters = client.at("/a.meta", "use \"net.meta\"\nlet c = twi$ce(3)\n");
  parameters["context"] = {{"includeDeclaration", true}};
  BOOST_TEST(client.result("textDocument/references", parameters).size() == 2u);
  parameters["context"] = {{"includeDeclaration", false}};
  const Json found = client.result("textDocument/references", parameters);
  BOOST_REQUIRE_EQUAL(found.size(), 1u);
  BOOST_TEST(found[0]["uri"] == "file:///a.meta");
}

BOOST_AUTO_TEST_CASE(symbols_have_their_members_and_their_extent) {
  Client client;
  client.open("/a.meta", guess);
  const Json symbols = client.result("textDocument/documentSymbol", document("/a.meta"));
  BOOST_REQUIRE_EQUAL(symbols.size(), 2u);
  BOOST_TEST(symbols[0]["name"] == "guess");
  BOOST_TEST(symbols[0]["detail"] == "learner guess(start = 0.0)");
  BOOST_TEST(symbols[0]["range"]["start"]["line"] == 3);
  BOOST_TEST(symbols[0]["range"]["end"]["line"] == 8);
  BOOST_TEST(symbols[0]["children"].size() == 3u);
  BOOST_TEST(symbols[1]["name"] == "run");
}

BOOST_AUTO_TEST_CASE(formatting_changes_only_the_lines_that_differ) {
  Client client;
  client.open("/a.meta", "let a = 1\nlet b=2\nlet c = 3\n");
  const Json edits = client.result("textDocument/formatting", document("/a.meta"));
  BOOST_REQUIRE_EQUAL(edits.size(), 1u);
  BOOST_TEST(edits[0]["newText"] == "let b = 2\n");
  BOOST_TEST(edits[0]["range"]["start"] == (Json{{"line", 1}, {"character", 0}}));
  BOOST_TEST(edits[0]["range"]["end"] == (Json{{"line", 2}, {"character", 0}}));
  client.open("/a.meta", "let a = 1\n");
  BOOST_TEST(client.result("textDocument/formatting", document("/a.meta")).empty());
  client.open("/a.meta", "let a = (\n");
  BOOST_TEST(client.result("textDocument/formatting", document("/a.meta")).is_null());
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace metac::dsl::test
