// `metac run` and `metac check`, and where their results go. What a run is stands in driver/.
#include <fmt/format.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <optional>

#include "base/error.hpp"
#include "base/memory.hpp"
#include "cli/commands.hpp"
#include "cli/costs.hpp"
#include "cli/explain_flow.hpp"
#include "cli/output.hpp"
#include "cli/request.hpp"
#include "cli/show.hpp"
#include "cli/table.hpp"

namespace metac::dsl {

namespace {

// Leaves what is there as it is.
bool can_be_written(const std::filesystem::path& path) {
  std::error_code error;
  const bool was_there = std::filesystem::exists(path, error);
  const bool opens = std::ofstream(path, std::ios::app).is_open();
  if (opens && !was_there) std::filesystem::remove(path, error);
  return opens;
}

// What the paths say; a mistake of the command line for a name that nothing learned has.
int show_flow(const std::vector<ObjectiveFlow>& flows, const std::string& path, const std::string& name,
              const Script& script) {
  if (const auto text = explain_flow(flows, name, script.sources()); !text.empty()) {
    fmt::print("{}", text);
    return static_cast<int>(Outcome::done);
  }
  if (flows.empty()) {
    complain(fmt::format("{} trains no learner by an objective: there is no derivative to explain", path));
    return static_cast<int>(Outcome::wrong_options);
  }
  const auto names = names_of_flow(flows);
  const auto near = nearest(name, names);
  complain(fmt::format("nothing that an objective of {} learns is called `{}`", path, name));
  if (!near.empty())
    fmt::print(stderr, "  hint: did you mean `{}`?\n", near);
  else if (!names.empty())
    fmt::print(stderr, "  hint: it learns {}\n", fmt::join(names, ", "));
  return static_cast<int>(Outcome::wrong_options);
}

Outcome write_table(const TableObserver& table, const std::string& path, Outcome outcome) {
  try {
    table.write(path);
  } catch (const metac::Error& error) {
    complain(error.what());
    if (outcome == Outcome::done) return Outcome::failed;
  }
  return outcome;
}

}  // namespace

int run_script(RunRequest request) {
  if (!request.resume.empty()) {
    request.options.out = request.resume;
    request.options.resume = true;
  }
  Report report;
  const auto script = loaded(request, report);
  if (!script) return static_cast<int>(Outcome::wrong_options);
  Outcome outcome = Outcome::wrong_script;
  if (script->valid()) {
    if (!request.csv.empty() && !can_be_written(request.csv)) {  // now, not after an hour
      complain(fmt::format("{} cannot be written", request.csv));
      return static_cast<int>(Outcome::failed);
    }
    auto observer = request.json ? make_json_observer() : make_text_observer(isatty(STDERR_FILENO) != 0, use_colour());
    TableObserver table(*observer);
    outcome = run(*script, request.options, table, report);
    if (!request.csv.empty()) outcome = write_table(table, request.csv, outcome);
  }
  const int code = finish(request, *script, report, outcome);
  if (outcome == Outcome::done && request.json) fmt::print("{}", memory_json(metac::memory_peak()));
  return code;
}

int check_script(RunRequest request) {
  Report report;
  const auto script = loaded(request, report);
  if (!script) return static_cast<int>(Outcome::wrong_options);
  Costs costs;
  const Outcome outcome =
      script->valid() ? check(*script, request.options, report, nullptr, &costs) : Outcome::wrong_script;
  const int code = finish(request, *script, report, outcome);
  if (outcome != Outcome::done) return code;
  if (!request.json) fmt::print("{}: no mistakes found\n", request.script);
  fmt::print("{}", request.json ? costs_json(costs) : costs_text(costs));
  return code;
}

int explain_derivatives(RunRequest request, const std::string& name) {
  Report report;
  const auto script = loaded(request, report);
  if (!script) return static_cast<int>(Outcome::wrong_options);
  std::vector<ObjectiveFlow> flows;
  const Outcome outcome = script->valid() ? check(*script, request.options, report, &flows) : Outcome::wrong_script;
  const int code = finish(request, *script, report, outcome);
  return outcome == Outcome::done ? show_flow(flows, request.script, name, *script) : code;
}

}  // namespace metac::dsl
