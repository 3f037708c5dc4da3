// The table of statements and places.
#include "check/places.hpp"

#include <array>

namespace metac::dsl {

namespace {

constexpr unsigned bit(Place place) { return 1u << static_cast<unsigned>(place); }

constexpr unsigned in_functions = bit(Place::function) | bit(Place::model) | bit(Place::derivative);
constexpr unsigned in_steps = in_functions | bit(Place::event) | bit(Place::tasks);  // what runs once a step or a task
constexpr unsigned everywhere = ~0u;

struct Rule {
  unsigned places;
  bool only_direct;  // not inside `for` and `if`
  const char* what;
  const char* hint;
};

Rule rule_of(const LetStatement&) { return {everywhere, false, "`let`", ""}; }
Rule rule_of(const VarStatement&) {
  return {in_steps | bit(Place::experiment), false, "`var`",
          "names change only inside functions and experiments; what a learner or optimizer keeps between steps is "
          "`memory`"};
}
Rule rule_of(const AssignStatement&) {
  return {in_steps | bit(Place::experiment), false, "an assignment",
          "write `let`, `learn` or `memory` to bind a name here"};
}
Rule rule_of(const DrawStatement&) {
  return {in_steps, false, "a draw with `~`", "draws belong in `fn`, `model`, `tasks` and `on`"};
}
Rule rule_of(const ParamStatement&) { return {bit(Place::model), false, "`param`", "parameters belong in a `model`"}; }
Rule rule_of(const LearnStatement&) {
  return {bit(Place::learner), true, "`learn`", "`learn` belongs directly in the body of a `learner`"};
}
Rule rule_of(const MemoryStatement&) {
  return {bit(Place::learner) | bit(Place::optimizer) | bit(Place::tasks) | bit(Place::model), true, "`memory`",
          "`memory` belongs directly in the body of a `learner`, an `optimizer`, a `model` or `tasks`"};
}
Rule rule_of(const ReturnStatement&) {
  return {in_functions | bit(Place::tasks), false, "`return`",
          "`return` gives the value of a `fn` or a `model`, or the task of `tasks`"};
}
Rule rule_of(const ForStatement&) {
  return {in_steps | bit(Place::experiment), false, "`for`", "put it in a `fn` or an `experiment`"};
}
Rule rule_of(const IfStatement&) {
  return {in_steps | bit(Place::experiment), false, "`if`", "put it in a `fn` or an `experiment`"};
}
Rule rule_of(const OnStatement&) {
  return {bit(Place::learner) | bit(Place::tasks), true, "`on`",
          "`on` belongs directly in the body of a `learner` or `tasks`"};
}
Rule rule_of(const ExprStatement&) {
  return {in_steps | bit(Place::experiment), false, "an expression without a name",
          "put it in an `experiment`, or bind it with `let`"};
}
Rule rule_of(const Definition& definition) {
  if (definition.kind == DefinitionKind::function) return {everywhere, false, "`fn`", ""};
  return {bit(Place::module), false, "", "move it to the top level of the file"};
}
Rule rule_of(const UseStatement&) {
  return {bit(Place::module), false, "`use`", "move it to the top level of the file"};
}

std::string words(Place place) {
  switch (place) {
    case Place::module:
      return "at the top level of a file";
    case Place::function:
      return "in a function";
    case Place::model:
      return "in a model";
    case Place::tasks:
      return "in the body of `tasks`";
    case Place::learner:
      return "directly in a learner";
    case Place::optimizer:
      return "directly in an optimizer";
    case Place::experiment:
      return "in an experiment";
    case Place::event:
      return "in `on`";
    case Place::derivative:
      return "in the block of a derivative";
  }
  return "";
}

}  // namespace

const std::vector<std::string>& options_of(WorkExpr::Kind kind) {
  static const std::vector<std::string> of_train = {"iterations", "epochs", "batch",  "optimizer",
                                                    "validate",   "select", "overlap"};
  static const std::vector<std::string> of_evaluate = {"tasks", "with", "metrics", "after", "batch", "overlap"};
  return kind == WorkExpr::Kind::train ? of_train : of_evaluate;
}

std::string word(DefinitionKind kind) {
  static constexpr std::array<const char*, 6> all = {"fn", "model", "tasks", "learner", "optimizer", "experiment"};
  return all[static_cast<std::size_t>(kind)];
}

std::optional<Misplacement> misplaced(const Statement& statement, Place place, bool direct) {
  const Rule rule = std::visit([](const auto& node) { return rule_of(node); }, statement.node);
  const bool right_place = (rule.places & bit(place)) != 0;
  if (right_place && (direct || !rule.only_direct)) return std::nullopt;
  const auto* definition = std::get_if<Definition>(&statement.node);
  std::string what = rule.what;
  if (definition) what.append("`").append(word(definition->kind)).append("`");
  return Misplacement{what + " cannot stand " + (right_place ? "in a `for` or `if`" : words(place)), rule.hint};
}

std::optional<Misplacement> misplaced_work(WorkExpr::Kind kind, Place place) {
  if (place == Place::experiment) return std::nullopt;
  const std::string what = kind == WorkExpr::Kind::train ? "`train`" : "`evaluate`";
  return Misplacement{what + " cannot stand " + words(place), "`train` and `evaluate` belong in an `experiment`"};
}

}  // namespace metac::dsl
