// Linear algebra: the defining properties of every decomposition, also of matrices that are singular, repeated, tiny or
// huge; derivatives to three orders; and what is said where there is no result.
#include "engine/ops/bench.hpp"
#include "engine/ops/checks.hpp"
#include "plan/plan.hpp"
#include "transform/transform.hpp"

using namespace metac;
using namespace metac::testing;

namespace {

Sample floats(std::vector<Shape> shapes, void (*adjust)(int, Array&) = nullptr) {
  Sample sample;
  for (const auto& shape : shapes) sample.inputs.push_back({Dtype::f32, shape});
  sample.adjust = adjust;
  return sample;
}

// A large diagonal for the first input.
void make_dominant(int input, Array& values) {
  const std::int64_t n = values.shape().back();
  for (std::int64_t i = 0; input == 0 && i < values.elements(); ++i)
    if (i % n == i / n % n) put(values, i, values.at(i) + 3.0 * static_cast<double>(n));
}

double largest(const std::vector<double>& values) {
  double result = 0;
  for (const double value : values) result = std::isnan(value) ? inf : std::max(result, std::abs(value));
  return result;
}

// Random, singular, repeated, diagonal, zero, tiny and huge ones of every form.
std::vector<Array> matrices(std::int64_t m, std::int64_t n) {
  std::mt19937 rng(static_cast<unsigned>(7 * m + n));
  const Type type{Dtype::f64, {m, n}};
  std::vector<Array> result = {random_array(type, rng), Array(type)};
  const auto changed = [&](auto&& at) {
    Array array = random_array(type, rng);
    for (std::int64_t i = 0; i < m; ++i)
      for (std::int64_t j = 0; j < n; ++j) put(array, i * n + j, at(i, j, array.at(i * n + j)));
    result.push_back(array);
  };
  changed([](auto i, auto j, double) { return i == j ? 2.0 : 0.0; });
  changed([](auto i, auto j, double) { return static_cast<double>((i + 1) * (j - 1)); });  // rank 1
  changed([](auto i, auto j, double x) { return j % 2 == 0 ? x : i == j ? 1e-9 : 0.0; });
  changed([](auto, auto, double x) { return x * 1e-200; });
  changed([](auto, auto, double x) { return x * 1e200; });
  changed([](auto i, auto j, double) { return 1.0 / static_cast<double>(i + j + 1); });  // Hilbert's
  return result;
}

// What the run of the plan says.
std::string run_error(const Tensor& y, Bench& bench) {
  std::vector<Tensor> inputs;
  std::vector<Array> given;
  for (const auto& [id, value] : bench.given) inputs.push_back(bench.graph.tensor(id)), given.push_back(value);
  return error_of([&] { compile(inputs, y)(given); });
}

}  // namespace

BOOST_AUTO_TEST_SUITE(linear_algebra)

BOOST_AUTO_TEST_CASE(compositions_have_three_derivatives_and_batches) {
  const std::vector<Sample> square = {floats({{1, 1}}, make_dominant), floats({{0, 0}}),
                                      floats({{3, 3}}, make_dominant), floats({{2, 2, 2}}, make_dominant)};
  check_all("inverse", square, [](auto x) { return inverse(x[0]); });
  check_all("log_determinant", square, [](auto x) { return log_determinant(x[0]).logarithm; });
  check_all("sign of the determinant", square, [](auto x) { return log_determinant(x[0]).sign; });
  check_all("solve for a vector", {floats({{3, 3}, {3}}, make_dominant), floats({{2, 2, 2}, {2, 2}}, make_dominant)},
            [](auto x) { return solve(x[0], x[1]); });
  check_all("solve with a shared matrix", {floats({{3, 3}, {2, 3, 1}}, make_dominant)},
            [](auto x) { return solve(x[0], x[1]); });
  check_all("a product of factors", square, [](auto x) {
    const Tensor l = cholesky(x[0]);
    return matmul(l, transpose(l, l.shape().rank() == 2 ? std::vector{1, 0} : std::vector{0, 2, 1}));
  });
  for (const auto& shape : {Shape{3, 3}, Shape{4, 2}, Shape{2, 4}, Shape{0, 2, 2}}) {
    check_all("q", {floats({shape})}, [](auto x) { return qr(x[0]).q; });
    check_all("r", {floats({shape})}, [](auto x) { return qr(x[0]).r; });
    // The whole of a decomposition together: its parts are not differentiated one by one.
    check_all("u s^2 v^T", {floats({shape})}, [](auto x) {
      const auto [u, s, v] = singular_values(x[0]);
      return einsum("...ik,...k,...jk->...ij", {u, s * s, v});
    });
  }
  check_all("exponential of a symmetric matrix", square, [](auto x) {
    const auto [values, vectors] = symmetric_eigen(0.3 * x[0]);
    return einsum("...ik,...k,...jk->...ij", {vectors, exp(neg(values)), vectors});
  });
}

