// Derivatives, batching and clean-up: functions from graph to graph.
#pragma once

#include <optional>
#include <utility>
#include <vector>

#include "graph/graph.hpp"
#include "ops/control.hpp"

namespace [[gnu::visibility("default")]] metac {

// ---- derivatives ----
// All of them build expressions, so they can be differentiated again, in any order. A variable is an
// input or an alias of the innermost graph of those given. To differentiate with respect to any other value, or to some
// uses of a value only, make an `alias` of it first and build the outputs from that: what was computed without it is a
// constant. Errors "[grad] ...": an output that is no floating scalar, a variable of i32 or bool, of another graph, or
// that is neither input nor alias, a cotangent or tangent of another type than its output or variable, or another
// number of them.

// Vector-Jacobian product: for each variable the sum over the outputs of cotangent^T (d output / d variable), of the
// type of the variable; empty where no derivative flows. An empty cotangent is zero. One sweep down the nodes between
// the variables and the outputs, whatever their number.
std::vector<Tensor> vjp(TensorList outputs, TensorList cotangents, TensorList wrt);

// The gradient of a scalar: one tensor of the type of each variable; zeros where the output does not depend on it.
std::vector<Tensor> grad(Tensor output, TensorList wrt);
Tensor grad(Tensor output, Tensor wrt);
// The same beside the output.
std::pair<Tensor, std::vector<Tensor>> value_and_grad(Tensor output, TensorList wrt);
std::pair<Tensor, Tensor> value_and_grad(Tensor output, Tensor wrt);

// Jacobian-vector product: the derivative of the output along the tangents, of the type of the output. An empty tangent
// is zero. Two reverse sweeps: the second transposes the first (Christianson 1992).
Tensor jvp(Tensor output, TensorList wrt, TensorList tangents);

// Hessian-vector product of a scalar: the derivative of its gradient along the tangents, one tensor of the type of each
// variable. Two reverse sweeps, no Hessian (Pearlmutter 1994).
std::vector<Tensor> hvp(Tensor output, TensorList wrt, TensorList tangents);
Tensor hvp(Tensor output, Tensor wrt, Tensor tangent);

// d output / d variable, [output..., wrt...] of the output's dtype, at most `max_rank` axes together. In reverse one
// sweep for each element of the output, forward one for each element of the variable; all of them are one batch. By
// itself it takes the fewer.
enum class Sweeps { fewest, reverse, forward };
Tensor jacobian(Tensor output, Tensor wrt, Sweeps = Sweeps::fewest);
// Of a scalar, [wrt..., wrt...]. Blocks of several variables are jacobian(grad(output, a), b).
Tensor hessian(Tensor output, Tensor wrt);

// ---- batching ----

// f for each place along an axis of its arguments, as one batch (vmap). `in_axes` says which axis that is, for each
// argument or one for all of them; nullopt is an argument that all examples share. f gets the arguments without that
// axis, and is called once. Its results get the axis that `out_axes` says, again one for each or one for all; also
// those that are the same for all examples. Axes count from 0, or from the end where they are negative. What f is given
// may be differentiated in f, also what is shared: that is the gradient of each example. Batches nest, with each other
// and with derivatives, in any order. Errors "[batch] ...": another number of axes than arguments or results, an axis
// that is not there, no argument that has one, axes of different sizes.
//
//   batch([](TensorList in) { return grad(loss(in[0], in[1]), {in[0]}); }, {w, examples}, {std::nullopt, 0});
using InAxes = std::vector<std::optional<int>>;
std::vector<Tensor> batch(const TensorFunction& f, TensorList arguments, const InAxes& in_axes = {0},
                          const std::vector<int>& out_axes = {0});

// The outputs of `region` with `inputs`, of which the batched ones have a further first axis of `size`. Each result
// says whether it is batched.
struct Batched {
  Tensor value;
  bool batched = false;
};
std::vector<Batched> batch(const Region&, std::span<const Batched> inputs, std::int64_t size, Graph& into);

// ---- solutions of equations ----
// Differentiated to any order by the equation that they solve, whatever way they were found (the implicit function
// theorem); each order is as exact as the solutions are. Functions that are given here are called again where a
// derivative is taken: they may use only what they are given. To solve for several tensors, make them one.

// A linear map of the first argument, or a residual that is to be zero, for these parameters.
using ParametricFunction = std::function<Tensor(Tensor, TensorList parameters)>;

struct ConjugateGradients {
  std::int64_t max_steps = 0;  // it stops before if the residual is small enough
  double tolerance = 0;    // of the residual's norm, relative to that of the right side; at least the dtype's epsilon
  bool symmetric = false;  // the map is known to be symmetric and definite; else the normal equations are solved
};

// x for which map(x, parameters) = right; all of one type. By conjugate gradients (Hestenes and Stiefel 1952), of the
// normal equations unless it is symmetric: exact after as many steps as x has elements but for rounding. Errors
// "[conjugate_gradients] ...": a map that gives another type than it gets, a negative number of steps.
Tensor conjugate_gradients(const ParametricFunction& map, Tensor right, TensorList parameters,
                           const ConjugateGradients&);

// solver(parameters), differentiated as the x for which residual(x, parameters), of the type of x, is zero. Its
// derivative solves with the transposed Jacobian of the residual, by conjugate gradients; products with the Jacobian
// are derivatives of the residual, no matrix is made. Errors "[implicit_root] ...": a residual of another type than x,
// no parameters, a negative number of steps.
Tensor implicit_root(const ParametricFunction& residual, const std::function<Tensor(TensorList)>& solver,
                     TensorList parameters, const ConjugateGradients&);

// ---- clean-up ----

// The graph that is planned: only what the outputs need, aliases and stop_gradient dissolved, interned again, regions
// too (unused inputs and outputs of regions dropped, equal regions merged, what depends on no slice moved out of its
// body). Some constants may be left that nothing uses.
struct Program {
  std::shared_ptr<Graph> graph;
  std::vector<NodeId> inputs;  // as given, also those that are not needed
  std::vector<NodeId> outputs;
};
Program finalize(TensorList inputs, TensorList outputs);

// A finished program that gives the same and keeps less at once: values are made again before a later use, where they
// were kept, those first that cost least for the memory that they take. At most `share`, 0 to 1, of what the program
// keeps between its kernels, bodies of loops included, or as near to it as this comes. Other kernels are fused than
// before, so sums may be rounded otherwise.
Program recompute(const Program&, double share);

// Checks every promise of a graph (types, order of ids, regions): Bug where one is broken.
void verify(const Graph&);

// How many nodes the transformations and the planning have looked at in this thread: for tests of their cost.
std::int64_t nodes_visited();

}  // namespace metac
