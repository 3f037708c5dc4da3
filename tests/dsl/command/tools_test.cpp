// What tells of scripts and of the command itself: lists, documentation, completions of shells, the manual page.
#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>

#include "check/builtins.hpp"
#include "check/words.hpp"
#include "driver/driver.hpp"
#include "dsl/command/process.hpp"
#include "dsl/command/workshop.hpp"
#include "dsl/data/files.hpp"

namespace metac::dsl::test {
namespace {

namespace fs = std::filesystem;

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

bool is_there(const std::string& program) {
  return std::system(("command -v " + program + " > /dev/null 2>&1").c_str()) == 0;
}

std::string out_of(const std::vector<std::string>& arguments, const fs::path& folder = workshop()) {
  const Finished finished = run_command(folder, arguments);
  BOOST_TEST(finished.code == 0, arguments.front() << " ends with " << finished.code << ": " << finished.err);
  return finished.out;
}

// Commands and their options, as `--help` lists them.
std::vector<std::string> words_of_help(const std::vector<std::string>& command) {
  auto arguments = command;
  arguments.push_back("--help");
  std::vector<std::string> words;
  std::istringstream lines(out_of(arguments));
  bool listed = false;
  for (std::string line; std::getline(lines, line);) {
    if (!line.starts_with("  ")) listed = line == "Subcommands:" || line == "Options:";
    for (const auto& word : listed ? words_of(line) : std::vector<std::string>{}) {
      const bool option = word.starts_with("--") || word.starts_with("-h,");
      if (option || (line.starts_with("  " + word) && command.empty() && word[0] != '-'))
        words.push_back(word.starts_with("-h,") ? "--help" : word);
      break;
    }
  }
  return words;
}

// Every operand is an input or a node that stands before; the same in the bodies of regions.
void check_graph(const nlohmann::json& graph) {
  std::set<std::uint64_t> known;
  for (const auto& node : graph["nodes"]) {
    for (const auto& input : node["inputs"])
      BOOST_TEST(known.contains(input), node.dump() << " uses what is not there");
    known.insert(node["id"].get<std::uint64_t>());
    BOOST_TEST((node.contains("op") && node.contains("type") && node.contains("attributes")), node.dump());
    if (!node.contains("body")) continue;
    BOOST_TEST(node["body"]["inputs"].size() == node["inputs"].size());
    check_graph(node["body"]);
  }
  for (const auto& output : graph["outputs"]) BOOST_TEST(known.contains(output));
}

}  // namespace

BOOST_AUTO_TEST_SUITE(tools)

BOOST_AUTO_TEST_CASE(every_script_of_the_repository_has_a_list) {
  int definitions = 0;
  for (const char* folder : {"/stdlib", "/examples"})
    for (const auto& entry : fs::recursive_directory_iterator(METAC_SOURCE_DIR + std::string(folder))) {
      if (entry.path().extension() != ".meta") continue;
      std::istringstream lines(out_of({"list", entry.path().string(), "--json"}));
      for (std::string line; std::getline(lines, line); ++definitions) {
        const auto one = nlohmann::json::parse(line);
        for (const char* key : {"kind", "name", "parameters", "documentation", "file", "line", "column", "members"})
          BOOST_TEST(one.contains(key), key << " is not in " << line);
      }
    }
  BOOST_TEST(definitions > 100);
}

BOOST_AUTO_TEST_CASE(names_of_the_library_are_documented) {
  const std::string maml = out_of({"doc", "maml"});
  BOOST_TEST(contains(maml, "learner maml(net, loss = cross_entropy"), maml);
  BOOST_TEST(contains(maml, "\n  learn theta\n"), maml);
  BOOST_TEST(contains(maml, "\nstdlib/learn/meta/maml.meta:"), maml);
  BOOST_TEST(contains(out_of({"doc", "maml.adapt"}), "fn adapt(support"));
}

BOOST_AUTO_TEST_CASE(the_reference_has_everything_that_a_script_knows) {
  const std::string reference = out_of({"doc", "--all"});
  Report report;
  const Script nothing = Script::from_text("", "", report);
  BOOST_TEST_REQUIRE(nothing.valid());
  for (const std::string& name : nothing.program()->names(0))
    BOOST_TEST(contains(reference, "\n### " + name + "\n"), name << " is missing");
  for (const Builtin& each : builtins())
    BOOST_TEST(contains(reference, std::string("| `") + each.name + each.parameters + "` |"), each.name);
  for (const Word& each : language_words()) BOOST_TEST(contains(reference, each.doc), each.names);
}

BOOST_AUTO_TEST_CASE(the_programs_of_an_experiment_are_shown_in_every_form) {
  std::ofstream(workshop() / "programs.meta")
      << "experiment e {\n  let learner = maml(mlp([4, 1]), loss: mse)\n"
         "  train learner on sinusoids() { iterations: 1, batch: 3, optimizer: adam() }\n"
         "  evaluate learner on sinusoids() { tasks: 2 }\n}\n";
  const std::vector<std::string> ask{"graph", "programs.meta", "e"};
  const auto with = [&](std::vector<std::string> more) {
    more.insert(more.begin(), ask.begin(), ask.end());
    return out_of(more);
  };
  const std::string text = with({});
  BOOST_TEST(text.starts_with("# one step of training maml on sinusoids"), text.substr(0, 200));
  BOOST_TEST(contains(text, "\n# evaluating maml on 2 tasks of sinusoids"));
  BOOST_TEST(contains(text, " = map("));
  BOOST_TEST(contains(text, " body("));
  const std::string plan = with({"--stage", "plan"});
  BOOST_TEST(plan.starts_with("# one step of training maml"));
  BOOST_TEST(plan != text);

  std::istringstream lines(with({"--format", "json"}));
  int programs = 0;
  for (std::string line; std::getline(lines, line); ++programs) {
    const auto one = nlohmann::json::parse(line);
    BOOST_TEST(one["graph"]["nodes"].size() > 10u);
    check_graph(one["graph"]);
  }
  BOOST_TEST(programs == 2);

  const std::string dot = with({"--format", "dot"});
  BOOST_TEST(dot.starts_with("digraph \"one step of training maml"));
  BOOST_TEST(contains(dot, "subgraph cluster_"));
  BOOST_TEST(std::count(dot.begin(), dot.end(), '{') == std::count(dot.begin(), dot.end(), '}'));
}

BOOST_AUTO_TEST_CASE(plans_and_gradients_are_shown_in_every_form) {
  std::ofstream(workshop() / "gradients.meta")
      << "experiment e(inner = 0.1) {\n  let learner = maml(mlp([4, 1]), loss: mse, inner_lr: inner)\n"
         "  train learner on sinusoids() { iterations: 1, batch: 3, optimizer: adam() }\n}\n";
  const auto with = [&](const std::string& stage, const std::string& form) {
    return out_of({"graph", "gradients.meta", "--stage", stage, "--format", form});
  };
  // What the derivatives of the script and that of the objective made, and the lines that it comes from.
  const std::string text = with("gradient", "text");
  BOOST_TEST(text.starts_with("# what training maml on sinusoids"), text.substr(0, 200));
  BOOST_TEST(contains(text, "  # the gradient of `objective` (stdlib/learn/meta/maml.meta:"));
  BOOST_TEST(contains(text, "  # grad(w) { "));
  BOOST_TEST(contains(text, "# stdlib/losses.meta:"));
  const auto gradient = nlohmann::json::parse(with("gradient", "json"));
  check_graph(gradient["gradient"]);
  for (const auto& node : gradient["gradient"]["nodes"]) BOOST_TEST(node.contains("note"), node.dump());

  const auto plan = nlohmann::json::parse(with("plan", "json"))["plan"];
  BOOST_TEST(plan["arena_bytes"].get<int>() > 0);
  bool has_body = false;
  for (const auto& step : plan["frame"]["steps"]) {
    BOOST_TEST((step.contains("kernel") && step.contains("operands") && !step["results"].empty()), step.dump());
    has_body |= step.contains("body") && step["body"]["steps"].size() > 10;
  }
  BOOST_TEST(has_body);
  for (const std::string stage : {"tree", "checked", "graph", "gradient", "plan"}) {
    const std::string dot = with(stage, "dot");
    BOOST_TEST(dot.starts_with("digraph "), stage);
    BOOST_TEST(contains(dot, " -> "), stage);
    if (is_there("dot")) {
      const data::testing::TemporaryFolder folder;
      std::ofstream(folder / "graph.dot") << dot;
      BOOST_TEST(std::system(("dot -Tplain '" + (folder / "graph.dot").string() + "' > /dev/null").c_str()) == 0,
                 stage);
    }
  }
  // Values of an experiment are set as for a run.
  BOOST_TEST(out_of({"graph", "gradients.meta"}) != out_of({"graph", "gradients.meta", "--set", "inner=0.2"}));
}

BOOST_AUTO_TEST_CASE(completions_and_the_manual_know_every_command_and_option) {
  const auto commands = words_of_help({});
  BOOST_TEST(commands.size() > 8u);
  const std::string bash = out_of({"completion", "bash"}), zsh = out_of({"completion", "zsh"}),
                    fish = out_of({"completion", "fish"}), manual = out_of({"manual"});
  for (const auto& command : commands) {
    if (command.starts_with("--")) continue;
    BOOST_TEST(contains(bash, "\n    " + command + ")\n"), command);
    BOOST_TEST(contains(zsh, "\n    " + command + ")\n"), command);
    BOOST_TEST(contains(fish, "-a " + command + " "), command);
    BOOST_TEST(contains(manual, ".SS metac " + command), command);
    for (const auto& option : words_of_help({command})) {
      BOOST_TEST(contains(bash, option), command << " " << option);
      BOOST_TEST(contains(zsh, option), command << " " << option);
      BOOST_TEST(contains(fish, "from " + command + "' -l " + option.substr(2) + " "), command << " " << option);
      BOOST_TEST(contains(manual, "\\-\\-" + option.substr(2, 2)), command << " " << option);
    }
  }
}

BOOST_AUTO_TEST_CASE(bash_completes_commands_options_choices_and_scripts) {
  const data::testing::TemporaryFolder folder;
  std::ofstream(folder / "metac.bash") << out_of({"completion", "bash"});
  std::ofstream(folder / "a.meta") << "";
  std::ofstream(folder / "a.txt") << "";
  fs::create_directory(folder / "data");
  const auto completed = [&](const std::string& line) {  // the last word, which may be empty
    std::ofstream(folder / "ask") << "source ./metac.bash\nCOMP_WORDS=(" + line +
                                         ")\nCOMP_CWORD=$((${#COMP_WORDS[@]} - 1))\n_metac\n"
                                         "echo \"${COMPREPLY[*]}\" > answer\n";
    const std::string command = "cd '" + folder.path().string() + "' && bash ./ask";
    BOOST_TEST(std::system(command.c_str()) == 0);
    std::string answer = read_all(folder / "answer");
    return answer.substr(0, answer.find('\n'));
  };
  BOOST_TEST(completed("metac ex") == "explain");
  BOOST_TEST(completed("metac run --d") == "--data --diagnostics");
  BOOST_TEST(completed("metac check --diagnostics ''") == "text json");
  BOOST_TEST(completed("metac run a") == "a.meta");
  BOOST_TEST(completed("metac run --data ''") == "data");
  BOOST_TEST(completed("metac run --csv a.t") == "a.txt");
  BOOST_TEST(completed("metac run --seed ''") == "");
  BOOST_TEST(completed("metac completion ''") == "bash zsh fish");
}

BOOST_AUTO_TEST_CASE(other_programs_can_read_what_is_made_for_them) {
  const data::testing::TemporaryFolder folder;
  std::ofstream(folder / "_metac") << out_of({"completion", "zsh"});
  std::ofstream(folder / "metac.fish") << out_of({"completion", "fish"});
  std::ofstream(folder / "metac.1") << out_of({"manual"});
  const auto reads = [&](const std::string& program, const std::string& command) {
    if (!is_there(program)) {
      BOOST_TEST_MESSAGE("skipped: " << program << " is not installed");
      return;
    }
    const std::string line = "cd '" + folder.path().string() + "' && test -z \"$(" + command + " 2>&1)\"";
    BOOST_TEST(std::system(line.c_str()) == 0, command << " complains");
  };
  reads("zsh", "zsh -n _metac");
  reads("fish", "fish -n metac.fish");
  reads("groff", "groff -man -ww -z metac.1");
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace metac::dsl::test