BOOST_AUTO_TEST_CASE(q_is_orthonormal_and_r_is_the_rest) {
  for (const auto& [m, n] : std::vector<std::pair<int, int>>{{1, 1}, {5, 5}, {7, 3}, {3, 7}, {4, 0}, {0, 4}, {20, 20}})
    for (const Array& matrix : matrices(m, n)) {
      Bench bench;
      const Tensor a = bench.of(matrix);
      const auto [q, r] = qr(a);
      const double scale = largest(bench.run(a));
      const std::int64_t k = std::min(m, n);
      BOOST_TEST(largest(bench.run(matmul(q, r) - a)) <= 1e-13 * scale);
      BOOST_TEST(largest(bench.run(matmul(transpose(q, {1, 0}), q) - identity(bench.graph, k, Dtype::f64))) <= 1e-13);
      for (const double pivot : bench.run(diagonal(r))) BOOST_TEST(pivot >= -1e-13 * scale);
    }
}

BOOST_AUTO_TEST_CASE(eigenvectors_are_orthonormal_and_values_ascend) {
  for (const int n : {0, 1, 2, 5, 20})
    for (const Array& matrix : matrices(n, n)) {
      Bench bench;
      const Tensor a = bench.of(matrix);
      const Tensor symmetric = 0.5 * (a + transpose(a, {1, 0}));
      const auto [values, vectors] = symmetric_eigen(a);
      const double scale = largest(bench.run(a));
      BOOST_TEST(largest(bench.run(matmul(symmetric, vectors) - vectors * values)) <= 1e-13 * scale);
      BOOST_TEST(largest(bench.run(matmul(transpose(vectors, {1, 0}), vectors) -
                                   identity(bench.graph, n, Dtype::f64))) <= 1e-13);
      const auto in_order = bench.run(values);
      BOOST_TEST(std::is_sorted(in_order.begin(), in_order.end()));
    }
}

BOOST_AUTO_TEST_CASE(singular_vectors_are_orthonormal_and_values_descend) {
  for (const auto& [m, n] : std::vector<std::pair<int, int>>{{1, 1}, {5, 5}, {7, 3}, {3, 7}, {4, 0}, {0, 4}, {20, 20}})
    for (const Array& matrix : matrices(m, n)) {
      Bench bench;
      const Tensor a = bench.of(matrix);
      const auto [u, s, v] = singular_values(a);
      const double scale = largest(bench.run(a));
      const Tensor one = identity(bench.graph, std::min(m, n), Dtype::f64);
      BOOST_TEST(largest(bench.run(matmul(u * s, transpose(v, {1, 0})) - a)) <= 1e-13 * scale);
      BOOST_TEST(largest(bench.run(matmul(transpose(u, {1, 0}), u) - one)) <= 1e-13);
      BOOST_TEST(largest(bench.run(matmul(transpose(v, {1, 0}), v) - one)) <= 1e-13);
      auto in_order = bench.run(s);
      std::reverse(in_order.begin(), in_order.end());
      BOOST_TEST((std::is_sorted(in_order.begin(), in_order.end()) && (in_order.empty() || in_order[0] >= 0)));
    }
}

