// Paths as lines of the script. A path goes over thousands of nodes; each line is shown once where it stays on it.
#include "cli/explain_flow.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>

namespace metac::dsl {
namespace {

struct Line {
  std::uint32_t file = 0;
  int number = 0;
  auto operator<=>(const Line&) const = default;
};

std::string trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(" \t"), last = text.find_last_not_of(" \t\r");
  return first == std::string_view::npos ? "" : std::string(text.substr(first, last - first + 1));
}

std::vector<Line> lines_of(const std::vector<Span>& places, const Sources& sources) {
  std::vector<Line> lines;
  for (const Span place : places) {
    const Line line{place.file, sources.position(place.file, place.begin).line};
    if (std::find(lines.begin(), lines.end(), line) == lines.end()) lines.push_back(line);
  }
  return lines;
}

std::string text_of(const std::vector<Line>& lines, const Sources& sources) {
  std::string text;
  for (const Line& line : lines)
    text += fmt::format("    {:<44} {}\n", fmt::format("{}:{}:", sources.name(line.file), line.number),
                        trimmed(sources.line(line.file, line.number)));
  return text;
}

// "theta.linear1" is `theta`, and a part of it.
bool is_part(const std::string& whole, const std::string& name) {
  return whole == name || (whole.starts_with(name) && whole[name.size()] == '.');
}

bool is_asked_for(const ObjectiveFlow& flow, const std::string& path, const std::string& name) {
  const std::string own = flow.learner.substr(0, flow.learner.find('('));
  return name.empty() || is_part(path, name) || is_part(own + "." + path, name);
}

const char* meaning(int order) {
  return order == 1   ? "not through a derivative"
         : order == 2 ? "through a derivative of the script"
                      : "through derivatives inside each other";
}

}  // namespace

std::string explain_flow(const std::vector<ObjectiveFlow>& flows, const std::string& name, const Sources& sources) {
  std::string text;
  for (const auto& flow : flows) {
    // Parts with the same paths are told together.
    std::map<std::string, std::vector<std::string>> parts;
    std::vector<std::string> order;
    for (const auto& learned : flow.learned) {
      if (!is_asked_for(flow, learned.name, name)) continue;
      std::string paths;
      for (const auto& path : learned.paths)
        paths += fmt::format("  of order {}, {}\n{}", path.order, meaning(path.order),
                             text_of(lines_of(path.places, sources), sources));
      if (paths.empty()) paths = "  no derivative reaches it\n";
      auto& same = parts[paths];
      if (same.empty()) order.push_back(paths);
      same.push_back(learned.name);
    }
    for (const auto& paths : order)
      text += fmt::format("derivatives from the objective of `{}` to {}\n{}", flow.learner,
                          fmt::join(parts[paths], ", "), paths);
  }
  return text;
}

std::vector<std::string> names_of_flow(const std::vector<ObjectiveFlow>& flows) {
  std::vector<std::string> names;
  for (const auto& flow : flows)
    for (const auto& learned : flow.learned)
      for (std::size_t dot = learned.name.find('.');; dot = learned.name.find('.', dot + 1)) {
        const std::string name = learned.name.substr(0, dot);
        if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
        if (dot == std::string::npos) break;
      }
  return names;
}

}  // namespace metac::dsl
