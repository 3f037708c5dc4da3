// Runs the command as a user does: a process with its own working directory, both outputs and the exit code.
#pragma once

#include <csignal>
#include <filesystem>
#include <string>
#include <vector>

namespace metac::dsl::test {

struct Finished {
  std::string out, err;
  int code = 0;  // the exit code, or 128 + the signal that ended it
};

// `interrupt_after` seconds: then `signal` is sent once; negative: never. A run that takes longer than a minute is killed.
Finished run_command(const std::filesystem::path& folder, const std::vector<std::string>& arguments,
                     double interrupt_after = -1, int signal = SIGINT);

}  // namespace metac::dsl::test
