// Central differences of ever smaller steps, and what they say where they do not agree.
#include "driver/differences.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace metac::dsl {
namespace {

using Vector = std::vector<double>;

constexpr double steps[] = {1e-3, 1e-4, 1e-5, 1e-6};
constexpr double good_enough = 0.01;   // of the tolerance: then no smaller step is tried
constexpr double most_excused = 1e-3;  // of a derivative, by rounding
constexpr double roundings = 64;       // units in the last place that the values may be off

double norm(const Vector& v) {
  double sum = 0;
  for (const double x : v) sum += x * x;
  return std::sqrt(sum);
}

// a * x + b * y
Vector combined(double a, const Vector& x, double b, const Vector& y) {
  Vector result(x.size());
  for (std::size_t i = 0; i < x.size(); ++i) result[i] = a * x[i] + b * y[i];
  return result;
}

bool all_finite(const Vector& v) {
  return std::all_of(v.begin(), v.end(), [](double x) { return std::isfinite(x); });
}

// The values around 0 at one step.
struct Around {
  Vector below, above;
  double step;

  Around(const std::function<Vector(double)>& f, double h) : below(f(-h)), above(f(h)), step(h) {}
  Vector slope() const { return combined(0.5 / step, above, -0.5 / step, below); }
  // How far the slopes to both sides are apart.
  double gap(const Vector& middle) const {
    return norm(combined(1, combined(1 / step, above, 1 / step, below), -2 / step, middle));
  }
  // What rounding of the values alone may make of a slope.
  double noise() const {
    return roundings * std::numeric_limits<double>::epsilon() * std::max(norm(below), norm(above)) / step;
  }
};

// Rounding excuses little of a derivative. Where there is nothing but rounding at the largest step, the differences are
// 0, and a derivative that is not is lost in it.
void look(Difference& best, const Vector& measured, const Vector& derivative, double noise, double tolerance,
          bool largest_step) {
  const double size = std::max(norm(measured), norm(derivative));
  const double apart = norm(combined(1, measured, -1, derivative));
  const bool drowned = largest_step && size <= noise;
  if (drowned && norm(derivative) > most_excused * noise) {
    best = {0, Agreement::lost};
    return;
  }
  const double relative = size == 0 || drowned ? 0 : apart / size;
  best.relative = std::min(best.relative, relative);
  if (relative <= tolerance || apart <= std::min(noise, most_excused * size)) best.agreement = Agreement::right;
}

}  // namespace

Difference compare_with_differences(const std::function<Vector(double)>& f, const Vector& derivative,
                                    double tolerance) {
  const Vector middle = f(0);
  if (!all_finite(derivative) || !all_finite(middle))
    return {std::numeric_limits<double>::infinity(), Agreement::not_finite};
  Difference best{std::numeric_limits<double>::infinity(), Agreement::wrong};
  std::vector<Around> seen;
  for (const double h : steps) {
    seen.emplace_back(f, h);
    const Around half(f, h / 2);
    const Vector slope = half.slope();
    const Vector extrapolated = combined(4.0 / 3, slope, -1.0 / 3, seen.back().slope());
    for (const Vector* measured : {&slope, &extrapolated})
      if (all_finite(*measured)) look(best, *measured, derivative, half.noise(), tolerance, h == steps[0]);
    if (best.relative <= good_enough * tolerance) break;
  }
  if (best.agreement == Agreement::right || best.agreement == Agreement::lost) return best;
  const Around &last = seen.back(), &before = seen[seen.size() - 2];
  if (!all_finite(last.below) || !all_finite(last.above)) return {best.relative, Agreement::not_finite};
  // Of a smooth function the gap shrinks with the step. At a kink it stays, at a jump it grows, or, where the value
  // lies in the middle of the jump, the slope does.
  const double gap = last.gap(middle), slope = norm(last.slope());
  const bool stays = gap > 0.3 * before.gap(middle) && gap > 2 * last.noise();
  const bool explains = gap >= 0.5 * norm(combined(1, last.slope(), -1, derivative));
  const bool jumps = slope > 3 * norm(before.slope()) && slope > 2 * last.noise();
  best.smooth = !stays && !jumps;
  if ((stays && explains) || jumps) best.agreement = Agreement::kink;
  return best;
}

}  // namespace metac::dsl
