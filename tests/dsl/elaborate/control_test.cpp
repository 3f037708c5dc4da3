// Loops that hand on a state, loops that end by themselves, branches, what derivatives compute again, and derivatives
// of one's own: that they give what the same computation gives when it is written out, in every order, and inside each
// other.
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <set>

#include "check/builtins.hpp"
#include "check/words.hpp"
#include "dsl/elaborate/reading.hpp"

namespace metac::dsl::test {
namespace {

const std::string recurrent = R"(
let xs = [[1.0, 2.0], [-0.5, 0.3], [0.7, -1.1], [0.2, 0.9], [-0.4, 0.1]]
fn cell(w, h, x) = tanh(h @ w + x)
fn written_out(w) {
  var h = [0.1, 0.2]
  for x in xs { h = cell(w, h, x) }
  return sum(h * h)
}
fn scanned(w, every = 0) {
  let (h, _) = scan(fn (h, x) = (cell(w, h, x), none), [0.1, 0.2], xs, recompute_every: every)
  return sum(h * h)
}
fn slope(f, w) = grad(w) { f(w) }
fn bend(f, w) = grad(w) { sum(slope(f, w)^2) }
fn off(a, b) = max(abs(a - b))
)";

std::string said(const std::string& body) { return run_text("experiment e {\n" + body + "\n}\n", 0).said; }

void check_small(const std::string& body, const std::string& definitions) {
  for (const double off : numbers(body, definitions)) BOOST_TEST(off < 1e-5);
}

// Each `print` of an example says behind it what it prints.
void check_example(std::string_view name, const std::string& text) {
  const Ran ran = run_text(text);
  BOOST_TEST((ran.outcome == Outcome::done), name << ": " << ran.said);
  BOOST_TEST(ran.said == "");
  std::size_t line = 0;
  for (std::size_t at = text.find("print("); at != std::string::npos; at = text.find("print(", at + 1), ++line) {
    const std::string rest = text.substr(at, text.find('\n', at) - at);
    BOOST_REQUIRE(line < ran.printed.size());
    BOOST_TEST(rest.substr(rest.find("  # ") + 4) == ran.printed[line], name);
  }
  BOOST_TEST(line == ran.printed.size());
}

}  // namespace

BOOST_AUTO_TEST_SUITE(control)

BOOST_AUTO_TEST_CASE(a_scan_gives_the_last_state_and_every_output) {
  check_numbers("let (last, all) = scan(fn (s, x) = (s + x, s * x), 1.0, [2.0, 3.0, 4.0])\nprint(last, all)",
                {10, 2, 9, 24});
  check_numbers(
      "let (last, all) = scan(fn (s, x) = (s + x, none), 1, iota(4))\nprint(last, if all == none then 1 else 0)",
      {7, 1});
  check_numbers(
      "let (last, all) = scan(fn (s, x) = ((n: s.n + 1, v: s.v + x.a * x.b), (sum: s.v, twice: 2 * x.a)), (n: 0, v: "
      "0.5), (a: [1.0, 2.0], b: [3.0, 4.0]))\nprint(last.n, last.v, all.sum, all.twice)",
      {2, 11.5, 0.5, 3.5, 2, 4});
}

BOOST_AUTO_TEST_CASE(a_scan_and_the_loop_written_out_have_the_same_derivatives_of_two_orders) {
  const std::string w = "let w = [[0.5, -0.3], [0.2, 0.8]]\n";
  for (const char* every : {"0", "1", "2", "3", "5", "9"}) {
    const std::string s = w + "let s = fn (w) = scanned(w, every: " + every + ")\n";
    check_small(s + "print(off(s(w), written_out(w)))", recurrent);
    check_small(s + "print(off(slope(s, w), slope(written_out, w)))", recurrent);
    check_small(s + "print(off(bend(s, w), bend(written_out, w)))", recurrent);
  }
  BOOST_TEST(numbers(w + "print(max(abs(bend(written_out, w))))", recurrent).at(0) > 1e-3);
  check_small(w + "print(off(jvp(w, along: w) { scanned(w) }, jvp(w, along: w) { written_out(w) }))", recurrent);
}

