// The workloads of the comparison, in metac: one process, one workload, driven line by line over standard input.
//
//   compare_metac WORKLOAD [--threads N]
//
// Prints `ready` when one step was done; then, for each line `SECONDS` that it reads, repeats steps for that long and
// prints their median in milliseconds and how many a second there were.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <functional>
#include <iostream>
#include <map>

#include "bench/drawings.hpp"
#include "dsl/laboratory.hpp"
#include "elaborate/sources.hpp"

using namespace metac;
using namespace metac::dsl;
using namespace metac::dsl::testing;

namespace {

using Clock = std::chrono::steady_clock;
using Steps = std::function<void()>;  // one step at each call

double since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

Array noise(const Shape& shape, std::uint32_t seed) {
  Array array(Type{Dtype::f32, shape});
  data::Stream stream(data::Key{seed, 1});
  for (auto& value : array.as<float>()) value = static_cast<float>(stream.next() % 2001) / 1000.0f - 1.0f;
  return array;
}

// Images and labels of the size of MNIST's.
data::Dataset digits(std::int64_t count) {
  data::Bytes pixels(static_cast<std::size_t>(count) * 784);
  std::vector<std::int32_t> labels(static_cast<std::size_t>(count));
  data::Stream stream(data::Key{5, 7});
  for (auto& pixel : pixels) pixel = stream.next() % 4 == 0 ? 200 : 0;
  for (std::size_t i = 0; i < labels.size(); ++i) labels[i] = static_cast<std::int32_t>(i % 10);
  return data::Dataset::from_bytes("digits", Shape{28, 28, 1}, pixels, std::move(labels), data::numbered_classes(10),
                                   {"digits", "", {}});
}

// Steps of training with their draws and optimizer: each starts where the last one ended, and two sets of arrays hold
// the states by turns.
Steps training(std::shared_ptr<Laboratory> lab, SourcePtr source, std::int64_t batch, int threads) {
  auto step = std::make_shared<Step>(*lab, "learner_here", source, batch, "rule", threads);
  auto leaves = std::make_shared<std::vector<Array>>(Step::arrays(step->state));
  for (auto& leaf : Step::arrays(step->memory)) leaves->push_back(leaf);
  auto results = std::make_shared<std::vector<Array>>(leaves->size() + 1);
  return [=, number = std::int64_t{0}]() mutable {
    step->run(*leaves, {1, 1}, number++, *results);
    std::swap_ranges(leaves->begin(), leaves->end(), results->begin());  // the losses stay
  };
}

Steps of_script(const std::string& text, int threads, std::int64_t batch, SourcePtr source = nullptr) {
  auto lab = std::make_shared<Laboratory>(text);
  if (source == nullptr) source = lab->source("source");
  auto run = training(lab, source, batch, threads);
  return [lab, run]() mutable { run(); };
}

Steps waves(int steps, int threads) {
  return of_script(fmt::format(R"(
let source = sinusoids(shots: 10, queries: 10)
let learner_here = maml(mlp([40, 40, 1], weights: truncated_normal(0.01)), loss: mse, inner_lr: 0.01, steps: {})
let rule = adam(1e-3)
)",
                               steps),
                   threads, 25);
}

Steps omniglot(std::int64_t queries, std::int64_t tasks, int steps, int threads) {
  return of_script(fmt::format(R"(
let learner_here = maml(conv4(ways: 5), inner_lr: 0.4, steps: {})
let rule = adam(1e-3)
)",
                               steps),
                   threads, tasks, std::make_shared<const Drawings>(5, 1, queries));
}

Steps prototypes(std::int64_t ways, std::int64_t shots, std::int64_t queries, int threads) {
  return of_script(R"(
let learner_here = protonet(conv4_encoder())
let rule = adam(1e-3)
)",
                   threads, 1, std::make_shared<const Drawings>(ways, shots, queries));
}

constexpr const char* plain_digits = "let plain = classifier(mlp([256, 256, 10]))\n";

// An epoch of 60,000 rows in batches of 128; the last one is whole, too.
Steps epoch(const std::string& learner, int threads) {
  auto one = of_script(fmt::format("{}let learner_here = {}\nlet rule = adam(1e-3)\n", plain_digits, learner), threads,
                       128, batch_source(digits(469 * 128)));
  return [one]() mutable {
    for (int i = 0; i < 469; ++i) one();
  };
}

