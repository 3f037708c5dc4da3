// See random_graph.hpp. The draws depend on shapes only, never on what a function returned: so all forms of one seed
// are one program.
#include "fuzz/random_graph.hpp"

#include <algorithm>
#include <cmath>

#include "transform/transform.hpp"

namespace metac::testing {
namespace {

constexpr int deepest = 2;    // regions in regions
constexpr int most_axes = 5;  // of one value: a batch or a region adds some

class Generator {
 public:
  Generator(std::uint32_t seed, Dtype dtype, Form form)
      : random_(seed), dtype_(dtype), form_(form), smooth_(is_smooth(seed)) {}

  RandomGraph make() {
    order_ = pick(4);  // of derivatives: 0, 1, or 2 in half of the graphs
    specials_ = order_ == 0 && once_in(2);
    most_ = once_in(20) ? 1000 : 48;
    std::vector<Tensor> pool;
    for (int i = 0, n = 1 + pick(3); i < n; ++i) pool.push_back(add_input(random_shape()));
    grow(graph(), pool, 2 + pick(18), 0);
    const int n = static_cast<int>(pool.size());
    for (int i = 0; i < 1 + pick(3); ++i) result_.outputs.push_back(pool[n - 1 - std::min(n - 1, pick(4))]);
    result_.derivatives = result_.outputs.size();
    if (order_ > 0) add_derivatives();
    return std::move(result_);
  }

 private:
  Graph& graph() { return *result_.graph; }
  int pick(int n) { return static_cast<int>(random_() % static_cast<unsigned>(n)); }
  bool once_in(int n) { return pick(n) == 0; }
  Tensor any(const std::vector<Tensor>& pool) { return pool[pick(static_cast<int>(pool.size()))]; }
  Tensor recent(const std::vector<Tensor>& pool) {
    const int n = static_cast<int>(pool.size());
    return once_in(3) ? any(pool) : pool[n - 1 - pick(std::min(n, 4))];
  }
  int any_axis(Tensor x) { return pick(x.shape().rank()); }

  // ---- leaves ----

  std::int64_t random_size() {
    constexpr std::int64_t sizes[] = {1, 2, 2, 3, 3, 4, 5, 1, 7, 9, 17, 33};
    return once_in(40) ? 0 : sizes[pick(most_ > 100 ? 12 : 8)];
  }
  Shape random_shape() {
    Shape shape;
    const int rank = pick(4);
    for (int i = 0; i < rank; ++i) shape.push_back(random_size());
    while (shape.elements() > most_) shape[pick(rank)] = 1;
    return shape;
  }

  // Eighths: exact in both dtypes, often equal, and their sums and products stay exact for a while.
  double random_value() {
    constexpr double special[] = {0, -0.0, INFINITY, -INFINITY, NAN, 0x1p100};
    if (specials_ && once_in(5)) return special[pick(6)];
    return (pick(33) - 16) / 8.0;
  }
  static void put(Array& array, std::int64_t i, double value) {
    if (array.dtype() == Dtype::f32) array.as<float>()[i] = static_cast<float>(value);
    if (array.dtype() == Dtype::f64) array.as<double>()[i] = value;
    if (array.dtype() == Dtype::i32) array.as<std::int32_t>()[i] = static_cast<std::int32_t>(value);
  }
  Array random_array(const Shape& shape) {
    Array array(Type{dtype_, shape});
    for (std::int64_t i = 0; i < array.elements(); ++i) put(array, i, random_value());
    return array;
  }
  Array random_indices(const Shape& shape, std::int64_t low, std::int64_t high) {
    Array array(Type{Dtype::i32, shape});
    for (std::int64_t i = 0; i < array.elements(); ++i)
      put(array, i, static_cast<double>(low + pick(static_cast<int>(high - low))));
    return array;
  }

  Tensor add_input(const Shape& shape) {
    const Tensor x = input(graph(), {dtype_, shape});
    result_.inputs.push_back(x);
    result_.given[x.id()] = random_array(shape);
    return x;
  }
  Tensor known(const Array& array) {
    if (form_ == Form::plain) return constant(graph(), array);
    const Tensor x = input(graph(), array.type());
    result_.given[x.id()] = array;
    return alias(x, graph());
  }
  Tensor number(double value) {
    Array array(Type{dtype_, {}});
    put(array, 0, value);
    return known(array);
  }
  // Often those that simplifications look for.
  Tensor random_number() {
    constexpr double values[] = {0, 1, -1, 2, 0.5, -0.0, 1, 0};
    return number(once_in(2) ? values[pick(8)] : random_value());
  }

