// `metac lsp` as an editor meets it: the real command, over pipes.
#include <fcntl.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <boost/test/unit_test.hpp>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "dsl/command/process.hpp"
#include "dsl/command/workshop.hpp"
#include "editor/frames.hpp"

namespace metac::dsl::test {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

const fs::path recorded = fs::path(METAC_TESTS_DIR) / "dsl/command/editor";

// The messages in the output of the command, one a line.
std::string messages_in(const std::string& out) {
  Frames frames;
  frames.add(out);
  std::string lines;
  while (auto message = frames.next()) lines += *message + "\n";
  BOOST_TEST(frames.mistake() == "");
  BOOST_TEST(frames.is_empty());
  return lines;
}

Finished fed(const std::string& input) {
  const fs::path file = workshop() / "input_of_lsp";
  std::ofstream(file, std::ios::binary) << input;
  return run_command(workshop(), {"lsp"}, {}, file);
}

json request(int id, const char* method, const json& parameters) {
  return {{"jsonrpc", "2.0"}, {"id", id}, {"method", method}, {"params", parameters}};
}

json notification(const char* method, const json& parameters) {
  return {{"jsonrpc", "2.0"}, {"method", method}, {"params", parameters}};
}

// An editor that waits for what it wants to see.
class Talk {
 public:
  // `descriptors`: how many files it may have open.
  explicit Talk(rlim_t descriptors = 100) {
    int in[2], out[2];
    if (pipe2(in, O_CLOEXEC) != 0 || pipe2(out, O_CLOEXEC) != 0) throw std::runtime_error("no pipe");
    process_ = fork();
    if (process_ == 0) {
      dup2(in[0], STDIN_FILENO);
      dup2(out[1], STDOUT_FILENO);
      closefrom(STDERR_FILENO + 1);
      const rlimit most{descriptors, descriptors};
      setrlimit(RLIMIT_NOFILE, &most);
      execl(METAC_COMMAND, METAC_COMMAND, "lsp", nullptr);
      _exit(127);
    }
    close(in[0]);
    close(out[1]);
    in_ = in[1];
    out_ = out[0];
  }
  ~Talk() {
    if (process_ > 0) {
      kill(process_, SIGKILL);
      end();
    }
    close(out_);
  }

  void send(const json& message) {
    const std::string bytes = framed(message.dump());
    BOOST_REQUIRE(write(in_, bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size()));
  }

  // The first message that has this text in it; what came before is dropped.
  json wait_for(const std::string& text) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    while (std::chrono::steady_clock::now() < end) {
      while (auto message = frames_.next())
        if (message->find(text) != std::string::npos) return json::parse(*message);
      pollfd ready{out_, POLLIN, 0};
      if (poll(&ready, 1, 100) <= 0) continue;
      char buffer[4096];
      const ssize_t size = read(out_, buffer, sizeof buffer);
      if (size <= 0) break;
      frames_.add({buffer, static_cast<std::size_t>(size)});
    }
    BOOST_FAIL("nothing with " << text << " came");
    return nullptr;
  }

