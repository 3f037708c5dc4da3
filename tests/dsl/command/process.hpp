// Runs the command as a user does: a process with its own working directory, both outputs and the exit code.
#pragma once

#include <csignal>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace metac::dsl::test {

// Under the sanitizers the command takes many times as long, and more stack for each call.
#ifdef __SANITIZE_ADDRESS__
constexpr bool sanitized = true;
#else
constexpr bool sanitized = false;
#endif
// Seconds that a run may take: far more than any takes, on a busy machine.
constexpr double longest = sanitized ? 500 : 60;

struct Finished {
  std::string out, err;
  int code = 0;        // the exit code, or 128 + the signal that ended it
  double seconds = 0;  // from start to end
  std::string status;  // /proc/PID/status before a signal was sent
};

// When to send a signal: so many seconds after the process has written a text so many times, to either output.
struct Stop {
  int signal = SIGINT;
  std::string text = "\n";
  std::size_t times = 0;
  double seconds = 0;
  int repeats = 1;  // how often it is sent, 0.1 ms apart
};

// A run that takes longer than `longest` is killed. It reads `input`, a file, or nothing.
Finished run_command(const std::filesystem::path& folder, const std::vector<std::string>& arguments,
                     std::optional<Stop> = {}, const std::filesystem::path& input = "/dev/null");

}  // namespace metac::dsl::test
