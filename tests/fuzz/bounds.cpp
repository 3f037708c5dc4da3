// See bounds.hpp.
#include "fuzz/bounds.hpp"

#include <algorithm>
#include <cmath>
#include <set>
#include <string_view>

#include "fuzz/slopes.hpp"

namespace metac::testing {
namespace {

constexpr double roundings = 8;  // of a pointwise function, in units of the roundoff

// ---- operators by what they do ----

using Names = std::set<std::string_view>;

// Polynomials of their floating operands without negative coefficients.
const Names sums = {"sum",
                    "prod",
                    "cumulative_sum",
                    "matmul",
                    "convolution",
                    "pool_put",
                    "convolution_data",
                    "convolution_weights",
                    "scatter_add",
                    "squared_products"};
const Names moves = {"gather", "pool_take", "pad", "concatenate"};
const Names choices = {"argmax", "argsort", "pool_index", "last_place"};

bool is_in(const Names& names, const Operator& op) { return names.contains(op.name); }

class Analysis {
 public:
  Analysis(const Graph& graph, const Precision& precision) : graph_(graph), precision_(precision) {}

  std::vector<Bounded> run(std::span<const NodeId> outputs, const std::map<NodeId, Bounded>& inputs) {
    const std::vector<char> needed = needed_by(graph_, outputs);
    values_.resize(needed.size());
    for (NodeId id = 0; id < needed.size(); ++id)
      if (needed[id]) values_[id] = evaluate(id, inputs);
    std::vector<Bounded> results;
    for (NodeId id : outputs) results.push_back(values_[id].at(0));
    return results;
  }

 private:
  std::vector<Bounded> evaluate(NodeId id, const std::map<NodeId, Bounded>& given) {
    const Node node = graph_.node(id);
    if (&node.op == &input_operator) return {given.at(id)};
    if (&node.op == &part_operator) return {values_[node.inputs[0]].at(node.attributes.numbers[0])};
    std::vector<Bounded> inputs;
    for (NodeId input : node.inputs) inputs.push_back(values_[input].at(0));
    if (&node.op == &map_operator) return run_map(map_body(node), inputs);
    std::vector<Array> arrays;
    for (const Bounded& input : inputs) arrays.push_back(input.value);
    Bounded result{interpret_node(node, arrays), {}, {}};
    result.error = errors(node, inputs, result.value);
    result.terms = terms(node, inputs, result.value);
    limit(result);
    return {result};
  }

  std::vector<double> terms(const Node& node, std::span<const Bounded> inputs, const Array& value) const {
    const bool same = node.op.view && inputs[0].terms.size() == static_cast<std::size_t>(value.elements());
    if (node.op.pointwise == Fn::negate || (same && same_order(node))) return inputs[0].terms;
    std::vector<double> sizes(value.elements());
    const bool sum = node.op.pointwise == Fn::add || node.op.pointwise == Fn::subtract;
    for (std::size_t i = 0; i < sizes.size(); ++i)
      sizes[i] = sum ? inputs[0].terms[i] + inputs[1].terms[i] : std::abs(value.at(static_cast<std::int64_t>(i)));
    return sizes;
  }

  static bool same_order(const Node& node) {
    static const Names names = {"alias", "stop_gradient", "reshape"};
    return is_in(names, node.op);
  }

  std::vector<double> errors(const Node& node, std::span<const Bounded> inputs, const Array& value) const {
    if (node.op.pointwise) return pointwise(node, inputs, value);
    if (node.inputs.empty()) return leaf(value);
    if (is_in(choices, node.op)) return of_choice(inputs, value);
    if (is_in(sums, node.op)) return of_sum(node, inputs, value);
    if (node.op.view || is_in(moves, node.op)) return moved(node, inputs, value);
    if (node.op.reduction != Reduction::none) return of_extreme(node, inputs[0], value);
    throw Bug(std::string("there is no error bound for ") + node.op.name);
  }

