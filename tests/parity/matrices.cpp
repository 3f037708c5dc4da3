// Contractions and linear algebra; see cases.hpp.
#include <fmt/format.h>

#include "parity/cases.hpp"

namespace metac::parity {
namespace {

void add_one(Cases& cases, const char* name, std::string expression, std::vector<Array> operands, Build build) {
  cases.push_back({name, std::move(expression), std::move(operands), std::move(build)});
}

void products(Draws& draws, Cases& cases) {
  const std::int64_t m = draws.size(), k = draws.size(), n = draws.size(), batch = draws.size();
  const auto product = [&](const Shape& a, const Shape& b) {
    add_one(cases, "matmul", "torch.matmul(a, b)", {draws.uniform(a), draws.uniform(b)},
            [](auto x) -> Results { return {matmul(x[0], x[1])}; });
  };
  product({m, k}, {k, n});
  product({batch, m, k}, {k, n});
  product({batch, 1, m, k}, {n, k, n});
  product({k}, {batch, k, n});
  product({m, k}, {k});
  add_one(cases, "squared_products", "torch.square(a)[:, :, None].mul(torch.square(b)[:, None, :]).sum(0)",
          {draws.uniform({k, m}), draws.uniform({k, n})},
          [](auto x) -> Results { return {squared_products(x[0], x[1])}; });
  add_one(cases, "contract", "torch.tensordot(a, b, dims=([2, 0], [1, 2]))",
          {draws.uniform({k, m, n}), draws.uniform({batch, n, k})}, [](auto x) -> Results {
            return {contract(x[0], x[1], {2, 0}, {1, 2})};
          });
  const auto equation = [&](const std::string& text, std::vector<Array> operands) {
    std::string expression = "torch.einsum('" + text + "', *x)";
    add_one(cases, "einsum", std::move(expression), std::move(operands), [text](auto x) -> Results {
      return {einsum(text, {x.begin(), x.end()})};
    });
  };
  equation("ij,jk->ki", {draws.uniform({m, k}), draws.uniform({k, n})});
  equation("bij,bjk->bik", {draws.uniform({batch, m, k}), draws.uniform({batch, k, n})});
  equation("iij->j", {draws.uniform({m, m, n})});
  equation("ij,jk,kl->il", {draws.uniform({m, k}), draws.uniform({k, n}), draws.uniform({n, m})});
  equation("...ij,kj->...ik", {draws.uniform({batch, m, k}), draws.uniform({n, k})});
}

// A matrix whose singular values, and eigenvalues of the symmetric part, are well apart: derivatives of its factors
// grow as 1 / their distance.
Array apart(Draws& draws, const Shape& shape) {
  Array a = draws.uniform(shape, -0.3, 0.3);
  const std::int64_t rows = shape[shape.rank() - 2], columns = shape.back();
  for (std::int64_t i = 0; i < a.elements(); ++i) {
    const std::int64_t row = i / columns % rows, column = i % columns;
    if (row == column) a.as<double>()[i] += 1.5 * static_cast<double>(row + 1);
  }
  return a;
}

Shape square(Draws& draws) {
  const std::int64_t n = draws.size();
  return draws.once_in(2) ? Shape{n, n} : Shape{2, n, n};
}

Tensor transposed(Tensor x) {
  std::vector<int> order;
  const int rank = x.shape().rank();
  for (int i = 0; i < rank - 2; ++i) order.push_back(i);
  order.push_back(rank - 1), order.push_back(rank - 2);
  return transpose(x, order);
}

void systems(Draws& draws, Cases& cases) {
  const Shape shape = square(draws);
  Shape right = shape;
  right[right.rank() - 1] = draws.size();
  const Array a = apart(draws, shape), b = draws.uniform(right);
  add_one(cases, "cholesky", "torch.linalg.cholesky(0.5 * (a + a.mT) + torch.eye(a.shape[-1], dtype=a.dtype))", {a},
          [](auto x) -> Results { return {cholesky(x[0] + identity(x[0].graph(), x[0].shape().back(), Dtype::f64))}; });
  for (const bool lower : {true, false})
    add_one(cases, "triangular_solve",
            lower ? "torch.linalg.solve_triangular(torch.tril(a), b, upper=False)"
                  : "torch.linalg.solve_triangular(torch.triu(a), b, upper=True)",
            {a, b}, [lower](auto x) -> Results { return {triangular_solve(x[0], x[1], lower)}; });
  add_one(cases, "triangular_solve", "torch.linalg.solve_triangular(torch.tril(a).mT, b, upper=True)", {a, b},
          [](auto x) -> Results { return {triangular_solve(x[0], x[1], true, true)}; });
  add_one(cases, "solve", "torch.linalg.solve(a, b)", {a, b}, [](auto x) -> Results { return {solve(x[0], x[1])}; });
  add_one(cases, "inverse", "torch.linalg.inv(a)", {a}, [](auto x) -> Results { return {inverse(x[0])}; });
  add_one(cases, "determinant", "torch.linalg.det(a)", {a}, [](auto x) -> Results { return {determinant(x[0])}; });
  add_one(cases, "log_determinant", "tuple(torch.linalg.slogdet(a))", {a}, [](auto x) -> Results {
    const SignedLogarithm log = log_determinant(x[0]);
    return {log.sign, log.logarithm};
  });
}

// Signs of the factors are conventions: ours are put on torch's in Python.
void decompositions(Draws& draws, Cases& cases) {
  const Shape shape = square(draws);
  const std::int64_t columns = draws.size(), rows = columns + draws.pick(3);
  const Array a = apart(draws, shape), tall = apart(draws, {rows, columns}), wide = apart(draws, {columns, rows});
  add_one(cases, "qr", "qr(a)", {tall}, [](auto x) -> Results {
    const QrFactors factors = qr(x[0]);
    return {factors.q, factors.r};
  });
  add_one(cases, "symmetric_eigen", "symmetric_eigen(0.5 * (a + a.mT))", {a}, [](auto x) -> Results {
    const SymmetricEigen eigen = symmetric_eigen(0.5 * (x[0] + transposed(x[0])));
    return {eigen.values, eigen.vectors};
  });
  for (const Array& matrix : {tall, wide})
    add_one(cases, "singular_values", "singular_values(a)", {matrix}, [](auto x) -> Results {
      const SingularValues values = singular_values(x[0]);
      return {values.u, values.s, values.v};
    });
}

}  // namespace

void matrix_cases(Draws& draws, Cases& cases) {
  products(draws, cases);
  systems(draws, cases);
  decompositions(draws, cases);
}

}  // namespace metac::parity
