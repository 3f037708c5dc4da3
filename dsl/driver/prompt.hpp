// An experiment that is entered piece by piece: definitions, which may be replaced later, and statements that are done
// at once. The front end of `metac repl`; as everywhere, nothing is printed here.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "driver/driver.hpp"
#include "elaborate/value.hpp"

namespace metac::dsl {

class Prompt {
 public:
  Prompt(const Options&, Observer&);
  ~Prompt();
  Prompt(const Prompt&) = delete;

  // Does what a text says, statement by statement, up to the first mistake. The values of its expressions go to
  // `shown`, their tensors computed. `line` is the number of its first line, for what is told of mistakes.
  Outcome enter(const std::string& text, Report&, const std::function<void(const Value&)>& shown, int line = 1);
  // Takes over the definitions of a script. Its `let`s are computed where they are used; its experiments are not run.
  Outcome load(const std::string& path, Report&);
  // Evaluates an expression; nothing is computed. Its tensors are nodes of the graph.
  Outcome inspect(const std::string& expression, Report&, const std::function<void(const Value&)>&, int line = 1);

  const CheckedProgram& program() const;
  const Sources& sources() const;
  std::vector<std::string> entered() const;          // names that are bound, in alphabetical order
  const Value* find(const std::string& name) const;  // what one of them stands for; null if there is none
  std::vector<std::string> names() const;            // all that an expression may use
  // What may stand behind the dot of a path "learner.theta.": fields and functions.
  std::vector<std::string> members(const std::string& path) const;

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

// Whether more lines are needed: brackets are open, or the last line ends with an operator.
bool is_unfinished(const std::string& text);

// A value in lines, each with its type and, where it is small, all of its content: "f32[3]  [1, 2, 3]"; of a larger
// tensor its range and mean; of a tree a line for each leaf. Empty for none.
std::string summary_of(const Value&);

}  // namespace metac::dsl