  // What lies beyond the precision, or is not a number by a doubt of the operands, is undecided.
  void limit(Bounded& result) const {
    for (std::size_t i = 0; i < result.error.size(); ++i) {
      const double value = result.value.at(static_cast<std::int64_t>(i));
      double& error = result.error[i];
      if (std::isnan(error) || (std::isfinite(value) && std::abs(value) + error > precision_.largest)) error = unknown;
      if (!std::isfinite(value) && error > 0) error = unknown;
    }
  }

  std::vector<double> leaf(const Array& value) const {
    std::vector<double> error(value.elements(), 0);
    for (std::size_t i = 0; i < error.size(); ++i) {
      const double v = value.at(static_cast<std::int64_t>(i));
      if (precision_.roundoff > 1e-10 && v != static_cast<float>(v)) error[i] = precision_.roundoff * std::abs(v);
    }
    return error;
  }

  bool on_grid(double value) const {
    return std::abs(value) < precision_.range && std::fmod(value, precision_.grid) == 0;
  }

  double rounding(const Node& node, const Operand& a, const Operand& b, double value) const {
    const Fn fn = *node.op.pointwise;
    if (!is_float(node.type.dtype) || !std::isfinite(value) || takes_over(fn)) return 0;
    if (fn == Fn::cast && on_grid(value)) return 0;
    if (adds_or_multiplies(fn)) {
      if (a.error + b.error == 0 && on_grid(a.value) && on_grid(b.value) &&
          std::max(std::abs(value), fn == Fn::multiply ? 0 : a.terms + b.terms) < precision_.range)
        return 0;
      // An order of three terms may round where another does not: each is charged with what it adds.
      const double size = fn == Fn::multiply ? std::abs(value) : a.terms + b.terms + a.error + b.error;
      return roundings * precision_.roundoff * size + precision_.underflow;
    }
    return roundings * precision_.roundoff * std::abs(value) + precision_.underflow;
  }

  std::vector<double> pointwise(const Node& node, std::span<const Bounded> inputs, const Array& value) const {
    const Dtype operand = inputs[*node.op.pointwise == Fn::select ? 1 : 0].value.dtype();
    std::vector<double> error(value.elements());
    for (std::size_t i = 0; i < error.size(); ++i) {
      Operand x[3] = {};
      for (std::size_t k = 0; k < inputs.size(); ++k)
        x[k] = {inputs[k].value.at(static_cast<std::int64_t>(i)), inputs[k].error[i], inputs[k].terms[i]};
      const double v = value.at(static_cast<std::int64_t>(i));
      const bool exact = x[0].error == 0 && x[1].error == 0 && x[2].error == 0;
      if (hangs_on_the_sign_of_a_zero(*node.op.pointwise, x[0], x[1])) {
        error[i] = unknown;
        continue;
      }
      error[i] = (exact ? 0 : slope_error(node, operand, x[0], x[1], x[2], v)) + rounding(node, x[0], x[1], v);
    }
    return error;
  }

  // Undecided if any two elements are nearer than their errors.
  std::vector<double> of_choice(std::span<const Bounded> inputs, const Array& value) const {
    const Bounded& x = inputs[0];
    const auto n = static_cast<std::int64_t>(x.error.size());
    bool doubt = false;
    for (std::int64_t i = 0; i < n; ++i)
      for (std::int64_t j = 0; j < i; ++j)
        doubt |= comparison_error({x.value.at(i), x.error[i]}, {x.value.at(j), x.error[j]}) > 0;
    return std::vector<double>(value.elements(), doubt ? unknown : 0);
  }

  bool indices_are_decided(std::span<const Bounded> inputs) const {
    for (const Bounded& x : inputs)
      if (!is_float(x.value.dtype()))
        for (double error : x.error)
          if (error > 0) return false;
    return true;
  }

  // The operator on |x| + e, and on |x|; indices stay as they are.
  std::vector<Array> of_sizes(std::span<const Bounded> inputs, bool with_errors) const {
    std::vector<Array> sizes;
    for (const Bounded& x : inputs) {
      if (!is_float(x.value.dtype())) {
        sizes.push_back(x.value);
        continue;
      }
      Array size(x.value.type());
      for (std::int64_t i = 0; i < size.elements(); ++i)
        put(size, i, std::abs(x.value.at(i)) + (with_errors ? x.error[i] : 0));
      sizes.push_back(size);
    }
    return sizes;
  }

