// The one description of the commands, with CLI11; the only file that includes it.
#include "cli/command_line.hpp"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <thread>

#include "cli/commands.hpp"
#include "cli/description.hpp"
#include "cli/output.hpp"
#include "kernels/instruction_set.hpp"

namespace metac::dsl {

namespace {

constexpr const char* exit_codes =
    "Exit codes: 0 done; 1 the script or its data is wrong; 2 the command line is wrong; 3 it failed while running;\n"
    "70 a bug of metac; 130 interrupted.";

std::optional<double> number_in(const std::string& text) {
  double value = 0;
  const char* end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, value);
  return error == std::errc{} && rest == end ? std::optional(value) : std::nullopt;
}

// A number below 0 or too large would be read as another.
std::string seed(const std::string& text) {
  std::uint64_t value = 0;
  const char* end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, value);
  if (error == std::errc{} && rest == end) return "";
  return fmt::format("{} was given, a whole number from 0 to {} is needed", text, UINT64_MAX);
}

std::string positive(const std::string& text) {
  const auto value = number_in(text);
  return value && *value > 0 && std::isfinite(*value) ? ""
                                                      : fmt::format("{} was given, a number above 0 is needed", text);
}

// "1.5GiB" becomes its bytes.
std::string size_in_bytes(std::string& text) {
  constexpr std::string_view units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
  const auto unit = std::min(text.find_first_not_of("0123456789.e+-"), text.size());
  const auto found = std::find(std::begin(units), std::end(units), text.substr(unit));
  const auto count = number_in(text.substr(0, unit));
  const double bytes = count.value_or(0) * std::pow(1024, found - std::begin(units));
  if (found == std::end(units) || !(bytes >= 1 && bytes < 0x1p63))
    return fmt::format("{} was given, a size with its unit is needed, like 512MiB or 4GiB", text);
  text = std::to_string(static_cast<std::uint64_t>(bytes));
  return "";
}

std::string folder(const std::string& path) {
  std::error_code unknown;
  return std::filesystem::is_directory(path, unknown) ? "" : fmt::format("there is no folder `{}`", path);
}

// One of `words`, with a message like those of scripts.
std::function<std::string(const std::string&)> one_of(std::vector<std::string> words) {
  return [words](const std::string& text) {
    if (std::find(words.begin(), words.end(), text) != words.end()) return std::string();
    return fmt::format("`{}` was given, it can be {}", text, fmt::join(words, ", "));
  };
}

// All commands, and what was asked of them.
class Commands {
 public:
  Commands();
  int perform(int argc, char** argv);

 private:
  struct Command {
    CLI::App* app;
    std::function<int()> perform;
  };
  CLI::App* add(const char* name, const char* text, std::function<int()> perform);
  void add_script(CLI::App*);
  void add_run_options(CLI::App*);
  void add_settings(CLI::App*);
  void add_run();
  void add_check();
  void add_gradcheck();
  void add_fmt();
  void add_explain();
  void add_list();
  void add_doc();
  void add_graph();
  void add_lsp();
  void add_repl();
  void add_completion();
  void add_manual();
  std::vector<CommandText> description() const;
  int explain();
  int print_completion() const;
  int say_wrong(const CLI::ParseError&, int argc, char** argv) const;
  std::string wrong_option(const CLI::App&, const CLI::ParseError&, int argc, char** argv) const;

  CLI::App app_{
      "metac: learning procedures as scripts. A .meta script says model, tasks, how it learns and what is measured."};
  std::vector<Command> commands_;
  RunRequest run_;
  GradcheckOptions gradcheck_;
  std::string diagnostics_ = "text";
  FormatRequest format_;
  std::vector<std::string> explained_;
  ListRequest list_;
  DocRequest doc_;
  GraphRequest graph_;
  ReplRequest repl_;
  std::string shell_;
};

Commands::Commands() {
  app_.footer(exit_codes);
  app_.set_version_flag("--version", fmt::format("metac {} ({} kernels)", METAC_VERSION, metac::instruction_set()));
  app_.require_subcommand(1);
  run_.options.threads = static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
  add_run();
  add_check();
  add_gradcheck();
  add_fmt();
  add_explain();
  add_list();
  add_doc();
  add_graph();
  add_lsp();
  add_repl();
  add_completion();
  add_manual();
}

