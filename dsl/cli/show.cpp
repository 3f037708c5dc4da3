// The two observers of a run: text for people, JSON lines for machines.
#include "cli/show.hpp"

#include <fmt/format.h>

#include <cmath>
#include <nlohmann/json.hpp>
#include <set>

namespace metac::dsl {
namespace {

std::string duration(double seconds) {
  if (!std::isfinite(seconds)) return "?";
  const auto whole = static_cast<long>(seconds + 0.5);
  if (whole < 60) return fmt::format("{} s", whole);
  if (whole < 3600) return fmt::format("{} min {:02} s", whole / 60, whole % 60);
  return fmt::format("{} h {:02} min", whole / 3600, whole / 60 % 60);
}

std::string seconds_text(double seconds) { return seconds < 10 ? fmt::format("{:.2f} s", seconds) : duration(seconds); }

// Shares are told in percent, other quantities as they are; a mean over a task that diverged is no number.
std::string quantity(const std::string& metric, double value) {
  if (!std::isfinite(value)) return "diverged";
  return metric == "accuracy" ? fmt::format("{:.2f} %", 100 * value) : fmt::format("{:.4g}", value);
}

bool is_share(const std::string& metric) { return metric == "accuracy" || metric == "transfer_gain"; }

// A difference of two quantities: percentage points for shares.
std::string difference(const std::string& metric, double value) {
  if (!std::isfinite(value)) return "diverged";
  return is_share(metric) ? fmt::format("{:.2f} pp", 100 * value) : fmt::format("{:.4g}", value);
}

// Half of an interval, by whichever of these shows its mean; one value has no interval.
std::string interval(std::string (*show)(const std::string&, double), const std::string& metric, const Summary& of) {
  return of.count < 2 ? "-" : show(metric, of.interval);
}

// "600 tasks", "1 task".
std::string counted(long count, std::string unit) {
  if (count == 1) unit.pop_back();
  return fmt::format("{} {}", count, unit);
}

// A quantity or a difference, short, for a matrix.
std::string share(const std::string& metric, double value) {
  return is_share(metric) ? fmt::format("{:.1f}", 100 * value) : fmt::format("{:.3g}", value);
}

// Whose statistics were used: T for those of the batch at hand.
std::string said(const Statistics& statistics) {
  if (statistics.empty()) return "";
  const std::string all = fmt::format("{} statistics", fmt::join(statistics, " and "));
  return transductive(statistics) ? fmt::format(", T ({}: transductive)", all) : ", " + all;
}

// Which state of the training was kept, where there was a choice.
std::string selected(const std::string& selection) {
  return selection.empty() ? "" : fmt::format(", selection: {}", selection);
}

std::string headline(const EvaluationResult& result) {
  return fmt::format("{} on {}, {}{}{}{}", result.learner, result.source, counted(result.count, result.unit),
                     said(result.statistics), selected(result.selection), result.untrained ? ", not trained" : "");
}

class TextObserver : public Observer {
 public:
  TextObserver(bool terminal, bool colour) : terminal_(terminal), colour_(colour) {}
  ~TextObserver() override { clear(); }

