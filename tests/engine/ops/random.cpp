// Draws: their distributions, their derivatives to their parameters, and what is refused.
#include <algorithm>
#include <set>

#include "engine/ops/bench.hpp"
#include "engine/ops/checks.hpp"
#include "ops/gamma.hpp"
#include "transform/transform.hpp"

using namespace metac;
using namespace metac::testing;

namespace {

constexpr std::int64_t draws = 20'000;

struct Moments {
  double mean, variance;
};

Moments moments(const std::vector<double>& x) {
  double sum = 0, squares = 0;
  for (const double value : x) sum += value;
  const double mean = sum / static_cast<double>(x.size());
  for (const double value : x) squares += (value - mean) * (value - mean);
  return {mean, squares / static_cast<double>(x.size())};
}

// Within four standard errors of the mean, and a tenth of the variance.
void check_moments(const std::vector<double>& x, Moments expected) {
  const auto given = moments(x);
  BOOST_TEST(std::abs(given.mean - expected.mean) < 4 * std::sqrt(expected.variance / static_cast<double>(x.size())));
  BOOST_TEST(std::abs(given.variance - expected.variance) < 0.1 * expected.variance);
}

Tensor many(Graph& graph, double value, Dtype dtype = Dtype::f64) { return full(graph, {draws}, value, dtype); }

// Parameters beside a key that is always the same.
void check_draw(const std::string& name, std::vector<Shape> shapes,
                const std::function<Tensor(Tensor, std::span<const Tensor>)>& draw) {
  Sample sample{.inputs = {}, .low = 0.3, .high = 3};
  for (const auto& shape : shapes) sample.inputs.push_back({Dtype::f64, shape});
  check_all(name, {sample}, [&](auto x) { return draw(key(x[0].graph(), 5), x); });
}

}  // namespace

BOOST_AUTO_TEST_SUITE(draws_of_parameters)

BOOST_AUTO_TEST_CASE(quantiles_and_derivatives_of_the_gamma_distribution_are_known) {
  Bench bench;
  const Tensor shape = bench.of(vector({0.001, 0.5, 1, 3, 50, 1000, 2}));
  const Tensor share = bench.of(vector({0.3, 0.5, 0.9, 0.001, 0.75, 0.5, 0.9375}));
  check_near(bench.run(log_gamma_quantile(shape, share)),
             {-1204.54919792421936, -1.48074477976172749, 0.8340324452479558, -1.65792788943009394, 3.99949565249211463,
              6.90742190984778668, 1.49789945946631737});
  const Tensor edges = bench.of(vector({0, 1, -0.5, not_a_number})), one = bench.of(vector({1, 1, 1, 1}));
  check_near(bench.run(log_gamma_quantile(one, edges)), {-inf, inf, not_a_number, not_a_number});
  check_near(bench.run(log_gamma_quantile(neg(one), one * 0.5)), std::vector<double>(4, not_a_number));
  const std::vector<std::array<double, 5>> known = {{1, 2.5, 0.3, -0.236040338443071149, -0.166464736607689926},
                                                    {2, 0.7, -1, 0.536033135966891265, -0.737662060631094161},
                                                    {3, 4, 1.2, 0.0446121419864797902, 0.0934456647503713777},
                                                    {1, 30, 3.5, -0.0597289180359745552, 0.216440375667294954}};
  for (const auto& [order, a, y, distribution, density] : known) {
    BOOST_TEST(find_operator("gamma_distribution")->call(order, a, y) == distribution,
               boost::test_tools::tolerance(1e-12));
    BOOST_TEST(find_operator("gamma_density")->call(order, a, y) == density, boost::test_tools::tolerance(1e-12));
  }
}

// From shape to shape the draw moves on; a large one takes many terms, not many steps.
BOOST_AUTO_TEST_CASE(a_draw_of_a_large_shape_is_nearly_normal) {
  Bench bench;
  const Tensor shape = full(bench.graph, {200}, 1e6, Dtype::f64);
  const auto x = bench.run(random_gamma(key(bench.graph, 3), shape));
  const auto given = moments(x);
  BOOST_TEST(std::abs(given.mean - 1e6) < 4 * std::sqrt(1e6 / 200));
  BOOST_TEST(std::abs(given.variance - 1e6) < 0.5e6);
}

BOOST_AUTO_TEST_CASE(draws_have_the_moments_of_their_distribution) {
  for (const Dtype dtype : {Dtype::f32, Dtype::f64}) {
    Bench bench;
    Graph& g = bench.graph;
    for (const double shape : {0.2, 1.0, 7.5})
      check_moments(bench.run(random_gamma(key(g, 1), many(g, shape, dtype))), {shape, shape});
    const double a = 2, b = 3, sum = a + b;
    check_moments(bench.run(random_beta(key(g, 2), many(g, a, dtype), many(g, b, dtype))),
                  {a / sum, a * b / (sum * sum * (sum + 1))});
    check_moments(bench.run(cast(random_bernoulli(key(g, 3), many(g, 0.3, dtype)), dtype)), {0.3, 0.21});
  }
}

BOOST_AUTO_TEST_CASE(dirichlet_draws_are_shares_also_of_tiny_concentrations) {
  Bench bench;
  const Tensor alpha = bench.of(vector({0.5, 1, 2}));
  const Tensor x = random_dirichlet(key(bench.graph, 1), broadcast_to(alpha, {draws, 3}));
  for (const double total : bench.run(sum(x, {1}))) BOOST_TEST(std::abs(total - 1) < 1e-12);
  for (int i = 0; i < 3; ++i) {
    const double share = std::vector{0.5, 1.0, 2.0}[i] / 3.5;
    check_moments(bench.run(index_axis(x, 1, i)), {share, share * (1 - share) / 4.5});
  }
  const auto corners = bench.run(random_dirichlet(key(bench.graph, 2), full(bench.graph, {100, 4}, 1e-3)));
  for (std::size_t i = 0; i < corners.size(); i += 4)
    BOOST_TEST(std::abs(corners[i] + corners[i + 1] + corners[i + 2] + corners[i + 3] - 1) < 1e-6);
}

