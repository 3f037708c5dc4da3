// Measures of lifelong learning.
#include "driver/streams.hpp"

#include <algorithm>
#include <utility>

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

std::string StreamResult::when() const {
  return !matrix.empty() ? "after " + tasks[matrix.size() - 1] : now.empty() ? "untrained" : "now";
}

StreamResult& Streams::matrix(const StreamKey& key, std::int64_t after, bool untrained) {
  StreamResult fresh;
  fresh.learner = key.learner;
  fresh.metric = key.metric;
  fresh.tasks = key.tasks;
  if (after < 0 && !untrained) return single_ = std::move(fresh);
  auto& result = matrices_[key];
  const auto rows = static_cast<std::int64_t>(result.matrix.size());
  const bool again = rows > 0 && after == rows - 1 && (after > 0 || !result.complete());
  if (result.tasks.empty() || (rows > 0 && after < 1 && !again)) result = std::move(fresh);
  if (again) result.matrix.pop_back();
  return result;
}

}  // namespace metac::dsl
