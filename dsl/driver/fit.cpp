// A rehearsal for each step down: making values again, then fewer threads.
#include "driver/fit.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>

namespace metac::dsl {
namespace {

constexpr int levels = 12;
constexpr double kept_by_level = 0.7;

std::string mebibytes(std::size_t bytes) {
  return fmt::format("{:.4g} MiB", static_cast<double>(bytes) / static_cast<double>(1 << 20));
}

void refuse(Report& report, const Costs& least, std::size_t limit) {
  report
      .error("E0504", least.place,
             fmt::format("this needs {} of memory at once, the limit that was set is {}", mebibytes(least.peak_memory),
                         mebibytes(limit)))
      .hint = "smaller batches or models, or a higher `--memory`";
}

void tell_what_is_saved(Report& report, const Options& given, const Options& taken, Span place) {
  std::vector<std::string> means;
  if (taken.kept < given.kept)
    means.push_back(fmt::format("programs keep {:.0f} % of their values and make the others again", 100 * taken.kept));
  if (taken.tasks_at_once < given.tasks_at_once)
    means.push_back(
        fmt::format("{} tasks are measured at once rather than {}", taken.tasks_at_once, given.tasks_at_once));
  if (taken.threads < given.threads)
    means.push_back(fmt::format("{} of {} threads are used", taken.threads, given.threads));
  report.warning("W0501", place,
                 fmt::format("to need at most {}, {}", mebibytes(given.memory), fmt::join(means, ", ")));
}

}  // namespace

Outcome fit_memory(Options& options, Costs& costs, const Rehearsal& rehearse, Report& report) {
  const Options given = options;
  const Span place = costs.place;
  Outcome outcome = Outcome::done;
  const auto fits = [&](int threads) {
    options.threads = threads;
    costs = {};
    outcome = rehearse(options, costs);
    return outcome == Outcome::done && costs.peak_memory <= options.memory;
  };
  bool enough = false;
  for (int level = 0; level <= levels && !enough && outcome == Outcome::done; ++level) {
    options.kept = given.kept * std::pow(kept_by_level, level);
    options.tasks_at_once = std::max<std::int64_t>(given.tasks_at_once >> level, 1);
    enough = fits(1);
  }
  if (outcome != Outcome::done) return outcome;
  if (!enough) {
    refuse(report, costs, options.memory);
    return Outcome::failed;
  }
  // The most threads that fit: what is needed grows with their number.
  Costs found = costs;
  int most = 1, too_many = given.threads + 1;
  for (int threads = given.threads; too_many - most > 1; threads = (most + too_many) / 2) {
    const bool fit = fits(threads);
    if (outcome != Outcome::done) return outcome;
    if (fit) found = costs;
    (fit ? most : too_many) = threads;
  }
  options.threads = most;
  costs = found;
  tell_what_is_saved(report, given, options, place);
  return Outcome::done;
}

}  // namespace metac::dsl
