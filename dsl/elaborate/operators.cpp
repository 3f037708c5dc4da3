// Arithmetic on values of any kind: host numbers at once, tensors by the engine, trees leaf by leaf.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "elaborate/elaborator.hpp"
#include "syntax/syntax.hpp"

namespace metac::dsl {

bool Elaborator::is_run_value(const Value& value) const {
  if (value.get<Tensor>() || value.get<Array>()) return true;
  if (const Carried* carried = value.carried()) return is_run_value(carried->leaf);
  if (const List* list = value.list()) {
    for (const auto& item : list->items)
      if (is_run_value(item)) return true;
  }
  if (const Record* record = value.record()) {
    for (const auto& [name, item] : record->fields)
      if (is_run_value(item)) return true;
  }
  return false;
}

Tensor Elaborator::tensor(const Value& value, Span span) {
  if (const Tensor* t = value.get<Tensor>()) return *t;
  if (const Carried* carried = value.carried(); carried != nullptr && !carried->leaf.is_none())
    return tensor(carried->leaf, span);
  if (const Array* a = value.get<Array>()) {
    return working(constant(graph(span), *a));
  }
  if (const bool* b = value.get<bool>()) return constant(graph(span), *b ? 1 : 0, Dtype::boolean);
  if (const auto* i = value.get<std::int64_t>()) {
    if (*i < INT32_MIN || *i > INT32_MAX)
      fail("E0350", span, fmt::format("{} does not fit a tensor of i32", *i), "", "write it as a float, such as 3e9");
    return constant(graph(span), static_cast<double>(*i), Dtype::i32);
  }
  if (const auto number = value.number()) return constant(graph(span), *number, context_.real);
  if (const List* list = value.list()) {
    if (list->items.empty()) fail("E0351", span, "an empty list is no tensor");
    std::vector<Tensor> items;
    for (const auto& item : list->items) items.push_back(tensor(item, span));
    for (const auto& item : items) items.front() = same_type(items.front(), item).first;
    for (auto& item : items) item = same_type(item, items.front()).first;
    return guarded(span, {{span, value}}, [&] { return stack(items, 0); });
  }
  fail("E0352", span, fmt::format("a tensor or number was needed, this is {}", describe(value)));
}

Value Elaborator::tensors(const Value& tree, Span span) {
  return map_leaves(tree, [&](const Leaf& leaf) -> Value { return tensor(leaf.value, span); });
}

Tensor Elaborator::working(Tensor t) {
  return is_float(t.dtype()) && t.dtype() != context_.real ? cast(t, context_.real) : t;
}

Tensor Elaborator::real(Tensor t) { return is_float(t.dtype()) ? t : cast(t, context_.real); }

std::pair<Tensor, Tensor> Elaborator::same_type(Tensor a, Tensor b) {
  if (a.dtype() == b.dtype()) return {a, b};
  const auto width = [](Dtype d) { return d == Dtype::boolean ? 0 : d == Dtype::i32 ? 1 : d == Dtype::f32 ? 2 : 3; };
  const Dtype wider = width(a.dtype()) > width(b.dtype()) ? a.dtype() : b.dtype();
  return {a.dtype() == wider ? a : cast(a, wider), b.dtype() == wider ? b : cast(b, wider)};
}

Shape Elaborator::shape(const Value& value, Span span, bool open) {
  constexpr double most = 1e15;  // elements: far more than any memory, and far from what 64 bits count
  Shape result;
  double elements = 1;
  const auto add = [&](const Value& size) {
    const auto n = integer(size, span, "a size of a shape");
    if (n < (open ? -1 : 0))
      fail("E0353", span, fmt::format("a size cannot be {}", n), "", open ? "-1 stands for what is left" : "");
    elements *= static_cast<double>(std::max<std::int64_t>(n, 1));
    if (elements > most) fail("E0359", span, fmt::format("a tensor of {:.3g} elements is too large", elements));
    result.push_back(n);
  };
  if (const List* list = value.list()) {
    if (list->items.size() > max_rank) fail("E0354", span, fmt::format("a shape has at most {} axes", max_rank));
    for (const auto& item : list->items) add(item);
  } else {
    add(value);
  }
  return result;
}

std::int64_t Elaborator::integer(const Value& value, Span span, const char* what) {
  if (const auto* i = value.get<std::int64_t>()) return *i;
  if (const auto* d = value.get<double>(); d != nullptr && *d == std::floor(*d) && std::abs(*d) < 9e15)
    return static_cast<std::int64_t>(*d);
  fail("E0355", span, fmt::format("{} is a whole number, not {}", what, describe(value)));
}

std::int64_t Elaborator::integer(const Value& value, Span span, const char* what, std::int64_t least,
                                 std::int64_t most) {
  const auto n = integer(value, span, what);
  if (n < least || n > most)
    fail("E0361", span, fmt::format("{} is a whole number from {} to {}, not {}", what, least, most, n));
  return n;
}

namespace {

std::optional<Value> on_integers(BinaryOp op, std::int64_t a, std::int64_t b) {
  std::int64_t result = 0;
  switch (op) {
    case BinaryOp::add:
      return __builtin_add_overflow(a, b, &result) ? Value(double(a) + double(b)) : Value(result);
    case BinaryOp::subtract:
      return __builtin_sub_overflow(a, b, &result) ? Value(double(a) - double(b)) : Value(result);
    case BinaryOp::multiply:
      return __builtin_mul_overflow(a, b, &result) ? Value(double(a) * double(b)) : Value(result);
    case BinaryOp::remainder:
      if (b == 0) return std::nullopt;
      if (b == -1) return Value(0);
      result = a % b;  // of the sign of a; the remainder has that of b
      return Value(result != 0 && (result < 0) != (b < 0) ? result + b : result);
    case BinaryOp::power: {
      const double power = std::pow(double(a), double(b));
      if (b < 0 || std::abs(power) >= 9e15) return Value(power);
      return Value(static_cast<std::int64_t>(power));
    }
    case BinaryOp::equal:  // exactly, also beyond what a float tells apart
      return Value(a == b);
    case BinaryOp::not_equal:
      return Value(a != b);
    case BinaryOp::less:
      return Value(a < b);
    case BinaryOp::less_equal:
      return Value(a <= b);
    case BinaryOp::greater:
      return Value(a > b);
    case BinaryOp::greater_equal:
      return Value(a >= b);
    default:
      return std::nullopt;
  }
}

std::optional<Value> on_numbers(BinaryOp op, double a, double b) {
  switch (op) {
    case BinaryOp::add:
      return Value(a + b);
    case BinaryOp::subtract:
      return Value(a - b);
    case BinaryOp::multiply:
      return Value(a * b);
    case BinaryOp::divide:
      return Value(a / b);
    case BinaryOp::remainder:
      return Value(a - b * std::floor(a / b));
    case BinaryOp::power:
      return Value(std::pow(a, b));
    case BinaryOp::equal:
      return Value(a == b);
    case BinaryOp::not_equal:
      return Value(a != b);
    case BinaryOp::less:
      return Value(a < b);
    case BinaryOp::less_equal:
      return Value(a <= b);
    case BinaryOp::greater:
      return Value(a > b);
    case BinaryOp::greater_equal:
      return Value(a >= b);
    default:
      return std::nullopt;
  }
}

bool is_logical(BinaryOp op) { return op == BinaryOp::logical_and || op == BinaryOp::logical_or; }

bool is_open(const Value& value) { return value.get<Unmeasured>() != nullptr; }
bool is_condition(const Value& value) {
  return value.get<bool>() != nullptr || (is_open(value) && value.get<Unmeasured>()->is_condition);
}

// What depends on a measured number is as open as it is.
std::optional<Value> on_open(BinaryOp op, const Value& a, const Value& b) {
  if (a.number() && b.number()) {
    const auto result = on_numbers(op, *a.number(), *b.number());
    if (!result) return std::nullopt;
    return result->number() ? Unmeasured{*result->number(), false} : Unmeasured{0, true};
  }
  const bool compares = is_logical(op) || op == BinaryOp::equal || op == BinaryOp::not_equal;
  if (compares && is_condition(a) && is_condition(b)) return Unmeasured{0, true};
  return std::nullopt;
}

std::optional<Value> on_host(BinaryOp op, const Value& a, const Value& b) {
  if (is_open(a) || is_open(b)) return on_open(op, a, b);
  const auto *i = a.get<std::int64_t>(), *j = b.get<std::int64_t>();
  if (i != nullptr && j != nullptr)
    if (auto result = on_integers(op, *i, *j)) return result;
  if (a.number() && b.number()) return on_numbers(op, *a.number(), *b.number());
  const auto *p = a.get<bool>(), *q = b.get<bool>();
  if (p != nullptr && q != nullptr) {
    if (op == BinaryOp::logical_and) return Value(*p && *q);
    if (op == BinaryOp::logical_or) return Value(*p || *q);
    if (op == BinaryOp::equal) return Value(*p == *q);
    if (op == BinaryOp::not_equal) return Value(*p != *q);
  }
  const auto *s = a.get<std::string>(), *t = b.get<std::string>();
  if (s != nullptr && t != nullptr) {
    if (op == BinaryOp::add) return Value(*s + *t);
    if (op == BinaryOp::equal) return Value(*s == *t);
    if (op == BinaryOp::not_equal) return Value(*s != *t);
  }
  if ((op == BinaryOp::equal || op == BinaryOp::not_equal) && (a.is_none() || b.is_none()))
    return Value((a.is_none() && b.is_none()) == (op == BinaryOp::equal));
  if (op == BinaryOp::add && a.list() && b.list()) {
    auto items = a.list()->items;
    items.insert(items.end(), b.list()->items.begin(), b.list()->items.end());
    return Value::list(std::move(items));
  }
  if ((op == BinaryOp::equal || op == BinaryOp::not_equal) && a.list() && b.list()) {
    bool same = a.list()->items.size() == b.list()->items.size();
    for (std::size_t k = 0; same && k < a.list()->items.size(); ++k) {
      const auto part = on_host(BinaryOp::equal, a.list()->items[k], b.list()->items[k]);
      if (!part || is_open(*part)) return part;
      same = *part->get<bool>();
    }
    return Value(same == (op == BinaryOp::equal));
  }
  return std::nullopt;
}

bool is_whole(const Value& value) {
  const List* list = value.list();
  if (list == nullptr) return value.get<std::int64_t>() != nullptr;
  return std::all_of(list->items.begin(), list->items.end(), is_whole);
}

int depth_of(const Value& value) {
  const List* list = value.list();
  return list == nullptr || list->items.empty() ? 0 : 1 + depth_of(list->items.front());
}

// Lists of whole numbers meet as the tensors that they become: the first result, if there is one, that no tensor holds.
std::optional<Value> too_large(BinaryOp op, const Value& a, const Value& b) {
  if (a.get<std::int64_t>() && b.get<std::int64_t>()) {
    const auto result = on_integers(op, *a.get<std::int64_t>(), *b.get<std::int64_t>());
    const bool fits = !result || (*result->number() >= INT32_MIN && *result->number() <= INT32_MAX);
    return fits ? std::nullopt : result;
  }
  const int left = depth_of(a), right = depth_of(b);
  const std::size_t rows = std::max(left >= right && left > 0 ? a.list()->items.size() : 0,
                                    right >= left && right > 0 ? b.list()->items.size() : 0);
  for (std::size_t row = 0; row < rows; ++row) {
    const auto part = [&](const Value& value, int own, int other) {
      if (own < other || own == 0) return value;
      const auto& items = value.list()->items;
      return items[std::min(row, items.size() - 1)];
    };
    if (auto found = too_large(op, part(a, left, right), part(b, right, left))) return found;
  }
  return std::nullopt;
}

Tensor on_tensors(BinaryOp op, Tensor a, Tensor b) {
  switch (op) {
    case BinaryOp::add:
      return a + b;
    case BinaryOp::subtract:
      return a - b;
    case BinaryOp::multiply:
      return a * b;
    case BinaryOp::divide:
      return a / b;
    case BinaryOp::power:
      return pow(a, b);
    case BinaryOp::remainder:
      return remainder(a, b);
    case BinaryOp::matmul:
      return matmul(a, b);
    case BinaryOp::equal:
      return equal(a, b);
    case BinaryOp::not_equal:
      return not_equal(a, b);
    case BinaryOp::less:
      return less(a, b);
    case BinaryOp::less_equal:
      return less_equal(a, b);
    case BinaryOp::greater:
      return less(b, a);
    case BinaryOp::greater_equal:
      return less_equal(b, a);
    case BinaryOp::logical_and:
      return logical_and(a, b);
    case BinaryOp::logical_or:
      return logical_or(a, b);
    default:
      throw Bug("no such operator on tensors");
  }
}

bool needs_real(BinaryOp op) {
  return op == BinaryOp::divide || op == BinaryOp::power || op == BinaryOp::matmul || op == BinaryOp::remainder;
}
bool is_comparison(BinaryOp op) { return op >= BinaryOp::equal && op <= BinaryOp::greater_equal; }

std::optional<Shape> shape_of(const Value& leaf) {
  if (const auto* tensor = leaf.get<Tensor>()) return tensor->shape();
  if (const auto* array = leaf.get<Array>()) return array->shape();
  return std::nullopt;
}

// Two trees meet leaf by leaf, in leaves of one shape or with scalars: repeating a leaf along a larger one would hide
// that the trees are of two models.
void require_same_leaves(const Value& a, const Value& b) {
  const auto left = leaves(a), right = leaves(b);
  for (std::size_t i = 0; i < std::min(left.size(), right.size()); ++i) {
    if (left[i].path != right[i].path || left[i].carried || right[i].carried) return;  // found by `zip_leaves`
    const auto x = shape_of(left[i].value), y = shape_of(right[i].value);
    if (x && y && *x != *y && x->rank() > 0 && y->rank() > 0)
      throw Error(fmt::format("the two trees differ at `{}`: {} and {}; leaves need one shape, or scalars",
                              left[i].path, to_string(*x), to_string(*y)));
  }
}

}  // namespace

Value Elaborator::binary(BinaryOp op, const Value& a, const Value& b, Span span, Span left, Span right) {
  const auto reject = [&](const std::string& hint) {
    fail("E0356", span, fmt::format("`{}` does not work on {} and {}", symbol(op), describe(a), describe(b)), "", hint);
  };
  if (op == BinaryOp::range) {
    const auto begin = integer(a, left, "the begin of a range"), end = integer(b, right, "the end of a range");
    if (end < begin && end < begin - 1)
      fail("E0357", span, fmt::format("a range goes up, and {} is before {}", end, begin), "",
           fmt::format("the empty range is `{}..{}`: a number of turns is at least 0", begin, begin - 1));
    std::int64_t last = 0;  // the number of the last one
    if (__builtin_sub_overflow(end, begin, &last) ? end > begin : last >= longest_range)
      fail("E0357", span, fmt::format("a range has at most {} numbers, not {} to {}", longest_range, begin, end));
    std::vector<Value> items;
    for (std::int64_t i = 0; end >= begin && i <= last; ++i) items.emplace_back(begin + i);
    return Value::list(std::move(items));
  }
  if (op == BinaryOp::remainder && a.number() && b.number() == 0.0)
    fail("E0358", span, "the remainder of a division by zero");
  if ((op == BinaryOp::equal || op == BinaryOp::not_equal) && (a.is_none() || b.is_none())) return *on_host(op, a, b);
  // Arithmetic makes tensors of lists of numbers; two lists with `+` are one behind the other, and `==` compares two as
  // a whole.
  const bool by_element = (op >= BinaryOp::add && op <= BinaryOp::matmul) || is_comparison(op);
  const bool as_a_whole = (op == BinaryOp::equal || op == BinaryOp::not_equal) && a.list() && b.list();
  const bool lists = (a.list() || b.list()) && by_element && !as_a_whole && is_numbers(a) && is_numbers(b);
  if (op == BinaryOp::add && a.list() && b.list()) return *on_host(op, a, b);
  const bool stays_whole = op == BinaryOp::add || op == BinaryOp::subtract || op == BinaryOp::multiply;
  if (lists && stays_whole && is_whole(a) && is_whole(b))
    if (const auto found = too_large(op, a, b))
      fail("E0350", span, fmt::format("{} does not fit a tensor of i32", to_text(*found)), "",
           "write one of the numbers as a float, such as 3e9");
  const bool run = lists || is_run_value(a) || is_run_value(b);
  if (!run && !(a.record() || b.record())) {
    if (auto result = on_host(op, a, b)) return *result;
    const bool mixed = (a.get<std::string>() != nullptr) != (b.get<std::string>() != nullptr);
    reject(mixed && op == BinaryOp::add ? "turn a value into text with `str(value)`" : "");
  }
  return guarded(span, {{left, a}, {right, b}}, [&]() -> Value {
    if (a.record() != nullptr && b.record() != nullptr && op != BinaryOp::matmul) require_same_leaves(a, b);
    return zip_leaves(a, b, [&](const Value& x, const Value& y) -> Value {
      if ((!is_run_value(x) && !is_run_value(y)) || (op == BinaryOp::add && x.list() && y.list()))
        if (auto result = on_host(op, x, y)) return *result;
      auto [p, q] = same_type(tensor(x, left), tensor(y, right));
      if (is_logical(op) != (p.dtype() == Dtype::boolean) && !is_comparison(op)) {
        if (is_logical(op)) reject("`and` and `or` need conditions, such as `a > 0 and b > 0`");
        std::tie(p, q) = std::pair(cast(p, Dtype::i32), cast(q, Dtype::i32));  // a sum of conditions counts
      }
      return needs_real(op) ? on_tensors(op, real(p), real(q)) : on_tensors(op, p, q);
    });
  });
}

Value Elaborator::unary(UnaryOp op, const Value& value, Span span) {
  if (op == UnaryOp::logical_not) {
    if (const bool* b = value.get<bool>()) return !*b;
    if (is_open(value) && is_condition(value)) return value;
    const Tensor mask = tensor(value, span);
    if (mask.dtype() != Dtype::boolean) fail("E0356", span, fmt::format("`not` does not work on {}", describe(value)));
    return logical_not(mask);
  }
  if (const auto* i = value.get<std::int64_t>()) return *i == INT64_MIN ? Value(-double(*i)) : Value(-*i);
  if (const auto* d = value.get<double>()) return -*d;
  if (is_open(value) && value.number()) return Unmeasured{-*value.number(), false};
  if (!is_run_value(value) && value.record() == nullptr && !(value.list() != nullptr && is_numbers(value)))
    fail("E0356", span, fmt::format("`-` does not work on {}", describe(value)));
  return guarded(span, {{span, value}}, [&]() -> Value {
    return map_leaves(value, [&](const Leaf& leaf) -> Value {
      if (leaf.carried) return leaf.value;
      if (auto number = leaf.value.number()) return -*number;
      const Tensor t = tensor(leaf.value, span);
      return neg(t.dtype() == Dtype::boolean ? cast(t, Dtype::i32) : t);
    });
  });
}

}  // namespace metac::dsl
