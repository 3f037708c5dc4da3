// `metac gradcheck`: the derivatives of a script beside finite differences, as a table for people or JSON lines.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "cli/commands.hpp"
#include "cli/request.hpp"

namespace metac::dsl {

namespace {

using Json = nlohmann::ordered_json;

std::string place(Span span, const Sources& sources) {
  return fmt::format("{}:{}", sources.name(span.file), sources.position(span.file, span.begin).line);
}

const char* word(Agreement agreement) {
  switch (agreement) {
    case Agreement::right:
      return "right";
    case Agreement::lost:
      return "lost";
    case Agreement::stopped:
      return "stopped";
    case Agreement::untold:
      return "untold";
    case Agreement::kink:
      return "kink";
    case Agreement::wrong:
      return "wrong";
    case Agreement::not_finite:
      return "not finite";
  }
  return "";
}

// What is to be said beside the number.
std::string remark(const CheckedDerivative& one, const Sources& sources) {
  std::string text;
  if (one.agreement == Agreement::lost) text = "the values are too large: their rounding hides it";
  if (one.agreement == Agreement::stopped)
    text = fmt::format("right where `stop_gradient` holds ({})", place(one.stop, sources));
  if (one.agreement == Agreement::untold)
    text = fmt::format("`stop_gradient` in a loop ({}) may be why", place(one.stop, sources));
  if (one.agreement == Agreement::kink)
    text = "there is no derivative: differences to both sides stay apart";
  else if (one.kinks > 0)
    text += fmt::format("{}a kink in {} of {} directions", text.empty() ? "" : "; ", one.kinks, one.compared);
  if (!one.variables.empty()) text += fmt::format("{}to {}", text.empty() ? "" : "; ", fmt::join(one.variables, ", "));
  return text;
}

void print_table(const CheckedLearner& learner, const GradcheckOptions& how, const Sources& sources) {
  fmt::print("{} ({}) trained on {}{} ({})\n", learner.learner, place(learner.made, sources), learner.source,
             learner.sources > 1 ? fmt::format(" and {} more", learner.sources - 1) : "",
             place(learner.trained, sources));
  fmt::print("  {} numbers are learned; {} {}, {} directions on each\n", learner.numbers, learner.items,
             learner.of_tasks ? "tasks" : "batches", how.directions);
  fmt::print("    {:<44} {:>5}  {:<10}  {:>10}\n", "derivative of", "order", "verdict", "difference");
  for (const auto& one : learner.derivatives) {
    const std::string text = remark(one, sources);
    fmt::print("    {:<44} {:>5}  {:<10}  {:>10.1e}  {}{}{}\n", one.what, one.order, word(one.agreement),
               one.difference, place(one.span, sources), text.empty() ? "" : ": ", text);
  }
  const auto cosine = [](const char* of, const std::optional<double>& value) {
    if (value) fmt::print("  cosine of {}: {:.6f}\n", of, *value);
  };
  cosine("the exact gradient and its first order, without derivatives of derivatives", learner.first_order);
  cosine("the gradient as written and the one where `stop_gradient` stops nothing", learner.stopped);
  cosine("`direction` and the gradient of `objective`", learner.direction);
}

void print_json(const CheckedLearner& learner, const Sources& sources) {
  const Json head{{"event", "derivatives"},
                  {"learner", learner.learner},
                  {"made", place(learner.made, sources)},
                  {"source", learner.source},
                  {"trained", place(learner.trained, sources)}};
  Json all = head;
  all["sources"] = learner.sources;
  all["numbers"] = learner.numbers;
  all[learner.of_tasks ? "tasks" : "batches"] = learner.items;
  all["derivatives"] = Json::array();
  for (const auto& one : learner.derivatives) {
    Json& row = all["derivatives"].emplace_back(Json{{"of", one.what},
                                                     {"place", place(one.span, sources)},
                                                     {"order", one.order},
                                                     {"agreement", word(one.agreement)},
                                                     {"difference", one.difference},
                                                     {"compared", one.compared},
                                                     {"kinks", one.kinks}});
    if (one.agreement == Agreement::stopped || one.agreement == Agreement::untold)
      row["stop"] = place(one.stop, sources);
    if (!one.variables.empty()) row["variables"] = one.variables;
  }
  if (learner.first_order) all["cosine_first_order"] = *learner.first_order;
  if (learner.stopped) all["cosine_stopped"] = *learner.stopped;
  if (learner.direction) all["cosine_direction"] = *learner.direction;
  fmt::print("{}\n", all.dump(-1, ' ', false, Json::error_handler_t::replace));
}

// How many derivatives were compared, and what of it is a mistake.
int conclude(const RunRequest& request, const std::vector<CheckedLearner>& learners, const GradcheckOptions& how) {
  int all = 0, wrong = 0;
  for (const auto& learner : learners)
    for (const auto& one : learner.derivatives) ++all, wrong += is_mistake(one, how.strict);
  if (!request.json && wrong > 0) fmt::print("{} of {} derivatives are wrong\n", wrong, all);
  if (!request.json && wrong == 0) fmt::print("{} derivatives compared, none is wrong\n", all);
  return static_cast<int>(wrong > 0 ? Outcome::wrong_script : Outcome::done);
}

}  // namespace

int check_derivatives(RunRequest request, const GradcheckOptions& how) {
  Report report;
  const auto script = loaded(request, report);
  if (!script) return static_cast<int>(Outcome::wrong_options);
  std::vector<CheckedLearner> learners;
  const Outcome outcome =
      script->valid() ? gradcheck(*script, request.options, how, report, learners) : Outcome::wrong_script;
  for (const auto& learner : learners)
    request.json ? print_json(learner, script->sources()) : print_table(learner, how, script->sources());
  const int code = finish(request, *script, report, outcome);
  if (outcome != Outcome::done) return code;
  if (learners.empty())
    fmt::print(stderr, "metac: {} trains nothing, so there is nothing to compare\n", request.script);
  return learners.empty() ? code : conclude(request, learners, how);
}

}  // namespace metac::dsl
