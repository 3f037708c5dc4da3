// Builtins on tensors give what the engine's functions give; their tests are the engine's.
#include <boost/test/unit_test.hpp>
#include <cmath>

#include "dsl/elaborate/reading.hpp"

namespace metac::dsl::test {
namespace {

void check(const std::string& body, const std::vector<double>& expected, const std::string& definitions = "") {
  const auto given = numbers(body, definitions);
  BOOST_REQUIRE_MESSAGE(given.size() == expected.size(), body << " gives " << given.size() << " numbers");
  for (std::size_t i = 0; i < given.size(); ++i)
    BOOST_TEST(std::abs(given[i] - expected[i]) <= 1e-4 * (1 + std::abs(expected[i])), body << ": " << given[i]);
}

}  // namespace

BOOST_AUTO_TEST_CASE(functions_of_elements_work_on_numbers_and_tensors) {
  check("print(tan(0.5), softplus(0), gelu(1), round(2.5), ceil(1.2), erf(0.5))",
        {std::tan(0.5), std::log(2), 0.841345, 2, 2, std::erf(0.5)});
  check("print(tan([0.5]), softplus([0.0]), gelu([1.0]), round([2.5]), atan2([1.0], [1.0]), rsqrt([4.0]))",
        {std::tan(0.5), std::log(2), 0.841345, 2, M_PI / 4, 0.5});
  check("print(clip([-2.0, 0.5, 2.0], -1, 1), digamma([1.0]), lgamma([5.0]))", {-1, 0.5, 1, -0.577216, std::log(24)});
  check("print([7.0, -7.0] % 3)", {1, 2});
}

BOOST_AUTO_TEST_CASE(functions_along_axes) {
  const std::string x = "let x = [[3.0, 1.0, 2.0], [4.0, 6.0, 5.0]]\n";
  check(x + "print(sort(x), argsort(x, descending: true), argmin(x))", {1, 2, 3, 4, 5, 6, 0, 2, 1, 1, 2, 0, 1, 0});
  check(x + "let best = top_k(x, 1)\nprint(best.values, best.indices)", {3, 6, 0, 1});
  check(x + "print(cumulative_sum(x), cumulative_product(x, axis: 0), norm(x, axis: 0))",
        {3, 4, 6, 4, 10, 15, 3, 1, 2, 12, 6, 10, 5, std::sqrt(37), std::sqrt(29)});
  check(x + "print(variance(x, correction: 1), logsumexp(x), cast_int(all(1 * full([2], 1.0) > 0)), cast_int(any(0 * "
            "full([2], 1.0) > 6)))",
        {3.5, 6.456193, 1, 0});
}

BOOST_AUTO_TEST_CASE(structure_and_windows) {
  check(
      "print(pad([1.0, 2.0], 1, 2, with: \"edge\"), pad([1.0], 1, 0, with: 7), roll([1.0, 2.0, 3.0], 1), tile([1.0], "
      "2))",
      {1, 1, 2, 2, 2, 7, 1, 3, 1, 2, 1, 1});
  check("print(take([[1.0, 2.0], [3.0, 4.0]], [1], axis: 1), upper_triangle([[1.0, 2.0], [3.0, 4.0]]))",
        {2, 4, 1, 2, 0, 4});
  check(
      "let x = reshape(cast_float(iota(6)), [1, 6, 1])\nprint(average_pool(2)(x), resample(x, 3, nearest: true), "
      "conv(x, full([2, 1, 1], 1.0), dilation: 2, stride: 2))",
      {0.5, 2.5, 4.5, 1, 3, 5, 2, 6});
}

BOOST_AUTO_TEST_CASE(linear_algebra) {
  const std::string a = "let a = [[4.0, 2.0], [2.0, 10.0]]\n";
  check(a + "print(cholesky(a), determinant(a), solve(a, [6.0, 12.0]), log_determinant(a).logarithm)",
        {2, 0, 1, 3, 36, 1, 1, std::log(36)});
  check(
      a + "print(symmetric_eigen(a).values, singular_values(a).s, diagonal(qr(a).r))",
      {7 - std::sqrt(13), 7 + std::sqrt(13), 7 + std::sqrt(13), 7 - std::sqrt(13), std::sqrt(20), 36 / std::sqrt(20)});
  check(a + "print(einsum(\"ii\", [a]), inverse(a) @ a, identity_matrix(1))", {14, 1, 0, 0, 1, 1});
}

}  // namespace metac::dsl::test
