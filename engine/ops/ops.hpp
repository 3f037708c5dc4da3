// The functions on tensors: what a user of the engine, a derivative rule, or the language writes. Each builds an
// expression in the innermost graph of its operands; nothing is computed before it is compiled, and all of them can be
// differentiated to any order and stand in the bodies of maps.
//
// What holds for all, where a line does not say otherwise:
//  - x may have any shape, also with sizes of 0; the result has the dtype of its operands.
//  - An axis counts from 0, or from the end where it is negative (-1 is the last).
//  - Special values follow IEEE 754: NaN spreads, 0 times infinity is NaN, -0 is kept. i32 wraps round.
//  - Derivatives flow through f32 and f64. Those of sign, floor and comparisons are 0; to an i32 or bool there is none.
//  - Error "[name] what was given; what is needed": dtypes that differ or do not fit, shapes that do not fit, an axis
//    or index that is not there, an empty tensor, a result of more than `most_elements` elements or `max_rank` axes,
//    tensors of graphs that are not of one nest.
#pragma once

#include <optional>

#include "graph/graph.hpp"
#include "kernels/distribution.hpp"

namespace [[gnu::visibility("default")]] metac {

// ---- leaves ----
// A value that is given at each run of the program, of exactly this type. Every call makes another one.
Tensor input(Graph&, const Type&);
// A number, as a scalar. Error if an i32 is asked for and the number is none.
Tensor constant(Graph&, double value, Dtype = Dtype::f32);
// An array that is known when the program is compiled. Its memory is shared and must not change any more; two constants
// of one memory are one node.
Tensor constant(Graph&, const Array&);
// The number again and again, of this shape: takes no memory by itself.
Tensor full(Graph&, const Shape&, double value, Dtype = Dtype::f32);
Tensor zeros_like(Tensor);
// i32 [n]: 0, 1, ... n - 1. Error below 0 and beyond i32.
Tensor iota(Graph&, std::int64_t n);
// The number that a tensor is everywhere, if that is known; also behind a few views (full, reshape, ...).
std::optional<double> constant_value(Tensor);

// ---- pointwise: each element by itself ----
// Operands broadcast by NumPy's rules: counted from the last axis, sizes are equal or 1. They need one dtype: floats
// for functions such as exp, numbers for arithmetic, bool for logic. Comparisons give bool. Angles are in radians.
Tensor neg(Tensor);
Tensor abs(Tensor);
Tensor sign(Tensor);
Tensor exp(Tensor);
Tensor expm1(Tensor);
Tensor log(Tensor);
Tensor log1p(Tensor);
Tensor sqrt(Tensor);  // its derivative at 0 is 0, so that a differentiated Adam stays finite
Tensor sin(Tensor);
Tensor cos(Tensor);
Tensor tanh(Tensor);
Tensor sigmoid(Tensor);
Tensor floor(Tensor);
Tensor relu(Tensor);  // maximum(x, 0); NaN stays NaN; its derivative at 0 is 0
Tensor square(Tensor);
Tensor is_finite(Tensor);  // bool
Tensor add(Tensor, Tensor);
Tensor sub(Tensor, Tensor);
Tensor mul(Tensor, Tensor);
Tensor div(Tensor, Tensor);
Tensor pow(Tensor, Tensor);  // at a base of 0 the derivative to the exponent is 0
Tensor maximum(Tensor, Tensor);
Tensor minimum(Tensor, Tensor);  // where equal, the derivative goes to the second
Tensor equal(Tensor, Tensor);
Tensor not_equal(Tensor, Tensor);
Tensor less(Tensor, Tensor);
Tensor less_equal(Tensor, Tensor);
Tensor logical_and(Tensor, Tensor);
Tensor logical_or(Tensor, Tensor);
Tensor logical_not(Tensor);
Tensor select(Tensor condition, Tensor if_true, Tensor if_false);
Tensor cast(Tensor, Dtype);

inline Tensor operator-(Tensor a) { return neg(a); }
inline Tensor operator+(Tensor a, Tensor b) { return add(a, b); }
inline Tensor operator-(Tensor a, Tensor b) { return sub(a, b); }
inline Tensor operator*(Tensor a, Tensor b) { return mul(a, b); }
inline Tensor operator/(Tensor a, Tensor b) { return div(a, b); }
Tensor operator+(Tensor, double);
Tensor operator-(Tensor, double);
Tensor operator*(Tensor, double);
Tensor operator/(Tensor, double);
Tensor operator+(double, Tensor);
Tensor operator-(double, Tensor);
Tensor operator*(double, Tensor);
Tensor operator/(double, Tensor);

// ---- reductions: over the axes given; those axes are dropped, or kept with size 1 ----
// Of no elements the sum is 0, the product 1, the mean NaN, the maximum -infinity (the smallest i32). Sums of f32 are
// added up in f64 from tile to tile, in an order that depends on the shape only.
std::vector<int> all_axes(Tensor);
Tensor sum(Tensor, std::vector<int> axes, bool keep = false);
Tensor mean(Tensor, std::vector<int> axes, bool keep = false);
Tensor max(Tensor, std::vector<int> axes, bool keep = false);  // derivative: shared equally between equals
Tensor min(Tensor, std::vector<int> axes, bool keep = false);
Tensor prod(Tensor, std::vector<int> axes, bool keep = false);
Tensor sum(Tensor);
Tensor mean(Tensor);
Tensor argmax(Tensor, int axis);  // i32: the place of the largest along the axis, which is dropped; the first of equals
Tensor log_softmax(Tensor, int axis);
Tensor sum_to(Tensor, const Shape&);  // the transpose of broadcast_to: sums to a shape that broadcasts to that of x

// ---- structure: the same elements in another form ----
// Most are views and cost nothing.

// The elements in row-major order under another shape of as many. One size may be -1: what is left.
Tensor reshape(Tensor, const Shape&);
// Axis i of the result is axis permutation[i] of x.
Tensor transpose(Tensor, std::vector<int> permutation);
// Repeated along further first axes, and along axes of size 1.
Tensor broadcast_to(Tensor, const Shape&);
// From begin to before end along each axis, every step-th. 0 <= begin <= end <= size; steps >= 1; empty: all 1.
Tensor slice(Tensor, const Shape& begin, const Shape& end, const Shape& step = {});
Tensor slice_axis(Tensor, int axis, std::int64_t begin, std::int64_t end);
// One place of an axis, which is dropped. A negative index counts from the end.
Tensor index_axis(Tensor, int axis, std::int64_t index);
Tensor pad(Tensor, const Shape& before, const Shape& after);  // with so many zeros along each axis
Tensor flip(Tensor, int axis);
// One after the other along an axis; all other sizes are equal. At least one.
Tensor concatenate(std::vector<Tensor>, int axis);
// Side by side along a new axis; all of one shape. At least one.
Tensor stack(std::vector<Tensor>, int axis);
// table [rows, ...] at index i32[...]: [index..., ...]. Out of range it is NaN (the smallest i32, false).
Tensor gather(Tensor table, Tensor index);
// [n, ...]: zeros, to which each row is added at its index; rows out of range are left out.
Tensor scatter_add(Tensor rows, Tensor index, std::int64_t n);
// i32[...] gives [..., n]: 1 at the index, else 0; zeros where it is out of range.
Tensor one_hot(Tensor index, std::int64_t n, Dtype = Dtype::f32);

// ---- contractions ----
// [batch..., m, k] x [batch..., k, n] gives [batch..., m, n]; batch axes broadcast. A vector stands for one row on the
// left, one column on the right, and its axis is dropped.
Tensor matmul(Tensor, Tensor);
Tensor squared_products(Tensor a, Tensor b);  // [k, m] and [k, n] give [m, n]: the sum over k of (a[k, i] * b[k, j])^2
struct Window {                               // of a convolution or pooling, both spatial axes alike
  std::int64_t stride = 1, padding = 0;
};
// [n, h, w, c] with [kh, kw, c, o] gives [n, h', w', o], where h' = (h + 2 padding - kh) / stride + 1. A correlation,
// as everywhere in this field: the kernel is not flipped.
Tensor conv2d(Tensor image, Tensor weights, Window = {});
// The largest of each size x size window of [n, h, w, c], with sizes as of conv2d. The derivative goes to the first of
// equals.
Tensor max_pool(Tensor image, std::int64_t size, std::int64_t stride, std::int64_t padding = 0);

// ---- randomness ----
// Counter-based: Philox4x32-10 (Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3"). Every draw takes a
// key, i32[2]; the same key gives the same numbers, whatever the threads, so two draws need two keys.
// Derivatives do not flow through draws.

// The key that a seed stands for.
Tensor key(Graph&, std::uint64_t seed);
// Another key for each number: keys i32[batch..., 2] with numbers i32[batch...].
Tensor fold_in(Tensor key, Tensor number);
Tensor fold_in(Tensor key, std::int32_t number);
// Independent draws: a key i32[batch..., 2] gives [batch..., shape...], bits as i32, all others as f32 or f64.
Tensor random(Tensor key, Distribution, const Shape&, Dtype = Dtype::f32);
// i32 [batch..., count]: different ones of 0 ... n - 1 in random order, every order equally likely. Error if there are
// not so many.
Tensor distinct(Tensor key, std::int64_t n, std::int64_t count);
// For each limit i32[...] a number of 0 ... limit - 1; the key is i32[2].
Tensor random_below(Tensor key, Tensor limit);

// ---- derivatives and control ----
// The same value, to derivatives a constant.
Tensor stop_gradient(Tensor);
// The same value as a fresh variable of this graph, which is that of the tensor or one inside it: what is built from
// the alias can be differentiated with respect to it, whatever else mentions the tensor.
Tensor alias(Tensor, Graph&);

// Independent tasks: the body is built once and run for each index of the first axis of the sequences, on as many
// threads as the compiled program has. The memory of one task is used again for the next.
//
//   MapBuilder tasks(graph, {x, y}, n);                      // x and y are [n, ...]
//   const Tensor w = alias(weights, tasks.graph());          // a variable inside of the body
//   const Tensor loss = mean(square(matmul(tasks.slices()[0], w) - tasks.slices()[1]));
//   const std::vector<Tensor> results = tasks.close({{loss}, {grad(loss, w), MapBuilder::summed}});
//
// Values of outside may be used in the body as they are. What is built in the body ends with it: only what `close`
// gives may be used afterwards (Error). Bodies nest. Errors "[map] ...": a sequence whose first axis is not `length`, a
// result that is empty, of a body inside, or a bool that is to be summed.
class MapBuilder {
 public:
  enum Output { stacked, summed };  // a further first axis; or added up over the tasks, in a fixed order
  MapBuilder(Graph& outer, std::vector<Tensor> sequences, std::int64_t length);
  Graph& graph() { return *body_; }                              // of the body
  const std::vector<Tensor>& slices() const { return slices_; }  // of each sequence, for the task at hand
  Tensor index() const { return index_; }                        // of the task at hand, an i32 scalar
  std::int64_t length() const { return length_; }
  struct Result {
    Tensor value;  // any value of the body, or of a graph around it
    Output output = stacked;
  };
  // Ends the body. The results of all tasks, of the outer graph: [length, ...] where stacked, as in the body where
  // summed.
  std::vector<Tensor> close(const std::vector<Result>&);

 private:
  Graph& outer_;
  std::shared_ptr<Graph> body_;
  std::vector<Tensor> sequences_, slices_;
  Tensor index_;
  std::int64_t length_;
};

}  // namespace metac
