// What only elaboration finds: shapes, kinds, data, derivatives. It follows every call of every experiment, and so
// takes as long as the script makes it; whoever asks should be able to stop it, such as a process of its own.
#pragma once

#include <string>

#include "driver/driver.hpp"
#include "editor/analysis.hpp"

namespace metac::dsl {

struct Rehearsal {
  Script script;
  Report report;  // what checking without elaboration does not say
  BoundValues values;
};

// `data`: the data directory; empty: that of the environment.
Rehearsal rehearse(const std::string& path, const std::string& text, const ReadText&, const std::string& data);

}  // namespace metac::dsl
