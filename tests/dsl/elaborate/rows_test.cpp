// Rows of trees: taking, replacing and drawing them, functions of each of them, and buffers that are filled from a
// stream.
#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <set>

#include "dsl/elaborate/reading.hpp"

namespace metac::dsl::test {
namespace {

using Numbers = std::vector<double>;

std::string said(const std::string& body) { return run_text("experiment e {\n" + body + "\n}\n", 0).said; }

const std::string table = "let t = (x: [[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]], y: [0, 1, 2], classes: 3)\n";

}  // namespace

BOOST_AUTO_TEST_CASE(rows_of_every_leaf_are_taken) {
  check_numbers(table + "let r = rows(t, [2, 0])\nprint(r.x, r.y, r.classes)", {5, 6, 1, 2, 2, 0, 3});
  check_numbers(table + "print(rows(t.x, [2, 2])[:, 0], row_count(t))", {5, 5, 3});
  check_numbers(table + "let x = t.x\nprint(grad(x) { sum(rows(x, [2, 2, 0])) })", {1, 1, 0, 0, 2, 2});
}

BOOST_AUTO_TEST_CASE(rows_are_replaced_and_the_last_of_equal_indices_counts) {
  const std::string fresh = table + "let n = (x: [[10.0, 11.0], [20.0, 21.0]], y: [7, 8], classes: 3)\n";
  check_numbers(fresh + "let r = with_rows(t, [2, 0], n)\nprint(r.x, r.y, r.classes)",
                {20, 21, 3, 4, 10, 11, 8, 1, 7, 3});
  check_numbers(fresh + "print(with_rows(t, [1, 1], n).y)", {0, 8, 2});
  check_numbers(fresh + "print(with_rows(t, 4 * iota(2) - 1, n).x)", {1, 2, 3, 4, 5, 6});  // outside
  check_numbers(fresh + "print(with_rows(t, [-1, 0], n).y)", {8, 1, 7});
  check_numbers("print(with_rows([1 > 0, 1 > 0, 0 > 1], [0, 2], [0 > 1, 1 > 0]))", {0, 1, 1});
  check_numbers("let n = [[1.0], [2.0]]\nprint(grad(n) { sum(with_rows([[5.0], [6.0]], [0, 0], n)) })", {0, 1});
  check_numbers("let t = [[5.0], [6.0]]\nprint(grad(t) { sum(with_rows(t, 7 * iota(2), [[1.0], [1.0]])^2) })", {0, 12});
}

BOOST_AUTO_TEST_CASE(rows_like_has_the_form_of_one_example) {
  check_numbers(table + "let b = rows_like(t, 4)\nprint(b.x.shape, b.y, b.classes)", {4, 2, 0, 0, 0, 0, 3});
}

BOOST_AUTO_TEST_CASE(a_choice_draws_different_rows) {
  const std::string pick =
      "fn pick(count) {\n  let t = (x: iota(20), y: 2 * iota(20))\n  b ~ choice(t, count)\n  return b\n}";
  const auto drawn = numbers("let b = pick(20)\nprint(b.x)\nprint(sum(abs(b.y - 2 * b.x)))", pick, 3);
  BOOST_REQUIRE(drawn.size() == 21u);
  BOOST_TEST((std::set<double>(drawn.begin(), drawn.end() - 1).size() == 20u));
  BOOST_TEST(!std::is_sorted(drawn.begin(), drawn.end() - 1));
  BOOST_TEST(drawn.back() == 0);
  const auto calls = numbers("print(pick(8).x)\nprint(pick(8).x)", pick, 3);
  BOOST_TEST((Numbers(calls.begin(), calls.begin() + 8) != Numbers(calls.begin() + 8, calls.end())));
}

BOOST_AUTO_TEST_CASE(a_choice_among_the_first_rows_draws_again_and_again) {
  for (const char* limit : {"5", "sum([2, 3])"}) {
    const auto drawn = numbers(
        "print(pick())", std::string("fn pick() {\n  b ~ choice(iota(20), 60, among: ") + limit + ")\n  return b\n}");
    BOOST_REQUIRE(drawn.size() == 60u);
    BOOST_TEST((std::set<double>(drawn.begin(), drawn.end()) == std::set<double>{0, 1, 2, 3, 4}));
  }
}

BOOST_AUTO_TEST_CASE(a_function_is_mapped_over_rows) {
  const std::string f = "fn f(r) = (s: sum(r.x) * r.y, k: r.classes)\n";
  check_numbers(table + "let m = map(f, t)\nprint(m.s, m.k)", {0, 7, 22, 3, 3, 3}, f);
  check_numbers(table + "let m = map_sum(f, t)\nprint(m.s, m.k)", {29, 9}, f);
  check_numbers("print(map(fn (x) = grad(x) { x^3 }, [1.0, 2.0]))", {3, 12});
  check_numbers("let w = 2.0\nprint(grad(w) { sum(map(fn (x) = w^2 * x, [1.0, 2.0, 4.0])) })", {28});
  check_numbers("let w = 2.0\nprint(grad(w) { map_sum(fn (x) = w^2 * x, [1.0, 2.0, 4.0]) })", {28});
  check_numbers("let w = 2.0\nprint(grad(w) { grad(w) { map_sum(fn (x) = w^3 * x, [1.0, 2.0, 4.0]) } })", {84});
  check_numbers("let x = [1.0, 2.0]\nprint(grad(x) { map_sum(fn (a) = a^2, x) })", {2, 4});
  check_numbers("print(map_sum(fn (x) = x > 1, [1.0, 2.0, 4.0]))", {2});
  check_numbers("print(map(fn (x) = map_sum(fn (y) = x * y, [1.0, 2.0]), [1.0, 10.0]))", {3, 30});
}

// The diagonal of the Fisher information: squared gradients of single examples.
BOOST_AUTO_TEST_CASE(gradients_of_single_rows_are_summed_without_holding_them) {
  check_numbers(
      "let data = (x: 1 * [[1.0, 2.0], [3.0, 4.0]], y: [1.0, -1.0])\nlet w = (a: 1 * [1.0, 1.0])\n"
      "fn loss(w, batch) = mean(square(batch.x @ w.a - batch.y))\n"
      "print(map_sum(fn (row) = square(grad(w) { loss(w, as_batch(row)) }), data).a, as_batch(data.x[0]).shape)",
      {2320, 4160, 1, 2});
}

BOOST_AUTO_TEST_CASE(each_row_of_a_map_draws_for_itself) {
  const std::string f =
      "fn f(x) {\n  a ~ normal()\n  return x + a\n}\nfn twice() = [map_sum(f, [0.0]), map_sum(f, [0.0])]";
  const auto drawn = numbers("print(map(f, [0.0, 0.0, 0.0]))", f, 5);
  BOOST_TEST((drawn[0] != drawn[1] && drawn[1] != drawn[2]));
  const auto calls = numbers("print(twice())", f, 5);
  BOOST_TEST(calls[0] != calls[1]);
}

BOOST_AUTO_TEST_CASE(a_quotient_of_zeros_is_zero_with_a_derivative) {
  check_numbers("print(ratio(1 * [0.0, 1.0, 6.0], 1 * [0.0, 2.0, 3.0]), ratio(0, 0), ratio(3, 2))",
                {0, 0.5, 2, 0, 1.5});
  check_numbers("let a = (p: 1 * [0.0, 4.0])\nlet b = (p: 1 * [0.0, 2.0])\nprint(ratio(a, b).p)", {0, 2});
  check_numbers("let a = [0.0, 4.0]\nlet b = [0.0, 2.0]\nlet (p, q) = grad(a, b) { sum(ratio(a, b)) }\nprint(p, q)",
                {0, 0.5, 0, -1});
  BOOST_TEST(said("print(ratio(1 * [1.0], 1 * [0.0]))").empty());
}

BOOST_AUTO_TEST_CASE(softplus_has_its_derivatives_at_zero) {
  check_numbers("let x = 0.0\nprint(softplus(x), grad(x) { softplus(x) }, grad(x) { grad(x) { softplus(x) } })",
                {0.693147, 0.5, 0.25});
  check_numbers("print(softplus(full([3], 1.0) * [-200.0, 1.0, 200.0]))", {0, 1.313262, 200});
}

// 24 examples in batches of 5, 5, 5, 5, 4: each lies in a buffer of 6 with probability 1 / 4, whatever its turn.
BOOST_AUTO_TEST_CASE(a_reservoir_keeps_every_example_with_the_same_probability) {
  const std::string stream = R"(
fn kept(trial) {
  var buffer = (x: 0 * iota(6) - 1)
  var seen = 0
  for i in 0..4 { (buffer, seen) = reservoir(buffer, seen, (x: 5 * i + iota(if i < 4 then 5 else 4))) }
  return one_hot(buffer.x, 24)
}
)";
  constexpr double trials = 2000;
  const auto counts = numbers("print(map_sum(fn (t) = sum(kept(t), axis: 0), iota(2000)))", stream, 1);
  BOOST_REQUIRE(counts.size() == 24u);
  const double deviation = std::sqrt(trials * 0.25 * 0.75);
  for (std::size_t i = 0; i < counts.size(); ++i)
    BOOST_TEST(std::abs(counts[i] - trials / 4) < 4 * deviation, "example " << i << ": " << counts[i]);
  check_numbers("print(map_sum(fn (t) = sum(kept(t)), iota(2000)))", {6 * trials}, stream);
}

