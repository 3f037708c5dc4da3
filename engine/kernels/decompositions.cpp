// Textbook algorithms that need no tuning for matrices of up to some hundred rows: see decompositions.hpp.
#include "kernels/decompositions.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

namespace metac {
namespace {

constexpr double epsilon = std::numeric_limits<double>::epsilon();
constexpr int most_sweeps = 60;  // convergence is quadratic: ten are many

double dot(const double* a, const double* b, std::int64_t n) {
  double sum = 0;
  for (std::int64_t i = 0; i < n; ++i) sum += a[i] * b[i];
  return sum;
}

void swap_rows(double* a, std::int64_t columns, std::int64_t i, std::int64_t j) {
  if (i != j) std::swap_ranges(a + i * columns, a + (i + 1) * columns, a + j * columns);
}

double largest_size(const double* a, std::int64_t count) {
  double largest = 0;
  for (std::int64_t i = 0; i < count; ++i) largest = std::max(largest, std::fabs(a[i]));
  return largest;
}

// A power of two, by which sums of squares neither overflow nor vanish.
double scale_of(double largest) { return largest == 0 ? 1 : std::ldexp(1.0, std::ilogb(largest)); }

// The rotation (cosine, sine) that makes two numbers beside the diagonal vanish; `ratio` is half the difference of the
// diagonal's over them.
struct Rotation {
  double cosine, sine, tangent;
  explicit Rotation(double ratio) {
    tangent = std::copysign(1 / (std::fabs(ratio) + std::sqrt(1 + ratio * ratio)), ratio);
    cosine = 1 / std::sqrt(1 + tangent * tangent);
    sine = cosine * tangent;
  }
  void turn(double& a, double& b) const {
    const double before = a;
    a = cosine * before - sine * b;
    b = sine * before + cosine * b;
  }
};

// Rows of `length` numbers.
void turn_rows(const Rotation& rotation, double* a, std::int64_t length, std::int64_t p, std::int64_t q) {
  for (std::int64_t i = 0; i < length; ++i) rotation.turn(a[p * length + i], a[q * length + i]);
}

void transpose_square(double* a, std::int64_t n) {
  for (std::int64_t i = 0; i < n; ++i)
    for (std::int64_t j = 0; j < i; ++j) std::swap(a[i * n + j], a[j * n + i]);
}

void set_identity(double* a, std::int64_t n) {
  std::fill_n(a, n * n, 0.0);
  for (std::int64_t i = 0; i < n; ++i) a[i * n + i] = 1;
}

// The sign by which the component of the largest size, the first of equals, becomes positive.
double sign_of(const double* row, std::int64_t n) {
  std::int64_t largest = 0;
  for (std::int64_t i = 1; i < n; ++i)
    if (std::fabs(row[i]) > std::fabs(row[largest])) largest = i;
  return n > 0 && row[largest] < 0 ? -1 : 1;
}

void scale_row(double* row, std::int64_t n, double factor) {
  for (std::int64_t i = 0; i < n; ++i) row[i] *= factor;
}

}  // namespace

Pivot factor_cholesky(double* a, std::int64_t n) {
  for (std::int64_t i = 0; i < n; ++i)
    for (std::int64_t j = 0; j < n; ++j) {
      if (j > i) {
        a[i * n + j] = 0;
        continue;
      }
      const double rest = a[i * n + j] - dot(a + i * n, a + j * n, j);
      if (j < i) {
        a[i * n + j] = rest / a[j * n + j];
      } else if (rest > 0) {
        a[i * n + i] = std::sqrt(rest);
      } else {
        return {i, rest};
      }
    }
  return {};
}

Pivot solve_triangular(const double* t, std::int64_t n, bool lower, bool transposed, double* b, std::int64_t columns) {
  const bool forwards = lower != transposed;
  for (std::int64_t step = 0; step < n; ++step) {
    const std::int64_t i = forwards ? step : n - 1 - step;
    const double pivot = t[i * n + i];
    if (pivot == 0) return {i, pivot};
    double* const row = b + i * columns;
    for (std::int64_t k = forwards ? 0 : i + 1; k < (forwards ? i : n); ++k) {
      const double factor = transposed ? t[k * n + i] : t[i * n + k];
      for (std::int64_t c = 0; c < columns; ++c) row[c] -= factor * b[k * columns + c];
    }
    for (std::int64_t c = 0; c < columns; ++c) row[c] /= pivot;
  }
  return {};
}

int factor_lu(double* a, std::int64_t n, std::int32_t* order) {
  int sign = 1;
  for (std::int64_t i = 0; i < n; ++i) order[i] = static_cast<std::int32_t>(i);
  for (std::int64_t k = 0; k < n; ++k) {
    std::int64_t best = k;
    for (std::int64_t i = k + 1; i < n; ++i)
      if (std::fabs(a[i * n + k]) > std::fabs(a[best * n + k])) best = i;
    if (best != k) sign = -sign, std::swap(order[k], order[best]);
    swap_rows(a, n, k, best);
    const double pivot = a[k * n + k];
    if (pivot == 0) continue;  // nothing below it either
    for (std::int64_t i = k + 1; i < n; ++i) {
      const double factor = a[i * n + k] /= pivot;
      for (std::int64_t j = k + 1; j < n; ++j) a[i * n + j] -= factor * a[k * n + j];
    }
  }
  return sign;
}

Pivot solve_general(double* a, std::int64_t n, double* b, std::int64_t columns, double* work, std::int32_t* order) {
  factor_lu(a, n, order);
  std::copy_n(b, n * columns, work);
  for (std::int64_t i = 0; i < n; ++i) std::copy_n(work + order[i] * columns, columns, b + i * columns);
  for (std::int64_t i = 0; i < n; ++i)
    for (std::int64_t k = 0; k < i; ++k)
      for (std::int64_t c = 0; c < columns; ++c) b[i * columns + c] -= a[i * n + k] * b[k * columns + c];
  return solve_triangular(a, n, false, false, b, columns);
}

void orthonormalise(double* a, std::int64_t m, std::int64_t n, double* work) {
  double* const columns = work;        // [n, m]: column j of a, then the reflection that made it vanish
  double* const signs = work + n * m;  // of the diagonal of r
  for (std::int64_t i = 0; i < m; ++i)
    for (std::int64_t j = 0; j < n; ++j) columns[j * m + i] = a[i * n + j];
  const auto reflect = [&](const double* by, double* column, std::int64_t first) {
    const double factor = 2 * dot(by + first, column + first, m - first);
    for (std::int64_t i = first; i < m; ++i) column[i] -= factor * by[i];
  };
  for (std::int64_t j = 0; j < n; ++j) {
    double* const x = columns + j * m;
    const double scale = scale_of(largest_size(x + j, m - j));
    scale_row(x + j, m - j, 1 / scale);
    const double length = std::sqrt(dot(x + j, x + j, m - j));
    signs[j] = x[j] > 0 ? -1 : 1;  // away from x, so that nothing cancels; the diagonal becomes this times the length
    x[j] -= signs[j] * length;
    const double norm = std::sqrt(dot(x + j, x + j, m - j));
    for (std::int64_t i = j; i < m; ++i) x[i] = norm == 0 ? 0 : x[i] / norm;
    if (norm == 0) signs[j] = 1;
    for (std::int64_t k = j + 1; k < n; ++k) reflect(x, columns + k * m, j);
  }
  // q is the product of all reflections on unit vectors, with the signs that make the diagonal of r positive.
  for (std::int64_t i = 0; i < m; ++i)
    for (std::int64_t j = 0; j < n; ++j) a[i * n + j] = i == j;
  for (std::int64_t j = n - 1; j >= 0; --j) {
    const double* const by = columns + j * m;
    for (std::int64_t k = j; k < n; ++k) {
      double along = 0;
      for (std::int64_t i = j; i < m; ++i) along += by[i] * a[i * n + k];
      for (std::int64_t i = j; i < m; ++i) a[i * n + k] -= 2 * along * by[i];
    }
  }
  for (std::int64_t i = 0; i < m; ++i)
    for (std::int64_t j = 0; j < n; ++j) a[i * n + j] *= signs[j];
}

void decompose_symmetric(double* a, std::int64_t n, double* values, double* vectors) {
  const double scale = scale_of(largest_size(a, n * n));
  for (std::int64_t i = 0; i < n * n; ++i) a[i] /= scale;
  set_identity(vectors, n);  // rows are the vectors until the end
  const double negligible =
      epsilon * std::sqrt(dot(a, a, n * n)) / (8 * static_cast<double>(std::max<std::int64_t>(n, 1)));
  bool turned = true;
  for (int sweep = 0; turned && sweep < most_sweeps; ++sweep) {
    turned = false;
    for (std::int64_t p = 0; p < n; ++p)
      for (std::int64_t q = p + 1; q < n; ++q) {
        const double beside = a[p * n + q];
        if (std::fabs(beside) <= negligible) continue;
        turned = true;
        const Rotation rotation((a[q * n + q] - a[p * n + p]) / (2 * beside));
        const double p_new = a[p * n + p] - rotation.tangent * beside;
        const double q_new = a[q * n + q] + rotation.tangent * beside;
        turn_rows(rotation, a, n, p, q);
        for (std::int64_t i = 0; i < n; ++i) rotation.turn(a[i * n + p], a[i * n + q]);
        a[p * n + p] = p_new, a[q * n + q] = q_new, a[p * n + q] = a[q * n + p] = 0;
        turn_rows(rotation, vectors, n, p, q);
      }
  }
  for (std::int64_t i = 0; i < n; ++i) values[i] = a[i * n + i];
  for (std::int64_t i = 0; i < n; ++i) {
    const std::int64_t smallest = std::min_element(values + i, values + n) - values;
    std::rotate(values + i, values + smallest, values + smallest + 1);
    std::rotate(vectors + i * n, vectors + smallest * n, vectors + (smallest + 1) * n);
    values[i] *= scale;
    scale_row(vectors + i * n, n, sign_of(vectors + i * n, n));
  }
  transpose_square(vectors, n);
}

namespace {

// Rows that are as good as 0 are replaced by unit vectors that are made orthogonal to all others.
void complete_rows(double* rows, std::int64_t count, std::int64_t length, const double* lengths, double negligible) {
  std::int64_t unit = 0;
  for (std::int64_t i = 0; i < count; ++i) {
    double* const row = rows + i * length;
    double left = 0;
    for (; lengths[i] <= negligible && left < 0.5 / static_cast<double>(length); ++unit) {
      std::fill_n(row, length, 0.0);
      row[unit % length] = 1;
      for (int twice = 0; twice < 2; ++twice)
        for (std::int64_t j = 0; j < count; ++j) {
          if (j == i || (j > i && lengths[j] <= negligible)) continue;  // not there yet
          const double along = dot(row, rows + j * length, length);
          for (std::int64_t k = 0; k < length; ++k) row[k] -= along * rows[j * length + k];
        }
      left = dot(row, row, length);
    }
    if (left > 0) scale_row(row, length, 1 / std::sqrt(left));
  }
}

// Rotates the k rows of `w` (each of `length`) until they are orthogonal, and those of `v` [k, k] with them. What is
// shorter than `negligible` is left alone.
void orthogonalise_rows(double* w, std::int64_t k, std::int64_t length, double* v, double negligible) {
  bool turned = true;
  for (int sweep = 0; turned && sweep < most_sweeps; ++sweep) {
    turned = false;
    for (std::int64_t p = 0; p < k; ++p)
      for (std::int64_t q = p + 1; q < k; ++q) {
        const double *a = w + p * length, *b = w + q * length;
        const double in_p = dot(a, a, length), in_q = dot(b, b, length), across = dot(a, b, length);
        const double least = negligible * negligible;
        if (in_p <= least || in_q <= least || std::fabs(across) <= epsilon * std::sqrt(in_p * in_q)) continue;
        turned = true;
        const Rotation rotation((in_q - in_p) / (2 * across));
        turn_rows(rotation, w, length, p, q);
        turn_rows(rotation, v, k, p, q);
      }
  }
}

}  // namespace

void decompose_singular(const double* a, std::int64_t m, std::int64_t n, double* u, double* s, double* v,
                        double* work) {
  // The rows of w are the columns of a, or its rows if it is wide: the shorter side is rotated.
  const bool wide = m < n;
  const std::int64_t k = std::min(m, n), length = std::max(m, n);
  double *const w = work, *const turns = work + m * n;
  const double scale = scale_of(largest_size(a, m * n));
  for (std::int64_t i = 0; i < m; ++i)
    for (std::int64_t j = 0; j < n; ++j) w[wide ? i * length + j : j * length + i] = a[i * n + j] / scale;
  set_identity(turns, k);
  double largest = 0;
  for (std::int64_t i = 0; i < k; ++i) largest += dot(w + i * length, w + i * length, length);
  const double negligible = epsilon * static_cast<double>(length) * std::sqrt(largest);
  orthogonalise_rows(w, k, length, turns, negligible);
  for (std::int64_t i = 0; i < k; ++i) s[i] = std::sqrt(dot(w + i * length, w + i * length, length));
  for (std::int64_t i = 0; i < k; ++i) {
    const std::int64_t first = std::max_element(s + i, s + k) - s;
    std::rotate(s + i, s + first, s + first + 1);
    std::rotate(w + i * length, w + first * length, w + (first + 1) * length);
    std::rotate(turns + i * k, turns + first * k, turns + (first + 1) * k);
    const double sign = sign_of(turns + i * k, k);
    scale_row(turns + i * k, k, sign);
    scale_row(w + i * length, length, s[i] > negligible ? sign / s[i] : 0);
  }
  complete_rows(w, k, length, s, negligible);
  double *const of_long = wide ? v : u, *const of_short = wide ? u : v;
  for (std::int64_t i = 0; i < k; ++i) {
    for (std::int64_t j = 0; j < length; ++j) of_long[j * k + i] = w[i * length + j];
    for (std::int64_t j = 0; j < k; ++j) of_short[j * k + i] = turns[i * k + j];
    s[i] *= scale;
  }
}

}  // namespace metac