  Tensor behind(Tensor x, Graph& here) { return form_ == Form::opaque ? alias(x, here) : x; }

  bool fits(Tensor x) const { return x.shape().rank() <= most_axes && x.type().elements() <= most_; }

  // ---- steps ----

  void grow(Graph& here, std::vector<Tensor>& pool, int steps, int depth) {
    for (int i = 0; i < steps; ++i) {
      if (depth < deepest && once_in(9)) {
        run_tasks(here, pool, depth);
        continue;
      }
      const Tensor made = step(here, pool);
      if (made && fits(made)) pool.push_back(behind(made, here));
    }
  }

  Tensor step(Graph& here, std::vector<Tensor>& pool) {
    const Tensor a = recent(pool);
    switch (pick(16)) {
      case 0:
      case 1:
        return smooth_function(a);
      case 2:
        return smooth_ ? smooth_function(a) : jumping_function(a);
      case 3:
      case 4:
        return binary(a, partner(pool, a));
      case 5:
        return smooth_ ? binary(a, random_number()) : jumping_binary(a, partner(pool, a));
      case 6:
        return once_in(2) ? binary(a, random_number()) : binary(a, rearranged(a));
      case 7:
        return reduction(a);
      case 8:
        return view(a);
      case 9:
        return arrangement(a, pool);
      case 10:
        return a.shape().empty() ? smooth_function(a) : along_axis(a);
      case 11:
        return a.shape().empty() ? view(a) : indexing(a, pool);
      case 12:
        return product(a, pool);
      case 13:
        return window(a, pool);
      case 14:
        return inner_gradient(here, a);
      default:
        return once_in(4) ? stop_gradient(a) : view(a);
    }
  }

  Tensor smooth_function(Tensor a) {
    switch (pick(14)) {
      case 0:
        return neg(a);
      case 1:
        return tanh(a);
      case 2:
        return sigmoid(a);
      case 3:
        return sin(a);
      case 4:
        return cos(a);
      case 5:
        return exp(tanh(a));
      case 6:
        return square(a);
      case 7:
        return log1p(square(a));
      case 8:
        return sqrt(square(a) + 1.0);
      case 9:
        return erf(a);
      case 10:
        return softplus(a);
      case 11:
        return silu(a);
      case 12:
        return gelu(a);
      default:
        return once_in(2) ? expm1(tanh(a)) : log(square(a) + 0.5);
    }
  }

  Tensor jumping_function(Tensor a) {
    switch (pick(11)) {
      case 0:
        return abs(a);
      case 1:
        return sign(a);
      case 2:
        return floor(a);
      case 3:
        return round(a);
      case 4:
        return relu(a);
      case 5:
        return ceil(a);
      case 6:
        return clip(a, -0.5, 1);
      case 7:
        return cast(cast(a, Dtype::i32), dtype_);
      case 8:
        return select(is_finite(a), a, zeros_like(a));
      case 9:
        return once_in(2) ? sqrt(a) : log(a);
      default:
        return cast(cast(a, Dtype::boolean), dtype_);
    }
  }

  bool broadcasts(const Shape& a, const Shape& b) const {
    std::int64_t elements = 1;
    for (int i = 1; i <= std::max(a.rank(), b.rank()); ++i) {
      const std::int64_t x = i <= a.rank() ? a[a.rank() - i] : 1, y = i <= b.rank() ? b[b.rank() - i] : 1;
      if (x != y && x != 1 && y != 1) return false;
      elements *= x == 1 ? y : x;
    }
    return elements <= most_;
  }
  Tensor partner(const std::vector<Tensor>& pool, Tensor a) {
    for (int i = 0; i < 6; ++i)
      if (const Tensor b = any(pool); broadcasts(a.shape(), b.shape())) return b;
    return once_in(2) ? random_number() : known(random_array(a.shape()));
  }

  // The same elements of the same shape, as a view of a if that is possible.
  Tensor rearranged(Tensor a) {
    const Shape& shape = a.shape();
    if (shape.empty()) return a;
    const int axis = any_axis(a);
    if (shape.rank() == 2 && shape[0] == shape[1] && once_in(2)) return transpose(a, {1, 0});
    if (shape[axis] > 0 && once_in(3)) return broadcast_to(slice_axis(a, axis, shape[axis] - 1, shape[axis]), shape);
    return flip(a, axis);
  }

