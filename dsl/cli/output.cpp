// Diagnostics and complaints, on the streams of the process.
#include "cli/output.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>

namespace metac::dsl {

bool use_colour() { return isatty(STDERR_FILENO) != 0 && std::getenv("NO_COLOR") == nullptr; }

void show(const Report& report, const Sources& sources, DiagnosticForm form) {
  for (const auto& diagnostic : report.all()) {
    if (form == DiagnosticForm::text)
      fmt::print(stderr, "{}", render(diagnostic, sources, use_colour()));
    else
      fmt::print(form == DiagnosticForm::json ? stderr : stdout, "{}\n", render_json(diagnostic, sources));
  }
}

void complain(const std::string& message) { fmt::print(stderr, "metac: error: {}\n", message); }

}  // namespace metac::dsl
