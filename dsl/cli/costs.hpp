// What `metac check` says of the costs of a script.
#pragma once

#include <string>

#include "driver/driver.hpp"

namespace metac::dsl {

std::string costs_text(const Costs&);
std::string costs_json(const Costs&);  // an event a line: "cost" for each training, then "memory"
std::string memory_json(std::size_t peak);

}  // namespace metac::dsl
