// Random cases for a comparison with PyTorch: functions of the engine beside the expression that says the same in
// PyTorch, on drawn operands in f64. What is written of each case: operands, result, and the derivatives of orders 1,
// 2 and 3 of a weighted sum of sin(result + 1/2), so that linear functions, too, have all orders, and none here undoes
// it.
#pragma once

#include <functional>
#include <random>
#include <string>
#include <vector>

#include "ops/ops.hpp"

namespace metac::parity {

class Draws {
 public:
  explicit Draws(std::uint32_t seed) : random_(seed) {}
  int pick(int n) { return static_cast<int>(random_() % static_cast<unsigned>(n)); }
  bool once_in(int n) { return pick(n) == 0; }
  std::int64_t size() { return 1 + pick(5); }
  Shape shape(int least_rank = 0, int most_rank = 3);
  int axis(const Shape& shape) { return pick(shape.rank()); }
  std::vector<int> axes(const Shape& shape);  // at least one
  std::vector<int> permutation(int n);

  Array uniform(const Shape&, double low = -2, double high = 2);
  Array halves(const Shape&);                           // multiples of 1/2 from -2 to 2: with ties
  Array indices(const Shape&, std::int64_t n);          // 0 ... n - 1
  Array different(std::int64_t count, std::int64_t n);  // the same, none twice
  Array bools(const Shape&);
  std::vector<double> numbers(std::size_t count);

 private:
  std::mt19937 random_;
};

using Results = std::vector<Tensor>;
using Build = std::function<Results(std::span<const Tensor> x)>;

struct Case {
  std::string function;    // of ops.hpp, or what is built of them
  std::string expression;  // in Python, of the operands a, b, c, ... or of all of them, x
  std::vector<Array> operands;
  Build build;
  int orders = 3;      // of derivatives that are compared
  int variables = -1;  // the first operands; -1: all that are floats
  bool through_sine = true;
  std::string note = {};  // why orders is less than 3, where it is not plain
};

using Cases = std::vector<Case>;
void pointwise_cases(Draws&, Cases&);
void reduction_cases(Draws&, Cases&);
void structure_cases(Draws&, Cases&);
void matrix_cases(Draws&, Cases&);
void window_cases(Draws&, Cases&);
void meta_learning_cases(Draws&, Cases&);  // whole second-order MAML; few, as they are large

// In the syntax of Python.
std::string python(const Shape&);
std::string python(const std::vector<int>&);
inline const char* python(bool value) { return value ? "True" : "False"; }

}  // namespace metac::parity
