// Drafts come in the order of the graph. A chain takes one up that reads what it has made, and each part no more than
// the same part of that. Small steps that do not fit change places with the chain: they go before it if they read
// nothing of it, and behind it if they do. Large ones end it: to run them earlier or later would hold more memory at
// one time.
#include "plan/cut.hpp"

#include <algorithm>
#include <cmath>

namespace metac {
namespace {

// More would hold too much memory at one time.
constexpr std::size_t longest_chain = 64;
// A step that takes less than this share of the longest in a chain stays out of it.
constexpr double least_share = 0.05;

// How long work takes at least on one core, roughly: it only tells large work from small.
double microseconds(const Cost& work) { return work.operations / 1e5 + work.bytes / 1e4; }

class Cutter {
 public:
  Cutter(Frame& frame, KernelCache& cache, const Parts& limits)
      : frame_(frame), cache_(cache), limits_(limits), makers_(frame.storages.size()) {}

  void visit(Draft&& draft) {
    if (!chain_.empty() && joins(draft)) return join(std::move(draft));
    if (leads(draft)) {
      close();
      return join(std::move(draft));
    }
    if (!may_pass(draft)) close();
    if (!follows_chain(draft)) return emit({&draft, 1});
    mark(draft, Maker::after);
    after_.push_back(std::move(draft));
  }

  void close() {
    for (const auto storage : marked_) makers_[storage].kind = Maker::before;
    marked_.clear();
    longest_ = 0;
    emit(std::exchange(chain_, {}));
    for (const Draft& draft : std::exchange(after_, {})) emit({&draft, 1});
  }

 private:
  // Who makes the value of a storage.
  struct Maker {
    enum Kind : std::uint8_t { before, member, after } kind = before;
    Operand result;
  };

  // ---- chains ----

  bool leads(const Draft& draft) const {
    const bool for_threads = limits_.threads > 1 && microseconds(draft.work) >= 2 * limits_.least_microseconds;
    return may_be_in_chain(draft) && (for_threads || draft.work.bytes >= 2 * limits_.bytes);
  }

  // Sums that are large beside the work allow a few parts, but not those of a chain.
  bool may_be_in_chain(const Draft& draft) const {
    return draft.length > 1 && !draft.is_product && adds_little(draft, draft.length);
  }

  // Whether the sums that so many parts make are little beside the work, in time and in memory.
  bool adds_little(const Draft& draft, std::int64_t parts) const {
    double bytes = 0;
    for (const auto& summed : draft.summed) bytes += static_cast<double>(bytes_of(draft.operands[summed.result]));
    bytes *= static_cast<double>(parts);
    return bytes == 0 || (microseconds({0, 2 * bytes}) <= limits_.most_adding * microseconds(draft.work) &&
                          bytes <= limits_.most_sums * draft.work.bytes);
  }

  bool may_pass(const Draft& draft) const { return draft.loop == nullptr && draft.work.bytes <= limits_.most_passing; }

  // An operand that begins where a member's result begins, and goes as far with each place, lies part by part where
  // that does: else its last part would reach beyond the end.
  bool joins(const Draft& draft) const {
    if (draft.length != chain_.front().length || !may_be_in_chain(draft) || chain_.size() == longest_chain)
      return false;
    if (microseconds(draft.work) < least_share * longest_) return false;
    bool reads_member = false;
    for (std::size_t i = draft.results; i < draft.operands.size(); ++i) {
      const Operand& read = draft.operands[i];
      const auto& [kind, made] = makers_[read.storage];
      const bool same_part = read.stride != 0 && read.stride == made.stride && read.offset == made.offset;
      if (kind == Maker::after || (kind == Maker::member && !same_part)) return false;
      reads_member = reads_member || kind == Maker::member;
    }
    return reads_member;
  }

  bool follows_chain(const Draft& draft) const {
    return std::any_of(draft.operands.begin(), draft.operands.end(),
                       [&](const Operand& operand) { return makers_[operand.storage].kind != Maker::before; });
  }

  void join(Draft&& draft) {
    mark(draft, Maker::member);
    longest_ = std::max(longest_, microseconds(draft.work));
    chain_.push_back(std::move(draft));
  }

  void mark(const Draft& draft, Maker::Kind kind) {
    for (std::size_t r = 0; r < draft.results; ++r) {
      makers_[draft.operands[r].storage] = {kind, draft.operands[r]};
      marked_.push_back(draft.operands[r].storage);
    }
  }

  // ---- parts ----