  // The process that it began for elaboration, once there is one.
  pid_t child() const {
    const std::string pid = std::to_string(process_);
    for (int turn = 0; turn < 600; ++turn, usleep(100'000)) {
      std::ifstream children("/proc/" + pid + "/task/" + pid + "/children");
      if (pid_t found = 0; children >> found) return found;
    }
    throw std::runtime_error("it began no process");
  }

  // Closes its input; the exit code.
  int end() {
    if (in_ >= 0) close(std::exchange(in_, -1));
    int status = 0;
    waitpid(std::exchange(process_, -1), &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  }

 private:
  pid_t process_ = -1;
  int in_ = -1, out_ = -1;
  Frames frames_;
};

void open(Talk& talk, const std::string& text) {
  talk.send(request(1, "initialize", {{"capabilities", json::object()}}));
  talk.send(notification("textDocument/didOpen",
                         {{"textDocument", {{"uri", "file:///nowhere/a.meta"}, {"version", 1}, {"text", text}}}}));
}

}  // namespace

BOOST_AUTO_TEST_SUITE(editor)

BOOST_AUTO_TEST_CASE(a_recorded_session_is_answered_as_it_was) {
  std::ifstream lines(recorded / "session.jsonl");
  std::string input;
  for (std::string line; std::getline(lines, line);) input += framed(line);
  const Finished finished = fed(input);
  const std::string said = messages_in(finished.out);
  BOOST_TEST(finished.code == 0);
  BOOST_TEST(finished.err == "");
  if (std::getenv("METAC_UPDATE") != nullptr) std::ofstream(recorded / "session.expected", std::ios::binary) << said;
  BOOST_TEST(said == read_all(recorded / "session.expected"));
}

BOOST_AUTO_TEST_CASE(bytes_that_are_no_session_end_with_an_error) {
  const std::string initialize = framed(request(1, "initialize", {{"capabilities", json::object()}}).dump());
  const std::pair<std::string, const char*> inputs[] = {
      {"hello\r\n\r\n", "not `hello`"},
      {initialize + "Content-Length: many\r\n\r\n{}", "not `many`"},
      {initialize + "Content-Length: 50\r\n\r\n{}", "in the middle of a message"},
      {initialize + "Content-Le", "in the middle of a message"},
      {std::string(100'000, '\0'), "no end within"}};
  for (const auto& [input, words] : inputs) {
    const Finished finished = fed(input);
    const std::string said = messages_in(finished.out);
    BOOST_TEST(finished.code == 1);
    BOOST_TEST(said.find("-32700") != std::string::npos, said);
    BOOST_TEST(said.find(words) != std::string::npos, said);
  }
  BOOST_TEST(fed("").code == 1);          // it went without a word
  BOOST_TEST(fed(initialize).code == 1);  // likewise
}

BOOST_AUTO_TEST_CASE(shapes_are_checked_once_nothing_comes) {
  Talk talk;
  open(talk, "experiment e {\n  let v = zeros()([2])\n  print(v + zeros()([3]))\n}\n");
  const json found = talk.wait_for("E0303");
  BOOST_TEST(found["params"]["diagnostics"][0]["range"]["start"]["line"] == 2);
  const json place{{"textDocument", {{"uri", "file:///nowhere/a.meta"}}},
                   {"position", {{"line", 1}, {"character", 6}}}};
  talk.send(request(2, "textDocument/hover", place));
  const std::string text = talk.wait_for("\"id\":2")["result"]["contents"]["value"];
  BOOST_TEST(text.find("`v` is a tensor f32[2]") != std::string::npos, text);
  talk.send(request(3, "shutdown", nullptr));
  talk.wait_for("\"id\":3");
  talk.send(notification("exit", nullptr));
  BOOST_TEST(talk.end() == 0);
}

const std::string slow =
    "fn turn(n) {\n  var s = 0\n  for i in 1..n { for j in 1..n { for k in 1..n { s = s + 1 } } }\n  return s\n}\n"
    "experiment e { print(turn(5_000)) }\n";

BOOST_AUTO_TEST_CASE(a_script_that_takes_long_takes_nothing_from_the_editor) {
  Talk talk;
  open(talk, slow);
  talk.wait_for("publishDiagnostics");
  usleep(600'000);  // elaboration has begun
  const json place{{"textDocument", {{"uri", "file:///nowhere/a.meta"}}},
                   {"position", {{"line", 0}, {"character", 4}}}};
  talk.send(request(2, "textDocument/hover", place));
  BOOST_TEST(talk.wait_for("\"id\":2").contains("result"));
  talk.wait_for("shapes were not checked, that takes too long here");
  talk.send(request(3, "shutdown", nullptr));
  talk.send(notification("exit", nullptr));
  BOOST_TEST(talk.end() == 0);
}

BOOST_AUTO_TEST_CASE(an_elaboration_that_is_killed_is_told_as_such) {
  Talk talk;
  open(talk, slow);
  kill(talk.child(), SIGKILL);  // as a system does that has no memory left
  talk.wait_for("shapes were not checked, the process that does it was ended: Killed");
  talk.send(notification("exit", nullptr));
  BOOST_TEST(talk.end() == 1);
}

BOOST_AUTO_TEST_CASE(an_elaboration_that_cannot_begin_is_told_and_begins_with_the_next_change) {
  if (sanitized) {  // the sanitizer of undefined behaviour reads memory through pipes of its own
    BOOST_TEST_MESSAGE("skipped: a sanitizer needs file descriptors, too");
    return;
  }
  Talk talk(4);  // a pipe needs two more than it has
  open(talk, slow);
  for (int version = 2; version < 4; ++version) {
    talk.wait_for("shapes were not checked, no process could be started for it: Too many open files");
    talk.send(notification("textDocument/didChange",
                           {{"textDocument", {{"uri", "file:///nowhere/a.meta"}, {"version", version}}},
                            {"contentChanges", {{{"text", slow}}}}}));
  }
  talk.send(notification("exit", nullptr));
  BOOST_TEST(talk.end() == 1);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace metac::dsl::test
