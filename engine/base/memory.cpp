// The counted allocator: what is in use, its peak, and the limit that refuses more.
#include "base/memory.hpp"

#include <fmt/format.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <iterator>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.hpp"

#if defined(__SANITIZE_ADDRESS__)  // GCC
#define METAC_GUARDS_ADDRESSES 1
#elif defined(__has_feature)  // Clang
#define METAC_GUARDS_ADDRESSES __has_feature(address_sanitizer)
#endif

namespace metac {
namespace {

std::atomic<std::size_t> in_use{0}, peak{0}, limit{0};

std::string amount(std::size_t bytes) {
  if (bytes < 1u << 20) return fmt::format("{} bytes", bytes);
  if (bytes < 1u << 30) return fmt::format("{:.1f} MiB", static_cast<double>(bytes) / (1u << 20));
  return fmt::format("{:.1f} GiB", static_cast<double>(bytes) / (1u << 30));
}

// The system promises more than it has, and ends the process that uses it: so more than this is refused beforehand.
std::size_t most_of_the_machine() {
  static const std::size_t bytes =
      static_cast<std::size_t>(sysconf(_SC_PHYS_PAGES)) * static_cast<std::size_t>(sysconf(_SC_PAGESIZE)) / 10 * 9;
  return bytes;
}

// Zeros from the system. Large blocks are always pages of their own, which the system clears when they are first
// touched: what only stands for its size, as in a rehearsal, costs nothing. calloc does so too, but only until the
// first large block was freed. The address sanitizer guards what calloc gave.
struct Block {
  void* begin;
  std::size_t bytes;

#if METAC_GUARDS_ADDRESSES
  static constexpr std::size_t least_mapped = SIZE_MAX;
#else
  static constexpr std::size_t least_mapped = 1u << 19;
#endif
  static constexpr std::size_t least_of_large_pages = 8u << 20;  // a page of 2 MiB at either end hardly counts
  bool is_mapped() const { return bytes >= least_mapped; }

  // `begin` is null where the system has no more.
  static Block of_zeros(std::size_t bytes) {
    Block block{nullptr, bytes};
    if (!block.is_mapped()) {
      block.begin = std::calloc(1, bytes);
      return block;
    }
    void* const pages = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (pages == MAP_FAILED) return block;
    block.begin = pages;
    // Where the system has large pages, the processor need not look up the address of each small one. Only a wish.
    if (bytes >= least_of_large_pages) madvise(pages, bytes, MADV_HUGEPAGE);
    return block;
  }
  void free() const {
    if (is_mapped())
      munmap(begin, bytes);
    else
      std::free(begin);
  }
};

// Large blocks that were freed lately: a step gives results of the same sizes as the last, and new pages cost more than
// the arithmetic on them. The oldest make room, so that what was freed before a training does not stay.
class Freed {
 public:
  Freed() { blocks_.reserve(most_kept / Block::least_mapped); }  // no `give` needs memory of its own
  // One of this size; null where there is none.
  void* take(std::size_t bytes) {
    const std::lock_guard lock(mutex_);
    const auto found =
        std::find_if(blocks_.rbegin(), blocks_.rend(), [&](const Block& block) { return block.bytes == bytes; });
    if (found == blocks_.rend()) return nullptr;
    void* const begin = found->begin;
    blocks_.erase(std::next(found).base());
    kept_ -= bytes;
    return begin;
  }
  void give(const Block& block) {
    if (!block.is_mapped() || block.bytes > most_kept) return block.free();
    const std::lock_guard lock(mutex_);
    auto kept = blocks_.begin();
    for (; kept_ + block.bytes > most_kept; ++kept) {
      kept->free();
      kept_ -= kept->bytes;
    }
    blocks_.erase(blocks_.begin(), kept);
    blocks_.push_back(block);
    kept_ += block.bytes;
  }
  // To the system; false when there are none.
  bool give_all_back() {
    const std::lock_guard lock(mutex_);
    if (blocks_.empty()) return false;
    for (const Block& block : blocks_) block.free();
    blocks_.clear();
    kept_ = 0;
    return true;
  }

 private:
  static constexpr std::size_t most_kept = 32u << 20;
  std::mutex mutex_;
  std::vector<Block> blocks_;
  std::size_t kept_ = 0;
};

Freed& freed() {
  static Freed& all = *new Freed;  // never destroyed: arrays of other files may be freed after it
  return all;
}

// A block of `bytes`, of which `counted` stand in the account. `zeroed`: else whatever was in it.
Block taken(std::size_t bytes, std::size_t counted, bool zeroed) {
  const std::size_t set = limit, most = set != 0 ? set : most_of_the_machine();
  std::size_t before = in_use;
  const auto refuse = [&](std::string_view why) {
    throw OutOfMemory(fmt::format("{} more memory is needed, {} are in use: {}", amount(counted), amount(before), why));
  };
  // What is refused is never in the account: it would be a reason to refuse other threads.
  do {
    if (counted > most || before > most - counted)
      refuse(set != 0 ? fmt::format("that is over the limit of {} that was set", amount(most))
                      : fmt::format("that is over nine tenths of what the machine has, {}", amount(most)));
  } while (!in_use.compare_exchange_weak(before, before + counted));
  Block block{zeroed ? nullptr : freed().take(bytes), bytes};
  if (block.begin == nullptr) block = Block::of_zeros(bytes);
  if (block.begin == nullptr && freed().give_all_back()) block = Block::of_zeros(bytes);
  if (block.begin == nullptr) {
    in_use -= counted;
    refuse("the system has no more");
  }
  const std::size_t total = before + counted;
  for (std::size_t seen = peak; seen < total && !peak.compare_exchange_weak(seen, total);) {
  }
  return block;
}

void given_back(const Block& block, std::size_t counted) {
  freed().give(block);
  in_use -= counted;
}

void check_size(std::size_t bytes) {
  if (bytes > most_bytes)
    throw OutOfMemory(fmt::format("{} more memory is needed: no system has so much", amount(bytes)));
}

std::shared_ptr<std::byte> allocated(std::size_t bytes, bool zeroed) {
  check_size(bytes);
  const std::size_t padded = round_up_to_alignment(bytes + memory_alignment);
  const Block block = taken(padded + memory_alignment, padded, zeroed);
  void* memory = block.begin;
  std::size_t space = block.bytes;
  std::align(memory_alignment, padded, memory, space);
  return {static_cast<std::byte*>(memory), [block, padded](std::byte*) { given_back(block, padded); }};
}

}  // namespace

std::shared_ptr<std::byte> allocate(std::size_t bytes) { return allocated(bytes, true); }
std::shared_ptr<std::byte> allocate_for_result(std::size_t bytes) { return allocated(bytes, false); }

void* take_memory(std::size_t bytes) {
  check_size(bytes);
  return taken(bytes, bytes, false).begin;
}
void give_memory(void* memory, std::size_t bytes) noexcept { given_back({memory, bytes}, bytes); }

std::size_t memory_in_use() { return in_use; }
std::size_t memory_peak() { return peak; }
void set_memory_limit(std::size_t bytes) { limit = bytes; }

}  // namespace metac
