// `metac list`: what a script defines.
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "cli/commands.hpp"
#include "cli/output.hpp"
#include "driver/script_file.hpp"
#include "outline/outline.hpp"
#include "syntax/syntax.hpp"

namespace metac::dsl {

namespace {

using Json = nlohmann::ordered_json;

Json as_json(const Outline& outline, const Sources& sources) {
  const Position begin = sources.position(outline.place.file, outline.place.begin),
                 end = sources.position(outline.place.file, outline.place.end);
  Json lists = Json::array(), members = Json::array();
  for (const auto& list : outline.lists) {
    Json& parameters = lists.emplace_back(Json::array());
    for (const auto& each : list) {
      Json parameter{{"name", each.name}};
      if (!each.default_value.empty()) parameter["default"] = each.default_value;
      parameters.push_back(std::move(parameter));
    }
  }
  for (const auto& member : outline.members) members.push_back(as_json(member, sources));
  return {{"kind", outline.kind},
          {"name", outline.name},
          {"parameters", std::move(lists)},
          {"documentation", outline.documentation},
          {"file", sources.name(outline.place.file)},
          {"line", begin.line},
          {"column", begin.column},
          {"end_line", end.line},
          {"end_column", end.column},
          {"members", std::move(members)}};
}

void print_line(const Outline& outline, const Sources& sources) {
  const Position at = sources.position(outline.place.file, outline.place.begin);
  fmt::print("{}:{}: {}\n", sources.name(outline.place.file), at.line, heading(outline));
  if (const auto words = summary(outline); !words.empty()) fmt::print("    {}\n", words);
}

}  // namespace

int list_script(const ListRequest& request) {
  Report report;
  Sources sources;
  if (const auto text = read_script(request.script, report)) {
    const Module module = parse(sources, sources.add(request.script, *text), report);
    for (const Outline& each : outline(module, sources)) {
      if (request.json)
        fmt::print("{}\n", as_json(each, sources).dump(-1, ' ', false, Json::error_handler_t::replace));
      else
        print_line(each, sources);
    }
  }
  show(report, sources, request.json ? DiagnosticForm::json : DiagnosticForm::text);
  return static_cast<int>(report.has_errors() ? Outcome::wrong_script : Outcome::done);
}

}  // namespace metac::dsl