BOOST_AUTO_TEST_CASE(steps_draw_apart_and_the_same_again) {
  const std::string draws =
      "fn draws(n) {\n  let (_, all) = scan(fn (s, x) {\n    u ~ uniform(0, 1)\n    return (s, u)\n"
      "  }, 0, iota(n))\n  return all\n}";
  const auto drawn = numbers("print(draws(20))", draws, 3);
  BOOST_TEST((std::set<double>(drawn.begin(), drawn.end()).size() == 20u));
  BOOST_TEST((drawn == numbers("print(draws(20))", draws, 3)));
  BOOST_TEST((drawn != numbers("print(draws(20))", draws, 4)));
}

BOOST_AUTO_TEST_CASE(scans_stand_in_maps_and_in_each_other) {
  check_numbers(
      "fn total(row) {\n  let (last, _) = scan(fn (s, x) = (s + x, none), 0.0, row)\n  return last\n}\n"
      "print(map(total, [[1.0, 2.0], [3.0, 4.0]]))\n",
      {3, 7});
  check_numbers(
      "let (last, all) = scan(fn (s, row) {\n  let (inner, _) = scan(fn (t, x) = (t * x, none), s, row)\n"
      "  return (inner, sum(map(fn (x) = x + s, row)))\n}, 1.0, [[1.0, 2.0], [3.0, 4.0]])\nprint(last, all)",
      {24, 5, 11});
}

BOOST_AUTO_TEST_CASE(an_optimizer_that_is_unrolled_for_a_hundred_steps_can_be_differentiated) {
  const std::string unrolled = R"(
fn fit(w, target) = mean((w - target)^2)
fn learned(rate, every, by_loop = false) {
  let rule = momentum(rate, decay: 0.5)
  let start = (a: [1.0, -2.0], b: 0.5)
  let target = (a: [0.3, 0.4], b: -1.0)
  fn loss(w) = fit(w.a, target.a) + fit(w.b, target.b)
  fn stepped(state) {
    let w = state.w
    let (next, memory) = rule.update(w, grad(w) { loss(w) }, state.memory)
    return (w: next, memory: memory)
  }
  var state = (w: start, memory: rule.start(start))
  if by_loop {
    for _ in 1..100 { state = stepped(state) }
    return loss(state.w)
  }
  let (last, _) = scan(fn (state, _) = (stepped(state), none), state, iota(100), recompute_every: every)
  return loss(last.w)
}
)";
  const auto found = numbers(
      "let rate = 0.01\nprint(learned(rate, 10), learned(rate, 0), learned(rate, 0, by_loop: true))\n", unrolled);
  BOOST_TEST(found.at(0) == found.at(2), boost::test_tools::tolerance(1e-4));
  BOOST_TEST(found.at(1) == found.at(2), boost::test_tools::tolerance(1e-4));
  const auto slopes = numbers(
      "let rate = 0.01\nprint(grad(rate) { learned(rate, 10) }, grad(rate) { learned(rate, 0) }, grad(rate) { "
      "learned(rate, 0, by_loop: true) })",
      unrolled);
  BOOST_TEST(std::abs(slopes.at(2)) > 1e-3);
  BOOST_TEST(slopes.at(0) == slopes.at(2), boost::test_tools::tolerance(1e-3));
  BOOST_TEST(slopes.at(1) == slopes.at(2), boost::test_tools::tolerance(1e-3));
}

BOOST_AUTO_TEST_CASE(layers_of_a_model_are_applied_in_steps) {
  const std::string nets = R"(
model by_scan(size)(x) {
  let (cell, read) = (lstm_cell(size), linear(2))
  let (last, _) = scan(fn (state, now) {
    let next = cell(now, state)
    return (next, read(next.h))
  }, lstm_start(x.shape[0], size), transpose(x, [1, 0, 2]))
  return read(last.h)
}
model by_loop(size)(x) {
  let (cell, read) = (lstm_cell(size), linear(2))
  var state = lstm_start(x.shape[0], size)
  for i in range(x.shape[1]) { state = cell(x[:, i], state) }
  return read(state.h)
}
fn slope(net, theta, x) = grad(theta) { sum(sin(net(theta, x))) }
)";
  const std::string both = "let x = draw_normal([3, 4, 2])\nlet theta = init(by_scan(5), x)\n";
  check_small(both + "print(max(abs(by_scan(5)(theta, x) - by_loop(5)(theta, x))))", nets);
  check_small(both + "print(max(abs(to_vector(slope(by_scan(5), theta, x)) - to_vector(slope(by_loop(5), theta, x)))))",
              nets);
  check_numbers(both +
                    "print(len(leaves(theta)), theta.lstm_cell.weight.shape, lstm(5)((lstm_cell: theta.lstm_cell), "
                    "x).shape)",
                {4, 7, 20, 3, 4, 5}, nets);
  // Statistics that a layer remembers are the mean over the steps.
  check_numbers(R"(
let net = meeting(1)
let theta = init(net, [[1.0], [2.0]])
print(observe(net, theta, [[1.0], [3.0], [5.0]]).seen.middle)
)",
                {3}, R"(
