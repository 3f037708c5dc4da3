// The parts of a graph's store: an open-addressing table from hashes to ids, and a pool of id lists that never move.
// Both only grow. The table knows nothing of what the ids stand for: the caller compares.
#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

namespace metac {

// Mixes a word into a hash (the finaliser of SplitMix64, Steele et al. 2014).
inline std::uint64_t mix(std::uint64_t hash, std::uint64_t word) {
  hash += word + 0x9e3779b97f4a7c15u;
  hash = (hash ^ (hash >> 30)) * 0xbf58476d1ce4e5b9u;
  hash = (hash ^ (hash >> 27)) * 0x94d049bb133111ebu;
  return hash ^ (hash >> 31);
}

class IdTable {
 public:
  static constexpr std::uint32_t none = ~std::uint32_t{0};

  // The id with this hash for which equal(id) holds, or none.
  template <class Equal>
  std::uint32_t find(std::uint64_t hash, Equal equal) const {
    if (slots_.empty()) return none;
    const auto tag = static_cast<std::uint32_t>(hash);
    for (std::size_t at = tag & mask();; at = (at + 1) & mask()) {
      const Slot& slot = slots_[at];
      if (slot.id == none) return none;
      if (slot.tag == tag && equal(slot.id)) return slot.id;
    }
  }

  void insert(std::uint64_t hash, std::uint32_t id) {
    if ((used_ + 1) * 4 > slots_.size() * 3) grow();
    place({static_cast<std::uint32_t>(hash), id});
    ++used_;
  }

 private:
  struct Slot {
    std::uint32_t tag = 0, id = none;
  };

  std::size_t mask() const { return slots_.size() - 1; }

  void place(Slot slot) {
    std::size_t at = slot.tag & mask();
    while (slots_[at].id != none) at = (at + 1) & mask();
    slots_[at] = slot;
  }

  void grow() {
    std::vector<Slot> old(std::max<std::size_t>(16, slots_.size() * 2));
    old.swap(slots_);
    for (const Slot& slot : old)
      if (slot.id != none) place(slot);
  }

  std::vector<Slot> slots_;
  std::size_t used_ = 0;
};

class IdPool {
 public:
  // Room for `count` ids that stays where it is.
  std::uint32_t* add(std::size_t count) {
    if (count > left_) {
      left_ = std::max(count, next_);
      next_ = std::min<std::size_t>(next_ * 2, 1 << 16);
      chunks_.push_back(std::make_unique_for_overwrite<std::uint32_t[]>(left_));
      free_ = chunks_.back().get();
    }
    std::uint32_t* result = free_;
    free_ += count;
    left_ -= count;
    return result;
  }

 private:
  std::vector<std::unique_ptr<std::uint32_t[]>> chunks_;
  std::uint32_t* free_ = nullptr;
  std::size_t left_ = 0, next_ = 64;
};

}  // namespace metac
