// The text of a script, from disk.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "report/report.hpp"

namespace metac::dsl {

// A mistake without a place in the script.
void add_plain(Report&, const char* code, std::string message, std::string hint = "");

// The bytes of a file; nullopt if it cannot be read, or is longer than a script may be.
std::optional<std::string> read_text(const std::filesystem::path&);

// The text of a script. What is no text file is reported (E0001).
std::optional<std::string> read_script(const std::string& path, Report&);

}  // namespace metac::dsl
