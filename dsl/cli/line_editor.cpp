// libedit with the keys of emacs. Its history is in memory; the file has an entry a line, ends of lines in it as "\n".
#include "cli/line_editor.hpp"

#include <fcntl.h>
#include <histedit.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <clocale>
#include <cstdio>
#include <cstdlib>
#include <cwchar>
#include <filesystem>
#include <fstream>
#include <utility>

#include "base/error.hpp"
#include "store/atomic_file.hpp"

namespace metac::dsl {

namespace {

namespace fs = std::filesystem;

constexpr int most_entries = 2000;  // of the history; the file is cut when it has twice as many

// Whether standard input has something, or its end; false: a signal ends the prompt. Waits for either.
bool has_input(const Signals& signals) {
  for (;;) {
    if (signals.end()) return false;
    pollfd files[] = {{STDIN_FILENO, POLLIN, 0}, {signals.arrivals, POLLIN, 0}};
    if (poll(files, 2, -1) < 0 && errno != EINTR) return true;  // what is wrong, `read` says
    eventfd_t count = 0;
    if (files[1].revents != 0) eventfd_read(signals.arrivals, &count);
    if (files[1].revents == 0 && files[0].revents != 0) return true;
  }
}

class PlainReader : public LineReader {
 public:
  explicit PlainReader(Signals signals) : signals_(std::move(signals)) {}

  End read(const std::string&, std::string& line) override {
    for (;;) {
      if (const auto end = ahead_.find('\n'); end != std::string::npos) {
        line = ahead_.substr(0, end);
        ahead_.erase(0, end + 1);
        return End::line;
      }
      if (!has_input(signals_)) return End::asked;
      char more[4096];
      const auto count = ::read(STDIN_FILENO, more, sizeof more);
      if (count <= 0) break;
      ahead_.append(more, static_cast<std::size_t>(count));
    }
    line = std::exchange(ahead_, "");
    return line.empty() ? End::input : End::line;
  }