  Tensor binary(Tensor a, Tensor b) {
    if (once_in(2)) std::swap(a, b);
    switch (pick(8)) {
      case 0:
      case 1:
        return add(a, b);
      case 2:
        return sub(a, b);
      case 3:
      case 4:
        return mul(a, b);
      case 5:
        return once_in(4) ? div(a, b) : div(a, square(b) + 0.5);
      case 6:
        return atan2(a, square(b) + 0.25);
      default:
        return once_in(4) ? pow(square(a), b) : pow(square(a) + 0.5, tanh(b));
    }
  }

  Tensor jumping_binary(Tensor a, Tensor b) {
    switch (pick(6)) {
      case 0:
        return maximum(a, b);
      case 1:
        return minimum(a, b);
      case 2:
        return select(less(a, b), a, mul(a, b));
      case 3:
        return select(logical_or(equal(a, b), less_equal(b, a)), b, a);
      case 4:
        return remainder(a, square(b) + 0.5);
      default:
        return cast(logical_and(not_equal(a, b), logical_not(less(b, a))), dtype_);
    }
  }

  std::vector<int> random_axes(Tensor a) {
    std::vector<int> axes;
    for (int axis = 0; axis < a.shape().rank(); ++axis)
      if (once_in(2)) axes.push_back(once_in(4) ? axis - a.shape().rank() : axis);
    return axes;
  }

  Tensor reduction(Tensor a) {
    const auto axes = random_axes(a);
    const bool keep = once_in(2);
    switch (pick(smooth_ ? 5 : 9)) {
      case 0:
        return sum(a, axes, keep);
      case 1:
        return mean(a, axes, keep);
      case 2:
        return prod(a, axes, keep);
      case 3:
        return variance(a, axes, keep);
      case 4:
        return once_in(2) ? sum(mul(a, a), axes, keep) : standard_deviation(a, axes, keep);
      case 5:
        return max(a, axes, keep);
      case 6:
        return min(a, axes, keep);
      case 7:
        return norm(a, axes, keep, 1 + pick(3));
      default:
        return logsumexp(a, axes, keep);
    }
  }

  Tensor view(Tensor a) {
    const Shape& shape = a.shape();
    const int rank = shape.rank();
    if (rank == 0) return once_in(2) ? reshape(a, {1, 1}) : broadcast_to(a, {1 + pick(3)});
    const int axis = pick(rank);
    switch (pick(8)) {
      case 0:
        return reshape(a, {a.type().elements()});
      case 1: {
        std::vector<int> order(rank);
        for (int i = 0; i < rank; ++i) order[i] = i;
        for (int i = rank - 1; i > 0; --i) std::swap(order[i], order[pick(i + 1)]);
        return transpose(a, order);
      }
      case 2:
        return flip(a, axis);
      case 3: {
        const std::int64_t begin = pick(static_cast<int>(shape[axis]) + 1),
                           end = begin + pick(static_cast<int>(shape[axis] - begin) + 1);
        return slice_axis(a, axis, begin, end, 1 + pick(2));
      }
      case 4:
        return shape[axis] > 0 ? index_axis(a, axis, pick(static_cast<int>(shape[axis]))) : neg(a);
      case 5:
        return rank < 4 ? broadcast_to(a, shape.with_front(1 + pick(3))) : a;
      case 6:
        return rank < 4 ? reshape(a, once_in(2) ? shape.with_front(1) : with_back(shape, 1)) : a;
      default:
        return once_in(3) ? tile(a, Shape(rank, 1 + pick(2))) : roll(a, pick(7) - 3, axis);
    }
  }

  static Shape with_back(Shape shape, std::int64_t size) {
    shape.push_back(size);
    return shape;
  }

