// The mean loss of a batch of tasks as a function of everything that a learner learns, and its gradient beside central
// differences. For tests of meta-gradients, in double precision.
#pragma once

#include <boost/test/unit_test.hpp>
#include <cmath>

#include "dsl/laboratory.hpp"

namespace metac::dsl::testing {

using Vector = std::vector<double>;

inline double dot(const Vector& a, const Vector& b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
  return sum;
}
inline double norm(const Vector& a) { return std::sqrt(dot(a, a)); }
inline Vector moved(const Vector& from, double by, const Vector& direction) {
  Vector result = from;
  for (std::size_t i = 0; i < from.size(); ++i) result[i] += by * direction[i];
  return result;
}
inline double distance(const Vector& a, const Vector& b) { return norm(moved(a, -1, b)); }

// Uniform on a cube, scaled to length 1.
inline Vector random_direction(std::size_t size, std::uint32_t number) {
  data::Stream stream(data::fold_in({7, 7}, number));
  Vector result(size);
  for (auto& x : result) x = stream.next() / 2147483648.0 - 1;
  const double length = norm(result);
  for (auto& x : result) x /= length;
  return result;
}

// The mean loss of the tasks as a function of all that is learned, laid out as one vector; the gradient is what one
// step of `sgd(1)` subtracts. What the state only carries stays as it began.
class Objective {
 public:
  Objective(Laboratory& lab, const std::string& learner, std::int64_t batch, data::Key key,
            const std::string& optimizer = "unit_step")
      : step_(lab, learner, lab.source("source"), batch, optimizer), key_(key) {}

  Vector start() const { return flat(Step::arrays(step_.state)); }
  double loss(const Vector& at) { return mean(step_.run(filled(at), key_).back()); }
  Vector after(const Vector& at) {
    auto results = step_.run(filled(at), key_);
    results.pop_back();
    return flat(results);
  }
  Vector gradient(const Vector& at) { return moved(at, -1, after(at)); }

 private:
  static double mean(const Array& losses) {
    double sum = 0;
    for (std::int64_t i = 0; i < losses.elements(); ++i) sum += losses.at(i);
    return sum / static_cast<double>(losses.elements());
  }
  Vector flat(const std::vector<Array>& arrays) const {
    const auto parts = leaves(step_.state);
    Vector result;
    for (std::size_t i = 0; i < parts.size(); ++i)
      if (!parts[i].carried) result.insert(result.end(), arrays[i].as<double>().begin(), arrays[i].as<double>().end());
    return result;
  }
  std::vector<Array> filled(const Vector& values) const {
    std::vector<Array> result;
    auto next = values.begin();
    for (const auto& leaf : leaves(step_.state)) {
      Array array = leaf.value.get<Array>()->clone();
      if (!leaf.carried)
        for (auto& x : array.as<double>()) x = *next++;
      result.push_back(array);
    }
    return result;
  }

  Step step_;
  data::Key key_;
};

struct Worst {
  double relative = 0;  // of |difference quotient - gradient . direction| / |gradient . direction|
  double smooth = 0;    // how far the quotient of half the step is off, likewise: a kink within the step shows here
};

inline Worst compare_with_differences(Objective& objective, const Vector& at, const Vector& gradient, double step) {
  Worst worst;
  const auto quotient = [&](const Vector& direction, double h) {
    return (objective.loss(moved(at, h, direction)) - objective.loss(moved(at, -h, direction))) / (2 * h);
  };
  for (std::uint32_t number = 0; number < 20; ++number) {
    const Vector direction = random_direction(at.size(), number);
    const double slope = dot(gradient, direction), measured = quotient(direction, step);
    worst.relative = std::max(worst.relative, std::abs(measured - slope) / std::abs(slope));
    worst.smooth = std::max(worst.smooth, std::abs(measured - quotient(direction, step / 2)) / std::abs(slope));
  }
  return worst;
}

}  // namespace metac::dsl::testing