CLI::App* Commands::add(const char* name, const char* text, std::function<int()> perform) {
  auto* command = app_.add_subcommand(name, text);
  command->footer(exit_codes);
  commands_.push_back({command, std::move(perform)});
  return command;
}

void Commands::add_script(CLI::App* command) {
  command->add_option("script", run_.script, "the .meta script")->required()->type_name("SCRIPT");
}

// What chooses the experiments and their values.
void Commands::add_settings(CLI::App* command) {
  command->add_option("--experiment", run_.options.experiments, "run this experiment only (may be given again)")
      ->type_name("NAME");
  command->add_option("--set", run_.settings, "name=value: sets a parameter of an experiment or a `let` of the script")
      ->type_name("NAME=VALUE");
  command->add_option("--seed", run_.options.seed, "seed of all randomness")->check(seed)->capture_default_str();
  command->add_option("--threads", run_.options.threads, "threads; results do not depend on it")
      ->check(CLI::Range(1, 1024))
      ->capture_default_str();
  command
      ->add_option("--memory", run_.options.memory,
                   "what arrays may take, like 4GiB; more is refused (otherwise: nine tenths of the machine's)")
      ->transform(CLI::Validator(size_in_bytes, ""))
      ->type_name("SIZE");
  command->add_option("--data", run_.options.data, "the data directory (otherwise: environment variable METAC_DATA)")
      ->check(folder)
      ->type_name("FOLDER");
  command->add_flag("--json", run_.json, "one JSON object a line, for machines");
}

void Commands::add_run_options(CLI::App* command) {
  add_settings(command);
  command
      ->add_option("--diagnostics", diagnostics_,
                   "text or json: how mistakes are written to standard error; --json writes them to standard output")
      ->check(one_of({"text", "json"}))
      ->type_name("text|json");
}

void Commands::add_run() {
  auto* command = add("run", "check a script, then run its experiments", [this] {
    run_.json_diagnostics = diagnostics_ == "json";
    return run_script(run_);
  });
  add_script(command);
  add_run_options(command);
  auto* out =
      command->add_option("--out", run_.options.out, "a folder for checkpoints of the run, to go on after a stop")
          ->type_name("FOLDER");
  auto* resume =
      command->add_option("--resume", run_.resume, "goes on with the run in this folder")->type_name("FOLDER");
  command->add_option("--checkpoint", run_.options.checkpoint_seconds, "seconds between two checkpoints of a training")
      ->check(positive)
      ->capture_default_str();
  out->excludes(resume);
  command->add_flag("--profile", run_.options.profile, "after each training: where its time went, by kernel");
  command->add_option("--csv", run_.csv, "a file for all that was measured, as a table")->type_name("FILE");
}

void Commands::add_check() {
  auto* command = add("check", "find the mistakes of a script without running it, and what it costs", [this] {
    run_.json_diagnostics = diagnostics_ == "json";
    return check_script(run_);
  });
  add_script(command);
  add_run_options(command);
}

void Commands::add_gradcheck() {
  auto* command = add("gradcheck", "compare the derivatives of a script with finite differences, in double precision",
                      [this] { return check_derivatives(run_, gradcheck_); });
  add_script(command);
  add_settings(command);
  command->add_option("--order", gradcheck_.order, "the highest order: 1 gradients, 2 their derivatives, and so on")
      ->check(CLI::Range(1, 4))
      ->capture_default_str();
  command->add_option("--directions", gradcheck_.directions, "random directions, for each task or batch")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  command->add_option("--tasks", gradcheck_.tasks, "sampled tasks, or batches of examples")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  command->add_option("--steps", gradcheck_.steps, "steps of each training before its derivatives are compared")
      ->check(CLI::Range(1, 1'000'000))
      ->capture_default_str();
  command->add_option("--tolerance", gradcheck_.tolerance, "the largest relative difference that is right")
      ->check(positive)
      ->capture_default_str();
  command->add_flag("--strict", gradcheck_.strict, "what `stop_gradient` leaves out of a derivative is wrong, too");
}

void Commands::add_fmt() {
  auto* command = add("fmt", "write scripts in their canonical form", [this] { return format_scripts(format_); });
  command->add_option("files", format_.files, "the scripts; - reads standard input and writes standard output")
      ->required()
      ->type_name("SCRIPT");
  command->add_flag("--check", format_.check, "change nothing; exit code 1 if a script is not in this form");
  command->add_flag("--diff", format_.diff, "change nothing; show what would change");
}