  Tensor arrangement(Tensor a, const std::vector<Tensor>& pool) {
    const Shape& shape = a.shape();
    const int rank = shape.rank();
    if (rank == 0) return stack({a, a}, 0);
    const int axis = pick(rank);
    Shape before(rank, 0), after(rank, 0);
    switch (pick(8)) {
      case 0:
        before[axis] = pick(3), after[pick(rank)] = pick(2);
        return once_in(2) ? pad(a, before, after) : pad(a, before, after, 0.5);
      case 1:
        if (shape[axis] > 0) before[axis] = pick(3), after[axis] = pick(3);
        return pad(a, before, after, Padding::edge);
      case 2:
        if (shape[axis] > 1) before[axis] = 1, after[axis] = pick(static_cast<int>(shape[axis]));
        return pad(a, before, after, Padding::reflect);
      case 3:
        return stack({a, same_shape(pool, a), a}, axis);
      case 4:
        return concatenate({same_shape(pool, a), a}, axis);
      case 5: {
        const std::int64_t half = shape[axis] / 2;
        const auto parts = split(a, {half, shape[axis] - half}, axis);
        return concatenate({parts[1] * 2.0, parts[0]}, axis);
      }
      case 6:
        if (rank < 2) return diagonal_matrix(a);
        return once_in(2) ? lower_triangle(a, pick(3) - 1) : upper_triangle(a, pick(3) - 1);
      default:
        return rank < 2 ? diagonal_matrix(a) : diagonal(a);
    }
  }

  Tensor same_shape(const std::vector<Tensor>& pool, Tensor a) {
    for (int i = 0; i < 5; ++i)
      if (const Tensor b = any(pool); b.shape() == a.shape()) return b;
    return known(random_array(a.shape()));
  }

  Tensor along_axis(Tensor a) {
    const int axis = any_axis(a);
    switch (pick(smooth_ ? 2 : 8)) {
      case 0:
        return cumulative_sum(a, axis, once_in(2));
      case 1:
        return cumulative_product(a, axis);
      case 2:
        return softmax(a, axis);
      case 3:
        return log_softmax(a, axis);
      case 4:
        return sort(a, axis, once_in(2));
      case 5:
        return top_k(a, (a.shape()[axis] + 1) / 2, axis).values;
      case 6:
        return a.shape()[axis] > 0 ? cast(once_in(2) ? argmax(a, axis) : argmin(a, axis), dtype_) : neg(a);
      default:
        return cast(argsort(a, axis), dtype_);
    }
  }

  Tensor indexing(Tensor a, const std::vector<Tensor>& pool) {
    const int axis = any_axis(a);
    const std::int64_t size = a.shape()[axis], first = a.shape()[0];
    const auto indices = [&](const Shape& shape, std::int64_t n) { return known(random_indices(shape, -1, n + 1)); };
    switch (pick(7)) {
      case 0:
        return gather(a, known(random_indices({1 + pick(3)}, 0, std::max<std::int64_t>(1, first))));
      case 1:
        return take(a, known(random_indices({2}, 0, std::max<std::int64_t>(1, size))), axis);
      case 2:
        return scatter_add(a, indices({first}, 3), 3);
      case 3: {
        Shape shape = a.shape();
        shape[axis] = 2;
        return size > 0 ? gather_along(a, known(random_indices(shape, 0, size)), axis) : neg(a);
      }
      case 4: {
        const Tensor index = indices({first}, first);
        return scatter_set(a, same_shape(pool, a), index);
      }
      case 5: {
        Shape block = a.shape();
        block[axis] = (size + 1) / 2;
        const Tensor begin = known(random_indices({block.rank()}, -1, 4));
        const Tensor part = dynamic_slice(a, begin, block);
        return once_in(2) ? part : dynamic_update(a, part * 2.0, begin);
      }
      default:
        return one_hot(indices({2}, size), size, dtype_);
    }
  }

  Tensor product(Tensor a, const std::vector<Tensor>& pool) {
    const Shape& shape = a.shape();
    if (shape.empty()) return mul(a, any(pool));
    const std::int64_t inner = shape.back();
    Tensor b = any(pool);
    if (b.shape().empty() || b.shape()[std::max(0, b.shape().rank() - 2)] != inner || b.shape().rank() > 2)
      b = known(random_array({inner, 1 + pick(3)}));
    switch (pick(5)) {
      case 0:
        return matmul(a, b);
      case 1:
        if (shape.rank() == 2) return matmul(a, transpose(a, {1, 0}));
        return matmul(a, b);
      case 2:
        return contract(a, b, {-1}, {b.shape().rank() == 1 ? 0 : -2});
      case 3:
        if (shape.rank() == 2) return once_in(2) ? einsum("ij,ik->jk", {a, a}) : squared_products(a, a);
        return contract(a, a, {0}, {0});
      default:
        if (shape.rank() == 3) return einsum("bij,bkj->bik", {a, tanh(a)});
        return matmul(a, b);
    }
  }

