// `metac fmt`: scripts in their canonical form, which `print` gives.
#include <fmt/format.h>

#include <cstdio>
#include <iostream>
#include <iterator>
#include <optional>

#include "base/error.hpp"
#include "cli/commands.hpp"
#include "cli/diff.hpp"
#include "cli/output.hpp"
#include "driver/script_file.hpp"
#include "editor/formatting.hpp"
#include "store/atomic_file.hpp"

namespace metac::dsl {

namespace {

std::optional<std::string> read(const std::string& file, Report& report) {
  if (file != "-") return read_script(file, report);
  return std::string(std::istreambuf_iterator<char>(std::cin), {});
}

// True if all is well with this file.
bool format_one(const std::string& file, const FormatRequest& request) {
  const bool from_input = file == "-";
  const std::string name = from_input ? "standard input" : file;
  Report report;
  Sources sources;
  const auto before = read(file, report);
  const auto after = before ? formatted(sources, sources.add(name, *before), report) : std::nullopt;
  show(report, sources);
  if (!after) return false;
  const bool same = *after == *before;
  if (request.diff) fmt::print("{}", unified_diff(*before, *after, name, name + " (formatted)"));
  if (request.check && !request.diff && !same) fmt::print("{}: not formatted\n", name);
  if (request.check || request.diff) return same || !request.check;
  if (from_input) {
    fmt::print("{}", *after);
  } else if (!same) {
    store::write_atomically(file, *after);
    fmt::print("{}: formatted\n", name);
  }
  return true;
}

}  // namespace

int format_scripts(const FormatRequest& request) {
  Outcome outcome = Outcome::done;
  for (const auto& file : request.files) try {
      if (!format_one(file, request)) outcome = Outcome::wrong_script;
    } catch (const Error& error) {
      complain(error.what());
      return static_cast<int>(Outcome::failed);
    }
  return static_cast<int>(outcome);
}

}  // namespace metac::dsl
