// Matrix products: nanoseconds and GFLOP/s of one core, for the shapes that learning rules are made of.
#include <cstdio>

#include "kernels/instruction_set.hpp"
#include "kernels/linear.hpp"
#include "timing.hpp"

using namespace metac;

namespace {

struct Case {
  std::int64_t batch, m, k, n;
  bool a_transposed = false, b_transposed = false;
};

Layout operand(std::int64_t batch, std::int64_t rows, std::int64_t columns, bool transposed) {
  auto layout = Layout::dense({Dtype::f32, {batch, rows, columns}});
  if (transposed) layout.strides = Shape{rows * columns, 1, rows};
  return layout;
}

void measure(const Case& c) {
  const auto a = operand(c.batch, c.m, c.k, c.a_transposed), b = operand(c.batch, c.k, c.n, c.b_transposed);
  const auto kernel = make_matmul(a, b);
  const double time = bench::seconds(*kernel, {{Dtype::f32, {c.batch, c.m, c.n}}, a.type(), b.type()});
  const double work = 2.0 * static_cast<double>(c.batch * c.m * c.k * c.n);
  std::printf("%3ld x %4ldx%ldx%ld%s%s %30s %10.0f ns %7.1f GFLOP/s\n", c.batch, c.m, c.k, c.n,
              c.a_transposed ? " a'" : "", c.b_transposed ? " b'" : "", kernel->describe().c_str(), time * 1e9,
              work / time * 1e-9);
}

}  // namespace

int main() {
  std::printf("instruction set %s\n", instruction_set());
  const Case cases[] = {{1, 10, 1, 40},
                        {1, 10, 40, 40},
                        {1, 10, 40, 40, false, true},
                        {1, 40, 10, 40, true},
                        {1, 10, 40, 1},
                        {1, 10, 1, 40, false, true},
                        {1, 40, 10, 1, true},
                        {1, 1, 10, 40, true},
                        {1, 5, 64, 5},
                        {1, 5, 64, 5, false, true},
                        {1, 75, 64, 5, false, true},
                        {25, 10, 40, 40},
                        {1, 16, 16, 16},
                        {1, 32, 32, 32},
                        {1, 64, 64, 64},
                        {1, 64, 64, 64, false, true},
                        {1, 96, 96, 96},
                        {1, 100, 64, 300},
                        {1, 128, 128, 128},
                        {1, 128, 128, 128, true},
                        {1, 128, 128, 128, false, true},
                        {1, 1, 784, 256},
                        {1, 32, 784, 256},
                        {1, 784, 32, 256, true},
                        {1, 256, 256, 256},
                        {1, 512, 512, 512}};
  for (const auto& each : cases) measure(each);
}
