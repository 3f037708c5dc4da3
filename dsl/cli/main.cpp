// The command `metac`: command line in, exit code out. Everything else is in driver/.
#include <fmt/format.h>
#include <signal.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <thread>

#include "base/error.hpp"
#include "base/memory.hpp"
#include "cli/costs.hpp"
#include "cli/explain_flow.hpp"
#include "cli/show.hpp"
#include "cli/table.hpp"
#include "kernels/instruction_set.hpp"

namespace {

using namespace metac::dsl;

std::atomic<bool> stop{false};

// Ctrl-C or SIGTERM asks the run to stop after its step; a second Ctrl-C ends the process at once. SIGTERM may come
// twice by one request, to the process and to its group (so does `timeout`): that is no second one.
[[noreturn]] void wait_for_signals(sigset_t signals) {
  for (;;) {
    int signal = 0;
    sigwait(&signals, &signal);
    if (signal == SIGINT && stop) _exit(static_cast<int>(Outcome::interrupted));
    stop = true;
  }
}

// No thread that computes may run a handler: oneDNN's products for AVX2 keep the stack pointer in the heap, and the
// handler's frame would be written over what lies there. So all threads block these signals, and one waits for them.
void take_signals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  std::thread(wait_for_signals, signals).detach();
}

constexpr const char* exit_codes =
    "Exit codes: 0 done; 1 the script or its data is wrong; 2 the command line is wrong; 3 it failed while running;\n"
    "70 a bug of metac; 130 interrupted.";

struct CommandLine {
  std::string script;
  std::string name;  // that is explained
  Options options;
  std::vector<std::string> settings;
  std::string resume;
  std::string csv;
  bool json = false;
  double memory = 0;  // GiB; 0: what the machine has
};

// A negative number would be read as a large one.
std::string not_negative(const std::string& text) {
  return text.starts_with('-') ? fmt::format("{} was given, a number of at least 0 is needed", text) : "";
}

std::string positive(const std::string& text) {
  char* end = nullptr;
  const double value = std::strtod(text.c_str(), &end);
  return *end == '\0' && value > 0 && value < 1e9 ? "" : fmt::format("{} was given, a number above 0 is needed", text);
}

std::string wrong_option(const CLI::App& app, const CLI::ParseError& error, int argc, char** argv) {
  std::vector<std::string> known;
  for (const auto* sub : app.get_subcommands([](const CLI::App*) { return true; }))
    for (const auto* option : sub->get_options())
      for (const auto& name : option->get_lnames()) known.push_back(fmt::format("--{}", name));
  if (dynamic_cast<const CLI::ExtrasError*>(&error) == nullptr) return error.what();
  for (int i = 2; i < argc; ++i) {
    const std::string word = argv[i], name = word.substr(0, word.find('='));
    if (!name.starts_with("-") || std::find(known.begin(), known.end(), name) != known.end()) continue;
    const auto near = nearest(name, known);
    return fmt::format("there is no option `{}`{}", name,
                       near.empty() ? "" : fmt::format("\n  hint: did you mean `{}`?", near));
  }
  return "one script can be given, these are more";
}

bool use_colour() { return isatty(STDERR_FILENO) != 0 && std::getenv("NO_COLOR") == nullptr; }

void show(const Report& report, const Script& script, bool json) {
  for (const auto& diagnostic : report.all()) {
    if (json)
      fmt::print("{}\n", render_json(diagnostic, script.sources()));
    else
      fmt::print(stderr, "{}", render(diagnostic, script.sources(), use_colour()));
  }
}

// Leaves what is there as it is.
bool can_be_written(const std::filesystem::path& path) {
  std::error_code error;
  const bool was_there = std::filesystem::exists(path, error);
  const bool opens = std::ofstream(path, std::ios::app).is_open();
  if (opens && !was_there) std::filesystem::remove(path, error);
  return opens;
}

// What the paths say, or exit code 2 for a name that nothing learned has.
int show_flow(const std::vector<ObjectiveFlow>& flows, const CommandLine& line, const Script& script) {
  const auto text = explain_flow(flows, line.name, script.sources());
  if (!text.empty()) {
    fmt::print("{}", text);
    return 0;
  }
  if (flows.empty()) {
    fmt::print(stderr, "metac: error: {} trains no learner by an objective: there is no derivative to explain\n",
               line.script);
    return static_cast<int>(Outcome::wrong_options);
  }
  const auto names = names_of_flow(flows);
  const auto near = nearest(line.name, names);
  fmt::print(stderr, "metac: error: nothing that an objective of {} learns is called `{}`\n", line.script, line.name);
  if (!near.empty())
    fmt::print(stderr, "  hint: did you mean `{}`?\n", near);
  else if (!names.empty())
    fmt::print(stderr, "  hint: it learns {}\n", fmt::join(names, ", "));
  return static_cast<int>(Outcome::wrong_options);
}

enum class Work { run, check, explain };

