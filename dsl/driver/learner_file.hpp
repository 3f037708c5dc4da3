// Files of learners, in the safetensors format: an array for each leaf of the state, "learner.theta.linear1.weight".
#pragma once

#include <string>

#include "elaborate/value.hpp"

namespace metac::dsl {

// Error if it cannot be written.
void write_learner(const std::string& path, const Learner&);
// Puts the state that the file holds, and how many trainings it has had, into the learner; a file from elsewhere has
// only arrays. The state is none if no array has such a name. Error if it cannot be read.
void read_learner(const std::string& path, Learner&);

}  // namespace metac::dsl
