// Derivatives, batching and clean-up, compared by the interpreter: with closed forms, with finite differences, with
// unrolled loops.
#include <boost/test/unit_test.hpp>

#include <cmath>
#include <functional>
#include <limits>
#include <set>

#include "engine/interpreter.hpp"
#include "transform/transform.hpp"

using namespace metac;
using metac::testing::interpret;

namespace {

const Type f64{Dtype::f64, {}};
Type vector_of(std::int64_t n) { return {Dtype::f64, {n}}; }

Array some(const Type& type, double seed) {
  Array result(type);
  for (std::int64_t i = 0; i < result.elements(); ++i)
    metac::testing::put(result, i, std::sin(seed + 1.7 * static_cast<double>(i)));
  return result;
}

void check_close(const Array& a, const Array& b, double tolerance = 1e-12) {
  BOOST_REQUIRE_EQUAL(to_string(a.type()), to_string(b.type()));
  for (std::int64_t i = 0; i < a.elements(); ++i)
    BOOST_TEST(std::abs(a.at(i) - b.at(i)) <= tolerance * (1 + std::abs(a.at(i))));
}

int count_of(const Graph& graph, const Operator& op) {
  int count = 0;
  for (NodeId id = 0; id < graph.size(); ++id) count += &graph.node(id).op == &op;
  return count;
}

// Runs the finished graph of `outputs`, and the graph as it was built: both must agree.
std::vector<Array> run(const std::vector<Tensor>& inputs, const std::vector<Tensor>& outputs,
                       const std::vector<Array>& values) {
  std::map<NodeId, Array> built, finished;
  const Program program = finalize(inputs, outputs);
  verify(*program.graph);
  verify(outputs[0].graph());
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    built[inputs[i].id()] = values[i];
    finished[program.inputs[i]] = values[i];
  }
  const auto a = interpret(outputs, built);
  const auto b = interpret(*program.graph, program.outputs, finished);
  for (std::size_t i = 0; i < a.size(); ++i) check_close(a[i], b[i]);
  return b;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(derivatives)

BOOST_AUTO_TEST_CASE(of_a_polynomial_at_four_orders) {
  Graph graph;
  const Tensor x = input(graph, f64);
  Tensor d = x * x * x * x;
  const double expected[] = {16, 32, 48, 48, 24};
  for (double value : expected) {
    BOOST_TEST(run({x}, {d}, {Array::scalar(2.0)})[0].at(0) == value);
    d = grad(d, x);
  }
}

BOOST_AUTO_TEST_CASE(of_nothing_is_empty_or_zeros) {
  Graph graph;
  const Tensor x = input(graph, vector_of(3)), y = input(graph, f64);
  BOOST_TEST(*constant_value(grad(y * y, x)) == 0);
  BOOST_TEST((grad(y * y, x).type() == x.type()));
  const Tensor one = constant(graph, 1, Dtype::f64), none;
  BOOST_TEST(!vjp(y * y, one, x)[0]);
  BOOST_TEST(!vjp(y, none, y)[0]);
  BOOST_TEST((vjp(y, one, y)[0] == one));
  BOOST_TEST(vjp(y, one, {}).empty());
}

BOOST_AUTO_TEST_CASE(add_up_over_outputs_given_twice) {
  Graph graph;
  const Tensor x = input(graph, f64), y = x * x;
  const Tensor outputs[] = {y, y}, seeds[] = {constant(graph, 2, Dtype::f64), constant(graph, 3, Dtype::f64)};
  const Tensor g = vjp(outputs, seeds, x)[0];
  BOOST_TEST(run({x}, {g}, {Array::scalar(7.0)})[0].at(0) == 70);
}

BOOST_AUTO_TEST_CASE(refuse_what_has_none) {
  Graph graph;
  const Tensor x = input(graph, vector_of(3)), i = input(graph, {Dtype::i32, {}});
  const Tensor y = sum(x);
  BOOST_CHECK_THROW(grad(x, x), Error);
  BOOST_CHECK_THROW(grad(y, i), Error);
  BOOST_CHECK_THROW(grad(i, x), Error);
  BOOST_CHECK_THROW(vjp(y, x, x), Error);
  BOOST_CHECK_THROW(vjp(y, {}, x), Error);
  Graph body(graph);
  const Tensor inner = input(body, vector_of(3));
  BOOST_CHECK_THROW(grad(sum(inner * x), x), Error);
}

// Such a node may be simplified away, or merged with an equal one, on the way to the output.
BOOST_AUTO_TEST_CASE(refuse_a_variable_that_is_no_input_or_alias) {
  Graph graph;
  const Tensor x = input(graph, {Dtype::f64, {2, 3}});
  const auto message = [](const Error& error) {
    return std::string(error.what()) == "[grad] variable 0 is the result of `reshape`, an input or an alias is needed";
  };
  const Tensor flat = reshape(x, {6});
  BOOST_CHECK_EXCEPTION(grad(sum(square(reshape(flat, {2, 3}))), flat), Error, message);
  const Tensor n = neg(x), part = slice_axis(x, 1, 0, 2), number = constant(graph, 3, Dtype::f64);
  BOOST_CHECK_THROW(grad(sum(neg(n)), n), Error);
  BOOST_CHECK_THROW(grad(sum(slice_axis(part, 1, 0, 1)), part), Error);
  BOOST_CHECK_THROW(grad(number * number, number), Error);
  BOOST_CHECK_THROW(jvp(n, n, n), Error);
  const Tensor v = alias(flat, graph);
  const Array values = some(x.type(), 1);
  const auto results = run({x}, {grad(sum(square(reshape(v, {2, 3}))), v), 2.0 * flat}, {values});
  check_close(results[0], results[1]);
}

BOOST_AUTO_TEST_CASE(refuse_empty_tensors) {
  Graph graph;
  const Tensor x = input(graph, f64), none;
  BOOST_CHECK_THROW(grad(none, x), Error);
  BOOST_CHECK_THROW(grad(x, none), Error);
  BOOST_CHECK_THROW(vjp(std::span(&none, 1), std::span(&x, 1), std::span(&x, 1)), Error);
  BOOST_CHECK_THROW(jvp(none, std::span(&x, 1), std::span(&x, 1)), Error);
  BOOST_CHECK_THROW(jvp(x, std::span(&none, 1), std::span(&x, 1)), Error);
  BOOST_CHECK_THROW(finalize(std::span(&x, 1), std::span(&none, 1)), Error);
  auto body = std::make_shared<Graph>();
  const NodeId slice = input(*body, f64).id();
  const Batched nothing;
  BOOST_CHECK_THROW(batch({body, {slice}, {slice}}, std::span(&nothing, 1), 2, graph), Error);
}

BOOST_AUTO_TEST_CASE(see_an_alias_as_a_variable_of_its_own) {
  Graph graph;
  const Tensor x = input(graph, f64), v = alias(x, graph);
  const Tensor g = grad(v * v + x * x * v, v);  // x is a constant here
  BOOST_TEST(run({x}, {g}, {Array::scalar(3.0)})[0].at(0) == 6 + 9);
  BOOST_TEST(run({x}, {grad(v * v, x)}, {Array::scalar(3.0)})[0].at(0) == 6);
}

BOOST_AUTO_TEST_CASE(stop_at_stop_gradient) {
  Graph graph;
  const Tensor x = input(graph, f64);
  BOOST_TEST(run({x}, {grad(stop_gradient(x) * x, x)}, {Array::scalar(3.0)})[0].at(0) == 3);
}

BOOST_AUTO_TEST_CASE(jvp_is_the_directional_derivative) {
  Graph graph;
  const Tensor x = input(graph, vector_of(4)), t = input(graph, vector_of(4));
  const Tensor y = sin(x) * x;
  const Tensor d = jvp(y, x, t);
  const auto results = run({x, t}, {d, (cos(x) * x + sin(x)) * t}, {some(x.type(), 1), some(x.type(), 2)});
  check_close(results[0], results[1]);
  const Tensor constant_output = full(graph, {2}, 1, Dtype::f64);
  BOOST_TEST(*constant_value(jvp(constant_output, x, t)) == 0);
}

BOOST_AUTO_TEST_CASE(give_the_place_of_the_node_to_its_derivative) {
  Graph graph;
  const Tensor x = input(graph, f64);
  graph.set_place(5);
  const Tensor y = sin(x);
  graph.set_place(9);
  BOOST_TEST(graph.node(grad(y, x).id()).place == 5);
  BOOST_TEST(graph.place() == 9);
}

BOOST_AUTO_TEST_SUITE_END()

namespace {

// One task: uses a slice, a captured vector twice (once through a value computed outside), and the index.
Tensor task(Tensor x, Tensor w, Tensor index) { return sin(x * w) * cast(index, Dtype::f64) + exp(w) * x * x; }

struct Built {
  std::vector<Tensor> inputs;
  Tensor stacked, summed;
};

constexpr std::int64_t tasks_count = 4;

Built mapped(Graph& graph) {
  const Tensor x = input(graph, {Dtype::f64, {tasks_count, 3}}), w = input(graph, vector_of(3));
  MapBuilder tasks(graph, {x}, tasks_count);
  const Tensor y = task(tasks.slices()[0], w, tasks.index());
  const auto parts = tasks.close({{y}, {sum(y * y), MapBuilder::summed}});
  return {{x, w}, parts[0], parts[1]};
}

Built unrolled(Graph& graph) {
  const Tensor x = input(graph, {Dtype::f64, {tasks_count, 3}}), w = input(graph, vector_of(3));
  std::vector<Tensor> rows;
  Tensor total;
  for (std::int64_t i = 0; i < tasks_count; ++i) {
    const Tensor y = task(index_axis(x, 0, i), w, constant(graph, static_cast<double>(i), Dtype::i32));
    rows.push_back(y);
    total = total ? total + sum(y * y) : sum(y * y);
  }
  return {{x, w}, stack(rows, 0), total};
}

// Everything that can be asked of a function: values and three orders of derivatives to both inputs.
std::vector<Tensor> interrogate(const Built& f) {
  Graph& graph = f.inputs[0].graph();
  Array weights = some(f.stacked.type(), 0.3);
  Tensor loss = sum(f.stacked * constant(graph, weights)) + sin(f.summed);
  std::vector<Tensor> results{f.stacked, f.summed, loss};
  for (int order = 0; order < 3; ++order) {
    const auto g = grad(loss, f.inputs);
    results.insert(results.end(), g.begin(), g.end());
    loss = sum(sin(g[0])) + sum(g[1] * g[1]);
  }
  return results;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(maps)

BOOST_AUTO_TEST_CASE(equal_their_unrolled_loop_to_the_third_derivative) {
  Graph a, b;
  const Built map = mapped(a), loop = unrolled(b);
  const std::vector<Array> values{some(map.inputs[0].type(), 1), some(map.inputs[1].type(), 2)};
  const auto left = run(map.inputs, interrogate(map), values), right = run(loop.inputs, interrogate(loop), values);
  BOOST_REQUIRE_EQUAL(left.size(), right.size());
  for (std::size_t i = 0; i < left.size(); ++i) check_close(left[i], right[i], 1e-9);
}

BOOST_AUTO_TEST_CASE(of_length_zero_give_empty_stacks_and_zero_sums) {
  Graph graph;
  const Tensor x = input(graph, {Dtype::f64, {0, 3}}), w = input(graph, vector_of(3));
  MapBuilder tasks(graph, {x}, 0);
  const Tensor y = tasks.slices()[0] * w;
  const auto parts = tasks.close({{y}, {sum(y), MapBuilder::summed}});
  const Tensor loss = sum(parts[0]) + parts[1];
  const auto g = grad(loss, std::vector{x, w});
  const auto values = run({x, w}, {parts[0], parts[1], g[0], g[1]}, {Array(x.type()), some(w.type(), 1)});
  BOOST_TEST((values[0].shape() == Shape{0, 3}));
  BOOST_TEST(values[1].at(0) == 0);
  BOOST_TEST((values[2].shape() == Shape{0, 3}));
  for (int i = 0; i < 3; ++i) BOOST_TEST(values[3].at(i) == 0);
}

BOOST_AUTO_TEST_CASE(may_give_values_of_outside_and_constants) {
  Graph graph;
  const Tensor w = input(graph, f64);
  MapBuilder tasks(graph, {}, 3);
  const auto parts =
      tasks.close({{w}, {w, MapBuilder::summed}, {constant(graph, 2)}, {tasks.index(), MapBuilder::summed}});
  const Tensor g = grad(sum(parts[0]) + parts[1], w);
  const auto values = run({w}, {parts[0], parts[1], parts[2], parts[3], g}, {Array::scalar(5.0)});
  BOOST_TEST(values[0].at(2) == 5);
  BOOST_TEST(values[1].at(0) == 15);
  BOOST_TEST(values[2].at(1) == 2);
  BOOST_TEST(values[3].at(0) == 3);
  BOOST_TEST(values[4].at(0) == 6);
}

BOOST_AUTO_TEST_CASE(nest_and_differentiate_inside) {
  // An inner gradient step in each task, a map over points inside it; the outer gradient goes through all of it.
  const auto adapted_loss = [](Tensor w, Tensor points, bool inner_map) {
    Graph& graph = innermost(std::vector{w, points});
    const auto loss_of = [&](Tensor v) {
      if (!inner_map) return sum(square(sin(broadcast_to(v, {3}) * points)));
      MapBuilder inner(innermost(std::vector{v, points}), {points}, 3);
      return inner.close({{square(sin(v * inner.slices()[0])), MapBuilder::summed}})[0];
    };
    const Tensor v = alias(w, graph);
    return loss_of(v - 0.1 * grad(loss_of(v), v));
  };
  std::vector<Array> results[2];
  for (int inner_map = 0; inner_map < 2; ++inner_map) {
    Graph graph;
    const Tensor w = input(graph, f64), data = input(graph, {Dtype::f64, {4, 3}});
    MapBuilder tasks(graph, {data}, 4);
    const Tensor total = tasks.close({{adapted_loss(w, tasks.slices()[0], inner_map), MapBuilder::summed}})[0];
    const Tensor first = grad(total, w);
    results[inner_map] = run({w, data}, {total, first, grad(first, w), grad(sum(grad(total, data)), w)},
                             {Array::scalar(0.7), some(data.type(), 1)});
  }
  for (int i = 0; i < 4; ++i) check_close(results[0][i], results[1][i], 1e-9);
}

BOOST_AUTO_TEST_CASE(capture_the_same_value_twice_and_count_it_once) {
  Graph graph;
  const Tensor w = input(graph, f64);
  MapBuilder tasks(graph, {}, 2);
  const Tensor v = alias(w, tasks.graph());
  const Tensor total = tasks.close({{v * w, MapBuilder::summed}})[0];
  BOOST_TEST(run({w}, {grad(total, w)}, {Array::scalar(3.0)})[0].at(0) == 12);
}

BOOST_AUTO_TEST_CASE(refuse_bad_sequences_results_and_late_use) {
  Graph graph;
  const Tensor x = input(graph, vector_of(3)), s = input(graph, f64);
  BOOST_CHECK_THROW(MapBuilder(graph, {x}, 4), Error);
  BOOST_CHECK_THROW(MapBuilder(graph, {s}, 4), Error);
  BOOST_CHECK_THROW(MapBuilder(graph, {}, -1), Error);
  MapBuilder tasks(graph, {x}, 3);
  BOOST_CHECK_THROW(tasks.close({{less(tasks.slices()[0], s), MapBuilder::summed}}), Error);
  BOOST_CHECK_THROW(tasks.close({{Tensor()}}), Error);
  tasks.close({{tasks.slices()[0]}});
  BOOST_CHECK_THROW(tasks.slices()[0] * s, Error);
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(batching)

BOOST_AUTO_TEST_CASE(a_region_equals_a_loop_for_every_subset_of_batched_inputs) {
  for (int subset = 0; subset < 4; ++subset) {
    auto body = std::make_shared<Graph>();
    const Built f = mapped(*body);
    const std::vector<Tensor> outputs = interrogate(f);
    Region region{body, {f.inputs[0].id(), f.inputs[1].id()}, {}};
    for (const Tensor& output : outputs) region.outputs.push_back(output.id());

    Graph graph;
    std::vector<Tensor> given;
    std::vector<Batched> inputs;
    std::vector<Array> values;
    for (int i = 0; i < 2; ++i) {
      const bool batched = subset >> i & 1;
      const Type& type = f.inputs[i].type();
      given.push_back(input(graph, batched ? Type{type.dtype, type.shape.with_front(3)} : type));
      inputs.push_back({given[i], batched});
      values.push_back(some(given[i].type(), i + 1));
    }
    const auto results = batch(region, inputs, 3, graph);
    std::vector<Tensor> tensors;
    for (const Batched& result : results) tensors.push_back(result.value);
    const auto together = run(given, tensors, values);
    for (int b = 0; b < 3; ++b) {
      std::map<NodeId, Array> one;
      for (int i = 0; i < 2; ++i) one[f.inputs[i].id()] = inputs[i].batched ? values[i].row(b) : values[i];
      const auto alone = interpret(outputs, one);
      for (std::size_t k = 0; k < alone.size(); ++k) {
        BOOST_TEST(results[k].batched == (subset != 0));
        check_close(results[k].batched ? together[k].row(b) : together[k], alone[k], 1e-9);
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(batch_by_map_equals_the_rule) {
  Graph graph;
  const Tensor x = input(graph, {Dtype::f64, {5, 3}}), y = input(graph, vector_of(3));
  const Tensor inputs[] = {x, y};
  const char batched[] = {1, 0};
  const Attributes none;
  const BatchSite site{*find_operator("sub"), inputs, batched, none, 5, graph};
  const auto results = run({x, y}, {batch_by_map(site), x - y}, {some(x.type(), 1), some(y.type(), 2)});
  check_close(results[0], results[1]);
}

BOOST_AUTO_TEST_CASE(inputs_that_do_not_fit_are_refused) {
  auto body = std::make_shared<Graph>();
  const Tensor x = input(*body, vector_of(3));
  const Region region{body, {x.id()}, {x.id()}};
  Graph graph;
  const Batched wrong{input(graph, vector_of(3)), true};
  BOOST_CHECK_THROW(batch(region, std::span(&wrong, 1), 2, graph), Error);
  BOOST_CHECK_THROW(batch(region, {}, 2, graph), Error);
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(finalizing)

BOOST_AUTO_TEST_CASE(dissolves_aliases_and_merges_what_became_equal) {
  Graph graph;
  const Tensor x = input(graph, f64), unused = input(graph, f64), v = alias(x, graph);
  const Program program = finalize(std::vector{unused, x}, std::vector{exp(v) * stop_gradient(exp(x)), exp(x)});
  BOOST_TEST(program.graph->size() == 4u);  // two inputs, exp, mul
  BOOST_TEST(count_of(*program.graph, alias_operator) == 0);
  BOOST_TEST(program.inputs.size() == 2u);
  BOOST_TEST(program.inputs[0] == 0u);
}

BOOST_AUTO_TEST_CASE(drops_dead_parts_sequences_and_captures) {
  Graph graph;
  const Tensor x = input(graph, vector_of(3)), y = input(graph, vector_of(3)), a = input(graph, f64),
               b = input(graph, f64);
  MapBuilder tasks(graph, {x, y, x}, 3);
  const auto s = tasks.slices();
  const auto parts = tasks.close({{s[1] * b}, {s[0] * s[2] * a}, {s[2] * s[0] * alias(a, tasks.graph())}});
  const std::vector<Tensor> inputs{x, y, a, b};
  const Program program = finalize(inputs, std::vector{parts[1], parts[2]});
  BOOST_REQUIRE_EQUAL(count_of(*program.graph, map_operator), 1);
  const Node map = program.graph->node(program.graph->node(program.outputs[0]).inputs[0]);
  BOOST_TEST(map_body(map).outputs.size() == 1u);
  BOOST_TEST(map_body(map).sequences == 2);
  BOOST_TEST(map.inputs.size() == 3u);
  BOOST_TEST(program.outputs[0] == program.outputs[1]);
  BOOST_TEST(count_of(*finalize(inputs, std::vector{x}).graph, map_operator) == 0);
}

BOOST_AUTO_TEST_CASE(hoists_what_depends_on_no_slice) {
  Graph graph;
  const Tensor x = input(graph, vector_of(3)), w = input(graph, f64);
  MapBuilder tasks(graph, {x}, 3);
  const Tensor v = alias(w, tasks.graph());
  MapBuilder inner(tasks.graph(), {}, 5);
  const Tensor total = inner.close({{cast(inner.index(), Dtype::f64) * v, MapBuilder::summed}})[0];
  const auto parts = tasks.close({{exp(2.0 * v) * tasks.slices()[0] + total}});
  const Program program = finalize(std::vector{x, w}, parts);
  BOOST_TEST(count_of(*program.graph, *find_operator("exp")) == 1);
  BOOST_TEST(count_of(*program.graph, map_operator) == 2);
  run({x, w}, parts, {some(x.type(), 1), Array::scalar(0.5)});
}

BOOST_AUTO_TEST_CASE(merges_equal_maps) {
  Graph graph;
  const Tensor x = input(graph, {Dtype::f64, {3, 2}});
  const auto build = [&](Tensor sequence) {
    MapBuilder tasks(graph, {sequence}, 3);
    MapBuilder inner(tasks.graph(), {tasks.slices()[0]}, 2);
    const Tensor y = inner.close({{sin(inner.slices()[0]), MapBuilder::summed}})[0];
    return tasks.close({{exp(y)}})[0];
  };
  const Program program = finalize(std::vector{x}, std::vector{build(x), build(alias(x, graph))});
  BOOST_TEST(count_of(*program.graph, map_operator) == 1);
  BOOST_TEST(program.outputs[0] == program.outputs[1]);
}

BOOST_AUTO_TEST_CASE(says_what_is_wrong_with_what_it_was_given) {
  Graph graph, other;
  const Tensor x = input(graph, f64), y = exp(x), z = input(other, f64);
  BOOST_CHECK_THROW(finalize({}, std::vector{y}), Error);
  BOOST_CHECK_THROW(finalize(std::vector{y}, std::vector{y}), Error);
  BOOST_CHECK_THROW(finalize(std::vector{x, x}, std::vector{y}), Error);
  BOOST_CHECK_THROW(finalize(std::vector{x, z}, std::vector{y}), Error);
  BOOST_TEST(finalize({}, {}).graph->size() == 0u);
  BOOST_TEST(finalize(std::vector{x}, std::vector{x, x}).outputs[1] == 0u);
}

BOOST_AUTO_TEST_SUITE_END()
