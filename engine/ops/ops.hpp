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

struct OpenLoop;  // of the implementation

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
// Where a derivative is infinite or not defined at a point, it is 0 there if the line says so, at every order.
Tensor neg(Tensor);                   // -x
Tensor abs(Tensor);                   // |x|; its derivative at 0 is 0
Tensor sign(Tensor);                  // -1, 0 or 1; NaN stays NaN
Tensor exp(Tensor);                   // e^x
Tensor expm1(Tensor);                 // e^x - 1, exact near 0
Tensor log(Tensor);                   // the natural logarithm: -infinity at 0, NaN below
Tensor log1p(Tensor);                 // log(1 + x), exact near 0
Tensor sqrt(Tensor);                  // its derivative at 0 is 0, so that a differentiated Adam stays finite
Tensor rsqrt(Tensor);                 // 1 / sqrt(x); infinite at 0 of either sign, where its derivative is 0
Tensor sin(Tensor);                   // sine
Tensor cos(Tensor);                   // cosine
Tensor tan(Tensor);                   // tangent
Tensor asin(Tensor);                  // arc sine, -pi/2 to pi/2; NaN beyond -1 and 1, where its derivative is 0
Tensor acos(Tensor);                  // arc cosine, 0 to pi; so too
Tensor atan(Tensor);                  // arc tangent, -pi/2 to pi/2
Tensor atan2(Tensor y, Tensor x);     // angle of the point (x, y); at (0, 0) its derivative is 0
Tensor sinh(Tensor);                  // (e^x - e^-x) / 2; infinite from where exp is
Tensor cosh(Tensor);                  // (e^x + e^-x) / 2
Tensor tanh(Tensor);                  // sinh / cosh
Tensor erf(Tensor);                   // 2 / sqrt(pi) times the integral of e^(-t^2) from 0 to x
Tensor erf_inverse(Tensor);           // infinite at -1 and 1, NaN beyond
Tensor lgamma(Tensor);                // log |gamma(x)|
Tensor digamma(Tensor);               // its derivative; infinite at 0, NaN at negative whole numbers
Tensor polygamma(int order, Tensor);  // derivative of this order of digamma; order 0 to 100
Tensor sigmoid(Tensor);               // 1 / (1 + e^-x)
Tensor softplus(Tensor);              // log(1 + exp(x))
Tensor silu(Tensor);                  // x sigmoid(x)
Tensor gelu(Tensor);                  // x times the normal distribution function at x
Tensor relu(Tensor);                  // maximum(x, 0); NaN stays NaN; its derivative at 0 is 0
Tensor floor(Tensor);                 // down to a whole number
Tensor ceil(Tensor);                  // up to a whole number
Tensor round(Tensor);                 // halves to the even neighbour
Tensor square(Tensor);                // x^2
Tensor is_finite(Tensor);             // bool: neither infinite nor NaN
Tensor is_nan(Tensor);                // bool
Tensor is_inf(Tensor);                // bool: infinity of either sign
Tensor add(Tensor, Tensor);           // a + b
Tensor sub(Tensor, Tensor);           // a - b
Tensor mul(Tensor, Tensor);           // a b, element by element
Tensor div(Tensor, Tensor);           // a / b, of floats
Tensor pow(Tensor, Tensor);           // a^b; at a base of 0 the derivative to the exponent is 0
Tensor remainder(Tensor, Tensor);     // exact; 0 or of the sign of the second: a - b floor(a / b)
Tensor clip(Tensor, Tensor low, Tensor high);  // at a bound the derivative is that of x; the upper bound wins
Tensor clip(Tensor, double low, double high);
Tensor maximum(Tensor, Tensor);        // the larger one; NaN if one is NaN
Tensor minimum(Tensor, Tensor);        // so too; where equal, the derivative of both goes to the second
Tensor equal(Tensor, Tensor);          // a == b; a comparison with NaN is false
Tensor not_equal(Tensor, Tensor);      // a != b; true with NaN
Tensor less(Tensor, Tensor);           // a < b
Tensor less_equal(Tensor, Tensor);     // a <= b
Tensor greater(Tensor, Tensor);        // a > b
Tensor greater_equal(Tensor, Tensor);  // a >= b
Tensor logical_and(Tensor, Tensor);    // of bools: both
Tensor logical_or(Tensor, Tensor);     // one or both
Tensor logical_xor(Tensor, Tensor);    // one, not both
Tensor logical_not(Tensor);
// The second where the bool condition holds, else the third, which has its dtype. Both are computed: see `branch`.
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

