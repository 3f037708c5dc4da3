// Compositions that read and write by index. Reading is a gather, whose derivative adds up; writing selects what is
// read from the new values.
#include <fmt/format.h>

#include <algorithm>

#include "ops/family.hpp"

namespace metac {
namespace {

void require_index(const char* name, const Tensor& index) {
  if (index.dtype() != Dtype::i32)
    throw Error(fmt::format("[{}] {} was given for an index; i32 is needed", name, to_string(index.type())));
}

// The begin along each axis, moved to where a block of this size fits.
Tensor begin_along(Tensor begin, int axis, std::int64_t size, std::int64_t block) {
  return clip(index_axis(begin, 0, axis), 0, static_cast<double>(size - block));
}

void require_block(const char* name, Tensor x, const Shape& block, Tensor begin) {
  require_index(name, begin);
  bool fits = begin.shape() == Shape{x.shape().rank()} && block.rank() == x.shape().rank();
  for (int axis = 0; fits && axis < block.rank(); ++axis) fits = 0 <= block[axis] && block[axis] <= x.shape()[axis];
  if (!fits)
    throw Error(
        fmt::format("[{}] {} was given for a block {} that begins at {}; a block of as many axes that fits, and "
                    "a begin i32[{}] are needed",
                    name, to_string(x.type()), to_string(block), to_string(begin.type()), x.shape().rank()));
}

Tensor slice_from(Tensor x, Tensor begin, std::int64_t size, int axis) {
  return take(x, begin + iota(x.graph(), size), axis);
}

// x, with `part` in place of what begins there along the axis.
Tensor write_along(Tensor x, Tensor part, Tensor begin, int axis) {
  const std::int64_t size = part.shape()[axis];
  const Tensor place = iota(x.graph(), x.shape()[axis]) - begin;
  const Tensor written = take(part, clip(place, 0, static_cast<double>(size - 1)), axis);
  return select(with_trailing_ones(in_range(place, size), x.shape().rank() - axis), written, x);
}

// Axis after axis: the slice along this one, with the block written into it along the others, is written back.
Tensor update_from(Tensor x, Tensor block, Tensor begin, int axis) {
  if (axis == x.shape().rank()) return block;
  const std::int64_t size = x.shape()[axis], part = block.shape()[axis];
  if (part == size) return update_from(x, block, begin, axis + 1);
  const Tensor at = begin_along(begin, axis, size, part);
  return write_along(x, update_from(slice_from(x, at, part, axis), block, begin, axis + 1), at, axis);
}

}  // namespace

Tensor take(Tensor x, Tensor index, int axis) {
  require_present("take", {x, index});
  axis = checked_axis("take", axis, x.shape());
  require_index("take", index);
  const Tensor rows = gather(move_axis(x, axis, 0), index);
  // The axes of the index stand in front; they go to where the axis was.
  const int further = index.shape().rank();
  Axes order;
  for (int i = 0; i < axis; ++i) order.push_back(further + i);
  for (int i = 0; i < further; ++i) order.push_back(i);
  for (int i = further + axis; i < rows.shape().rank(); ++i) order.push_back(i);
  return transpose(rows, order);
}

// The other axes are numbered through, and the table is read as one row of all elements.
Tensor gather_along(Tensor x, Tensor index, int axis) {
  require_present("gather_along", {x, index});
  axis = checked_axis("gather_along", axis, x.shape());
  const Shape &shape = x.shape(), &wanted = index.shape();
  if (index.dtype() != Dtype::i32 || wanted.rank() != shape.rank() || wanted.without(axis) != shape.without(axis))
    throw Error(
        fmt::format("[gather_along] {} and indices {} were given for axis {}; i32 indices of equal sizes on the other "
                    "axes are needed",
                    to_string(x.type()), to_string(index.type()), axis));
  const std::int64_t rows = shape.without(axis).elements(), n = shape[axis];
  if (!index_fits(rows, n))
    throw Error(fmt::format("[gather_along] {} was given; at most 2^31 - 1 elements are needed", to_string(x.type())));
  const int last = shape.rank() - 1;
  const Tensor moved = move_axis(index, axis, last);
  const Tensor places = index_of_all(reshape(moved, {rows, wanted[axis]}), rows, n);
  const Tensor table = reshape(move_axis(x, axis, last), {rows * n});
  return move_axis(reshape(gather(table, places), moved.shape()), last, axis);
}

Tensor dynamic_slice(Tensor x, Tensor begin, const Shape& size) {
  require_present("dynamic_slice", {x, begin});
  require_block("dynamic_slice", x, size, begin);
  Tensor result = x;
  for (int axis = 0; axis < size.rank(); ++axis)
    if (size[axis] != x.shape()[axis])
      result = slice_from(result, begin_along(begin, axis, x.shape()[axis], size[axis]), size[axis], axis);
  return result;
}

Tensor dynamic_update(Tensor x, Tensor block, Tensor begin) {
  require_present("dynamic_update", {x, block, begin});
  require_same_dtype("dynamic_update", x, block);
  require_block("dynamic_update", x, block.shape(), begin);
  return has_elements(block.shape()) ? update_from(x, block, begin, 0) : x;
}

Tensor scatter_set(Tensor x, Tensor rows, Tensor index) {
  require_present("scatter_set", {x, rows, index});
  require_same_dtype("scatter_set", x, rows);
  require_index("scatter_set", index);
  const Shape &shape = x.shape(), &places = index.shape();
  if (shape.empty() || rows.shape() != concatenated(places, shape.without(0)))
    throw Error(
        fmt::format("[scatter_set] {} was given with rows {} for indices {}; a table, and one of its rows for "
                    "each index are needed",
                    to_string(x.type()), to_string(rows.type()), to_string(index.type())));
  const std::int64_t count = places.elements();
  if (count == 0) return x;
  const Tensor last = last_place(reshape(index, {count}), shape[0]);
  const Tensor written = gather(reshape(rows, shape.without(0).with_front(count)), last);
  return select(with_trailing_ones(in_range(last, count), shape.rank()), written, x);
}

// Zeros where the index is out of range.
Tensor one_hot(Tensor index, std::int64_t n, Dtype dtype) {
  require_present("one_hot", {index});
  require_index("one_hot", index);
  return cast(equal(insert_axis(index, index.shape().rank()), iota(index.graph(), n)), dtype);
}

}  // namespace metac
