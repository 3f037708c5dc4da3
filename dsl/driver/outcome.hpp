// How work on a script ends, and how what it throws is told.
#pragma once

#include <functional>
#include <string>

#include "report/report.hpp"

namespace metac::dsl {

enum class Outcome {
  done = 0,
  wrong_script = 1,   // the script or its data is wrong: see the report
  wrong_options = 2,  // an option names what is not there: see the report
  failed = 3,         // diverged, or out of memory: see the report
  interrupted = 130,
};

// Does the work. What it throws goes to the report, each mistake once; `to_do`, "check ...", says what there was not
// enough memory for.
Outcome reported(Report&, const std::string& to_do, const std::function<void()>& work);

}  // namespace metac::dsl
