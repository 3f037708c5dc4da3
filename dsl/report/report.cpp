// Collecting diagnostics, and the nearest name.
#include "report/report.hpp"

#include <algorithm>

namespace metac::dsl {

Diagnostic& Report::add(Diagnostic diagnostic) {
  if (diagnostic.severity == Severity::error) ++errors_;
  all_.push_back(std::move(diagnostic));
  return all_.back();
}

Diagnostic& Report::error(std::string_view code, Span span, std::string message) {
  Diagnostic diagnostic;
  diagnostic.code = code;
  diagnostic.span = span;
  diagnostic.message = std::move(message);
  return add(std::move(diagnostic));
}

Diagnostic& Report::warning(std::string_view code, Span span, std::string message) {
  Diagnostic diagnostic;
  diagnostic.severity = Severity::warning;
  diagnostic.code = code;
  diagnostic.span = span;
  diagnostic.message = std::move(message);
  return add(std::move(diagnostic));
}

namespace {

// Insertions, deletions, substitutions and swaps of neighbours (restricted Damerau-Levenshtein).
std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> before(b.size() + 1), last(b.size() + 1), row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) last[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const bool same = a[i - 1] == b[j - 1];
      row[j] = std::min({last[j] + 1, row[j - 1] + 1, last[j - 1] + (same ? 0 : 1)});
      const bool swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
      if (swapped) row[j] = std::min(row[j], before[j - 2] + 1);
    }
    std::swap(before, last);
    std::swap(last, row);
  }
  return last[b.size()];
}

}  // namespace

std::string nearest(std::string_view name, const std::vector<std::string>& candidates) {
  // Short words are near to many others.
  const std::size_t limit = name.size() < 3 ? 1 : (name.size() + 1) / (name.size() < 7 ? 3 : 2);
  std::string_view best;
  std::size_t best_distance = limit + 1;
  for (const std::string& candidate : candidates) {
    const std::size_t longer = std::max(name.size(), candidate.size());
    const std::size_t fewest_edits = longer - std::min(name.size(), candidate.size());
    if (candidate == name || fewest_edits >= best_distance) continue;
    const std::size_t distance = edit_distance(name, candidate);
    const bool nothing_kept = distance >= longer;
    if (nothing_kept || distance >= best_distance) continue;
    best = candidate;
    best_distance = distance;
  }
  return std::string(best);
}

}  // namespace metac::dsl
