// The form is that of the first value; each other one is compared with it.
#include "elaborate/tensor_form.hpp"

#include <fmt/format.h>

namespace metac::dsl {
namespace {

bool is_empty(const Value& place) {
  const Carried* carried = place.carried();
  return carried != nullptr ? carried->leaf.is_none() : place.is_none();
}

bool is_tensor_like(const Value& leaf) {
  return leaf.number() || leaf.get<bool>() || leaf.get<Tensor>() || leaf.get<Array>() || leaf.list();
}

}  // namespace

TensorForm::TensorForm(Elaborator& self, FormWords words, const Value& first, Span span)
    : self_(self), words_(std::move(words)), span_(span) {
  form_ = map_leaves(first, [&](const Leaf& leaf) -> Value {
    if (leaf.value.is_none()) return leaf.value;
    if (!is_tensor_like(leaf.value))
      self_.fail("E0345", span_,
                 fmt::format("{} is made of numbers and tensors, this is {}", part(leaf.path), describe(leaf.value)));
    return tensors_.emplace_back(self_.tensor(leaf.value, span_));
  });
  if (tensors_.empty())
    self_.fail("E0345", span_, fmt::format("there is no tensor in {}: it is {}", words_.whole, describe(first)));
}

Value TensorForm::with(std::span<const Tensor> tensors) const {
  std::size_t next = 0;
  return map_leaves(
      form_, [&](const Leaf& leaf) -> Value { return leaf.value.is_none() ? leaf.value : Value(tensors[next++]); });
}

std::vector<Tensor> TensorForm::same(const Value& given, Span giver) const {
  const auto own = places(form_), other = places(given);
  if (own.size() != other.size()) refuse(given, giver);
  std::vector<Tensor> result;
  for (std::size_t i = 0; i < own.size(); ++i) {
    const Value leaf = taken_out(other[i].second);
    if (own[i].first != other[i].first || is_empty(own[i].second) != is_empty(leaf)) refuse(given, giver);
    if (is_empty(leaf)) continue;
    if (!is_tensor_like(leaf)) refuse(given, giver);
    const Type& needed = tensors_[result.size()].type();
    result.push_back(fitting(other[i].first, self_.tensor(leaf, giver), needed, giver));
  }
  return result;
}

std::string TensorForm::part(const std::string& path) const {
  return path.empty() ? words_.whole : fmt::format("`{}` in {}", path, words_.whole);
}

Tensor TensorForm::fitting(const std::string& path, Tensor given, const Type& needed, Span giver) const {
  const bool widens = self_.same_type(given, full(given.graph(), {}, 0, needed.dtype)).first.dtype() != needed.dtype;
  if (given.shape() == needed.shape && !widens) return cast(given, needed.dtype);
  const bool counts = given.shape() == needed.shape && needed.dtype == Dtype::i32;
  self_.fail(
      words_.code, giver,
      fmt::format("{} {} {}, {} {}", part(path), words_.has, to_string(needed), words_.giver, to_string(given.type())),
      words_.mark, counts ? "write it as a float, such as `0.0`" : words_.hint,
      {{span_, fmt::format("this {} {}", words_.has, to_string(needed))}});
}

void TensorForm::refuse(const Value& given, Span giver) const {
  self_.fail(words_.code, giver,
             fmt::format("{} {} {}, {} {}", words_.whole, words_.has, describe(form_), words_.giver, describe(given)),
             words_.mark, words_.hint, {{span_, fmt::format("this {} {}", words_.has, describe(form_))}});
}

}  // namespace metac::dsl
