// W1 and W1b written by hand for these shapes and nothing else: what a careful programmer gets from the machine. One
// thread.
//
//   compare_by_hand STEPS [--threads 1]
//
// Second-order MAML on sine waves, MLP 1-40-40-1. The derivative through an inner step is a Hessian-vector product, by
// forward over reverse (Pearlmutter 1994). Prints what the other contestants of compare.py print.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <vector>

namespace {

constexpr int rows = 10, units = 40, tasks = 25;
constexpr float inner_rate = 0.01f;

struct alignas(64) Weights {
  float w1[units], b1[units], w2[units][units], b2[units], w3[units], b3;
  static constexpr int count = 4 * units + units * units + 1;
  float* data() { return w1; }
  const float* data() const { return w1; }
};
using Rows = float[rows][units];

struct Points {
  float x[rows], y[rows];
};

// What one pass over the points leaves behind.
struct alignas(64) Pass {
  Rows h1, h2, d1, d2;  // hidden values, and derivatives to the sums before their ReLU
  float d3[rows];
  float turned[units][units];  // w2, transposed
};

void add_product(Rows out, const Rows a, const float (&b)[units][units]) {
  for (int r = 0; r < rows; ++r) {
    float sum[units] = {};
    for (int k = 0; k < units; ++k)
      for (int j = 0; j < units; ++j) sum[j] += a[r][k] * b[k][j];
    for (int j = 0; j < units; ++j) out[r][j] += sum[j];
  }
}

void add_outer(float (&out)[units][units], const Rows a, const Rows b) {
  for (int k = 0; k < units; ++k)
    for (int r = 0; r < rows; ++r)
      for (int j = 0; j < units; ++j) out[k][j] += a[r][k] * b[r][j];
}

void transpose(float (&out)[units][units], const float (&in)[units][units]) {
  for (int k = 0; k < units; ++k)
    for (int j = 0; j < units; ++j) out[j][k] = in[k][j];
}

// The gradient of the mean squared error.
void gradient(const Weights& w, const Points& points, Pass& pass, Weights& g) {
  g = Weights{};
  transpose(pass.turned, w.w2);
  for (int r = 0; r < rows; ++r)
    for (int j = 0; j < units; ++j) {
      pass.h1[r][j] = std::max(points.x[r] * w.w1[j] + w.b1[j], 0.0f);
      pass.h2[r][j] = w.b2[j];
      pass.d1[r][j] = 0;
    }
  add_product(pass.h2, pass.h1, w.w2);
  for (int r = 0; r < rows; ++r) {
    float out = w.b3;
    for (int j = 0; j < units; ++j) {
      pass.h2[r][j] = std::max(pass.h2[r][j], 0.0f);
      out += pass.h2[r][j] * w.w3[j];
    }
    const float d = pass.d3[r] = 2 * (out - points.y[r]) / rows;
    g.b3 += d;
    for (int j = 0; j < units; ++j) {
      g.w3[j] += d * pass.h2[r][j];
      pass.d2[r][j] = pass.h2[r][j] > 0 ? d * w.w3[j] : 0;
      g.b2[j] += pass.d2[r][j];
    }
  }
  add_product(pass.d1, pass.d2, pass.turned);
  add_outer(g.w2, pass.h1, pass.d2);
  for (int r = 0; r < rows; ++r)
    for (int j = 0; j < units; ++j) {
      pass.d1[r][j] = pass.h1[r][j] > 0 ? pass.d1[r][j] : 0;
      g.w1[j] += points.x[r] * pass.d1[r][j];
      g.b1[j] += pass.d1[r][j];
    }
}

// The Hessian of the same loss, at the weights of `pass`, times v.
void hessian_times(const Weights& w, const Points& points, const Pass& pass, const Weights& v, Weights& out) {
  static Rows h1, h2, d1, d2;
  static float turned[units][units];
  out = Weights{};
  transpose(turned, v.w2);
  for (int r = 0; r < rows; ++r)
    for (int j = 0; j < units; ++j) {
      h1[r][j] = pass.h1[r][j] > 0 ? points.x[r] * v.w1[j] + v.b1[j] : 0;
      h2[r][j] = v.b2[j];
      d1[r][j] = 0;
    }
  add_product(h2, h1, w.w2);
  add_product(h2, pass.h1, v.w2);
  for (int r = 0; r < rows; ++r) {
    float moved = v.b3;
    for (int j = 0; j < units; ++j) {
      h2[r][j] = pass.h2[r][j] > 0 ? h2[r][j] : 0;
      moved += h2[r][j] * w.w3[j] + pass.h2[r][j] * v.w3[j];
    }
    const float d = 2 * moved / rows;
    out.b3 += d;
    for (int j = 0; j < units; ++j) {
      out.w3[j] += d * pass.h2[r][j] + pass.d3[r] * h2[r][j];
      d2[r][j] = pass.h2[r][j] > 0 ? d * w.w3[j] + pass.d3[r] * v.w3[j] : 0;
      out.b2[j] += d2[r][j];
    }
  }
  add_product(d1, d2, pass.turned);
  add_product(d1, pass.d2, turned);
  add_outer(out.w2, h1, pass.d2);
  add_outer(out.w2, pass.h1, d2);
  for (int r = 0; r < rows; ++r)
    for (int j = 0; j < units; ++j) {
      d1[r][j] = pass.h1[r][j] > 0 ? d1[r][j] : 0;
      out.w1[j] += points.x[r] * d1[r][j];
      out.b1[j] += d1[r][j];
    }
}

void add_scaled(Weights& to, const Weights& from, float factor) {
  for (int i = 0; i < Weights::count; ++i) to.data()[i] += factor * from.data()[i];
}

float uniform() {
  static std::uint64_t state = 88172645463325252ull;
  state ^= state << 13, state ^= state >> 7, state ^= state << 17;
  return static_cast<float>(state >> 40) * 0x1p-24f;
}

class Learner {
 public:
  explicit Learner(int steps)
      : steps_(steps), w_(static_cast<std::size_t>(steps) + 1), passes_(static_cast<std::size_t>(steps)) {
    for (int i = 0; i < Weights::count; ++i) theta_.data()[i] = 0.3f * (uniform() - 0.5f);
  }

