// Which statements may stand where. A table and its words; knows nothing of names.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "syntax/tree.hpp"

namespace metac::dsl {

// The innermost thing whose statements are run: `event` is the block of `on`, `derivative` that of `grad` and its like.
enum class Place { module, function, model, tasks, learner, optimizer, experiment, event, derivative };

struct Misplacement {
  std::string message;
  std::string hint;
};

// `direct`: the statement belongs to the body itself, not to a `for` or `if` in it.
std::optional<Misplacement> misplaced(const Statement&, Place, bool direct);
std::optional<Misplacement> misplaced_work(WorkExpr::Kind, Place);

// What may stand in the braces of `train` and of `evaluate`.
const std::vector<std::string>& options_of(WorkExpr::Kind);

// "learner", as it is written.
std::string word(DefinitionKind);

}  // namespace metac::dsl
