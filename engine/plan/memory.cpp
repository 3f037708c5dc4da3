// Best fit over a list of steps: free ranges are kept ordered by size (to choose) and by offset (to merge neighbours).
#include "plan/memory.hpp"

#include <algorithm>
#include <iterator>
#include <map>
#include <set>
#include <span>

#include "base/memory.hpp"
#include "transform/regions.hpp"

namespace metac {
namespace {

// Ranges of an arena that grows as needed.
class Arena {
 public:
  std::int64_t take(std::size_t bytes) {
    const auto size = static_cast<std::int64_t>(room_for(bytes));
    const auto best = by_size_.lower_bound({size, 0});
    if (best == by_size_.end()) return grow(size);
    const auto [found, offset] = *best;
    remove(offset, found);
    if (found > size) insert(offset + size, found - size);
    return offset;
  }

  void give_back(std::int64_t offset, std::size_t bytes) {
    auto size = static_cast<std::int64_t>(room_for(bytes));
    auto next = by_offset_.lower_bound(offset);
    if (next != by_offset_.end() && next->first == offset + size) {
      size += next->second;
      next = remove(next->first, next->second);
    }
    if (next != by_offset_.begin()) {
      const auto [before, length] = *std::prev(next);
      if (before + length == offset) {
        remove(before, length);
        offset = before;
        size += length;
      }
    }
    insert(offset, size);
  }

  std::int64_t bytes() const { return end_; }

 private:
  // A free range at the very end is used up first.
  std::int64_t grow(std::int64_t size) {
    std::int64_t offset = end_;
    if (!by_offset_.empty()) {
      const auto [last, length] = *by_offset_.rbegin();
      if (last + length == end_) {
        offset = last;
        remove(last, length);
      }
    }
    end_ = static_cast<std::int64_t>(room_for(static_cast<std::size_t>(offset) + static_cast<std::size_t>(size)));
    return offset;
  }

  void insert(std::int64_t offset, std::int64_t size) {
    by_offset_.emplace(offset, size);
    by_size_.emplace(size, offset);
  }

  std::map<std::int64_t, std::int64_t>::iterator remove(std::int64_t offset, std::int64_t size) {
    by_size_.erase({size, offset});
    return by_offset_.erase(by_offset_.find(offset));
  }

  std::map<std::int64_t, std::int64_t> by_offset_;
  std::set<std::pair<std::int64_t, std::int64_t>> by_size_;
  std::int64_t end_ = 0;
};

// The steps of a chain, whose parts are run in any order: they need their memory all at the same time.
std::span<Step> chain_at(Frame& frame, std::size_t first) {
  return std::span(frame.steps).subspan(first, frame.steps[first].together);
}

// The first step of the last chain that touches each storage: one that is never read dies where it is written.
std::vector<std::size_t> last_uses(Frame& frame) {
  std::vector<std::size_t> last(frame.storages.size(), 0);
  for (std::size_t first = 0; first < frame.steps.size(); first += frame.steps[first].together)
    for (const Step& step : chain_at(frame, first))
      for (std::uint32_t i = 0; i < step.operands; ++i) last[frame.operands[step.first + i].storage] = first;
  for (const auto output : frame.outputs) last[frame.operands[output].storage] = frame.steps.size();
  return last;
}

class Assignment {
 public:
  explicit Assignment(Frame& frame) : frame_(frame), last_(last_uses(frame)), taken_over_(frame.storages.size(), 0) {}

  void run() {
    for (std::size_t first = 0; first < frame_.steps.size(); first += frame_.steps[first].together) {
      const std::span<Step> chain = chain_at(frame_, first);
      const Inner inner = chain.size() > 1 ? place_inner(chain, first) : Inner{};
      for (std::size_t k = 0; k < chain.size(); ++k) place_results(chain, k, first);
      place_scratch(chain, inner);
      for (const Step& step : chain) release(step, first);
    }
    frame_.arena_bytes = arena_.bytes();
  }

 private:
  const Operand& operand(const Step& step, std::uint32_t i) const { return frame_.operands[step.first + i]; }

  void place_results(std::span<const Step> chain, std::size_t k, std::size_t first) {
    for (std::uint32_t r = 0; r < chain[k].results; ++r) {
      Storage& storage = frame_.storages[operand(chain[k], r).storage];
      if (storage.space != Space::arena || storage.offset >= 0) continue;
      const int donor = donor_of(chain, k, r, first);
      if (donor < 0) {
        storage.offset = arena_.take(storage.bytes);
        continue;
      }
      storage.offset = frame_.storages[donor].offset;
      taken_over_[donor] = 1;
    }
  }

  // A storage among the inputs that dies at this step and whose memory result `r` may take over, or -1.
  int donor_of(std::span<const Step> chain, std::size_t k, std::uint32_t r, std::size_t first) const {
    const Step& step = chain[k];
    const std::size_t wanted = room_for(frame_.storages[operand(step, r).storage].bytes);
    const auto agrees = [&](const Kernel& kernel, std::uint32_t i) {
      return kernel.may_overwrite(static_cast<int>(r), static_cast<int>(i - step.results));
    };
    for (std::uint32_t i = step.results; i < step.operands; ++i) {
      const std::uint32_t input = operand(step, i).storage;
      const Storage& storage = frame_.storages[input];
      if (storage.space == Space::arena && last_[input] == first && !taken_over_[input] &&
          room_for(storage.bytes) == wanted && agrees(*step.kernel, i) &&
          (step.smaller == nullptr || agrees(*step.smaller, i)) && appears_once(step, i) &&
          ends_in(chain, k, input, operand(step, r)))
        return static_cast<int>(input);
    }
    return -1;
  }

