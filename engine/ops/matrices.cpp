// Kernels, rules and samples of operators on matrices.
#include "ops/matrices.hpp"

#include <fmt/format.h>

#include <cmath>
#include <limits>

#include "ops/reference.hpp"

namespace metac {
namespace {

std::int64_t matrix_elements(const Shape& shape, int batch) { return trailing(shape, shape.rank() - batch).elements(); }

double* load_elements(Dtype dtype, const void* from, std::int64_t first, double* to, std::int64_t count) {
  for (std::int64_t i = 0; i < count; ++i)
    to[i] = dtype == Dtype::f32 ? static_cast<double>(static_cast<const float*>(from)[first + i])
                                : static_cast<const double*>(from)[first + i];
  return to;
}

void store_elements(Dtype dtype, const double* from, void* to, std::int64_t first, std::int64_t count) {
  for (std::int64_t i = 0; i < count; ++i) {
    if (dtype == Dtype::f32)
      static_cast<float*>(to)[first + i] = static_cast<float>(from[i]);
    else
      static_cast<double*>(to)[first + i] = from[i];
  }
}

}  // namespace

KernelPtr matrix_kernel(const Node& node, std::span<const Layout> inputs, int batch, std::int64_t work,
                        std::int64_t order, MatrixBody body) {
  const std::int64_t many = leading(inputs[0].shape, batch).elements();
  const std::int64_t in_a = matrix_elements(inputs[0].shape, batch);
  const std::int64_t in_b = inputs.size() > 1 ? matrix_elements(inputs[1].shape, batch) : 0;
  const std::int64_t in_result = matrix_elements(node.type.shape, batch);
  const Dtype dtype = node.type.dtype;
  const std::string type = to_string(inputs[0].type()), name = node.op.name;
  const auto run = [=](void* const* operands, std::byte* scratch) {
    Matrices m;
    m.a = reinterpret_cast<double*>(scratch);
    m.b = m.a + in_a, m.result = m.b + in_b, m.work = m.result + in_result;
    m.order = reinterpret_cast<std::int32_t*>(m.work + work);
    for (std::int64_t i = 0; i < many; ++i) {
      load_elements(dtype, operands[1], i * in_a, m.a, in_a);
      if (in_b > 0) load_elements(dtype, operands[2], i * in_b, m.b, in_b);
      if (std::all_of(m.a, m.result, [](double x) { return std::isfinite(x); })) {
        if (const std::string problem = body(m); !problem.empty())
          throw Error(fmt::format("[{}] matrix {} of {} {}", name, i, type, problem));
      } else {
        std::fill_n(m.result, in_result, std::numeric_limits<double>::quiet_NaN());
      }
      store_elements(dtype, m.result, operands[0], i * in_result, in_result);
    }
  };
  const std::int64_t bytes = 8 * (in_a + in_b + in_result + work) + 4 * order;
  return make_kernel(fmt::format("{} {} of {}", name, many, type), run, static_cast<std::size_t>(bytes));
}

void require_square(const Site& site) {
  const Type& a = site.inputs[0].type();
  require_float(site.op, site.inputs[0]);
  if (a.shape.rank() < 2 || a.shape.back() != a.shape[a.shape.rank() - 2])
    throw Error(fmt::format("[{}] {} was given; square matrices [..., n, n] are needed", site.op.name, to_string(a)));
}

Type square_type(const Site& site) {
  require_square(site);
  return site.inputs[0].type();
}

Tensor transposed(Tensor x) {
  Axes order = all_axes(x);
  std::swap(order[order.size() - 1], order[order.size() - 2]);
  return transpose(x, order);
}

Sample matrices(std::vector<Shape> shapes, Attributes attributes, void (*adjust)(int, Array&)) {
  Sample sample{.inputs = {}, .attributes = std::move(attributes), .adjust = adjust};
  for (const auto& shape : shapes) sample.inputs.push_back({Dtype::f32, shape});
  return sample;
}

void make_dominant(int input, Array& values) {
  const Shape& shape = values.shape();
  const std::int64_t n = shape.back();
  for (std::int64_t i = 0; input == 0 && i < values.elements(); ++i)
    if (i % n == i / n % n) store(values, i, values.at(i) + 2.5 * static_cast<double>(n));
}

std::vector<Sample> square_samples(Attributes attributes) {
  std::vector<Sample> samples;
  for (const auto& shape : {Shape{1, 1}, Shape{0, 0}, Shape{0, 2, 2}, Shape{3, 3}, Shape{2, 1, 4, 4}})
    samples.push_back(matrices({shape}, attributes, make_dominant));
  return samples;
}

}  // namespace metac