  void experiment_started(const std::string& name) override {
    clear();
    line(fmt::format("{}experiment {}{}", colour_ ? "\x1b[1m" : "", name, colour_ ? "\x1b[0m" : ""));
  }
  void train_progress(const TrainProgress& p) override {
    const std::string text = fmt::format("{} step {}/{}  {} {:.4g}  {:.1f} steps/s  {} left", p.learner, p.step,
                                         p.steps, p.loss_name, p.loss, p.rate, duration(p.remaining)) +
                             validation_;
    if (terminal_) {
      fmt::print(stderr, "\r\x1b[K  {}", text);
      shown_ = true;
      std::fflush(stderr);
      return;
    }
    // Elsewhere a line for each tenth of the way.
    const auto tenth = p.step * 10 / p.steps;
    if (p.last || tenth > tenth_) fmt::print(stderr, "  {}\n", text);
    tenth_ = p.last ? 0 : tenth;
  }
  void evaluated(const EvaluationResult& result) override {
    if (result.validation) {
      const auto& row = result.rows.front();  // what `select` looks at
      validation_ = fmt::format("  validation {} {}", row.metric, quantity(row.metric, row.summary.mean));
      if (!terminal_)
        fmt::print(stderr, "  validation after step {}: {} {} +- {}\n", result.step, row.metric,
                   quantity(row.metric, row.summary.mean), interval(quantity, row.metric, row.summary));
      return;
    }
    clear();
    line("  " + headline(result));
    constexpr const char* columns = "    {:<16} {:<10} {:>12} {:>12} {:>12} {:>12}  {}";
    line(fmt::format(columns, "with", "metric", "mean", "+- (95 %)", "median", "trimmed 1 %", "protocol"));
    for (const auto& row : result.rows)
      line(fmt::format(columns, row.point.empty() ? "-" : row.point, row.metric, quantity(row.metric, row.summary.mean),
                       interval(quantity, row.metric, row.summary), quantity(row.metric, row.summary.median),
                       quantity(row.metric, row.summary.trimmed_mean), row.protocol));
    for (const auto& row : result.rows)
      if (row.summary.diverged > 0)
        line(fmt::format("    {}: {} of {} {} diverged; the median counts them among the largest",
                         row.point.empty() ? row.metric : row.point, row.summary.diverged, row.summary.count,
                         result.unit));
    for (const auto& same : result.duplicates) line(about_copies(same));
  }
  void compared(const std::vector<Comparison>& pairs) override {
    clear();
    line("  in pairs, on the same items");
    for (const auto& pair : pairs) {
      const auto& d = pair.difference;
      const auto both = fmt::format("{} - {}", pair.first, pair.second);
      if (!pair.refused.empty()) {
        line(fmt::format("    {:<44} not compared: {}", both, pair.refused));
        continue;
      }
      line(fmt::format("    {:<44} {:<14} {:>10} +- {:<8} (95 %)  {}{}", both, pair.metric,
                       difference(pair.metric, d.mean), interval(difference, pair.metric, d), pair.protocol,
                       pair.point.empty() ? "" : "  " + pair.point));
      if (!pair.warning.empty()) line(fmt::format("    warning: {}", pair.warning));
    }
  }
  void stream_measured(const StreamResult& result) override {
    clear();
    const auto row = [&](const std::vector<double>& values) {
      std::string text;
      for (const double value : values) text += fmt::format(" {:>7}", share(result.metric, value));
      return text;
    };
    line(fmt::format("  {} {}, {}:{}{}", result.learner, result.metric, result.when(), row(result.latest()),
                     transductive(result.statistics) ? "  T" : said(result.statistics)));
    for (const auto& same : result.duplicates)  // row after row they are the same ones
      if (const auto text = about_copies(same); told_.insert(result.learner + text).second) line(text);
    if (!result.complete()) return;
    line(fmt::format("  {} along {} tasks: average {} {}, backward transfer {}, forgetting {}{}{}{}, protocol {}",
                     result.learner, result.tasks.size(), result.metric, quantity(result.metric, result.average()),
                     difference(result.metric, result.backward_transfer()),
                     difference(result.metric, result.forgetting()),
                     result.untrained.empty()
                         ? ""
                         : fmt::format(", forward transfer {}", difference(result.metric, result.forward_transfer())),
                     said(result.statistics), selected(result.selection), result.protocol));
  }
  void seed_started(std::uint64_t seed) override {
    clear();
    line(fmt::format("  seed {}", seed));
  }
  void seeds_done(const std::vector<SeedSummary>& summaries) override {
    clear();
    if (summaries.empty()) return;
    line(fmt::format("  over {}: mean, 95 % interval, protocol", counted(summaries.front().over_seeds.count, "seeds")));
    for (const auto& s : summaries)
      line(fmt::format("    {:<64} {:<12} {:>10} +- {:<8}  {}", s.what, s.metric,
                       (s.difference ? difference : quantity)(s.metric, s.over_seeds.mean),
                       interval(s.difference ? difference : quantity, s.metric, s.over_seeds), s.protocol));
  }
  void printed(const std::string& text) override {
    clear();
    line(text);
  }
  void trained(const std::string& learner, const TrainState& state, double seconds,
               const std::string& selected) override {
    clear();
    validation_.clear();
    tenth_ = 0;
    std::string remembered;  // by the source of tasks
    for (const auto& [name, array] : parts_of("tasks", state.source))
      remembered += fmt::format("{} {} = {}", remembered.empty() ? ";" : ",", name, to_text(array));
    line(fmt::format("  trained {}: {} steps in {}{}{}", learner, state.step, seconds_text(seconds),
                     selected.empty() ? "" : ", " + selected, remembered));
  }
  void profiled(const Profile& p) override {
    line(fmt::format("  where the time of {} went: {} in {} steps, of which {} ran the graph on {}", p.learner,
                     seconds_text(p.seconds), p.steps, seconds_text(p.running),
                     p.threads == 1 ? "1 thread" : fmt::format("{} threads", p.threads)));
    double total = 0;
    for (const auto& k : p.kernels) total += k.seconds;
    const auto steps = static_cast<double>(p.steps);
    line(fmt::format("    {:>7} {:>12} {:>12} {:>9} {:>8}  {}", "share", "us a step", "calls a step", "GFLOP/s", "GB/s",
                     "kernel; seconds of all threads"));
    const auto row = [&](const KernelTime& k) {
      line(fmt::format("    {:>5.1f} % {:>12.2f} {:>12.1f} {:>9.2f} {:>8.2f}  {}", 100 * k.seconds / total,
                       1e6 * k.seconds / steps, static_cast<double>(k.calls) / steps, 1e-9 * k.operations / k.seconds,
                       1e-9 * k.bytes / k.seconds, k.kernel));
    };
    constexpr std::size_t shown = 25;
    for (std::size_t i = 0; i < std::min(shown, p.kernels.size()); ++i) row(p.kernels[i]);
    if (p.kernels.size() <= shown) return;
    KernelTime rest;
    for (std::size_t i = shown; i < p.kernels.size(); ++i) {
      rest.calls += p.kernels[i].calls;
      rest.seconds += p.kernels[i].seconds;
      rest.operations += p.kernels[i].operations;
      rest.bytes += p.kernels[i].bytes;
    }
    rest.kernel = fmt::format("{} others", p.kernels.size() - shown);
    row(rest);
  }

