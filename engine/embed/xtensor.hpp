// xtensor arrays in and out of compiled functions, without a copy where the layout allows. Opt-in: needs xtensor
// (Debian: libxtensor-dev).
//
//   #include <metac/engine.hpp>
//   #include <metac/xtensor.hpp>
//
//   xt::xtensor<float, 2> x = ..., y = ...;
//   const std::vector<Array> results = f({from_xtensor(x), from_xtensor(xt::view(y, xt::all(), 1))});
//   const auto gradient = as_xtensor<float>(results[1]);
//   f({from_xtensor(x)}, {into_xtensor(y)});
#pragma once

#include <optional>
#include <xtensor/xadapt.hpp>
#include <xtensor/xexpression.hpp>
#include <xtensor/xstrides.hpp>

#include "base/view.hpp"

namespace [[gnu::visibility("default")]] metac {

template <class S>
Shape shape_of_xtensor(const S& sizes) {
  Shape shape;
  for (const auto size : sizes) shape.push_back(static_cast<std::int64_t>(size));
  return shape;
}

// An input of a call: the memory of the xtensor container itself, or of a copy that lives as long as this.
class XtensorInput : public ArrayView {
 public:
  explicit XtensorInput(const ArrayView& memory) : ArrayView(memory) {}
  explicit XtensorInput(Array copy) : ArrayView(copy), copy_(std::move(copy)) {}

 private:
  std::optional<Array> copy_;
};

// Any expression of float, double, std::int32_t or bool, with up to `max_rank` axes. What lies dense and row-major is
// read where it is; anything else (column-major, strided views, sums that are not evaluated) is copied once.
template <class E>
XtensorInput from_xtensor(const xt::xexpression<E>& given) {
  const E& expression = given.derived_cast();
  using T = typename E::value_type;
  static_assert(Element<T>, "arrays hold float, double, std::int32_t or bool: convert with xt::cast<float>(x)");
  const Shape shape = shape_of_xtensor(expression.shape());
  if constexpr (xt::has_data_interface<E>::value)
    if (xt::do_strides_match(expression.shape(), expression.strides(), xt::layout_type::row_major, true))
      return XtensorInput(ArrayView(Type{dtype_of<T>(), shape}, expression.data() + expression.data_offset()));
  Array copy(Type{dtype_of<T>(), shape});
  const std::span<T> values = copy.as<T>();
  const std::vector<std::size_t> sizes(shape.begin(), shape.end());
  xt::adapt<xt::layout_type::row_major>(values.data(), values.size(), xt::no_ownership(), sizes) = expression;
  return XtensorInput(std::move(copy));
}

// The memory of a container, to write an output to. Error "[view] ..." unless it is dense and row-major.
template <class C>
MutableArrayView into_xtensor(C& container) {
  using T = typename C::value_type;
  static_assert(Element<T>, "arrays hold float, double, std::int32_t or bool");
  T* first = container.data() + container.data_offset();
  return {first, shape_of_xtensor(container.shape()), shape_of_xtensor(container.strides())};
}

// An array as an xtensor adaptor of its elements: shares the memory, which lives as long as either of them. Error if T
// is not the dtype.
template <Element T>
auto as_xtensor(Array array) {
  const std::span<T> values = array.as<T>();
  const std::vector<std::size_t> sizes(array.shape().begin(), array.shape().end());
  return xt::adapt_smart_ptr<xt::layout_type::row_major>(values.data(), sizes, array.memory());
}

}  // namespace metac
