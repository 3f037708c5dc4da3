// The derivatives of tanh in closed form: the n-th is a polynomial in t = tanh(x), since dt/dx = 1 - t^2.
#pragma once

#include <cmath>
#include <vector>

#include "base/array.hpp"

namespace metac::testing {

inline double tanh_derivative(int order, double x) {
  std::vector<double> p{0, 1};  // coefficients of t^0, t^1, ...
  for (; order > 0; --order) {
    std::vector<double> next(p.size() + 1, 0);
    for (std::size_t k = 1; k < p.size(); ++k) {
      next[k - 1] += static_cast<double>(k) * p[k];
      next[k + 1] -= static_cast<double>(k) * p[k];
    }
    p = next;
  }
  double value = 0;
  for (std::size_t k = p.size(); k-- > 0;) value = value * std::tanh(x) + p[k];
  return value;
}

inline std::vector<double> tanh_points() {
  std::vector<double> points;
  for (int i = -30; i <= 30; ++i) points.push_back(0.1 * i);
  return points;
}

// Of the derivatives of orders 1, 2, ... at these points, against the closed form.
inline double worst_error(const std::vector<double>& points, const std::vector<Array>& derivatives) {
  double worst = 0;
  for (std::size_t order = 1; order <= derivatives.size(); ++order)
    for (std::size_t i = 0; i < points.size(); ++i)
      worst = std::max(worst, std::abs(derivatives[order - 1].at(static_cast<std::int64_t>(i)) -
                                       tanh_derivative(static_cast<int>(order), points[i])));
  return worst;
}

}  // namespace metac::testing
