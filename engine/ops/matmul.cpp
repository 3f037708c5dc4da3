// The matrix product, whose derivative is itself with transposed operands: views, which its kernels take as they are.
// And squared_products, which adds up the squares of outer products without making them.
#include <fmt/format.h>

#include "kernels/linear.hpp"
#include "ops/family.hpp"
#include "ops/reference.hpp"

namespace metac {
namespace {

// ---- matmul: [batch..., m, k] x [batch..., k, n] ----

Type matmul_type(const Site& site) {
  const Shape &a = site.inputs[0].shape(), &b = site.inputs[1].shape();
  require_same_dtype("matmul", site.inputs[0], site.inputs[1]);
  require_float(site.op, site.inputs[0]);
  const int batch = a.rank() - 2;
  if (batch < 0 || b.rank() != a.rank() || leading(a, batch) != leading(b, batch) || a[batch + 1] != b[batch])
    throw Error(fmt::format("[matmul] shapes {} and {} were given; [batch..., m, k] and [batch..., k, n] are needed",
                            to_string(a), to_string(b)));
  return {site.inputs[0].dtype(), concatenated(leading(a, batch), {a[batch], b[batch + 1]})};
}

Tensor swap_last(Tensor x) {
  const int rank = x.shape().rank();
  Axes order = all_axes(x);
  std::swap(order[rank - 1], order[rank - 2]);
  return transpose(x, order);
}

Tensors matmul_vjp(const VjpSite& site) {
  const Tensor ct = site.cotangents[0];
  return {site.needed[0] ? matmul(ct, swap_last(site.inputs[1])) : Tensor{},
          site.needed[1] ? matmul(swap_last(site.inputs[0]), ct) : Tensor{}};
}

// The public function merges a batch of rows into one product where the second operand is a plain matrix.
Tensor matmul_batch(const BatchSite& site) {
  if (!site.batched[1] && site.inputs[1].shape().rank() == 2) return matmul(site.inputs[0], site.inputs[1]);
  return matmul(with_batch(site, 0), with_batch(site, 1));
}

// By the first axis of the batch that has several entries, else by rows.
Operator::Cut matmul_cut(const Node& node) {
  const Shape& shape = node.type.shape;
  int axis = 0;
  while (axis < shape.rank() - 2 && shape[axis] == 1) ++axis;
  return {axis, {axis, axis == shape.rank() - 2 ? -1 : axis}};
}

void matmul_reference(const Node&, std::span<const Array> inputs, Array& result) {
  const Shape &a = inputs[0].shape(), &b = inputs[1].shape();
  const std::int64_t m = a[a.rank() - 2], k = a.back(), n = b.back();
  for (std::int64_t index = 0; index < result.elements(); ++index) {
    const std::int64_t column = index % n, row = index / n % m, batch = index / n / m;
    double total = 0;
    for (std::int64_t i = 0; i < k; ++i)
      total += inputs[0].at((batch * m + row) * k + i) * inputs[1].at((batch * k + i) * n + column);
    store(result, index, total);
  }
}

std::vector<Sample> matmul_samples() {
  const auto of = [](Shape a, Shape b) { return Sample{{{Dtype::f32, a}, {Dtype::f32, b}}}; };
  return {of({1, 1}, {1, 1}), of({0, 3}, {3, 2}),       of({2, 0}, {0, 3}),       of({3, 7}, {7, 5}),
          of({5, 3}, {3, 1}), of({3, 4, 5}, {3, 5, 2}), of({0, 2, 3}, {0, 3, 2}), of({2, 3, 2, 5}, {2, 3, 5, 3})};
}

}  // namespace

const Operator matmul_operator = {
    .name = "matmul",
    .doc = "matrix product of [batch..., m, k] and [batch..., k, n]",
    .arity = 2,
    .type = matmul_type,
    .vjp = matmul_vjp,
    .batch = matmul_batch,
    .kernel = [](const Node&, std::span<const Layout> inputs) { return make_matmul(inputs[0], inputs[1]); },
    .strided = 0b11,
    .cut = matmul_cut,
    .operations =
        [](const Node& node, std::span<const Layout> inputs) {
          return 2.0 * static_cast<double>(node.type.elements() * inputs[0].shape.back());
        },
    .samples = matmul_samples,
    .reference = matmul_reference};

namespace {

// ---- the squares of a batch of outer products, added up: what the diagonal of a Fisher information is made of ----

Type squared_products_type(const Site& site) {
  const Shape &a = site.inputs[0].shape(), &b = site.inputs[1].shape();
  require_same_dtype("squared_products", site.inputs[0], site.inputs[1]);
  require_float(site.op, site.inputs[0]);
  if (a.rank() != 2 || b.rank() != 2 || a[0] != b[0])
    throw Error(fmt::format("[squared_products] shapes {} and {} were given; [k, m] and [k, n] are needed",
                            to_string(a), to_string(b)));
  return {site.inputs[0].dtype(), {a[1], b[1]}};
}

// It is square(a)' @ square(b), but for what overflows on the way.
Tensors squared_products_vjp(const VjpSite& site) {
  const Tensor ct = site.cotangents[0], a = site.inputs[0], b = site.inputs[1];
  return {site.needed[0] ? 2.0 * a * matmul(square(b), swap_last(ct)) : Tensor{},
          site.needed[1] ? 2.0 * b * matmul(square(a), ct) : Tensor{}};
}

void squared_products_reference(const Node&, std::span<const Array> inputs, Array& result) {
  const std::int64_t k = inputs[0].shape()[0], m = inputs[0].shape()[1], n = inputs[1].shape()[1];
  for (std::int64_t index = 0; index < result.elements(); ++index) {
    double total = 0;
    for (std::int64_t i = 0; i < k; ++i) {
      const double product = inputs[0].at(i * m + index / n) * inputs[1].at(i * n + index % n);
      total += product * product;
    }
    store(result, index, total);
  }
}

std::vector<Sample> squared_products_samples() {
  const auto of = [](std::int64_t k, std::int64_t m, std::int64_t n) {
    return Sample{{{Dtype::f32, {k, m}}, {Dtype::f32, {k, n}}}};
  };
  return {of(1, 1, 1), of(0, 3, 2), of(3, 0, 2), of(3, 2, 0), of(2, 5, 3), of(3, 4, 9), of(2, 1, 37)};
}

const Operator squared_products_operator = {
    .name = "squared_products",
    .doc = "sum over k of (a[k, i] * b[k, j])^2",
    .arity = 2,
    .type = squared_products_type,
    .vjp = squared_products_vjp,
    .batch = batch_by_map,
    .kernel = [](const Node&,
                 std::span<const Layout> inputs) { return make_squared_products(inputs[0].type(), inputs[1].type()); },
    .cut =
        [](const Node&) {
          return Operator::Cut{Operator::Cut::summed, {0, 0}};
        },
    .operations =
        [](const Node& node, std::span<const Layout> inputs) {
          return 3.0 * static_cast<double>(node.type.elements() * inputs[0].shape[0]);
        },
    .samples = squared_products_samples,
    .reference = squared_products_reference};

const Register registered[] = {Register(matmul_operator), Register(squared_products_operator)};

// Operands with equal batch axes, each at least a matrix.
Tensor matmul_of_batches(Tensor a, Tensor b) {
  const Shape &shape_a = a.shape(), &shape_b = b.shape();
  const Shape matrix_a = trailing(shape_a, 2), matrix_b = trailing(shape_b, 2);
  const Shape batch =
      common_shape("matmul", leading(shape_a, shape_a.rank() - 2), leading(shape_b, shape_b.rank() - 2));
  return apply(matmul_operator,
               {broadcast_to(a, concatenated(batch, matrix_a)), broadcast_to(b, concatenated(batch, matrix_b))});
}

}  // namespace

Tensor matmul(Tensor a, Tensor b) {
  require_present("matmul", {a, b});
  const int rank_a = a.shape().rank(), rank_b = b.shape().rank();
  const bool fits = rank_a >= 1 && rank_b >= 1 && a.shape().back() == b.shape()[rank_b == 1 ? 0 : rank_b - 2];
  if (!fits)
    throw Error(fmt::format("[matmul] shapes {} and {} were given; [..., m, k] and [..., k, n] with one k are needed",
                            to_string(a.shape()), to_string(b.shape())));
  if (rank_a == 1) {
    const Tensor one_row = matmul(insert_axis(a, 0), b);
    return reshape(one_row, one_row.shape().without(one_row.shape().rank() - (rank_b == 1 ? 1 : 2)));
  }
  if (rank_b == 1) return reshape(matmul(a, insert_axis(b, 1)), leading(a.shape(), rank_a - 1));
  if (rank_b > 2 || rank_a == 2) return matmul_of_batches(a, b);
  // Many rows beside one matrix: a single product, and so is its derivative to that matrix.
  const Shape rows = leading(a.shape(), rank_a - 1);
  const Tensor merged = apply(matmul_operator, {reshape(a, {rows.elements(), a.shape().back()}), b});
  return reshape(merged, concatenated(rows, {b.shape().back()}));
}

Tensor squared_products(Tensor a, Tensor b) {
  require_present("squared_products", {a, b});
  return apply(squared_products_operator, {a, b});
}

}  // namespace metac