  void step() {
    Weights total{};
    for (int task = 0; task < tasks; ++task) {
      const float amplitude = 0.1f + 4.9f * uniform(), phase = 3.14159265f * uniform();
      Points support, query;
      for (Points* points : {&support, &query})
        for (int r = 0; r < rows; ++r) {
          points->x[r] = 10 * uniform() - 5;
          points->y[r] = amplitude * std::sin(points->x[r] - phase);
        }
      add_scaled(total, meta_gradient(support, query), 1.0f / tasks);
    }
    adam(total);
  }

 private:
  const Weights& meta_gradient(const Points& support, const Points& query) {
    w_[0] = theta_;
    for (int s = 0; s < steps_; ++s) {
      gradient(w_[s], support, passes_[s], g_);
      w_[s + 1] = w_[s];
      add_scaled(w_[s + 1], g_, -inner_rate);
    }
    gradient(w_[steps_], query, last_, cotangent_);
    for (int s = steps_ - 1; s >= 0; --s) {
      hessian_times(w_[s], support, passes_[s], cotangent_, product_);
      add_scaled(cotangent_, product_, -inner_rate);
    }
    return cotangent_;
  }

  void adam(const Weights& gradient) {
    ++count_;
    const float rate = 1e-3f * std::sqrt(1 - std::pow(0.999f, count_)) / (1 - std::pow(0.9f, count_));
    for (int i = 0; i < Weights::count; ++i) {
      const float g = gradient.data()[i];
      float &m = first_.data()[i], &v = second_.data()[i];
      m = 0.9f * m + 0.1f * g;
      v = 0.999f * v + 0.001f * g * g;
      theta_.data()[i] -= rate * m / (std::sqrt(v) + 1e-8f);
    }
  }

  int steps_;
  float count_ = 0;
  Weights theta_{}, first_{}, second_{}, g_{}, cotangent_{}, product_{};
  std::vector<Weights> w_;
  std::vector<Pass> passes_;
  Pass last_{};
};

using Clock = std::chrono::steady_clock;
double since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2 || std::atoi(argv[1]) < 1 || (argc == 4 && std::atoi(argv[3]) != 1)) {
    std::fputs("usage: compare_by_hand STEPS [--threads 1]: it has no more than one thread\n", stderr);
    return 2;
  }
  Learner learner(std::atoi(argv[1]));
  learner.step();
  std::puts("ready");
  std::fflush(stdout);
  for (char line[64]; std::fgets(line, sizeof line, stdin) != nullptr;) {
    std::vector<double> times;
    const auto begin = Clock::now();
    while (times.size() < 2 || since(begin) < std::atof(line)) {
      const auto start = Clock::now();
      learner.step();
      times.push_back(since(start) * 1e3);
    }
    const double rate = static_cast<double>(times.size()) / since(begin);
    std::nth_element(times.begin(), times.begin() + static_cast<std::ptrdiff_t>(times.size() / 2), times.end());
    std::printf("%.6f %.6f\n", times[times.size() / 2], rate);
    std::fflush(stdout);
  }
}