  // Two views of one storage: overwriting one would spoil the other.
  bool appears_once(const Step& step, std::uint32_t i) const {
    for (std::uint32_t j = 0; j < step.operands; ++j)
      if (j != i && operand(step, j).storage == operand(step, i).storage) return false;
    return true;
  }

  // Whether all of the chain that touches the storage does so where the same part of `result` lies, and none behind
  // step k.
  bool ends_in(std::span<const Step> chain, std::size_t k, std::uint32_t storage, const Operand& result) const {
    if (chain[k].is_cut() && frame_.storages[storage].bytes != frame_.storages[result.storage].bytes) return false;
    for (std::size_t s = 0; s < chain.size(); ++s)
      for (std::uint32_t i = 0; i < chain[s].operands; ++i) {
        const Operand& touched = operand(chain[s], i);
        if (touched.storage == storage && (s > k || touched.offset != result.offset || touched.stride != result.stride))
          return false;
      }
    return true;
  }

  // What is made and used up in one chain, which needs room for one part only. Offsets are among themselves at first.
  struct Inner {
    std::vector<std::uint32_t> storages;
    std::size_t bytes = 0;
  };

  Inner place_inner(std::span<const Step> chain, std::size_t first) {
    Inner inner;
    Arena room;
    std::map<std::uint32_t, std::size_t> last;  // by storage: the step of the chain that touches it last
    for (std::size_t k = 0; k < chain.size(); ++k)
      for (std::uint32_t i = 0; i < chain[k].operands; ++i) last[operand(chain[k], i).storage] = k;
    for (std::size_t k = 0; k < chain.size(); ++k) {
      for (std::uint32_t r = 0; r < chain[k].results; ++r) {
        const Operand& result = operand(chain[k], r);
        Storage& storage = frame_.storages[result.storage];
        if (storage.space != Space::arena || last_[result.storage] != first || result.by_part) continue;
        storage.space = Space::part;
        storage.bytes = static_cast<std::size_t>(result.stride * chain[k].most_places());
        storage.offset = room.take(storage.bytes);
        inner.storages.push_back(result.storage);
      }
      for (const std::uint32_t id : inner.storages)
        if (last[id] == k) room.give_back(frame_.storages[id].offset, frame_.storages[id].bytes);
      for (std::uint32_t i = 0; i < chain[k].operands; ++i) {
        Operand& touched = frame_.operands[chain[k].first + i];
        if (frame_.storages[touched.storage].space == Space::part) touched.stride = 0;  // at one place for every part
      }
    }
    inner.bytes = static_cast<std::size_t>(room.bytes());
    return inner;
  }

  // A part has the scratch of its worker for itself, and its steps run one after the other. The inner values lie behind
  // what the kernels need.
  void place_scratch(std::span<Step> chain, const Inner& inner) {
    std::size_t bytes = 0;
    for (const Step& step : chain) bytes = std::max(bytes, step.scratch_bytes());
    if (inner.bytes > 0) bytes = room_for(bytes) + inner.bytes;
    if (bytes == 0) return;
    const std::int64_t offset = arena_.take(bytes);
    arena_.give_back(offset, bytes);
    for (Step& step : chain) step.scratch = offset;
    for (const std::uint32_t id : inner.storages)
      frame_.storages[id].offset += offset + static_cast<std::int64_t>(bytes - inner.bytes);
    if (chain.front().is_cut()) frame_.part_scratch_bytes = std::max(frame_.part_scratch_bytes, bytes);
  }

  void release(const Step& step, std::size_t first) {
    count_visits(step.operands);
    for (std::uint32_t i = 0; i < step.operands; ++i) {
      const std::uint32_t id = operand(step, i).storage;
      const Storage& storage = frame_.storages[id];
      if (storage.space != Space::arena || last_[id] != first || taken_over_[id]) continue;
      arena_.give_back(storage.offset, storage.bytes);
      taken_over_[id] = 1;  // an operand may stand twice in a step
    }
  }

  Frame& frame_;
  Arena arena_;
  std::vector<std::size_t> last_;  // by storage
  std::vector<char> taken_over_;   // or given back: no longer its own
};

}  // namespace

std::size_t room_for(std::size_t bytes) {
  if (bytes > most_bytes) throw OutOfMemory("more memory is needed at one time than any system has");
  return round_up_to_alignment(std::max<std::size_t>(1, bytes));
}

void assign_memory(Frame& frame) {
  Assignment(frame).run();
  // The frame is complete and lives as long as the plan: a vector that grew step by step has room for up to twice as
  // much.
  frame.steps.shrink_to_fit();
  frame.storages.shrink_to_fit();
  frame.operands.shrink_to_fit();
}

}  // namespace metac
