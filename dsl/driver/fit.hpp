// How a run keeps within a limit of memory.
#pragma once

#include <functional>

#include "driver/driver.hpp"

namespace metac::dsl {

// Lowers `kept`, `tasks_at_once` and `threads` until a rehearsal with them needs at most `memory`, and warns of what
// was lowered (W0501). How much is made again follows from what one thread needs, so that bits do not depend on the
// threads; then as many of these work as there is memory for. False, and E0504 in the report, where nothing is enough.
// `costs` are those of the last rehearsal.
bool fit_memory(Options&, Costs& costs, const std::function<Costs(const Options&)>& rehearsed, Report&);

}  // namespace metac::dsl
