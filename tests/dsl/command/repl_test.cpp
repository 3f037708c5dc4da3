// The prompt: sessions through a pipe, whose output stands beside them in sessions/, and one on a terminal.
// METAC_UPDATE=1 rewrites what is expected.
#include <fcntl.h>
#include <pty.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <poll.h>
#include <boost/test/unit_test.hpp>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <regex>

#include "dsl/command/process.hpp"
#include "dsl/command/workshop.hpp"
#include "dsl/data/files.hpp"

namespace metac::dsl::test {
namespace {

namespace fs = std::filesystem;

const fs::path sessions = METAC_TESTS_DIR "/dsl/command/sessions";

// Without what differs between two runs: times and progress.
std::string transcript(const Finished& finished) {
  std::string text = finished.out + (finished.err.empty() ? "" : "--- stderr\n" + finished.err) + "=> " +
                     std::to_string(finished.code) + "\n";
  text = std::regex_replace(text, std::regex(R"(\n  \S+ step \d+/\d+  .*)"), "");
  text = std::regex_replace(text, std::regex(R"(  [0-9a-f]{8}\n)"), "  ########\n");
  return std::regex_replace(text, std::regex(R"(steps in [0-9.]+ s)"), "steps in #");
}

// A prompt on a terminal of its own.
class Terminal {
 public:
  explicit Terminal(const fs::path& state) {
    const winsize size{24, 100, 0, 0};
    child_ = forkpty(&terminal_, nullptr, nullptr, &size);
    if (child_ != 0) return;
    setenv("TERM", "xterm", 1);
    setenv("XDG_STATE_HOME", state.c_str(), 1);
    execl(METAC_COMMAND, METAC_COMMAND, "repl", "--threads", "1", nullptr);
    _exit(127);
  }
  ~Terminal() {
    if (child_ > 0) {
      kill(child_, SIGKILL);
      waitpid(child_, nullptr, 0);
    }
    close(terminal_);
  }
  void type(const std::string& keys) {
    BOOST_TEST(write(terminal_, keys.data(), keys.size()) == static_cast<ssize_t>(keys.size()));
  }
  // Waits for a text behind those that it has shown before. Keys are for a prompt that is there: before, the terminal
  // still has its own way with Ctrl-D.
  bool shows(const std::string& text) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(30);
    while (seen_.find(text) == std::string::npos) {
      pollfd ready{terminal_, POLLIN, 0};
      if (std::chrono::steady_clock::now() > end || poll(&ready, 1, 30'000) <= 0) return false;
      char buffer[4096];
      const auto count = read(terminal_, buffer, sizeof buffer);
      if (count <= 0) return false;
      seen_.append(buffer, static_cast<std::size_t>(count));
    }
    seen_.erase(0, seen_.find(text) + text.size());
    return true;
  }
  int ends() {
    int status = 0;
    while (shows("\x01")) {  // until there is no more to read
    }
    if (waitpid(child_, &status, WNOHANG) == 0) {  // it has closed the terminal, or it waits for keys
      usleep(1'000'000);
      if (waitpid(child_, &status, WNOHANG) == 0) return -1;
    }
    child_ = -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  }
  void signal(int number) const { kill(child_, number); }
  const std::string& seen() const { return seen_; }

 private:
  int terminal_ = -1;
  pid_t child_ = -1;
  std::string seen_;
};

}  // namespace

BOOST_AUTO_TEST_SUITE(repl)

BOOST_AUTO_TEST_CASE(sessions_say_what_is_expected) {
  fs::copy_file(sessions / "parts.meta", workshop() / "parts.meta", fs::copy_options::overwrite_existing);
  int count = 0;
  for (const auto& entry : fs::directory_iterator(sessions)) {
    if (entry.path().extension() != ".in") continue;
    ++count;
    const std::string found = transcript(run_command(workshop(), {"repl", "--threads", "1"}, {}, entry.path()));
    fs::path path = entry.path();
    path.replace_extension(".expected");
    if (std::getenv("METAC_UPDATE") != nullptr) std::ofstream(path, std::ios::binary) << found;
    BOOST_TEST(found == read_all(path), entry.path().filename() << " says:\n" << found);
  }
  BOOST_TEST(count >= 4);
}

BOOST_AUTO_TEST_CASE(a_script_is_there_from_the_beginning) {
  std::ofstream(workshop() / "asked.txt") << "apart(5, 3)\n";
  const Finished finished = run_command(workshop(), {"repl", "documented.meta"}, {}, workshop() / "asked.txt");
  BOOST_TEST(finished.out == "2\n");
  BOOST_TEST(finished.code == 0);
  BOOST_TEST(run_command(workshop(), {"repl", "nowhere.meta"}).code == 1);
}

BOOST_AUTO_TEST_CASE(a_terminal_has_completion_history_and_interrupts) {
  const data::testing::TemporaryFolder state;
  {
    Terminal terminal(state.path());
    BOOST_TEST(terminal.shows("> "));
    terminal.type("let thingummy = 20 + 1\n");
    BOOST_TEST(terminal.shows("> "));
    terminal.type("2 * thing\t\n");  // completed
    BOOST_TEST((terminal.shows("42") && terminal.shows("> ")), terminal.seen());
    terminal.type("fn twice(x) {\n");  // goes on while a bracket is open
    BOOST_TEST(terminal.shows("| "), terminal.seen());
    terminal.type("return 2 * \x03");  // the line is dropped, and what it belongs to
    BOOST_TEST(terminal.shows("> "), terminal.seen());
    terminal.type("thingummy + 100\n");
    BOOST_TEST((terminal.shows("121") && terminal.shows("> ")), terminal.seen());
    terminal.type("print(\"größ\" + \"er 数\")\n");  // also where the locale is C
    BOOST_TEST((terminal.shows("größer 数") && terminal.shows("> ")), terminal.seen());
    // Ctrl-C stops a training, and the prompt goes on.
    terminal.type("let learner = maml(mlp([40, 1]), loss: mse)\n");
    BOOST_TEST(terminal.shows("> "));
    terminal.type("train learner on sinusoids() { iterations: 100_000_000, batch: 4, optimizer: adam() }\n");
    BOOST_TEST(terminal.shows("steps/s"), terminal.seen());
    terminal.type("\x03");
    BOOST_TEST((terminal.shows("stopped on request") && terminal.shows("> ")), terminal.seen());
    terminal.type("thingummy - 1\n");
    BOOST_TEST((terminal.shows("20") && terminal.shows("> ")), terminal.seen());
    terminal.type("\x04");
    BOOST_TEST(terminal.ends() == 0);
  }
  const std::string kept = read_all(state / "metac/history");
  BOOST_TEST(kept.find("let thingummy = 20 + 1\n") != std::string::npos, kept);
  BOOST_TEST(kept.find("return 2") == std::string::npos, kept);
  Terminal again(state.path());
  BOOST_TEST(again.shows("> "));
  again.type("let thingummy = 7\n");
  BOOST_TEST(again.shows("> "));
  again.type("\x1b[A\x1b[A\n");  // two lines back: the last of the session before
  BOOST_TEST((again.shows("6") && again.shows("> ")), again.seen());
  again.type("\x04");
  BOOST_TEST(again.ends() == 0);
}

BOOST_AUTO_TEST_CASE(a_request_to_end_is_met_at_once) {
  const data::testing::TemporaryFolder state;
  Terminal waiting(state.path());
  BOOST_TEST(waiting.shows("> "));
  waiting.type("let x = 1\n");
  BOOST_TEST(waiting.shows("> "));
  waiting.signal(SIGINT);  // that of another process: there is no work to stop
  waiting.type("2 + 3\n");
  BOOST_TEST((waiting.shows("5") && waiting.shows("> ")), waiting.seen());
  waiting.type("x + ");  // not entered
  BOOST_TEST(waiting.shows("x + "));
  waiting.signal(SIGTERM);
  BOOST_TEST(waiting.ends() == 130);
  BOOST_TEST(read_all(state / "metac/history") == "let x = 1\n2 + 3\n");

  Terminal working(state.path());
  BOOST_TEST(working.shows("> "));
  working.type("let learner = maml(mlp([40, 1]), loss: mse)\n");
  BOOST_TEST(working.shows("> "));
  working.type("train learner on sinusoids() { iterations: 100_000_000, batch: 4, optimizer: adam() }\n");
  BOOST_TEST(working.shows("steps/s"), working.seen());
  working.signal(SIGTERM);
  BOOST_TEST(working.shows("stopped on request"), working.seen());
  BOOST_TEST(working.ends() == 130);
}

BOOST_AUTO_TEST_CASE(a_stopped_pipe_is_not_read_on) {
  std::ofstream(workshop() / "stopped.txt")
      << "let learner = maml(mlp([40, 1]), loss: mse)\n"
         "for _ in 1..1 {\n"
         "  print(\"begun\")\n"
         "  train learner on sinusoids() { iterations: 100_000_000, batch: 4, optimizer: adam() }\n"
         "}\n"
         "1000 + 1\n";
  for (const int signal : {SIGINT, SIGTERM}) {
    const Stop in_training{.signal = signal, .text = "begun\n", .times = 1};
    const Finished stopped =
        run_command(workshop(), {"repl", "--threads", "1"}, in_training, workshop() / "stopped.txt");
    BOOST_TEST(stopped.code == 130);
    BOOST_TEST(stopped.err == "metac: stopped on request\n");
    BOOST_TEST(stopped.out == "begun\n");

    const fs::path pipe = workshop() / "pipe";
    fs::remove(pipe);
    BOOST_REQUIRE(mkfifo(pipe.c_str(), 0600) == 0);
    const int writer = open(pipe.c_str(), O_RDWR | O_CLOEXEC);  // stays open: the input has no end
    BOOST_REQUIRE(write(writer, "1 + 1\n", 6) == 6);
    const Stop in_waiting{.signal = signal, .text = "2\n", .times = 1};
    const Finished ended = run_command(workshop(), {"repl"}, in_waiting, pipe);
    close(writer);
    BOOST_TEST(ended.code == 130);
    BOOST_TEST(ended.out == "2\n");
    BOOST_TEST(ended.seconds < longest / 2);
  }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace metac::dsl::test
