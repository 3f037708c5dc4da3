// What the operators' files share: pushing a node, checking what was given, and the batching that whole families have
// in common. Private to this room; everything here is called with tensors of one nest of graphs.
#pragma once

#include <initializer_list>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "graph/operator.hpp"
#include "ops/primitives.hpp"

namespace metac {

using Tensors = std::vector<Tensor>;
using Axes = std::vector<int>;

// The node for `op` in the innermost graph of the inputs (at least one).
Tensor apply(const Operator& op, std::span<const Tensor> inputs, Attributes attributes = {});
Tensor apply(const Operator& op, std::initializer_list<Tensor> inputs, Attributes attributes = {});

// Attributes that are only numbers, and shapes packed into them.
Attributes numbers(std::vector<std::int64_t> values);
std::vector<std::int64_t> packed(std::initializer_list<Shape> shapes);
Shape unpacked(const Attributes& attributes, int first, int count);

inline constexpr std::int64_t largest_i32 = std::numeric_limits<std::int32_t>::max();  // what an index can say

// Errors "[name] ...", unless it holds (as `require_present` of graph.hpp).
void require_float(const Operator& op, const Tensor& input);
void require_float(const char* name, const Tensor& input);
void require_dtype(const Operator& op, const Tensor& input, Dtype needed);
void require_same_dtype(const char* name, const Tensor& a, const Tensor& b);

// Of sizes; Error if it overflows (as added_sizes).
std::int64_t checked_product(const char* name, std::int64_t a, std::int64_t b);

// A number for each of `count` axes, where one was given for all of them or one for each.
Shape for_each_axis(const char* name, const char* what, const Shape& given, int count);

// An axis of a shape of this rank, counted from the front; several of them in ascending order, each once.
int checked_axis(const char* name, int axis, const Shape& shape);
Axes checked_axes(const char* name, Axes axes, const Shape& shape);

// The shape to which both broadcast by NumPy's rules.
Shape common_shape(const char* name, const Shape& a, const Shape& b);
Shape concatenated(const Shape& a, const Shape& b);
std::int64_t added_sizes(const char* name, std::int64_t a, std::int64_t b);  // Error where it overflows
Shape leading(const Shape& shape, int count);                                // the first `count` sizes
Shape trailing(const Shape& shape, int count);                               // the last `count` sizes

Tensor insert_axis(Tensor, int axis);  // of size 1
Tensor move_axis(Tensor, int from, int to);

// A cotangent where the condition holds (does not hold), else 0: a product with a mask would let infinities leak as
// NaN.
Tensor keep_where(Tensor condition, Tensor cotangent);
Tensor drop_where(Tensor condition, Tensor cotangent);
Tensor filled_like(Tensor, double value);

// ---- indices ----

// bool, of the index's shape: whether it is one of 0 .. n - 1.
Tensor in_range(Tensor index, std::int64_t n);
// With further axes of size 1 behind, up to this rank.
Tensor with_trailing_ones(Tensor, int rank);
// Indices [size, ...] into tables of n rows, as indices into the tables one behind the other; those out of range stay
// so. Assumes index_fits(size, n).
Tensor index_of_all(Tensor index, std::int64_t size, std::int64_t n);
bool index_fits(std::int64_t size, std::int64_t n);

// ---- windows ----

std::string by_axis(const Shape&);  // "2x3"

// Of pooling, for each size of an image.
struct Windows {
  Shape size, stride, before, after;
  std::int64_t count(int axis, std::int64_t image) const {
    return (image + before[axis] + after[axis] - size[axis]) / stride[axis] + 1;
  }
};
// Checked: images of one to three sizes, windows that fit, and less padding than window on each side.
Windows windows_of(const char* name, Tensor image, const PoolingWindow&);

// ---- pointwise operators ----

// All inputs of one float type, which the result has, too.
Type float_type(const Site& site);
// The constant that the result is when every input is one.
Tensor fold(const Site& site);
// Inputs of scalar, empty, one-element, odd and larger shapes.
std::vector<Sample> pointwise_samples(int arity, Dtype dtype, double low, double high);
// An operator on floats that is given by its meaning alone: `fn` is one of call_1, call_2, call_3.
Operator scalar_operator(const char* name, const char* doc, Fn fn, Scalar call, decltype(Operator::samples) samples,
                         decltype(Operator::vjp) vjp);

// ---- kernels of few lines, written beside their operator ----

// `body(operands, scratch)` as a kernel, of dense operands: the result, then the inputs. With `over_input`, the result
// may be written over the first input.
template <class Body>
KernelPtr make_kernel(std::string description, Body body, std::size_t scratch_bytes = 0, bool over_input = false) {
  class BodyKernel : public Kernel {
   public:
    BodyKernel(std::string description, Body body, std::size_t scratch_bytes, bool over_input)
        : description_(std::move(description)),
          body_(std::move(body)),
          scratch_bytes_(scratch_bytes),
          over_input_(over_input) {}
    std::size_t scratch_bytes() const override { return scratch_bytes_; }
    bool may_overwrite(int, int input) const override { return over_input_ && input == 0; }
    void run(void* const* operands, std::byte* scratch, State*) const override { body_(operands, scratch); }
    std::string describe() const override { return description_; }

   private:
    std::string description_;
    Body body_;
    std::size_t scratch_bytes_;
    bool over_input_;
  };
  return std::make_unique<BodyKernel>(std::move(description), std::move(body), scratch_bytes, over_input);
}

// A reference that is the kernel itself: for what is defined (and tested by its properties) there, not twice.
void reference_by_kernel(const Node& node, std::span<const Array> inputs, Array& result);

// ---- simplification and batching ----

// For simplifications: the node of the first input, when it is of this operator.
std::optional<Node> inner_of(const Site& site, const Operator& op);
// Moving the elements of a repeated scalar leaves a repeated scalar: that, or empty.
Tensor still_constant(const Site& site);
bool has_elements(const Shape& shape);

// The input with its batch axis: one that has none is repeated.
Tensor with_batch(const BatchSite& site, int input);
// The same operator and attributes on inputs that all have their batch axis: for operators that allow further first
// axes.
Tensor batch_by_broadcast(const BatchSite& site);

// [size, n, ...] as [size * n, ...], and back.
Tensor merge_first_axes(Tensor);
Tensor split_first_axis(Tensor, std::int64_t size);

}  // namespace metac
