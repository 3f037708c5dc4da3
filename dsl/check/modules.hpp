// The files of one program: a script, what it uses, and the library; parsed, with the names of their top levels.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "check/check.hpp"

namespace metac::dsl {

// Names that the statements of a module bind, or would bind if they could be read or stood in the right place. To say
// nothing of them is better than to call them unknown.
std::set<std::string> names_to_forgive(const Module&, bool is_damaged, std::string_view text);

// "models/net.meta", as `use` of a file names it: beside the file that uses it.
std::string resolved_path(const std::string& path, const std::string& user);

class ModuleSet {
 public:
  ModuleSet(Sources& sources, const ModuleLoader& loader, Report& report)
      : sources_(sources), loader_(loader), report_(report) {}

  // Parses a file and, depth first, what it uses.
  void load(std::uint32_t file);
  void load_library(std::span<const LibraryFile>);

  std::vector<Module>& modules() { return modules_; }  // in the order of loading
  bool is_library(const Module& module) const { return module.file >= first_library_file_; }
  bool is_damaged(std::uint32_t file) const { return damaged_.count(file) > 0; }
  // The file a `use` of `user` names, if it could be read.
  const std::uint32_t* used_file(std::uint32_t user, const UseStatement&) const;

 private:
  void parse_into(std::uint32_t file);
  void follow(const UseStatement&, std::uint32_t user);
  void report_missing(const UseStatement&, const std::string& user);
  void report_cycle(const UseStatement&, std::uint32_t file);

  Sources& sources_;
  const ModuleLoader& loader_;
  Report& report_;
  std::vector<Module> modules_;
  std::map<std::string, std::uint32_t> by_name_;
  std::vector<std::uint32_t> active_;  // files whose `use`s are being followed
  std::set<std::uint32_t> damaged_;
  std::uint32_t first_library_file_ = UINT32_MAX;
};

}  // namespace metac::dsl
