// Diagnostics as data, and the one renderer that turns them into text.
//
// Style: lower case, no full stop, back-ticks round code; what is, what was needed, then a hint. Two shapes in a message
// mean two labels.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "source/source.hpp"

namespace metac::dsl {

enum class Severity { error, warning };

// A remark at a place of its own: "while building `conv2` of model `conv4`", "to match this".
struct Note {
  std::string message;
  Span span;
  bool has_span = true;
};

struct Label {
  Span span;
  std::string text;
};

struct Diagnostic {
  Severity severity = Severity::error;
  std::string code;     // "E0203": E01 syntax, E02 names, E03 kinds and shapes, E04 data and learning, E05 running
  std::string message;
  Span span;            // where the caret stands; a file that is not among the sources: nowhere in the script
  std::string label;    // beside the caret; may be empty
  std::vector<Label> labels;  // further places, e.g. both operands with their shapes
  std::vector<Note> notes;
  std::string hint;     // "did you mean `relu`?"; may be empty
};

inline constexpr int most_mistakes = 100;  // that are told of one script; whoever has more mends these first

// Collects what the stages find. A stage goes on after a mistake where that makes sense, so one run reports several.
class Report {
 public:
  Diagnostic& add(Diagnostic);
  Diagnostic& error(std::string_view code, Span, std::string message);
  Diagnostic& warning(std::string_view code, Span, std::string message);
  bool has_errors() const { return errors_ > 0; }
  int errors() const { return errors_; }
  const std::vector<Diagnostic>& all() const { return all_; }

 private:
  std::vector<Diagnostic> all_;
  int errors_ = 0;
};

// `file:line:column: error: message [E0203]`, the line, a caret line, labels, notes, hint. `colour` uses ANSI codes.
std::string render(const Diagnostic&, const Sources&, bool colour = false);
std::string render_json(const Diagnostic&, const Sources&);  // one JSON object, on one line

// The candidate nearest to `name` by edit distance (with transpositions), if within half its length, or a third of a
// short one; else "".
std::string nearest(std::string_view name, const std::vector<std::string>& candidates);

}  // namespace metac::dsl