 private:
  void clear() {
    if (shown_) fmt::print(stderr, "\r\x1b[K");
    shown_ = false;
    std::fflush(stderr);
  }
  static void line(const std::string& text) {
    fmt::print("{}\n", text);
    std::fflush(stdout);
  }
  static std::string about_copies(const Duplicates& same) {
    return fmt::format("    note: {} of the {} examples of {} are copies of ones in {}, which was seen in training",
                       same.count, same.of, same.measured, same.seen);
  }
  std::set<std::string> told_;
  bool terminal_, colour_, shown_ = false;
  std::int64_t tenth_ = 0;
  std::string validation_;
};

class JsonObserver : public Observer {
 public:
  void experiment_started(const std::string& name) override { write({{"event", "experiment"}, {"name", name}}); }
  void train_progress(const TrainProgress& p) override {
    write({{"event", "progress"},
           {"learner", p.learner},
           {"source", p.source},
           {"step", p.step},
           {"steps", p.steps},
           {p.loss_name, p.loss},
           {"steps_per_second", p.rate},
           {"seconds_left", p.remaining}});
  }
  void evaluated(const EvaluationResult& r) override {
    auto rows = nlohmann::ordered_json::array();
    for (const auto& row : r.rows)
      rows.push_back({{"with", row.point},
                      {"metric", row.metric},
                      {"mean", row.summary.mean},
                      {"interval95", row.summary.interval},
                      {"median", row.summary.median},
                      {"trimmed_mean", row.summary.trimmed_mean},
                      {"count", row.summary.count},
                      {"protocol", row.protocol}});
    nlohmann::ordered_json event{{"event", r.validation ? "validation" : "evaluation"},
                                 {"learner", r.learner},
                                 {"source", r.source},
                                 {r.unit, r.count},
                                 {"statistics", r.statistics},
                                 {"transductive", transductive(r.statistics)}};
    if (!r.selection.empty()) event["selection"] = r.selection;
    if (r.untrained) event["trained"] = false;
    if (r.validation) event["step"] = r.step;
    add_copies(event, r.duplicates);
    event["rows"] = rows;
    write(event);
  }
  void printed(const std::string& text) override { write({{"event", "print"}, {"text", text}}); }
  void trained(const std::string& learner, const TrainState& state, double seconds,
               const std::string& selected) override {
    nlohmann::ordered_json event{
        {"event", "trained"}, {"learner", learner}, {"steps", state.step}, {"seconds", seconds}};
    if (!selected.empty()) event["selected"] = selected;
    for (const auto& [name, array] : parts_of("tasks", state.source)) event["remembered"][name] = to_text(array);
    write(event);
  }
  void profiled(const Profile& p) override {
    auto kernels = nlohmann::ordered_json::array();
    for (const auto& k : p.kernels)
      kernels.push_back({{"kernel", k.kernel},
                         {"calls", k.calls},
                         {"seconds", k.seconds},
                         {"operations", k.operations},
                         {"bytes", k.bytes}});
    write({{"event", "profile"},
           {"learner", p.learner},
           {"steps", p.steps},
           {"threads", p.threads},
           {"seconds", p.seconds},
           {"seconds_running", p.running},
           {"kernels", kernels}});
  }
  void compared(const std::vector<Comparison>& pairs) override {
    for (const auto& pair : pairs) {
      if (!pair.refused.empty()) {
        write({{"event", "comparison"}, {"first", pair.first}, {"second", pair.second}, {"refused", pair.refused}});
        continue;
      }
      nlohmann::ordered_json event{{"event", "comparison"},
                                   {"first", pair.first},
                                   {"second", pair.second},
                                   {"with", pair.point},
                                   {"metric", pair.metric},
                                   {"mean_difference", pair.difference.mean},
                                   {"interval95", pair.difference.interval},
                                   {"count", pair.difference.count},
                                   {"protocol", pair.protocol}};
      if (!pair.warning.empty()) event["warning"] = pair.warning;
      write(event);
    }
  }
  void stream_measured(const StreamResult& r) override {
    nlohmann::ordered_json event{{"event", "stream"},
                                 {"learner", r.learner},
                                 {"metric", r.metric},
                                 {"tasks", r.tasks},
                                 {"matrix", r.matrix},
                                 {"statistics", r.statistics},
                                 {"transductive", transductive(r.statistics)},
                                 {"protocol", r.protocol}};
    if (!r.selection.empty()) event["selection"] = r.selection;
    add_copies(event, r.duplicates);
    if (!r.untrained.empty()) event["untrained"] = r.untrained;
    if (!r.now.empty()) event["now"] = r.now;
    if (r.complete()) {
      event["average"] = r.average();
      event["backward_transfer"] = r.backward_transfer();
      event["forgetting"] = r.forgetting();
      if (!r.untrained.empty()) event["forward_transfer"] = r.forward_transfer();
    }
    write(event);
  }
  void seed_started(std::uint64_t seed) override { write({{"event", "seed"}, {"seed", seed}}); }
  void seeds_done(const std::vector<SeedSummary>& summaries) override {
    for (const auto& s : summaries)
      write({{"event", "seeds"},
             {"what", s.what},
             {"metric", s.metric},
             {"mean", s.over_seeds.mean},
             {"interval95", s.over_seeds.interval},
             {"seeds", s.over_seeds.count},
             {"protocol", s.protocol}});
  }

 private:
  static void add_copies(nlohmann::ordered_json& event, const std::vector<Duplicates>& duplicates) {
    for (const auto& same : duplicates)
      event["duplicates"].push_back(
          {{"count", same.count}, {"of", same.of}, {"measured", same.measured}, {"seen", same.seen}});
  }
  // A script may print any bytes: what is no UTF-8 is replaced. NaN and infinity become null.
  static void write(const nlohmann::ordered_json& event) {
    fmt::print("{}\n", event.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
    std::fflush(stdout);
  }
};

}  // namespace

std::unique_ptr<Observer> make_text_observer(bool terminal, bool colour) {
  return std::make_unique<TextObserver>(terminal, colour);
}
std::unique_ptr<Observer> make_json_observer() { return std::make_unique<JsonObserver>(); }

}  // namespace metac::dsl
