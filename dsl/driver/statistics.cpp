// Mean, confidence interval, median and trimmed mean of a list of values.
#include "driver/statistics.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

namespace metac::dsl {

double student_quantile(long degrees) {
  if (degrees < 1) return 0;
  if (degrees == 1) return 12.7062047;
  if (degrees == 2) return 4.30265273;
  // Cornish and Fisher's expansion about the normal quantile (Abramowitz and Stegun 26.7.5).
  const double z = 1.959963985, n = static_cast<double>(degrees);
  const double g1 = (std::pow(z, 3) + z) / 4, g2 = (5 * std::pow(z, 5) + 16 * std::pow(z, 3) + 3 * z) / 96;
  const double g3 = (3 * std::pow(z, 7) + 19 * std::pow(z, 5) + 17 * std::pow(z, 3) - 15 * z) / 384;
  const double g4 =
      (79 * std::pow(z, 9) + 776 * std::pow(z, 7) + 1482 * std::pow(z, 5) - 1920 * std::pow(z, 3) - 945 * z) / 92160;
  return z + g1 / n + g2 / (n * n) + g3 / (n * n * n) + g4 / (n * n * n * n);
}

Summary summarise(std::vector<double> values) {
  Summary result;
  result.count = static_cast<long>(values.size());
  result.diverged = std::count_if(values.begin(), values.end(), [](double value) { return !std::isfinite(value); });
  if (values.empty()) return result;
  const double n = static_cast<double>(values.size());
  result.mean = std::accumulate(values.begin(), values.end(), 0.0) / n;
  double squares = 0;
  for (const double value : values) squares += (value - result.mean) * (value - result.mean);
  if (result.count > 1) result.interval = student_quantile(result.count - 1) * std::sqrt(squares / (n - 1) / n);
  // A task that diverged counts among the largest, also where it ended as NaN.
  for (double& value : values)
    if (std::isnan(value)) value = std::numeric_limits<double>::infinity();
  std::sort(values.begin(), values.end());
  const std::size_t middle = values.size() / 2;
  result.median = values.size() % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
  const std::size_t cut = values.size() / 100;
  result.trimmed_mean =
      std::accumulate(values.begin() + cut, values.end() - cut, 0.0) / static_cast<double>(values.size() - 2 * cut);
  return result;
}

}  // namespace metac::dsl