model seen()(x) {
  memory middle = 0.0
  middle = mean(x)
  return x
}
model meeting(n)(xs) {
  let look = seen() as seen
  let (_, all) = scan(fn (s, x) = (s, look(n * x)), 0.0, xs)
  return all
}
)");
}

BOOST_AUTO_TEST_CASE(a_while_goes_on_as_long_as_its_condition_holds) {
  check_numbers("print(while(fn (x) = x < 100, fn (x) = 3 * x, 1.0, at_most: 50))", {243});
  check_numbers("print(while(fn (x) = x < 100, fn (x) = 3 * x, 1.0, at_most: 2))", {9});
  check_numbers("print(while(fn (x) = x < 100, fn (x) = 3 * x, 200.0, at_most: 2))", {200});
  check_numbers("print(while(fn (x) = true, fn (x) = x + 1, 5, at_most: 0))", {5});
  check_numbers(
      "let a = 3.0\nprint(grad(a) { while(fn (x) = x < 100, fn (x) = x * x, a, at_most: 9, recompute_every: "
      "2) })",
      {8 * std::pow(3.0, 7)});
  check_numbers(
      "let s = while(fn (s) = s.left > 0, fn (s) = (left: s.left - 1, all: s.all * 2), (left: 5, all: [1.0, "
      "3.0]), at_most: 90)\nprint(s.left, s.all)",
      {0, 32, 96});
  check_numbers("print(map(fn (x) = while(fn (y) = y < 10, fn (y) = y + x, x, at_most: 100), [1.0, 4.0, 30.0]))",
                {10, 12, 30});
  const auto drawn = numbers(
      "print(while(fn (s) = s.n < 3, fn (s) {\n  u ~ uniform(0, 1)\n  return (n: s.n + 1, last: u, gap: abs(u - "
      "s.last))\n}, (n: 0, last: 5.0, gap: 0.0), at_most: 9).gap)");
  BOOST_TEST(drawn.at(0) > 0);
}

BOOST_AUTO_TEST_CASE(a_branch_computes_one_side_and_its_derivative) {
  const std::string root =
      "fn root(x) = branch(x > 0, fn () = sqrt(x), fn () = 0 * x)\nfn other(x) = if x > 0 then "
      "log(x) else 0 * x\n";
  check_numbers("let (a, b) = (4.0, -1.0)\nprint(root(a), root(b), grad(a) { root(a) }, grad(b) { root(b) })",
                {2, 0, 0.25, 0}, root);
  check_numbers("print(map(root, [4.0, -1.0, 9.0]))", {2, 0, 3}, root);
  check_numbers("let z = [4.0, 0.0]\nprint(grad(z) { sum(map(root, z)) })", {0.25, 0}, root);
  check_numbers(
      "let x = sum([1.0, 2.0])\nlet b = branch(x > 2, fn () = (x: x, y: 1), fn () = (x: 0, y: 2.5))\n"
      "print(b.x, b.y, branch(x < 2, fn () = 1, fn () = 2), branch(true, fn () = 7, fn () = [1, 2]))",
      {3, 1, 2, 7});
  check_numbers("let x = 2.0\nprint(grad(x) { let g = grad(x) { branch(x > 1, fn () = x^3, fn () = x) }\n return g })",
                {12});
}

