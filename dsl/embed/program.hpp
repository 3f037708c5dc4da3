// What other programs ask of a script, each as one program for the engine: a function of a learner called on host
// values, and an item of a source. Inputs, in this order: the leaves of the learner's state (none for an item), the
// key i32[2], then the arrays of the arguments or of the item.
#pragma once

#include <string>
#include <vector>

#include "elaborate/elaborator.hpp"
#include "transform/transform.hpp"

namespace metac::dsl {

struct OutsideProgram {
  Program program;
  Value result;  // its form: an array for each output, everything else as it is
};

// The function is any name that the learner's own functions see: those it defines or has from its base, and the models
// and functions it was made with. Arrays of the arguments become inputs; what else they hold is known when the program
// is made. Draws of the function are from the key.
OutsideProgram function_program(Elaborator&, const Learner&, const std::string& function,
                                std::vector<Elaborator::Argument>, Span);

// One item of a source whose arrays have this form: a task, or a batch of examples.
OutsideProgram item_program(Elaborator&, const Source&, const std::vector<Type>& form, Span);

// The arrays of a value, in the order of their inputs; also those in lists.
void collect_arrays(const Value&, std::vector<Array>&);

}  // namespace metac::dsl
