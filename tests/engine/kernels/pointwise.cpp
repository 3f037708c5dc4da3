// Tile programs, interpreted and as machine code, against a plain interpreter: every function and dtype, edges, tails,
// and random programs over random strides and reductions.
#include "kernels/pointwise.hpp"

#include <fmt/format.h>

#include <boost/test/unit_test.hpp>
#include <cstdlib>
#include <limits>
#include <random>
#include <string>

#include "base/memory.hpp"
#include "kernels/dispatch.hpp"
#include "kernels/tile_program.hpp"
#include "pointwise_reference.hpp"

namespace metac::test {
namespace {

constexpr double inf = std::numeric_limits<double>::infinity(), nan = std::numeric_limits<double>::quiet_NaN();
constexpr Dtype dtypes[] = {Dtype::f32, Dtype::f64, Dtype::i32, Dtype::boolean};
constexpr std::size_t guard = 64;  // bytes around every result that must stay as they are

std::vector<double> edges(Dtype dtype) {
  if (dtype == Dtype::boolean) return {0, 1};
  if (dtype == Dtype::i32)
    return {0, 1, -1, 2, -2, 3, 7, 31, 32, 1000, -1000, 65536, 2147483647.0, -2147483647.0, -2147483648.0};
  std::vector<double> values = {0.0,          -0.0,          1,     -1,     0.5,   -0.5, 2,     -2,    3,    -3,   1e-3,
                                10,           -10,           88.0,  89,     -87.5, -100, -104,  1e5,   -1e5, 3e5,  1e9,
                                2147483648.0, -2147483648.0, 1e-40, -1e-40, 1e-45, 1e30, -1e30, 1e-30, inf,  -inf, nan};
  if (dtype == Dtype::f32) values.push_back(std::numeric_limits<float>::max());
  return values;
}

struct Buffer {
  std::shared_ptr<std::byte> memory;
  std::size_t bytes;
  explicit Buffer(std::size_t n) : memory(allocate(n + 2 * guard)), bytes(n) {
    std::memset(memory.get(), 0x5a, n + 2 * guard);
  }
  void* data() const { return memory.get() + guard; }
  bool guards_stand() const {
    for (std::size_t i = 0; i < guard; ++i)
      if (memory.get()[i] != std::byte{0x5a} || memory.get()[guard + bytes + i] != std::byte{0x5a}) return false;
    return true;
  }
};

// Units in the last place of f32 (or of f64) by which a result may miss the f64 one rounded.
bool close(double got, double want, Dtype dtype, double ulps) {
  if (std::isnan(want)) return std::isnan(got);
  if (dtype == Dtype::i32 || dtype == Dtype::boolean || std::isinf(want) || std::isinf(got)) {
    if (got == want) return true;
    // a finite result next to overflow may round up
    return dtype == Dtype::f32 && ulps > 0 && std::isinf(got) && std::fabs(want) > 3.4028e38 && (got > 0) == (want > 0);
  }
  if (want == 0 && got == 0) return ulps > 0.5 || std::signbit(want) == std::signbit(got);
  const double unit = dtype == Dtype::f32
                          ? std::max(std::ldexp(1.0, std::ilogb(want == 0 ? 1e-300 : want) - 23), 1.4e-45)
                          : std::max(std::ldexp(1.0, std::ilogb(want == 0 ? 1e-300 : want) - 52), 5e-324);
  return std::fabs(got - want) <= ulps * unit;
}

double allowed(Fn fn, Dtype dtype) {
  if (fn < Fn::exp || fn == Fn::sqrt || (fn >= Fn::floor && fn <= Fn::is_finite)) return 0;
  if (fn >= Fn::add && fn != Fn::power && fn != Fn::atan2) return 0;
  return dtype == Dtype::f32 ? 3.0 : 2.0;
}

std::vector<std::vector<double>> run(const PointwiseProgram& program, const std::vector<const void*>& loads,
                                     const std::vector<std::size_t>& sizes, bool generate = true) {
  const auto kernel = make_pointwise(program, generate);
  kernel->make_state();
  const auto types = types_of(program);
  std::vector<Buffer> results;
  std::vector<void*> operands;
  for (std::size_t o = 0; o < sizes.size(); ++o) {
    results.emplace_back(sizes[o] * size_of(types[program.outputs[o].source]));
    operands.push_back(results.back().data());
  }
  for (auto load : loads) operands.push_back(const_cast<void*>(load));
  Buffer scratch(kernel->scratch_bytes());
  kernel->run(operands.data(), static_cast<std::byte*>(scratch.data()), nullptr);
  BOOST_REQUIRE(scratch.guards_stand());
  std::vector<std::vector<double>> values(sizes.size());
  for (std::size_t o = 0; o < sizes.size(); ++o) {
    BOOST_REQUIRE(results[o].guards_stand());
    for (std::size_t i = 0; i < sizes[o]; ++i)
      values[o].push_back(read(results[o].data(), types[program.outputs[o].source], static_cast<std::int64_t>(i)));
  }
  return values;
}

Dtype result_type(Fn fn, Dtype operand) {
  return fn == Fn::is_finite || (fn >= Fn::equal && fn <= Fn::logical_not) ? Dtype::boolean : operand;
}

bool has(Fn fn, Dtype dtype) {
  return simd().pointwise.map[static_cast<int>(fn)][static_cast<int>(dtype)][0] != nullptr;
}

// One instruction over n elements; operands whose bit is set in `singles` are repeated.
void check_function(Fn fn, Dtype dtype, Dtype to, const std::vector<double> (&values)[3], unsigned singles) {
  const int operands = arity(fn);
  const auto n = static_cast<std::int64_t>(values[0].size());
  PointwiseProgram program;
  program.shape = Shape{n};
  std::vector<Buffer> memory;
  std::vector<const void*> loads;
  for (int k = 0; k < operands; ++k) {
    const Dtype type = fn == Fn::select && k == 0 ? Dtype::boolean : dtype;
    memory.emplace_back(n * size_of(type));
    for (std::int64_t i = 0; i < n; ++i) write(memory.back().data(), type, i, values[k][i]);
    loads.push_back(memory.back().data());
    program.loads.push_back({type, Shape{(singles >> k & 1) != 0 ? 0 : 1}});
  }
  program.instructions.push_back({fn, dtype, to, {0, 1, 2}});
  program.outputs.push_back({static_cast<std::uint16_t>(operands)});
  const auto got = run(program, loads, {static_cast<std::size_t>(n)})[0];
  const auto want = interpret(program, loads)[0].values;
  for (std::int64_t i = 0; i < n; ++i)
    if (!close(got[i], want[i], to, allowed(fn, dtype)))
      BOOST_ERROR("function " << static_cast<int>(fn) << " of " << to_string(dtype) << " to " << to_string(to) << " at "
                              << read(loads[0], program.loads[0].dtype, (singles & 1) ? 0 : i) << ", "
                              << (operands > 1 ? read(loads[1], program.loads[1].dtype, (singles & 2) ? 0 : i) : 0)
                              << ": " << got[i] << ", should be " << want[i] << " (n " << n << ", singles " << singles
                              << ")");
}

std::vector<double> random_values(std::mt19937& random, Dtype dtype, std::int64_t n, bool with_edges) {
  const auto special = edges(dtype);
  std::vector<double> values;
  for (std::int64_t i = 0; i < n; ++i) {
    double x = std::uniform_real_distribution<>(-4, 4)(random);
    if (dtype == Dtype::i32) x = std::trunc(x * 5);
    if (dtype == Dtype::boolean) x = x > 0;
    if (with_edges && random() % 3 == 0) x = special[random() % special.size()];
    values.push_back(dtype == Dtype::f32 ? static_cast<float>(x) : x);
  }
  return values;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(pointwise)

BOOST_AUTO_TEST_CASE(every_function_of_every_dtype_at_its_edges) {
  for (int f = 0; f < static_cast<int>(Fn::cast); ++f) {
    const Fn fn = static_cast<Fn>(f);
    for (Dtype dtype : dtypes) {
      if (!has(fn, dtype)) continue;
      std::vector<double> values[3];
      for (double a : edges(fn == Fn::select ? Dtype::boolean : dtype))
        for (double b : edges(dtype))
          if (fn != Fn::power || dtype != Dtype::i32 || std::fabs(b) <= 1000)
            values[0].push_back(a), values[1].push_back(b), values[2].push_back(-b);
      if (dtype == Dtype::boolean) values[2] = values[1];
      if (dtype == Dtype::i32)
        for (double& c : values[2]) c = c > 2147483647.0 ? 0 : c;
      check_function(fn, dtype, result_type(fn, dtype), values, 0);
    }
  }
}

BOOST_AUTO_TEST_CASE(every_function_at_every_length_and_pattern_of_repeated_operands) {
  std::mt19937 random(7);
  for (int f = 0; f < static_cast<int>(Fn::cast); ++f) {
    const Fn fn = static_cast<Fn>(f);
    for (Dtype dtype : dtypes) {
      if (!has(fn, dtype)) continue;
      for (std::int64_t n = 0; n <= 70; ++n) {
        for (unsigned singles = 0; singles < 1u << arity(fn); ++singles) {
          std::vector<double> values[3];
          for (int k = 0; k < 3; ++k) {
            const Dtype type = fn == Fn::select && k == 0 ? Dtype::boolean : dtype;
            values[k] = random_values(random, type, n, n % 2 == 0);
          }
          check_function(fn, dtype, result_type(fn, dtype), values, singles);
        }
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(casts_between_all_dtypes) {
  std::mt19937 random(8);
  for (Dtype from : dtypes) {
    for (Dtype to : dtypes) {
      std::vector<double> values[3] = {edges(from)};
      check_function(Fn::cast, from, to, values, 0);
      for (std::int64_t n = 0; n <= 70; ++n) {
        values[0] = random_values(random, from, n, true);
        check_function(Fn::cast, from, to, values, n % 2);
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(a_function_given_by_its_meaning_is_called_for_each_element) {
  const Scalar call = [](double a, double b, double c) { return a + 2 * b + 4 * c; };
  std::mt19937 random(9);
  for (Dtype dtype : {Dtype::f32, Dtype::f64, Dtype::i32})
    for (std::int64_t n : {0, 1, 2, 7, 64, 5000})
      for (unsigned singles = 0; singles < 8; ++singles) {
        PointwiseProgram program{Shape{n}, {}, {}, {{Fn::call_3, dtype, dtype, {0, 1, 2}, call}}, {{3}}};
        std::vector<Buffer> memory;
        std::vector<const void*> loads;
        for (int k = 0; k < 3; ++k) {
          memory.emplace_back(n * size_of(dtype));
          const auto values = random_values(random, dtype, n, false);
          for (std::int64_t i = 0; i < n; ++i) write(memory.back().data(), dtype, i, values[i]);
          loads.push_back(memory.back().data());
          program.loads.push_back({dtype, Shape{(singles >> k & 1) != 0 ? 0 : 1}});
        }
        const auto got = run(program, loads, {static_cast<std::size_t>(n)})[0];
        for (std::int64_t i = 0; i < n; ++i) {
          const auto operand = [&](int k) { return read(loads[k], dtype, (singles >> k & 1) != 0 ? 0 : i); };
          const double want = call(operand(0), operand(1), operand(2));
          BOOST_TEST(got[i] == (dtype == Dtype::f32 ? static_cast<float>(want) : want));
        }
      }
}

BOOST_AUTO_TEST_CASE(empty_reductions_give_the_identity) {
  for (Dtype dtype : dtypes) {
    for (auto reduction : {Reduction::sum, Reduction::product, Reduction::maximum, Reduction::minimum}) {
      if (dtype == Dtype::boolean && reduction < Reduction::maximum) continue;
      PointwiseProgram program{Shape{3, 0}, {{dtype, Shape{0, 1}}}, {}, {}, {{0, reduction, 2}, {0}}};
      const auto got = run(program, {nullptr}, {3, 0})[0];
      for (double value : got) BOOST_TEST(value == identity(reduction, dtype));
      PointwiseProgram nothing{Shape{0, 3}, {{dtype, Shape{3, 1}}}, {}, {}, {{0, reduction, 2}}};
      BOOST_TEST(run(nothing, {nullptr}, {0})[0].empty());
    }
  }
}

BOOST_AUTO_TEST_CASE(maxima_and_minima_pass_nan_on_wherever_it_stands) {
  for (std::int64_t n : {1, 2, 5, 8, 31, 70, 5000}) {
    for (std::int64_t at = 0; at < n; at += 1 + n / 40) {
      std::vector<float> x(n, 1.0f);
      x[at] = NAN;
      for (auto reduction : {Reduction::maximum, Reduction::minimum}) {
        PointwiseProgram row{Shape{n}, {{Dtype::f32, Shape{1}}}, {}, {}, {{0, reduction, 1}}};
        BOOST_TEST(std::isnan(run(row, {x.data()}, {1})[0][0]));
        PointwiseProgram columns{Shape{n, 1, 3}, {{Dtype::f32, Shape{1, 0, 0}}}, {}, {}, {{0, reduction, 1}}};
        const auto got = run(columns, {x.data()}, {3})[0];
        for (double value : got) BOOST_TEST(std::isnan(value));
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(long_sums_of_f32_are_accurate) {
  constexpr std::int64_t n = 1 << 20;
  std::vector<float> x(n);
  std::mt19937 random(3);
  double total = 0;
  for (float& value : x) total += value = std::uniform_real_distribution<float>(0, 1)(random);
  PointwiseProgram all{Shape{n}, {{Dtype::f32, Shape{1}}}, {}, {}, {{0, Reduction::sum, 1}}};
  BOOST_TEST(std::fabs(run(all, {x.data()}, {1})[0][0] - total) <= 1e-6 * total);
  for (std::int64_t columns : {1, 2, 3, 5, 64, 1000}) {
    const std::int64_t rows = n / columns;
    PointwiseProgram leading{Shape{rows, columns}, {{Dtype::f32, Shape{columns, 1}}}, {}, {}, {{0, Reduction::sum, 1}}};
    const auto got = run(leading, {x.data()}, {static_cast<std::size_t>(columns)})[0];
    for (std::int64_t c = 0; c < columns; ++c) {
      double want = 0;
      for (std::int64_t r = 0; r < rows; ++r) want += x[r * columns + c];
      BOOST_TEST(std::fabs(got[c] - want) <= 1e-6 * want);
    }
  }
}

BOOST_AUTO_TEST_CASE(a_result_may_replace_its_input_only_after_the_last_use) {
  PointwiseProgram program{Shape{3, 4}, {{Dtype::f32, Shape{4, 1}}, {Dtype::f32, Shape{0, 1}}}, {}, {}, {}};
  program.instructions = {{Fn::add, Dtype::f32, Dtype::f32, {0, 1}},
                          {Fn::multiply, Dtype::f32, Dtype::f32, {2, 0}},
                          {Fn::less, Dtype::f32, Dtype::boolean, {2, 3}}};
  program.outputs = {{2}, {3}, {4}, {3, Reduction::sum, 1}};
  const auto kernel = make_pointwise(program);
  BOOST_TEST(!kernel->may_overwrite(0, 0));  // the product still reads it
  BOOST_TEST(kernel->may_overwrite(1, 0));
  BOOST_TEST(!kernel->may_overwrite(1, 1));  // not dense
  BOOST_TEST(!kernel->may_overwrite(2, 0));  // another size
  BOOST_TEST(!kernel->may_overwrite(3, 0));  // reduced
  BOOST_TEST(kernel->describe() == "pointwise[3x4] 3 instructions, 2 loads, sum");
}

BOOST_AUTO_TEST_CASE(broken_programs_are_refused) {
  PointwiseProgram program{Shape{3}, {{Dtype::f32, Shape{1}}}, {}, {{Fn::exp, Dtype::f32, Dtype::f32, {1}}}, {{1}}};
  BOOST_CHECK_THROW(make_pointwise(program), Bug);
  program.instructions[0] = {Fn::exp, Dtype::i32, Dtype::i32, {0}};
  BOOST_CHECK_THROW(make_pointwise(program), Bug);
  program.instructions[0] = {Fn::call_1, Dtype::f32, Dtype::f32, {0}};
  BOOST_CHECK_THROW(make_pointwise(program), Bug);
  program.instructions.assign(max_pointwise_instructions + 1, {Fn::exp, Dtype::f32, Dtype::f32, {0}});
  BOOST_CHECK_THROW(make_pointwise(program), Bug);
}

namespace {

struct RandomProgram {
  PointwiseProgram program;
  std::vector<std::vector<std::byte>> memory;
  std::vector<const void*> loads;
};

// A stride pattern: dense, permuted, repeated along some axes, with gaps, or backwards.
void add_load(RandomProgram& result, std::mt19937& random, Dtype dtype) {
  const Shape& shape = result.program.shape;
  std::vector<int> order(shape.rank());
  for (int axis = 0; axis < shape.rank(); ++axis) order[axis] = axis;
  if (random() % 4 == 0) std::shuffle(order.begin(), order.end(), random);
  Shape strides(shape.rank(), 0);
  std::int64_t span = random() % 6 == 0 ? 2 : 1, start = 0;
  const bool repeats = random() % 2 == 0;
  for (int k = shape.rank() - 1; k >= 0; --k) {
    const int axis = order[k];
    if (repeats && random() % 2 == 0) continue;
    strides[axis] = span;
    span *= shape[axis];
    if (random() % 8 == 0) span += 3;
    if (random() % 12 == 0) start += strides[axis] * (shape[axis] - 1), strides[axis] = -strides[axis];
  }
  auto& bytes = result.memory.emplace_back((span + 1) * 2 * size_of(dtype));
  const auto n = static_cast<std::int64_t>(bytes.size() / size_of(dtype));
  const auto values = random_values(random, dtype, n, false);
  for (std::int64_t i = 0; i < n; ++i) write(bytes.data(), dtype, i, values[i]);
  result.program.loads.push_back({dtype, strides});
  result.loads.push_back(bytes.data() + start * size_of(dtype));
}

// Functions whose results differ little between a good and the exact computation, so that chains can be compared.
void add_instruction(PointwiseProgram& program, std::vector<Dtype>& types, std::mt19937& random) {
  const auto pick = [&](Dtype dtype) -> int {
    for (int tries = 0; tries < 60; ++tries)
      if (const int r = static_cast<int>(random() % types.size()); types[r] == dtype) return r;
    return -1;
  };
  constexpr Fn of_floats[] = {Fn::add, Fn::subtract, Fn::multiply, Fn::maximum, Fn::minimum, Fn::absolute,  Fn::negate,
                              Fn::sin, Fn::tanh,     Fn::sigmoid,  Fn::copy,    Fn::cos,     Fn::is_finite, Fn::select};
  constexpr Fn of_integers[] = {Fn::add,  Fn::multiply, Fn::divide, Fn::maximum,
                                Fn::less, Fn::equal,    Fn::select, Fn::sign};
  constexpr Fn of_bools[] = {Fn::logical_and, Fn::logical_or, Fn::logical_not, Fn::select, Fn::equal};
  const Dtype dtype = types[random() % types.size()];
  PointwiseProgram::Instruction instruction{Fn::copy, dtype, dtype, {0, 0, 0}};
  if (random() % 8 == 0) {
    constexpr Dtype widened[] = {Dtype::f32, Dtype::f64};
    instruction.fn = Fn::cast;
    instruction.result = is_float(dtype) ? widened[random() % 2] : dtypes[random() % 4];
  } else {
    instruction.fn = is_float(dtype)       ? of_floats[random() % std::size(of_floats)]
                     : dtype == Dtype::i32 ? of_integers[random() % std::size(of_integers)]
                                           : of_bools[random() % std::size(of_bools)];
    instruction.result = result_type(instruction.fn, dtype);
  }
  for (int k = 0; k < arity(instruction.fn); ++k) {
    const int input = pick(instruction.fn == Fn::select && k == 0 ? Dtype::boolean : dtype);
    if (input < 0) return;
    instruction.inputs[k] = static_cast<std::uint16_t>(input);
  }
  program.instructions.push_back(instruction);
  types.push_back(instruction.result);
}

RandomProgram random_program(std::mt19937& random) {
  RandomProgram result;
  const int rank = static_cast<int>(random() % 6);
  constexpr std::int64_t sizes[] = {1, 2, 3, 4, 5, 7, 8, 16, 33, 100, 700, 3000};
  std::int64_t total = 1;
  for (int axis = 0; axis < rank; ++axis) {
    std::int64_t size = sizes[random() % std::size(sizes)];
    if (total * size > 20000) size = 1 + random() % 3;
    total *= size;
    result.program.shape.push_back(size);
  }
  const int loads = 1 + static_cast<int>(random() % 5);
  for (int k = 0; k < loads; ++k) add_load(result, random, random() % 2 == 0 ? Dtype::f32 : dtypes[random() % 4]);
  PointwiseProgram& program = result.program;
  for (int k = static_cast<int>(random() % 3); k > 0; --k)
    program.immediates.push_back({random() % 2 == 0 ? Dtype::f32 : Dtype::i32, static_cast<double>(random() % 5) - 2});
  auto types = types_of(program);
  for (int k = static_cast<int>(random() % 14); k > 0; --k) add_instruction(program, types, random);
  const auto axes = static_cast<std::uint32_t>(random() % (1u << rank));
  for (int k = 1 + static_cast<int>(random() % 4); k > 0; --k) {
    const auto source = static_cast<std::uint16_t>(random() % 3 == 0 ? random() % types.size() : types.size() - 1);
    auto reduction = static_cast<Reduction>(random() % 5);
    if (types[source] == Dtype::boolean && (reduction == Reduction::sum || reduction == Reduction::product))
      reduction = Reduction::none;
    if (is_float(types[source]) && reduction == Reduction::product) reduction = Reduction::sum;
    program.outputs.push_back({source, reduction, reduction == Reduction::none ? 0 : axes});
  }
  return result;
}

// Errors grow along a chain: relative to the largest magnitude met, f32 results may be off by a small multiple of
// 2^-24.
bool agree(const RandomProgram& test, std::size_t output, double got, double want, double size) {
  const auto types = types_of(test.program);
  const Dtype dtype = types[test.program.outputs[output].source];
  if (std::isnan(want)) return std::isnan(got);
  if (!is_float(dtype)) return got == want;
  if (std::isinf(want) || std::isinf(got)) return std::fabs(want) > 1e30;
  bool f32 = false;
  for (Dtype type : types) f32 = f32 || type == Dtype::f32;
  const double scale = f32 ? 1e-4 : 1e-11;
  return std::fabs(got - want) <= scale * (1 + std::fabs(want) + size);
}

// Comparisons of floats may fall either way after rounding: exact results are asked for where no such thing can happen.
bool is_stable(const PointwiseProgram& program) {
  for (const auto& instruction : program.instructions)
    if (is_float(instruction.operand) &&
        (instruction.result == Dtype::boolean || (instruction.fn == Fn::cast && instruction.result == Dtype::i32)) &&
        instruction.fn != Fn::is_finite)
      return false;
  for (const auto& instruction : program.instructions)  // overflow of long products: inf - inf
    if (is_float(instruction.operand) && instruction.fn == Fn::multiply) return program.instructions.size() < 8;
  return true;
}

void check_program(std::uint32_t seed) {
  std::mt19937 random(seed);
  const RandomProgram test = random_program(random);
  const auto want = interpret(test.program, test.loads);
  std::vector<std::size_t> sizes;
  for (const auto& expected : want) sizes.push_back(expected.values.size());
  const auto got = run(test.program, test.loads, sizes);
  if (!is_stable(test.program)) return;
  for (std::size_t o = 0; o < want.size(); ++o)
    for (std::size_t i = 0; i < sizes[o]; ++i)
      if (!agree(test, o, got[o][i], want[o].values[i], want[o].sizes[i])) {
        BOOST_ERROR("seed " << seed << " shape " << to_string(test.program.shape) << " output " << o << " axes "
                            << test.program.outputs[o].axes << " element " << i << ": " << got[o][i] << ", should be "
                            << want[o].values[i]);
        break;
      }
}

// Every input that may be overwritten is, one at a time; the other results must stay the same bits.
void check_overwriting(std::uint32_t seed) {
  std::mt19937 random(seed);
  const RandomProgram test = random_program(random);
  const auto kernel = make_pointwise(test.program);
  kernel->make_state();
  const auto types = types_of(test.program);
  const auto want = interpret(test.program, test.loads);
  std::vector<std::size_t> sizes;
  for (const auto& expected : want) sizes.push_back(expected.values.size());
  const auto plain = run(test.program, test.loads, sizes);
  Buffer scratch(kernel->scratch_bytes());
  for (std::size_t o = 0; o < want.size(); ++o) {
    for (std::size_t l = 0; l < test.loads.size(); ++l) {
      if (!kernel->may_overwrite(static_cast<int>(o), static_cast<int>(l))) continue;
      auto memory = test.memory;
      std::vector<Buffer> results;
      std::vector<void*> operands;
      for (std::size_t k = 0; k < want.size(); ++k) {
        results.emplace_back(sizes[k] * size_of(types[test.program.outputs[k].source]));
        operands.push_back(k == o ? memory[l].data() : results.back().data());
      }
      for (std::size_t k = 0; k < memory.size(); ++k)
        operands.push_back(memory[k].data() + (static_cast<const std::byte*>(test.loads[k]) - test.memory[k].data()));
      kernel->run(operands.data(), static_cast<std::byte*>(scratch.data()), nullptr);
      for (std::size_t k = 0; k < want.size(); ++k)
        for (std::size_t i = 0; i < sizes[k]; ++i) {
          const double value = read(operands[k], types[test.program.outputs[k].source], static_cast<std::int64_t>(i));
          if (value != plain[k][i] && !(std::isnan(value) && std::isnan(plain[k][i])))
            BOOST_FAIL("seed " << seed << ": output " << o << " over load " << l << " changed output " << k);
        }
    }
  }
}

// ---- machine code ----

std::size_t steps_in_code(const PointwiseProgram& program) {
  TileProgram tiles = compile_tiles(program, simd().pointwise);
  generate_code(tiles, simd().pointwise);
  std::size_t steps = 0;
  for (const auto& group : tiles.groups) steps += group.code != nullptr ? group.count : 0;
  return steps;
}

int lanes_of_code() { return simd().pointwise.lanes_of_code; }

// NaN is not told from NaN: which one comes out depends on how a compiler orders operands.
void check_same_bits(const PointwiseProgram& program, const std::vector<const void*>& loads, const std::string& what) {
  std::vector<std::size_t> sizes;
  for (const auto& expected : interpret(program, loads)) sizes.push_back(expected.values.size());
  const auto code = run(program, loads, sizes, true), interpreted = run(program, loads, sizes, false);
  for (std::size_t o = 0; o < sizes.size(); ++o)
    for (std::size_t i = 0; i < sizes[o]; ++i) {
      const double a = code[o][i], b = interpreted[o][i];
      if (std::isnan(a) ? !std::isnan(b) : a != b || std::signbit(a) != std::signbit(b))
        BOOST_FAIL(what << ": output " << o << " element " << i << " is " << a << ", interpreted " << b);
    }
}

// Each function of f32 that there is code for, followed by another so that it is worth code, over n elements.
void check_code_of(Fn fn, std::int64_t n, unsigned singles, bool stored, std::mt19937& random) {
  PointwiseProgram program{Shape{n}, {}, {}, {}, {}};
  std::vector<Buffer> memory;
  std::vector<const void*> loads;
  for (int k = 0; k < 3; ++k) {
    const Dtype type = fn == Fn::select && k == 0 ? Dtype::boolean : Dtype::f32;
    memory.emplace_back(static_cast<std::size_t>(n) * size_of(type));
    const auto values = random_values(random, type, n, true);
    for (std::int64_t i = 0; i < n; ++i) write(memory.back().data(), type, i, values[static_cast<std::size_t>(i)]);
    loads.push_back(memory.back().data());
    program.loads.push_back({type, Shape{(singles >> k & 1) != 0 ? 0 : 1}});
  }
  const Dtype to = result_type(fn, Dtype::f32);
  program.instructions.push_back({fn, Dtype::f32, to, {0, 1, 2}});
  if (to == Dtype::boolean)
    program.instructions.push_back({Fn::select, Dtype::f32, Dtype::f32, {3, 1, 2}});
  else
    program.instructions.push_back({Fn::negate, Dtype::f32, Dtype::f32, {3, 3, 3}});
  program.outputs = {{4}, {4, Reduction::maximum, 1}};
  if (stored) program.outputs.push_back({3});
  const std::string what = fmt::format("function {}, {} elements, singles {}", static_cast<int>(fn), n, singles);
  const bool bools_in_memory = fn == Fn::select || (stored && to == Dtype::boolean);
  if (n > 1 && singles == 0)
    BOOST_TEST(steps_in_code(program) == (lanes_of_code() >= (bools_in_memory ? 16 : 8) ? 2 : 0), what);
  check_same_bits(program, loads, what);
}

std::uint32_t first_seed() {
  const char* given = std::getenv("METAC_SEED");
  return given != nullptr ? static_cast<std::uint32_t>(std::atoll(given)) : 1000;
}

}  // namespace

BOOST_AUTO_TEST_CASE(random_programs_agree_with_the_plain_interpreter) {
  for (std::uint32_t i = 0; i < 3000; ++i) check_program(first_seed() + i);
}

BOOST_AUTO_TEST_CASE(code_gives_the_bits_of_the_interpreter) {
  std::mt19937 random(5);
  constexpr Fn functions[] = {Fn::copy,  Fn::negate,    Fn::absolute, Fn::sqrt,       Fn::floor,   Fn::round,
                              Fn::add,   Fn::subtract,  Fn::multiply, Fn::divide,     Fn::maximum, Fn::minimum,
                              Fn::equal, Fn::not_equal, Fn::less,     Fn::less_equal, Fn::select};
  for (const Fn fn : functions)
    for (const std::int64_t n : {1, 2, 15, 16, 17, 31, 32, 33, 100, 3000})
      for (unsigned singles = 0; singles < 8; ++singles)
        for (const bool stored : {false, true}) check_code_of(fn, n, singles, stored, random);
}

BOOST_AUTO_TEST_CASE(code_of_random_programs) {
  std::size_t steps = 0;
  for (std::uint32_t i = 0; i < 3000; ++i) {
    std::mt19937 random(first_seed() + i);
    const RandomProgram test = random_program(random);
    steps += steps_in_code(test.program);
    check_same_bits(test.program, test.loads, fmt::format("seed {}", first_seed() + i));
  }
  BOOST_TEST((steps > 1000) == (lanes_of_code() > 0));
}

// More values than vectors, more operands than pointers: then in pieces, and at last by the interpreter.
BOOST_AUTO_TEST_CASE(code_of_programs_with_too_many_values) {
  constexpr std::int64_t n = 50;
  PointwiseProgram program{Shape{n}, {}, {}, {}, {}};
  std::vector<std::vector<float>> memory;
  std::vector<const void*> loads;
  std::mt19937 random(7);
  for (int k = 0; k < 30; ++k) {
    memory.emplace_back();
    for (const double value : random_values(random, Dtype::f32, n, false))
      memory.back().push_back(static_cast<float>(value));
    program.loads.push_back({Dtype::f32, Shape{1}});
  }
  for (const auto& values : memory) loads.push_back(values.data());
  const auto add = [&](Fn fn, std::size_t a, std::size_t b) {
    program.instructions.push_back(
        {fn, Dtype::f32, Dtype::f32, {static_cast<std::uint16_t>(a), static_cast<std::uint16_t>(b), 0}});
  };
  for (std::size_t k = 0; k < 40; ++k) add(Fn::add, k % 30, (k * 7 + 1) % 30);           // registers 30 to 69
  for (std::size_t k = 0; k < 39; ++k) add(Fn::multiply, k == 0 ? 69 : 69 + k, 68 - k);  // all of them, the last first
  program.outputs = {{static_cast<std::uint16_t>(108)}};
  check_same_bits(program, loads, "many values");
  BOOST_TEST((steps_in_code(program) > 10) == (lanes_of_code() > 0));
}

// A slot holds a bool that is read, and then a float: these must not be in one piece of code.
BOOST_AUTO_TEST_CASE(code_of_values_of_two_widths_in_one_slot) {
  constexpr std::int64_t n = 500;
  std::vector<float> a(n), b(n);
  for (std::int64_t i = 0; i < n; ++i) a[i] = static_cast<float>(i % 7) - 3, b[i] = static_cast<float>(i % 5) - 2;
  PointwiseProgram program{Shape{n}, {{Dtype::f32, Shape{1}}, {Dtype::f32, Shape{1}}}, {}, {}, {}};
  program.instructions = {{Fn::is_finite, Dtype::f32, Dtype::boolean, {0, 0, 0}},
                          {Fn::less, Dtype::f32, Dtype::boolean, {0, 1, 0}},
                          {Fn::logical_and, Dtype::boolean, Dtype::boolean, {2, 3, 0}},
                          {Fn::select, Dtype::f32, Dtype::f32, {4, 0, 1}},
                          {Fn::multiply, Dtype::f32, Dtype::f32, {5, 5, 0}},
                          {Fn::subtract, Dtype::f32, Dtype::f32, {6, 0, 0}},
                          {Fn::tanh, Dtype::f32, Dtype::f32, {7, 0, 0}},
                          {Fn::add, Dtype::f32, Dtype::f32, {8, 6, 0}}};
  program.outputs = {{9, Reduction::sum, 1}, {7, Reduction::sum, 1}};
  check_same_bits(program, {a.data(), b.data()}, "two widths");
}

BOOST_AUTO_TEST_CASE(overwriting_an_input_changes_nothing_else) {
  for (std::uint32_t i = 0; i < 1500; ++i) check_overwriting(first_seed() + i);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace metac::test
