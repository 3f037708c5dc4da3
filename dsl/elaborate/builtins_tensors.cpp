// Further builtins on tensors: functions of elements, along axes, of structure, windows, linear algebra and draws. Each
// reads its arguments and calls the engine's function, whose rule checks shapes.
#include <fmt/format.h>

#include <cmath>

#include "elaborate/builtin_table.hpp"
#include "elaborate/rows.hpp"

namespace metac::dsl {
namespace {

using Call = const BuiltinCall&;
using Table = std::map<std::string, BuiltinFunction, std::less<>>;

Tensor tensor(Elaborator& e, Call call, std::size_t argument) {
  return e.tensor(call.arguments[argument], call.place(argument));
}
Tensor real(Elaborator& e, Call call, std::size_t argument) { return e.real(tensor(e, call, argument)); }

std::pair<Tensor, Tensor> two_reals(Elaborator& e, Call call) {
  return e.same_type(real(e, call, 0), real(e, call, 1));
}

// Numbers for each axis, or one for all of them; they may be negative, which the engine refuses.
Shape for_axes(Elaborator& e, Call call, std::size_t argument, const char* what) {
  const Value& value = call.arguments[argument];
  const List* list = value.list();
  if (list == nullptr) return {e.integer(value, call.place(argument), what)};
  Shape result;
  for (const auto& item : list->items) result.push_back(e.integer(item, call.place(argument), what));
  return result;
}

// ---- functions of elements ----

double host_softplus(double x) { return x > 0 ? x + std::log1p(std::exp(-x)) : std::log1p(std::exp(x)); }
double host_silu(double x) { return x / (1 + std::exp(-x)); }
double host_gelu(double x) { return 0.5 * x * (1 + std::erf(x * std::sqrt(0.5))); }

void add_functions_of_elements(Table& t) {
  t["tan"] = elementwise(std::tan, tan);
  t["asin"] = elementwise(std::asin, asin);
  t["acos"] = elementwise(std::acos, acos);
  t["atan"] = elementwise(std::atan, atan);
  t["sinh"] = elementwise(std::sinh, sinh);
  t["cosh"] = elementwise(std::cosh, cosh);
  t["erf"] = elementwise(std::erf, erf);
  t["lgamma"] = elementwise(std::lgamma, lgamma);
  t["softplus"] = elementwise(host_softplus, softplus);
  t["silu"] = elementwise(host_silu, silu);
  t["gelu"] = elementwise(host_gelu, gelu);
  t["ceil"] = elementwise(std::ceil, ceil);
  t["round"] = elementwise(std::nearbyint, round);
  t["digamma"] = [](Elaborator& e, Call call) -> Value { return digamma(real(e, call, 0)); };
  t["erf_inverse"] = [](Elaborator& e, Call call) -> Value { return erf_inverse(real(e, call, 0)); };
  t["rsqrt"] = [](Elaborator& e, Call call) -> Value { return rsqrt(real(e, call, 0)); };
  t["is_nan"] = [](Elaborator& e, Call call) -> Value { return is_nan(real(e, call, 0)); };
  t["atan2"] = [](Elaborator& e, Call call) -> Value {
    const auto [y, x] = two_reals(e, call);
    return atan2(y, x);
  };
  t["clip"] = [](Elaborator& e, Call call) -> Value {
    const auto [x, low] = e.same_type(tensor(e, call, 0), tensor(e, call, 1));
    const auto [same, high] = e.same_type(x, tensor(e, call, 2));
    return clip(same, low.dtype() == same.dtype() ? low : cast(low, same.dtype()), high);
  };
}

// ---- along axes ----

BuiltinFunction of_conditions(Reduce reduce) {
  return [=](Elaborator& e, Call call) -> Value {
    const Tensor x = tensor(e, call, 0);
    return reduce(x, axes_of(e, call.arguments[1], x, call.place(1)), flag(e, call, 2));
  };
}

Value variance_value(Elaborator& e, Call call) {
  const Tensor x = real(e, call, 0);
  const auto correction = e.integer(call.arguments[3], call.place(3), "a correction");
  if (correction < 0 || correction > 1'000'000'000)
    e.fail("E0355", call.place(3), fmt::format("a correction is a whole number of at least 0, not {}", correction));
  return variance(x, axes_of(e, call.arguments[1], x, call.place(1)), flag(e, call, 2), static_cast<int>(correction));
}

Value norm_value(Elaborator& e, Call call) {
  const Tensor x = real(e, call, 0);
  const auto order = call.arguments[3].number();
  if (!order)
    e.fail("E0391", call.place(3), fmt::format("the order of a norm is a number, not {}", describe(call.arguments[3])));
  return norm(x, axes_of(e, call.arguments[1], x, call.place(1)), flag(e, call, 2), *order);
}

Value top_k_value(Elaborator& e, Call call) {
  const Tensor x = tensor(e, call, 0);
  const auto [values, indices] =
      top_k(x, e.integer(call.arguments[1], call.place(1), "a number of elements"), one_axis(e, call, 2, x));
  return Value::record({{"values", values}, {"indices", indices}});
}

void add_functions_along_axes(Table& t) {
  t["logsumexp"] = reduction(logsumexp, true);
  t["any"] = of_conditions(any);
  t["all"] = of_conditions(all);
  t["variance"] = variance_value;
  t["norm"] = norm_value;
  t["top_k"] = top_k_value;
  t["argmin"] = [](Elaborator& e, Call call) -> Value {
    const Tensor x = tensor(e, call, 0);
    return argmin(x, one_axis(e, call, 1, x));
  };
  t["cumulative_sum"] = [](Elaborator& e, Call call) -> Value {
    const Tensor x = tensor(e, call, 0);
    return cumulative_sum(x, one_axis(e, call, 1, x), flag(e, call, 2));
  };
  t["cumulative_product"] = [](Elaborator& e, Call call) -> Value {
    const Tensor x = tensor(e, call, 0);
    return cumulative_product(x, one_axis(e, call, 1, x));
  };
  t["sort"] = [](Elaborator& e, Call call) -> Value {
    const Tensor x = tensor(e, call, 0);
    return sort(x, one_axis(e, call, 1, x), flag(e, call, 2));
  };
  t["argsort"] = [](Elaborator& e, Call call) -> Value {
    const Tensor x = tensor(e, call, 0);
    return argsort(x, one_axis(e, call, 1, x), flag(e, call, 2));
  };
}

// ---- structure ----

// `with` is a number, or how the elements go on: "edge" or "reflect".
Value pad_value(Elaborator& e, Call call) {
  const Tensor x = tensor(e, call, 0);
  const Shape before = for_axes(e, call, 1, "a number of places"), after = for_axes(e, call, 2, "a number of places");
  const Value& with = call.arguments[3];
  if (const auto number = with.number()) return pad(x, before, after, *number);
  const auto* word = with.get<std::string>();
  if (word != nullptr && *word == "edge") return pad(x, before, after, Padding::edge);
  if (word != nullptr && *word == "reflect") return pad(x, before, after, Padding::reflect);
  e.fail("E0459", call.place(3), fmt::format("`with` is a number, \"edge\" or \"reflect\", not {}", describe(with)));
}

Value einsum_value(Elaborator& e, Call call) {
  const auto* equation = call.arguments[0].get<std::string>();
  if (equation == nullptr)
    e.fail("E0459", call.place(0),
           fmt::format("an equation is text such as \"ij,jk->ik\", this is {}", describe(call.arguments[0])));
  auto operands = tensor_list(e, BuiltinCall{{call.arguments[1]}, {}, call.span, {call.place(1)}});
  for (auto& operand : operands) operand = e.real(operand);
  return einsum(*equation, operands);
}

void add_structure(Table& t) {
  t["pad"] = pad_value;
  t["einsum"] = einsum_value;
  t["tile"] = [](Elaborator& e, Call call) -> Value {
    return tile(tensor(e, call, 0), for_axes(e, call, 1, "a number of times"));
  };
  t["roll"] = [](Elaborator& e, Call call) -> Value {
    const Tensor x = tensor(e, call, 0);
    return roll(x, e.integer(call.arguments[1], call.place(1), "a shift"), one_axis(e, call, 2, x));
  };
  t["take"] = [](Elaborator& e, Call call) -> Value {
    const Tensor x = tensor(e, call, 0);
    const int given = one_axis(e, call, 2, x), axis = given < 0 ? given + x.shape().rank() : given;
    return slices_at(x, indices_of(e, call.arguments[1], x.shape()[axis], call.place(1)), axis);
  };
  t["lower_triangle"] = [](Elaborator& e, Call call) -> Value {
    return lower_triangle(tensor(e, call, 0), e.integer(call.arguments[1], call.place(1), "an offset"));
  };
  t["upper_triangle"] = [](Elaborator& e, Call call) -> Value {
    return upper_triangle(tensor(e, call, 0), e.integer(call.arguments[1], call.place(1), "an offset"));
  };
  t["diagonal"] = [](Elaborator& e, Call call) -> Value { return diagonal(tensor(e, call, 0)); };
  t["diagonal_matrix"] = [](Elaborator& e, Call call) -> Value { return diagonal_matrix(tensor(e, call, 0)); };
  t["identity_matrix"] = [](Elaborator& e, Call call) -> Value {
    return identity(e.graph(call.span), e.integer(call.arguments[0], call.place(0), "a size"), e.context().real);
  };
}

// ---- windows ----

ConvolutionWindow window_of(Elaborator& e, Call call) {
  return {.stride = for_axes(e, call, 2, "a stride"),
          .padding = for_axes(e, call, 3, "a padding"),
          .dilation = for_axes(e, call, 4, "a dilation"),
          .groups = e.integer(call.arguments[5], call.place(5), "a number of groups")};
}

PoolingWindow pooling_of(Elaborator& e, Call call) {
  return {.size = for_axes(e, call, 1, "a window"),
          .stride = for_axes(e, call, 2, "a stride"),
          .padding = for_axes(e, call, 3, "a padding")};
}

void add_windows(Table& t) {
  t["conv"] = [](Elaborator& e, Call call) -> Value {
    return convolution(tensor(e, call, 0), tensor(e, call, 1), window_of(e, call));
  };
  t["conv_transposed"] = [](Elaborator& e, Call call) -> Value {
    return convolution_transposed(tensor(e, call, 0), tensor(e, call, 1), window_of(e, call),
                                  for_axes(e, call, 6, "a number of further places"));
  };
  t["max_pool_window"] = [](Elaborator& e, Call call) -> Value {
    return max_pool(tensor(e, call, 0), pooling_of(e, call));
  };
  t["average_pool_window"] = [](Elaborator& e, Call call) -> Value {
    return average_pool(tensor(e, call, 0), pooling_of(e, call));
  };
  t["adaptive_average_pool"] = [](Elaborator& e, Call call) -> Value {
    return adaptive_average_pool(tensor(e, call, 0), for_axes(e, call, 1, "a size"));
  };
  t["resample"] = [](Elaborator& e, Call call) -> Value {
    return resize(tensor(e, call, 0), for_axes(e, call, 1, "a size"),
                  flag(e, call, 2) ? Resize::nearest : Resize::linear);
  };
}

// ---- linear algebra ----

void add_linear_algebra(Table& t) {
  t["cholesky"] = [](Elaborator& e, Call call) -> Value { return cholesky(real(e, call, 0)); };
  t["inverse"] = [](Elaborator& e, Call call) -> Value { return inverse(real(e, call, 0)); };
  t["determinant"] = [](Elaborator& e, Call call) -> Value { return determinant(real(e, call, 0)); };
  t["log_determinant"] = [](Elaborator& e, Call call) -> Value {
    const auto [sign, logarithm] = log_determinant(real(e, call, 0));
    return Value::record({{"sign", sign}, {"logarithm", logarithm}});
  };
  t["solve"] = [](Elaborator& e, Call call) -> Value {
    const auto [a, b] = two_reals(e, call);
    return solve(a, b);
  };
  t["triangular_solve"] = [](Elaborator& e, Call call) -> Value {
    const auto [a, b] = two_reals(e, call);
    return triangular_solve(a, b, flag(e, call, 2), flag(e, call, 3));
  };
  t["qr"] = [](Elaborator& e, Call call) -> Value {
    const auto [q, r] = qr(real(e, call, 0));
    return Value::record({{"q", q}, {"r", r}});
  };
  t["symmetric_eigen"] = [](Elaborator& e, Call call) -> Value {
    const auto [values, vectors] = symmetric_eigen(real(e, call, 0));
    return Value::record({{"values", values}, {"vectors", vectors}});
  };
  t["singular_values"] = [](Elaborator& e, Call call) -> Value {
    const auto [u, s, v] = singular_values(real(e, call, 0));
    return Value::record({{"u", u}, {"s", s}, {"v", v}});
  };
}

// ---- draws ----

BuiltinFunction draw_of(Tensor (*draw)(Tensor key, Tensor parameter)) {
  return [=](Elaborator& e, Call call) -> Value { return draw(e.current_key(call.span), real(e, call, 0)); };
}

void add_draws(Table& t) {
  t["draw_gamma"] = draw_of(random_gamma);
  t["draw_dirichlet"] = draw_of(random_dirichlet);
  t["draw_true"] = draw_of(random_bernoulli);
  t["draw_category"] = draw_of(random_categorical);
  t["draw_beta"] = [](Elaborator& e, Call call) -> Value {
    const auto [a, b] = two_reals(e, call);
    return random_beta(e.current_key(call.span), a, b);
  };
  t["draw_categories"] = [](Elaborator& e, Call call) -> Value {
    return random_choice(e.current_key(call.span), real(e, call, 0),
                         e.integer(call.arguments[1], call.place(1), "a number of categories"));
  };
}

}  // namespace

void add_tensor_builtins(Table& table) {
  add_functions_of_elements(table);
  add_functions_along_axes(table);
  add_structure(table);
  add_windows(table);
  add_linear_algebra(table);
  add_draws(table);
}

}  // namespace metac::dsl
