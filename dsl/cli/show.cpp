// The two observers of a run: text for people, JSON lines for machines.
#include "cli/show.hpp"

#include <fmt/format.h>

#include <cmath>
#include <nlohmann/json.hpp>

namespace metac::dsl {
namespace {

std::string duration(double seconds) {
  if (!std::isfinite(seconds)) return "?";
  const auto whole = static_cast<long>(seconds + 0.5);
  if (whole < 60) return fmt::format("{} s", whole);
  if (whole < 3600) return fmt::format("{} min {:02} s", whole / 60, whole % 60);
  return fmt::format("{} h {:02} min", whole / 3600, whole / 60 % 60);
}

// Shares are told in percent, other quantities as they are; a mean over a task that diverged is no number.
std::string quantity(const std::string& metric, double value) {
  if (!std::isfinite(value)) return "diverged";
  return metric == "accuracy" ? fmt::format("{:.2f} %", 100 * value) : fmt::format("{:.4g}", value);
}

std::string headline(const EvaluationResult& result) {
  return fmt::format("{} on {}, {} tasks{}", result.learner, result.source, result.tasks,
                     result.transductive ? ", T (batch statistics: transductive)" : "");
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
      const auto& row = result.rows.back();
      validation_ = fmt::format("  validation {} {}", row.metric, quantity(row.metric, row.summary.mean));
      if (!terminal_)
        fmt::print(stderr, "  validation after step {}: {} {} +- {}\n", result.step, row.metric,
                   quantity(row.metric, row.summary.mean), quantity(row.metric, row.summary.interval));
      return;
    }
    clear();
    line("  " + headline(result));
    line(fmt::format("    {:<16} {:<10} {:>12} {:>12} {:>12} {:>12}", "with", "metric", "mean", "+- (95 %)", "median",
                     "trimmed 1 %"));
    for (const auto& row : result.rows)
      line(fmt::format("    {:<16} {:<10} {:>12} {:>12} {:>12} {:>12}", row.point.empty() ? "-" : row.point, row.metric,
                       quantity(row.metric, row.summary.mean), quantity(row.metric, row.summary.interval),
                       quantity(row.metric, row.summary.median), quantity(row.metric, row.summary.trimmed_mean)));
    for (const auto& row : result.rows)
      if (row.summary.diverged > 0)
        line(fmt::format("    {}: {} of {} tasks diverged; the median counts them among the largest",
                         row.point.empty() ? row.metric : row.point, row.summary.diverged, row.summary.count));
  }
  void printed(const std::string& text) override {
    clear();
    line(text);
  }
  void trained(const std::string& learner, const TrainState& state, double seconds) override {
    clear();
    validation_.clear();
    tenth_ = 0;
    line(fmt::format("  trained {}: {} steps in {}", learner, state.step,
                     seconds < 10 ? fmt::format("{:.2f} s", seconds) : duration(seconds)));
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
                      {"count", row.summary.count}});
    nlohmann::ordered_json event{{"event", r.validation ? "validation" : "evaluation"},
                                 {"learner", r.learner},
                                 {"source", r.source},
                                 {"tasks", r.tasks},
                                 {"transductive", r.transductive}};
    if (r.validation) event["step"] = r.step;
    event["rows"] = rows;
    write(event);
  }
  void printed(const std::string& text) override { write({{"event", "print"}, {"text", text}}); }
  void trained(const std::string& learner, const TrainState& state, double seconds) override {
    write({{"event", "trained"}, {"learner", learner}, {"steps", state.step}, {"seconds", seconds}});
  }

 private:
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
