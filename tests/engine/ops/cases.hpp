// The cases of the table tests: an operator with one of its samples, or a composition with inputs, on random values
// that are the same in every run.
#pragma once

#include <fmt/format.h>

#include <functional>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "engine/interpreter.hpp"
#include "graph/operator.hpp"
#include "ops/ops.hpp"

namespace metac::testing {

struct Case {
  Sample sample;
  std::string name;  // "matmul sample 3 f64[2, 3] f64[3, 1]"
  std::function<Tensor(Graph&, std::span<const Tensor>)> build;
  const Operator* op = nullptr;  // null of a composition
};

// With f32 inputs in this type.
inline Case case_of(std::string name, Sample sample, Dtype dtype,
                    std::function<Tensor(Graph&, std::span<const Tensor>)> build) {
  for (auto& type : sample.inputs) {
    if (type.dtype == Dtype::f32) type.dtype = dtype;
    name += ' ' + to_string(type);
  }
  return {std::move(sample), std::move(name), std::move(build)};
}

// Every sample of every operator, with f32 inputs in this type.
inline std::vector<Case> all_cases(Dtype dtype) {
  std::vector<Case> cases;
  for (const Operator* op : all_operators()) {
    if (!op->samples) continue;
    int index = 0;
    for (const Sample& sample : op->samples()) {
      const auto build = [op, attributes = sample.attributes](Graph& graph, std::span<const Tensor> inputs) {
        return graph.push(*op, inputs, attributes);
      };
      cases.push_back(case_of(fmt::format("{} sample {}", op->name, index++), sample, dtype, build));
      cases.back().op = op;
    }
  }
  return cases;
}

// Values in the sample's range; whole numbers below `integer_high`, for i32.
inline Array random_array(const Type& type, const Sample& sample, std::mt19937& rng) {
  Array array(type);
  std::uniform_real_distribution<double> real(sample.low, sample.high);
  std::uniform_int_distribution<std::int64_t> whole(sample.integer_low, sample.integer_high - 1);
  for (std::int64_t i = 0; i < array.elements(); ++i) {
    if (is_float(type.dtype))
      put(array, i, real(rng));
    else if (type.dtype == Dtype::i32)
      put(array, i, static_cast<double>(whole(rng)));
    else
      put(array, i, static_cast<double>(rng() % 2));
  }
  return array;
}

// Of one of the inputs, moved to where the operator is defined.
inline Array random_input(const Type& type, const Sample& sample, std::size_t input, std::mt19937& rng) {
  Array array = random_array(type, sample, rng);
  if (sample.adjust) sample.adjust(static_cast<int>(input), array);
  return array;
}

inline Array random_array(const Type& type, std::mt19937& rng) { return random_array(type, Sample{}, rng); }

// The result for inputs in a graph of its own, and values for them.
struct Built {
  std::shared_ptr<Graph> graph = std::make_shared<Graph>();
  std::vector<Tensor> inputs;
  Tensor node;
  std::vector<Array> values;

  explicit Built(const Case& one, unsigned seed = 1) {
    std::mt19937 rng(seed);
    for (const auto& type : one.sample.inputs) {
      inputs.push_back(input(*graph, type));
      values.push_back(random_input(type, one.sample, values.size(), rng));
    }
    node = one.build(*graph, inputs);
  }

  std::map<NodeId, Array> given() const {
    std::map<NodeId, Array> result;
    for (std::size_t i = 0; i < inputs.size(); ++i) result[inputs[i].id()] = values[i];
    return result;
  }
};

// The largest difference, relative to 1 + the largest value expected at that element; infinite where NaN, infinity or
// the sign of a zero differ.
inline double difference(const Array& given, const Array& expected) {
  if (given.type() != expected.type()) return INFINITY;
  double worst = 0;
  for (std::int64_t i = 0; i < given.elements(); ++i) {
    const double a = given.at(i), b = expected.at(i);
    if (std::isnan(a) && std::isnan(b)) continue;
    if (a == b && std::signbit(a) == std::signbit(b)) continue;
    if (a == b) return INFINITY;
    if (!std::isfinite(a) || !std::isfinite(b)) return INFINITY;
    worst = std::max(worst, std::abs(a - b) / (1 + std::abs(b)));
  }
  return worst;
}

}  // namespace metac::testing
