// Draws on the host as pure functions of a key: the same key gives the same bits on any machine and any number of
// threads. The generator is Philox4x32-10 (Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3").
#pragma once

#include <array>
#include <cstdint>
#include <vector>

namespace metac::data {

struct Key {
  std::uint32_t a = 0, b = 0;
  bool operator==(const Key&) const = default;
};

// The block function itself: four words that look random, one block for each counter.
std::array<std::uint32_t, 4> philox(std::array<std::uint32_t, 4> counter, Key key);

// A further key that depends on both arguments. Streams of `key` and of any `fold_in(key, word)` are independent: they
// use different parts of the counter.
Key fold_in(Key key, std::uint32_t word);
Key fold_in_wide(Key key, std::uint64_t word);  // two foldings, low half first: for indices of 64 bits

// The words of a key, one after the other.
class Stream {
 public:
  explicit Stream(Key key) : key_(key) {}
  std::uint32_t next();
  // Uniform on 0..n-1 without modulo bias (Lemire 2019, rejection). Error if n is 0.
  std::uint32_t uniform_below(std::uint32_t n);

 private:
  Key key_;
  std::uint64_t block_ = 0;
  std::array<std::uint32_t, 4> words_{};
  int used_ = 4;
};

std::uint32_t uniform_below(Key key, std::uint32_t n);

// 0..n-1 in uniformly random order (Fisher and Yates).
std::vector<std::uint32_t> permutation(Key key, std::uint32_t n);

// The first `count` of permutation(key, n), so `count` distinct numbers in random order; takes time and memory for
// `count` of them only, where that is small. Error if count > n.
std::vector<std::uint32_t> choice(Key key, std::uint32_t n, std::uint32_t count);

}  // namespace metac::data
