// For tests of values that one knows by heart: a graph whose inputs carry their values, and comparisons.
#pragma once

#include <boost/test/unit_test.hpp>

#include <cmath>
#include <limits>

#include "engine/ops/cases.hpp"

namespace metac::testing {

constexpr double inf = std::numeric_limits<double>::infinity();
inline const double not_a_number = std::numeric_limits<double>::quiet_NaN();

inline Array values(const Shape& shape, std::vector<double> numbers) { return Array::from<double>(shape, numbers); }
inline Array vector(std::vector<double> numbers) {
  const auto size = static_cast<std::int64_t>(numbers.size());
  return values({size}, std::move(numbers));
}
inline Array integers(const Shape& shape, std::vector<std::int32_t> numbers) {
  return Array::from<std::int32_t>(shape, numbers);
}

// A graph with inputs that carry their values.
struct Bench {
  Graph graph;
  std::map<NodeId, Array> given;
  Tensor of(const Array& value) {
    const Tensor x = input(graph, value.type());
    given[x.id()] = value;
    return x;
  }
  std::vector<double> run(Tensor x) {
    const Array array = interpret(x, given);
    std::vector<double> result;
    for (std::int64_t i = 0; i < array.elements(); ++i) result.push_back(array.at(i));
    return result;
  }
};

// Equal, NaN to NaN, and -0 apart from 0.
inline void check(const std::vector<double>& given, const std::vector<double>& expected) {
  BOOST_REQUIRE_EQUAL(given.size(), expected.size());
  for (std::size_t i = 0; i < given.size(); ++i) {
    const bool same = (std::isnan(given[i]) && std::isnan(expected[i])) ||
                      (given[i] == expected[i] && std::signbit(given[i]) == std::signbit(expected[i]));
    BOOST_CHECK_MESSAGE(same, "element " << i << " is " << given[i] << ", not " << expected[i]);
  }
}

// The same, but -0 equals 0: for sums of cotangents.
inline void check_near(const std::vector<double>& given, const std::vector<double>& expected) {
  BOOST_REQUIRE_EQUAL(given.size(), expected.size());
  for (std::size_t i = 0; i < given.size(); ++i) {
    const bool same = (std::isnan(given[i]) && std::isnan(expected[i])) || given[i] == expected[i] ||
                      std::abs(given[i] - expected[i]) <= 1e-12 * (1 + std::abs(expected[i]));
    BOOST_CHECK_MESSAGE(same, "element " << i << " is " << given[i] << ", not " << expected[i]);
  }
}

inline std::string error_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

}  // namespace metac::testing
