// Functions of each element; see cases.hpp.
#include <fmt/format.h>

#include "parity/cases.hpp"

namespace metac::parity {
namespace {

struct Unary {
  const char* name;
  Tensor (*function)(Tensor);
  const char* expression;
  double low = -2, high = 2;
};

const Unary unaries[] = {
    {"neg", neg, "-a"},
    {"abs", abs, "torch.abs(a)"},
    {"sign", sign, "torch.sign(a)"},
    {"exp", exp, "torch.exp(a)"},
    {"expm1", expm1, "torch.expm1(a)"},
    {"log", log, "torch.log(a)", 0.2, 4},
    {"log1p", log1p, "torch.log1p(a)", -0.7, 4},
    {"sqrt", sqrt, "torch.sqrt(a)", 0.2, 4},
    {"rsqrt", rsqrt, "torch.rsqrt(a)", 0.2, 4},
    {"sin", sin, "torch.sin(a)", -9, 9},
    {"cos", cos, "torch.cos(a)", -9, 9},
    {"tan", tan, "torch.tan(a)", -1.2, 1.2},
    {"asin", asin, "torch.asin(a)", -0.9, 0.9},
    {"acos", acos, "torch.acos(a)", -0.9, 0.9},
    {"atan", atan, "torch.atan(a)", -4, 4},
    {"sinh", sinh, "torch.sinh(a)"},
    {"cosh", cosh, "torch.cosh(a)"},
    {"tanh", tanh, "torch.tanh(a)", -4, 4},
    {"erf", erf, "torch.erf(a)", -3, 3},
    {"erf_inverse", erf_inverse, "torch.erfinv(a)", -0.95, 0.95},
    {"lgamma", lgamma, "LogGamma.apply(a)", 0.3, 8},
    {"digamma", digamma, "Digamma.apply(a)", 0.3, 8},
    {"sigmoid", sigmoid, "torch.sigmoid(a)", -6, 6},
    {"softplus", softplus, "F.softplus(a, threshold=100.0)", -6, 6},  // torch is linear from 20 on, by default
    {"silu", silu, "F.silu(a)", -6, 6},
    {"gelu", gelu, "F.gelu(a)", -4, 4},
    {"relu", relu, "torch.relu(a)"},
    {"floor", floor, "torch.floor(a)", -4, 4},
    {"ceil", ceil, "torch.ceil(a)", -4, 4},
    {"round", round, "torch.round(a)", -4, 4},
    {"square", square, "torch.square(a)"},
    {"is_finite", is_finite, "torch.isfinite(1 / torch.round(a))"},
    {"is_nan", is_nan, "torch.isnan(a)"},
    {"is_inf", is_inf, "torch.isinf(1 / torch.round(a))"},
    {"stop_gradient", stop_gradient, "a.detach()"},
};

// A shape that broadcasts with the other.
Shape partner(Draws& draws, const Shape& shape) {
  Shape other;
  for (int axis = draws.pick(shape.rank() + 1); axis < shape.rank(); ++axis)
    other.push_back(draws.once_in(3) ? 1 : shape[axis]);
  return other;
}

using Two = Tensor (*)(Tensor, Tensor);

void add_binary(Cases& cases, const char* name, Two function, const char* expression, Array a, Array b) {
  cases.push_back({name, expression, {std::move(a), std::move(b)}, [function](auto x) -> Results {
                     return {function(x[0], x[1])};
                   }});
}

void arithmetic(Draws& draws, Cases& cases) {
  const auto add_one = [&](const char* name, Two function, const char* expression, double low_a = -2,
                           double low_b = -2) {
    const Shape shape = draws.shape(), other = partner(draws, shape);
    const Array a = draws.uniform(shape, low_a, 2.5), b = draws.uniform(other, low_b, 2.5);
    const bool swapped = low_a == low_b && draws.once_in(2);
    add_binary(cases, name, function, expression, swapped ? b : a, swapped ? a : b);
  };
  add_one("add", add, "a + b");
  add_one("sub", sub, "a - b");
  add_one("mul", mul, "a * b");
  add_one("div", div, "a / b", -2, 0.4);
  add_one("pow", pow, "torch.pow(a, b)", 0.3);
  add_one("remainder", remainder, "torch.remainder(a, b)", -2, 0.4);
  add_one("atan2", atan2, "torch.atan2(a, b)", -2, 0.2);
  add_one("maximum", maximum, "torch.maximum(a, b)");
  add_one("minimum", minimum, "torch.minimum(a, b)");
}

void comparisons(Draws& draws, Cases& cases) {
  const auto compare = [&](const char* name, Two function, const char* expression) {
    const Shape shape = draws.shape();
    add_binary(cases, name, function, expression, draws.halves(shape), draws.halves(partner(draws, shape)));
    cases.back().orders = 0;
  };
  compare("equal", equal, "a == b");
  compare("not_equal", not_equal, "a != b");
  compare("less", less, "a < b");
  compare("less_equal", less_equal, "a <= b");
  compare("greater", greater, "a > b");
  compare("greater_equal", greater_equal, "a >= b");
  const auto logic = [&](const char* name, Two function, const char* expression) {
    const Shape shape = draws.shape();
    add_binary(cases, name, function, expression, draws.bools(shape), draws.bools(shape));
    cases.back().orders = 0;
  };
  logic("logical_and", logical_and, "torch.logical_and(a, b)");
  logic("logical_or", logical_or, "torch.logical_or(a, b)");
  logic("logical_xor", logical_xor, "torch.logical_xor(a, b)");
  cases.push_back({"logical_not",
                   "torch.logical_not(a)",
                   {draws.bools(draws.shape())},
                   [](auto x) -> Results { return {logical_not(x[0])}; },
                   0});
}

void choices(Draws& draws, Cases& cases) {
  const Shape shape = draws.shape();
  cases.push_back({"select",
                   "torch.where(a, b, c)",
                   {draws.bools(shape), draws.uniform(shape), draws.uniform(partner(draws, shape))},
                   [](auto x) -> Results { return {select(x[0], x[1], x[2])}; }});
  cases.push_back({"clip",
                   "torch.clamp(a, -0.5, 1.0)",
                   {draws.halves(draws.shape())},  // bounds are met
                   [](auto x) -> Results { return {clip(x[0], -0.5, 1)}; }});
  cases.push_back({"clip",
                   "torch.clamp(a, b, c)",
                   {draws.uniform(shape), draws.uniform(shape, -1, 0), draws.uniform(shape, 0, 1)},
                   [](auto x) -> Results { return {clip(x[0], x[1], x[2])}; }});
  const int order = draws.pick(4);
  cases.push_back({"polygamma",
                   fmt::format("polygamma({}, a)", order),
                   {draws.uniform(draws.shape(), 0.5, 8)},
                   [order](auto x) -> Results { return {polygamma(order, x[0])}; }});
  cases.push_back({"cast",
                   "(a.to(torch.int32), (a != 0), b.to(torch.float64))",
                   {draws.uniform(shape, -9, 9), draws.bools(shape)},
                   [](auto x) -> Results {
                     return {cast(x[0], Dtype::i32), cast(x[0], Dtype::boolean), cast(x[1], Dtype::f64)};
                   },
                   0});
}

}  // namespace

void pointwise_cases(Draws& draws, Cases& cases) {
  for (const Unary& unary : unaries) {
    cases.push_back({unary.name,
                     unary.expression,
                     {draws.uniform(draws.shape(), unary.low, unary.high)},
                     [function = unary.function](auto x) -> Results { return {function(x[0])}; }});
    const bool divides = std::string(unary.name) == "is_finite" || std::string(unary.name) == "is_inf";
    if (divides)
      cases.back().build = [function = unary.function](auto x) -> Results { return {function(1.0 / round(x[0]))}; };
    if (std::string(unary.name).starts_with("is_")) cases.back().orders = 0;
  }
  arithmetic(draws, cases);
  comparisons(draws, cases);
  choices(draws, cases);
}

}  // namespace metac::parity