  // An image with the first axis as the batch, the last one as channels.
  Tensor window(Tensor a, const std::vector<Tensor>& pool) {
    if (a.shape().rank() < 2) return arrangement(a, pool);
    Tensor image = a;
    if (image.shape().rank() == 2) image = reshape(image, {1, a.shape()[0], a.shape()[1]});
    const Shape shape = image.shape();
    const int sizes = shape.rank() - 2;
    if (sizes > 2 || *std::min_element(shape.begin() + 1, shape.end()) == 0) return neg(a);
    const std::int64_t kernel = 1 + pick(2), channels = shape.back(), stride = 1 + pick(2);
    switch (pick(smooth_ ? 4 : 6)) {
      case 0:
      case 1: {
        Shape weights(sizes, kernel);
        const std::int64_t groups = channels % 2 == 0 && once_in(3) ? 2 : 1;
        weights.push_back(channels / groups);
        weights.push_back(groups * (1 + pick(2)));
        const Tensor scale = sum(any(pool)), w = mul(known(random_array(weights)), scale);
        const std::int64_t dilation = 1 + pick(2);
        return convolution(image, w,
                           {.stride = {stride}, .padding = {dilation}, .dilation = {dilation}, .groups = groups});
      }
      case 2:
        return average_pool(image, {.size = {kernel}, .stride = {stride}, .padding = {kernel - 1}}, once_in(2));
      case 3: {
        if (once_in(2)) return adaptive_average_pool(image, {2});
        const Resize how = once_in(2) ? Resize::nearest : Resize::linear;
        return resize(image, Shape(sizes, 1 + pick(4)), how);
      }
      case 4:
        return max_pool(image, {.size = {kernel}, .stride = {stride}, .padding = {kernel - 1}});
      default:
        return adaptive_max_pool(image, {2});
    }
  }

  // One step of gradient descent, as a learner takes it.
  Tensor inner_gradient(Graph& here, Tensor a) {
    const Tensor w = alias(a, here);
    const Tensor left = smooth_function(w), loss = sum(left * smooth_function(w));
    return w - grad(loss, w) * 0.25;
  }

  void run_tasks(Graph& here, std::vector<Tensor>& pool, int depth) {
    const Tensor a = recent(pool);
    if (a.shape().empty()) return;
    const std::int64_t length = a.shape()[0];
    std::vector<Tensor> sequences{a};
    if (const Tensor b = any(pool); !b.shape().empty() && b.shape()[0] == length) sequences.push_back(b);
    MapBuilder map(here, sequences, length);
    std::vector<Tensor> inner = map.slices();
    for (int i = 0, n = pick(3); i < n; ++i) inner.push_back(any(pool));
    if (once_in(3)) inner.push_back(cast(map.index(), dtype_));
    grow(map.graph(), inner, 1 + pick(6), depth + 1);
    std::vector<MapBuilder::Result> results;
    for (int i = 0, n = 1 + pick(2); i < n; ++i) {
      const Tensor made = recent(inner);
      results.push_back({made, once_in(2) ? MapBuilder::summed : MapBuilder::stacked});
    }
    for (const Tensor& part : map.close(results))
      if (fits(part)) pool.push_back(behind(part, here));
  }

  // ---- derivatives of the outputs ----

  Tensor weighted_sum(const std::vector<Tensor>& values) {
    Tensor total = number(0);
    for (const Tensor& value : values) total = total + sum(value * known(random_array(value.shape())));
    return behind(total, graph());
  }

  void add_derivatives() {
    const auto first = grad(weighted_sum(result_.outputs), result_.inputs);
    result_.outputs.insert(result_.outputs.end(), first.begin(), first.end());
    if (order_ < 2) return;
    const auto second = grad(weighted_sum(first), result_.inputs);
    result_.outputs.insert(result_.outputs.end(), second.begin(), second.end());
  }

  std::mt19937 random_;
  Dtype dtype_;
  Form form_;
  bool smooth_, specials_ = false;
  int order_ = 0;
  std::int64_t most_ = 0;  // elements of one value
  RandomGraph result_;
};

}  // namespace

bool is_smooth(std::uint32_t seed) { return seed % 2 == 0; }

RandomGraph random_graph(std::uint32_t seed, Dtype dtype, Form form) { return Generator(seed, dtype, form).make(); }

}  // namespace metac::testing
