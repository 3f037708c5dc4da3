// Lines of a terminal, with editing, history and completion; the only file that knows libedit. Elsewhere lines are read
// as they come.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace metac::dsl {

class LineReader {
 public:
  virtual ~LineReader() = default;
  // A line; Ctrl-C in the middle of one; Ctrl-D, or the end of the input; a signal that ends the prompt.
  enum class End { line, aborted, input, asked };
  // A line without its end. `prompt` is shown on a terminal.
  virtual End read(const std::string& prompt, std::string& line) = 0;
  // What was entered, which may have several lines: one entry of the history.
  virtual void remember(const std::string& entry) { (void)entry; }
};

// What may stand in place of the word before the cursor; the word is a name or a path with dots, or begins with `:`.
using Completer = std::function<std::vector<std::string>(const std::string& word)>;

// How a reader that waits for input learns that a signal came.
struct Signals {
  int arrivals;               // a file that can be read after each
  std::function<bool()> end;  // whether one of them ends the prompt
};

// Standard input, line by line.
std::unique_ptr<LineReader> make_plain_reader(Signals);
// The terminal. `history`: a file that entries are appended to; empty: none is kept.
std::unique_ptr<LineReader> make_line_editor(const std::string& history, Completer, Signals);

// Where the history is kept: $XDG_STATE_HOME/metac/history, or ~/.local/state/metac/history. Empty where neither is
// known.
std::string history_file();

}  // namespace metac::dsl