void Commands::add_explain() {
  auto* command = add("explain", "say what a code such as E0203 means, or how derivatives reach what a script learns",
                      [this] { return explain(); });
  command
      ->add_option("what", explained_,
                   "codes of diagnostics (none: list all); or a script and, perhaps, the name of what it learns")
      ->type_name("SCRIPT");
  add_run_options(command);
}

int Commands::explain() {
  const bool script =
      !explained_.empty() && (explained_[0].ends_with(".meta") || std::filesystem::exists(explained_[0]));
  if (!script && explained_.size() == 2 && explained_[1].ends_with(".meta")) {
    complain(fmt::format("the script comes first\n  hint: `metac explain {} {}`", explained_[1], explained_[0]));
    return static_cast<int>(Outcome::wrong_options);
  }
  if (!script) return explain_codes(explained_);
  if (explained_.size() > 2) {
    complain(fmt::format("a script and one name can be explained, {} names were given", explained_.size() - 1));
    return static_cast<int>(Outcome::wrong_options);
  }
  run_.script = explained_[0];
  run_.json_diagnostics = diagnostics_ == "json";
  return explain_derivatives(run_, explained_.size() == 2 ? explained_[1] : "");
}

void Commands::add_list() {
  auto* command =
      add("list", "show what a script defines, with its documentation", [this] { return list_script(list_); });
  command->add_option("script", list_.script, "the .meta script")->required()->type_name("SCRIPT");
  command->add_flag("--json", list_.json, "one JSON object a line, for machines");
}

void Commands::add_doc() {
  auto* command = add("doc", "print the documentation of a name of the library, the language or a script",
                      [this] { return document_names(doc_); });
  command->add_option("name", doc_.name, "a name, or one inside of another: LEARNER.predict")->type_name("NAME");
  command->add_option("script", doc_.script, "a .meta script whose names are looked up, too")->type_name("SCRIPT");
  command->add_flag("--all", doc_.all, "a reference of everything, in Markdown");
}

void Commands::add_graph() {
  auto* command =
      add("graph", "print what becomes of a script, stage by stage", [this] { return print_graph(graph_); });
  command->add_option("script", graph_.script, "the .meta script")->required()->type_name("SCRIPT");
  command
      ->add_option("experiment", graph_.experiment,
                   "its experiment (none: the only one); for the stages tree and checked any definition (none: all)")
      ->type_name("NAME");
  command
      ->add_option("--stage", graph_.stage,
                   "tree: what was read; checked: what the names mean; graph: expressions, derivatives among them; "
                   "gradient: what one item of a training differentiates, and what that adds; plan: the steps that "
                   "run, over one arena")
      ->check(one_of({"tree", "checked", "graph", "gradient", "plan"}))
      ->type_name("tree|checked|graph|gradient|plan");
  command->add_option("--format", graph_.form, "text, dot (for graphviz) or json (one program or definition a line)")
      ->check(one_of({"text", "dot", "json"}))
      ->type_name("text|dot|json");
  command
      ->add_option("--set", graph_.settings, "name=value: sets a parameter of an experiment or a `let` of the script")
      ->type_name("NAME=VALUE");
  command->add_option("--data", graph_.options.data, "the data directory (otherwise: environment variable METAC_DATA)")
      ->check(folder)
      ->type_name("FOLDER");
}

void Commands::add_lsp() {
  add("lsp", "serve an editor: the Language Server Protocol over standard input and output",
      [] { return serve_editor(); });
}

void Commands::add_repl() {
  auto* command = add("repl", "a prompt: enter definitions, expressions and experiments line by line", [this] {
    repl_.options.threads = run_.options.threads;
    return run_repl(repl_);
  });
  command->add_option("script", repl_.script, "a .meta script whose definitions are there from the beginning")
      ->type_name("SCRIPT");
  command->add_option("--seed", repl_.options.seed, "seed of all randomness")->check(seed)->capture_default_str();
  command->add_option("--threads", run_.options.threads, "threads; results do not depend on it")
      ->check(CLI::Range(1, 1024))
      ->capture_default_str();
  command->add_option("--data", repl_.options.data, "the data directory (otherwise: environment variable METAC_DATA)")
      ->check(folder)
      ->type_name("FOLDER");
  command->add_flag("--no-history", repl_.no_history, "keep no history of what is entered");
}

