// What the commands on one script share: its settings, the memory limit, Ctrl-C, and how mistakes are shown.
#pragma once

#include <atomic>
#include <optional>

#include "cli/commands.hpp"

namespace metac::dsl {

// What signals ask of the process.
struct Asked {
  std::atomic<bool> stop{false};  // the work at hand: Ctrl-C or SIGTERM
  std::atomic<bool> end{false};   // the process: SIGTERM
  int arrivals = -1;              // a file that can be read after each signal: who waits for input waits for this, too
};
// From here on Ctrl-C and SIGTERM only set this, once for all commands of the process.
Asked& take_signals();
// Takes apart what was given with `--set`. What is wrong with it; empty: nothing.
std::string read_settings(const std::vector<std::string>& given, Options&);
// Loads the script and takes the signals. nullopt: the command line is wrong, and this was said.
std::optional<Script> loaded(RunRequest&, Report&);
// Shows what was found, and gives the exit code.
int finish(const RunRequest&, const Script&, const Report&, Outcome);

}  // namespace metac::dsl