// ---- reductions: over the axes given; those axes are dropped, or kept with size 1 ----
// Of no elements the sum is 0, the product 1, the mean NaN, the maximum -infinity (the smallest i32). Sums of f32 are
// added up in f64 from tile to tile, in an order that depends on the shape only.
std::vector<int> all_axes(Tensor);  // 0, 1, ... as many as it has
Tensor sum(Tensor, std::vector<int> axes, bool keep = false);
Tensor mean(Tensor, std::vector<int> axes, bool keep = false);
Tensor max(Tensor, std::vector<int> axes, bool keep = false);  // the largest; derivative: shared equally between equals
Tensor min(Tensor, std::vector<int> axes, bool keep = false);
Tensor prod(Tensor, std::vector<int> axes, bool keep = false);
Tensor sum(Tensor);  // over all axes: a scalar
Tensor mean(Tensor);
Tensor any(Tensor, std::vector<int> axes, bool keep = false);  // of bools
Tensor all(Tensor, std::vector<int> axes, bool keep = false);
// The logarithm of the sum of e^x, with no overflow; where it is -infinity its derivative is 0.
Tensor logsumexp(Tensor, std::vector<int> axes, bool keep = false);
// The sum of squared deviations from the mean, over the number of elements less the correction.
Tensor variance(Tensor, std::vector<int> axes, bool keep = false, int correction = 0);
Tensor standard_deviation(Tensor, std::vector<int> axes, bool keep = false, int correction = 0);  // 0: derivative 0
// (sum |x|^order)^(1/order), order 1 to infinity; where it is 0 its derivative is 0, and so it is at elements that are
// 0.
Tensor norm(Tensor, std::vector<int> axes, bool keep = false, double order = 2);
Tensor softmax(Tensor, int axis);  // e^x over its sum along the axis; no overflow
Tensor log_softmax(Tensor, int axis);
Tensor sum_to(Tensor, const Shape&);  // the transpose of broadcast_to: sums to a shape that broadcasts to that of x

