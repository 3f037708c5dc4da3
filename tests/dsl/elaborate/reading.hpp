// Scripts run through the driver, as text: what they print, what they say, and what their trainings end with.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "driver/driver.hpp"

namespace metac::dsl::test {

struct Ran {
  Outcome outcome = Outcome::wrong_script;
  std::vector<std::string> printed;
  std::vector<EvaluationResult> results;
  std::vector<TrainState> states;  // after each training
  std::string said;                // the diagnostics, as text
};

Ran run_text(const std::string& script, std::uint64_t seed = 0, int threads = 1);

// What `body` prints inside an experiment, after `definitions`. Mistakes fail the test.
std::vector<std::string> printed(const std::string& body, const std::string& definitions = "", std::uint64_t seed = 0);
// The same as numbers, of everything that stands in the one printed line; true is 1, false 0.
std::vector<double> numbers(const std::string& body, const std::string& definitions = "", std::uint64_t seed = 0);

// Fails where one of them differs from what is expected by more than f32 rounds.
void check_numbers(const std::string& body, const std::vector<double>& expected, const std::string& definitions = "");

}  // namespace metac::dsl::test
