// `metac graph`: what becomes of a script, stage by stage, as text, for graphviz, or as JSON.
#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "cli/commands.hpp"
#include "cli/output.hpp"
#include "cli/request.hpp"
#include "cli/tree.hpp"
#include "elaborate/derivative_check.hpp"
#include "graph/drawing.hpp"
#include "plan/drawing.hpp"

namespace metac::dsl {

namespace {

using Json = nlohmann::ordered_json;

void print_program(const GraphRequest& request, const std::string& what, const Program& program) {
  const auto plan = request.stage == "plan" ? make_plan(program) : nullptr;
  if (request.form == "dot") {
    fmt::print("{}", plan != nullptr ? to_dot(*plan, what) : to_dot(*program.graph, program.outputs, what));
  } else if (request.form == "json") {
    fmt::print("{{\"program\":{},\"{}\":{}}}\n", Json(what).dump(), request.stage,
               plan != nullptr ? to_json(*plan) : to_json(*program.graph, program.inputs, program.outputs));
  } else {
    fmt::print("# {}\n{}\n", what, plan != nullptr ? to_text(*plan) : to_text(*program.graph, program.outputs));
  }
}

// ---- derivatives ----

std::string line_of(Span span, const Sources& sources) {
  return fmt::format("{}:{}", sources.name(span.file), sources.position(span.file, span.begin).line);
}

// Which derivative made a node, and which line of the script it comes from.
std::string origin(const GradientGraph& shown, const Graph& graph, NodeId id, const Sources& sources) {
  std::string text;
  if (&graph == &shown.graph)
    for (const auto& made : shown.made)
      if (id >= made.begin && id < made.end) text = fmt::format("{} ({})", made.what, line_of(made.span, sources));
  const std::int32_t place = graph.node(id).place;
  if (place < 0 || static_cast<std::size_t>(place) >= shown.places.size()) return text;
  const std::string from = line_of(shown.places[static_cast<std::size_t>(place)], sources);
  return text.empty() ? from : fmt::format("{}, of {}", text, from);
}

void print_gradient(const GraphRequest& request, const std::string& what, const GradientGraph& shown,
                    const Sources& sources) {
  const NodeNote note = [&](const Graph& graph, NodeId id) { return origin(shown, graph, id, sources); };
  if (request.form == "dot")
    fmt::print("{}", to_dot(shown.graph, shown.outputs, what, note));
  else if (request.form == "json")
    fmt::print("{{\"program\":{},\"gradient\":{}}}\n", Json(what).dump(),
               to_json(shown.graph, {}, shown.outputs, note));
  else
    fmt::print("# {}\n{}\n", what, to_text(shown.graph, shown.outputs, note));
}

// ---- which experiment ----

// The one that was asked for, or the only one. Empty: none, and this was said.
std::string chosen_experiment(const GraphRequest& request, const Script& script) {
  if (!request.experiment.empty()) return request.experiment;
  std::vector<std::string> names;
  for (const auto* experiment : script.program()->experiments()) names.push_back(experiment->name.text);
  if (names.size() == 1) return names.front();
  complain(names.empty()
               ? fmt::format("{} has no experiment, so it has no programs", request.script)
               : fmt::format("{} has several experiments: say which of {}", request.script, fmt::join(names, ", ")));
  return "";
}

int print_programs(GraphRequest& request, const Script& script, Report& report) {
  const std::string experiment = chosen_experiment(request, script);
  if (experiment.empty()) return static_cast<int>(Outcome::wrong_options);
  request.options.experiments = {experiment};
  bool any = false;
  if (request.stage == "gradient")
    request.options.inspect_gradient = [&](const std::string& what, const GradientGraph& shown) {
      print_gradient(request, what, shown, script.sources());
      any = true;
    };
  else
    request.options.inspect = [&](const std::string& what, const Program& program) {
      print_program(request, what, program);
      any = true;
    };
  const Outcome outcome = check(script, request.options, report);
  if (outcome == Outcome::done && !any)
    fmt::print(stderr, "metac: `{}` {}\n", experiment,
               request.stage == "gradient" ? "trains nothing, so it differentiates nothing"
                                           : "trains and evaluates nothing, so it has no programs");
  return static_cast<int>(outcome);
}

}  // namespace

int print_graph(GraphRequest request) {
  const bool before_experiments = request.stage == "tree" || request.stage == "checked";
  if (const auto wrong = read_settings(request.settings, request.options); !wrong.empty()) {
    complain(wrong);
    return static_cast<int>(Outcome::wrong_options);
  }
  if (before_experiments && !request.settings.empty()) {
    complain(
        fmt::format("`--set` changes nothing in the stage `{}`: values are given to experiments later", request.stage));
    return static_cast<int>(Outcome::wrong_options);
  }
  Report report;
  const Script script = Script::load(request.script, report);
  int code = static_cast<int>(Outcome::wrong_script);
  if (request.stage == "tree" && script.sources().size() > 0)  // also of a script that has mistakes
    code = print_trees(request, script, report);
  else if (script.valid())
    code = request.stage == "checked" ? print_checked(request, script) : print_programs(request, script, report);
  show(report, script.sources());
  return code;
}

}  // namespace metac::dsl
