// The order of checking: load every file, collect the names of their top levels, then walk each module.
#include "check/check.hpp"

#include <algorithm>
#include <set>
#include <tuple>

#include "check/modules.hpp"
#include "check/occurrences.hpp"
#include "check/scopes.hpp"
#include "check/walker.hpp"

namespace metac::dsl {

std::uint32_t CheckedProgram::home(std::uint32_t file) const {
  return std::binary_search(entered_.begin(), entered_.end(), file) ? script().file : file;
}

const Global* CheckedProgram::find(const std::string& name, std::uint32_t file) const {
  const auto names = visible_.find(home(file));
  if (names != visible_.end()) {
    const auto own = names->second.find(name);
    if (own != names->second.end()) return &own->second;
  }
  const auto shared = library_.find(name);
  return shared == library_.end() ? nullptr : &shared->second;
}

std::vector<std::string> CheckedProgram::names(std::uint32_t file) const {
  std::vector<std::string> result;
  const auto own = visible_.find(home(file));
  if (own != visible_.end()) {
    for (const auto& [name, global] : own->second) result.push_back(name);
  }
  for (const auto& [name, global] : library_) result.push_back(name);
  return result;
}

bool CheckedProgram::is_library(std::uint32_t file) const {
  return std::any_of(library_.begin(), library_.end(), [&](const auto& entry) { return entry.second.file == file; });
}

bool CheckedProgram::is_learner_function(const std::string& name, std::uint32_t file) const {
  for (const std::string& visible : names(file)) {
    const Global* global = find(visible, file);
    if (!global || !global->definition || global->definition->kind != DefinitionKind::learner) continue;
    if (!global->definition->body.block) continue;
    for (const auto& statement : global->definition->body.block->statements) {
      const auto* function = std::get_if<Definition>(&statement->node);
      if (function && function->name.text == name) return true;
    }
  }
  return false;
}

std::vector<const Definition*> CheckedProgram::experiments() const {
  std::vector<const Definition*> result;
  for (const auto& statement : script().statements) {
    const auto* definition = std::get_if<Definition>(&statement->node);
    if (definition && definition->kind == DefinitionKind::experiment) result.push_back(definition);
  }
  return result;
}

std::shared_ptr<const CheckedProgram> CheckedProgram::restored(const std::vector<std::string>& names,
                                                               const CheckedProgram& before) const {
  auto copy = std::make_shared<CheckedProgram>(*this);
  auto& own = copy->visible_[script().file];
  for (const auto& name : names) {
    own.erase(name);
    if (const Global* known = before.find(name, script().file); known != nullptr && !known->from_library)
      own.emplace(name, *known);
  }
  return copy;
}

class Checker {
 public:
  Checker(std::shared_ptr<Sources> sources, const ModuleLoader& loader, const CheckedProgram& before)
      : Checker(std::move(sources), loader, nullptr, new CheckedProgram(before)) {}
  Checker(std::shared_ptr<Sources> sources, const ModuleLoader& loader, Occurrences* occurrences = nullptr,
          CheckedProgram* program = new CheckedProgram)
      : sources_(std::move(sources)), program_(program), set_(*sources_, loader, found_), occurrences_(occurrences) {
    program_->sources_ = sources_;
  }

  std::shared_ptr<const CheckedProgram> run(std::uint32_t script, std::span<const LibraryFile> library,
                                            Report& report) {
    set_.load(script);
    set_.load_library(library);
    for (const Module& module : set_.modules()) define_names(module);
    for (const Module& module : set_.modules()) bring_used_names(module);
    for (const Module& module : set_.modules()) walk(module, module.file == script);
    if (occurrences_) occurrences_->modules = set_.modules();
    take_modules();
    program_->latest_ = program_->modules_.front();
    pass_on(script, report);
    return found_.has_errors() ? nullptr : program_;
  }

  // The program that there is, and a text that was entered at its prompt.
  std::shared_ptr<const CheckedProgram> extend(std::uint32_t text, bool as_script, const EnteredNames& entered,
                                               Report& report) {
    entered_ = as_script ? nullptr : &entered;
    text_ = text;
    set_.load(text);
    for (const Module& module : set_.modules()) define_names(module);
    for (const Module& module : set_.modules()) bring_used_names(module);
    // Names that it has itself hide those that there were.
    Names& names = program_->visible_[program_->script().file];
    for (auto& [name, global] : program_->visible_[text]) names[name] = std::move(global);
    program_->visible_.erase(text);
    program_->entered_.push_back(text);
    for (const Module& module : set_.modules()) walk(module, false);
    const std::size_t first = program_->modules_.size();
    take_modules();
    program_->latest_ = program_->modules_.at(first);
    pass_on(text, report);
    return found_.has_errors() ? nullptr : program_;
  }

