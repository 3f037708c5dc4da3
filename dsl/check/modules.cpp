// Loading: each file is parsed once, however many paths lead to it.
#include "check/modules.hpp"

#include <algorithm>
#include <filesystem>

#include "check/scopes.hpp"
#include "syntax/syntax.hpp"

namespace metac::dsl {

namespace {

bool is_word(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_'; }

// Words that look bound: behind a word such as `let`, or before `=` or `~`. Good enough for a text that could not be
// read.
std::set<std::string> words_that_look_bound(std::string_view text) {
  static const std::set<std::string> binding = {"let",   "var",    "fn",      "model",     "tasks", "param",
                                                "learn", "memory", "learner", "optimizer", "for",   "experiment"};
  std::set<std::string> bound;
  std::string before;
  for (std::size_t at = 0; at < text.size();) {
    std::size_t end = at;
    while (end < text.size() && is_word(text[end])) ++end;
    if (end == at) {
      if (text[at] != ' ') before.clear();
      ++at;
      continue;
    }
    std::string name(text.substr(at, end - at));
    const std::size_t next = std::min(text.find_first_not_of(' ', end), text.size());
    const std::string_view rest = text.substr(next);
    const bool assigned = rest.starts_with('~') || (rest.starts_with('=') && !rest.starts_with("=="));
    if (assigned || binding.count(before) > 0) bound.insert(name);
    before = std::move(name);
    at = end;
  }
  return bound;
}

}  // namespace

std::set<std::string> names_to_forgive(const Module& module, bool is_damaged, std::string_view text) {
  std::set<std::string> names = is_damaged ? words_that_look_bound(text) : std::set<std::string>{};
  for (const auto& statement : module.statements) {
    const bool right_place =
        std::holds_alternative<LetStatement>(statement->node) || std::holds_alternative<Definition>(statement->node);
    if (right_place) continue;
    for (const Name* name : names_bound_by(*statement)) names.insert(name->text);
    if (const auto* assign = std::get_if<AssignStatement>(&statement->node)) {
      for (const auto& path : assign->paths) names.insert(path.front().text);
    }
  }
  return names;
}

std::string resolved_path(const std::string& path, const std::string& user) {
  return (std::filesystem::path(user).parent_path() / path).lexically_normal().string();
}

// What a file is known by: a path from here and one from the root may lead to the same one.
std::string identity(const std::string& name) {
  std::error_code error;
  const auto full = std::filesystem::absolute(name, error);
  return error ? name : full.lexically_normal().string();
}

void ModuleSet::parse_into(std::uint32_t file) {
  const int errors = report_.errors();
  modules_.push_back(parse(sources_, file, report_));
  if (report_.errors() > errors) damaged_.insert(file);
}

void ModuleSet::load(std::uint32_t file) {
  by_name_.emplace(identity(sources_.name(file)), file);
  active_.push_back(file);
  parse_into(file);
  const auto statements = modules_.back().statements;  // a copy: following adds modules
  for (const auto& statement : statements) {
    if (const auto* use = std::get_if<UseStatement>(&statement->node)) follow(*use, file);
  }
  active_.pop_back();
}

void ModuleSet::load_library(std::span<const LibraryFile> library) {
  first_library_file_ = static_cast<std::uint32_t>(sources_.size());
  for (const LibraryFile& file : library) parse_into(sources_.add(std::string(file.path), std::string(file.text)));
}

void ModuleSet::follow(const UseStatement& use, std::uint32_t user) {
  const std::string name = resolved_path(use.module, sources_.name(user));
  const auto known = by_name_.find(identity(name));
  if (known != by_name_.end()) {
    const bool is_cycle = std::find(active_.begin(), active_.end(), known->second) != active_.end();
    if (is_cycle) report_cycle(use, known->second);
    return;
  }
  auto text = loader_ ? loader_(use.module, sources_.name(user)) : std::nullopt;
  if (!text) return report_missing(use, sources_.name(user));
  load(sources_.add(name, std::move(*text)));
}

void ModuleSet::report_missing(const UseStatement& use, const std::string& user) {
  Diagnostic& error = report_.error("E0215", use.module_span, "there is no file `" + use.module + "`");
  const std::string with_ending = use.module + ".meta";
  if (!use.module.ends_with(".meta") && loader_ && loader_(with_ending, user)) {
    error.hint = "did you mean `" + with_ending + "`?";
  } else {
    error.hint = "the path is read beside `" + std::filesystem::path(user).filename().string() +
                 "`; what is in the standard library needs no `use`";
  }
}

void ModuleSet::report_cycle(const UseStatement& use, std::uint32_t file) {
  if (file == active_.back()) {
    report_.error("E0216", use.module_span, "a file cannot use itself");
    return;
  }
  Diagnostic& error =
      report_.error("E0216", use.module_span, "`" + use.module + "` uses this file, so this file cannot use it");
  auto at = std::find(active_.begin(), active_.end(), file);
  std::string chain = "`" + sources_.name(*at) + "` uses ";
  for (++at; at != active_.end(); ++at) chain += "`" + sources_.name(*at) + "`, which uses ";
  error.notes.push_back({chain + "`" + sources_.name(file) + "`", {}, false});
  error.hint = "move what both need to a third file";
}

const std::uint32_t* ModuleSet::used_file(std::uint32_t user, const UseStatement& use) const {
  const auto found = by_name_.find(identity(resolved_path(use.module, sources_.name(user))));
  return found == by_name_.end() || found->second == user ? nullptr : &found->second;
}

}  // namespace metac::dsl
