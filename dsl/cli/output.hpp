// What the commands print with: diagnostics on the right stream, in the right form.
#pragma once

#include "report/report.hpp"

namespace metac::dsl {

enum class DiagnosticForm {
  text,         // for people, on standard error
  json,         // one JSON object a line, on standard error
  json_events,  // the same on standard output, among the events of a run
};

// Colours on standard error: it is a terminal, and NO_COLOR is not set.
bool use_colour();
void show(const Report&, const Sources&, DiagnosticForm = DiagnosticForm::text);
// "metac: error: ...", a mistake without a script.
void complain(const std::string& message);

}  // namespace metac::dsl
