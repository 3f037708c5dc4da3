// An operator is one value in one place: name, doc, arity, shape rule, simplification, derivative, batching, lowering to
// kernels, and samples that the table tests run.
#pragma once

#include <functional>
#include <optional>
#include <string_view>
#include <vector>

#include "graph/graph.hpp"
#include "kernels/kernel.hpp"
#include "kernels/pointwise.hpp"

namespace metac {

// A node about to be made.
struct Site {
  const Operator& op;
  std::span<const Tensor> inputs;
  const Attributes& attributes;
  Graph& graph;
};

// A node met by the reverse sweep.
struct VjpSite {
  Tensor node;                         // the result
  std::span<const Tensor> inputs;
  const Attributes& attributes;
  std::span<const Tensor> cotangents;  // one; for a region one for each part, empty where zero
  std::span<const char> needed;        // which inputs are on a path to a variable: others may be left empty
};

// A node met by `batch`: its inputs, already replayed. A batched one has a further first axis of `size`.
struct BatchSite {
  const Operator& op;
  std::span<const Tensor> inputs;
  std::span<const char> batched;  // at least one is
  const Attributes& attributes;
  std::int64_t size;
  Graph& graph;
};

// One case for the table tests.
struct Sample {
  std::vector<Type> inputs;
  Attributes attributes = {};
  // Range of the input values, per case (keeps log, sqrt and division away from their edges), and for i32 inputs.
  double low = -2, high = 2;
  std::int64_t integer_low = 0, integer_high = 2;
  // Moves the random values of an input (perhaps with further first axes) to where the operator is defined.
  void (*adjust)(int input, Array& values) = nullptr;
};

struct Operator {
  const char* name;
  const char* doc;  // one line
  int arity;        // -1: any number

  // Type of the result; throws Error "[name] what was given, what was needed". Inputs may still be of graphs around that
  // of the node: it looks at them only.
  Type (*type)(const Site&);

  // A tensor that is equal for every input, NaN, infinity and -0 included, or empty. May be null.
  Tensor (*simplify)(const Site&) = nullptr;

  // Cotangents of the inputs (empty: none). Null: no derivative flows (integers, comparisons, stop_gradient).
  std::vector<Tensor> (*vjp)(const VjpSite&) = nullptr;

  // The result with a further first axis.
  Tensor (*batch)(const BatchSite&) = nullptr;

  // Lowering: exactly one of the four below, or none for inputs, parts and regions, which the plan knows.
  // A pointwise operator: the plan fuses it.
  std::optional<Fn> pointwise = std::nullopt;
  Scalar call = nullptr;  // of Fn::call_1 to call_3
  // A reduction over the axes in attributes.numbers: the plan fuses it behind pointwise operators.
  Reduction reduction = Reduction::none;
  // Another view of the input's memory, if its layout allows: the layout of the result and the offset of its first element
  // (in elements). nullopt: the plan copies the input to dense memory first and asks again.
  struct View {
    Layout layout;
    std::int64_t offset = 0;
  };
  std::optional<View> (*view)(const Node&, const Layout& input) = nullptr;
  // A kernel for operands of these layouts. The plan makes operand i dense first unless bit i of `strided` is set.
  KernelPtr (*kernel)(const Node&, std::span<const Layout> inputs) = nullptr;
  std::uint32_t strided = 0;
  // How the work of the kernel may be cut in parts: by an axis of the result (those before it have one element) that
  // goes with one axis of each input (-1: each part needs all of it), or, if the axis of the result is `summed`, by the
  // axes of the inputs over which it adds up. Null: it may not.
  struct Cut {
    static constexpr int summed = -1;
    int result = 0;
    std::vector<int> inputs;
  };
  Cut (*cut)(const Node&) = nullptr;
  // How many additions, multiplications and the like the kernel does. Null: one for each element of the result.
  double (*operations)(const Node&, std::span<const Layout> inputs) = nullptr;

  std::vector<Sample> (*samples)() = nullptr;
  // The value in double precision, written as obviously as possible: what the table tests compare the kernel with. For
  // pointwise and reduction operators null: those have a common reference.
  std::function<void(const Node&, std::span<const Array> inputs, Array& result)> reference = nullptr;

  // Of a region: its body.
  const Region* (*region)(const Node&) = nullptr;
};

// The leaf that every graph needs: attributes.numbers are the dtype, then the shape.
extern const Operator input_operator;
Attributes type_attributes(const Type&);
Type attributes_type(const Attributes&);

// Every operator there is, in the order of their names.
std::span<const Operator* const> all_operators();
const Operator* find_operator(std::string_view name);

// Makes an operator known to the two functions above: `const Register registered{some_operator};`
struct Register {
  explicit Register(const Operator&);
};

}  // namespace metac