BOOST_AUTO_TEST_CASE(results_by_hand) {
  Bench bench;
  const Tensor a = bench.of(values({2, 2}, {4, 2, 2, 10}));
  check_near(bench.run(cholesky(a)), {2, 0, 1, 3});
  check_near(bench.run(determinant(a)), {36});
  check_near(bench.run(log_determinant(neg(a)).logarithm), {std::log(36)});
  check_near(bench.run(log_determinant(a * bench.of(values({2, 1}, {1, -1}))).sign), {-1});
  check_near(bench.run(inverse(a)), {10.0 / 36, -2.0 / 36, -2.0 / 36, 4.0 / 36});
  check_near(bench.run(solve(a, bench.of(vector({6, 12})))), {1, 1});
  const Tensor t = bench.of(values({2, 2}, {2, 99, 1, 4}));
  check_near(bench.run(triangular_solve(t, bench.of(values({2, 1}, {2, 9})))), {1, 2});
  check_near(bench.run(triangular_solve(t, bench.of(values({2, 1}, {4, 8})), true, true)), {1, 2});
  check_near(bench.run(symmetric_eigen(bench.of(values({2, 2}, {0, 2, 0, 0}))).values), {-1, 1});
  check_near(bench.run(singular_values(bench.of(values({1, 2}, {3, -4}))).s), {5});
  check_near(bench.run(singular_values(bench.of(values({1, 2}, {3, -4}))).v), {0.6, -0.8});
  check_near(bench.run(qr(bench.of(values({2, 1}, {-3, 4}))).r), {5});
  check_near(bench.run(determinant(bench.of(values({0, 0}, {})))), {1});
}

BOOST_AUTO_TEST_CASE(a_singular_matrix_has_a_determinant_but_no_inverse) {
  Bench bench;
  const Tensor a = bench.of(values({2, 2, 2}, {1, 0, 0, 1, 1, 2, 2, 4}));
  check(bench.run(determinant(a)), {1, 0});
  check(bench.run(log_determinant(a).logarithm), {0, -inf});
  check(bench.run(log_determinant(a).sign), {1, 0});
  const std::string text = "[solve] matrix 1 of f64[2, 2, 2] is singular: pivot 1 is 0; an invertible matrix is needed";
  BOOST_CHECK_EQUAL(run_error(inverse(a), bench), text);
  BOOST_CHECK_EQUAL(run_error(grad(sum(determinant(a)), a), bench), text);
  const Tensor b = bench.of(values({2, 2}, {1, 5, 0, 0}));
  BOOST_CHECK_EQUAL(
      run_error(triangular_solve(b, b), bench),
      "[triangular_solve] matrix 0 of f64[2, 2] is singular: pivot 1 is 0; an invertible matrix is needed");
}

BOOST_AUTO_TEST_CASE(an_indefinite_matrix_has_no_cholesky_factor) {
  Bench bench;
  BOOST_CHECK_EQUAL(
      run_error(cholesky(bench.of(values({2, 2}, {1, 2, 2, 1}))), bench),
      "[cholesky] matrix 0 of f64[2, 2] is not positive definite: pivot 1 is -3; all need to be positive");
}

// The error of one task of a map reaches the caller, and the program goes on to work.
BOOST_AUTO_TEST_CASE(an_error_in_a_map_reaches_the_caller_on_any_number_of_threads) {
  Graph graph;
  const Tensor a = input(graph, {Dtype::f64, {8, 2, 2}});
  MapBuilder tasks(graph, {a}, 8);
  const Tensor factors = tasks.close({{cholesky(tasks.slices()[0])}})[0];
  for (const int threads : {1, 2}) {
    const Function program = compile(a, factors, threads);
    Array good(a.type()), bad(a.type());
    for (int i = 0; i < 8; ++i)
      for (const int k : {0, 3}) put(good, 4 * i + k, 1), put(bad, 4 * i + k, i == 5 ? -1 : 1);
    BOOST_CHECK_THROW(program({bad}), Error);
    BOOST_CHECK_EQUAL(program({good})[0].at(0), 1);
  }
}

BOOST_AUTO_TEST_CASE(equal_eigenvalues_have_a_first_derivative_and_an_error_beyond) {
  Bench bench;
  const Tensor a = bench.of(values({3, 3}, {2, 0, 0, 0, 2, 0, 0, 0, 5}));
  const auto [eigenvalues, eigenvectors] = symmetric_eigen(a);
  const Tensor first = grad(sum(eigenvalues), a);
  check_near(bench.run(first), {1, 0, 0, 0, 1, 0, 0, 0, 1});
  const std::string text =
      "[symmetric_eigen] two eigenvalues are equal; the derivative of the vectors needs distinct ones";
  BOOST_CHECK_EQUAL(run_error(grad(sum(first * first), a), bench), text);
  BOOST_CHECK_EQUAL(run_error(grad(sum(eigenvectors), a), bench), text);
}

