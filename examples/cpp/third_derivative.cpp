// Derivatives of any order: the third derivative of a function of one number, beside its closed form, and the tensor of
// all third derivatives of a function of several.
#include <cmath>
#include <cstdio>
#include <metac/engine.hpp>
#include <vector>

using namespace metac;

int main() {
  Graph graph;
  const Tensor x = input(graph, {Dtype::f64, {}});
  const Tensor f = sin(x) * exp(2.0 * x);
  const Function third = compile(x, grad(grad(grad(f, x), x), x));

  // (sin x e^2x)''' = (2 sin x + 11 cos x) e^2x
  bool right = true;
  for (const double at : {-1.0, 0.0, 0.5}) {
    const double value = third({Array::scalar(at)})[0].at(0);
    const double closed = (2 * std::sin(at) + 11 * std::cos(at)) * std::exp(2 * at);
    std::printf("f'''(%4.1f) = %10.6f, closed form %10.6f\n", at, value, closed);
    right &= std::abs(value - closed) < 1e-9;
  }

  // g(v) = v0 v1 v2: the derivative to all three, in any order, is 1; every other third derivative is 0.
  const Tensor v = input(graph, {Dtype::f64, {3}});
  const Tensor g = prod(v, {0});
  const Function all = compile(v, jacobian(hessian(g, v), v));
  const Array thirds = all({std::vector<double>{2, 3, 5}})[0];
  for (int i = 0; i < 27; ++i) {
    const int a = i / 9, b = i / 3 % 3, c = i % 3;
    right &= thirds.at(i) == (a != b && b != c && a != c ? 1 : 0);
  }
  std::printf("all %lld third derivatives of v0 v1 v2 are %s\n", static_cast<long long>(thirds.elements()),
              right ? "right" : "wrong");
  return right ? 0 : 1;
}
