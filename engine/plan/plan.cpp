// Plans, binds, checks what the caller gives, and runs straight to the memory of the caller.
#include "plan/plan.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <map>

#include "base/memory.hpp"
#include "kernels/one_thread.hpp"
#include "plan/execute.hpp"
#include "plan/lower.hpp"
#include "plan/program.hpp"

namespace metac {
namespace {

std::vector<Type> types_of(const Graph& graph, std::span<const NodeId> ids) {
  std::vector<Type> types;
  for (const NodeId id : ids) types.push_back(graph.node(id).type);
  return types;
}

std::int64_t count_steps(const Frame& frame) {
  std::int64_t count = 0;
  for (const Step& step : frame.steps) count += step.loop != nullptr ? count_steps(step.loop->body) : 1;
  return count;
}

template <class Views>
void check(const char* what, const Views& given, const std::vector<Type>& types) {
  if (given.size() != types.size())
    throw Error(fmt::format("[run] {} {}s were given, {} are needed", given.size(), what, types.size()));
  for (std::size_t i = 0; i < types.size(); ++i)
    if (given[i].type() != types[i])
      throw Error(
          fmt::format("[run] {} {} is {}, {} is needed", what, i, to_string(given[i].type()), to_string(types[i])));
}

// The memory of one input or output, and how far those reach that begin before it or with it.
struct Range {
  const std::byte *begin, *end, *reach;
};

Range range_of(const ArrayView& view) {
  const auto* begin = static_cast<const std::byte*>(view.data());
  return {begin, begin + view.type().bytes(), nullptr};
}

}  // namespace

std::shared_ptr<const Plan> make_plan(const Program& program, const Parts& parts) {
  const OneThread guard;
  KernelCache cache;
  auto plan = std::make_shared<Plan>();
  plan->frame = Lowering(*program.graph, cache, parts).program(program.inputs, program.outputs);
  plan->work = cache.take_work();
  plan->inputs = types_of(*program.graph, program.inputs);
  plan->outputs = types_of(*program.graph, program.outputs);
  return plan;
}

namespace {

Array result_array(const Type& type) { return {type, allocate_for_result(type.bytes())}; }

}  // namespace

std::size_t arena_bytes(const Plan& plan) { return plan.frame.arena_bytes; }
std::int64_t steps(const Plan& plan) { return count_steps(plan.frame); }

struct Executable::Bound {
  Bound(std::shared_ptr<const Plan> given, int threads)
      : plan(std::move(given)),
        arena(allocate(plan->frame.arena_bytes)),
        frame(plan->frame, arena.get(), threads),
        externals(plan->inputs.size() + plan->outputs.size()),
        apart(plan->outputs.size()) {
    ranges.reserve(externals.size());
    inputs.reserve(plan->inputs.size());
    outputs.reserve(plan->outputs.size());
  }

  // An output that lies over an input or over another output is computed apart; so is one that has no memory.
  void place(std::span<const ArrayView> given, std::span<const MutableArrayView> taken) {
    // Kernels only read what is external to the program, if it is an input. Empty arrays need no memory: any will do.
    for (std::size_t i = 0; i < given.size(); ++i)
      externals[i] = given[i].data() != nullptr ? const_cast<void*>(given[i].data()) : arena.get();
    sort_ranges(given, taken);
    for (std::size_t i = 0; i < taken.size(); ++i) {
      const bool direct = is_alone(range_of(taken[i]));
      if (!direct && !apart[i]) apart[i] = allocate(taken[i].type().bytes());
      externals[given.size() + i] = direct ? taken[i].data() : apart[i].get();
    }
  }

  void sort_ranges(std::span<const ArrayView> given, std::span<const MutableArrayView> taken) {
    ranges.clear();
    for (const ArrayView& view : given) ranges.push_back(range_of(view));
    for (const ArrayView& view : taken) ranges.push_back(range_of(view));
    std::erase_if(ranges, [](const Range& range) { return range.begin == range.end; });
    std::sort(ranges.begin(), ranges.end(), [](const Range& a, const Range& b) { return a.begin < b.begin; });
    const std::byte* reach = nullptr;
    for (Range& range : ranges) range.reach = reach = std::max(reach, range.end);
  }