// What `on end` computes: the Fisher information of 1,000 examples.
Steps fisher(const std::string& estimator, int threads) {
  auto lab = std::make_shared<Laboratory>(
      fmt::format("{}let learner_here = ewc(plain, estimator: {})\nlet rule = adam(1e-3)\n", plain_digits, estimator));
  const SourcePtr source = batch_source(digits(1'000));
  auto step = std::make_shared<Step>(*lab, "learner_here", source, 128, "rule", threads);
  const auto& rows = dynamic_cast<const BatchSource&>(*source);
  const auto inputs = step->inputs(Step::arrays(step->state), {1, 2}, rows.rows(0, rows.size()));
  const Computed end = lab->explained(
      [&] { return event(lab->elaborator(), lab->learner("learner_here"), step->state, *source, "end"); });
  auto executable = std::make_shared<Executable>(make_plan(end.procedure.program), threads);
  auto results = std::make_shared<std::vector<Array>>(executable->run(inputs));
  return [=] { executable->run(inputs, *results); };
}

// ---- derivatives of a network with two hidden layers of 64 tanh units ----

struct Network {
  Graph graph;
  std::vector<Tensor> weights;
  std::vector<Array> values;

  explicit Network(std::int64_t inputs) {
    for (const auto& shape : {Shape{inputs, 64}, Shape{64}, Shape{64, 64}, Shape{64}, Shape{64, 1}, Shape{1}}) {
      weights.push_back(input(graph, {Dtype::f32, shape}));
      values.push_back(noise(shape, static_cast<std::uint32_t>(values.size())));
      for (auto& value : values.back().as<float>()) value *= 0.2f;
    }
  }
  Tensor operator()(Tensor x) const {
    const Tensor h = tanh(matmul(x, weights[0]) + weights[1]);
    return matmul(tanh(matmul(h, weights[2]) + weights[3]), weights[4]) + weights[5];
  }
};

Steps repeated(std::vector<Tensor> inputs, std::vector<Tensor> outputs, std::vector<Array> values, int threads) {
  auto executable = std::make_shared<Executable>(make_plan(finalize(inputs, outputs)), threads);
  auto results = std::make_shared<std::vector<Array>>(executable->run(values));
  return [=] { executable->run(values, *results); };
}

// Of the squared error, along directions in the space of the weights: a Hessian-vector product with one, the third
// derivative with two.
Steps along_directions(int directions, std::int64_t rows, int threads) {
  Network net(10);
  auto inputs = net.weights;
  auto values = net.values;
  const auto add = [&](const Shape& shape) {
    values.push_back(noise(shape, static_cast<std::uint32_t>(values.size())));
    return inputs.emplace_back(input(net.graph, {Dtype::f32, shape}));
  };
  const Tensor x = add(Shape{rows, 10}), y = add(Shape{rows, 1});
  const Tensor loss = mean(square(net(x) - y));
  std::vector<Tensor> outputs = grad(loss, net.weights);
  for (int i = 0; i < directions; ++i) {
    Tensor along;
    for (std::size_t leaf = 0; leaf < net.weights.size(); ++leaf) {
      const Tensor term = sum(outputs[leaf] * add(net.weights[leaf].shape()));
      along = along ? along + term : term;
    }
    outputs = grad(along, net.weights);
    for (std::size_t leaf = 0; leaf < outputs.size(); ++leaf)
      if (!outputs[leaf]) outputs[leaf] = zeros_like(net.weights[leaf]);
  }
  return repeated(inputs, outputs, values, threads);
}

// The derivatives 1 to 6 of the network as a function of one number.
Steps six_derivatives(int threads) {
  Network net(1);
  const Tensor x = input(net.graph, {Dtype::f32, {1, 1}});
  std::vector<Tensor> outputs;
  Tensor value = sum(net(x));
  for (int order = 1; order <= 6; ++order) {
    outputs.push_back(grad(value, x));
    value = sum(outputs.back());
  }
  auto inputs = net.weights;
  auto values = net.values;
  inputs.push_back(x);
  values.push_back(noise(Shape{1, 1}, 99));
  return repeated(inputs, outputs, values, threads);
}

std::map<std::string, std::function<Steps(int)>> workloads() {
  return {
      {"W1", [](int threads) { return waves(1, threads); }},
      {"W1b", [](int threads) { return waves(5, threads); }},
      {"W2", [](int threads) { return omniglot(1, 32, 1, threads); }},
      {"W2b", [](int threads) { return omniglot(15, 4, 1, threads); }},
      {"W2c", [](int threads) { return omniglot(1, 4, 5, threads); }},
      {"W3", [](int threads) { return prototypes(20, 5, 5, threads); }},
      {"W3b", [](int threads) { return prototypes(60, 1, 5, threads); }},
      {"W4", [](int threads) { return epoch("ewc(plain, strength: 100)", threads); }},
      {"W4plain", [](int threads) { return epoch("plain", threads); }},
      {"W4fisher", [](int threads) { return fisher("fisher(\"empirical\", examples: 1000)", threads); }},
      {"W5hvp", [](int threads) { return along_directions(1, 10, threads); }},
      {"W5third", [](int threads) { return along_directions(2, 10, threads); }},
      {"W5hvp64", [](int threads) { return along_directions(1, 64, threads); }},
      {"W5third64", [](int threads) { return along_directions(2, 64, threads); }},
      {"W5six", [](int threads) { return six_derivatives(threads); }},
  };
}

void measure(Steps& step, double seconds) {
  std::vector<double> times;
  const auto begin = Clock::now();
  while (times.size() < 2 || since(begin) < seconds) {
    const auto start = Clock::now();
    step();
    times.push_back(since(start) * 1e3);
  }
  const double rate = static_cast<double>(times.size()) / since(begin);
  std::nth_element(times.begin(), times.begin() + static_cast<std::ptrdiff_t>(times.size() / 2), times.end());
  fmt::print("{:.6f} {:.6f}\n", times[times.size() / 2], rate);
  std::fflush(stdout);
}

}  // namespace

int main(int argc, char** argv) {
  const auto known = workloads();
  int threads = 1;
  if (argc == 4 && std::strcmp(argv[2], "--threads") == 0) threads = std::max(1, std::atoi(argv[3]));
  if (argc < 2 || !known.contains(argv[1])) {
    fmt::print(stderr, "usage: compare_metac WORKLOAD [--threads N], with one of");
    for (const auto& [name, make] : known) fmt::print(stderr, " {}", name);
    fmt::print(stderr, "\n");
    return 2;
  }
  Steps step = known.at(argv[1])(threads);
  step();
  fmt::print("ready\n");
  std::fflush(stdout);
  for (std::string line; std::getline(std::cin, line);) measure(step, std::atof(line.c_str()));
}
