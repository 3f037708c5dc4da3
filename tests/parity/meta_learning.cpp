// Whole second-order MAML (Finn, Abbeel, Levine 2017): the loss on the query after steps of gradient descent on the
// support, a mean over tasks, which are a map here and a loop in compare.py; see cases.hpp.
#include "parity/cases.hpp"
#include "transform/transform.hpp"

namespace metac::parity {
namespace {

constexpr std::int64_t tasks = 3;
using Weights = std::vector<Tensor>;
using Loss = std::function<Tensor(const Weights&, Tensor x, Tensor y)>;

Weights adapted(const Loss& loss, Weights w, Tensor x, Tensor y, int steps, double rate) {
  for (int step = 0; step < steps; ++step) {
    for (Tensor& weight : w) weight = alias(weight, x.graph());
    const Weights gradient = grad(loss(w, x, y), w);
    for (std::size_t i = 0; i < w.size(); ++i) w[i] = w[i] - rate * gradient[i];
  }
  return w;
}

// The operands are the weights, then support x and y and query x and y of all tasks.
Build meta_loss(const Loss& loss, std::size_t weights, int steps, double rate) {
  return [=](std::span<const Tensor> x) -> Results {
    const auto data = x.subspan(weights);
    MapBuilder map(x[0].graph(), {data.begin(), data.end()}, tasks);
    const auto& part = map.slices();
    Weights w;
    for (std::size_t i = 0; i < weights; ++i) w.push_back(alias(x[i], map.graph()));
    const Tensor result = loss(adapted(loss, w, part[0], part[1], steps, rate), part[2], part[3]);
    return {map.close({{result, MapBuilder::summed}})[0] / static_cast<double>(tasks)};
  };
}

void add_one(Cases& cases, const char* name, const char* expression, std::vector<Array> weights,
             std::vector<Array> data, const Loss& loss, int steps, double rate, int orders = 2) {
  const std::size_t count = weights.size();
  weights.insert(weights.end(), data.begin(), data.end());
  cases.push_back({name, expression, std::move(weights), meta_loss(loss, count, steps, rate), orders,
                   static_cast<int>(count), false});
}

// ---- networks ----

Tensor cross_entropy(Tensor logits, Tensor labels) {
  return neg(mean(gather_along(log_softmax(logits, 1), reshape(labels, {labels.shape()[0], 1}), 1)));
}

Tensor mlp_loss(const Weights& w, Tensor x, Tensor y) {
  const Tensor first = tanh(matmul(x, w[0]) + w[1]), second = tanh(matmul(first, w[2]) + w[3]);
  return mean(square(matmul(second, w[4]) + w[5] - y));
}

Tensor batch_norm(Tensor x, Tensor scale, Tensor offset) {
  const Tensor centred = x - mean(x, {0, 1, 2}, true);
  return centred / sqrt(variance(x, {0, 1, 2}, true) + 1e-5) * scale + offset;
}

Tensor convolution_loss(const Weights& w, Tensor x, Tensor y) {
  for (std::size_t i = 0; i < 6; i += 3)
    x = max_pool(relu(batch_norm(convolution(x, w[i], {.padding = {1}}), w[i + 1], w[i + 2])), {.size = {2}});
  const std::int64_t n = x.shape()[0];
  return cross_entropy(matmul(reshape(x, {n, -1}), w[6]) + w[7], y);
}

// Weights of the input, of the state, and offsets [4 units]: input, forget, cell, output; then those of the output.
Tensor lstm_loss(const Weights& w, Tensor x, Tensor y) {
  const std::int64_t units = w[1].shape()[0], length = x.shape()[1];
  Tensor h = full(x.graph(), {x.shape()[0], units}, 0, Dtype::f64), c = h;
  for (std::int64_t time = 0; time < length; ++time) {
    const auto gate = split(matmul(index_axis(x, 1, time), w[0]) + matmul(h, w[1]) + w[2], 4, 1);
    c = sigmoid(gate[1]) * c + sigmoid(gate[0]) * tanh(gate[2]);
    h = sigmoid(gate[3]) * tanh(c);
  }
  return mean(square(matmul(h, w[3]) + w[4] - y));
}

}  // namespace

void meta_learning_cases(Draws& draws, Cases& cases) {
  const auto weights = [&](std::vector<Shape> shapes) {
    std::vector<Array> arrays;
    for (const Shape& shape : shapes) arrays.push_back(draws.uniform(shape, -0.5, 0.5));
    return arrays;
  };
  add_one(cases, "MAML of an MLP", "maml(mlp_loss, x, 6, 3, 0.1)",
          weights({{2, 10}, {10}, {10, 10}, {10}, {10, 1}, {1}}),
          {draws.uniform({tasks, 6, 2}), draws.uniform({tasks, 6, 1}), draws.uniform({tasks, 7, 2}),
           draws.uniform({tasks, 7, 1})},
          mlp_loss, 3, 0.1);
  // torch's batch norm has no right derivative of order 3: to the order of the Hessian it is written out.
  const bool written_out = draws.once_in(2);
  add_one(cases, "MAML of a conv net with batch norm",
          written_out ? "maml(written_out_convolution_loss, x, 8, 2, 0.1)" : "maml(convolution_loss, x, 8, 2, 0.1)",
          weights({{3, 3, 1, 4}, {4}, {4}, {3, 3, 4, 4}, {4}, {4}, {16, 3}, {3}}),
          {draws.uniform({tasks, 6, 8, 8, 1}), draws.indices({tasks, 6}, 3), draws.uniform({tasks, 5, 8, 8, 1}),
           draws.indices({tasks, 5}, 3)},
          convolution_loss, 2, 0.1, written_out ? 2 : 1);
  add_one(cases, "MAML of an LSTM of 20 steps", "maml(lstm_loss, x, 5, 2, 0.1)",
          weights({{2, 20}, {5, 20}, {20}, {5, 1}, {1}}),
          {draws.uniform({tasks, 4, 20, 2}), draws.uniform({tasks, 4, 1}), draws.uniform({tasks, 3, 20, 2}),
           draws.uniform({tasks, 3, 1})},
          lstm_loss, 2, 0.1);
}

}  // namespace metac::parity