  // Whether a range that is not empty, and is one of the sorted ones, meets no other.
  bool is_alone(const Range& range) const {
    if (range.begin == range.end) return false;
    const auto begins_before = [](const Range& other, const std::byte* at) { return other.begin < at; };
    const auto first = std::lower_bound(ranges.begin(), ranges.end(), range.begin, begins_before);
    const auto end = std::lower_bound(first, ranges.end(), range.end, begins_before);
    return end - first == 1 && (first == ranges.begin() || std::prev(first)->reach <= range.begin);
  }

  std::shared_ptr<const Plan> plan;
  std::shared_ptr<std::byte> arena;
  BoundFrame frame;
  std::vector<void*> externals;                   // of the inputs, then of the outputs
  std::vector<std::shared_ptr<std::byte>> apart;  // for outputs that overlap, once one did
  std::vector<Range> ranges;
  std::vector<ArrayView> inputs;
  std::vector<MutableArrayView> outputs;
};

void Executable::measure() { bound_->frame.measure(); }

std::vector<KernelTime> Executable::times() const {
  std::vector<KernelTime> times;
  bound_->frame.visit_times([&](const Kernel& kernel, std::int64_t calls, double seconds) {
    const Cost& work = bound_->plan->work.at(&kernel);
    times.push_back({kernel.describe(), calls, seconds, work.operations * static_cast<double>(calls),
                     work.bytes * static_cast<double>(calls)});
  });
  return added_up(times);
}

std::vector<KernelTime> added_up(std::span<const KernelTime> times) {
  std::map<std::string, KernelTime> by_kernel;
  for (const KernelTime& time : times) {
    KernelTime& sum = by_kernel[time.kernel];
    sum.kernel = time.kernel;
    sum.calls += time.calls;
    sum.seconds += time.seconds;
    sum.operations += time.operations;
    sum.bytes += time.bytes;
  }
  std::vector<KernelTime> sums;
  for (auto& [kernel, sum] : by_kernel) sums.push_back(std::move(sum));
  std::stable_sort(sums.begin(), sums.end(),
                   [](const KernelTime& a, const KernelTime& b) { return a.seconds > b.seconds; });
  return sums;
}

Executable::Executable(std::shared_ptr<const Plan> plan, int threads) {
  if (threads < 1) throw Error(fmt::format("[run] {} threads were given, at least 1 is needed", threads));
  const OneThread guard;
  bound_ = std::make_unique<Bound>(std::move(plan), threads);
}

Executable::~Executable() = default;
Executable::Executable(Executable&&) noexcept = default;

void Executable::run(std::span<const ArrayView> inputs, std::span<const MutableArrayView> outputs) {
  Bound& bound = *bound_;
  check("input", inputs, bound.plan->inputs);
  check("output", outputs, bound.plan->outputs);
  bound.place(inputs, outputs);
  bound.frame.patch(bound.externals.data());
  {
    const OneThread guard;
    bound.frame.run();
  }
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    const void* result = bound.externals[inputs.size() + i];
    const std::size_t bytes = outputs[i].type().bytes();
    if (bytes > 0 && result != outputs[i].data()) std::memcpy(outputs[i].data(), result, bytes);
  }
}

void Executable::run(std::span<const Array> inputs, std::span<Array> outputs) {
  Bound& bound = *bound_;
  const std::vector<Type>& types = bound.plan->outputs;
  bound.inputs.assign(inputs.begin(), inputs.end());
  check("input", bound.inputs, bound.plan->inputs);  // before the caller's arrays make room for new ones
  if (outputs.size() == types.size())
    for (std::size_t i = 0; i < types.size(); ++i)
      if (outputs[i].type() != types[i]) outputs[i] = result_array(types[i]);
  bound.outputs.assign(outputs.begin(), outputs.end());
  run(bound.inputs, bound.outputs);
}

std::vector<Array> Executable::run(std::span<const Array> inputs) {
  std::vector<Array> outputs;
  outputs.reserve(output_types().size());
  for (const Type& type : output_types()) outputs.push_back(result_array(type));
  run(inputs, outputs);
  return outputs;
}

const std::vector<Type>& Executable::input_types() const { return bound_->plan->inputs; }
const std::vector<Type>& Executable::output_types() const { return bound_->plan->outputs; }

}  // namespace metac