BOOST_AUTO_TEST_CASE(equal_and_zero_singular_values_have_no_derivative_of_their_vectors) {
  Bench bench;
  const Tensor equal_ones = bench.of(values({2, 2}, {3, 0, 0, -3})),
               flat = bench.of(values({3, 2}, {1, 2, 2, 4, 3, 6}));
  check_near(bench.run(grad(sum(singular_values(equal_ones).s), equal_ones)), {1, 0, 0, -1});
  BOOST_CHECK_EQUAL(
      run_error(grad(sum(singular_values(equal_ones).v), equal_ones), bench),
      "[singular_values] two singular values are equal; the derivative of the vectors needs distinct ones");
  const Tensor zero = bench.of(values({2, 1}, {0, 0}));
  BOOST_CHECK_EQUAL(run_error(grad(sum(singular_values(zero).u), zero), bench),
                    "[singular_values] a singular value is 0; the derivative of the vectors of the longer side needs "
                    "positive ones");
  BOOST_CHECK(largest(bench.run(grad(sum(singular_values(flat).s), flat))) < 1);
}

BOOST_AUTO_TEST_CASE(what_is_not_finite_gives_nan) {
  Bench bench;
  const Tensor a = bench.of(values({2, 2, 2}, {1, 0, 0, 1, 1, inf, 0, 1}));
  const std::vector<double> two(4, not_a_number);
  for (const Tensor& y : {cholesky(a), inverse(a), qr(a).q, symmetric_eigen(a).vectors, singular_values(a).u}) {
    check(bench.run(index_axis(y, 0, 1)), two);
    BOOST_CHECK(largest(bench.run(index_axis(y, 0, 0))) <= 1);
  }
  check(bench.run(determinant(a)), {1, not_a_number});
  const Tensor b = bench.of(values({2, 1}, {not_a_number, 1}));
  check(bench.run(solve(index_axis(a, 0, 0), b)), {not_a_number, not_a_number});
}

BOOST_AUTO_TEST_CASE(a_condition_that_does_not_hold_is_an_error_of_the_run) {
  Bench bench;
  const Tensor x = bench.of(vector({1, 4})), zero = zeros_like(x);
  const Tensor y = checked(sqrt(x), less(zero, x), "[test] a root of what is not positive");
  check(bench.run(y), {1, 2});
  check_near(bench.run(grad(sum(y), x)), {0.5, 0.25});
  BOOST_CHECK_EQUAL(run_error(checked(x, less(x, zero), "[test] not negative"), bench), "[test] not negative");
}

BOOST_AUTO_TEST_CASE(what_does_not_fit_is_refused) {
  Graph graph;
  const Tensor wide = input(graph, {Dtype::f32, {2, 3}}), square = input(graph, {Dtype::f32, {3, 3}});
  const Tensor v = input(graph, {Dtype::f32, {3}}), i = input(graph, {Dtype::i32, {3, 3}});
  const Tensor two = input(graph, {Dtype::f32, {2, 3, 3}}), three = input(graph, {Dtype::f32, {3, 3, 3}});
  BOOST_CHECK_EQUAL(error_of([&] { cholesky(wide); }),
                    "[cholesky] f32[2, 3] was given; square matrices [..., n, n] are needed");
  BOOST_CHECK_EQUAL(error_of([&] { solve(square, wide); }),
                    "[solve] f32[3, 3] and f32[2, 3] were given; [..., n, n] and [..., n, k] are needed");
  BOOST_CHECK_EQUAL(error_of([&] { inverse(wide); }),
                    "[inverse] f32[2, 3] was given; square matrices [..., n, n] are needed");
  for (const auto& action : std::vector<std::function<void()>>{[&] { cholesky(v); },
                                                               [&] { cholesky(i); },
                                                               [&] { solve(v, v); },
                                                               [&] { solve(two, three); },
                                                               [&] { solve(square, cast(v, Dtype::f64)); },
                                                               [&] { solve(i, i); },
                                                               [&] { triangular_solve(square, v); },
                                                               [&] { inverse(v); },
                                                               [&] { inverse(i); },
                                                               [&] { determinant(wide); },
                                                               [&] { determinant(i); },
                                                               [&] { log_determinant(v); },
                                                               [&] { qr(v); },
                                                               [&] { qr(i); },
                                                               [&] { symmetric_eigen(wide); },
                                                               [&] { symmetric_eigen(v); },
                                                               [&] { singular_values(v); },
                                                               [&] { singular_values(i); },
                                                               [&] { checked(v, v, "text"); },
                                                               [&] { inverse(Tensor{}); },
                                                               [&] { qr(Tensor{}); }})
    BOOST_CHECK_THROW(action(), Error);
}

BOOST_AUTO_TEST_SUITE_END()
