// The shortest list of lines removed and added (Myers 1986, "An O(ND) difference algorithm"), written in hunks.
#include "cli/diff.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

namespace metac::dsl {

namespace {

constexpr int context = 3;        // lines shown around a change
constexpr int most_edits = 2000;  // the search takes the square of this in memory; beyond it, all lines are replaced

using Lines = std::vector<std::string_view>;

// With their line ends, so that a missing one at the end of a text is a difference.
Lines lines_of(std::string_view text) {
  Lines lines;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size() - 1) + 1;
    lines.push_back(text.substr(0, end));
    text.remove_prefix(end);
  }
  return lines;
}

struct Edit {
  char mark;  // ' ', '-' or '+'
  std::string_view line;
};

// For each number of edits, how far each diagonal (lines of `a` less lines of `b`) reaches; the last one reaches the
// end.
std::vector<std::vector<int>> search(const Lines& a, const Lines& b) {
  const int n = static_cast<int>(a.size()), m = static_cast<int>(b.size());
  std::vector<std::vector<int>> trace;
  for (int edits = 0; edits <= std::min(n + m, most_edits); ++edits) {
    std::vector<int> reach(2 * edits + 1, 0);
    for (int k = -edits; k <= edits; k += 2) {
      int x = 0;
      if (edits > 0) {
        const auto& last = trace.back();
        const auto at = [&](int diagonal) { return std::abs(diagonal) < edits ? last[diagonal + edits - 1] : -1; };
        x = std::max(at(k - 1) + 1, at(k + 1));
      }
      while (x < n && x - k < m && a[x] == b[x - k]) ++x;
      reach[k + edits] = x;
      if (x >= n && x - k >= m) {
        trace.push_back(std::move(reach));
        return trace;
      }
    }
    trace.push_back(std::move(reach));
  }
  return {};
}

std::vector<Edit> replaced(const Lines& a, const Lines& b) {
  std::vector<Edit> edits;
  for (const auto line : a) edits.push_back({'-', line});
  for (const auto line : b) edits.push_back({'+', line});
  return edits;
}

std::vector<Edit> edits_between(const Lines& a, const Lines& b) {
  const auto trace = search(a, b);
  if (trace.empty()) return replaced(a, b);
  std::vector<Edit> edits;  // from the end to the beginning
  int x = static_cast<int>(a.size()), y = static_cast<int>(b.size());
  for (int depth = static_cast<int>(trace.size()) - 1; depth > 0; --depth) {
    const auto& last = trace[depth - 1];
    const auto at = [&](int diagonal) { return std::abs(diagonal) < depth ? last[diagonal + depth - 1] : -1; };
    const int k = x - y;
    const bool added = at(k + 1) >= at(k - 1) + 1;
    const int begin = added ? at(k + 1) : at(k - 1) + 1;
    for (; x > begin; --x, --y) edits.push_back({' ', a[x - 1]});
    edits.push_back(added ? Edit{'+', b[--y]} : Edit{'-', a[--x]});
  }
  for (; x > 0; --x) edits.push_back({' ', a[x - 1]});
  std::reverse(edits.begin(), edits.end());
  return edits;
}

// "3,4": from which line, how many; where there are none, the line before.
std::string range(int lines_before, int count) {
  const int first = count == 0 ? lines_before : lines_before + 1;
  return count == 1 ? fmt::format("{}", first) : fmt::format("{},{}", first, count);
}

}  // namespace

std::string unified_diff(std::string_view before, std::string_view after, const std::string& name_before,
                         const std::string& name_after) {
  if (before == after) return "";
  const auto edits = edits_between(lines_of(before), lines_of(after));
  std::string out = fmt::format("--- {}\n+++ {}\n", name_before, name_after);
  const auto changed = [](const Edit& edit) { return edit.mark != ' '; };
  int line_a = 0, line_b = 0;  // before the place reached
  auto reached = edits.begin();
  const auto pass = [&](const Edit& edit) { line_a += edit.mark != '+', line_b += edit.mark != '-'; };
  while (true) {
    const auto change = std::find_if(reached, edits.end(), changed);
    if (change == edits.end()) return out;
    const auto begin = change - reached > context ? change - context : reached;
    std::for_each(reached, begin, pass);
    auto end = change;  // behind the last change that is near enough to the one before it
    for (auto next = change; next != edits.end() && next - end <= 2 * context;) {
      end = std::find_if_not(next, edits.end(), changed);
      next = std::find_if(end, edits.end(), changed);
    }
    end = edits.end() - end > context ? end + context : edits.end();
    const int first_a = line_a, first_b = line_b;
    std::for_each(begin, end, pass);
    out += fmt::format("@@ -{} +{} @@\n", range(first_a, line_a - first_a), range(first_b, line_b - first_b));
    for (auto edit = begin; edit != end; ++edit) {
      out += fmt::format("{}{}", edit->mark, edit->line);
      if (!edit->line.ends_with('\n')) out += "\n\\ No newline at end of file\n";
    }
    reached = end;
  }
}

}  // namespace metac::dsl
