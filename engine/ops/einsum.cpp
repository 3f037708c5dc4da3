// General products: `contract`, which sums over chosen axes of two operands, and `einsum`, its notation for any number
// of operands. Both are one matrix product for each pair of operands.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <string>

#include "ops/family.hpp"

namespace metac {
namespace {

Shape sizes_of(Tensor x, const Axes& axes) {
  Shape result;
  for (int axis : axes) result.push_back(x.shape()[axis]);
  return result;
}

Axes joined(std::initializer_list<Axes> lists) {
  Axes result;
  for (const Axes& axes : lists) result.insert(result.end(), axes.begin(), axes.end());
  return result;
}

Axes all_but(Tensor x, const Axes& left_out) {
  Axes result;
  for (int axis = 0; axis < x.shape().rank(); ++axis)
    if (std::count(left_out.begin(), left_out.end(), axis) == 0) result.push_back(axis);
  return result;
}

// Counted from the front, in the order given, each once.
Axes axes_in_order(const char* name, Axes axes, Tensor x) {
  for (int& axis : axes) axis = checked_axis(name, axis, x.shape());
  checked_axes(name, axes, x.shape());
  return axes;
}

void require_equal_sizes(Tensor a, const Axes& axes_a, Tensor b, const Axes& axes_b) {
  if (axes_a.size() != axes_b.size() || sizes_of(a, axes_a) != sizes_of(b, axes_b))
    throw Error(fmt::format("[contract] axes {} of {} and {} of {} were given; as many axes of equal sizes are needed",
                            fmt::join(axes_a, ", "), to_string(a.type()), fmt::join(axes_b, ", "),
                            to_string(b.type())));
}

// ---- einsum ----

// A tensor whose axes have letters.
struct Lettered {
  Tensor value;
  std::string letters;
  Axes axes_of(const std::string& wanted) const {
    Axes axes;
    for (char letter : wanted) axes.push_back(static_cast<int>(letters.find(letter)));
    return axes;
  }
  bool has(char letter) const { return letters.find(letter) != std::string::npos; }
};

struct Equation {
  std::vector<std::string> operands;
  std::string result;
};

[[noreturn]] void refuse(const std::string& text, const std::string& why) {
  throw Error(fmt::format("[einsum] \"{}\" was given; {}", text, why));
}

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

// "..." becomes as many of these as there are axes without a letter, counted from the last: "7", "6", ...
std::string further_axes(int count) { return std::string("01234567").substr(max_rank - count); }

// The letters of one operand or the result; `further` axes stand for "...".
std::string letters_of(const std::string& text, const std::string& part, int further) {
  const auto dots = part.find("...");
  std::string letters = part;
  if (dots != std::string::npos) letters = part.substr(0, dots) + further_axes(further) + part.substr(dots + 3);
  for (char c : dots == std::string::npos ? part : part.substr(0, dots) + part.substr(dots + 3))
    if (!is_letter(c)) refuse(text, fmt::format("`{}` is no letter for an axis", c));
  return letters;
}

std::vector<std::string> split_at_commas(const std::string& text) {
  std::vector<std::string> parts(1);
  for (char c : text) {
    if (c == ',')
      parts.emplace_back();
    else
      parts.back() += c;
  }
  return parts;
}

std::string operand_letters(const std::string& text, const std::string& part, Tensor x) {
  const bool dots = part.find("...") != std::string::npos;
  const int named = static_cast<int>(part.size()) - (dots ? 3 : 0), rank = x.shape().rank();
  if (dots ? named > rank : named != rank)
    refuse(text, fmt::format("`{}` stands for {}, which has {} axes", part, to_string(x.type()), rank));
  return letters_of(text, part, rank - named);
}

// What numpy does where no result is written: the axes of "...", then letters that stand once, in their order.
std::string implied_result(const std::vector<std::string>& operands) {
  std::map<char, int> counts;
  for (const auto& operand : operands)
    for (char letter : operand) ++counts[letter];
  std::string result;
  for (const auto& [letter, count] : counts)
    if (!is_letter(letter) || count == 1) result += letter;
  return result;
}

Equation parse(const std::string& text, std::span<const Tensor> operands) {
  std::string plain;
  for (char c : text)
    if (c != ' ') plain += c;
  const auto arrow = plain.find("->");
  const auto parts = split_at_commas(plain.substr(0, arrow));
  if (parts.size() != operands.size())
    refuse(text, fmt::format("it stands for {} operands, there are {}", parts.size(), operands.size()));
  Equation equation;
  std::string all;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    equation.operands.push_back(operand_letters(text, parts[i], operands[i]));
    all += equation.operands.back();
  }
  if (arrow == std::string::npos) {
    equation.result = implied_result(equation.operands);
    return equation;
  }
  const int further = static_cast<int>(std::count_if(all.begin(), all.end(), [](char c) { return !is_letter(c); }) == 0
                                           ? 0
                                           : max_rank - (*std::min_element(all.begin(), all.end()) - '0'));
  equation.result = letters_of(text, plain.substr(arrow + 2), further);
  for (std::size_t i = 0; i < equation.result.size(); ++i) {
    const char letter = equation.result[i];
    if (all.find(letter) == std::string::npos || equation.result.find(letter) != i)
      refuse(text, "each axis of the result needs to be one of an operand, and to stand once");
  }
  return equation;
}

// A letter that stands twice is the diagonal of its two axes.
Lettered without_repeats(const std::string& text, Lettered x) {
  for (std::size_t i = 0; i < x.letters.size(); ++i) {
    const auto again = x.letters.find(x.letters[i], i + 1);
    if (again == std::string::npos) continue;
    const int first = static_cast<int>(i), second = static_cast<int>(again), last = x.value.shape().rank() - 1;
    if (x.value.shape()[first] != x.value.shape()[second])
      refuse(text, fmt::format("`{}` stands for two sizes of {}", x.letters[i], to_string(x.value.type())));
    const Tensor moved = move_axis(move_axis(x.value, second, last), first, last);
    x.letters = x.letters.substr(0, again) + x.letters.substr(again + 1);
    x.letters = x.letters.substr(0, i) + x.letters.substr(i + 1) + x.letters[i];
    return without_repeats(text, {diagonal(moved), x.letters});
  }
  return x;
}

// Summed over the letters that nobody needs any more.
Lettered keep_needed(const Lettered& x, const std::string& needed) {
  std::string kept, summed;
  for (char letter : x.letters) (needed.find(letter) == std::string::npos ? summed : kept) += letter;
  return {sum(x.value, x.axes_of(summed)), kept};
}

Lettered product(const Lettered& a, const Lettered& b, const std::string& needed) {
  std::string batch, summed, free_a, free_b;
  for (char letter : a.letters)
    (!b.has(letter) ? free_a : needed.find(letter) != std::string::npos ? batch : summed) += letter;
  for (char letter : b.letters)
    if (!a.has(letter)) free_b += letter;
  return {contract(a.value, b.value, a.axes_of(summed), b.axes_of(summed), a.axes_of(batch), b.axes_of(batch)),
          batch + free_a + free_b};
}

void require_one_size_each(const std::string& text, const std::vector<Lettered>& operands) {
  std::map<char, std::int64_t> sizes;
  for (const auto& operand : operands)
    for (std::size_t axis = 0; axis < operand.letters.size(); ++axis) {
      const char letter = operand.letters[axis];
      const std::int64_t size = operand.value.shape()[static_cast<int>(axis)];
      const auto [known, is_new] = sizes.emplace(letter, size);
      if (!is_new && known->second != size)
        refuse(text,
               fmt::format("{} stands for the sizes {} and {}; equal ones are needed",
                           is_letter(letter) ? fmt::format("`{}`", letter) : "an axis of `...`", known->second, size));
    }
}

}  // namespace

