// Speed of the tile interpreter. Not a test: run it by hand, on a quiet machine, from a release build.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <string>
#include <vector>

#include "base/memory.hpp"
#include "kernels/instruction_set.hpp"
#include "kernels/pointwise.hpp"

namespace metac {
namespace {

using Clock = std::chrono::steady_clock;

// Time of one run, ns: the shortest of many short pieces, for the machine may be shared.
double measure(const Kernel& kernel, const std::vector<void*>& operands) {
  const auto scratch = allocate(kernel.scratch_bytes());
  const auto once = [&](int times) {
    const auto start = Clock::now();
    for (int i = 0; i < times; ++i) kernel.run(operands.data(), scratch.get(), nullptr);
    return std::chrono::duration<double, std::nano>(Clock::now() - start).count() / times;
  };
  const int times = std::clamp(static_cast<int>(5e4 / std::max(1.0, once(3))), 1, 10000);
  double best = once(times);
  const auto end = Clock::now() + std::chrono::milliseconds(150);
  while (Clock::now() < end) best = std::min(best, once(times));
  return best;
}

void report(const char* what, const PointwiseProgram& program, std::int64_t bytes = 0) {
  const auto kernel = make_pointwise(program);
  kernel->make_state();
  std::vector<std::shared_ptr<std::byte>> memory;
  std::vector<void*> operands;
  const std::int64_t n = program.shape.elements();
  for (std::size_t i = 0; i < program.outputs.size() + program.loads.size(); ++i) {
    memory.push_back(allocate(n * 4));
    std::fill_n(reinterpret_cast<float*>(memory.back().get()), n, 0.5f);
    operands.push_back(memory.back().get());
  }
  const double time = measure(*kernel, operands);
  std::printf("%-44s %10.1f ns %8.3f ns/element", what, time, time / n);
  if (bytes > 0) std::printf(" %6.1f GB/s", bytes / time);
  std::printf("\n");
}

constexpr Dtype f32 = Dtype::f32;

PointwiseProgram chain(std::int64_t n, int length) {
  PointwiseProgram program{Shape{n}, {{f32, Shape{1}}, {f32, Shape{1}}}, {{f32, 0.5}}, {}, {}};
  constexpr Fn fns[] = {Fn::add, Fn::multiply, Fn::subtract, Fn::maximum, Fn::multiply};
  for (int i = 0; i < length; ++i) {
    const auto last = static_cast<std::uint16_t>(i == 0 ? 0 : 2 + i);
    program.instructions.push_back({fns[i % 5], f32, f32, {last, static_cast<std::uint16_t>(i % 3 == 2 ? 2 : 1)}});
  }
  program.outputs.push_back({static_cast<std::uint16_t>(2 + length)});
  return program;
}

PointwiseProgram unary(Fn fn, std::int64_t n) {
  return {Shape{n}, {{f32, Shape{1}}}, {}, {{fn, f32, f32, {0}}}, {{1}}};
}

PointwiseProgram sum(Shape shape, std::uint32_t axes) {
  const Shape strides = row_major_strides(shape);
  return {shape, {{f32, strides}}, {}, {}, {{0, Reduction::sum, axes}}};
}

// (x - mean) * scale + shift with vectors over the last axis
PointwiseProgram normalise(std::int64_t rows, std::int64_t columns) {
  return {Shape{rows, columns},
          {{f32, Shape{columns, 1}}, {f32, Shape{0, 1}}, {f32, Shape{0, 1}}, {f32, Shape{0, 1}}},
          {},
          {{Fn::subtract, f32, f32, {0, 1}}, {Fn::multiply, f32, f32, {4, 2}}, {Fn::add, f32, f32, {5, 3}}},
          {{6}}};
}

// exp(x - row maximum), with its sums over rows
PointwiseProgram softmax(std::int64_t rows, std::int64_t columns) {
  return {Shape{rows, columns},
          {{f32, Shape{columns, 1}}, {f32, Shape{1, 0}}},
          {},
          {{Fn::subtract, f32, f32, {0, 1}}, {Fn::exp, f32, f32, {2}}},
          {{3}, {3, Reduction::sum, 2}}};
}

void run() {
  std::printf("instruction set %s\n", instruction_set());
  report("add, 40 elements", chain(40, 1));
  report("chain of 10, 40 elements", chain(40, 10));
  report("chain of 10, 400 elements", chain(400, 10));
  report("chain of 10, 2000 elements", chain(2000, 10));
  report("chain of 10, 250000 elements", chain(250000, 10));
  for (auto [fn, name] : {std::pair{Fn::exp, "exp"},
                          {Fn::expm1, "expm1"},
                          {Fn::log, "log"},
                          {Fn::log1p, "log1p"},
                          {Fn::sin, "sin"},
                          {Fn::tanh, "tanh"},
                          {Fn::sigmoid, "sigmoid"},
                          {Fn::sqrt, "sqrt"}})
    report((std::string(name) + ", 1000 elements").c_str(), unary(fn, 1000));
  report("normalise [15680, 64]", normalise(15680, 64));
  report("softmax [75, 5]", softmax(75, 5));
  report("softmax [1000, 1000]", softmax(1000, 1000));
  report("sum [25, 784, 64] over the first two", sum({25, 784, 64}, 3), 25 * 784 * 64 * 4);
  report("sum [100000, 64] over the first", sum({100000, 64}, 1), 100000 * 64 * 4);
  report("sum [2000, 3] over the first", sum({2000, 3}, 1), 2000 * 3 * 4);
  report("sum [1000, 4096] over the first", sum({1000, 4096}, 1), 1000 * 4096 * 4);
  report("sum [5, 100000] over the first", sum({5, 100000}, 1), 500000 * 4);
  report("sum [1000000]", sum({1000000}, 1), 1000000 * 4);
  report("sum [75, 5] over the last", sum({75, 5}, 2), 75 * 5 * 4);
  report("sum [100, 64] over the last", sum({100, 64}, 2), 6400 * 4);
}

}  // namespace
}  // namespace metac

int main() { metac::run(); }
