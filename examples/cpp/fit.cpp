// Fits a curve: a small network by gradient descent with momentum. One step is compiled once; each run of it writes the
// new weights over the old ones.
#include <cmath>
#include <cstdio>
#include <metac/engine.hpp>
#include <vector>

using namespace metac;

namespace {

Tensor network(const std::vector<Tensor>& w, Tensor x) { return matmul(tanh(matmul(x, w[0]) + w[1]), w[2]) + w[3]; }

// [64, 1]: what to fit, and where.
std::vector<float> points(float (*f)(float)) {
  std::vector<float> values;
  for (int i = 0; i < 64; ++i) values.push_back(f(static_cast<float>(i) / 32 - 1));
  return values;
}

}  // namespace

int main() {
  const std::vector<Shape> shapes{{1, 16}, {16}, {16, 1}, {1}};
  Graph graph;
  const Tensor x = input(graph, {Dtype::f32, {64, 1}}), y = input(graph, {Dtype::f32, {64, 1}});
  std::vector<Tensor> weights, velocity;
  for (const Shape& shape : shapes) weights.push_back(input(graph, {Dtype::f32, shape}));
  for (const Shape& shape : shapes) velocity.push_back(input(graph, {Dtype::f32, shape}));

  const auto [loss, gradient] = value_and_grad(mean(square(network(weights, x) - y)), weights);
  std::vector<Tensor> inputs = weights, outputs;
  inputs.insert(inputs.end(), velocity.begin(), velocity.end());
  for (std::size_t i = 0; i < weights.size(); ++i) velocity[i] = 0.9 * velocity[i] - 0.1 * gradient[i];
  for (std::size_t i = 0; i < weights.size(); ++i) outputs.push_back(weights[i] + velocity[i]);
  outputs.insert(outputs.end(), velocity.begin(), velocity.end());
  inputs.insert(inputs.end(), {x, y});
  outputs.push_back(loss);
  const Function step = compile(inputs, outputs);

  // The memory of the program: weights that are drawn, velocities that are zero, a loss.
  std::vector<Tensor> drawn;
  for (std::size_t i = 0; i < shapes.size(); ++i)
    drawn.push_back(random(fold_in(key(graph, 1), static_cast<std::int32_t>(i)), Distribution::normal, shapes[i]));
  std::vector<Array> state = compile({}, drawn)({});
  for (const Shape& shape : shapes) state.push_back(Array({Dtype::f32, shape}));
  const std::vector<float> xs = points([](float t) { return t; }), ys = points([](float t) { return std::sin(4 * t); });
  float error = 0;
  std::vector<ArrayView> read(state.begin(), state.end());
  std::vector<MutableArrayView> written(state.begin(), state.end());
  read.insert(read.end(), {{xs, {64, 1}}, {ys, {64, 1}}});
  written.emplace_back(std::span(&error, 1), Shape{});

  for (int i = 0; i <= 2000; ++i) {
    step(read, written);
    if (i % 500 == 0) std::printf("step %4d: mean squared error %.5f\n", i, error);
  }
  return error < 0.01f ? 0 : 1;
}
