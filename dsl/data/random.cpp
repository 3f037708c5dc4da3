// Philox4x32-10, the keys folded from it, and draws without replacement.
#include "data/random.hpp"

#include <fmt/format.h>

#include <numeric>
#include <utility>

#include "base/error.hpp"

namespace metac::data {

namespace {

// Which part of the counter a use of a key reads: words of a stream, or keys folded from it.
constexpr std::uint32_t stream_words = 0, folded_keys = 1;

// Up to this many draws, a linear search through the moved numbers beats writing out all n.
constexpr std::uint32_t few = 64;

std::vector<std::uint32_t> choice_of_all(Stream stream, std::uint32_t n, std::uint32_t count) {
  std::vector<std::uint32_t> numbers(n);
  std::iota(numbers.begin(), numbers.end(), 0u);
  for (std::uint32_t i = 0; i < count; ++i) std::swap(numbers[i], numbers[i + stream.uniform_below(n - i)]);
  numbers.resize(count);
  return numbers;
}

// The same exchanges as choice_of_all, but only numbers that were moved are written down: `moved` says what stands at a
// place other than its own number. Places before i are never looked at again.
std::vector<std::uint32_t> choice_of_few(Stream stream, std::uint32_t n, std::uint32_t count) {
  std::array<std::pair<std::uint32_t, std::uint32_t>, few> moved;
  std::uint32_t moved_count = 0;
  const auto find = [&](std::uint32_t place) {
    for (std::uint32_t m = 0; m < moved_count; ++m)
      if (moved[m].first == place) return m;
    return moved_count;
  };
  std::vector<std::uint32_t> numbers(count);
  for (std::uint32_t i = 0; i < count; ++i) {
    const std::uint32_t place = i + stream.uniform_below(n - i);
    const std::uint32_t at_i = find(i), at_place = find(place);
    const std::uint32_t here = at_i < moved_count ? moved[at_i].second : i;
    numbers[i] = at_place < moved_count ? moved[at_place].second : place;
    moved[at_place] = {place, here};
    if (at_place == moved_count) ++moved_count;
  }
  return numbers;
}

}  // namespace

std::array<std::uint32_t, 4> philox(std::array<std::uint32_t, 4> counter, Key key) {
  for (int round = 0; round < 10; ++round) {
    const std::uint64_t first = std::uint64_t{0xD2511F53} * counter[0];
    const std::uint64_t second = std::uint64_t{0xCD9E8D57} * counter[2];
    counter = {static_cast<std::uint32_t>(second >> 32) ^ counter[1] ^ key.a, static_cast<std::uint32_t>(second),
               static_cast<std::uint32_t>(first >> 32) ^ counter[3] ^ key.b, static_cast<std::uint32_t>(first)};
    key.a += 0x9E3779B9;  // the golden ratio
    key.b += 0xBB67AE85;  // the square root of 3, less 1
  }
  return counter;
}

Key fold_in(Key key, std::uint32_t word) {
  const auto words = philox({word, 0, 0, folded_keys}, key);
  return {words[0], words[1]};
}

Key fold_in_wide(Key key, std::uint64_t word) {
  return fold_in(fold_in(key, static_cast<std::uint32_t>(word)), static_cast<std::uint32_t>(word >> 32));
}

std::uint32_t Stream::next() {
  if (used_ == 4) {
    words_ =
        philox({static_cast<std::uint32_t>(block_), static_cast<std::uint32_t>(block_ >> 32), 0, stream_words}, key_);
    ++block_;
    used_ = 0;
  }
  return words_[used_++];
}

std::uint32_t Stream::uniform_below(std::uint32_t n) {
  if (n == 0) throw Error("uniform_below: there is no number below 0");
  std::uint64_t product = std::uint64_t{next()} * n;
  if (static_cast<std::uint32_t>(product) < n) {
    const std::uint32_t excess = (0u - n) % n;  // 2^32 mod n words would make some results more likely
    while (static_cast<std::uint32_t>(product) < excess) product = std::uint64_t{next()} * n;
  }
  return static_cast<std::uint32_t>(product >> 32);
}

std::uint32_t uniform_below(Key key, std::uint32_t n) { return Stream(key).uniform_below(n); }

std::vector<std::uint32_t> permutation(Key key, std::uint32_t n) { return choice(key, n, n); }

std::vector<std::uint32_t> choice(Key key, std::uint32_t n, std::uint32_t count) {
  if (count > n) throw Error(fmt::format("choice: {} distinct numbers were asked for, of {}", count, n));
  return count <= few ? choice_of_few(Stream(key), n, count) : choice_of_all(Stream(key), n, count);
}

}  // namespace metac::data
