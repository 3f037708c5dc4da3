// Settings, signals, and diagnostics at the end.
#include "cli/request.hpp"

#include <fmt/format.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <thread>

#include "base/error.hpp"
#include "base/memory.hpp"
#include "cli/output.hpp"

namespace metac::dsl {

namespace {

Asked asked;

// Ctrl-C or SIGTERM asks the run to stop after its step; a second Ctrl-C ends the process at once. SIGTERM may come
// twice by one request, to the process and to its group (so does `timeout`): that is no second one.
[[noreturn]] void wait_for_signals(sigset_t signals) {
  for (;;) {
    int signal = 0;
    sigwait(&signals, &signal);
    if (signal == SIGINT && asked.stop) _exit(static_cast<int>(Outcome::interrupted));
    if (signal == SIGTERM) asked.end = true;
    asked.stop = true;
    eventfd_write(asked.arrivals, 1);
  }
}

}  // namespace

// No thread that computes may run a handler: oneDNN's products for AVX2 keep the stack pointer in the heap, and the
// handler's frame would be written over what lies there. So all threads block these signals, and one waits for them.
Asked& take_signals() {
  [[maybe_unused]] static const bool taken = [] {
    asked.arrivals = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (asked.arrivals < 0) throw Error("the system gives no file descriptor to wait for signals with");
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &signals, nullptr);
    std::thread(wait_for_signals, signals).detach();
    return true;
  }();
  return asked;
}

std::string read_settings(const std::vector<std::string>& given, Options& options) {
  for (const auto& setting : given) {
    const auto equals = setting.find('=');
    if (equals == 0 || equals == std::string::npos)
      return fmt::format("`--set {}` was given, `--set name=value` was needed", setting);
    const auto name = setting.substr(0, equals);
    if (!options.settings.emplace(name, setting.substr(equals + 1)).second)
      return fmt::format("`--set {}=...` was given twice", name);
  }
  return "";
}

std::optional<Script> loaded(RunRequest& request, Report& report) {
  if (const auto wrong = read_settings(request.settings, request.options); !wrong.empty()) {
    complain(wrong);
    return std::nullopt;
  }
  if (request.options.memory > 0) metac::set_memory_limit(request.options.memory);
  request.options.stop = &take_signals().stop;
  return Script::load(request.script, report);
}

int finish(const RunRequest& request, const Script& script, const Report& report, Outcome outcome) {
  show(report, script.sources(),
       request.json               ? DiagnosticForm::json_events
       : request.json_diagnostics ? DiagnosticForm::json
                                  : DiagnosticForm::text);
  if (outcome == Outcome::interrupted) fmt::print(stderr, "metac: stopped on request\n");
  return static_cast<int>(outcome);
}

}  // namespace metac::dsl
