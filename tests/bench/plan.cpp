// What running a plan costs besides its kernels; the step of second-order MAML on sinusoids (25 tasks, 10 + 10 points,
// a network of 1-40-40-1, one inner step), at one and two threads; and what threads beyond the tasks are good for.
#include <algorithm>
#include <chrono>
#include <cstdio>

#include "graph/operator.hpp"
#include "ops/ops.hpp"
#include "plan/plan.hpp"

using namespace metac;

namespace {

// The least of several repetitions, since the machine is shared.
template <class Work>
double seconds_per_call(const Work& work) {
  double best = 1e9;
  for (int repetition = 0; repetition < 20; ++repetition) {
    const auto start = std::chrono::steady_clock::now();
    for (int i = 0; i < 20; ++i) work();
    best = std::min(best, std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count() / 20);
  }
  return best;
}

class Nothing : public Kernel {
 public:
  void run(void* const*, std::byte*, State*) const override {}
  std::string describe() const override { return "nothing"; }
};

const Operator nothing_operator = {
    .name = "nothing",
    .doc = "Takes no time.",
    .arity = 2,
    .type = [](const Site& site) { return site.inputs[0].type(); },
    .kernel = [](const Node&, std::span<const Layout>) -> KernelPtr { return std::make_unique<Nothing>(); }};

void bench_overhead() {
  Graph graph;
  const Tensor x = input(graph, {Dtype::f32, {25, 40}}), w = input(graph, {Dtype::f32, {40}});
  MapBuilder tasks(graph, {x}, 25);
  Tensor y = tasks.slices()[0];
  const int steps = 130;
  for (int i = 0; i < steps; ++i) {
    const Tensor inputs[] = {y, w};
    y = tasks.graph().push(nothing_operator, inputs);
  }
  const auto outputs = tasks.close({{y}});
  const Tensor inputs[] = {x, w};
  Executable executable(make_plan(finalize(inputs, outputs)));
  const std::vector<Array> arrays{Array({Dtype::f32, {25, 40}}), Array({Dtype::f32, {40}})};
  std::vector<Array> results = executable.run(arrays);
  const double seconds = seconds_per_call([&] { executable.run(arrays, results); });
  std::printf("overhead: %.2f ns a step (25 tasks of %d steps)\n", seconds * 1e9 / (25 * steps), steps);
}

using Parameters = std::vector<Tensor>;

Tensor loss(const Parameters& p, Tensor x, Tensor y) {
  Tensor h = relu(matmul(x, p[0]) + p[1]);
  h = relu(matmul(h, p[2]) + p[3]);
  return mean(square(matmul(h, p[4]) + p[5] - y));
}

void bench_sinusoid() {
  Graph graph;
  const Shape shapes[] = {{1, 40}, {40}, {40, 40}, {40}, {40, 1}, {1}};
  std::vector<Tensor> inputs;
  for (int i = 0; i < 4; ++i) inputs.push_back(input(graph, {Dtype::f32, {25, 10, 1}}));
  MapBuilder tasks(graph, inputs, 25);
  Parameters parameters, inside;
  for (const Shape& shape : shapes) {
    inputs.push_back(input(graph, {Dtype::f32, shape}));
    inside.push_back(alias(inputs.back(), tasks.graph()));
  }
  const auto data = tasks.slices();
  const auto inner = grad(loss(inside, data[0], data[1]), inside);
  for (std::size_t i = 0; i < inside.size(); ++i) parameters.push_back(inside[i] - inner[i] * 0.01);
  const Tensor outer = loss(parameters, data[2], data[3]);
  std::vector<MapBuilder::Result> results{{outer, MapBuilder::summed}};
  for (const Tensor& gradient : grad(outer, inside)) results.push_back({gradient, MapBuilder::summed});
  const auto outputs = tasks.close(results);
  const auto plan = make_plan(finalize(inputs, outputs));
  std::vector<Array> arrays;
  for (const Tensor& tensor : inputs) {
    Array array(tensor.type());
    for (std::int64_t i = 0; i < array.elements(); ++i)
      array.as<float>()[i] = 0.01f * static_cast<float>(i * 7919 % 200 - 100);
    arrays.push_back(array);
  }
  std::printf("sinusoid: %lld kernels, arena of %zu bytes\n", static_cast<long long>(steps(*plan)), arena_bytes(*plan));
  for (const int threads : {1, 2}) {
    Executable executable(plan, threads);
    std::vector<Array> made = executable.run(arrays);
    const double seconds = seconds_per_call([&] { executable.run(arrays, made); });
    std::printf("sinusoid: %d thread(s): %.3f ms a step of 25 tasks, %.0f ns a kernel\n", threads, seconds * 1e3,
                seconds * 1e9 / static_cast<double>(25 * steps(*plan)));
  }
}

// Two tasks, of which one has no work: so two cores are enough to see a third thread help with the other.
void bench_few_tasks() {
  Graph graph;
  const Tensor x = input(graph, {Dtype::f32, {2, 75, 14, 14, 64}}), w = input(graph, {Dtype::f32, {3, 3, 64, 64}});
  MapBuilder tasks(graph, {x}, 2);
  const auto work = [](TensorList in) {
    const Tensor weights = alias(in[1], in[1].graph());
    const Tensor y = tanh(convolution(in[0], weights, {.padding = {1}}));
    const Tensor z = convolution(max_pool(y, {.size = {2, 2}}), weights, {.padding = {1}});
    return std::vector{grad(sum(square(z)), weights)};
  };
  const auto nothing = [](TensorList in) { return std::vector{in[1]}; };
  const Tensor first = less(tasks.index(), constant(tasks.graph(), 1, Dtype::i32));
  const auto outputs = tasks.close({{branch(first, work, nothing, {tasks.slices()[0], w})[0], MapBuilder::summed}});
  const Tensor inputs[] = {x, w};
  const auto plan = make_plan(finalize(inputs, outputs));
  std::vector<Array> arrays;
  for (const Tensor& tensor : inputs) {
    arrays.emplace_back(tensor.type());
    for (std::int64_t i = 0; i < arrays.back().elements(); ++i)
      arrays.back().as<float>()[i] = 0.001f * static_cast<float>(i * 7919 % 200 - 100);
  }
  for (const int threads : {1, 2, 3, 4}) {
    Executable executable(plan, threads);
    std::vector<Array> made = executable.run(arrays);
    const double seconds = seconds_per_call([&] { executable.run(arrays, made); });
    std::printf("one of two tasks has work: %d thread(s): %.2f ms\n", threads, seconds * 1e3);
  }
}

}  // namespace

int main() {
  bench_overhead();
  bench_sinusoid();
  bench_few_tasks();
}
