// `metac graph`: the programs that an experiment is made of, as text, for graphviz, or as JSON.
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "cli/commands.hpp"
#include "cli/output.hpp"
#include "graph/drawing.hpp"
#include "plan/plan.hpp"

namespace metac::dsl {

namespace {

void print_program(const GraphRequest& request, const std::string& what, const Program& program) {
  const bool plan = request.stage == "plan";
  if (request.form == "dot") {
    fmt::print("{}", to_dot(*program.graph, program.outputs, what));
  } else if (request.form == "json") {
    const nlohmann::json name = what;
    fmt::print("{{\"program\":{},\"graph\":{}}}\n", name.dump(),
               to_json(*program.graph, program.inputs, program.outputs));
  } else {
    fmt::print("# {}\n{}\n", what, plan ? to_text(*make_plan(program)) : to_text(*program.graph, program.outputs));
  }
}

}  // namespace

int print_graph(GraphRequest request) {
  if (request.stage == "plan" && request.form != "text") {
    complain(fmt::format("a plan is a list of steps, which is printed as text; `--format {}` was given", request.form));
    return static_cast<int>(Outcome::wrong_options);
  }
  Report report;
  const Script script = Script::load(request.script, report);
  Outcome outcome = Outcome::wrong_script;
  if (script.valid()) {
    request.options.experiments = {request.experiment};
    bool any = false;
    request.options.inspect = [&](const std::string& what, const Program& program) {
      print_program(request, what, program);
      any = true;
    };
    outcome = check(script, request.options, report);
    if (outcome == Outcome::done && !any)
      fmt::print(stderr, "metac: `{}` trains and evaluates nothing, so it has no programs\n", request.experiment);
  }
  show(report, script.sources());
  return static_cast<int>(outcome);
}

}  // namespace metac::dsl
