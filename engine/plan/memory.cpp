// Best fit over a list of steps: free ranges are kept ordered by size (to choose) and by offset (to merge neighbours).
#include "plan/memory.hpp"

#include <algorithm>
#include <iterator>
#include <map>
#include <set>

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

// The last step that touches each storage: one that is never read dies where it is written.
std::vector<std::int64_t> last_uses(const Frame& frame) {
  const auto count = static_cast<std::int64_t>(frame.steps.size());
  std::vector<std::int64_t> last(frame.storages.size(), -1);
  for (std::int64_t s = 0; s < count; ++s)
    for (std::uint32_t i = 0; i < frame.steps[s].operands; ++i)
      last[frame.operands[frame.steps[s].first + i].storage] = s;
  for (const auto output : frame.outputs) last[frame.operands[output].storage] = count;
  return last;
}

class Assignment {
 public:
  explicit Assignment(Frame& frame) : frame_(frame), last_(last_uses(frame)), taken_over_(frame.storages.size(), 0) {}

  void run() {
    for (std::int64_t s = 0; s < static_cast<std::int64_t>(frame_.steps.size()); ++s) {
      place_results(s);
      place_scratch(frame_.steps[s]);
      release(s);
    }
    frame_.arena_bytes = arena_.bytes();
  }

 private:
  const Operand& operand(const Step& step, std::uint32_t i) const { return frame_.operands[step.first + i]; }

  void place_results(std::int64_t s) {
    const Step& step = frame_.steps[s];
    for (std::uint32_t r = 0; r < step.results; ++r) {
      Storage& storage = frame_.storages[operand(step, r).storage];
      if (storage.space != Space::arena || storage.offset >= 0) continue;
      const int donor = donor_of(s, r);
      if (donor < 0) {
        storage.offset = arena_.take(storage.bytes);
        continue;
      }
      storage.offset = frame_.storages[donor].offset;
      taken_over_[donor] = 1;
    }
  }

  // A storage among the inputs that dies at this step and whose memory result `r` may take over, or -1.
  int donor_of(std::int64_t s, std::uint32_t r) const {
    const Step& step = frame_.steps[s];
    const std::size_t wanted = room_for(frame_.storages[operand(step, r).storage].bytes);
    for (std::uint32_t i = step.results; i < step.operands; ++i) {
      const Operand& input = operand(step, i);
      const Storage& storage = frame_.storages[input.storage];
      if (storage.space == Space::arena && last_[input.storage] == s && !taken_over_[input.storage] &&
          input.offset == 0 && room_for(storage.bytes) == wanted &&
          step.kernel->may_overwrite(static_cast<int>(r), static_cast<int>(i - step.results)) && appears_once(step, i))
        return static_cast<int>(input.storage);
    }
    return -1;
  }

  // Two views of one storage: overwriting one would spoil the other.
  bool appears_once(const Step& step, std::uint32_t i) const {
    for (std::uint32_t j = 0; j < step.operands; ++j)
      if (j != i && operand(step, j).storage == operand(step, i).storage) return false;
    return true;
  }

  void place_scratch(Step& step) {
    const std::size_t bytes = step.kernel->scratch_bytes();
    if (bytes == 0) return;
    step.scratch = arena_.take(bytes);
    arena_.give_back(step.scratch, bytes);
  }

  void release(std::int64_t s) {
    const Step& step = frame_.steps[s];
    count_visits(step.operands);
    for (std::uint32_t i = 0; i < step.operands; ++i) {
      const std::uint32_t id = operand(step, i).storage;
      const Storage& storage = frame_.storages[id];
      if (storage.space != Space::arena || last_[id] != s || taken_over_[id]) continue;
      arena_.give_back(storage.offset, storage.bytes);
      taken_over_[id] = 1;  // an operand may stand twice in a step
    }
  }

  Frame& frame_;
  Arena arena_;
  std::vector<std::int64_t> last_;
  std::vector<char> taken_over_;  // or given back: no longer its own
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
