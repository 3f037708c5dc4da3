// An interpreter of pointwise programs that is as plain as possible: one element after the other, in double precision,
// by `evaluate`. It also says how far a good f32 or f64 result may be from it.
#pragma once

#include <cmath>
#include <cstring>
#include <vector>

#include "kernels/pointwise.hpp"

namespace metac::test {

inline double read(const void* memory, Dtype dtype, std::int64_t i) {
  switch (dtype) {
    case Dtype::f32:
      return static_cast<const float*>(memory)[i];
    case Dtype::f64:
      return static_cast<const double*>(memory)[i];
    case Dtype::i32:
      return static_cast<const std::int32_t*>(memory)[i];
    case Dtype::boolean:
      return static_cast<const unsigned char*>(memory)[i];
  }
  return 0;
}

inline void write(void* memory, Dtype dtype, std::int64_t i, double value) {
  switch (dtype) {
    case Dtype::f32:
      static_cast<float*>(memory)[i] = static_cast<float>(value);
      break;
    case Dtype::f64:
      static_cast<double*>(memory)[i] = value;
      break;
    case Dtype::i32:
      static_cast<std::int32_t*>(memory)[i] = static_cast<std::int32_t>(value);
      break;
    case Dtype::boolean:
      static_cast<unsigned char*>(memory)[i] = value != 0;
      break;
  }
}

inline std::vector<Dtype> types_of(const PointwiseProgram& program) {
  std::vector<Dtype> types;
  for (const auto& load : program.loads) types.push_back(load.dtype);
  for (const auto& immediate : program.immediates) types.push_back(immediate.dtype);
  for (const auto& instruction : program.instructions) types.push_back(instruction.result);
  return types;
}

inline double join(Reduction reduction, Dtype dtype, double a, double b) {
  switch (reduction) {
    case Reduction::sum:
      return dtype == Dtype::i32 ? evaluate(Fn::add, dtype, dtype, a, b, 0) : a + b;
    case Reduction::product:
      return dtype == Dtype::i32 ? evaluate(Fn::multiply, dtype, dtype, a, b, 0) : a * b;
    case Reduction::maximum:
      return evaluate(Fn::maximum, dtype, dtype, a, b, 0);
    default:
      return evaluate(Fn::minimum, dtype, dtype, a, b, 0);
  }
}

inline double identity(Reduction reduction, Dtype dtype) {
  const bool integer = dtype == Dtype::i32;
  if (reduction == Reduction::sum) return 0;
  if (reduction == Reduction::product) return 1;
  const double largest = integer ? 2147483647.0 : INFINITY, smallest = integer ? -2147483648.0 : -INFINITY;
  if (dtype == Dtype::boolean) return reduction == Reduction::minimum;
  return reduction == Reduction::maximum ? smallest : largest;
}

struct Expected {
  std::vector<double> values;
  std::vector<double> sizes;  // sum of the magnitudes that went into a sum: what its error is measured by
};

// The values of every output. `loads` point at the first elements.
inline std::vector<Expected> interpret(const PointwiseProgram& program, const std::vector<const void*>& loads) {
  const auto types = types_of(program);
  const int rank = program.shape.rank();
  std::vector<Expected> results(program.outputs.size());
  std::vector<std::vector<char>> started(program.outputs.size());
  for (std::size_t o = 0; o < program.outputs.size(); ++o) {
    std::int64_t n = 1;
    const auto& output = program.outputs[o];
    for (int axis = 0; axis < rank; ++axis)
      if (output.reduction == Reduction::none || !(output.axes >> axis & 1)) n *= program.shape[axis];
    results[o].values.assign(n, identity(output.reduction, types[output.source]));
    results[o].sizes.assign(n, 0);
    started[o].assign(n, 0);
  }
  std::int64_t total = 1;
  for (auto size : program.shape) total *= size;
  std::vector<double> registers(types.size());
  for (std::int64_t element = 0; element < total; ++element) {
    std::int64_t at[max_rank];
    std::int64_t rest = element;
    for (int axis = rank - 1; axis >= 0; --axis) at[axis] = rest % program.shape[axis], rest /= program.shape[axis];
    std::size_t r = 0;
    for (std::size_t load = 0; load < loads.size(); ++load) {
      std::int64_t offset = 0;
      for (int axis = 0; axis < rank; ++axis) offset += at[axis] * program.loads[load].strides[axis];
      registers[r++] = read(loads[load], program.loads[load].dtype, offset);
    }
    for (const auto& immediate : program.immediates)
      registers[r++] = immediate.dtype == Dtype::f32 ? static_cast<float>(immediate.value) : immediate.value;
    for (const auto& i : program.instructions)
      registers[r++] =
          evaluate(i.fn, i.operand, i.result, registers[i.inputs[0]], arity(i.fn) > 1 ? registers[i.inputs[1]] : 0,
                   arity(i.fn) > 2 ? registers[i.inputs[2]] : 0);
    for (std::size_t o = 0; o < program.outputs.size(); ++o) {
      const auto& output = program.outputs[o];
      std::int64_t offset = 0;
      for (int axis = 0; axis < rank; ++axis)
        if (output.reduction == Reduction::none || !(output.axes >> axis & 1))
          offset = offset * program.shape[axis] + at[axis];
      double& value = results[o].values[offset];
      const double x = registers[output.source];
      value = output.reduction == Reduction::none || !started[o][offset]
                  ? x
                  : join(output.reduction, types[output.source], value, x);
      results[o].sizes[offset] += std::fabs(x);
      started[o][offset] = 1;
    }
  }
  return results;
}

}  // namespace metac::test
