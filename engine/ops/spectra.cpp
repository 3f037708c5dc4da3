// Orthonormal factors, eigenvalues and singular values of batches of small matrices. What may fail for some values is
// an error of the run. Derivatives are written with the public functions, so they exist at every order wherever the
// function is smooth.
#include <fmt/format.h>

#include "kernels/decompositions.hpp"
#include "ops/matrices.hpp"
#include "ops/reference.hpp"

namespace metac {
namespace {

// ---- qr: the orthonormal factor of matrices that are not wide; r follows from it ----

Type orthonormal_type(const Site& site) {
  require_float(site.op, site.inputs[0]);
  const Type& a = site.inputs[0].type();
  if (a.shape.rank() < 2 || a.shape[a.shape.rank() - 2] < a.shape.back())
    throw Error(fmt::format("[qr] {} was given; matrices [..., m, n] with m >= n are needed", to_string(a)));
  return a;
}

// From dq = q W + (1 - q q^T) da r^-1, where W is antisymmetric and below its diagonal that of q^T da r^-1.
Tensors orthonormal_vjp(const VjpSite& site) {
  const Tensor ct = site.cotangents[0], q = site.node;
  const Tensor r = upper_triangle(matmul(transposed(q), site.inputs[0]));
  const Tensor inner = matmul(transposed(q), ct);
  const Tensor turned = lower_triangle(inner - transposed(inner), -1);
  const Tensor to_product = matmul(q, turned - inner) + ct;  // of da r^-1
  return {transposed(triangular_solve(r, transposed(to_product), false))};
}

const Operator orthonormal_operator = {
    .name = "orthonormal",
    .doc = "the factor q of a = q r for matrices [..., m, n], m >= n, where the diagonal of r is not negative",
    .arity = 1,
    .type = orthonormal_type,
    .vjp = orthonormal_vjp,
    .batch = batch_by_broadcast,
    .kernel =
        [](const Node& node, std::span<const Layout> inputs) {
          const Shape& shape = node.type.shape;
          const std::int64_t m = shape[shape.rank() - 2], n = shape.back();
          return matrix_kernel(node, inputs, shape.rank() - 2, m * n + n, 0, [=](const Matrices& of) {
            std::copy_n(of.a, m * n, of.result);
            orthonormalise(of.result, m, n, of.work);
            return std::string();
          });
        },
    .operations = cubic<12>,
    .samples =
        [] {
          std::vector<Sample> samples = square_samples();
          for (const auto& shape : {Shape{5, 2}, Shape{4, 0}, Shape{2, 4, 3}}) samples.push_back(matrices({shape}));
          return samples;
        },
    .reference = reference_by_kernel};

// ---- symmetric eigenvalues and -vectors: attributes.numbers says which of both ----

bool wants_vectors(const Attributes& attributes) { return attributes.numbers.at(0) != 0; }

extern const Operator eigen_operator;

Tensor eigen(Tensor a, bool vectors) { return apply(eigen_operator, {a}, numbers({vectors ? 1 : 0})); }

Type eigen_type(const Site& site) {
  require_square(site);
  const Type& a = site.inputs[0].type();
  return wants_vectors(site.attributes) ? a : Type{a.dtype, leading(a.shape, a.shape.rank() - 1)};
}

// 1 / (x_j - x_i) in row i and column j, 0 on the diagonal. An error where two are equal.
Tensor reciprocal_gaps(Tensor x, const char* message) {
  const Tensor gaps = as_row(x) - as_column(x);
  const std::int64_t n = x.shape().back();
  const Tensor number = iota(x.graph(), n);
  const Tensor same = broadcast_to(equal(reshape(number, {n, 1}), number), gaps.shape());
  const Tensor apart = select(same, filled_like(gaps, 1), gaps);
  return select(same, zeros_like(gaps), 1.0 / checked(apart, not_equal(apart, zeros_like(apart)), message));
}

Tensors eigen_vjp(const VjpSite& site) {
  const Tensor a = site.inputs[0], ct = site.cotangents[0];
  const Tensor v = eigen(a, true);
  if (!wants_vectors(site.attributes)) return {matmul(v * as_row(ct), transposed(v))};
  const Tensor gaps =
      reciprocal_gaps(eigen(a, false),
                      "[symmetric_eigen] two eigenvalues are equal; the derivative of the vectors needs distinct ones");
  return {symmetric_part(matmul(matmul(v, matmul(transposed(v), ct) * gaps), transposed(v)))};
}

const Operator eigen_operator = {
    .name = "symmetric_eigen",
    .doc = "eigenvalues, ascending, or eigenvectors of the symmetric part of matrices [..., n, n]",
    .arity = 1,
    .type = eigen_type,
    .vjp = eigen_vjp,
    .batch = batch_by_broadcast,
    .kernel =
        [](const Node& node, std::span<const Layout> inputs) {
          const std::int64_t n = inputs[0].shape.back();
          const bool vectors = wants_vectors(node.attributes);
          return matrix_kernel(node, inputs, inputs[0].shape.rank() - 2, n * n, 0, [=](const Matrices& m) {
            for (std::int64_t i = 0; i < n; ++i)
              for (std::int64_t j = 0; j <= i; ++j)
                m.a[i * n + j] = m.a[j * n + i] = 0.5 * (m.a[i * n + j] + m.a[j * n + i]);
            // What is not wanted goes to where there is room: the values need the first row of it.
            if (vectors)
              decompose_symmetric(m.a, n, m.work, m.result);
            else
              decompose_symmetric(m.a, n, m.result, m.work);
            return std::string();
          });
        },
    .operations = cubic<27>,
    .samples =
        [] {
          std::vector<Sample> samples = square_samples(numbers({0}));
          for (auto& sample : square_samples(numbers({1}))) samples.push_back(sample);
          return samples;
        },
    .reference = reference_by_kernel};

// ---- singular values and vectors: attributes.numbers says which of the three ----

enum class Factor : std::int64_t { u, s, v };

Factor factor_of(const Attributes& attributes) { return static_cast<Factor>(attributes.numbers.at(0)); }

extern const Operator singular_operator;

Tensor singular_factor(Tensor a, Factor factor) {
  return apply(singular_operator, {a}, numbers({static_cast<std::int64_t>(factor)}));
}

Type singular_type(const Site& site) {
  require_float(site.op, site.inputs[0]);
  const Type& a = site.inputs[0].type();
  if (a.shape.rank() < 2)
    throw Error(fmt::format("[singular_values] {} was given; matrices [..., m, n] are needed", to_string(a)));
  const std::int64_t m = a.shape[a.shape.rank() - 2], n = a.shape.back(), k = std::min(m, n);
  const Shape batch = leading(a.shape, a.shape.rank() - 2);
  switch (factor_of(site.attributes)) {
    case Factor::u:
      return {a.dtype, concatenated(batch, {m, k})};
    case Factor::s:
      return {a.dtype, concatenated(batch, {k})};
    default:
      return {a.dtype, concatenated(batch, {n, k})};
  }
}

// The derivative to a of a function of the vectors on one side: `mine` [rows, k] with the cotangent ct, and `others`.
// Given as [rows of mine, rows of others].
Tensor vectors_vjp(Tensor mine, Tensor s, Tensor others, Tensor ct) {
  const Tensor gaps = reciprocal_gaps(
      s * s, "[singular_values] two singular values are equal; the derivative of the vectors needs distinct ones");
  const Tensor inner = matmul(transposed(mine), ct), turned = inner * gaps;
  Tensor result = matmul(mine, (turned + transposed(turned)) * as_row(s));
  const Shape& shape = mine.shape();
  if (shape[shape.rank() - 2] > shape.back()) {  // what leaves the space of these vectors
    const Tensor needed =
        checked(s, not_equal(s, zeros_like(s)),
                "[singular_values] a singular value is 0; the derivative of the vectors of the longer "
                "side needs positive ones");
    result = result + (ct - matmul(mine, inner)) / as_row(needed);
  }
  return matmul(result, transposed(others));
}

// Giles 2008, section 3.2; Townsend 2016.
Tensors singular_vjp(const VjpSite& site) {
  const Tensor a = site.inputs[0], ct = site.cotangents[0];
  const Tensor u = singular_factor(a, Factor::u), s = singular_factor(a, Factor::s), v = singular_factor(a, Factor::v);
  switch (factor_of(site.attributes)) {
    case Factor::u:
      return {vectors_vjp(u, s, v, ct)};
    case Factor::s:
      return {matmul(u * as_row(ct), transposed(v))};
    default:
      return {transposed(vectors_vjp(v, s, u, ct))};
  }
}

KernelPtr singular_kernel(const Node& node, std::span<const Layout> inputs) {
  const Shape& shape = inputs[0].shape;
  const std::int64_t m = shape[shape.rank() - 2], n = shape.back(), k = std::min(m, n);
  const Factor factor = factor_of(node.attributes);
  const std::int64_t work = m * n + k * k, all = m * k + k + n * k;
  return matrix_kernel(node, inputs, shape.rank() - 2, work + all, 0, [=](const Matrices& of) {
    double *const u = of.work + work, *const s = u + m * k, *const v = s + k;
    decompose_singular(of.a, m, n, u, s, v, of.work);
    if (factor == Factor::u) std::copy_n(u, m * k, of.result);
    if (factor == Factor::s) std::copy_n(s, k, of.result);
    if (factor == Factor::v) std::copy_n(v, n * k, of.result);
    return std::string();
  });
}

const Operator singular_operator = {
    .name = "singular_values",
    .doc = "singular values, descending, or the vectors on one side of matrices [..., m, n]",
    .arity = 1,
    .type = singular_type,
    .vjp = singular_vjp,
    .batch = batch_by_broadcast,
    .kernel = singular_kernel,
    .operations = cubic<60>,
    .samples =
        [] {
          std::vector<Sample> samples;
          for (std::int64_t factor : {0, 1, 2})
            for (const auto& shape : {Shape{1, 1}, Shape{0, 0}, Shape{3, 0}, Shape{3, 3}, Shape{4, 2}, Shape{2, 2, 3}})
              samples.push_back(matrices({shape}, numbers({factor})));
          return samples;
        },
    .reference = reference_by_kernel};

const Register registered[] = {Register(orthonormal_operator), Register(eigen_operator), Register(singular_operator)};

}  // namespace

// Of a wide matrix only the first columns matter to q.
QrFactors qr(Tensor a) {
  require_float("qr", a);
  if (batch_axes(a) < 0)
    throw Error(fmt::format("[qr] {} was given; matrices [..., m, n] are needed", to_string(a.type())));
  const std::int64_t columns = std::min(a.shape()[batch_axes(a)], a.shape().back());
  const Tensor q = apply(orthonormal_operator, {slice_axis(a, -1, 0, columns)});
  return {q, upper_triangle(matmul(transposed(q), a))};
}

SymmetricEigen symmetric_eigen(Tensor a) { return {eigen(a, false), eigen(a, true)}; }

SingularValues singular_values(Tensor a) {
  return {singular_factor(a, Factor::u), singular_factor(a, Factor::s), singular_factor(a, Factor::v)};
}

}  // namespace metac
