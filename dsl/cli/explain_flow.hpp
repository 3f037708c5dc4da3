// `metac explain SCRIPT NAME`: the derivatives from an objective to what is learned, in the script's own words.
#pragma once

#include <string>
#include <vector>

#include "driver/driver.hpp"

namespace metac::dsl {

// The paths to a name: a `learn` ("theta"), a part of it ("theta.linear1"), either behind the name of a learner
// ("learner.theta"); all that is learned where it is empty. Empty if there is no such name.
std::string explain_flow(const std::vector<ObjectiveFlow>&, const std::string& name, const Sources&);
// The names that can be asked for, for a hint.
std::vector<std::string> names_of_flow(const std::vector<ObjectiveFlow>&);

}  // namespace metac::dsl
