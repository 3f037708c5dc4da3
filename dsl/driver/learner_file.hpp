// Files of learners, in the safetensors format: an array for each leaf of the state, "learner.theta.linear1.weight".
#pragma once

#include <string>
#include <vector>

#include "elaborate/value.hpp"

namespace metac::dsl {

// With what it has seen, besides its state. Error if it cannot be written.
void write_learner(const std::string& path, const Learner&, const std::vector<Exposure>& seen);
// Puts the state that the file holds, how many trainings it has had, and what it has seen in them, into the learner.
// The state is none if no array has such a name. False if the file does not say what was seen: one from elsewhere has
// only arrays. Error if it cannot be read.
bool read_learner(const std::string& path, Learner&);

}  // namespace metac::dsl