BOOST_AUTO_TEST_CASE(categories_and_choices_follow_their_logits) {
  Bench bench;
  const std::vector<double> shares = {0.1, 0.2, 0.7};
  const Tensor logits = log(bench.of(vector(shares)));
  std::vector<double> counts(3), firsts(3);
  for (const double category : bench.run(random_categorical(key(bench.graph, 1), broadcast_to(logits, {draws, 3}))))
    ++counts[static_cast<int>(category)];
  const auto chosen = bench.run(random_choice(key(bench.graph, 2), broadcast_to(logits, {draws, 3}), 2));
  for (std::size_t i = 0; i < chosen.size(); i += 2) {
    BOOST_CHECK(chosen[i] != chosen[i + 1]);
    ++firsts[static_cast<int>(chosen[i])];
  }
  for (int i = 0; i < 3; ++i) {
    const double deviation = std::sqrt(draws * shares[i] * (1 - shares[i]));
    BOOST_TEST(std::abs(counts[i] - draws * shares[i]) < 4 * deviation);
    BOOST_TEST(std::abs(firsts[i] - draws * shares[i]) < 4 * deviation);
  }
  const Tensor never = bench.of(vector({-inf, 0, -inf}));
  for (const double category : bench.run(random_categorical(key(bench.graph, 3), broadcast_to(never, {50, 3}))))
    BOOST_CHECK_EQUAL(category, 1);
}

BOOST_AUTO_TEST_CASE(a_permutation_has_every_number_once) {
  Bench bench;
  auto x = bench.run(random_permutation(key(bench.graph, 1), 50));
  BOOST_CHECK(!std::is_sorted(x.begin(), x.end()));
  BOOST_CHECK_EQUAL(std::set<double>(x.begin(), x.end()).size(), 50u);
  BOOST_CHECK(bench.run(random_permutation(key(bench.graph, 1), 0)).empty());
}

// The mean of a gamma draw is its shape, so the mean of its derivative is 1; so is the variance.
BOOST_AUTO_TEST_CASE(the_mean_derivative_of_a_draw_is_the_derivative_of_the_mean) {
  Bench bench;
  for (const double shape : {0.3, 1.0, 12.0}) {
    const Tensor a = bench.of(vector({shape}));
    const Tensor x = random_gamma(key(bench.graph, 1), broadcast_to(a, {draws}));
    BOOST_TEST(std::abs(bench.run(grad(mean(x), a))[0] - 1) < 0.05);
    BOOST_TEST(std::abs(bench.run(grad(mean(x * x), a))[0] - (2 * shape + 1)) < 0.1 * (2 * shape + 1));
  }
}

BOOST_AUTO_TEST_CASE(draws_have_three_derivatives_to_their_parameters_and_batches) {
  check_draw("random_gamma", {{5}}, [](Tensor k, auto x) { return random_gamma(k, x[0]); });
  check_draw("random_log_gamma", {{}}, [](Tensor k, auto x) { return random_log_gamma(k, x[0]); });
  check_draw("random_beta", {{3}, {2, 3}}, [](Tensor k, auto x) { return random_beta(k, x[0], x[1]); });
  check_draw("random_dirichlet", {{2, 3}}, [](Tensor k, auto x) { return random_dirichlet(k, x[0]); });
  check_draw("random_dirichlet of nothing", {{0, 3}}, [](Tensor k, auto x) { return random_dirichlet(k, x[0]); });
  check_draw("random_categorical", {{4, 3}}, [](Tensor k, auto x) { return random_categorical(k, x[0]); });
  check_draw("random_choice", {{4, 3}}, [](Tensor k, auto x) { return random_choice(k, x[0], 2); });
  check_draw("random_bernoulli", {{7}}, [](Tensor k, auto x) { return random_bernoulli(k, 0.3 * x[0]); });
}

BOOST_AUTO_TEST_CASE(what_does_not_fit_is_refused) {
  Graph graph;
  const Tensor k = key(graph, 1), x = input(graph, {Dtype::f32, {2, 3}}), i = input(graph, {Dtype::i32, {3}});
  BOOST_CHECK_EQUAL(error_of([&] { random_gamma(i, x); }),
                    "[random_log_gamma] i32[3] was given for a key; i32[2] is needed");
  BOOST_CHECK_EQUAL(
      error_of([&] { random_choice(k, x, 4); }),
      "[random_choice] 4 different ones by logits f32[2, 3] were asked for; [..., n] and at most n are needed");
  for (const auto& action : std::vector<std::function<void()>>{
           [&] { random_gamma(k, i); }, [&] { random_beta(k, x, i); },
           [&] { random_beta(k, x, slice_axis(x, 1, 0, 2)); }, [&] { random_dirichlet(k, constant(graph, 1)); },
           [&] { random_dirichlet(k, i); }, [&] { random_bernoulli(k, i); }, [&] { random_categorical(k, i); },
           [&] { random_categorical(k, constant(graph, 1)); }, [&] { random_categorical(k, slice_axis(x, 1, 0, 0)); },
           [&] { random_choice(k, x, -1); }, [&] { random_permutation(k, -1); }, [&] { random_permutation(x, 3); },
           [&] { random_gamma(Tensor{}, x); }, [&] { random_gamma(k, Tensor{}); }})
    BOOST_CHECK_THROW(action(), Error);
}

BOOST_AUTO_TEST_SUITE_END()
