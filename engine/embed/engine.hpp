// The tensor engine for other programs: expressions with derivatives of any order, compiled once and run on host
// arrays.
//
//   #include <metac/engine.hpp>
//   using namespace metac;
//
//   Graph graph;
//   const Tensor x = input(graph, {Dtype::f32, {3}});   // an expression; nothing is computed yet
//   const Tensor y = sum(exp(x) * x);
//   const Function f = compile(x, {y, grad(y, x)});      // checked, differentiated, planned, once
//   const std::vector<float> values{1, 2, 3};
//   const std::vector<Array> results = f({values});      // as often as you like, from any thread
//   results[1].as<float>();                              // a span of the gradient
//
// What is where:
//   base/array.hpp           Dtype, Shape, Type; Array, dense row-major memory that copies share
//   base/view.hpp            ArrayView, MutableArrayView: memory of your own, read and written in place
//   base/error.hpp           Error (what was given, what was needed), OutOfMemory, Bug
//   base/memory.hpp          how much is in use, and a limit
//   graph/graph.hpp          Graph, Tensor
//   ops/ops.hpp              every function on tensors; MapBuilder for independent tasks
//   ops/control.hpp          ScanBuilder, while_loop, branch, checkpoint, custom_vjp, reverse_gradient
//   transform/transform.hpp  grad, value_and_grad, vjp, jvp, hvp, jacobian, hessian; batch; implicit_root
//   plan/plan.hpp            compile, Function
//   metac/xtensor.hpp        xtensor arrays in and out; not included here
//
// Threads. A Function may be called by any number of threads at once, and copied; so may everything that only reads an
// Array. One Graph, with its tensors, is for one thread at a time; different graphs do not know of each other, so each
// thread may build its own. Writing to an Array while another thread reads it, or a copy of it, is a race. Results have
// the same bits whatever the threads.
//
// Errors are exceptions of base/error.hpp; std::bad_alloc where the program's own bookkeeping finds no memory. After an
// exception everything is as it was before the call. The library never prints and never exits.
#pragma once

#include "base/array.hpp"
#include "base/error.hpp"
#include "base/memory.hpp"
#include "base/view.hpp"
#include "graph/graph.hpp"
#include "kernels/instruction_set.hpp"
#include "ops/control.hpp"
#include "ops/ops.hpp"
#include "plan/plan.hpp"
#include "transform/transform.hpp"