void Commands::add_completion() {
  auto* command = add("completion", "print a script that completes this command line in a shell",
                      [this] { return print_completion(); });
  command->add_option("shell", shell_, "the shell")
      ->required()
      ->check(one_of({"bash", "zsh", "fish"}))
      ->type_name("bash|zsh|fish");
}

void Commands::add_manual() {
  add("manual", "print the manual page, for man", [this] {
    fmt::print("{}", manual_page(description(), METAC_VERSION));
    return static_cast<int>(Outcome::done);
  });
}

int Commands::print_completion() const {
  const auto commands = description();
  fmt::print("{}", shell_ == "bash"  ? bash_completion(commands)
                   : shell_ == "zsh" ? zsh_completion(commands)
                                     : fish_completion(commands));
  return static_cast<int>(Outcome::done);
}

std::vector<CommandText> Commands::description() const {
  std::vector<CommandText> all;
  for (const auto& command : commands_) {
    CommandText& made = all.emplace_back(CommandText{command.app->get_name(), command.app->get_description(), {}});
    for (const auto* option : command.app->get_options()) {
      const bool positional = option->get_lnames().empty();
      const std::string type = option->get_type_name();  // "INT:INT in [1 - 1024]"
      made.options.push_back({positional ? option->get_name() : "--" + option->get_lnames().front(),
                              option->get_items_expected_max() == 0 ? "" : type.substr(0, type.find(':')),
                              option->get_description()});
    }
  }
  return all;
}

std::string Commands::wrong_option(const CLI::App& command, const CLI::ParseError& error, int argc, char** argv) const {
  if (dynamic_cast<const CLI::ExtrasError*>(&error) == nullptr) return error.what();
  std::vector<std::string> known;
  for (const auto* option : command.get_options())
    for (const auto& name : option->get_lnames()) known.push_back(fmt::format("--{}", name));
  for (int i = 2; i < argc; ++i) {
    const std::string word = argv[i], name = word.substr(0, word.find('='));
    if (!name.starts_with("-") || std::find(known.begin(), known.end(), name) != known.end()) continue;
    const auto near = nearest(name, known);
    std::string hint = near.empty() ? "" : fmt::format("\n  hint: did you mean `{}`?", near);
    if (near.empty() && command.get_option_no_throw("--set") != nullptr)
      hint = fmt::format("\n  hint: a parameter of the script is set by `--set {}=..`",
                         name.substr(name.rfind("--", 0) == 0 ? 2 : 1));
    return fmt::format("there is no option `{}`{}", name, hint);
  }
  if (command.get_option_no_throw("script") == nullptr) return "more was given than this command takes";
  const auto given = command.remaining();
  const bool chooses = command.get_option_no_throw("--experiment") != nullptr && !given.empty();
  return chooses && !given.front().ends_with(".meta")
             ? fmt::format(
                   "one script can be given, these are more\n  hint: an experiment is chosen by `--experiment {}`",
                   given.front())
             : "one script can be given, these are more";
}

int Commands::say_wrong(const CLI::ParseError& error, int argc, char** argv) const {
  const std::string word = argc > 1 ? argv[1] : "";
  std::vector<std::string> known{"--help", "--version"};
  for (const auto& command : commands_) {
    if (command.app->get_name() == word) {
      complain(fmt::format("{}\n  `metac {} --help` lists what there is", wrong_option(*command.app, error, argc, argv),
                           word));
      return static_cast<int>(Outcome::wrong_options);
    }
    known.push_back(command.app->get_name());
  }
  complain(word.empty() ? "what to do is missing" : fmt::format("`{}` is no command", word));
  const bool script = word.ends_with(".meta");
  const auto near = script ? fmt::format("run {}", word) : nearest(word, known);
  if (!near.empty()) fmt::print(stderr, "  hint: did you mean `metac {}`?\n", near);
  fmt::print(stderr, "  `metac --help` lists the commands\n");
  return static_cast<int>(Outcome::wrong_options);
}

int Commands::perform(int argc, char** argv) {
  try {
    app_.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) return app_.exit(error);  // --help, --version
    return say_wrong(error, argc, argv);
  }
  const auto asked =
      std::find_if(commands_.begin(), commands_.end(), [](const Command& command) { return command.app->parsed(); });
  return asked->perform();
}

}  // namespace

int perform(int argc, char** argv) { return Commands().perform(argc, argv); }

}  // namespace metac::dsl
