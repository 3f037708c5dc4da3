// `metac lsp`: bytes between an editor and the server, and elaboration in a copy of this process, so that a script that
// takes long, or all the memory, takes nothing from the editor.
#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <optional>

#include "cli/commands.hpp"
#include "driver/script_file.hpp"
#include "editor/frames.hpp"
#include "editor/server.hpp"

namespace metac::dsl {

namespace {

constexpr int quiet_milliseconds = 300;       // without a message, before elaboration begins
constexpr unsigned longest_elaboration = 10;  // seconds
constexpr std::size_t most_scripts = 2000;    // of a workspace, and entries of folders beside them
constexpr std::size_t most_entries = 100'000;

bool write_all(int to, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t count = write(to, bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(count));
  }
  return true;
}

// What came; empty at the end.
std::string read_some(int from) {
  std::array<char, 1 << 16> buffer;
  for (;;) {
    const ssize_t count = read(from, buffer.data(), buffer.size());
    if (count < 0 && errno == EINTR) continue;
    return std::string(buffer.data(), count > 0 ? static_cast<std::size_t>(count) : 0);
  }
}

std::vector<std::string> scripts_in(const std::string& folder) {
  namespace fs = std::filesystem;
  std::vector<std::string> found;
  std::error_code error;
  fs::recursive_directory_iterator at(folder, fs::directory_options::skip_permission_denied, error), end;
  for (std::size_t entries = 0; !error && at != end && entries < most_entries; at.increment(error), ++entries) {
    const std::string name = at->path().filename().string();
    if (name.starts_with('.') || name == "node_modules") at.disable_recursion_pending();
    if (at->path().extension() == ".meta" && found.size() < most_scripts) found.push_back(at->path().string());
  }
  return found;
}

// One elaboration at a time, in a process that goes when it takes too long.
class Background {
 public:
  Background() = default;
  ~Background() { stop(); }
  Background(const Background&) = delete;

  bool is_running() const { return process_ > 0; }
  const Server::Work& work() const { return work_; }
  int output() const { return output_; }

  // Why it could not be started; empty: it was.
  std::string start(const Server& server, Server::Work work) {
    stop();
    std::array<int, 2> ends{};
    if (pipe2(ends.data(), O_CLOEXEC) != 0) return why_not_started();
    const pid_t child = fork();
    if (child == 0) {
      prctl(PR_SET_PDEATHSIG, SIGKILL);
      alarm(longest_elaboration);
      [[maybe_unused]] const int niceness = nice(10);
      write_all(ends[1], server.elaborate(work));
      _exit(0);
    }
    const std::string failure = child < 0 ? why_not_started() : "";
    close(ends[1]);
    if (child < 0) {
      close(ends[0]);
      return failure;
    }
    process_ = child;
    output_ = ends[0];
    work_ = std::move(work);
    found_.clear();
    return "";
  }

  // Reads what is there; true when that was all.
  bool read_more() {
    const std::string bytes = read_some(output_);
    found_ += bytes;
    return bytes.empty();
  }

  // Why nothing was found; empty: the process came to its end, and found() is what it wrote.
  std::string finish() {
    const int status = wait_for_end();
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM) return "that takes too long here; `metac check` does it";
    if (WIFSIGNALED(status)) return fmt::format("the process that does it was ended: {}", strsignal(WTERMSIG(status)));
    if (WEXITSTATUS(status) != 0) return fmt::format("the process that does it gave {}", WEXITSTATUS(status));
    return "";
  }
  const std::string& found() const { return found_; }

  void stop() {
    if (!is_running()) return;
    kill(process_, SIGKILL);
    wait_for_end();
  }

 private:
  static std::string why_not_started() {
    return fmt::format("no process could be started for it: {}", std::strerror(errno));
  }

  int wait_for_end() {
    int status = 0;
    while (waitpid(process_, &status, 0) < 0 && errno == EINTR) continue;
    close(output_);
    process_ = output_ = -1;
    return status;
  }

  pid_t process_ = -1;
  int output_ = -1;
  Server::Work work_;
  std::string found_;
};

class Session {
 public:
  int run();

 private:
  bool send(const std::vector<std::string>& messages);
  bool take(const std::string& bytes);
  void take_elaborated();
  void begin_elaboration();
  int refuse(const std::string& reason);

  Server server_{{[](const std::string& path) { return read_text(path); }, scripts_in}, METAC_VERSION};
  Frames frames_;
  Background background_;
  std::optional<Server::Work> waiting_;
  bool idle_ = true;  // there is nothing to begin until something comes
};

bool Session::send(const std::vector<std::string>& messages) {
  for (const std::string& each : messages)
    if (!write_all(STDOUT_FILENO, framed(each))) return false;
  return true;
}

// False when the session is over.
bool Session::take(const std::string& bytes) {
  frames_.add(bytes);
  while (auto message = frames_.next()) {
    if (!send(server_.receive(*message)) || server_.exit_code()) return false;
  }
  return frames_.mistake().empty();
}

void Session::take_elaborated() {
  if (!background_.read_more()) return;
  const std::string failure = background_.finish();
  send(failure.empty() ? server_.elaborated(background_.work(), background_.found())
                       : server_.gave_up(background_.work(), failure));
}

void Session::begin_elaboration() {
  if (!waiting_) waiting_ = server_.next_work();
  idle_ = !waiting_ || (background_.is_running() && background_.work().path != waiting_->path);
  if (idle_) return;
  const Server::Work work = *std::exchange(waiting_, std::nullopt);
  const std::string failure = background_.start(server_, work);
  if (!failure.empty()) send(server_.gave_up(work, failure));
}

int Session::refuse(const std::string& reason) {
  send({Server::refuse_frame(reason)});
  return static_cast<int>(Outcome::wrong_script);
}

int Session::run() {
  for (;;) {
    std::array<pollfd, 2> ends{{{STDIN_FILENO, POLLIN, 0}, {background_.output(), POLLIN, 0}}};
    const int ready = poll(ends.data(), ends.size(), idle_ ? -1 : quiet_milliseconds);
    if (ready < 0 && errno != EINTR) return static_cast<int>(Outcome::failed);
    if (ready == 0) begin_elaboration();
    if (ready <= 0) continue;
    idle_ = false;
    if (ends[1].revents != 0) take_elaborated();
    if (ends[0].revents == 0) continue;
    const std::string bytes = read_some(STDIN_FILENO);
    const bool goes_on = take(bytes);
    if (const auto code = server_.exit_code()) return *code;
    if (!frames_.mistake().empty()) return refuse(frames_.mistake());
    if (bytes.empty() && !frames_.is_empty()) return refuse("the input ended in the middle of a message");
    if (bytes.empty() || !goes_on) return static_cast<int>(Outcome::wrong_script);  // without `exit`
  }
}

}  // namespace

int serve_editor() {
  std::signal(SIGPIPE, SIG_IGN);  // an editor that went is an error of `write`
  if (isatty(STDIN_FILENO) != 0)
    fmt::print(stderr,
               "metac lsp speaks with an editor, in messages of the Language Server Protocol; Ctrl-C ends it\n");
  return Session().run();
}

}  // namespace metac::dsl