BOOST_AUTO_TEST_CASE(a_checkpoint_changes_no_value_and_no_derivative) {
  const std::string wave =
      "fn wave(x) = sin(exp(x) * x)\nfn slope(f, x) = grad(x) { f(x) }\nfn bend(f, x) = grad(x) { "
      "slope(f, x) }\n";
  check_small(
      "let x = 0.7\nprint(abs(wave(x) - checkpoint(wave)(x)), abs(slope(wave, x) - slope(checkpoint(wave), x)), "
      "abs(bend(wave, x) - bend(checkpoint(wave), x)))",
      wave);
  const std::string nets = R"(
model plain()(x) = x |> linear(5) |> tanh |> linear(2)
model kept()(x) {
  let first = checkpoint(linear(5))
  return x |> first |> checkpoint(tanh_layer()) |> linear(2)
}
model tanh_layer()(x) = tanh(x)
fn slope(net, theta, x) = grad(theta) { sum(sin(net(theta, x))) }
)";
  check_small(
      "let x = draw_normal([3, 4])\nlet theta = init(kept(), x)\nlet same = (linear1: theta.linear1, linear2: "
      "theta.linear2)\nlet (a, b) = (slope(kept(), theta, x), slope(plain(), same, x))\n"
      "print(max(abs(a.linear1.weight - b.linear1.weight)), max(abs(a.linear2.weight - b.linear2.weight)))",
      nets);
  check_numbers(
      "fn parts(x) = (a: 2 * x, n: 3, empty: none)\nlet p = checkpoint(parts)([1.0, 2.0])\nprint(p.a, p.n, "
      "if p.empty == none then 1 else 0, checkpoint(fn () = 4)())",
      {2, 4, 3, 1, 4});
}

BOOST_AUTO_TEST_CASE(a_derivative_of_ones_own_takes_the_place_of_the_real_one) {
  check_numbers(
      "let rounded = custom_gradient(fn (x) = round(x), fn (x, y, g) = g)\nlet x = [1.7, -0.4]\n"
      "print(rounded(x), grad(x) { sum(rounded(x)^2) })",
      {2, 0, 4, 0});
  // Trees, what the functions use besides, and higher orders: those of the rule.
  check_numbers(
      "let k = sum([1.0, 2.0])\nlet f = custom_gradient(fn (t) = t.x * t.y, fn (t, y, g) = (x: k * g * t.y, y: "
      "y * g))\nlet t = (x: 2.0, y: 5.0)\nlet g = grad(t) { f(t) }\nprint(f(t), g.x, g.y)\n",
      {10, 15, 10});
  check_numbers(
      "let f = custom_gradient(fn (x) = x^2, fn (x, y, g) = g * x^3)\nlet x = 2.0\n"
      "print(grad(x) { let g = grad(x) { f(x) }\n return g })",
      {12});
  check_numbers("let k = 3.0\nlet x = 2.0\nprint(grad(k) { custom_gradient(fn (x) = k * x, fn (x, y, g) = g)(x) })",
                {0});
  check_numbers(
      "let x = [1.0, 2.0]\nprint(grad(x) { sum(map(fn (v) = reverse_gradient(v * v, 0.5), x)) }, "
      "reverse_gradient((a: 1.5)).a)",
      {-1, -2, 1.5});
}

BOOST_AUTO_TEST_CASE(the_examples_of_what_the_language_has_print_what_they_say) {
  int examples = 0;
  const auto check = [&](std::string_view name, std::string_view example) {
    if (!example.empty()) ++examples, check_example(name, std::string(example));
  };
  for (const Builtin& builtin : builtins()) check(builtin.name, builtin.example);
  for (const Word& word : language_words()) check(word.names, word.example);
  BOOST_TEST(examples >= 30);
}

BOOST_AUTO_TEST_CASE(an_assertion_stops_what_does_not_hold) {
  BOOST_TEST(said("assert(1 < 2)\nassert(sum([1.0, 2.0]) == 3, \"sums\")\nassert([1.0, 2.0] > 0)") == "");
  BOOST_TEST(said("assert(2 < 1)").find("this does not hold [E0505]") != std::string::npos);
  const auto failed = said("let x = sum([1.0, 2.0])\nassert(x > 10, \"x is \" + str(x))");
  BOOST_TEST(failed.find("this does not hold: x is 3 [E0505]") != std::string::npos, failed);
  BOOST_TEST(said("assert([1.0, -2.0] > 0)").find("E0505") != std::string::npos);
  BOOST_TEST(said("assert(3)").find("E0333") != std::string::npos);
  BOOST_TEST(said("print(map(fn (x) {\n  assert(x > 0)\n  return x\n}, [1.0]))").find("E0332") != std::string::npos);
  const std::string trained =
      "let l = maml(mlp([4, 1]), loss: mse)\ntrain l on sinusoids() { iterations: 2, optimizer: sgd(0.01) }\n"
      "let r = evaluate l on sinusoids() { tasks: 4, metrics: [mse] }\n";
  BOOST_TEST(said(trained + "assert(r.mean < 1e9, \"it learns\")") == "");
  BOOST_TEST(said(trained + "assert(r.mean < 0, \"it learns\")").find("this does not hold: it learns") !=
             std::string::npos);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace metac::dsl::test
