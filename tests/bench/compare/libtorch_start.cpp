// The first step of W1 in PyTorch's C++ library: 25 sine waves, one inner step, second order, Adam. Prints `ready`.
#include <torch/torch.h>

#include <cmath>
#include <cstdio>

int main() {
  torch::set_num_threads(1);
  std::vector<torch::Tensor> parameters;
  const int sizes[] = {1, 40, 40, 1};
  for (int i = 0; i < 3; ++i) {
    parameters.push_back((torch::randn({sizes[i + 1], sizes[i]}) / std::sqrt(sizes[i])).set_requires_grad(true));
    parameters.push_back(torch::zeros({sizes[i + 1]}).set_requires_grad(true));
  }
  const auto net = [](const std::vector<torch::Tensor>& w, torch::Tensor x) {
    for (int i = 0; i < 4; i += 2) x = torch::relu(torch::linear(x, w[i], w[i + 1]));
    return torch::linear(x, w[4], w[5]);
  };
  torch::optim::Adam optimizer(parameters, torch::optim::AdamOptions(1e-3));
  optimizer.zero_grad();
  for (int task = 0; task < 25; ++task) {
    const auto amplitude = torch::rand({1}) * 4.9 + 0.1, phase = torch::rand({1}) * M_PI;
    const auto x = torch::rand({10, 1}) * 10 - 5, query = torch::rand({10, 1}) * 10 - 5;
    const auto loss = torch::mse_loss(net(parameters, x), amplitude * torch::sin(x - phase));
    const auto gradients = torch::autograd::grad({loss}, parameters, {}, true, true);
    std::vector<torch::Tensor> adapted;
    for (std::size_t i = 0; i < parameters.size(); ++i) adapted.push_back(parameters[i] - 0.01 * gradients[i]);
    (torch::mse_loss(net(adapted, query), amplitude * torch::sin(query - phase)) / 25).backward();
  }
  optimizer.step();
  std::puts("ready");
  std::fflush(stdout);
  std::getchar();  // its memory is read before it ends
}