 private:
  using Names = std::map<std::string, Global>;

  void take_modules() {
    for (Module& module : set_.modules())
      program_->modules_.push_back(std::make_shared<const Module>(std::move(module)));
  }

  void define_names(const Module& module) {
    const bool library = set_.is_library(module);
    Names& names = library ? program_->library_ : program_->visible_[module.file];
    for (const auto& statement : module.statements) {
      const auto* definition = std::get_if<Definition>(&statement->node);
      const bool variable = is_entered(module) && std::holds_alternative<VarStatement>(statement->node);
      if (!definition && !variable && !std::holds_alternative<LetStatement>(statement->node)) continue;
      for (const Name* name : names_bound_by(*statement)) {
        if (name->text == "_") continue;
        const Global global{statement, definition, module.file, library};
        if (occurrences_) occurrences_->declare({*name, SymbolKind::unknown, definition, nullptr, global});
        define(names, *name, global);
      }
    }
  }

  bool is_entered(const Module& module) const { return entered_ != nullptr && module.file == text_; }

  void define(Names& names, const Name& name, Global global) {
    const auto [first, is_new] = names.emplace(name.text, std::move(global));
    if (is_new) return;
    Diagnostic& error = found_.error("E0204", name.span, "`" + name.text + "` is defined twice");
    error.labels.push_back({place_of(name.text, first->second), "first defined here"});
  }

  static Span place_of(const std::string& name, const Global& global) {
    const Name* bound = bound_name(*global.statement, name);
    return bound ? bound->span : global.statement->span;
  }

  // Names asked for first: they hide those of files that are used as a whole.
  void bring_used_names(const Module& module) {
    std::set<std::string> asked_for;
    for (const bool by_name : {true, false}) {
      for (const auto& statement : module.statements) {
        const auto* use = std::get_if<UseStatement>(&statement->node);
        if (!use || use->names.empty() == by_name) continue;
        for (const Name& name : use->names) asked_for.insert(name.text);
        const std::uint32_t* file = set_.used_file(module.file, *use);
        if (!file) {
          forgive(module.file, use->names);
        } else if (by_name) {
          for (const Name& name : use->names) bring(module.file, *file, name);
        } else {
          bring_all(module.file, *file, *use, asked_for);
        }
      }
    }
  }

  void forgive(std::uint32_t file, const std::vector<Name>& names) {
    for (const Name& name : names) forgiven_[file].insert(name.text);
  }

  // Own names hide them, as they hide the library's; between two files there is no such order.
  void bring_all(std::uint32_t user, std::uint32_t file, const UseStatement& use,
                 const std::set<std::string>& asked_for) {
    Names& names = program_->visible_[user];
    for (const auto& [name, global] : program_->visible_[file]) {
      const bool is_own = global.file == file;  // what a file uses is not its own
      if (!is_own || asked_for.count(name) > 0) continue;
      const auto [first, is_new] = names.emplace(name, global);
      if (is_new || first->second.file == user || first->second.file == file) continue;
      Diagnostic& error = found_.error("E0204", use.module_span, "`" + name + "` is in two of the files used here");
      error.labels.push_back({place_of(name, first->second), "one of them"});
      error.labels.push_back({place_of(name, global), "the other"});
      error.hint = "say which to take: `use " + name + " from \"..\"`";
    }
  }

  void bring(std::uint32_t user, std::uint32_t file, const Name& name) {
    const Names& theirs = program_->visible_[file];
    const auto found = theirs.find(name.text);
    if (found != theirs.end() && found->second.file == file)
      return define(program_->visible_[user], name, found->second);
    forgiven_[user].insert(name.text);
    if (set_.is_damaged(file)) return;
    std::string hint = is_full(found_) ? "" : name_instead(name.text, theirs, file);
    found_.error("E0217", name.span, "`" + sources_->name(file) + "` does not define `" + name.text + "`").hint =
        std::move(hint);
  }

