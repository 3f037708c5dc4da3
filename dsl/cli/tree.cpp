// Trees in each form, and the names in them.
#include "cli/tree.hpp"

#include <fmt/format.h>

#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "cli/output.hpp"
#include "outline/outline.hpp"
#include "syntax/picture.hpp"
#include "syntax/syntax.hpp"

namespace metac::dsl {

namespace {

using Json = nlohmann::ordered_json;

std::string place(Span span, const Sources& sources) {
  return fmt::format("{}:{}", sources.name(span.file), sources.position(span.file, span.begin).line);
}

// One line of text: a script may hold any bytes.
std::string shown(const std::string& value) { return Json(value).dump(-1, ' ', false, Json::error_handler_t::replace); }

// ---- trees ----

std::string label(const Picture& node) {
  std::string text = node.role.empty() ? node.form : node.role + ": " + node.form;
  if (!node.value.empty() || node.form == "text") text += " " + (node.form == "text" ? shown(node.value) : node.value);
  return text;
}

void print_text(const Picture& node, const Sources& sources, int depth) {
  const Position at = sources.position(node.span.file, node.span.begin);
  fmt::print("{:{}}{}  # {}:{}\n", "", 2 * depth, label(node), at.line, at.column);
  for (const Picture& part : node.parts) print_text(part, sources, depth + 1);
}

int print_dot(const Picture& node, int& next) {
  const int own = next++;
  fmt::print("  n{} [label={}];\n", own, shown(label(node)));
  for (const Picture& part : node.parts) fmt::print("  n{} -> n{};\n", own, print_dot(part, next));
  return own;
}

Json as_json(const Picture& node, const Sources& sources) {
  const Position begin = sources.position(node.span.file, node.span.begin),
                 end = sources.position(node.span.file, node.span.end);
  Json made;
  if (!node.role.empty()) made["role"] = node.role;
  made["form"] = node.form;
  if (!node.value.empty()) made["value"] = node.value;
  made["line"] = begin.line, made["column"] = begin.column;
  made["end_line"] = end.line, made["end_column"] = end.column;
  if (!node.parts.empty())
    for (const Picture& part : node.parts) made["parts"].push_back(as_json(part, sources));
  return made;
}

void print_tree(const Picture& tree, const std::string& form, const Sources& sources) {
  if (form == "text") return print_text(tree, sources, 0);
  if (form == "json")
    return fmt::print("{}\n", as_json(tree, sources).dump(-1, ' ', false, Json::error_handler_t::replace));
  fmt::print("digraph {} {{\n  node [shape=box];\n", shown(label(tree)));
  int next = 0;
  print_dot(tree, next);
  fmt::print("}}\n");
}

// What a statement of the top level defines.
std::vector<const Name*> names_bound_by(const Statement& statement) {
  std::vector<const Name*> names;
  if (const auto* definition = std::get_if<Definition>(&statement.node)) names.push_back(&definition->name);
  if (const auto* let = std::get_if<LetStatement>(&statement.node))
    for (const Name& name : let->pattern.names)
      if (name.text != "_") names.push_back(&name);
  return names;
}

// The statements of a module to show: all, or those that bind the name.
std::vector<std::shared_ptr<const Statement>> chosen(const Module& module, const std::string& name) {
  std::vector<std::shared_ptr<const Statement>> found;
  for (const auto& statement : module.statements) {
    bool binds = name.empty();
    for (const Name* bound : names_bound_by(*statement)) binds |= bound->text == name;
    if (binds) found.push_back(statement);
  }
  return found;
}

int unknown(const GraphRequest& request, const Module& module) {
  std::vector<std::string> known;
  for (const auto& statement : module.statements)
    for (const Name* bound : names_bound_by(*statement)) known.push_back(bound->text);
  complain(fmt::format("{} defines no `{}`", request.script, request.experiment));
  if (const auto near = nearest(request.experiment, known); !near.empty())
    fmt::print(stderr, "  hint: did you mean `{}`?\n", near);
  else if (!known.empty())
    fmt::print(stderr, "  hint: it defines {}\n", fmt::join(known, ", "));
  return static_cast<int>(Outcome::wrong_options);
}

// ---- names ----

void collect(const Picture& node, std::set<std::string>& bound, std::map<std::string, Span>& used) {
  static const std::set<std::string> binding{"let",   "var",   "for",    "comprehension", "draw",
                                             "param", "learn", "memory", "parameter",     "fn"};
  if (binding.contains(node.form)) {
    std::string word;
    for (const char c : node.value + ",")
      if (c == ',' || c == '(' || c == ')' || c == ' ')
        bound.insert(std::exchange(word, ""));
      else
        word += c;
  }
  if (node.form == "name") used.emplace(node.value, node.span);
  for (const Picture& part : node.parts) collect(part, bound, used);
}

struct Use {
  std::string name, meaning;
};

// What a definition uses of outside: names that it does not bind itself.
std::vector<Use> uses(const Statement& statement, std::uint32_t file, const Script& script) {
  std::set<std::string> bound;
  std::map<std::string, Span> used;
  Picture tree = picture(statement);
  for (const Picture& part : tree.parts) collect(part, bound, used);
  std::vector<Use> found;
  for (const auto& [name, span] : used) {
    if (bound.contains(name)) continue;
    if (const Global* global = script.program()->find(name, file)) {
      const Outline made = outline_of(name, *global, script.sources());
      found.push_back({name, fmt::format("{} of {}", made.kind, place(made.place, script.sources()))});
    } else if (find_builtin(name) != nullptr) {
      found.push_back({name, "builtin"});
    }
  }
  return found;
}

struct Checked {
  Outline outline;
  std::vector<Use> uses;
};

void print_text(const Checked& one, const Sources& sources) {
  fmt::print("{}  # {}\n", heading(one.outline), place(one.outline.place, sources));
  for (const Outline& member : one.outline.members) fmt::print("  {}\n", heading(member));
  for (const Use& use : one.uses) fmt::print("  uses {}: {}\n", use.name, use.meaning);
}

Json as_json(const Checked& one, const Sources& sources) {
  Json made{{"definition", heading(one.outline)},         {"kind", one.outline.kind}, {"name", one.outline.name},
            {"place", place(one.outline.place, sources)}, {"members", Json::array()}, {"uses", Json::object()}};
  for (const Outline& member : one.outline.members) made["members"].push_back(heading(member));
  for (const Use& use : one.uses) made["uses"][use.name] = use.meaning;
  return made;
}

void print_dot(const std::vector<Checked>& all) {
  fmt::print("digraph checked {{\n  node [shape=box];\n");
  std::set<std::string> own;
  for (const Checked& one : all) {
    own.insert(one.outline.name);
    fmt::print("  {} [label={}];\n", shown(one.outline.name), shown(heading(one.outline)));
  }
  std::set<std::string> others;
  for (const Checked& one : all)
    for (const Use& use : one.uses) {
      if (!own.contains(use.name) && others.insert(use.name).second)
        fmt::print("  {} [label={}, style=dashed];\n", shown(use.name), shown(use.name + "\n" + use.meaning));
      fmt::print("  {} -> {};\n", shown(one.outline.name), shown(use.name));
    }
  fmt::print("}}\n");
}

}  // namespace

int print_trees(const GraphRequest& request, const Script& script, const Report& report) {
  Report again;  // what is wrong is known already
  const Module module = parse(script.sources(), 0, again);
  const auto statements = chosen(module, request.experiment);
  if (statements.empty() && !request.experiment.empty()) return unknown(request, module);
  for (const auto& statement : statements) print_tree(picture(*statement), request.form, script.sources());
  return static_cast<int>(report.has_errors() ? Outcome::wrong_script : Outcome::done);
}

int print_checked(const GraphRequest& request, const Script& script) {
  const Module& module = script.program()->script();
  const auto statements = chosen(module, request.experiment);
  if (statements.empty() && !request.experiment.empty()) return unknown(request, module);
  std::vector<Checked> all;
  for (const auto& statement : statements)
    for (const Name* name : names_bound_by(*statement)) {
      if (!request.experiment.empty() && name->text != request.experiment) continue;
      const Global global{statement, std::get_if<Definition>(&statement->node), module.file, false};
      all.push_back({outline_of(name->text, global, script.sources()), uses(*statement, module.file, script)});
    }
  if (request.form == "dot") print_dot(all);
  for (const Checked& one : all) {
    if (request.form == "json")
      fmt::print("{}\n", as_json(one, script.sources()).dump(-1, ' ', false, Json::error_handler_t::replace));
    if (request.form == "text") print_text(one, script.sources());
  }
  return static_cast<int>(Outcome::done);
}

}  // namespace metac::dsl
