// From trees to a checked program: names, arguments, kinds of definitions, and the statements allowed in each. A
// CheckedProgram can only be made here, so later stages cannot meet an unresolved name.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "library/library.hpp"
#include "report/report.hpp"
#include "syntax/tree.hpp"

namespace metac::dsl {

// A top-level name: a definition, or a `let` of a module.
struct Global {
  std::shared_ptr<const Statement> statement;
  const Definition* definition = nullptr;  // null for a `let`
  std::uint32_t file = 0;
  bool from_library = false;
};

class CheckedProgram {
 public:
  // By name; a script's own names hide the standard library's. `module` is the file the name is used in.
  const Global* find(const std::string& name, std::uint32_t file) const;
  // Every name that find() knows in `file`, for hints and completion: its own first, then the library's.
  std::vector<std::string> names(std::uint32_t file) const;
  // Whether a learner that is visible in `file` has a function of this name: a metric may be one.
  bool is_learner_function(const std::string& name, std::uint32_t file) const;
  // The statements of the script itself, in order: its `let`s and experiments.
  const Module& script() const { return *modules_.front(); }
  std::vector<const Definition*> experiments() const;  // of the script, in order
  const Module& latest() const { return *latest_; }    // what a prompt added last; else the script
  // With these names of the script as they were before: what they were to stand for has failed.
  std::shared_ptr<const CheckedProgram> restored(const std::vector<std::string>& names,
                                                 const CheckedProgram& before) const;
  const Sources& sources() const { return *sources_; }
  bool is_library(std::uint32_t file) const;

 private:
  friend class Checker;
  std::shared_ptr<const Sources> sources_;
  std::vector<std::shared_ptr<const Module>> modules_;  // the script first, then what it uses, then the library
  std::map<std::uint32_t, std::map<std::string, Global>> visible_;  // for each file: its own names and those it uses
  std::map<std::string, Global> library_;
  std::vector<std::uint32_t> entered_;  // files entered at a prompt, in order: their names are those of the script
  std::shared_ptr<const Module> latest_;
  std::uint32_t home(std::uint32_t file) const;  // whose names a file sees
};

// How `use "file.meta"` finds a text: given the path as written and the file that uses it; nullopt if there is none.
using ModuleLoader = std::function<std::optional<std::string>(const std::string& path, const std::string& user)>;

// Parses and checks a script, its modules and the library. nullptr if there were errors; they are in the report, in the
// order of the text.
std::shared_ptr<const CheckedProgram> check(std::shared_ptr<Sources>, std::uint32_t script, const ModuleLoader&,
                                            Report&);
// The same with a library of one's own.
std::shared_ptr<const CheckedProgram> check(std::shared_ptr<Sources>, std::uint32_t script, const ModuleLoader&,
                                            Report&, std::span<const LibraryFile> library);

// ---- growing at a prompt ----

// What a name of the prompt is, for who reads more: bound by `let`, or by `var`.
using EnteredNames = std::map<std::string, bool /* by `var` */>;

// A program with a further text, whose statements stand where those of an experiment do, and whose definitions and
// `use`s stand where those of a script do. Its names take the place of those of the same name. nullptr if it has
// errors. `as_script`: it is the file of a script, whose top level it is.
std::shared_ptr<const CheckedProgram> extended(const CheckedProgram& before, std::shared_ptr<Sources>,
                                               std::uint32_t text, bool as_script, const EnteredNames&,
                                               const ModuleLoader&, Report&);

}  // namespace metac::dsl
