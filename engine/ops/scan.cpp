// The scan that users build. Where carries are kept only every k-th step it is a scan of scans: the derivative of the
// outer one runs the inner one again, so nothing but the structure says what is recomputed.
#include <fmt/format.h>

#include <algorithm>

#include "ops/control.hpp"
#include "ops/family.hpp"

namespace metac {
namespace {

using Results = std::vector<MapBuilder::Result>;

// What stands behind the results: the carries.
Tensors last_of(const Tensors& parts, std::size_t results) {
  return {parts.begin() + static_cast<std::ptrdiff_t>(results), parts.end()};
}

// A closed body, built again for some of its steps.
class Steps {
 public:
  Steps(const OpenLoop& loop, std::span<const Tensor> next, const Results& results) : loop_(loop), results_(results) {
    from_.push_back(loop.index.id());
    for (const Tensor& slice : loop.slices) from_.push_back(slice.id());
    for (const Tensor& carry : loop.carry) from_.push_back(carry.id());
    for (const Graph::Capture& capture : loop.body->captures()) from_.push_back(capture.inner);
    for (const auto& result : results) outputs_.push_back(result.value.id());
    for (const Tensor& carry : next) outputs_.push_back(carry.id());
  }

  // The parts of a scan over `count` steps from number `first` on.
  Tensors run(Graph& graph, const Tensors& sequences, const Tensors& initial, Tensor first, std::int64_t count) const {
    OpenLoop inner(graph, sequences, initial, count);
    inner.guard = loop_.guard;  // counted as in the whole: there are as many slices
    Tensors to{first + inner.index};
    to.insert(to.end(), inner.slices.begin(), inner.slices.end());
    to.insert(to.end(), inner.carry.begin(), inner.carry.end());
    for (const Graph::Capture& capture : loop_.body->captures()) to.push_back(inner.body->capture(capture.outer));
    const Tensors values = replay(*loop_.body, from_, to, outputs_, *inner.body);
    return inner.close(as_results(values), last_of(values, results_.size()));
  }

  Results as_results(const Tensors& values) const {
    Results result;
    for (std::size_t k = 0; k < results_.size(); ++k) result.push_back({values[k], results_[k].output});
    return result;
  }

 private:
  const OpenLoop& loop_;
  const Results& results_;
  std::vector<NodeId> from_, outputs_;
};

Tensor number(Graph& graph, std::int64_t value) { return constant(graph, static_cast<double>(value), Dtype::i32); }

Tensors rows(const Tensors& sequences, std::int64_t begin, std::int64_t end) {
  Tensors result;
  for (const Tensor& sequence : sequences) result.push_back(slice_axis(sequence, 0, begin, end));
  return result;
}

// [n, k, ...] for [n k, ...], and back.
Tensor cut(Tensor x, std::int64_t k) {
  return reshape(x, x.shape().without(0).with_front(k).with_front(x.shape()[0] / k));
}
Tensor joined(Tensor x) { return reshape(x, x.shape().without(0).without(0).with_front(x.shape()[0] * x.shape()[1])); }

// The parts of the first `count` steps, as a scan of scans of k steps.
Tensors in_chunks(const OpenLoop& loop, const Steps& steps, const Results& results, std::int64_t count,
                  std::int64_t k) {
  Tensors sequences;
  for (const Tensor& sequence : rows(loop.sequences, 0, count)) sequences.push_back(cut(sequence, k));
  OpenLoop outer(loop.outer, sequences, loop.initial, count / k);
  if (loop.guard > static_cast<int>(loop.slices.size())) outer.guard = loop.guard;  // a slice guards steps, no chunks
  const Tensors inner = steps.run(*outer.body, outer.slices, outer.carry, outer.index * number(*outer.body, k), k);
  Tensors parts = outer.close(steps.as_results(inner), last_of(inner, results.size()));
  for (std::size_t i = 0; i < results.size(); ++i)
    if (results[i].output == MapBuilder::stacked) parts[i] = joined(parts[i]);
  return parts;
}

// The parts of the whole, with the carries kept of every k-th step only. A rest of steps comes after the chunks.
Tensors close_in_chunks(const OpenLoop& loop, const Results& results, std::span<const Tensor> next, std::int64_t k) {
  const std::int64_t rest = loop.length % k, whole = loop.length - rest;
  Results here;
  Tensors carries;
  for (const auto& result : results) here.push_back({loop.body->capture(result.value), result.output});
  for (const Tensor& carry : next) carries.push_back(loop.body->capture(carry));
  loop.body->close();
  const Steps steps(loop, carries, here);
  const Tensors parts = in_chunks(loop, steps, results, whole, k);
  if (rest == 0) return parts;

  Tensors all = steps.run(loop.outer, rows(loop.sequences, whole, loop.length), last_of(parts, results.size()),
                          number(loop.outer, whole), rest);
  for (std::size_t i = 0; i < results.size(); ++i)
    all[i] = results[i].output == MapBuilder::stacked ? concatenate({parts[i], all[i]}, 0) : parts[i] + all[i];
  return all;
}

}  // namespace

Tensors close_scan(OpenLoop& loop, const Results& results, std::span<const Tensor> next, std::int64_t recompute_every) {
  if (recompute_every < 0)
    throw Error(fmt::format("[scan] recompute_every is {}, a number of steps is needed", recompute_every));
  if (recompute_every <= 1 || loop.length <= 1) return loop.close(results, next);
  loop.check(results, next);
  return close_in_chunks(loop, results, next, std::min(recompute_every, loop.length));
}

ScanBuilder::ScanBuilder(Graph& outer, Tensors initial, Tensors sequences, std::int64_t length)
    : loop_(std::make_shared<OpenLoop>(outer, std::move(sequences), std::move(initial), length)) {
  if (loop_->initial.empty()) throw Error("[scan] no carry was given: at least one is needed, else use a map");
}

Graph& ScanBuilder::graph() { return *loop_->body; }
const Tensors& ScanBuilder::carries() const { return loop_->carry; }
const Tensors& ScanBuilder::slices() const { return loop_->slices; }
Tensor ScanBuilder::index() const { return loop_->index; }
std::int64_t ScanBuilder::length() const { return loop_->length; }

ScanBuilder::Results ScanBuilder::close(const Tensors& carries, const std::vector<MapBuilder::Result>& results,
                                        std::int64_t recompute_every) {
  const Tensors parts = close_scan(*loop_, results, carries, recompute_every);
  return {last_of(parts, results.size()), {parts.begin(), parts.end() - static_cast<std::ptrdiff_t>(carries.size())}};
}

}  // namespace metac
