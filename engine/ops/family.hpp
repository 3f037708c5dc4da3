// What the operators' files share: pushing a node, checking what was given, and the batching that whole families have
// in common. Private to this room; everything here is called with tensors of one nest of graphs.
#pragma once

#include <initializer_list>
#include <limits>
#include <optional>
#include <span>
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
void require_dtype(const Operator& op, const Tensor& input, Dtype needed);
void require_same_dtype(const char* name, const Tensor& a, const Tensor& b);

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