  static bool is_exact(std::span<const Bounded> inputs) {
    for (const Bounded& x : inputs)
      for (double error : x.error)
        if (error != 0) return false;
    return true;
  }

  bool all_on_grid(std::span<const Bounded> inputs) const {
    for (const Bounded& x : inputs)
      for (std::int64_t i = 0; i < x.value.elements(); ++i)
        if (!on_grid(x.value.at(i))) return false;
    return true;
  }

  std::vector<double> of_sum(const Node& node, std::span<const Bounded> inputs, const Array& value) const {
    if (!is_float(node.type.dtype)) return std::vector<double>(value.elements(), is_exact(inputs) ? 0 : unknown);
    if (!indices_are_decided(inputs)) return std::vector<double>(value.elements(), unknown);
    std::int64_t terms = 1;
    for (const Bounded& x : inputs) terms = std::max(terms, x.value.elements());
    const bool exact = is_exact(inputs), no_product = node.op.reduction == Reduction::product ||
                                                      node.op.name == std::string_view("squared_products");
    const Array wide = interpret_node(node, of_sizes(inputs, true));
    const Array narrow = exact ? wide : interpret_node(node, of_sizes(inputs, false));
    const bool grid = exact && !no_product && all_on_grid(inputs);
    std::vector<double> error(value.elements());
    if (node.op.reduction == Reduction::product && leaves_the_range(inputs[0]))
      return std::vector<double>(value.elements(), unknown);
    for (std::size_t i = 0; i < error.size(); ++i) {
      const auto at = static_cast<std::int64_t>(i);
      const double size = wide.at(at), gamma = static_cast<double>(terms + 4) * precision_.roundoff;
      const bool no_rounding = !std::isfinite(value.at(at)) || (grid && size < precision_.range);
      error[i] =
          size - narrow.at(at) + (no_rounding ? 0 : gamma * size + static_cast<double>(terms) * precision_.underflow);
      // Some of the terms may leave the range, though what all add up to does not.
      if (std::isfinite(value.at(at)) && size > precision_.largest) error[i] = unknown;
      if (exact && !std::isfinite(size)) error[i] = finite_part(node, inputs, at) > precision_.largest ? unknown : 0;
    }
    return error;
  }

  // Whether some of the factors may have a product that is too large or too small, though that of all is neither.
  bool leaves_the_range(const Bounded& x) const {
    double large = 1, small = 1;
    for (std::int64_t i = 0; i < x.value.elements(); ++i) {
      const double size = std::abs(x.value.at(i));
      if (size + x.error[i] > 1) large *= size + x.error[i];
      if (size > 0 && size < 1) small *= size;
    }
    return large > precision_.largest || small < precision_.underflow;
  }

  // What the finite operands alone add up to, in size.
  static double finite_part(const Node& node, std::span<const Bounded> inputs, std::int64_t at) {
    std::vector<Array> sizes;
    for (const Bounded& x : inputs) {
      sizes.push_back(x.value.clone());
      for (std::int64_t i = 0; is_float(x.value.dtype()) && i < x.value.elements(); ++i)
        put(sizes.back(), i, std::isfinite(x.value.at(i)) ? std::abs(x.value.at(i)) : 0);
    }
    return interpret_node(node, sizes).at(at);
  }

  // The errors move as the elements do.
  std::vector<double> moved(const Node& node, std::span<const Bounded> inputs, const Array& value) const {
    if (!indices_are_decided(inputs)) return std::vector<double>(value.elements(), unknown);
    std::vector<Array> arrays;
    for (const Bounded& x : inputs) {
      Array errors = x.value;
      if (is_float(x.value.dtype())) {
        errors = Array(x.value.type());
        for (std::int64_t i = 0; i < errors.elements(); ++i) put(errors, i, x.error[i]);
      }
      arrays.push_back(errors);
    }
    std::vector<double> error(value.elements(), 0);
    if (!is_float(node.type.dtype)) return error;
    const Array moved = interpret_node(node, arrays);
    for (std::size_t i = 0; i < error.size(); ++i) {
      const double e = moved.at(static_cast<std::int64_t>(i));
      error[i] = std::isnan(e) ? 0 : e;  // what an index out of range gives is exact
    }
    return error;
  }