 private:
  Signals signals_;
  std::string ahead_;  // what was read behind the last line
};

std::string escaped(const std::string& entry) {
  std::string out;
  for (const char c : entry)
    out += c == '\n' ? std::string("\\n") : c == '\\' ? std::string("\\\\") : std::string(1, c);
  return out;
}

std::string unescaped(const std::string& line) {
  std::string out;
  for (std::size_t i = 0; i < line.size(); ++i) {
    if (line[i] == '\\' && i + 1 < line.size())
      out += line[++i] == 'n' ? '\n' : line[i];
    else
      out += line[i];
  }
  return out;
}

std::vector<std::string> lines_of(const std::string& path) {
  std::vector<std::string> lines;
  std::ifstream in(path);
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

bool is_word(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '.' || c == ':'; }

class LineEditor : public LineReader {
 public:
  LineEditor(std::string file, Completer completer, Signals signals)
      : file_(std::move(file)), completer_(std::move(completer)), signals_(std::move(signals)) {
    std::setlocale(LC_CTYPE, "C.UTF-8");  // as scripts and the history are, whatever the locale of the terminal
    history_ = history_init();
    editor_ = el_init("metac", stdin, stdout, stderr);
    HistEvent event;
    history(history_, &event, H_SETSIZE, most_entries);
    history(history_, &event, H_SETUNIQUE, 1);
    el_set(editor_, EL_CLIENTDATA, this);
    el_set(editor_, EL_GETCFN, &next_key);
    el_set(editor_, EL_PROMPT, &prompt_of);
    el_set(editor_, EL_EDITOR, "emacs");
    el_set(editor_, EL_HIST, ::history, history_);
    // In wide characters: of narrow ones libedit makes copies that it never frees.
    el_wset(editor_, EL_ADDFN, L"metac-complete", L"complete a name", &complete);
    el_wset(editor_, EL_ADDFN, L"metac-abort", L"abort the line", &abort_line);
    el_set(editor_, EL_BIND, "^I", "metac-complete", nullptr);
    // Ctrl-C is a key while a line is edited. Elsewhere it is a signal, which asks the work at hand to stop.
    el_set(editor_, EL_SETTY, "-d", "-isig", nullptr);
    el_set(editor_, EL_BIND, "^C", "metac-abort", nullptr);
    load();
  }
  ~LineEditor() override {
    el_end(editor_);
    history_end(history_);
  }

  End read(const std::string& prompt, std::string& line) override {
    prompt_ = prompt;
    aborted_ = asked_ = false;
    int count = 0;
    el_set(editor_, EL_PREP_TERM, 1);  // before the prompt is there, so that each key that follows it is one
    const char* text = el_gets(editor_, &count);
    if (aborted_) return End::aborted;
    if (asked_) std::fputs("\n", stdout);
    if (asked_) return End::asked;
    if (text == nullptr || count <= 0) {
      std::fputs("\n", stdout);
      return End::input;
    }
    line.assign(text, static_cast<std::size_t>(count));
    while (!line.empty() && (line.back() == '\n' || line.back() == '\r')) line.pop_back();
    return End::line;
  }

  void remember(const std::string& entry) override {
    HistEvent event;
    // An entry of several lines is one again when it is called back: the language does not need its ends of lines
    // inside of brackets.
    history(history_, &event, H_ENTER, entry.c_str());
    if (file_.empty()) return;
    const std::string line = escaped(entry) + "\n";
    const int file = ::open(file_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (file < 0) return;
    // One write of a file that is only appended to: two prompts at once do not mix their lines.
    [[maybe_unused]] const auto written = ::write(file, line.data(), line.size());
    ::close(file);
  }

 private:
  static LineEditor* self_of(EditLine* editor) {
    LineEditor* self = nullptr;
    el_get(editor, EL_CLIENTDATA, &self);
    return self;
  }
  static char* prompt_of(EditLine* editor) { return self_of(editor)->prompt_.data(); }

  // 1: a character; 0: there are no more; -1: it could not be read. As libedit's own, which does not wait for signals,
  // it drops bytes that are no character.
  static int next_key(EditLine* editor, wchar_t* key) {
    LineEditor& self = *self_of(editor);
    std::mbstate_t begun{};
    for (;;) {
      self.asked_ = !has_input(self.signals_);
      if (self.asked_) return 0;
      char byte = 0;
      const auto count = ::read(STDIN_FILENO, &byte, 1);
      if (count <= 0) return static_cast<int>(count);
      const std::size_t size = std::mbrtowc(key, &byte, 1, &begun);
      if (size <= 1) return 1;
      if (size == static_cast<std::size_t>(-1)) begun = {};
    }
  }

  static unsigned char abort_line(EditLine* editor, int) {
    self_of(editor)->aborted_ = true;
    std::fputs("^C\n", stdout);
    return CC_EOF;
  }

  static unsigned char complete(EditLine* editor, int) {
    const LineInfo* info = el_line(editor);
    const char* begin = info->cursor;
    while (begin > info->buffer && is_word(begin[-1])) --begin;
    const std::string word(begin, info->cursor);
    auto found = self_of(editor)->completer_(word);
    std::erase_if(found, [&](const std::string& each) { return !each.starts_with(word); });
    if (found.empty()) return CC_REFRESH_BEEP;
    std::string common = found.front();
    for (const auto& each : found)
      common.resize(static_cast<std::size_t>(
          std::mismatch(common.begin(), common.end(), each.begin(), each.end()).first - common.begin()));
    if (common.size() > word.size()) {
      el_insertstr(editor, common.substr(word.size()).c_str());
      return CC_REFRESH;
    }
    if (found.size() == 1) return CC_REFRESH;
    std::fputs("\n", stdout);
    for (const auto& each : found) std::fprintf(stdout, "%s  ", each.c_str());
    std::fputs("\n", stdout);
    return CC_REDISPLAY;
  }

  void load() {
    if (file_.empty()) return;
    std::error_code error;
    fs::create_directories(fs::path(file_).parent_path(), error);
    auto lines = lines_of(file_);
    if (lines.size() > 2 * most_entries) {
      lines.erase(lines.begin(), lines.end() - most_entries);
      std::string text;
      for (const auto& line : lines) text += line + "\n";
      try {
        store::write_atomically(file_, text);
      } catch (const Error&) {  // it stays as long as it is
      }
    }
    HistEvent event;
    for (const auto& line : lines) history(history_, &event, H_ENTER, unescaped(line).c_str());
  }

  EditLine* editor_ = nullptr;
  History* history_ = nullptr;
  std::string file_, prompt_;
  Completer completer_;
  Signals signals_;
  bool aborted_ = false, asked_ = false;
};

}  // namespace

std::unique_ptr<LineReader> make_plain_reader(Signals signals) {
  return std::make_unique<PlainReader>(std::move(signals));
}
std::unique_ptr<LineReader> make_line_editor(const std::string& history, Completer completer, Signals signals) {
  return std::make_unique<LineEditor>(history, std::move(completer), std::move(signals));
}

std::string history_file() {
  const char* state = std::getenv("XDG_STATE_HOME");
  const char* home = std::getenv("HOME");
  const fs::path file = fs::path("metac") / "history";
  if (state != nullptr && fs::path(state).is_absolute()) return (state / file).string();
  return home != nullptr && *home != '\0' ? (fs::path(home) / ".local" / "state" / file).string() : "";
}

}  // namespace metac::dsl
