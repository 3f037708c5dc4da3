// What the operators on batches of small matrices share: their kernels, type rules, shorthand and samples.
#pragma once

#include <algorithm>
#include <functional>

#include "ops/family.hpp"

namespace metac {

// What a kernel works on: the inputs and the result of one element of the batch, and room for the rest.
struct Matrices {
  double *a, *b, *result, *work;
  std::int32_t* order;
};
// Returns what is wrong with the values, if anything is.
using MatrixBody = std::function<std::string(const Matrices&)>;

// Matrix after matrix, in double precision. The first `batch` axes of all operands are one batch. `work` numbers and
// `order` indices are there for the body. Error naming the matrix that the body says is wrong; NaN from what is not
// finite.
KernelPtr matrix_kernel(const Node&, std::span<const Layout> inputs, int batch, std::int64_t work, std::int64_t order,
                        MatrixBody);

inline int batch_axes(const Tensor& x) { return x.shape().rank() - 2; }
// Of square matrices [..., n, n]; Error for others.
void require_square(const Site&);
Type square_type(const Site&);

Tensor transposed(Tensor x);
inline Tensor symmetric_part(Tensor x) { return 0.5 * (x + transposed(x)); }
// [..., n] beside the columns, or the rows, of [..., m, n].
inline Tensor as_row(Tensor x) { return insert_axis(x, x.shape().rank() - 1); }
inline Tensor as_column(Tensor x) { return insert_axis(x, x.shape().rank()); }

// Of factorisations: so many thirds of m n min(m, n), for each matrix [m, n] of the first input (Golub and Van Loan
// 2013, chapters 4, 5 and 8; of the iterative ones about that many).
template <int thirds>
double cubic(const Node&, std::span<const Layout> inputs) {
  const Shape& a = inputs[0].shape;
  return thirds / 3.0 * static_cast<double>(a.elements() * std::min(a.back(), a[a.rank() - 2]));
}

Sample matrices(std::vector<Shape> shapes, Attributes attributes = {}, void (*adjust)(int, Array&) = nullptr);
// The first input gets so large a diagonal that it is invertible, and its symmetric part positive definite.
void make_dominant(int input, Array& values);
std::vector<Sample> square_samples(Attributes attributes = {});

}  // namespace metac
