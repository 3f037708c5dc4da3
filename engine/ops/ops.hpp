// The operators as functions: what a user of the engine, a derivative rule, or the language writes. Binary pointwise
// functions broadcast (NumPy's rules) and need equal dtypes. Errors name the operator, what was given and what was
// needed.
#pragma once

#include <optional>

#include "graph/graph.hpp"
#include "kernels/distribution.hpp"

namespace [[gnu::visibility("default")]] metac {

// ---- leaves ----
Tensor input(Graph&, const Type&);                          // a new one at each call
Tensor constant(Graph&, double value, Dtype = Dtype::f32);  // scalar
Tensor constant(Graph&, const Array&);  // interned by the identity of its memory, which is shared and must
                                        // not change any more; scalars by value
Tensor full(Graph&, const Shape&, double value, Dtype = Dtype::f32);
Tensor iota(Graph&, std::int64_t n);  // i32 [n]: 0, 1, ...
Tensor zeros_like(Tensor);
std::optional<double> constant_value(Tensor);  // of a constant, also behind a few views (broadcast, reshape, ...)

// ---- pointwise ----
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

// ---- reductions: over the axes given (negative: from the end); those axes are dropped, or kept with size 1 ----
std::vector<int> all_axes(Tensor);
Tensor sum(Tensor, std::vector<int> axes, bool keep = false);
Tensor mean(Tensor, std::vector<int> axes, bool keep = false);
Tensor max(Tensor, std::vector<int> axes, bool keep = false);  // derivative: shared equally between equals
Tensor min(Tensor, std::vector<int> axes, bool keep = false);
Tensor prod(Tensor, std::vector<int> axes, bool keep = false);
Tensor sum(Tensor);
Tensor mean(Tensor);
Tensor argmax(Tensor, int axis);  // i32
Tensor log_softmax(Tensor, int axis);
Tensor sum_to(Tensor, const Shape&);  // the transpose of broadcast_to

// ---- structure ----
Tensor reshape(Tensor, const Shape&);  // one size may be -1
Tensor transpose(Tensor, std::vector<int> permutation);
Tensor broadcast_to(Tensor, const Shape&);
Tensor slice(Tensor, const Shape& begin, const Shape& end, const Shape& step = {});  // steps >= 1; empty: all 1
Tensor slice_axis(Tensor, int axis, std::int64_t begin, std::int64_t end);
Tensor index_axis(Tensor, int axis, std::int64_t index);      // that axis is dropped
Tensor pad(Tensor, const Shape& before, const Shape& after);  // zeros
Tensor flip(Tensor, int axis);
Tensor concatenate(std::vector<Tensor>, int axis);
Tensor stack(std::vector<Tensor>, int axis);
Tensor gather(Tensor table, Tensor index);  // rows of the first axis
Tensor scatter_add(Tensor rows, Tensor index, std::int64_t n);
Tensor one_hot(Tensor index, std::int64_t n, Dtype = Dtype::f32);

// ---- contractions ----
Tensor matmul(
    Tensor,
    Tensor);     // [batch..., m, k] x [batch..., k, n]; batch axes broadcast; a vector stands for one row or column
Tensor squared_products(Tensor a, Tensor b);  // [k, m] and [k, n] give [m, n]: the sum over k of (a[k, i] * b[k, j])^2
struct Window {  // of a convolution or pooling, both spatial axes alike
  std::int64_t stride = 1, padding = 0;
};
Tensor conv2d(Tensor image, Tensor weights, Window = {});  // [n, h, w, c] with [kh, kw, c, o] gives [n, h', w', o]
Tensor max_pool(Tensor image, std::int64_t size, std::int64_t stride, std::int64_t padding = 0);

// ---- randomness: a key is i32[2] ----
Tensor key(Graph&, std::uint64_t seed);
Tensor fold_in(Tensor key, Tensor number);
Tensor fold_in(Tensor key, std::int32_t number);
Tensor random(Tensor key, Distribution, const Shape&,
              Dtype = Dtype::f32);                                // key [batch..., 2] gives [batch..., shape...]
Tensor distinct(Tensor key, std::int64_t n, std::int64_t count);  // i32: different ones of 0 .. n - 1, in random order
Tensor random_below(Tensor key, Tensor limit);  // for each limit i32[...] a number of 0 .. limit - 1; the key is i32[2]

// ---- derivatives and control ----
Tensor stop_gradient(Tensor);
Tensor alias(Tensor, Graph& innermost);  // a fresh variable with the value of the tensor, in this graph

// Independent tasks: the body is run for each index of the first axis of the sequences (all of one length).
//   MapBuilder tasks(graph, {x, y});  ... build with tasks.slices(), tasks.index() ...  auto results =
//   tasks.close({{loss}, {g, MapBuilder::sum}});
class MapBuilder {
 public:
  enum Output { stacked, summed };  // a further first axis; or added up over the tasks, in a fixed order
  MapBuilder(Graph& outer, std::vector<Tensor> sequences, std::int64_t length);
  Graph& graph() { return *body_; }
  const std::vector<Tensor>& slices() const { return slices_; }
  Tensor index() const { return index_; }  // i32 scalar
  std::int64_t length() const { return length_; }
  struct Result {
    Tensor value;  // any value of the body, or of a graph around it
    Output output = stacked;
  };
  std::vector<Tensor> close(const std::vector<Result>&);

 private:
  Graph& outer_;
  std::shared_ptr<Graph> body_;
  std::vector<Tensor> sequences_, slices_;
  Tensor index_;
  std::int64_t length_;
};

}  // namespace metac
