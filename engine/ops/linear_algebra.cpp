// Factors, solutions and determinants of batches of small matrices. What may fail for some values (a singular matrix)
// is an error of the run. Derivatives are written with the public functions, so they exist at every order wherever the
// function is smooth.
#include <fmt/format.h>

#include <cmath>
#include <limits>

#include "kernels/decompositions.hpp"
#include "ops/matrices.hpp"
#include "ops/reference.hpp"

namespace metac {
namespace {

std::string singular(const Pivot& pivot) {
  return pivot.row < 0 ? "" : fmt::format("is singular: pivot {} is 0; an invertible matrix is needed", pivot.row);
}

Type right_side_type(const Site& site) {
  require_square(site);
  require_same_dtype(site.op.name, site.inputs[0], site.inputs[1]);
  const Shape &a = site.inputs[0].shape(), &b = site.inputs[1].shape();
  const int rank = a.rank();
  if (b.rank() != rank || leading(a, rank - 1) != leading(b, rank - 1))
    throw Error(fmt::format("[{}] {} and {} were given; [..., n, n] and [..., n, k] are needed", site.op.name,
                            to_string(site.inputs[0].type()), to_string(site.inputs[1].type())));
  return site.inputs[1].type();
}

Tensor identity_like(Tensor x) { return broadcast_to(identity(x.graph(), x.shape().back(), x.dtype()), x.shape()); }

std::vector<Sample> right_side_samples(Attributes attributes) {
  const auto of = [&](Shape a, Shape b) { return matrices({a, b}, attributes, make_dominant); };
  return {of({1, 1}, {1, 1}), of({0, 0}, {0, 2}),       of({3, 3}, {3, 0}),
          of({3, 3}, {3, 2}), of({2, 4, 4}, {2, 4, 1}), of({0, 2, 2}, {0, 2, 3})};
}

// ---- the obvious references ----

// Numbers of one matrix of the batch.
struct View {
  const Array& array;
  std::int64_t first, columns;
  double at(std::int64_t i, std::int64_t j) const { return array.at(first + i * columns + j); }
  bool is_finite(std::int64_t rows) const {
    for (std::int64_t i = 0; i < rows * columns; ++i)
      if (!std::isfinite(array.at(first + i))) return false;
    return true;
  }
};

// body(which, matrix a, matrix b, n) for every matrix, where all numbers are finite; else the result is NaN.
template <class Body>
void for_each_matrix(std::span<const Array> inputs, Array& result, const Body& body) {
  const Shape& shape = inputs[0].shape();
  const std::int64_t n = shape.back(), many = leading(shape, shape.rank() - 2).elements();
  const Array& second = inputs.back();
  const std::int64_t columns = second.shape().back(), each = many == 0 ? 0 : result.elements() / many;
  for (std::int64_t i = 0; i < many; ++i) {
    const View a{inputs[0], i * n * n, n}, b{second, i * n * columns, columns};
    if (a.is_finite(n) && b.is_finite(n))
      body(i, a, b, n);
    else
      for (std::int64_t k = 0; k < each; ++k) store(result, i * each + k, std::numeric_limits<double>::quiet_NaN());
  }
}

// By the first row: the sum over its columns of element times what is left without both.
double expanded_determinant(const std::vector<std::vector<double>>& a) {
  if (a.empty()) return 1;
  double total = 0, sign = 1;
  for (std::size_t column = 0; column < a.size(); ++column, sign = -sign) {
    std::vector<std::vector<double>> rest(a.begin() + 1, a.end());
    for (auto& row : rest) row.erase(row.begin() + static_cast<std::ptrdiff_t>(column));
    total += sign * a[0][column] * expanded_determinant(rest);
  }
  return total;
}

std::vector<std::vector<double>> rows_of(const View& a, std::int64_t n) {
  std::vector<std::vector<double>> rows(n, std::vector<double>(n));
  for (std::int64_t i = 0; i < n; ++i)
    for (std::int64_t j = 0; j < n; ++j) rows[i][j] = a.at(i, j);
  return rows;
}

// ---- cholesky ----

// With S = L^-T P L^-1, where P is the lower triangle of L^T ct with half of its diagonal (Murray 2016, equation 10).
Tensors cholesky_vjp(const VjpSite& site) {
  const Tensor l = site.node;
  const Tensor p = lower_triangle(matmul(transposed(l), lower_triangle(site.cotangents[0])));
  const Tensor halved = p - 0.5 * diagonal_matrix(diagonal(p));
  const Tensor left = triangular_solve(l, halved, true, true);
  return {symmetric_part(triangular_solve(l, transposed(left), true, true))};
}

// Substitution: each element of the right side takes part with a row of the triangle.
double substitution(const Node& node, std::span<const Layout> inputs) {
  return static_cast<double>(node.type.elements() * inputs[0].shape.back());
}

const Operator cholesky_operator = {
    .name = "cholesky",
    .doc = "lower factor of the symmetric part of positive definite matrices [..., n, n]",
    .arity = 1,
    .type = square_type,
    .vjp = cholesky_vjp,
    .batch = batch_by_broadcast,
    .kernel =
        [](const Node& node, std::span<const Layout> inputs) {
          const std::int64_t n = node.type.shape.back();
          return matrix_kernel(node, inputs, node.type.shape.rank() - 2, 0, 0, [n](const Matrices& m) -> std::string {
            for (std::int64_t i = 0; i < n; ++i)
              for (std::int64_t j = 0; j < n; ++j) m.result[i * n + j] = 0.5 * (m.a[i * n + j] + m.a[j * n + i]);
            const Pivot pivot = factor_cholesky(m.result, n);
            if (pivot.row < 0) return "";
            return fmt::format("is not positive definite: pivot {} is {:.6g}; all need to be positive", pivot.row,
                               pivot.value);
          });
        },
    .operations = cubic<1>,
    .samples = [] { return square_samples(); },
    .reference =
        [](const Node&, std::span<const Array> inputs, Array& result) {
          for_each_matrix(inputs, result, [&](std::int64_t which, const View& a, const View&, std::int64_t n) {
            const std::int64_t first = which * n * n;
            for (std::int64_t i = 0; i < n; ++i)
              for (std::int64_t j = 0; j <= i; ++j) {
                double rest = 0.5 * (a.at(i, j) + a.at(j, i)), known = 0;
                for (std::int64_t k = 0; k < j; ++k)
                  known += result.at(first + i * n + k) * result.at(first + j * n + k);
                rest -= known;
                if (i == j && !(rest > 0)) throw Error("[cholesky] a pivot is not positive");
                store(result, first + i * n + j, i == j ? std::sqrt(rest) : rest / result.at(first + j * n + j));
              }
          });
        }};

// ---- triangular_solve: attributes.numbers are whether the triangle is the lower one, and whether it is transposed
// ----

Tensors triangular_vjp(const VjpSite& site) {
  const bool lower = site.attributes.numbers[0] != 0, flipped = site.attributes.numbers[1] != 0;
  const Tensor to_b = triangular_solve(site.inputs[0], site.cotangents[0], lower, !flipped);
  if (!site.needed[0]) return {Tensor{}, to_b};
  const Tensor product = flipped ? matmul(site.node, transposed(to_b)) : matmul(to_b, transposed(site.node));
  return {neg(lower ? lower_triangle(product) : upper_triangle(product)), to_b};
}

const Operator triangular_operator = {
    .name = "triangular_solve",
    .doc = "t^-1 b for a triangle t of a [..., n, n], perhaps transposed, and b [..., n, k]",
    .arity = 2,
    .type = right_side_type,
    .vjp = triangular_vjp,
    .batch = batch_by_broadcast,
    .kernel =
        [](const Node& node, std::span<const Layout> inputs) {
          const Shape& shape = node.type.shape;
          const std::int64_t n = shape[shape.rank() - 2], columns = shape.back();
          const bool lower = node.attributes.numbers[0] != 0, flipped = node.attributes.numbers[1] != 0;
          return matrix_kernel(node, inputs, shape.rank() - 2, 0, 0, [=](const Matrices& m) {
            std::copy_n(m.b, n * columns, m.result);
            return singular(solve_triangular(m.a, n, lower, flipped, m.result, columns));
          });
        },
    .operations = substitution,
    .samples =
        [] {
          std::vector<Sample> samples;
          for (std::int64_t lower : {0, 1})
            for (std::int64_t flipped : {0, 1})
              for (auto& sample : right_side_samples(numbers({lower, flipped}))) samples.push_back(sample);
          return samples;
        },
    // Each unknown from those before it.
    .reference =
        [](const Node& node, std::span<const Array> inputs, Array& result) {
          const bool lower = node.attributes.numbers[0] != 0, flipped = node.attributes.numbers[1] != 0;
          for_each_matrix(inputs, result, [&](std::int64_t which, const View& a, const View& b, std::int64_t n) {
            const auto t = [&](std::int64_t i, std::int64_t j) { return flipped ? a.at(j, i) : a.at(i, j); };
            const auto x = [&](std::int64_t i, std::int64_t c) { return which * n * b.columns + i * b.columns + c; };
            for (std::int64_t i = 0; i < n; ++i)
              if (a.at(i, i) == 0) throw Error("[triangular_solve] a pivot is 0");
            for (std::int64_t step = 0; step < n; ++step)
              for (std::int64_t c = 0; c < b.columns; ++c) {
                const std::int64_t i = lower != flipped ? step : n - 1 - step;
                double rest = b.at(i, c);
                for (std::int64_t before = 0; before < step; ++before) {
                  const std::int64_t k = lower != flipped ? before : n - 1 - before;
                  rest -= t(i, k) * result.at(x(k, c));
                }
                store(result, x(i, c), rest / t(i, i));
              }
          });
        }};

// ---- solve ----

const Operator solve_operator = {
    .name = "solve",
    .doc = "a^-1 b for invertible matrices a [..., n, n] and b [..., n, k]",
    .arity = 2,
    .type = right_side_type,
    .vjp = [](const VjpSite& site) -> Tensors {
      const Tensor to_b = solve(transposed(site.inputs[0]), site.cotangents[0]);
      return {site.needed[0] ? neg(matmul(to_b, transposed(site.node))) : Tensor{}, to_b};
    },
    .batch = batch_by_broadcast,
    .kernel =
        [](const Node& node, std::span<const Layout> inputs) {
          const Shape& shape = node.type.shape;
          const std::int64_t n = shape[shape.rank() - 2], columns = shape.back();
          return matrix_kernel(node, inputs, shape.rank() - 2, n * columns, n, [=](const Matrices& m) {
            std::copy_n(m.b, n * columns, m.result);
            return singular(solve_general(m.a, n, m.result, columns, m.work, m.order));
          });
        },
    .operations =
        [](const Node& node, std::span<const Layout> inputs) {
          return cubic<2>(node, inputs) + 2 * substitution(node, inputs);
        },
    .samples = [] { return right_side_samples({}); },
    // Cramer's rule.
    .reference =
        [](const Node&, std::span<const Array> inputs, Array& result) {
          for_each_matrix(inputs, result, [&](std::int64_t which, const View& a, const View& b, std::int64_t n) {
            const auto rows = rows_of(a, n);
            const double whole = expanded_determinant(rows);
            if (whole == 0) throw Error("[solve] the determinant is 0");
            for (std::int64_t i = 0; i < n; ++i)
              for (std::int64_t c = 0; c < b.columns; ++c) {
                auto replaced = rows;
                for (std::int64_t k = 0; k < n; ++k) replaced[k][i] = b.at(k, c);
                store(result, (which * n + i) * b.columns + c, expanded_determinant(replaced) / whole);
              }
          });
        }};

// ---- determinant: attributes.numbers says what of it ----

enum class Part : std::int64_t { value, log_of_size, sign };

Part part_of(const Attributes& attributes) { return static_cast<Part>(attributes.numbers.at(0)); }

Type determinant_type(const Site& site) {
  require_square(site);
  const Shape& shape = site.inputs[0].shape();
  return {site.inputs[0].dtype(), leading(shape, shape.rank() - 2)};
}

// The pivots' product, the sum of their logarithms, or the product of their signs.
double determinant_of(Part part, double* a, std::int64_t n, std::int32_t* order) {
  const int sign = factor_lu(a, n, order);
  double product = sign, logarithm = 0, signs = sign;
  for (std::int64_t i = 0; i < n; ++i) {
    const double pivot = a[i * n + i];
    product *= pivot, logarithm += std::log(std::fabs(pivot)), signs *= pivot > 0 ? 1 : pivot < 0 ? -1 : 0;
  }
  return part == Part::value ? product : part == Part::sign ? signs : logarithm;
}

Tensors determinant_vjp(const VjpSite& site) {
  const Part part = part_of(site.attributes);
  if (part == Part::sign) return {Tensor{}};
  const Tensor ct = part == Part::value ? site.cotangents[0] * site.node : site.cotangents[0];
  return {as_column(as_column(ct)) * inverse(transposed(site.inputs[0]))};
}

const Operator determinant_operator = {
    .name = "determinant",
    .doc = "of matrices [..., n, n] the determinant, the logarithm of its size, or its sign",
    .arity = 1,
    .type = determinant_type,
    .vjp = determinant_vjp,
    .batch = batch_by_broadcast,
    .kernel =
        [](const Node& node, std::span<const Layout> inputs) {
          const std::int64_t n = inputs[0].shape.back();
          const Part part = part_of(node.attributes);
          return matrix_kernel(node, inputs, node.type.shape.rank(), 0, n, [=](const Matrices& m) {
            m.result[0] = determinant_of(part, m.a, n, m.order);
            return std::string();
          });
        },
    .operations = cubic<2>,
    .samples =
        [] {
          std::vector<Sample> samples;
          for (std::int64_t part : {0, 1, 2})
            for (auto& sample : square_samples(numbers({part}))) samples.push_back(sample);
          return samples;
        },
    .reference =
        [](const Node& node, std::span<const Array> inputs, Array& result) {
          const Part part = part_of(node.attributes);
          for_each_matrix(inputs, result, [&](std::int64_t which, const View& a, const View&, std::int64_t n) {
            const double value = expanded_determinant(rows_of(a, n));
            store(result, which,
                  part == Part::value  ? value
                  : part == Part::sign ? (value > 0) - (value < 0)
                                       : std::log(std::fabs(value)));
          });
        }};

const Register registered[] = {Register(cholesky_operator), Register(triangular_operator), Register(solve_operator),
                               Register(determinant_operator)};

// Both with the batch axes that they have in common.
Tensor solve_batches(const Operator& op, Tensor a, Tensor b, Attributes attributes = {}) {
  if (batch_axes(a) < 0 || batch_axes(b) < 0)
    throw Error(fmt::format("[{}] {} and {} were given; [..., n, n] and [..., n, k] are needed", op.name,
                            to_string(a.type()), to_string(b.type())));
  const Shape batch = common_shape(op.name, leading(a.shape(), batch_axes(a)), leading(b.shape(), batch_axes(b)));
  return apply(op,
               {broadcast_to(a, concatenated(batch, trailing(a.shape(), 2))),
                broadcast_to(b, concatenated(batch, trailing(b.shape(), 2)))},
               std::move(attributes));
}

Tensor part_of_determinant(Tensor a, Part part) {
  return apply(determinant_operator, {a}, numbers({static_cast<std::int64_t>(part)}));
}

}  // namespace

Tensor cholesky(Tensor a) { return apply(cholesky_operator, {a}); }

Tensor triangular_solve(Tensor a, Tensor b, bool lower, bool flipped) {
  require_present("triangular_solve", {a, b});
  return solve_batches(triangular_operator, a, b, numbers({lower ? 1 : 0, flipped ? 1 : 0}));
}

Tensor solve(Tensor a, Tensor b) {
  require_present("solve", {a, b});
  if (b.shape().rank() != a.shape().rank() - 1 || b.shape().empty()) return solve_batches(solve_operator, a, b);
  const Tensor x = solve_batches(solve_operator, a, as_column(b));
  return reshape(x, leading(x.shape(), x.shape().rank() - 1));
}

Tensor inverse(Tensor a) {
  require_float("inverse", a);
  const int rank = a.shape().rank();
  if (rank < 2 || a.shape()[rank - 2] != a.shape().back())
    throw Error(fmt::format("[inverse] {} was given; square matrices [..., n, n] are needed", to_string(a.type())));
  return solve(a, identity_like(a));
}

Tensor determinant(Tensor a) { return part_of_determinant(a, Part::value); }

SignedLogarithm log_determinant(Tensor a) {
  return {part_of_determinant(a, Part::sign), part_of_determinant(a, Part::log_of_size)};
}

}  // namespace metac
