// Fused pointwise chains with reductions at their end: a short program that is run over tiles that stay in the
// first-level cache.
#pragma once

#include <vector>

#include "kernels/kernel.hpp"

namespace metac {

// What an instruction computes of its operands a, b, c. NaN spreads through max, min and sign; comparisons give bool.
// clang-format off
enum class Fn : std::uint8_t {
  copy, negate, absolute, sign, exp, expm1, log, log1p, sqrt, sin, cos, tanh, sigmoid, erf,  // f(a)
  floor, round, is_finite,                                           // f(a); round: halves to the even neighbour
  add, subtract, multiply, divide, power, atan2, maximum, minimum,   // f(a, b)
  equal, not_equal, less, less_equal,                                // bool f(a, b)
  logical_and, logical_or, logical_not,                              // of bools
  select,                                                            // a ? b : c
  cast,                   // floats to i32 are truncated towards zero; anything to bool is != 0
  call_1, call_2, call_3  // a Scalar of so many operands
};
// clang-format on

// A function given by its meaning alone. It is computed in double precision, one element after the other: for functions
// that are too rare to deserve a vector form. Of i32 it must give whole numbers that fit.
using Scalar = double (*)(double a, double b, double c);

int arity(Fn);

// On values already of the type `dtype`, as double: for constant folding, and the obvious reference of tests.
double evaluate(Fn, Dtype operand, Dtype result, double a, double b, double c, Scalar call = nullptr);

enum class Reduction : std::uint8_t { none, sum, product, maximum, minimum };

// Registers are numbered: loads first, then immediates, then instructions in order.
struct PointwiseProgram {
  struct Load {
    Dtype dtype;
    Shape strides;  // over `shape`; 0 repeats
  };
  struct Immediate {
    Dtype dtype;
    double value;
  };
  struct Instruction {
    Fn fn;
    Dtype operand;  // of a and b; of b and c for select, whose a is bool
    Dtype result;
    std::uint16_t inputs[3];
    Scalar call = nullptr;
  };
  // Stores a register: dense over `shape`, or reduced over the axes of the bit mask `axes` (dense over the rest).
  struct Output {
    std::uint16_t source;
    Reduction reduction = Reduction::none;
    std::uint32_t axes = 0;
  };

  Shape shape;  // the iteration space
  std::vector<Load> loads;
  std::vector<Immediate> immediates;
  std::vector<Instruction> instructions;
  std::vector<Output> outputs;  // every reduction of one program is over the same axes
  bool from_memory = false;     // operands, or what they are parts of, are too large for a cache: worth fetching ahead

  Dtype dtype(std::size_t reg) const;
};

inline constexpr int max_pointwise_instructions = 96;  // of one program: keeps its tiles in the first-level cache
inline constexpr int max_pointwise_operands = 32;      // loads and outputs together

// Operands of the kernel: the outputs, then the loads. Sums are combined in a fixed order that depends on the program
// and on the instruction set only. An empty sum is 0, an empty product 1, an empty maximum -infinity (the smallest
// integer). `generate`: `make_state` makes machine code for it where that is possible; the results have the same bits.
KernelPtr make_pointwise(PointwiseProgram, bool generate = true);

}  // namespace metac
