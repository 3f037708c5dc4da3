// Samples by counter: four elements share a block of four random words. Everything is computed in double precision and
// rounded at the end.
#include "kernels/random.hpp"

#include <fmt/format.h>

#include <cmath>
#include <numbers>
#include <numeric>
#include <utility>

#include "base/error.hpp"
#include "kernels/philox.hpp"

namespace metac {
namespace {

PhiloxKey key_at(const std::int32_t* keys, std::int64_t i) {
  return {static_cast<std::uint32_t>(keys[2 * i]), static_cast<std::uint32_t>(keys[2 * i + 1])};
}

class FoldIn : public Kernel {
 public:
  explicit FoldIn(std::int64_t keys) : keys_(keys) {}
  void run(void* const* operands, std::byte*, State*) const override {
    auto* result = static_cast<std::int32_t*>(operands[0]);
    const auto *keys = static_cast<const std::int32_t*>(operands[1]),
               *numbers = static_cast<const std::int32_t*>(operands[2]);
    for (std::int64_t i = 0; i < keys_; ++i) {
      const auto words = philox({static_cast<std::uint32_t>(numbers[i]), 0, 0, for_keys}, key_at(keys, i));
      for (int word = 0; word < 2; ++word) result[2 * i + word] = static_cast<std::int32_t>(words[word]);
    }
  }
  std::string describe() const override { return fmt::format("fold_in {}", keys_); }

 private:
  std::int64_t keys_;
};

PhiloxCounter words_of_block(PhiloxKey key, std::int64_t block, std::uint32_t attempt = 0) {
  const auto low = static_cast<std::uint32_t>(block), high = static_cast<std::uint32_t>(block >> 32);
  return philox({low, high, attempt, for_samples}, key);
}

// The samples of one block; each kind fills four of them.
struct Bits {
  static void fill(PhiloxKey key, std::int64_t block, std::int32_t* four) {
    const auto words = words_of_block(key, block);
    for (int i = 0; i < 4; ++i) four[i] = static_cast<std::int32_t>(words[i]);
  }
};

// 24 bits: every value is exact in f32, and 1 cannot come out of rounding.
struct Uniform {
  static void fill(PhiloxKey key, std::int64_t block, double* four) {
    const auto words = words_of_block(key, block);
    for (int i = 0; i < 4; ++i) four[i] = static_cast<double>(words[i] >> 8) * 0x1p-24;
  }
};

// Box and Muller (1958): two uniforms to two normals. The first uniform lies in (0, 1], so its logarithm is finite.
void two_normals(std::uint32_t first, std::uint32_t second, double* two) {
  const double radius = std::sqrt(-2 * std::log((static_cast<double>(first) + 1) * 0x1p-32));
  const double angle = 2 * std::numbers::pi * (static_cast<double>(second) * 0x1p-32);
  two[0] = radius * std::cos(angle), two[1] = radius * std::sin(angle);
}

void four_normals(PhiloxKey key, std::int64_t block, std::uint32_t attempt, double* four) {
  const auto words = words_of_block(key, block, attempt);
  two_normals(words[0], words[1], four);
  two_normals(words[2], words[3], four + 2);
}

struct Normal {
  static void fill(PhiloxKey key, std::int64_t block, double* four) { four_normals(key, block, 0, four); }
};

// Each element takes the first of its attempts that is within bounds, whatever its neighbours do.
struct TruncatedNormal {
  static void fill(PhiloxKey key, std::int64_t block, double* four) {
    int missing = 0b1111;
    for (std::uint32_t attempt = 0; missing != 0; ++attempt) {
      double drawn[4];
      four_normals(key, block, attempt, drawn);
      for (int i = 0; i < 4; ++i) {
        if ((missing >> i & 1) == 0 || std::abs(drawn[i]) > 2) continue;
        four[i] = drawn[i];
        missing &= ~(1 << i);
      }
    }
  }
};

template <class Kind, class Drawn, class T>
class Random : public Kernel {
 public:
  Random(const char* name, std::int64_t keys, std::int64_t each) : name_(name), keys_(keys), each_(each) {}
  void run(void* const* operands, std::byte*, State*) const override {
    auto* result = static_cast<T*>(operands[0]);
    const auto* keys = static_cast<const std::int32_t*>(operands[1]);
    for (std::int64_t i = 0; i < keys_; ++i, result += each_) {
      const auto key = key_at(keys, i);
      for (std::int64_t first = 0; first < each_; first += 4) {
        Drawn four[4];
        Kind::fill(key, first / 4, four);
        for (std::int64_t j = first; j < each_ && j < first + 4; ++j) result[j] = static_cast<T>(four[j - first]);
      }
    }
  }
  std::string describe() const override { return fmt::format("random {} {} keys, {} each", name_, keys_, each_); }

