// How a run keeps within a limit of memory.
#pragma once

#include <functional>

#include "driver/driver.hpp"

namespace metac::dsl {

// With these options: adds to the costs. What goes wrong is in the report of who made it.
using Rehearsal = std::function<Outcome(const Options&, Costs&)>;

// Lowers `kept`, `tasks_at_once` and `threads` until a rehearsal with them needs at most `memory`, and warns of what
// was lowered (W0501). How much is made again follows from what one thread needs, so that bits do not depend on the
// threads; then as many of these work as there is memory for. Outcome::failed, and E0504 in the report, where nothing
// is enough; the outcome of a rehearsal that goes wrong. `costs` are those of the options that were found.
Outcome fit_memory(Options&, Costs& costs, const Rehearsal&, Report&);

}  // namespace metac::dsl
