// Pointwise operators: one value for each element, all inputs of one shape. The public functions broadcast; the
// operators do not. Every one may be fused by the plan (its `pointwise` field), folds when all of its inputs are
// constants, and is batched by repeating the inputs that have no batch axis.
#include <fmt/format.h>

#include <cmath>
#include <numbers>

#include "ops/family.hpp"

namespace metac {
namespace {

// ---- type rules ----

void require_equal_shapes(const Site& site, int first) {
  for (std::size_t i = first + 1; i < site.inputs.size(); ++i)
    if (site.inputs[i].shape() != site.inputs[first].shape())
      throw Error(fmt::format("[{}] shapes {} and {} were given; equal ones are needed", site.op.name,
                              to_string(site.inputs[first].shape()), to_string(site.inputs[i].shape())));
}

void require_equal_types(const Site& site, int first) {
  require_equal_shapes(site, first);
  for (std::size_t i = first + 1; i < site.inputs.size(); ++i)
    require_same_dtype(site.op.name, site.inputs[first], site.inputs[i]);
}

}  // namespace

Type float_type(const Site& site) {
  require_equal_types(site, 0);
  require_float(site.op, site.inputs[0]);
  return site.inputs[0].type();
}

Tensor fold(const Site& site) {
  double values[3] = {0, 0, 0};
  for (std::size_t i = 0; i < site.inputs.size(); ++i) {
    const auto value = constant_value(site.inputs[i]);
    if (!value) return {};
    values[i] = *value;
  }
  const Type type = site.op.type(site);
  const Dtype operand = site.inputs.size() == 3 ? site.inputs[1].dtype() : site.inputs[0].dtype();
  const double value = evaluate(*site.op.pointwise, operand, type.dtype, values[0], values[1], values[2], site.op.call);
  return full(site.graph, type.shape, value, type.dtype);
}

std::vector<Sample> pointwise_samples(int arity, Dtype dtype, double low, double high) {
  std::vector<Sample> samples;
  for (const auto& shape : {Shape{}, Shape{0}, Shape{1}, Shape{7}, Shape{3, 0, 2}, Shape{2, 3, 1, 5}, Shape{33}})
    samples.push_back({.inputs = std::vector<Type>(arity, Type{dtype, shape}),
                       .attributes = {},
                       .low = low,
                       .high = high,
                       .integer_low = -3,
                       .integer_high = 4});
  return samples;
}

Operator scalar_operator(const char* name, const char* doc, Fn fn, Scalar call, decltype(Operator::samples) samples,
                         decltype(Operator::vjp) vjp) {
  return {.name = name,
          .doc = doc,
          .arity = arity(fn),
          .type = float_type,
          .simplify = fold,
          .vjp = vjp,
          .batch = batch_by_broadcast,
          .pointwise = fn,
          .call = call,
          .samples = samples};
}

namespace {

Type number_type(const Site& site) {
  require_equal_types(site, 0);
  if (site.inputs[0].dtype() == Dtype::boolean)
    throw Error(fmt::format("[{}] {} was given; numbers are needed", site.op.name, to_string(site.inputs[0].type())));
  return site.inputs[0].type();
}

Type bool_type(const Site& site) {
  require_equal_types(site, 0);
  require_dtype(site.op, site.inputs[0], Dtype::boolean);
  return site.inputs[0].type();
}

Type comparison_type(const Site& site) {
  require_equal_types(site, 0);
  return {Dtype::boolean, site.inputs[0].shape()};
}

Type order_type(const Site& site) { return {Dtype::boolean, number_type(site).shape}; }
Type test_type(const Site& site) { return {Dtype::boolean, float_type(site).shape}; }

Type select_type(const Site& site) {
  require_dtype(site.op, site.inputs[0], Dtype::boolean);
  require_equal_shapes(site, 0);
  require_equal_types(site, 1);
  return site.inputs[1].type();
}

Type cast_type(const Site& site) { return {static_cast<Dtype>(site.attributes.numbers.at(0)), site.inputs[0].shape()}; }

// ---- simplification: only what is true for NaN, infinity and -0 ----

bool is_constant(const Tensor& x, double value) {
  const auto given = constant_value(x);
  return given && *given == value && std::signbit(*given) == std::signbit(value);
}

// f(f(x)) = x
Tensor cancel_twice(const Site& site) {
  const Node inner = site.inputs[0].graph().node(site.inputs[0].id());
  if (&inner.op == &site.op) return site.graph.tensor(inner.inputs[0]);
  return fold(site);
}

Tensor simplify_add(const Site& site) {
  if (is_constant(site.inputs[1], -0.0)) return site.inputs[0];
  if (is_constant(site.inputs[0], -0.0)) return site.inputs[1];
  return fold(site);
}

Tensor simplify_subtract(const Site& site) { return is_constant(site.inputs[1], 0.0) ? site.inputs[0] : fold(site); }

Tensor simplify_multiply(const Site& site) {
  if (is_constant(site.inputs[1], 1)) return site.inputs[0];
  if (is_constant(site.inputs[0], 1)) return site.inputs[1];
  return fold(site);
}

Tensor simplify_divide(const Site& site) { return is_constant(site.inputs[1], 1) ? site.inputs[0] : fold(site); }

Tensor simplify_power(const Site& site) {
  if (auto folded = fold(site)) return folded;
  const Tensor x = site.inputs[0];
  const auto exponent = constant_value(site.inputs[1]);
  if (!exponent) return {};
  if (*exponent == 0) return full(site.graph, x.shape(), 1, x.dtype());  // also of NaN, says IEEE 754
  if (*exponent == 1) return x;
  if (*exponent == 2) return x * x;
  if (*exponent == 3) return x * x * x;
  if (*exponent == -1) return full(site.graph, x.shape(), 1, x.dtype()) / x;
  return {};
}

Tensor simplify_and(const Site& site) {
  for (int i : {0, 1}) {
    if (is_constant(site.inputs[i], 1)) return site.inputs[1 - i];
    if (is_constant(site.inputs[i], 0)) return site.inputs[i];
  }
  return fold(site);
}

Tensor simplify_or(const Site& site) {
  for (int i : {0, 1}) {
    if (is_constant(site.inputs[i], 0)) return site.inputs[1 - i];
    if (is_constant(site.inputs[i], 1)) return site.inputs[i];
  }
  return fold(site);
}

Tensor simplify_select(const Site& site) {
  if (site.inputs[1] == site.inputs[2]) return site.inputs[1];
  const auto condition = constant_value(site.inputs[0]);
  return condition ? site.inputs[*condition != 0 ? 1 : 2] : Tensor{};
}

Tensor simplify_cast(const Site& site) {
  return site.inputs[0].dtype() == cast_type(site).dtype ? site.inputs[0] : fold(site);
}

// ---- derivatives ----

Tensors abs_vjp(const VjpSite& site) {
  const Tensor x = site.inputs[0];
  return {drop_where(equal(x, zeros_like(x)), site.cotangents[0] * sign(x))};
}

// The root is replaced by 1 where it is 0, so that nothing infinite is met at any order.
Tensors sqrt_vjp(const VjpSite& site) {
  const Tensor at_zero = equal(site.inputs[0], zeros_like(site.inputs[0]));
  const Tensor root = select(at_zero, filled_like(site.node, 1), site.node);
  return {drop_where(at_zero, 0.5 * site.cotangents[0] / root)};
}

// Where both are 0, there is no angle: the square of the distance is replaced by 1, and the derivative is 0.
Tensors atan2_vjp(const VjpSite& site) {
  const Tensor ct = site.cotangents[0], y = site.inputs[0], x = site.inputs[1];
  const Tensor square = x * x + y * y;
  const Tensor scaled = ct / select(equal(square, zeros_like(square)), filled_like(square, 1), square);
  return {site.needed[0] ? scaled * x : Tensor{}, site.needed[1] ? neg(scaled * y) : Tensor{}};
}

Tensors multiply_vjp(const VjpSite& site) {
  const Tensor ct = site.cotangents[0];
  return {site.needed[0] ? ct * site.inputs[1] : Tensor{}, site.needed[1] ? ct * site.inputs[0] : Tensor{}};
}

Tensors divide_vjp(const VjpSite& site) {
  const Tensor quotient = site.cotangents[0] / site.inputs[1];
  return {quotient, site.needed[1] ? neg(quotient * site.node) : Tensor{}};
}

// y x^(y-1) and x^y log x. Where the exponent is 0 the first is 0 and where the base is 0 the second is; there the
// operands are replaced by 1, so that higher orders meet no 0 times infinity.
Tensors power_vjp(const VjpSite& site) {
  const Tensor ct = site.cotangents[0], x = site.inputs[0], y = site.inputs[1];
  Tensors result(2);
  if (site.needed[0]) {
    const Tensor flat = equal(y, zeros_like(y));
    const Tensor exponent = select(flat, filled_like(y, 1), y);
    result[0] = drop_where(flat, ct * (exponent * pow(x, exponent - 1.0)));
  }
  if (site.needed[1]) {
    const Tensor at_zero = equal(x, zeros_like(x));
    const Tensor base = select(at_zero, filled_like(x, 1), x);
    result[1] = drop_where(at_zero, ct * (pow(base, y) * log(base)));
  }
  return result;
}

// To the second where `second` holds (ties among them), else to the first (also where either is NaN).
Tensors choose_vjp(const VjpSite& site, Tensor second) {
  const Tensor ct = site.cotangents[0];
  return {site.needed[0] ? drop_where(second, ct) : Tensor{}, site.needed[1] ? keep_where(second, ct) : Tensor{}};
}

// Asked of the result, which says the same: it is mostly kept anyway, and the first input need not be.
Tensors maximum_vjp(const VjpSite& site) { return choose_vjp(site, less_equal(site.node, site.inputs[1])); }
Tensors minimum_vjp(const VjpSite& site) { return choose_vjp(site, less_equal(site.inputs[1], site.node)); }

Tensors select_vjp(const VjpSite& site) {
  const Tensor ct = site.cotangents[0], condition = site.inputs[0];
  return {Tensor{}, site.needed[1] ? keep_where(condition, ct) : Tensor{},
          site.needed[2] ? drop_where(condition, ct) : Tensor{}};
}

Tensors cast_vjp(const VjpSite& site) {
  const Dtype dtype = site.inputs[0].dtype();
  if (!is_float(dtype)) return {Tensor{}};
  return {cast(site.cotangents[0], dtype)};
}

// ---- samples ----

template <int arity>
std::vector<Sample> anywhere() {
  return pointwise_samples(arity, Dtype::f32, -2, 2);
}
template <int arity>
std::vector<Sample> positive() {
  return pointwise_samples(arity, Dtype::f32, 0.4, 2.5);
}
template <int arity>
std::vector<Sample> of_bools() {
  return pointwise_samples(arity, Dtype::boolean, 0, 1);
}

template <int arity>
std::vector<Sample> of_numbers() {
  auto samples = anywhere<arity>();
  samples.push_back(pointwise_samples(arity, Dtype::i32, 0, 1)[3]);
  return samples;
}

// On both sides of the kink at 0, and away from it.
std::vector<Sample> both_sides() {
  auto samples = positive<1>();
  for (const auto& sample : pointwise_samples(1, Dtype::f32, -2.5, -0.4)) samples.push_back(sample);
  samples.push_back(pointwise_samples(1, Dtype::i32, 0, 1)[3]);
  return samples;
}

std::vector<Sample> negative_denominators() {
  auto samples = positive<2>();
  for (const auto& sample : pointwise_samples(2, Dtype::f32, -2.5, -0.4)) samples.push_back(sample);
  return samples;
}

std::vector<Sample> of_select() {
  std::vector<Sample> samples;
  for (Dtype dtype : {Dtype::f32, Dtype::i32, Dtype::boolean})
    for (auto& sample : pointwise_samples(3, dtype, -2, 2)) {
      sample.inputs[0].dtype = Dtype::boolean;
      samples.push_back(sample);
    }
  return samples;
}

std::vector<Sample> of_cast() {
  std::vector<Sample> samples;
  for (Dtype from : {Dtype::f32, Dtype::i32, Dtype::boolean})
    for (Dtype to : {Dtype::f32, Dtype::f64, Dtype::i32, Dtype::boolean})
      for (const auto& shape : {Shape{}, Shape{0}, Shape{2, 9}})
        samples.push_back({.inputs = {{from, shape}}, .attributes = numbers({static_cast<std::int64_t>(to)})});
  return samples;
}

// ---- the operators ----

Operator pointwise(const char* name, const char* doc, Fn fn, decltype(Operator::type) type,
                   decltype(Operator::samples) samples, decltype(Operator::vjp) vjp = nullptr,
                   decltype(Operator::simplify) simplify = fold) {
  return {.name = name,
          .doc = doc,
          .arity = arity(fn),
          .type = type,
          .simplify = simplify,
          .vjp = vjp,
          .batch = batch_by_broadcast,
          .pointwise = fn,
          .samples = samples};
}

const Operator neg_operator = pointwise(
    "neg", "-x", Fn::negate, number_type, of_numbers<1>,
    [](const VjpSite& site) -> Tensors { return {neg(site.cotangents[0])}; }, cancel_twice);

const Operator abs_operator =
    pointwise("abs", "|x|; its derivative at 0 is 0", Fn::absolute, number_type, both_sides, abs_vjp);

const Operator sign_operator =
    pointwise("sign", "-1, 0 or 1; NaN of NaN; its derivative is 0", Fn::sign, number_type, both_sides);

const Operator exp_operator =
    pointwise("exp", "e to the power x", Fn::exp, float_type, anywhere<1>,
              [](const VjpSite& site) -> Tensors { return {site.cotangents[0] * site.node}; });

const Operator expm1_operator =
    pointwise("expm1", "exp(x) - 1, precise near 0", Fn::expm1, float_type, anywhere<1>,
              [](const VjpSite& site) -> Tensors { return {site.cotangents[0] * exp(site.inputs[0])}; });

const Operator log_operator =
    pointwise("log", "natural logarithm", Fn::log, float_type, positive<1>,
              [](const VjpSite& site) -> Tensors { return {site.cotangents[0] / site.inputs[0]}; });

const Operator log1p_operator =
    pointwise("log1p", "log(1 + x), precise near 0", Fn::log1p, float_type, positive<1>,
              [](const VjpSite& site) -> Tensors { return {site.cotangents[0] / (1.0 + site.inputs[0])}; });

const Operator sqrt_operator = pointwise("sqrt", "square root; its derivative at 0 is 0 at every order", Fn::sqrt,
                                         float_type, positive<1>, sqrt_vjp);

const Operator sin_operator =
    pointwise("sin", "sine, in radians", Fn::sin, float_type, anywhere<1>,
              [](const VjpSite& site) -> Tensors { return {site.cotangents[0] * cos(site.inputs[0])}; });

const Operator cos_operator =
    pointwise("cos", "cosine, in radians", Fn::cos, float_type, anywhere<1>,
              [](const VjpSite& site) -> Tensors { return {neg(site.cotangents[0] * sin(site.inputs[0]))}; });

const Operator tanh_operator =
    pointwise("tanh", "hyperbolic tangent", Fn::tanh, float_type, anywhere<1>,
              [](const VjpSite& site) -> Tensors { return {site.cotangents[0] * (1.0 - site.node * site.node)}; });

const Operator sigmoid_operator =
    pointwise("sigmoid", "1 / (1 + exp(-x))", Fn::sigmoid, float_type, anywhere<1>,
              [](const VjpSite& site) -> Tensors { return {site.cotangents[0] * (site.node * (1.0 - site.node))}; });

const Operator erf_operator =
    pointwise("erf", "error function: 2 / sqrt(pi) times the integral of exp(-t^2) from 0 to x", Fn::erf, float_type,
              anywhere<1>, [](const VjpSite& site) -> Tensors {
                const Tensor x = site.inputs[0];
                return {site.cotangents[0] * ((2 / std::sqrt(std::numbers::pi)) * exp(neg(x * x)))};
              });

const Operator floor_operator =
    pointwise("floor", "the largest whole number not above x; its derivative is 0", Fn::floor, float_type, anywhere<1>);

const Operator round_operator = pointwise("round", "the nearest whole number, of two the even one; its derivative is 0",
                                          Fn::round, float_type, anywhere<1>);

const Operator is_finite_operator =
    pointwise("is_finite", "neither infinite nor NaN", Fn::is_finite, test_type, anywhere<1>);

const Operator add_operator = pointwise(
    "add", "a + b", Fn::add, number_type, of_numbers<2>,
    [](const VjpSite& site) -> Tensors {
      return {site.cotangents[0], site.cotangents[0]};
    },
    simplify_add);

const Operator sub_operator = pointwise(
    "sub", "a - b", Fn::subtract, number_type, of_numbers<2>,
    [](const VjpSite& site) -> Tensors {
      return {site.cotangents[0], site.needed[1] ? neg(site.cotangents[0]) : Tensor{}};
    },
    simplify_subtract);

const Operator mul_operator =
    pointwise("mul", "a * b", Fn::multiply, number_type, of_numbers<2>, multiply_vjp, simplify_multiply);

const Operator div_operator =
    pointwise("div", "a / b", Fn::divide, float_type, negative_denominators, divide_vjp, simplify_divide);

const Operator pow_operator = pointwise("pow", "a to the power b; at a = 0 the derivative to b is 0", Fn::power,
                                        float_type, positive<2>, power_vjp, simplify_power);

const Operator atan2_operator =
    pointwise("atan2", "angle of the point (b, a) in (-pi, pi]; at (0, 0) its derivative is 0", Fn::atan2, float_type,
              negative_denominators, atan2_vjp);

double remainder_of(double a, double b, double) {
  const double rest = std::fmod(a, b);
  return rest != 0 && (rest < 0) != (b < 0) ? rest + b : rest;
}

// How often b was taken away: a whole number, however the quotient was rounded.
Tensors remainder_vjp(const VjpSite& site) {
  const Tensor ct = site.cotangents[0], a = site.inputs[0], b = site.inputs[1];
  return {ct, site.needed[1] ? neg(ct * round((a - site.node) / b)) : Tensor{}};
}

const Operator remainder_operator = scalar_operator("remainder", "a - b floor(a / b), exact: 0 or of the sign of b",
                                                    Fn::call_2, remainder_of, positive<2>, remainder_vjp);

const Operator maximum_operator =
    pointwise("maximum", "the larger of a and b, or NaN; where equal, the derivative goes to b", Fn::maximum,
              number_type, of_numbers<2>, maximum_vjp);

const Operator minimum_operator =
    pointwise("minimum", "the smaller of a and b, or NaN; where equal, the derivative goes to b", Fn::minimum,
              number_type, of_numbers<2>, minimum_vjp);

const Operator equal_operator = pointwise("equal", "a == b", Fn::equal, comparison_type, of_numbers<2>);
const Operator not_equal_operator = pointwise("not_equal", "a != b", Fn::not_equal, comparison_type, of_numbers<2>);
const Operator less_operator = pointwise("less", "a < b", Fn::less, order_type, of_numbers<2>);
const Operator less_equal_operator = pointwise("less_equal", "a <= b", Fn::less_equal, order_type, of_numbers<2>);

const Operator and_operator =
    pointwise("logical_and", "a and b", Fn::logical_and, bool_type, of_bools<2>, nullptr, simplify_and);
const Operator or_operator =
    pointwise("logical_or", "a or b", Fn::logical_or, bool_type, of_bools<2>, nullptr, simplify_or);
const Operator not_operator =
    pointwise("logical_not", "not a", Fn::logical_not, bool_type, of_bools<1>, nullptr, cancel_twice);

const Operator select_operator = pointwise("select", "b where the condition a holds, else c", Fn::select, select_type,
                                           of_select, select_vjp, simplify_select);

const Operator cast_operator =
    pointwise("cast", "the value in another element type; to i32 truncated towards zero, to bool whether it is not 0",
              Fn::cast, cast_type, of_cast, cast_vjp, simplify_cast);

const Register registered[] = {
    Register(neg_operator),        Register(abs_operator),   Register(sign_operator),      Register(exp_operator),
    Register(expm1_operator),      Register(log_operator),   Register(log1p_operator),     Register(sqrt_operator),
    Register(sin_operator),        Register(cos_operator),   Register(tanh_operator),      Register(sigmoid_operator),
    Register(erf_operator),        Register(floor_operator), Register(round_operator),     Register(is_finite_operator),
    Register(add_operator),        Register(sub_operator),   Register(mul_operator),       Register(div_operator),
    Register(pow_operator),        Register(atan2_operator), Register(remainder_operator), Register(maximum_operator),
    Register(minimum_operator),    Register(equal_operator), Register(not_equal_operator), Register(less_operator),
    Register(less_equal_operator), Register(and_operator),   Register(or_operator),        Register(not_operator),
    Register(select_operator),     Register(cast_operator)};

Tensor binary(const Operator& op, Tensor a, Tensor b) {
  require_present(op.name, {a, b});
  require_same_dtype(op.name, a, b);
  const Shape shape = common_shape(op.name, a.shape(), b.shape());
  return apply(op, {broadcast_to(a, shape), broadcast_to(b, shape)});
}

// A number as a scalar beside a tensor.
Tensor beside(Tensor x, double value) {
  require_present("constant", {x});
  return constant(x.graph(), value, x.dtype());
}

}  // namespace

Tensor filled_like(Tensor x, double value) { return full(x.graph(), x.shape(), value, x.dtype()); }
Tensor keep_where(Tensor condition, Tensor cotangent) { return select(condition, cotangent, zeros_like(cotangent)); }
Tensor drop_where(Tensor condition, Tensor cotangent) { return select(condition, zeros_like(cotangent), cotangent); }

Tensor neg(Tensor x) { return apply(neg_operator, {x}); }
Tensor abs(Tensor x) { return apply(abs_operator, {x}); }
Tensor sign(Tensor x) { return apply(sign_operator, {x}); }
Tensor exp(Tensor x) { return apply(exp_operator, {x}); }
Tensor expm1(Tensor x) { return apply(expm1_operator, {x}); }
Tensor log(Tensor x) { return apply(log_operator, {x}); }
Tensor log1p(Tensor x) { return apply(log1p_operator, {x}); }
Tensor sqrt(Tensor x) { return apply(sqrt_operator, {x}); }
Tensor sin(Tensor x) { return apply(sin_operator, {x}); }
Tensor cos(Tensor x) { return apply(cos_operator, {x}); }
Tensor tanh(Tensor x) { return apply(tanh_operator, {x}); }
Tensor sigmoid(Tensor x) { return apply(sigmoid_operator, {x}); }
Tensor erf(Tensor x) { return apply(erf_operator, {x}); }
Tensor floor(Tensor x) { return apply(floor_operator, {x}); }
Tensor round(Tensor x) { return apply(round_operator, {x}); }
Tensor is_finite(Tensor x) { return apply(is_finite_operator, {x}); }

Tensor add(Tensor a, Tensor b) { return binary(add_operator, a, b); }
Tensor sub(Tensor a, Tensor b) { return binary(sub_operator, a, b); }
Tensor mul(Tensor a, Tensor b) { return binary(mul_operator, a, b); }
Tensor div(Tensor a, Tensor b) { return binary(div_operator, a, b); }
Tensor pow(Tensor a, Tensor b) { return binary(pow_operator, a, b); }
Tensor atan2(Tensor y, Tensor x) { return binary(atan2_operator, y, x); }

// Of i32 through f64, which holds them all; by 0 the remainder is NaN, which is 0 as i32.
Tensor remainder(Tensor a, Tensor b) {
  require_present("remainder", {a, b});
  if (a.dtype() != Dtype::i32 || b.dtype() != Dtype::i32) return binary(remainder_operator, a, b);
  return cast(remainder(cast(a, Dtype::f64), cast(b, Dtype::f64)), Dtype::i32);
}

Tensor maximum(Tensor a, Tensor b) { return binary(maximum_operator, a, b); }
Tensor minimum(Tensor a, Tensor b) { return binary(minimum_operator, a, b); }
Tensor equal(Tensor a, Tensor b) { return binary(equal_operator, a, b); }
Tensor not_equal(Tensor a, Tensor b) { return binary(not_equal_operator, a, b); }
Tensor less(Tensor a, Tensor b) { return binary(less_operator, a, b); }
Tensor less_equal(Tensor a, Tensor b) { return binary(less_equal_operator, a, b); }
Tensor logical_and(Tensor a, Tensor b) { return binary(and_operator, a, b); }
Tensor logical_or(Tensor a, Tensor b) { return binary(or_operator, a, b); }
Tensor logical_not(Tensor x) { return apply(not_operator, {x}); }

Tensor select(Tensor condition, Tensor if_true, Tensor if_false) {
  const char* name = select_operator.name;
  require_present(name, {condition, if_true, if_false});
  require_same_dtype(name, if_true, if_false);
  const Shape shape = common_shape(name, condition.shape(), common_shape(name, if_true.shape(), if_false.shape()));
  return apply(select_operator,
               {broadcast_to(condition, shape), broadcast_to(if_true, shape), broadcast_to(if_false, shape)});
}

Tensor cast(Tensor x, Dtype dtype) { return apply(cast_operator, {x}, numbers({static_cast<std::int64_t>(dtype)})); }

Tensor operator+(Tensor a, double b) { return add(a, beside(a, b)); }
Tensor operator-(Tensor a, double b) { return sub(a, beside(a, b)); }
Tensor operator*(Tensor a, double b) { return mul(a, beside(a, b)); }
Tensor operator/(Tensor a, double b) { return div(a, beside(a, b)); }
Tensor operator+(double a, Tensor b) { return add(beside(b, a), b); }
Tensor operator-(double a, Tensor b) { return sub(beside(b, a), b); }
Tensor operator*(double a, Tensor b) { return mul(beside(b, a), b); }
Tensor operator/(double a, Tensor b) { return div(beside(b, a), b); }

}  // namespace metac