// ---- along one axis ----
// i32: the place of the largest along the axis, which is dropped; the first of equals, a NaN wins.
Tensor argmax(Tensor, int axis);
Tensor argmin(Tensor, int axis);                                // of the smallest
Tensor cumulative_sum(Tensor, int axis, bool reverse = false);  // of each element and those before it (after it)
Tensor cumulative_product(Tensor, int axis);                    // exact derivatives also at zeros
// i32: the order of the elements; equal ones keep theirs. NaN counts as larger than every number.
Tensor argsort(Tensor, int axis, bool descending = false);
Tensor sort(Tensor, int axis, bool descending = false);  // the elements in the order of argsort
struct TopK {
  Tensor values, indices;
};
TopK top_k(Tensor, std::int64_t k, int axis = -1);  // the largest ones, the largest first

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
Tensor slice_axis(Tensor, int axis, std::int64_t begin, std::int64_t end, std::int64_t step = 1);
// One place of an axis, which is dropped. A negative index counts from the end.
Tensor index_axis(Tensor, int axis, std::int64_t index);
// With so many zeros along each axis, or so many of another value.
Tensor pad(Tensor, const Shape& before, const Shape& after);
Tensor pad(Tensor, const Shape& before, const Shape& after, double value);
enum class Padding {
  edge,    // the last element again and again: at least one is needed
  reflect  // backwards from the one before the last: more elements than places of padding are needed
};
Tensor pad(Tensor, const Shape& before, const Shape& after, Padding);
Tensor flip(Tensor, int axis);  // backwards along the axis
// One after the other along an axis; all other sizes are equal. At least one.
Tensor concatenate(std::vector<Tensor>, int axis);
// Side by side along a new axis; all of one shape. At least one.
Tensor stack(std::vector<Tensor>, int axis);
std::vector<Tensor> split(Tensor, std::int64_t parts, int axis);  // equal ones
std::vector<Tensor> split(Tensor, const std::vector<std::int64_t>& sizes, int axis);
// The elements of all tensors, of one dtype, one after the other; and back: as many in the shape of each of `like`.
// At least one tensor; the vector has as many elements as they have together.
Tensor to_vector(TensorList);
std::vector<Tensor> from_vector(Tensor vector, TensorList like);
Tensor tile(Tensor, const Shape& times);            // the whole again and again, along each axis
Tensor roll(Tensor, std::int64_t shift, int axis);  // towards the end; what falls off comes in at the beginning
// table [rows, ...] at index i32[...]: [index..., ...]. Out of range it is NaN (the smallest i32, false).
Tensor gather(Tensor table, Tensor index);
Tensor take(Tensor, Tensor index, int axis);          // the same along any axis, which the index's axes replace
Tensor gather_along(Tensor, Tensor index, int axis);  // an index for each element; NaN out of range
// [n, ...]: zeros, to which each row is added at its index; rows out of range are left out.
Tensor scatter_add(Tensor rows, Tensor index, std::int64_t n);
Tensor scatter_set(Tensor table, Tensor rows, Tensor index);  // of equal indices the last counts
Tensor last_place(Tensor index, std::int64_t n);  // i32[..., m] to [..., n]: where each number stands last, or -1
// A block that begins at i32[rank], which is moved to where the block fits.
Tensor dynamic_slice(Tensor, Tensor begin, const Shape& size);
Tensor dynamic_update(Tensor, Tensor block, Tensor begin);
// i32[...] gives [..., n]: 1 at the index, else 0; zeros where it is out of range.
Tensor one_hot(Tensor index, std::int64_t n, Dtype = Dtype::f32);
Tensor checked_labels(Tensor labels, std::int64_t classes);  // themselves; a run Errors where one is out of range

// ---- matrices [..., rows, columns] ----
// bool: where column <= row + offset.
Tensor triangle(Graph&, std::int64_t rows, std::int64_t columns, std::int64_t offset = 0);
Tensor lower_triangle(Tensor, std::int64_t offset = 0);  // zeros where column > row + offset
Tensor upper_triangle(Tensor, std::int64_t offset = 0);  // zeros where column < row + offset
Tensor diagonal(Tensor);                                 // to [..., n] for the smaller size n
Tensor diagonal_matrix(Tensor);                          // [..., n] to [..., n, n]
Tensor identity(Graph&, std::int64_t n, Dtype = Dtype::f32);

// ---- contractions ----
// [batch..., m, k] x [batch..., k, n] gives [batch..., m, n]; batch axes broadcast. A vector stands for one row on the
// left, one column on the right, and its axis is dropped.
Tensor matmul(Tensor, Tensor);
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

// ---- randomness ----
// Counter-based: Philox4x32-10 (Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3"). Every draw takes a
// key, i32[2]; the same key gives the same numbers, whatever the threads, so two draws need two keys.
// Derivatives do not flow through draws, but through those of which it is said.

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
// For each limit i32[...] a number of 0 ... limit - 1; the key is i32[2].
Tensor random_below(Tensor key, Tensor limit);

// ---- derivatives and control: loops with carries, branches, rules of one's own are in control.hpp ----
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
  Graph& graph();                             // of the body
  const std::vector<Tensor>& slices() const;  // of each sequence, for the task at hand
  Tensor index() const;                       // of the task at hand, an i32 scalar
  std::int64_t length() const;
  struct Result {
    Tensor value;  // any value of the body, or of a graph around it
    Output output = stacked;
  };
  // Ends the body. The results of all tasks, of the outer graph: [length, ...] where stacked, as in the body where
  // summed.
  std::vector<Tensor> close(const std::vector<Result>&);

 private:
  std::shared_ptr<OpenLoop> loop_;
};

}  // namespace metac
