// A child process whose outputs go to pipes. (popen gives neither stderr nor a process to signal.)
#include "dsl/command/process.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <thread>

namespace metac::dsl::test {
namespace {

std::size_t times(const std::string& text, const std::string& part) {
  std::size_t count = 0;
  for (auto at = text.find(part); at != std::string::npos; at = text.find(part, at + part.size())) ++count;
  return count;
}

}  // namespace

Finished run_command(const std::filesystem::path& folder, const std::vector<std::string>& arguments,
                     std::optional<Stop> stop, const std::filesystem::path& input) {
  int out[2], err[2];
  if (pipe2(out, O_CLOEXEC) != 0 || pipe2(err, O_CLOEXEC) != 0) throw std::runtime_error("no pipe");
  std::vector<std::string> words{METAC_COMMAND};
  words.insert(words.end(), arguments.begin(), arguments.end());
  std::vector<char*> argv;
  for (auto& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  const pid_t child = fork();
  if (child < 0) throw std::runtime_error("no process");
  if (child == 0) {
    unsetenv("METAC_DATA");
    dup2(open(input.c_str(), O_RDONLY | O_CLOEXEC), STDIN_FILENO);
    dup2(out[1], STDOUT_FILENO);
    dup2(err[1], STDERR_FILENO);
    if (chdir(folder.c_str()) == 0) execv(argv[0], argv.data());
    _exit(127);
  }
  close(out[1]);
  close(err[1]);
  Finished result;
  using Clock = std::chrono::steady_clock;
  const auto seconds_since = [](Clock::time_point past) {
    return std::chrono::duration<double>(Clock::now() - past).count();
  };
  const auto begin = Clock::now();
  std::optional<Clock::time_point> reached;  // when the text was there as often as is waited for
  pollfd ends[] = {{out[0], POLLIN, 0}, {err[0], POLLIN, 0}};
  for (int open = 2; open > 0;) {
    if (stop && !reached && times(result.out, stop->text) + times(result.err, stop->text) >= stop->times)
      reached = Clock::now();
    if (stop && reached && seconds_since(*reached) >= stop->seconds) {
      std::ifstream status("/proc/" + std::to_string(child) + "/status");
      result.status = {std::istreambuf_iterator<char>(status), {}};
      for (int i = 0; i < stop->repeats; ++i) {
        if (i > 0) std::this_thread::sleep_for(std::chrono::microseconds(100));  // one that waits swallows the next
        kill(child, stop->signal);
      }
      stop.reset();
    }
    if (seconds_since(begin) > longest) kill(child, SIGKILL);
    poll(ends, 2, stop && reached ? 1 : 20);
    for (int i = 0; i < 2; ++i) {
      if ((ends[i].revents & (POLLIN | POLLHUP)) == 0) continue;
      char buffer[4096];
      const auto size = read(ends[i].fd, buffer, sizeof buffer);
      if (size > 0) {
        (i == 0 ? result.out : result.err).append(buffer, static_cast<std::size_t>(size));
        continue;
      }
      close(ends[i].fd);
      ends[i].fd = -1;
      --open;
    }
  }
  int status = 0;
  waitpid(child, &status, 0);
  result.seconds = seconds_since(begin);
  result.code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return result;
}

}  // namespace metac::dsl::test
