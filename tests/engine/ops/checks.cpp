// See checks.hpp.
#include "engine/ops/checks.hpp"

#include <boost/test/unit_test.hpp>

#include "plan/plan.hpp"
#include "transform/transform.hpp"

namespace metac::testing {
namespace {

// The inputs moved by `step` along the directions.
std::map<NodeId, Array> moved(const Built& built, const std::vector<Array>& directions, double step) {
  auto given = built.given();
  for (std::size_t i = 0; i < built.inputs.size(); ++i) {
    if (!is_float(built.inputs[i].dtype())) continue;
    Array value = built.values[i].clone();
    for (std::int64_t j = 0; j < value.elements(); ++j) put(value, j, value.at(j) + step * directions[i].at(j));
    given[built.inputs[i].id()] = value;
  }
  return given;
}

double central_difference(const Built& built, Tensor scalar, const std::vector<Array>& directions) {
  const double step = 1e-5;
  const double up = interpret(scalar, moved(built, directions, step)).at(0);
  const double down = interpret(scalar, moved(built, directions, -step)).at(0);
  const bool same = up == down || (std::isnan(up) && std::isnan(down));  // infinities: the maximum of nothing
  return same ? 0 : (up - down) / (2 * step);
}

// The derivative of a scalar along the directions, as an expression.
Tensor directional(const Built& built, Tensor scalar, const std::vector<Array>& directions) {
  std::vector<Tensor> variables;
  std::vector<Array> along;
  for (std::size_t i = 0; i < built.inputs.size(); ++i)
    if (is_float(built.inputs[i].dtype())) variables.push_back(built.inputs[i]), along.push_back(directions[i]);
  Tensor total = constant(*built.graph, 0, Dtype::f64);
  const auto gradients = grad(scalar, variables);
  for (std::size_t i = 0; i < variables.size(); ++i)
    if (gradients[i]) total = total + sum(gradients[i] * constant(*built.graph, along[i]));
  return total;
}

// The operator on each row of the batched inputs, by the reference, stacked.
Array looped(const Built& built, unsigned subset, const std::vector<Array>& values, std::int64_t size) {
  const Type& type = built.node.type();
  Array result(Type{type.dtype, type.shape.with_front(size)});
  for (std::int64_t task = 0; task < size; ++task) {
    std::map<NodeId, Array> given;
    for (std::size_t i = 0; i < built.inputs.size(); ++i)
      given[built.inputs[i].id()] = subset >> i & 1 ? values[i].row(task) : values[i];
    const Array row = interpret(built.node, given);
    for (std::int64_t j = 0; j < row.elements(); ++j) put(result, task * row.elements() + j, row.at(j));
  }
  return result;
}

// The plan gives what the interpreter gives; where that finds values of which there is no result, the plan does, too.
void check_runs_alike(const std::string& name, const Built& built, Tensor node) {
  const Function program = compile(built.inputs, node);
  Array expected;
  try {
    expected = interpret(node, built.given());
  } catch (const Error&) {
    BOOST_CHECK_THROW(program(built.values), Error);
    return;
  }
  Executable in_parts(make_plan(finalize(built.inputs, {node}), Parts::smallest()));
  for (const Array& result : {program(built.values)[0], in_parts.run(built.values)[0]}) {
    const double error = difference(result, expected);
    BOOST_CHECK_MESSAGE(error < 2e-6, name << ": the kernel differs by " << error);
  }
}

// The elements in another order, but in the same shape: axes reversed, merged, and reversed again.
Tensor reversed_twice(Tensor x) {
  std::vector<int> order;
  Shape reversed;
  for (int axis = x.shape().rank(); axis-- > 0;) order.push_back(axis), reversed.push_back(x.shape()[axis]);
  return transpose(reshape(x, reversed), order);
}

// The elements from the second on, then the first, out of memory that holds them three times.
Tensor out_of_larger(Tensor x, int axis) {
  const std::int64_t size = x.shape()[axis], begin = std::min<std::int64_t>(1, size);
  return slice_axis(concatenate({x, x, x}, axis), axis, begin, begin + size);
}

}  // namespace

void check_derivatives(const Case& one) {
  const Built built(one);
  std::mt19937 rng(7);
  Tensor scalar = sum(built.node * constant(*built.graph, random_array(built.node.type(), rng)));
  for (int order = 1; order <= 3; ++order) {
    std::vector<Array> directions;
    for (const auto& input : built.inputs)
      directions.push_back(is_float(input.dtype()) ? random_array(input.type(), rng) : Array());
    const Tensor derivative = directional(built, scalar, directions);
    const double given = interpret(derivative, built.given()).at(0);
    const double expected = central_difference(built, scalar, directions);
    const bool close = std::abs(given - expected) <= 2e-6 * (1 + std::abs(expected));
    BOOST_CHECK_MESSAGE(
        close, one.name << ": derivative of order " << order << " is " << given << ", by differences " << expected);
    scalar = derivative;
  }
}

void check_batch(const Case& one, unsigned subset, std::int64_t size) {
  const Built built(one);
  std::mt19937 rng(11);
  Graph into;
  std::vector<Batched> inputs;
  std::vector<Array> values;
  std::map<NodeId, Array> given;
  Region region{built.graph, {}, {built.node.id()}};
  for (std::size_t i = 0; i < built.inputs.size(); ++i) {
    const bool batched = subset >> i & 1;
    Type type = built.inputs[i].type();
    if (batched) type.shape = type.shape.with_front(size);
    region.inputs.push_back(built.inputs[i].id());
    inputs.push_back({input(into, type), batched});
    values.push_back(random_input(type, one.sample, i, rng));
    given[inputs.back().value.id()] = values.back();
  }
  const Batched result = batch(region, inputs, size, into)[0];
  verify(into);
  // A composition may not depend on some of its inputs: then it is the same for all.
  BOOST_CHECK_MESSAGE(result.batched || one.op == nullptr, one.name << ": the result is not batched");
  const Shape& shape = result.value.shape();
  const Tensor all = result.batched ? result.value : broadcast_to(result.value, shape.with_front(size));
  const double error = difference(interpret(all, given), looped(built, subset, values, size));
  BOOST_CHECK_MESSAGE(error < 1e-12,
                      one.name << ": batched over inputs " << subset << " by " << size << " differs by " << error);
}

void check_plan(const Case& one) {
  const Built built(one);
  const Function program = compile(built.inputs, built.node);
  const double error = difference(program(built.values)[0], interpret(built.node, built.given()));
  bool single = built.node.dtype() == Dtype::f32;
  for (const Tensor& x : built.inputs) single |= x.dtype() == Dtype::f32;
  BOOST_CHECK_MESSAGE(error < (single ? 2e-6 : 1e-12), one.name << ": the kernel differs by " << error);
}

void check_special_values(const Case& one) {
  const double specials[] = {NAN, INFINITY, -INFINITY, 0.0, -0.0, 1, 1, -2};
  Built built(one);
  std::mt19937 rng(13);
  for (auto& value : built.values)
    for (std::int64_t i = 0; is_float(value.dtype()) && i < value.elements(); ++i) put(value, i, specials[rng() % 8]);
  check_runs_alike(one.name, built, built.node);
}

void check_views(const Case& one) {
  enum View { transposed, flipped, sliced, repeated };
  for (View view : {transposed, flipped, sliced, repeated}) {
    Built built(one);
    std::vector<Tensor> viewed;
    for (const Tensor& x : built.inputs) {
      const int last = x.shape().rank() - 1;
      if (last < 0)
        viewed.push_back(x);
      else if (view == transposed)
        viewed.push_back(reversed_twice(x));
      else if (view == flipped)
        viewed.push_back(flip(flip(x, 0), last));
      else if (view == sliced)
        viewed.push_back(out_of_larger(x, last));
      else
        viewed.push_back(broadcast_to(slice_axis(x, 0, 0, std::min<std::int64_t>(1, x.shape()[0])), x.shape()));
    }
    check_runs_alike(fmt::format("{} behind view {}", one.name, static_cast<int>(view)), built,
                     one.build(*built.graph, viewed));
  }
}

void check_all(const std::string& name, const std::vector<Sample>& samples,
               const std::function<Tensor(std::span<const Tensor>)>& composition) {
  int index = 0;
  for (const Sample& sample : samples) {
    const auto build = [&](Graph&, std::span<const Tensor> inputs) { return composition(inputs); };
    const std::string title = fmt::format("{} sample {}", name, index++);
    const Case single = case_of(title, sample, Dtype::f32, build), wide = case_of(title, sample, Dtype::f64, build);
    if (Built(wide).node.dtype() == Dtype::f64) check_derivatives(wide);
    for (unsigned subset = 1; subset < 1u << sample.inputs.size(); ++subset)
      for (std::int64_t size : {0, 1, 3}) check_batch(wide, subset, size);
    for (const Case* one : {&single, &wide}) check_plan(*one);
    check_views(single);
  }
}

}  // namespace metac::testing