  static std::string name_instead(const std::string& name, const Names& theirs, std::uint32_t file) {
    std::vector<std::string> candidates;
    for (const auto& [own, global] : theirs) {
      if (global.file == file) candidates.push_back(own);
    }
    const std::string all = candidates.empty() ? "that file defines nothing" : "it defines " + enumerate(candidates);
    return suggestion(name, candidates, all);
  }

  void walk(const Module& module, bool is_script) {
    WalkSettings settings;
    settings.is_script = is_script;
    settings.warns = !set_.is_library(module) && !is_entered(module);
    settings.entered = is_entered(module) ? entered_ : nullptr;
    const bool damaged = set_.is_damaged(module.file);
    if (damaged || !is_entered(module))  // what is entered may have any statement of an experiment
      settings.forgiven = names_to_forgive(module, damaged, sources_->text(module.file));
    settings.forgiven.merge(forgiven_[module.file]);
    settings.forgives_all = uses_unreadable(module);
    settings.is_damaged = damaged;
    settings.occurrences = occurrences_;
    for (const auto& statement : module.statements) {
      const auto* use = std::get_if<UseStatement>(&statement->node);
      const std::uint32_t* file = use ? set_.used_file(module.file, *use) : nullptr;
      if (file) settings.used_files.emplace(use->module_span.begin, *file);
    }
    Walker(*program_, module, std::move(settings), found_).walk();
  }

  // A file used as a whole that is missing or damaged may define any name.
  bool uses_unreadable(const Module& module) const {
    return std::any_of(module.statements.begin(), module.statements.end(), [&](const auto& statement) {
      const auto* use = std::get_if<UseStatement>(&statement->node);
      if (!use || !use->names.empty()) return false;
      const std::uint32_t* file = set_.used_file(module.file, *use);
      return !file || set_.is_damaged(*file);
    });
  }

  // In the order of the text, the script first.
  void pass_on(std::uint32_t script, Report& report) const {
    std::vector<Diagnostic> all = found_.all();
    // After a mistake, an unused name often is a part of it: `learner` is, where `lerner` is trained.
    if (found_.has_errors()) std::erase_if(all, [](const Diagnostic& d) { return d.code == "W0201"; });
    const auto key = [&](const Diagnostic& d) { return std::tuple(d.span.file != script, d.span.file, d.span.begin); };
    std::stable_sort(all.begin(), all.end(), [&](const auto& a, const auto& b) { return key(a) < key(b); });
    int errors = 0;
    for (Diagnostic& diagnostic : all) {
      if (diagnostic.severity == Severity::error && errors++ == most_mistakes) {
        report.error("E0223", diagnostic.span,
                     "there are more mistakes; these are the first " + std::to_string(most_mistakes));
      }
      if (errors > most_mistakes) return;
      report.add(std::move(diagnostic));
    }
  }

  std::shared_ptr<Sources> sources_;
  std::shared_ptr<CheckedProgram> program_;
  Report found_;
  ModuleSet set_;
  Occurrences* occurrences_;  // to be filled; null: nobody asks
  std::map<std::uint32_t, std::set<std::string>> forgiven_;
  const EnteredNames* entered_ = nullptr;  // at the prompt, of which `text_` is what was entered
  std::uint32_t text_ = 0;
};

std::shared_ptr<const CheckedProgram> extended(const CheckedProgram& before, std::shared_ptr<Sources> sources,
                                               std::uint32_t text, bool as_script, const EnteredNames& entered,
                                               const ModuleLoader& loader, Report& report) {
  return Checker(std::move(sources), loader, before).extend(text, as_script, entered, report);
}

std::shared_ptr<const CheckedProgram> check(std::shared_ptr<Sources> sources, std::uint32_t script,
                                            const ModuleLoader& loader, Report& report,
                                            std::span<const LibraryFile> library) {
  return Checker(std::move(sources), loader).run(script, library, report);
}

std::shared_ptr<const CheckedProgram> check(std::shared_ptr<Sources> sources, std::uint32_t script,
                                            const ModuleLoader& loader, Report& report,
                                            std::span<const LibraryFile> library, Occurrences& occurrences) {
  return Checker(std::move(sources), loader, &occurrences).run(script, library, report);
}

std::shared_ptr<const CheckedProgram> check(std::shared_ptr<Sources> sources, std::uint32_t script,
                                            const ModuleLoader& loader, Report& report) {
  return check(std::move(sources), script, loader, report, standard_library());
}

}  // namespace metac::dsl