  // The largest error of those that are compared.
  std::vector<double> of_extreme(const Node& node, const Bounded& x, const Array& value) const {
    std::vector<double> error(value.elements(), 0);
    const Shape& shape = x.value.shape();
    Shape kept = shape;
    for (auto axis : node.attributes.numbers) kept[axis] = 1;
    Shape strides = row_major_strides(kept);
    for (auto axis : node.attributes.numbers) strides[axis] = 0;
    for (std::int64_t i = 0; i < x.value.elements(); ++i) {
      double& e = error[offset_of(i, shape, strides)];
      e = std::max(e, x.error[i]);
    }
    return error;
  }

  std::vector<Bounded> run_map(const MapBody& body, std::span<const Bounded> inputs) const {
    const Region& region = body.region;
    std::vector<Bounded> results;
    for (std::size_t k = 0; k < region.outputs.size(); ++k) {
      const Type& type = region.graph->node(region.outputs[k]).type;
      const bool stacked = body.outputs[k] == MapBuilder::stacked;
      const Type whole = stacked ? Type{type.dtype, type.shape.with_front(body.length)} : type;
      results.push_back(
          {Array(whole), std::vector<double>(whole.elements(), 0), std::vector<double>(whole.elements(), 0)});
    }
    for (std::int64_t task = 0; task < body.length; ++task) {
      std::map<NodeId, Bounded> slices;
      for (std::size_t i = 0; i < inputs.size(); ++i)
        slices[region.inputs[i]] = static_cast<int>(i) < body.sequences ? row(inputs[i], task) : inputs[i];
      const auto values = Analysis(*region.graph, precision_).run(region.outputs, slices);
      for (std::size_t k = 0; k < values.size(); ++k) store(body, k, task, values[k], results[k]);
    }
    for (Bounded& result : results) limit(result);
    return results;
  }

  static Bounded row(const Bounded& x, std::int64_t task) {
    const Array value = x.value.row(task);
    const auto n = value.elements();
    const auto of_row = [&](const std::vector<double>& all) {
      return std::vector<double>(all.begin() + task * n, all.begin() + (task + 1) * n);
    };
    return {value, of_row(x.error), of_row(x.terms)};
  }

  void store(const MapBody& body, std::size_t k, std::int64_t task, const Bounded& x, Bounded& result) const {
    const bool stacked = body.outputs[k] == MapBuilder::stacked;
    const std::int64_t n = x.value.elements(), first = stacked ? task * n : 0;
    for (std::int64_t i = 0; i < n; ++i) {
      const double before = result.value.at(first + i), value = x.value.at(i);
      put(result.value, first + i, stacked ? value : before + value);
      double& error = result.error[first + i];
      error += x.error[i];
      result.terms[first + i] += x.terms[i];
      const bool exact = error == 0 && on_grid(before) && on_grid(value);
      if (!stacked && is_float(x.value.dtype()) && !exact && std::isfinite(before + value))
        error +=
            static_cast<double>(body.length) * precision_.roundoff * result.terms[first + i] + precision_.underflow;
    }
  }

  const Graph& graph_;
  const Precision& precision_;
  std::vector<std::vector<Bounded>> values_;  // parts of a region: several
};

}  // namespace

std::vector<Bounded> bounded(const Graph& graph, std::span<const NodeId> outputs, const std::map<NodeId, Array>& inputs,
                             const Precision& precision) {
  std::map<NodeId, Bounded> exact;
  for (const auto& [id, value] : inputs) {
    exact[id] = {value, std::vector<double>(value.elements(), 0), {}};
    for (std::int64_t i = 0; i < value.elements(); ++i) exact[id].terms.push_back(std::abs(value.at(i)));
  }
  return Analysis(graph, precision).run(outputs, exact);
}

}  // namespace metac::testing
