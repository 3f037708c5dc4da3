// Compositions that arrange elements: stacking, splitting, repeating, rolling, further ways of padding, and the parts
// of matrices.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "ops/family.hpp"

namespace metac {
namespace {

void require_matrix(const char* name, const Tensor& x) {
  require_present(name, {x});
  if (x.shape().rank() < 2)
    throw Error(fmt::format("[{}] {} was given; a matrix [..., rows, columns] is needed", name, to_string(x.type())));
}

// Places before and after along every axis: as many of each as x has axes, none negative.
void require_padding(Tensor x, const Shape& before, const Shape& after) {
  require_present("pad", {x});
  const auto negative = [](auto count) { return count < 0; };
  if (before.rank() == x.shape().rank() && after.rank() == x.shape().rank() &&
      std::none_of(before.begin(), before.end(), negative) && std::none_of(after.begin(), after.end(), negative))
    return;
  throw Error(
      fmt::format("[pad] {} was given for {} places before and {} after; counts of at least 0 for each of {} "
                  "axes are needed",
                  to_string(x.type()), to_string(before), to_string(after), x.shape().rank()));
}

Shape with_size(Shape shape, int axis, std::int64_t size) {
  shape[axis] = size;
  return shape;
}

// The `count` places that follow the end of the axis.
Tensor edge_after(Tensor x, int axis, std::int64_t count) {
  const std::int64_t size = x.shape()[axis];
  return broadcast_to(slice_axis(x, axis, size - 1, size), with_size(x.shape(), axis, count));
}

Tensor reflected_after(Tensor x, int axis, std::int64_t count) {
  const std::int64_t size = x.shape()[axis];
  return flip(slice_axis(x, axis, size - 1 - count, size - 1), axis);
}

// One axis: what is before the beginning of x is after its end when it is flipped.
Tensor pad_axis(Tensor x, int axis, std::int64_t before, std::int64_t after, Padding padding) {
  const std::int64_t size = x.shape()[axis], most = std::max(before, after);
  if (most == 0) return x;
  if (padding == Padding::edge ? size < 1 : size <= most)
    throw Error(fmt::format("[pad] {} was given for {} places of padding along axis {}; {} are needed",
                            to_string(x.type()), most, axis,
                            padding == Padding::edge ? "at least 1 element" : "more elements than that"));
  const auto after_end = padding == Padding::edge ? edge_after : reflected_after;
  Tensors parts;
  if (before > 0) parts.push_back(flip(after_end(flip(x, axis), axis, before), axis));
  parts.push_back(x);
  if (after > 0) parts.push_back(after_end(x, axis, after));
  return concatenate(parts, axis);
}

}  // namespace

Tensor stack(std::vector<Tensor> inputs, int axis) {
  if (inputs.empty()) throw Error("[stack] no tensors were given; at least one is needed");
  for (const auto& input : inputs) {
    require_present("stack", {input});
    if (input.shape() != inputs[0].shape())
      throw Error(fmt::format("[stack] shapes {} and {} were given; equal ones are needed",
                              to_string(inputs[0].shape()), to_string(input.shape())));
  }
  axis = checked_axis("stack", axis, inputs[0].shape().with_front(1));
  for (auto& input : inputs) input = insert_axis(input, axis);
  return concatenate(inputs, axis);
}

std::vector<Tensor> split(Tensor x, const std::vector<std::int64_t>& sizes, int axis) {
  require_present("split", {x});
  axis = checked_axis("split", axis, x.shape());
  const std::int64_t size = x.shape()[axis];
  std::int64_t begin = 0;
  for (const std::int64_t part : sizes) begin = part < 0 || part > size - begin ? size + 1 : begin + part;
  if (begin != size)
    throw Error(
        fmt::format("[split] axis {} of {} was to be split into parts of {}; sizes of at least 0 that add up to "
                    "{} are needed",
                    axis, to_string(x.type()), fmt::join(sizes, ", "), size));
  Tensors parts;
  for (std::int64_t first = 0; const std::int64_t part : sizes) {
    parts.push_back(slice_axis(x, axis, first, first + part));
    first += part;
  }
  return parts;
}

std::vector<Tensor> split(Tensor x, std::int64_t parts, int axis) {
  require_present("split", {x});
  const std::int64_t size = x.shape()[checked_axis("split", axis, x.shape())];
  if (parts < 1 || parts > std::max<std::int64_t>(size, 1) || size % parts != 0)
    throw Error(
        fmt::format("[split] axis {} of {} was to be split into {} parts; a number of parts that divides {} is "
                    "needed",
                    axis, to_string(x.type()), parts, size));
  return split(x, std::vector<std::int64_t>(parts, size / parts), axis);
}

Tensor to_vector(TensorList tensors) {
  if (tensors.empty()) throw Error("[to_vector] no tensor was given; at least one is needed");
  require_present("to_vector", tensors);
  Tensors flat;
  for (const Tensor& x : tensors) flat.push_back(reshape(x, {-1}));
  return concatenate(flat, 0);
}

std::vector<Tensor> from_vector(Tensor vector, TensorList like) {
  require_present("from_vector", {vector});
  require_present("from_vector", like);
  std::int64_t needed = 0;
  for (const Tensor& x : like) needed += x.type().elements();
  if (vector.shape() != Shape{needed})
    throw Error(fmt::format("[from_vector] {} was given for {} tensors; a vector of {} elements is needed",
                            to_string(vector.type()), like.size(), needed));
  Tensors parts;
  for (std::int64_t first = 0; const Tensor& x : like) {
    const std::int64_t end = first + x.type().elements();
    parts.push_back(reshape(slice_axis(vector, 0, first, end), x.shape()));
    first = end;
  }
  return parts;
}

Tensor tile(Tensor x, const Shape& times) {
  require_present("tile", {x});
  if (times.rank() != x.shape().rank() || std::any_of(times.begin(), times.end(), [](auto count) { return count < 0; }))
    throw Error(
        fmt::format("[tile] {} was given to be repeated {} times; counts of at least 0 for each of {} axes are "
                    "needed",
                    to_string(x.type()), to_string(times), x.shape().rank()));
  for (int axis = 0; axis < times.rank(); ++axis) {
    if (times[axis] == 1) continue;
    const Shape shape = x.shape();
    const std::int64_t before = leading(shape, axis).elements();
    const Shape rest = trailing(shape, shape.rank() - axis);
    const Shape repeated = {before, times[axis], rest.elements()};
    const Shape result = with_size(shape, axis, checked_product("tile", shape[axis], times[axis]));
    x = reshape(broadcast_to(reshape(x, {before, 1, rest.elements()}), repeated), result);
  }
  return x;
}

Tensor roll(Tensor x, std::int64_t shift, int axis) {
  require_present("roll", {x});
  axis = checked_axis("roll", axis, x.shape());
  const std::int64_t size = x.shape()[axis];
  if (size == 0) return x;
  const std::int64_t moved = (shift % size + size) % size;  // so many last elements become the first
  return concatenate({slice_axis(x, axis, size - moved, size), slice_axis(x, axis, 0, size - moved)}, axis);
}

Tensor pad(Tensor x, const Shape& before, const Shape& after, double value) {
  require_padding(x, before, after);
  if (value == 0 && !std::signbit(value)) return pad(x, before, after);
  for (int axis = 0; axis < before.rank(); ++axis) {
    const auto side = [&](std::int64_t count) {
      return full(x.graph(), with_size(x.shape(), axis, count), value, x.dtype());
    };
    if (before[axis] > 0 || after[axis] > 0) x = concatenate({side(before[axis]), x, side(after[axis])}, axis);
  }
  return x;
}

Tensor pad(Tensor x, const Shape& before, const Shape& after, Padding padding) {
  require_padding(x, before, after);
  for (int axis = 0; axis < before.rank(); ++axis) x = pad_axis(x, axis, before[axis], after[axis], padding);
  return x;
}

// ---- matrices ----

Tensor triangle(Graph& graph, std::int64_t rows, std::int64_t columns, std::int64_t offset) {
  constexpr std::int64_t far = std::numeric_limits<std::int32_t>::max();  // no column of an array lies further
  const Tensor row = reshape(iota(graph, rows), {rows, 1});
  // column - offset, limited so that i32 holds it: beyond the matrix, the distance does not matter
  const std::int64_t limited = std::clamp(offset, -std::min(far, rows), std::min(far, columns));
  return less_equal(iota(graph, columns) - static_cast<double>(limited), row);
}

Tensor lower_triangle(Tensor x, std::int64_t offset) {
  require_matrix("lower_triangle", x);
  const Shape sizes = trailing(x.shape(), 2);
  return select(triangle(x.graph(), sizes[0], sizes[1], offset), x, zeros_like(x));
}

// What is not strictly below.
Tensor upper_triangle(Tensor x, std::int64_t offset) {
  require_matrix("upper_triangle", x);
  const Shape sizes = trailing(x.shape(), 2);
  if (offset == std::numeric_limits<std::int64_t>::min()) return x;
  return select(triangle(x.graph(), sizes[0], sizes[1], offset - 1), zeros_like(x), x);
}

// In memory, elements of the diagonal are a row and one element apart.
Tensor diagonal(Tensor x) {
  require_matrix("diagonal", x);
  const Shape shape = x.shape();
  const Shape batch = leading(shape, shape.rank() - 2);
  const std::int64_t columns = shape.back(), n = std::min(shape[shape.rank() - 2], columns);
  const std::int64_t many = batch.elements();
  const Tensor square = slice_axis(x, -2, 0, n);
  const Tensor flat = reshape(square, {many, n * columns});
  return reshape(slice(flat, {0, 0}, {many, n * columns}, {1, columns + 1}), concatenated(batch, {n}));
}

Tensor diagonal_matrix(Tensor x) {
  require_present("diagonal_matrix", {x});
  if (x.shape().empty())
    throw Error(fmt::format("[diagonal_matrix] {} was given; [..., n] is needed", to_string(x.type())));
  const std::int64_t n = x.shape().back();
  const Tensor number = iota(x.graph(), n);
  const Tensor rows = broadcast_to(insert_axis(x, x.shape().rank() - 1), concatenated(x.shape(), {n}));
  return select(equal(reshape(number, {n, 1}), number), rows, zeros_like(rows));
}

Tensor identity(Graph& graph, std::int64_t n, Dtype dtype) {
  const Tensor number = iota(graph, n);
  return cast(equal(reshape(number, {n, 1}), number), dtype);
}

}  // namespace metac
