// Runs the checker on texts of a test, with the small library beside this file, and gives the diagnostics as text.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "check/check.hpp"

namespace metac::dsl::test {

struct Checked {
  std::shared_ptr<Sources> sources;
  std::shared_ptr<const CheckedProgram> program;
  Report report;
  std::string text;  // the diagnostics, rendered
};

std::string read_file(const std::string& path);
// A script with its modules by name, as `use` writes them.
Checked check_text(std::string script, const std::map<std::string, std::string>& modules = {});
// A file; what it uses is read beside it. Messages name it without its folder.
Checked check_file(const std::string& folder, const std::string& name);

}  // namespace metac::dsl::test
