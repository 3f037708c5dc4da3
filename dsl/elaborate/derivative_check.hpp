// What a learner differentiates, for who looks at it: as functions of the place on a line through what it learns, which
// `metac gradcheck` compares with finite differences, and as a graph.
#pragma once

#include "elaborate/learning.hpp"

namespace metac::dsl {

// A scalar and its derivatives on a line. Inputs: those of every procedure, for the state of the learner and one item
// of a source; then the number of the line (i32), which draws its direction; the share of each variable in it (float
// [at least as many]: the direction has this norm there); and the place t on the line (float). Outputs, at variables +
// t * direction: the value; its derivative along the direction; then for each order a tensor for each variable, which
// is for order 1 the gradient, for each other one the derivative of the order before along the direction.
struct LineProgram {
  std::string what;  // "objective", "direction", or the derivative or the term as it is written
  Span span;
  std::vector<std::string> variables;  // "theta.linear1.weight"; "w" for the parts of a derivative's variables
  std::int64_t numbers = 0;            // elements of all variables
  Procedure procedure;
  // The same where what `stop_gradient` stops stays as it is at t = 0; none if there is no such thing.
  std::optional<Procedure> held;
  bool stops_in_loop = false;  // a `stop_gradient` stands in the body of a loop, where it cannot be held
  Span stop;                   // the first of them
};

// What one training differentiates on an item of this form: the objective, its terms where there are several, and the
// derivatives that are taken inside of it. Of a learner without objective its direction, as its product with a random
// direction of the same form.
std::vector<LineProgram> line_programs(Elaborator&, const Learner&, const Value& state, const Source&, const Form&,
                                       int orders, Span);

// Directions to follow on one item, each as one tensor for each learned leaf. Outputs: the gradient of the objective as
// it is written, then the others that there are, in the order below.
struct DirectionsProgram {
  Procedure procedure;
  bool first_order = false;  // without derivatives of derivatives
  bool whole = false;        // where `stop_gradient` stops nothing; with first_order always
  bool stops = false;        // `stop_gradient` stands in it
  bool direction = false;    // what `direction` says, of a learner that has both
  std::size_t leaves = 0;
};
// None for a learner without objective.
std::optional<DirectionsProgram> directions_program(Elaborator&, const Learner&, const Value& state, const Source&,
                                                    const Form&, Span);

// What a learner differentiates on one item, before the clean-up, so that it shows what its derivatives added.
struct GradientGraph {
  // Nodes begin ... end - 1 were made by the derivative at this place.
  struct Made {
    std::string what;  // "the gradient of objective", "grad"
    Span span;
    NodeId begin = 0, end = 0;
  };
  const Graph& graph;
  std::vector<NodeId> outputs;      // the objective and its gradient for each learned leaf, or the direction
  std::vector<Made> made;           // what stands in another comes before it
  const std::vector<Span>& places;  // of the numbers that nodes have as places
};
void show_gradient(Elaborator&, const Learner&, const Value& state, const Source&, const Form&, Span,
                   const std::function<void(const GradientGraph&)>&);

}  // namespace metac::dsl
