// Decompositions of small dense matrices, in double precision. Matrices are row-major and finite. Nothing is allocated,
// and every operation has a fixed order, so the same matrix gives the same bits everywhere and with any number of
// threads: which no library for large matrices promises.
#pragma once

#include <cstdint>

namespace metac {

// What a decomposition could not divide by: the row of the pivot, and its value. Row -1: nothing was in the way.
struct Pivot {
  std::int64_t row = -1;
  double value = 0;
};

// The lower factor L of a = L L^T, in place of a, from its lower triangle; zeros above. A pivot that is not positive
// stops it.
Pivot factor_cholesky(double* a, std::int64_t n);

// t^-1 b in place of b [n, columns], where t is the lower or upper triangle of a matrix, or its transpose.
Pivot solve_triangular(const double* t, std::int64_t n, bool lower, bool transposed, double* b, std::int64_t columns);

// Rows of a exchanged so that a = L U, with L (ones on its diagonal) and U in place of a; row i of the result was row
// order[i]. The sign of the permutation. Of equal pivots the first is taken. A pivot may be 0.
int factor_lu(double* a, std::int64_t n, std::int32_t* order);

// a^-1 b in place of b [n, columns]. `work` has room for n * columns numbers, `order` for n.
Pivot solve_general(double* a, std::int64_t n, double* b, std::int64_t columns, double* work, std::int32_t* order);

// The m x n matrix q with orthonormal columns of a = q r, where m >= n and the diagonal of the upper triangle r is not
// negative (Householder). In place of a; `work` has room for m * n + n numbers.
void orthonormalise(double* a, std::int64_t m, std::int64_t n, double* work);

// Eigenvalues in ascending order, and eigenvectors as columns, of a symmetric matrix (Jacobi's method, cyclic). Of each
// vector the component of the largest size is positive. Destroys a.
void decompose_symmetric(double* a, std::int64_t n, double* values, double* vectors);

// a = u diag(s) v^T with k = min(m, n): u m x k, s in descending order, v n x k (Hestenes' one-sided Jacobi method). Of
// each column of v (of u, if m < n) the component of the largest size is positive. `work` has room for m * n + k * k
// numbers.
void decompose_singular(const double* a, std::int64_t m, std::int64_t n, double* u, double* s, double* v, double* work);

}  // namespace metac
