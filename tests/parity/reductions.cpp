// Reductions, and functions along an axis; see cases.hpp.
#include <fmt/format.h>

#include <limits>

#include "parity/cases.hpp"

namespace metac::parity {
namespace {

using Reduce = std::function<Tensor(Tensor, std::vector<int>, bool)>;

void add_reduction(Draws& draws, Cases& cases, const char* name, const Reduce& reduce, const char* expression,
                   bool ties = false, double low = -2) {
  const Shape shape = draws.shape(1);
  const auto axes = draws.axes(shape);
  const bool keep = draws.once_in(2);
  cases.push_back(
      {name,
       fmt::format(fmt::runtime(expression), fmt::arg("axes", python(axes)), fmt::arg("keep", python(keep))),
       {ties ? draws.halves(shape) : draws.uniform(shape, low, 2)},
       [=](auto x) -> Results { return {reduce(x[0], axes, keep)}; }});
}

void reductions(Draws& draws, Cases& cases) {
  const auto reduction = [&](const char* name, const Reduce& reduce, const char* expression, bool ties = false,
                             double low = -2) { add_reduction(draws, cases, name, reduce, expression, ties, low); };
  reduction(
      "sum", [](Tensor x, auto axes, bool keep) { return sum(x, axes, keep); },
      "torch.sum(a, dim={axes}, keepdim={keep})");
  reduction(
      "mean", [](Tensor x, auto axes, bool keep) { return mean(x, axes, keep); },
      "torch.mean(a, dim={axes}, keepdim={keep})");
  reduction("max", max, "torch.amax(a, dim={axes}, keepdim={keep})", true);
  reduction("min", min, "torch.amin(a, dim={axes}, keepdim={keep})", true);
  reduction("logsumexp", logsumexp, "torch.logsumexp(a, dim={axes}, keepdim={keep})");
  reduction(
      "variance", [](Tensor x, auto axes, bool keep) { return variance(x, axes, keep); },
      "torch.var(a, dim={axes}, keepdim={keep}, unbiased=False)");
  // Of one element torch's derivative is NaN, ours 0: so of two at least.
  const Array two_rows = draws.uniform({2 + draws.pick(4), draws.size()});
  cases.push_back({"standard_deviation", "torch.std(a, dim=0, unbiased=True)", {two_rows}, [](auto x) -> Results {
                     return {standard_deviation(x[0], {0}, false, 1)};
                   }});
  for (const double order : {1.0, 2.0, 3.0, 2.5, std::numeric_limits<double>::infinity()})
    reduction(
        "norm", [order](Tensor x, auto axes, bool keep) { return norm(x, axes, keep, order); },
        fmt::format("torch.linalg.vector_norm(a, float('{}'), dim={{axes}}, keepdim={{keep}})", order).c_str(), false,
        0.2);  // near 0 the parts of a derivative of order 3 cancel
}

void over_one_axis(Draws& draws, Cases& cases) {
  const auto along = [&](const char* name, auto function, const char* expression, bool ties = false, int orders = 3) {
    const Shape shape = draws.shape(1);
    const int axis = draws.axis(shape) - (draws.once_in(2) ? shape.rank() : 0);
    cases.push_back({name,
                     fmt::format(fmt::runtime(expression), axis),
                     {ties ? draws.halves(shape) : draws.uniform(shape)},
                     [=](auto x) -> Results { return {function(x[0], axis)}; },
                     orders});
  };
  along(
      "prod", [](Tensor x, int axis) { return prod(x, {axis}); }, "torch.prod(a, dim={})", true);  // with zeros
  along("softmax", softmax, "torch.softmax(a, dim={})");
  along("log_softmax", log_softmax, "torch.log_softmax(a, dim={})");
  along("argmax", argmax, "torch.argmax(a, dim={})", false, 0);
  along("argmin", argmin, "torch.argmin(a, dim={})", false, 0);
  along(
      "cumulative_sum", [](Tensor x, int axis) { return cumulative_sum(x, axis); }, "torch.cumsum(a, dim={})");
  along(
      "cumulative_sum", [](Tensor x, int axis) { return cumulative_sum(x, axis, true); },
      "torch.flip(torch.cumsum(torch.flip(a, [{0}]), dim={0}), [{0}])");
  along("cumulative_product", cumulative_product, "torch.cumprod(a, dim={})");
  along(
      "sort", [](Tensor x, int axis) { return sort(x, axis); }, "torch.sort(a, dim={}, stable=True).values", true);
  along(
      "sort", [](Tensor x, int axis) { return sort(x, axis, true); },
      "torch.sort(a, dim={}, descending=True, stable=True).values", true);
  along(
      "argsort", [](Tensor x, int axis) { return argsort(x, axis); }, "torch.sort(a, dim={}, stable=True).indices",
      true, 0);
  const Shape shape = draws.shape(1);
  const std::int64_t k = 1 + draws.pick(static_cast<int>(shape.back()));
  cases.push_back({"top_k", fmt::format("tuple(torch.topk(a, {}))", k), {draws.uniform(shape)}, [k](auto x) -> Results {
                     const TopK top = top_k(x[0], k);
                     return {top.values, top.indices};
                   }});
}

void of_bools(Draws& draws, Cases& cases) {
  const Shape shape = draws.shape(1);
  const int axis = draws.axis(shape);
  cases.push_back({"any",
                   fmt::format("torch.any(a, dim={})", axis),
                   {draws.bools(shape)},
                   [axis](auto x) -> Results { return {any(x[0], {axis})}; },
                   0});
  cases.push_back({"all",
                   fmt::format("torch.all(a, dim={})", axis),
                   {draws.bools(shape)},
                   [axis](auto x) -> Results { return {all(x[0], {axis})}; },
                   0});
}

}  // namespace

void reduction_cases(Draws& draws, Cases& cases) {
  reductions(draws, cases);
  over_one_axis(draws, cases);
  of_bools(draws, cases);
  const Shape shape = draws.shape(1);
  Shape smaller = shape;
  for (int axis : draws.axes(shape)) smaller[axis] = 1;
  cases.push_back({"sum_to",
                   fmt::format("a.sum_to_size({})", python(smaller)),
                   {draws.uniform(shape)},
                   [smaller](auto x) -> Results { return {sum_to(x[0], smaller)}; }});
}

}  // namespace metac::parity