int perform(CommandLine& line, Work work) {
  const bool really = work == Work::run;
  for (const auto& setting : line.settings) {
    const auto equals = setting.find('=');
    if (equals == 0 || equals == std::string::npos) {
      fmt::print(stderr, "metac: error: `--set {}` was given, `--set name=value` was needed\n", setting);
      return 2;
    }
    const auto name = setting.substr(0, equals);
    if (!line.options.settings.emplace(name, setting.substr(equals + 1)).second) {
      fmt::print(stderr, "metac: error: `--set {}=...` was given twice\n", name);
      return 2;
    }
  }
  if (!line.resume.empty()) {
    line.options.out = line.resume;
    line.options.resume = true;
  }
  line.options.memory = static_cast<std::size_t>(line.memory * (1u << 30));
  if (line.memory > 0) metac::set_memory_limit(line.options.memory);
  line.options.stop = &stop;
  take_signals();
  Report report;
  const Script script = Script::load(line.script, report);
  Outcome outcome = Outcome::wrong_script;
  std::vector<ObjectiveFlow> flows;
  Costs costs;
  if (script.valid()) {
    auto observer = line.json ? make_json_observer() : make_text_observer(isatty(STDERR_FILENO) != 0, use_colour());
    TableObserver table(*observer);
    if (really && !line.csv.empty() && !can_be_written(line.csv)) {  // now, not after an hour
      fmt::print(stderr, "metac: error: {} cannot be written\n", line.csv);
      return static_cast<int>(Outcome::failed);
    }
    outcome = really ? run(script, line.options, table, report)
                     : check(script, line.options, report, work == Work::explain ? &flows : nullptr,
                             work == Work::check ? &costs : nullptr);
    if (really && !line.csv.empty()) try {
        table.write(line.csv);
      } catch (const metac::Error& error) {
        fmt::print(stderr, "metac: error: {}\n", error.what());
        if (outcome == Outcome::done) outcome = Outcome::failed;
      }
  }
  show(report, script, line.json);
  if (outcome == Outcome::interrupted) fmt::print(stderr, "metac: stopped on request\n");
  if (work == Work::explain && outcome == Outcome::done) return show_flow(flows, line, script);
  if (!really && outcome == Outcome::done && !line.json) fmt::print("{}: no mistakes found\n", line.script);
  if (!really && outcome == Outcome::done) fmt::print("{}", line.json ? costs_json(costs) : costs_text(costs));
  if (really && outcome == Outcome::done && line.json) fmt::print("{}", memory_json(metac::memory_peak()));
  return static_cast<int>(outcome);
}

int command(int argc, char** argv) {
  CLI::App app{
      "metac: learning procedures as scripts. A .meta script says model, tasks, how it learns and what is measured."};
  app.footer(exit_codes);
  app.set_version_flag("--version", fmt::format("metac {} ({} kernels)", METAC_VERSION, metac::instruction_set()));
  app.require_subcommand(1);
  CommandLine line;
  line.options.threads = static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
  const auto add = [&](const char* name, const char* text) {
    auto* sub = app.add_subcommand(name, text);
    sub->add_option("script", line.script, "the .meta script")->required();
    sub->add_option("--experiment", line.options.experiments, "run this experiment only (may be given again)");
    sub->add_option("--set", line.settings, "name=value: sets a parameter of an experiment or a `let` of the script");
    sub->add_option("--seed", line.options.seed, "seed of all randomness")->check(not_negative)->capture_default_str();
    sub->add_option("--threads", line.options.threads, "threads; results do not depend on it")
        ->check(CLI::Range(1, 1024))
        ->capture_default_str();
    sub->add_option("--memory", line.memory,
                    "GiB that arrays may take; more is refused (otherwise: nine tenths of the machine's)")
        ->check(positive);
    sub->add_option("--data", line.options.data, "the data directory (otherwise: environment variable METAC_DATA)");
    if (std::string(name) == "run") {
      auto* out =
          sub->add_option("--out", line.options.out, "a folder for checkpoints of the run, to go on after a stop");
      auto* resume = sub->add_option("--resume", line.resume, "goes on with the run in this folder");
      sub->add_option("--checkpoint", line.options.checkpoint_seconds, "seconds between two checkpoints of a training")
          ->check(positive)
          ->capture_default_str();
      out->excludes(resume);
      sub->add_flag("--profile", line.options.profile, "after each training: where its time went, by kernel");
      sub->add_option("--csv", line.csv, "a file for all that was measured, as a table");
    }
    sub->add_flag("--json", line.json, "one JSON object a line, for machines");
    sub->footer(exit_codes);
    return sub;
  };
  auto* run_command = add("run", "check a script, then run its experiments");
  add("check", "find the mistakes of a script without running it");
  auto* explain_command = add("explain", "show by which derivatives an objective reaches what is learned");
  explain_command->add_option("name", line.name, "what is learned, such as `theta`; all of it where none is given");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) return app.exit(error);  // --help, --version
    const std::string word = argc > 1 ? argv[1] : "";
    if (word == "run" || word == "check" || word == "explain") {
      fmt::print(stderr, "metac: error: {}\n  `metac {} --help` lists what there is\n",
                 wrong_option(app, error, argc, argv), word);
      return 2;
    }
    const auto near = nearest(word, {"run", "check", "explain", "--help", "--version"});
    const bool script = word.ends_with(".meta");
    fmt::print(stderr, "metac: error: {}\n",
               word.empty() ? "what to do is missing" : fmt::format("`{}` is no command", word));
    if (script || !near.empty())
      fmt::print(stderr, "  hint: did you mean `metac {}`?\n", script ? fmt::format("run {}", word) : near);
    fmt::print(stderr, "  `metac --help` lists the commands\n");
    return 2;
  }
  return perform(line, run_command->parsed() ? Work::run : explain_command->parsed() ? Work::explain : Work::check);
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return command(argc, argv);
  } catch (const metac::Error& error) {
    fmt::print(stderr, "metac: error: {}\n", error.what());
    return 2;
  } catch (const std::exception& error) {
    fmt::print(stderr, "metac: this is a bug of metac: {}\n", error.what());
    return 70;
  }
}