 private:
  const char* name_;
  std::int64_t keys_, each_;
};

// A number below `n`, all equally likely (Lemire 2019, algorithm 5): the high word of a product, drawn again where its
// low word lies in the part that would favour some numbers.
std::uint32_t below(std::uint32_t n, PhiloxKey key, std::uint32_t number) {
  const std::uint32_t refused = (0 - n) % n;  // 2^32 modulo n
  for (std::uint32_t attempt = 0;; ++attempt) {
    const std::uint64_t product = std::uint64_t{philox({number, 0, attempt, for_indices}, key)[0]} * n;
    if (static_cast<std::uint32_t>(product) >= refused) return static_cast<std::uint32_t>(product >> 32);
  }
}

// The first `count` turns of the shuffle of Fisher and Yates.
class Distinct : public Kernel {
 public:
  Distinct(std::int64_t keys, std::int64_t n, std::int64_t count) : keys_(keys), n_(n), count_(count) {}
  std::size_t scratch_bytes() const override { return static_cast<std::size_t>(n_) * sizeof(std::int32_t); }
  void run(void* const* operands, std::byte* scratch, State*) const override {
    auto* result = static_cast<std::int32_t*>(operands[0]);
    const auto* keys = static_cast<const std::int32_t*>(operands[1]);
    auto* order = reinterpret_cast<std::int32_t*>(scratch);
    std::iota(order, order + n_, 0);
    for (std::int64_t i = 0; i < keys_; ++i, result += count_) {
      const auto key = key_at(keys, i);
      for (std::int64_t turn = 0; turn < count_; ++turn) {
        std::swap(order[turn],
                  order[turn + below(static_cast<std::uint32_t>(n_ - turn), key, static_cast<std::uint32_t>(turn))]);
        result[turn] = order[turn];
      }
      put_back(order, result);
    }
  }
  std::string describe() const override { return fmt::format("distinct {} keys, {} of {}", keys_, count_, n_); }

 private:
  // Every place was touched by the first turns, or gave away its own number, which was drawn: cheaper than n_ numbers.
  void put_back(std::int32_t* order, const std::int32_t* drawn) const {
    for (std::int64_t turn = 0; turn < count_; ++turn) {
      order[drawn[turn]] = drawn[turn];
      order[turn] = static_cast<std::int32_t>(turn);
    }
  }

  std::int64_t keys_, n_, count_;
};

template <class Kind>
KernelPtr make_float(const char* name, Dtype dtype, std::int64_t keys, std::int64_t each) {
  if (dtype == Dtype::f32) return std::make_unique<Random<Kind, double, float>>(name, keys, each);
  if (dtype == Dtype::f64) return std::make_unique<Random<Kind, double, double>>(name, keys, each);
  throw Error(fmt::format("[random] {} samples of {} were asked for, they are f32 or f64", name, to_string(dtype)));
}

}  // namespace

KernelPtr make_fold_in(const Shape& batch) { return std::make_unique<FoldIn>(batch.elements()); }

KernelPtr make_random(Distribution distribution, Dtype dtype, const Shape& batch, const Shape& shape) {
  const std::int64_t keys = batch.elements(), each = shape.elements();
  switch (distribution) {
    case Distribution::bits:
      if (dtype != Dtype::i32)
        throw Error(fmt::format("[random] bits of {} were asked for, they are i32", to_string(dtype)));
      return std::make_unique<Random<Bits, std::int32_t, std::int32_t>>("bits", keys, each);
    case Distribution::uniform:
      return make_float<Uniform>("uniform", dtype, keys, each);
    case Distribution::normal:
      return make_float<Normal>("normal", dtype, keys, each);
    case Distribution::truncated_normal:
      return make_float<TruncatedNormal>("truncated normal", dtype, keys, each);
  }
  throw Bug("a distribution without a kernel");
}

KernelPtr make_distinct(const Shape& batch, std::int64_t n, std::int64_t count) {
  return std::make_unique<Distinct>(batch.elements(), n, count);
}

}  // namespace metac
