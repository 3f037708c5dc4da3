// Arranging, reading and writing elements; see cases.hpp.
#include <fmt/format.h>

#include <algorithm>

#include "parity/cases.hpp"

namespace metac::parity {
namespace {

void add_one(Cases& cases, const char* name, std::string expression, std::vector<Array> operands, Build build,
             int orders = 3) {
  cases.push_back({name, std::move(expression), std::move(operands), std::move(build), orders});
}

void forms(Draws& draws, Cases& cases) {
  const Shape shape = draws.shape(1), two = draws.shape(2, 3);
  const Array a = draws.uniform(shape);
  const int axis = draws.axis(shape);
  const std::int64_t size = shape[axis];
  add_one(cases, "reshape", "a.reshape([1, -1])", {a}, [](auto x) -> Results { return {reshape(x[0], {1, -1})}; });
  const auto order = draws.permutation(two.rank());
  add_one(cases, "transpose", fmt::format("a.permute({})", python(order)), {draws.uniform(two)},
          [order](auto x) -> Results { return {transpose(x[0], order)}; });
  const Shape wider = shape.with_front(3);
  add_one(cases, "broadcast_to", fmt::format("torch.broadcast_to(a, {})", python(wider)), {a},
          [wider](auto x) -> Results { return {broadcast_to(x[0], wider)}; });
  add_one(cases, "flip", fmt::format("torch.flip(a, [{}])", axis), {a},
          [axis](auto x) -> Results { return {flip(x[0], axis)}; });
  const std::int64_t begin = draws.pick(static_cast<int>(size)),
                     end = begin + 1 + draws.pick(static_cast<int>(size - begin)), step = 1 + draws.pick(2);
  add_one(cases, "slice_axis", fmt::format("a.movedim({0}, 0)[{1}:{2}:{3}].movedim(0, {0})", axis, begin, end, step),
          {a}, [=](auto x) -> Results { return {slice_axis(x[0], axis, begin, end, step)}; });
  const Shape first(shape.rank(), 0), steps(shape.rank(), 2);
  add_one(cases, "slice", fmt::format("a[tuple(slice(0, n, 2) for n in {})]", python(shape)), {a},
          [=](auto x) -> Results { return {slice(x[0], first, shape, steps)}; });
  add_one(cases, "index_axis", fmt::format("torch.select(a, {}, {})", axis, begin - size), {a},
          [=](auto x) -> Results { return {index_axis(x[0], axis, begin - size)}; });
  const Shape times(shape.rank(), 1 + draws.pick(3));
  add_one(cases, "tile", fmt::format("a.repeat({})", python(times)), {a},
          [times](auto x) -> Results { return {tile(x[0], times)}; });
  const std::int64_t shift = draws.pick(9) - 4;
  add_one(cases, "roll", fmt::format("torch.roll(a, {}, {})", shift, axis), {a},
          [=](auto x) -> Results { return {roll(x[0], shift, axis)}; });
}

void joins(Draws& draws, Cases& cases) {
  const Shape shape = draws.shape(1);
  const Array a = draws.uniform(shape), b = draws.uniform(shape);
  const int axis = draws.axis(shape);
  const std::int64_t size = shape[axis], half = size / 2;
  Shape longer = shape;
  longer[axis] += 2;
  add_one(cases, "concatenate", fmt::format("torch.cat([a, b, a], {})", axis), {a, draws.uniform(longer)},
          [axis](auto x) -> Results {
            return {concatenate({x[0], x[1], x[0]}, axis)};
          });
  add_one(cases, "stack", fmt::format("torch.stack([a, b], {})", axis), {a, b}, [axis](auto x) -> Results {
    return {stack({x[0], x[1]}, axis)};
  });
  add_one(cases, "split", fmt::format("torch.split(a, [{}, {}], {})", half, size - half, axis), {a},
          [=](auto x) -> Results {
            return split(x[0], {half, size - half}, axis);
          });
  add_one(cases, "to_vector", "torch.nn.utils.parameters_to_vector((a, b, a))", {a, b}, [](auto x) -> Results {
    return {to_vector({x[0], x[1], x[0]})};
  });
  add_one(cases, "from_vector", "from_vector(torch.cat((a.reshape(-1), b.reshape(-1))), a, b)", {a, b},
          [](auto x) -> Results {
            return from_vector(concatenate({reshape(x[0], {-1}), reshape(x[1], {-1})}, 0), {x[0], x[1]});
          });
}

void paddings(Draws& draws, Cases& cases) {
  const Shape shape{1 + draws.pick(2), draws.size(), 3 + draws.pick(3)};
  const Array a = draws.uniform(shape);
  const std::int64_t before = draws.pick(3), after = draws.pick(3);
  const Shape low{0, 0, before}, high{0, 0, after};
  add_one(cases, "pad", fmt::format("F.pad(a, [{}, {}], value=0.5)", before, after), {a},
          [=](auto x) -> Results { return {pad(x[0], low, high, 0.5)}; });
  add_one(cases, "pad", fmt::format("F.pad(a, [{}, {}], mode='replicate')", before, after), {a},
          [=](auto x) -> Results { return {pad(x[0], low, high, Padding::edge)}; });
  add_one(cases, "pad", fmt::format("F.pad(a, [{}, {}], mode='reflect')", before, after), {a},
          [=](auto x) -> Results { return {pad(x[0], low, high, Padding::reflect)}; });
}

void indices(Draws& draws, Cases& cases) {
  const Shape shape = draws.shape(1);
  const Array a = draws.uniform(shape);
  const int axis = draws.axis(shape);
  const std::int64_t size = shape[axis], rows = shape[0];
  add_one(cases, "gather", "a[b.long()]", {a, draws.indices(draws.shape(0, 2), rows)},
          [](auto x) -> Results { return {gather(x[0], x[1])}; });
  add_one(cases, "take", fmt::format("torch.index_select(a, {}, b)", axis), {a, draws.indices({3}, size)},
          [axis](auto x) -> Results { return {take(x[0], x[1], axis)}; });
  Shape some = shape;
  some[axis] = 2;
  add_one(cases, "gather_along", fmt::format("torch.gather(a, {}, b.long())", axis), {a, draws.indices(some, size)},
          [axis](auto x) -> Results { return {gather_along(x[0], x[1], axis)}; });
  add_one(cases, "scatter_add", "torch.zeros((4,) + a.shape[1:], dtype=a.dtype).index_add(0, b, a)",
          {a, draws.indices({rows}, 4)}, [](auto x) -> Results { return {scatter_add(x[0], x[1], 4)}; });
  // torch says nothing of equal indices.
  const std::int64_t written = 1 + draws.pick(static_cast<int>(rows));
  Shape block = shape;
  block[0] = written;
  add_one(cases, "scatter_set", "a.index_copy(0, c.long(), b)",
          {a, draws.uniform(block), draws.different(written, rows)},
          [](auto x) -> Results { return {scatter_set(x[0], x[1], x[2])}; });
  Array begin(Type{Dtype::i32, {shape.rank()}});
  Shape part = shape;
  for (int i = 0; i < shape.rank(); ++i) {
    begin.as<std::int32_t>()[i] = draws.pick(static_cast<int>(shape[i]));
    part[i] = 1 + draws.pick(static_cast<int>(shape[i] - begin.as<std::int32_t>()[i]));
  }
  add_one(cases, "dynamic_slice", fmt::format("block(a, b, {})", python(part)), {a, begin},
          [part](auto x) -> Results { return {dynamic_slice(x[0], x[1], part)}; });
  add_one(cases, "dynamic_update", "write_block(a, b, c)", {a, draws.uniform(part), begin},
          [](auto x) -> Results { return {dynamic_update(x[0], x[1], x[2])}; });
  add_one(
      cases, "one_hot", "F.one_hot(a.long(), 5).double()", {draws.indices(draws.shape(), 5)},
      [](auto x) -> Results { return {one_hot(x[0], 5, Dtype::f64)}; }, 0);
}

void triangles(Draws& draws, Cases& cases) {
  const Shape shape = draws.shape(2);
  const Array a = draws.uniform(shape);
  const std::int64_t offset = draws.pick(5) - 2;
  add_one(cases, "lower_triangle", fmt::format("torch.tril(a, {})", offset), {a},
          [offset](auto x) -> Results { return {lower_triangle(x[0], offset)}; });
  add_one(cases, "upper_triangle", fmt::format("torch.triu(a, {})", offset), {a},
          [offset](auto x) -> Results { return {upper_triangle(x[0], offset)}; });
  add_one(cases, "diagonal", "torch.diagonal(a, dim1=-2, dim2=-1)", {a},
          [](auto x) -> Results { return {diagonal(x[0])}; });
  add_one(cases, "diagonal_matrix", "torch.diag_embed(a)", {draws.uniform(draws.shape(1, 2))},
          [](auto x) -> Results { return {diagonal_matrix(x[0])}; });
  add_one(cases, "triangle", fmt::format("(a @ torch.tril(torch.ones(3, 4, dtype=a.dtype), {}))", offset),
          {draws.uniform({2, 3})}, [offset](auto x) -> Results {
            return {matmul(x[0], cast(triangle(x[0].graph(), 3, 4, offset), Dtype::f64))};
          });
  add_one(cases, "identity", "a * torch.eye(3, dtype=a.dtype)", {draws.uniform({3, 3})},
          [](auto x) -> Results { return {x[0] * identity(x[0].graph(), 3, Dtype::f64)}; });
  add_one(cases, "iota", "a * torch.arange(4)", {draws.uniform({4})},
          [](auto x) -> Results { return {x[0] * cast(iota(x[0].graph(), 4), Dtype::f64)}; });
}

}  // namespace

void structure_cases(Draws& draws, Cases& cases) {
  forms(draws, cases);
  joins(draws, cases);
  paddings(draws, cases);
  indices(draws, cases);
  triangles(draws, cases);
}

}  // namespace metac::parity
