// Diagnostics as text for people, and as JSON for programs.
//
//   first.meta:3:17: error: expected `)`, found the end of the line [E0102]
//     3 |   let y = f(x, 2
//       |                 ^ here
//     note: first.meta:3:12: to match this `(`
//     hint: ...
#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "report/report.hpp"

namespace metac::dsl {

namespace {

constexpr std::size_t tab_width = 4;

std::size_t count_columns(std::string_view text) {
  std::size_t columns = 0;
  for (const char c : text) {
    if (c == '\t') {
      columns += tab_width;
    } else if ((static_cast<unsigned char>(c) & 0xC0) != 0x80) {
      ++columns;
    }
  }
  return columns;
}

// Tabs as blanks, and nothing that could move the terminal's cursor.
std::string displayed(std::string_view line) {
  std::string result;
  for (const char c : line) {
    if (c == '\t') {
      result.append(tab_width, ' ');
    } else {
      result += static_cast<unsigned char>(c) < 0x20 || c == 0x7F ? ' ' : c;
    }
  }
  return result;
}

class Painter {
 public:
  Painter(const Sources& sources, bool colour) : sources_(sources), colour_(colour) {}

  std::string paint(const char* code, std::string_view text) const {
    return colour_ && !text.empty() ? fmt::format("\x1b[{}m{}\x1b[0m", code, text) : std::string(text);
  }

  std::string place(Span span) const {
    const Position at = sources_.position(span.file, span.begin);
    return fmt::format("{}:{}:{}", sources_.name(span.file), at.line, at.column);
  }

  // The line of the span; below it carets under the span, up to the end of the line, and the text.
  void add_snippet(std::string& out, Span span, std::string_view text, char mark, bool with_line) const {
    const int number = sources_.position(span.file, span.begin).line;
    const std::string_view line = sources_.line(span.file, number);
    const auto line_begin = static_cast<std::size_t>(line.data() - sources_.text(span.file).data());
    const std::size_t from = std::max<std::size_t>(span.begin, line_begin);  // what is not shown lies before it
    const std::size_t begin = line.data() ? std::min<std::size_t>(from - line_begin, line.size()) : 0;
    const std::size_t end = std::clamp<std::size_t>(line.data() ? span.end - line_begin : 0, begin, line.size());
    const std::size_t width = std::max<std::size_t>(count_columns(line.substr(begin, end - begin)), 1);
    if (with_line) out += fmt::format("{}{}\n", paint("34", fmt::format("{:>5} | ", number)), displayed(line));
    out += paint("34", "      | ") + std::string(count_columns(line.substr(0, begin)), ' ');
    const std::string marks = std::string(width, mark) + (text.empty() ? "" : " ") + std::string(text);
    out += paint(mark == '^' ? "1;31" : "34", marks) + "\n";
  }

 private:
  const Sources& sources_;
  bool colour_;
};

int line_of(const Sources& sources, Span span) { return sources.position(span.file, span.begin).line; }

void add_labels(std::string& out, const Diagnostic& diagnostic, const Sources& sources, const Painter& painter) {
  painter.add_snippet(out, diagnostic.span, diagnostic.label, '^', true);
  Span above = diagnostic.span;
  for (const Label& label : diagnostic.labels) {
    const bool same_file = label.span.file == above.file;
    const bool same_line = same_file && line_of(sources, label.span) == line_of(sources, above);
    if (!same_file) out += fmt::format("  --> {}\n", painter.place(label.span));
    painter.add_snippet(out, label.span, label.text, '-', !same_line);
    above = label.span;
  }
}

bool has_place(const Diagnostic& diagnostic, const Sources& sources) {
  return diagnostic.span.file < static_cast<std::uint32_t>(sources.size());
}

nlohmann::ordered_json place_as_json(Span span, const Sources& sources) {
  const Position begin = sources.position(span.file, span.begin), end = sources.position(span.file, span.end);
  return {{"file", sources.name(span.file)},
          {"line", begin.line},
          {"column", begin.column},
          {"end_line", end.line},
          {"end_column", end.column}};
}

}  // namespace

std::string render(const Diagnostic& diagnostic, const Sources& sources, bool colour) {
  const Painter painter(sources, colour);
  const bool is_error = diagnostic.severity == Severity::error;
  if (!has_place(diagnostic, sources)) {
    std::string out = fmt::format(
        "{} {} [{}]\n", painter.paint(is_error ? "1;31" : "1;35", is_error ? "metac: error:" : "metac: warning:"),
        painter.paint("1", diagnostic.message), diagnostic.code);
    if (!diagnostic.hint.empty()) out += fmt::format("  {} {}\n", painter.paint("1;32", "hint:"), diagnostic.hint);
    return out;
  }
  std::string out = fmt::format("{}: {}: {}", painter.paint("1", painter.place(diagnostic.span)),
                                painter.paint(is_error ? "1;31" : "1;35", is_error ? "error" : "warning"),
                                painter.paint("1", diagnostic.message));
  if (!diagnostic.code.empty()) out += fmt::format(" [{}]", diagnostic.code);
  out += '\n';
  add_labels(out, diagnostic, sources, painter);
  for (const Note& note : diagnostic.notes) {
    const std::string place = note.has_span ? painter.place(note.span) + ": " : "";
    out += fmt::format("  {} {}{}\n", painter.paint("1;36", "note:"), place, note.message);
  }
  if (!diagnostic.hint.empty()) out += fmt::format("  {} {}\n", painter.paint("1;32", "hint:"), diagnostic.hint);
  return out;
}

std::string render_json(const Diagnostic& diagnostic, const Sources& sources) {
  auto json =
      has_place(diagnostic, sources) ? place_as_json(diagnostic.span, sources) : nlohmann::ordered_json::object();
  json["severity"] = diagnostic.severity == Severity::error ? "error" : "warning";
  json["code"] = diagnostic.code;
  json["message"] = diagnostic.message;
  json["label"] = diagnostic.label;
  json["labels"] = nlohmann::ordered_json::array();
  for (const Label& label : diagnostic.labels) {
    nlohmann::ordered_json place = place_as_json(label.span, sources);
    place["text"] = label.text;
    json["labels"].push_back(std::move(place));
  }
  json["notes"] = nlohmann::ordered_json::array();
  for (const Note& note : diagnostic.notes) {
    nlohmann::ordered_json place = note.has_span ? place_as_json(note.span, sources) : nlohmann::ordered_json::object();
    place["message"] = note.message;
    json["notes"].push_back(std::move(place));
  }
  json["hint"] = diagnostic.hint;
  return json.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

}  // namespace metac::dsl
