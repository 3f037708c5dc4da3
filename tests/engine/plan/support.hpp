// What the tests of the plan share: planning a graph as it is, comparing a plan with the interpreter, counting
// allocations.
#pragma once

#include <boost/test/unit_test.hpp>
#include <random>

#include "engine/interpreter.hpp"
#include "plan/plan.hpp"

namespace metac::testing {

std::int64_t allocations();  // calls of operator new so far, all threads

struct Case {
  std::shared_ptr<Graph> graph = std::make_shared<Graph>();
  std::vector<Tensor> inputs, outputs;

  Tensor add_input(const Type& type) { return inputs.emplace_back(input(*graph, type)); }
  Program program() const {
    Program program{graph, {}, {}};
    for (const Tensor& tensor : inputs) program.inputs.push_back(tensor.id());
    for (const Tensor& tensor : outputs) program.outputs.push_back(tensor.id());
    return program;
  }
  std::shared_ptr<const Plan> plan() const { return make_plan(program()); }
};

inline Array random_array(const Type& type, std::mt19937& random) {
  Array array(type);
  std::uniform_real_distribution<double> number(-1.5, 1.5);
  for (std::int64_t i = 0; i < array.elements(); ++i)
    put(array, i, type.dtype == Dtype::i32 ? std::round(2 * number(random)) : number(random));
  return array;
}

inline std::vector<Array> random_inputs(const Case& c, std::mt19937& random) {
  std::vector<Array> arrays;
  for (const Tensor& tensor : c.inputs) arrays.push_back(random_array(tensor.type(), random));
  return arrays;
}

// Whether -0 equals 0: in sums, whose order fusion may change, it does; where results are exact it does not.
enum class Zeros { alike, signed_ };

inline bool close(double a, double b, Dtype dtype, Zeros zeros) {
  if (zeros == Zeros::signed_ && a == 0 && b == 0) return std::signbit(a) == std::signbit(b);
  if (a == b || (std::isnan(a) && std::isnan(b))) return true;
  const double tolerance = dtype == Dtype::f32 ? 2e-4 : 1e-10;
  return std::abs(a - b) <= tolerance * (1 + std::abs(b));
}

inline void check_close(const Array& given, const Array& expected, Zeros zeros = Zeros::alike) {
  BOOST_REQUIRE_EQUAL(to_string(given.type()), to_string(expected.type()));
  for (std::int64_t i = 0; i < given.elements(); ++i)
    if (!close(given.at(i), expected.at(i), given.dtype(), zeros)) {
      BOOST_TEST_ERROR("element " << i << " of " << to_string(given.type()) << " is " << given.at(i) << ", not "
                                  << expected.at(i));
      return;
    }
}

inline std::vector<Array> interpreted(const Case& c, const std::vector<Array>& arrays) {
  std::map<NodeId, Array> given;
  for (std::size_t i = 0; i < arrays.size(); ++i) given[c.inputs[i].id()] = arrays[i];
  return interpret(c.outputs, given);
}

// Planned equals interpreted, whole and in the smallest parts, and leaves the inputs alone.
inline void check_plan(const Case& c, const std::vector<Array>& arrays, Zeros zeros = Zeros::alike) {
  std::vector<Array> before;
  for (const Array& array : arrays) before.push_back(array.clone());
  Executable executable(c.plan());
  const auto results = executable.run(arrays), again = executable.run(arrays), expected = interpreted(c, arrays);
  const auto finalized = compile(c.inputs, c.outputs)(arrays);
  const auto in_parts = Executable(make_plan(c.program(), Parts::smallest()), 3).run(arrays);
  for (std::size_t i = 0; i < results.size(); ++i) {
    check_close(results[i], expected[i], zeros);
    check_close(finalized[i], expected[i], zeros);
    check_close(in_parts[i], expected[i], zeros);
    BOOST_TEST(same_bits(results[i], again[i]));
  }
  for (std::size_t i = 0; i < arrays.size(); ++i) BOOST_TEST(same_bits(arrays[i], before[i]));
}

inline void check_plan(const Case& c) {
  std::mt19937 random(1);
  check_plan(c, random_inputs(c, random));
}

}  // namespace metac::testing
