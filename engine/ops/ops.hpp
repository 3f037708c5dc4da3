// The operators as functions: what a user of the engine, a derivative rule, or the language writes. Binary pointwise
// functions broadcast (NumPy's rules) and need equal dtypes. Errors name the operator, what was given and what was
// needed.
#pragma once

#include <optional>

#include "graph/graph.hpp"
#include "graph/operator.hpp"
#include "kernels/random.hpp"

namespace metac {

// ---- leaves ----
Tensor input(Graph&, const Type&);                          // a new one at each call
Tensor constant(Graph&, double value, Dtype = Dtype::f32);  // scalar
Tensor constant(Graph&, const Array&);  // interned by the identity of its memory, which is shared and must
                                        // not change any more; scalars by value
Tensor full(Graph&, const Shape&, double value, Dtype = Dtype::f32);
Tensor iota(Graph&, std::int64_t n);  // i32 [n]: 0, 1, ...
Tensor zeros_like(Tensor);
std::optional<double> constant_value(Tensor);  // of a constant, also behind a few views (broadcast, reshape, ...)
double constant_value(const Node&);            // of a node of constant_operator, as it is in its own dtype
Array array_value(const Node&);                // of a node of array_operator: shares its memory

// ---- pointwise ----
// Where a derivative is infinite or not defined at a point, it is 0 there if the line says so, at every order.
Tensor neg(Tensor);
Tensor abs(Tensor);
Tensor sign(Tensor);
Tensor exp(Tensor);
Tensor expm1(Tensor);
Tensor log(Tensor);
Tensor log1p(Tensor);
Tensor sqrt(Tensor);   // its derivative at 0 is 0, so that a differentiated Adam stays finite
Tensor rsqrt(Tensor);  // 1 / sqrt(x); infinite at 0 of either sign, where its derivative is 0
Tensor sin(Tensor);
Tensor cos(Tensor);
Tensor tan(Tensor);
Tensor asin(Tensor);  // NaN beyond -1 and 1, where its derivative is 0
Tensor acos(Tensor);  // so too
Tensor atan(Tensor);
Tensor atan2(Tensor y, Tensor x);  // angle of the point (x, y); at (0, 0) its derivative is 0
Tensor sinh(Tensor);               // infinite from where exp is
Tensor cosh(Tensor);
Tensor tanh(Tensor);
Tensor erf(Tensor);
Tensor lgamma(Tensor);  // log |gamma(x)|
Tensor digamma(Tensor);
Tensor polygamma(int order, Tensor);  // derivative of this order of digamma; order 0 to 100
Tensor sigmoid(Tensor);
Tensor softplus(Tensor);  // log(1 + exp(x))
Tensor silu(Tensor);      // x sigmoid(x)
Tensor gelu(Tensor);      // x times the normal distribution function at x
Tensor relu(Tensor);      // maximum(x, 0); NaN stays NaN; its derivative at 0 is 0
Tensor floor(Tensor);
Tensor ceil(Tensor);
Tensor round(Tensor);  // halves to the even neighbour
Tensor square(Tensor);
Tensor is_finite(Tensor);  // bool
Tensor is_nan(Tensor);
Tensor is_inf(Tensor);
Tensor add(Tensor, Tensor);
Tensor sub(Tensor, Tensor);
Tensor mul(Tensor, Tensor);
Tensor div(Tensor, Tensor);
Tensor pow(Tensor, Tensor);                    // at a base of 0 the derivative to the exponent is 0
Tensor remainder(Tensor, Tensor);              // exact; 0 or of the sign of the second: a - b floor(a / b)
Tensor clip(Tensor, Tensor low, Tensor high);  // at a bound the derivative is that of x; the upper bound wins
Tensor clip(Tensor, double low, double high);
Tensor maximum(Tensor, Tensor);
Tensor minimum(Tensor, Tensor);  // where equal, the derivative goes to the second
Tensor equal(Tensor, Tensor);
Tensor not_equal(Tensor, Tensor);
Tensor less(Tensor, Tensor);
Tensor less_equal(Tensor, Tensor);
Tensor greater(Tensor, Tensor);
Tensor greater_equal(Tensor, Tensor);
Tensor logical_and(Tensor, Tensor);
Tensor logical_or(Tensor, Tensor);
Tensor logical_xor(Tensor, Tensor);
Tensor logical_not(Tensor);
Tensor select(Tensor condition, Tensor if_true, Tensor if_false);
Tensor cast(Tensor, Dtype);  // to i32: towards zero, limited to its range, 0 of NaN; to bool: whether it is not 0

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
Tensor any(Tensor, std::vector<int> axes, bool keep = false);  // of bools
Tensor all(Tensor, std::vector<int> axes, bool keep = false);
Tensor logsumexp(Tensor, std::vector<int> axes, bool keep = false);  // where it is -infinity its derivative is 0
// The sum of squared deviations from the mean, over the number of elements less the correction.
Tensor variance(Tensor, std::vector<int> axes, bool keep = false, int correction = 0);
Tensor standard_deviation(Tensor, std::vector<int> axes, bool keep = false, int correction = 0);  // 0: derivative 0
// (sum |x|^order)^(1/order), order 1 to infinity; where it is 0 its derivative is 0, and so it is at elements that are
// 0.
Tensor norm(Tensor, std::vector<int> axes, bool keep = false, double order = 2);
Tensor softmax(Tensor, int axis);
Tensor log_softmax(Tensor, int axis);
Tensor sum_to(Tensor, const Shape&);  // the transpose of broadcast_to

// ---- along one axis ----
Tensor argmax(Tensor, int axis);  // i32; the first of equals, a NaN wins
Tensor argmin(Tensor, int axis);
Tensor cumulative_sum(Tensor, int axis, bool reverse = false);  // of each element and those before it (after it)
Tensor cumulative_product(Tensor, int axis);                    // exact derivatives also at zeros
// i32: the order of the elements; equal ones keep theirs. NaN counts as larger than every number.
Tensor argsort(Tensor, int axis, bool descending = false);
Tensor sort(Tensor, int axis, bool descending = false);
struct TopK {
  Tensor values, indices;
};
TopK top_k(Tensor, std::int64_t k, int axis = -1);  // the largest ones, the largest first

// ---- structure ----
Tensor reshape(Tensor, const Shape&);  // one size may be -1
Tensor transpose(Tensor, std::vector<int> permutation);
Tensor broadcast_to(Tensor, const Shape&);
Tensor slice(Tensor, const Shape& begin, const Shape& end, const Shape& step = {});  // steps >= 1; empty: all 1
Tensor slice_axis(Tensor, int axis, std::int64_t begin, std::int64_t end, std::int64_t step = 1);
Tensor index_axis(Tensor, int axis, std::int64_t index);      // that axis is dropped
Tensor pad(Tensor, const Shape& before, const Shape& after);  // zeros
Tensor pad(Tensor, const Shape& before, const Shape& after, double value);
enum class Padding {
  edge,    // the last element again and again: at least one is needed
  reflect  // backwards from the one before the last: more elements than places of padding are needed
};
Tensor pad(Tensor, const Shape& before, const Shape& after, Padding);
Tensor flip(Tensor, int axis);
Tensor concatenate(std::vector<Tensor>, int axis);
Tensor stack(std::vector<Tensor>, int axis);
std::vector<Tensor> split(Tensor, std::int64_t parts, int axis);  // equal ones
std::vector<Tensor> split(Tensor, const std::vector<std::int64_t>& sizes, int axis);
Tensor tile(Tensor, const Shape& times);              // the whole again and again, along each axis
Tensor roll(Tensor, std::int64_t shift, int axis);    // towards the end; what falls off comes in at the beginning
Tensor gather(Tensor table, Tensor index);            // rows of the first axis; NaN out of range
Tensor take(Tensor, Tensor index, int axis);          // the same along any axis, which the index's axes replace
Tensor gather_along(Tensor, Tensor index, int axis);  // an index for each element; NaN out of range
Tensor scatter_add(Tensor rows, Tensor index, std::int64_t n);  // each row added to zeros at its index
Tensor scatter_set(Tensor table, Tensor rows, Tensor index);    // of equal indices the last counts
Tensor last_place(Tensor index, std::int64_t n);  // i32[..., m] to [..., n]: where each number stands last, or -1
// A block that begins at i32[rank], which is moved to where the block fits.
Tensor dynamic_slice(Tensor, Tensor begin, const Shape& size);
Tensor dynamic_update(Tensor, Tensor block, Tensor begin);
Tensor one_hot(Tensor index, std::int64_t n, Dtype = Dtype::f32);
Tensor checked_labels(Tensor labels, std::int64_t classes);  // themselves; a run Errors where one is out of range

// ---- matrices [..., rows, columns] ----
// bool: where column <= row + offset.
Tensor triangle(Graph&, std::int64_t rows, std::int64_t columns, std::int64_t offset = 0);
Tensor lower_triangle(Tensor, std::int64_t offset = 0);  // zeros where column > row + offset
Tensor upper_triangle(Tensor, std::int64_t offset = 0);  // zeros where column < row + offset
Tensor diagonal(Tensor);
Tensor diagonal_matrix(Tensor);  // [..., n] to [..., n, n]
Tensor identity(Graph&, std::int64_t n, Dtype = Dtype::f32);

// ---- contractions ----
Tensor matmul(
    Tensor,
    Tensor);  // [batch..., m, k] x [batch..., k, n]; batch axes broadcast; a vector stands for one row or column
Tensor squared_products(Tensor a, Tensor b);  // [k, m] and [k, n] give [m, n]: the sum over k of (a[k, i] * b[k, j])^2
// Sums of products over axes_a of the first and axes_b of the second operand, for each index of the batch axes. The
// result has the batch axes, then the others of a, then the others of b.
Tensor contract(Tensor a, Tensor b, std::vector<int> axes_a, std::vector<int> axes_b, std::vector<int> batch_a = {},
                std::vector<int> batch_b = {});
// "ij,jk->ik": every axis has a letter; what the result does not name is summed. A letter twice in one operand is a
// diagonal, "..." stands for further axes. Operands are multiplied from left to right.
Tensor einsum(const std::string& equation, std::vector<Tensor>);

// ---- linear algebra: of matrices in the last two axes; the others, which broadcast, are a batch ----
// Computed in f64, in a fixed order. A matrix with an element that is not finite gives NaN. A singular or indefinite
// matrix, and a derivative that does not exist, are an Error of the run that meets them.
Tensor cholesky(Tensor);  // lower factor of the symmetric part
// t^-1 b of the lower or upper triangle of a, or of its transpose. The other triangle is not read.
Tensor triangular_solve(Tensor a, Tensor b, bool lower = true, bool transposed = false);
Tensor solve(Tensor a, Tensor b);  // a^-1 b; b is [..., n, k], or a vector [..., n] if it has one axis less than a
Tensor inverse(Tensor);
Tensor determinant(Tensor);  // 0 of a singular matrix, where it has no derivative here
struct SignedLogarithm {
  Tensor sign, logarithm;
};
SignedLogarithm log_determinant(Tensor);  // of the size; 0 and -infinity of a singular matrix
struct QrFactors {
  Tensor q, r;  // [..., m, k] and [..., k, n] for k = min(m, n)
};
// The diagonal of r is not negative. The derivative needs the first k columns to be independent.
QrFactors qr(Tensor);
struct SymmetricEigen {
  Tensor values, vectors;  // ascending [..., n]; columns of [..., n, n]
};
// Of the symmetric part. Of each vector the component of the largest size is positive. The derivatives of the vectors,
// and second ones of the values, need distinct values.
SymmetricEigen symmetric_eigen(Tensor);
struct SingularValues {
  Tensor u, s, v;  // a = u diag(s) v^T: [..., m, k], descending [..., k], [..., n, k] for k = min(m, n)
};
// The component of the largest size of each column of v (of u, if m < n) is positive. The derivatives of u and v, and
// second ones of s, need distinct values, and for the longer of both sides none that is 0.
SingularValues singular_values(Tensor);

// The first, or an Error with this text from the run where the condition does not hold somewhere.
Tensor checked(Tensor value, Tensor condition, const char* message);

// ---- windows over images [n, sizes.., channels] of one, two or three sizes ----
struct ConvolutionWindow {                                                // for each size, or one number for all
  Shape stride = {1}, padding = {0}, padding_after = {}, dilation = {1};  // padding after: as before, unless given
  std::int64_t groups = 1;  // each group of filters sees one group of channels
};
// Weights are [kernel sizes.., channels / groups, filters]. The result has sizes
// (size + padding + padding_after - dilation * (kernel size - 1) - 1) / stride + 1, and the filters as channels.
Tensor convolution(Tensor image, Tensor weights, const ConvolutionWindow& = {});
// Its transpose: from the result's form back to the image's. Weights are those of the convolution: [kernel sizes..,
// channels of the result / groups, channels of the image]. Of the sizes that a convolution takes to the one given, the
// smallest, plus `further`.
Tensor convolution_transposed(Tensor image, Tensor weights, const ConvolutionWindow& = {}, const Shape& further = {0});

struct PoolingWindow {
  Shape size;
  Shape stride = {};  // as the size, unless given
  Shape padding = {0}, padding_after = {};
};
Tensor max_pool(Tensor image, const PoolingWindow&);  // the derivative goes to the first of equals; a NaN wins
Tensor average_pool(Tensor image, const PoolingWindow&, bool count_padding = true);
// To these sizes: place i of n covers the elements from floor(i size / n) to before ceil((i + 1) size / n). With sizes
// of 1 it is global pooling.
Tensor adaptive_average_pool(Tensor image, const Shape& sizes);
Tensor adaptive_max_pool(Tensor image, const Shape& sizes);  // the derivative is shared equally between equals
enum class Resize { nearest, linear };
// Centres of the new elements are seen in the old ones, whose edges go on beyond them; `linear` is bilinear over two
// sizes.
Tensor resize(Tensor image, const Shape& sizes, Resize);

// ---- randomness: a key is i32[2] ----
Tensor key(Graph&, std::uint64_t seed);
Tensor fold_in(Tensor key, Tensor number);
Tensor fold_in(Tensor key, std::int32_t number);
Tensor random(Tensor key, Distribution, const Shape&,
              Dtype = Dtype::f32);                                // key [batch..., 2] gives [batch..., shape...]
Tensor distinct(Tensor key, std::int64_t n, std::int64_t count);  // i32: different ones of 0 .. n - 1, in random order
// Draws of one key i32[2] and parameters, in their shape.
Tensor random_gamma(Tensor key, Tensor shape);              // scale 1; the derivative to the shape is the implicit one
Tensor random_log_gamma(Tensor key, Tensor shape);          // its logarithm, which shapes near 0 do not make 0
Tensor random_beta(Tensor key, Tensor a, Tensor b);         // differentiable, too
Tensor random_dirichlet(Tensor key, Tensor concentration);  // over the last axis; differentiable, too
Tensor random_bernoulli(Tensor key, Tensor probability);    // bool
Tensor random_categorical(Tensor key, Tensor logits);       // i32[...] for logits [..., n]
Tensor random_choice(Tensor key, Tensor logits,
                     std::int64_t count);  // i32[..., count]: one after the other, never twice
Tensor random_permutation(Tensor key, std::int64_t n);
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

// Runtime facts of a `map` node, for the transformations and the plan. Its inputs are the sequences (the first of them
// is always an iota: the index), then the captures; attributes.object is the Body.
struct MapBody {
  Region region;
  int sequences = 0;
  std::int64_t length = 0;
  std::vector<MapBuilder::Output> outputs;
};
extern const Operator matmul_operator, map_operator, part_operator, alias_operator, stop_gradient_operator,
    constant_operator, array_operator, iota_operator;
const MapBody& map_body(const Node&);
Tensor part(Tensor map_node, int index);
// The map of a body, on inputs that fit it (as checked by its shape rule).
Tensor push_map(Graph&, std::span<const Tensor> inputs, MapBody);

// A batching rule that every operator may use: runs the operator in a `map` over the batch.
Tensor batch_by_map(const BatchSite&);

}  // namespace metac