Tensor contract(Tensor a, Tensor b, std::vector<int> axes_a, std::vector<int> axes_b, std::vector<int> batch_a,
                std::vector<int> batch_b) {
  require_present("contract", {a, b});
  require_same_dtype("contract", a, b);
  if (!is_float(a.dtype()))
    throw Error(fmt::format("[contract] {} was given; f32 or f64 is needed", to_string(a.type())));
  axes_a = axes_in_order("contract", std::move(axes_a), a), batch_a = axes_in_order("contract", std::move(batch_a), a);
  axes_b = axes_in_order("contract", std::move(axes_b), b), batch_b = axes_in_order("contract", std::move(batch_b), b);
  checked_axes("contract", joined({axes_a, batch_a}), a.shape());
  checked_axes("contract", joined({axes_b, batch_b}), b.shape());
  require_equal_sizes(a, axes_a, b, axes_b);
  require_equal_sizes(a, batch_a, b, batch_b);
  const Axes free_a = all_but(a, joined({axes_a, batch_a})), free_b = all_but(b, joined({axes_b, batch_b}));
  const Shape batch = sizes_of(a, batch_a), rows = sizes_of(a, free_a), columns = sizes_of(b, free_b);
  const std::int64_t many = batch.elements(), depth = sizes_of(a, axes_a).elements();
  const Tensor left = reshape(transpose(a, joined({batch_a, free_a, axes_a})), {many, rows.elements(), depth});
  const Tensor right = reshape(transpose(b, joined({batch_b, axes_b, free_b})), {many, depth, columns.elements()});
  // Where nothing is summed, no product of matrices is needed.
  const bool sums = !axes_a.empty();
  const Tensor product =
      sums ? (batch_a.empty() ? matmul(reshape(left, left.shape().without(0)), reshape(right, right.shape().without(0)))
                              : matmul(left, right))
           : left * right;
  return reshape(product, concatenated(concatenated(batch, rows), columns));
}

Tensor einsum(const std::string& equation, std::vector<Tensor> operands) {
  if (operands.empty()) throw Error("[einsum] no tensors were given; at least one is needed");
  for (const auto& operand : operands) {
    require_present("einsum", {operand});
    require_same_dtype("einsum", operands[0], operand);
  }
  const Equation parsed = parse(equation, operands);
  std::vector<Lettered> lettered;
  for (std::size_t i = 0; i < operands.size(); ++i)
    lettered.push_back(without_repeats(equation, {operands[i], parsed.operands[i]}));
  require_one_size_each(equation, lettered);
  // From left to right; a letter is needed while a later operand or the result has it.
  Lettered total = lettered[0];
  for (std::size_t i = 0; i < lettered.size(); ++i) {
    std::string later = parsed.result;
    for (std::size_t k = i + 1; k < lettered.size(); ++k) later += lettered[k].letters;
    if (i > 0) total = product(total, keep_needed(lettered[i], later + total.letters), later);
    total = keep_needed(total, later);
  }
  return transpose(total.value, total.axes_of(parsed.result));
}

}  // namespace metac
