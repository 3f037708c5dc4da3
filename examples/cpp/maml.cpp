// Model-agnostic meta-learning (Finn, Abbeel, Levine 2017) on sine waves, written against the engine: a step of
// gradient descent for each of 25 tasks, and the gradient through it, second order. The language says the same in ten
// lines: stdlib/learn/meta/maml.meta.
#include <cmath>
#include <cstdio>
#include <metac/engine.hpp>
#include <random>
#include <vector>

using namespace metac;
using Weights = std::vector<Tensor>;

namespace {

constexpr std::int64_t tasks_a_step = 25, shots = 10;
const std::vector<Shape> shapes{{1, 40}, {40}, {40, 40}, {40}, {40, 1}, {1}};

Tensor network(const Weights& w, Tensor x) {
  return matmul(relu(matmul(relu(matmul(x, w[0]) + w[1]), w[2]) + w[3]), w[4]) + w[5];
}

Tensor error(const Weights& w, Tensor x, Tensor y) { return mean(square(network(w, x) - y)); }

Weights adapted(Weights w, Tensor x, Tensor y) {
  const auto gradient = grad(error(w, x, y), w);
  for (std::size_t i = 0; i < w.size(); ++i) w[i] = w[i] - 0.01 * gradient[i];
  return w;
}

// The points of so many waves, support and query: [tasks, shots, 1] each.
std::vector<Array> waves(std::int64_t tasks, std::mt19937& rng) {
  std::uniform_real_distribution<float> amplitude(0.1f, 5.0f), phase(0.0f, 3.14159265f), place(-5.0f, 5.0f);
  std::vector<Array> parts(4, Array());
  for (Array& part : parts) part = Array({Dtype::f32, {tasks, shots, 1}});
  for (std::int64_t task = 0; task < tasks; ++task) {
    const float a = amplitude(rng), p = phase(rng);
    for (std::int64_t i = task * shots; i < (task + 1) * shots; ++i)
      for (const std::size_t part : {0, 2}) {
        const float x = parts[part].as<float>()[i] = place(rng);
        parts[part + 1].as<float>()[i] = a * std::sin(x - p);
      }
  }
  return parts;
}

}  // namespace

int main() {
  Graph graph;
  Weights theta, moment, square_moment;
  for (Weights* part : {&theta, &moment, &square_moment})
    for (const Shape& shape : shapes) part->push_back(input(graph, {Dtype::f32, shape}));
  const Tensor step = input(graph, {Dtype::f32, {}});
  std::vector<Tensor> data;
  for (int i = 0; i < 4; ++i) data.push_back(input(graph, {Dtype::f32, {tasks_a_step, shots, 1}}));

  // The tasks do not depend on each other. Inside the body, aliases of the weights are the variables.
  MapBuilder tasks(graph, data, tasks_a_step);
  const auto& part = tasks.slices();
  Weights w;
  for (const Tensor& weight : theta) w.push_back(alias(weight, tasks.graph()));
  const Tensor loss = error(adapted(w, part[0], part[1]), part[2], part[3]);
  std::vector<MapBuilder::Result> results{{loss, MapBuilder::summed}, {error(w, part[2], part[3]), MapBuilder::summed}};
  for (const Tensor& gradient : grad(loss, w)) results.push_back({gradient, MapBuilder::summed});
  std::vector<Tensor> sums = tasks.close(results);
  for (Tensor& sum : sums) sum = sum / static_cast<double>(tasks_a_step);

  // Adam (Kingma, Ba 2015) on the meta-gradient.
  std::vector<Tensor> inputs, outputs;
  for (const Weights* state : {&theta, &moment, &square_moment})
    inputs.insert(inputs.end(), state->begin(), state->end());
  for (std::size_t i = 0; i < shapes.size(); ++i) {
    const Tensor gradient = sums[i + 2];
    moment[i] = 0.9 * moment[i] + 0.1 * gradient;
    square_moment[i] = 0.999 * square_moment[i] + 0.001 * square(gradient);
    const Tensor scale = sqrt(1.0 - pow(full(graph, {}, 0.999), step)) / (1.0 - pow(full(graph, {}, 0.9), step));
    theta[i] = theta[i] - 1e-3 * scale * moment[i] / (sqrt(square_moment[i]) + 1e-8);
  }
  for (const Weights* state : {&theta, &moment, &square_moment})
    outputs.insert(outputs.end(), state->begin(), state->end());
  inputs.push_back(step);
  inputs.insert(inputs.end(), data.begin(), data.end());
  outputs.insert(outputs.end(), {sums[1], sums[0]});
  const Function train = compile(inputs, outputs);

  std::mt19937 rng(1);
  std::vector<Array> state;
  for (std::size_t i = 0; i < 3 * shapes.size(); ++i) {
    const Shape& shape = shapes[i % shapes.size()];
    state.push_back(Array({Dtype::f32, shape}));
    std::normal_distribution<float> draw(0.0f, shape.rank() == 2 ? 1 / std::sqrt(static_cast<float>(shape[0])) : 0.0f);
    if (i < shapes.size())
      for (float& value : state.back().as<float>()) value = draw(rng);
  }
  double before = 0, after = 0, first = 0;
  for (int i = 1; i <= 2000; ++i) {
    std::vector<Array> given = state;
    given.push_back(Array::scalar(static_cast<float>(i)));
    for (Array& array : waves(tasks_a_step, rng)) given.push_back(array);
    const std::vector<Array> results_of_step = train(given);
    std::copy(results_of_step.begin(), results_of_step.begin() + static_cast<std::ptrdiff_t>(state.size()),
              state.begin());
    before += results_of_step[state.size()].at(0) / 500;
    after += results_of_step[state.size() + 1].at(0) / 500;
    if (i % 500 != 0) continue;
    std::printf("meta-steps %4d to %4d: error %.3f before the step of a task, %.3f after it\n", i - 499, i, before,
                after);
    if (first == 0) first = after;
    if (i < 2000) before = after = 0;
  }
  return after < 0.7 * first && after < 0.7 * before ? 0 : 1;
}