BOOST_AUTO_TEST_CASE(a_reservoir_fills_in_order_across_batches) {
  check_numbers(
      "var b = rows_like((x: [0.0]), 5)\nvar n = 0\n(b, n) = reservoir(b, n, (x: [1.0, 2.0]))\n"
      "(b, n) = reservoir(b, n, (x: [3.0, 4.0]))\nprint(b.x, n)",
      {1, 2, 3, 4, 0, 4});
}

// Class 0 has 40 examples, class 1 has 2, class 2 none: each keeps at most its share of 3.
BOOST_AUTO_TEST_CASE(a_balanced_reservoir_has_room_for_every_class) {
  const std::string stream = R"(
fn filled(trial) {
  var buffer = (x: 0 * iota(10) - 1, y: 0 * iota(10))
  var seen = [0, 0, 0]
  for i in 0..6 {
    (buffer, seen) = balanced_reservoir(buffer, seen, (x: 6 * i + iota(6), y: [0, 0, if i < 2 then 1 else 0, 0, 0, 0]), 3)
  }
  return (buffer, seen)
}
fn drawn(trial) {
  let (buffer, seen) = filled(trial)
  let some = balanced_choice(buffer, seen, 100)()
  return (label: mean(cast_float(some.y)), x: some.x)
}
fn kept(trial) {
  let (buffer, _) = filled(trial)
  return reshape(buffer.x, [-1, 1]) == iota(42)
}
)";
  const auto one = numbers("let (b, n) = filled(0)\nprint(b.x, b.y, n)", stream, 1);
  BOOST_REQUIRE(one.size() == 23u);
  for (int i = 0; i < 3; ++i) BOOST_TEST((one[i] >= 0 && one[i] != 2 && one[i] != 8));
  BOOST_TEST((Numbers(one.begin() + 3, one.begin() + 10) == Numbers{2, 8, -1, -1, -1, -1, -1}),
             boost::test_tools::per_element());
  BOOST_TEST((Numbers(one.begin() + 20, one.end()) == Numbers{40, 2, 0}), boost::test_tools::per_element());
  const auto counts = numbers("print(map_sum(fn (t) = sum(kept(t), axis: 0), iota(2000)))", stream, 2);
  BOOST_REQUIRE(counts.size() == 42u);
  const double share = 3.0 / 40, deviation = std::sqrt(2000 * share * (1 - share));
  for (std::size_t i = 0; i < counts.size(); ++i)
    BOOST_TEST(std::abs(counts[i] - (i == 2 || i == 8 ? 2000 : 2000 * share)) < 4 * deviation,
               "example " << i << ": " << counts[i]);
  // Both classes that are there are drawn alike, and no empty place is.
  const auto labels = numbers("let d = map(drawn, iota(40))\nprint(mean(d.label), min(d.x))", stream, 3);
  BOOST_TEST(std::abs(labels[0] - 0.5) < 4 * 0.5 / std::sqrt(4000.0));
  BOOST_TEST(labels[1] >= 0);
}

}  // namespace metac::dsl::test