  std::int64_t count_parts(std::span<const Draft> chain) const {
    const std::int64_t length = chain.front().length;
    if (length < 2) return 1;
    double time = 0, widest = 0;
    for (const Draft& draft : chain) {
      time += microseconds(draft.work);
      widest = std::max(widest, draft.work.bytes);
    }
    std::int64_t parts = 1;
    // a power of two, as the number of threads often is
    while (2 * parts <= limits_.threads && time >= 2.0 * static_cast<double>(parts) * limits_.least_microseconds)
      parts *= 2;
    if (chain.size() > 1)
      parts = std::max(
          parts, static_cast<std::int64_t>(std::min(static_cast<double>(length), std::ceil(widest / limits_.bytes))));
    parts = std::min(parts, length);
    for (const Draft& draft : chain)
      while (parts > 1 && !worth(draft, parts)) parts /= 2;
    return std::max<std::int64_t>(1, parts);
  }

  bool worth(const Draft& draft, std::int64_t parts) const {
    return microseconds(draft.work) >= static_cast<double>(parts) * limits_.least_of_step && adds_little(draft, parts);
  }

  // ---- steps ----

  void emit(std::span<const Draft> chain) {
    if (chain.empty()) return;
    const std::int64_t parts = count_parts(chain);
    const std::size_t first = frame_.steps.size();
    std::vector<std::vector<Operand>> sums;
    for (const Draft& draft : chain) {
      std::vector<Operand> operands = draft.operands;
      if (parts == 1)
        for (Operand& operand : operands) operand.stride = 0;
      else
        sums.push_back(put_apart(draft, parts, operands));
      Step& step = add(draft.node, operands, draft.results, draft.make((draft.length + parts - 1) / parts));
      step.loop = draft.loop;
      step.work = draft.work;
      if (parts == 1) continue;
      step.length = draft.length;
      step.parts = parts;
      if (draft.length % parts != 0) step.smaller = draft.make(draft.length / parts);
    }
    if (parts == 1) return;
    frame_.steps[first].together = static_cast<std::uint32_t>(chain.size());
    frame_.most_parts = std::max(frame_.most_parts, parts);
    for (std::size_t i = 0; i < chain.size(); ++i) add_sums(chain[i], parts, sums[i]);
  }

  // What each part makes for itself goes to a place of its own. Gives those places.
  std::vector<Operand> put_apart(const Draft& draft, std::int64_t parts, std::vector<Operand>& operands) {
    std::vector<Operand> apart;
    for (const auto& summed : draft.summed) {
      const std::size_t bytes = bytes_of(operands[summed.result]);
      Storage storage;
      storage.bytes = static_cast<std::size_t>(parts) * bytes;
      frame_.storages.push_back(storage);
      apart.push_back({static_cast<std::uint32_t>(frame_.storages.size() - 1)});
      operands[summed.result] = {apart.back().storage, 0, static_cast<std::int64_t>(bytes), true};
    }
    return apart;
  }

  // As many at a time as a kernel may have operands.
  void add_sums(const Draft& draft, std::int64_t parts, std::span<const Operand> apart) {
    constexpr std::size_t at_once = max_pointwise_operands / 2;
    for (std::size_t first = 0; first < apart.size(); first += at_once) {
      PointwiseProgram program;
      std::vector<Operand> operands;
      const std::size_t count = std::min(at_once, apart.size() - first);
      for (const auto& [result, dtype, reduction] : std::span(draft.summed).subspan(first, count)) {
        const auto elements = static_cast<std::int64_t>(bytes_of(draft.operands[result]) / size_of(dtype));
        program.shape = {parts, elements};
        program.outputs.push_back({static_cast<std::uint16_t>(program.loads.size()), reduction, 1});
        program.loads.push_back({dtype, {elements, 1}});
        operands.push_back(draft.operands[result]);
      }
      const auto places = apart.subspan(first, count);
      operands.insert(operands.end(), places.begin(), places.end());
      const Cost work = work_of(program);
      add(draft.node, operands, count, cache_.of_program(std::move(program))).work = work;
    }
  }

  Step& add(NodeId node, std::span<const Operand> operands, std::size_t results, std::shared_ptr<const Kernel> kernel) {
    Step step;
    step.kernel = std::move(kernel);
    step.node = node;
    step.first = static_cast<std::uint32_t>(frame_.operands.size());
    step.results = static_cast<std::uint32_t>(results);
    step.operands = static_cast<std::uint32_t>(operands.size());
    frame_.operands.insert(frame_.operands.end(), operands.begin(), operands.end());
    frame_.steps.push_back(std::move(step));
    return frame_.steps.back();
  }

  std::size_t bytes_of(const Operand& result) const { return frame_.storages[result.storage].bytes; }

  Frame& frame_;
  KernelCache& cache_;
  const Parts& limits_;
  std::vector<Draft> chain_, after_;
  double longest_ = 0;         // microseconds of a step of the chain
  std::vector<Maker> makers_;  // by storage
  std::vector<std::uint32_t> marked_;
};

}  // namespace

void add_steps(Frame& frame, std::vector<Draft> drafts, KernelCache& cache, const Parts& limits) {
  Cutter cutter(frame, cache, limits);
  for (Draft& draft : drafts) cutter.visit(std::move(draft));
  cutter.close();
}

}  // namespace metac
