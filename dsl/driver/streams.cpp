// Measures of lifelong learning.
#include "driver/streams.hpp"

#include <algorithm>

namespace metac::dsl {

double StreamResult::average() const {
  double sum = 0;
  for (const double value : matrix.back()) sum += value;
  return sum / static_cast<double>(tasks.size());
}

double StreamResult::backward_transfer() const {
  if (tasks.size() < 2) return 0;
  double sum = 0;
  for (std::size_t j = 0; j + 1 < tasks.size(); ++j) sum += matrix.back()[j] - matrix[j][j];
  return sum / static_cast<double>(tasks.size() - 1);
}

double StreamResult::forward_transfer() const {
  if (tasks.size() < 2) return 0;
  double sum = 0;
  for (std::size_t j = 1; j < tasks.size(); ++j) sum += matrix[j - 1][j] - untrained[j];
  return sum / static_cast<double>(tasks.size() - 1);
}

double StreamResult::forgetting() const {
  if (tasks.size() < 2) return 0;
  double sum = 0;
  for (std::size_t j = 0; j + 1 < tasks.size(); ++j) {
    double best = matrix[j][j];
    for (std::size_t i = j; i + 1 < tasks.size(); ++i) best = std::max(best, matrix[i][j]);
    sum += best - matrix.back()[j];
  }
  return sum / static_cast<double>(tasks.size() - 1);
}

StreamResult& Streams::matrix(Span place, std::size_t learner, const std::string& name, const std::string& metric,
                              const std::vector<std::string>& tasks, std::int64_t after) {
  auto& result = matrices_[{place.file, place.begin, learner, metric}];
  const bool fits = result.learner == name && result.tasks == tasks &&
                    static_cast<std::int64_t>(result.matrix.size()) == std::max<std::int64_t>(after, 0) &&
                    (after >= 0 || result.untrained.empty());
  if (!fits) result = StreamResult{name, metric, tasks, {}, {}, false};
  return result;
}

}  // namespace metac::dsl
