// How the command shows what happens: a progress line on a terminal, plain lines elsewhere, JSON lines for machines.
#pragma once

#include <cstdio>
#include <memory>

#include "driver/driver.hpp"

namespace metac::dsl {

// Results go to stdout, progress to stderr. On a terminal the progress is one line that is rewritten at most ten times
// a second; elsewhere a line stands now and then.
std::unique_ptr<Observer> make_text_observer(bool terminal, bool colour);
// One JSON object a line on stdout, for every event.
std::unique_ptr<Observer> make_json_observer();

}  // namespace metac::dsl
