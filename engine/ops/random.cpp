// Random numbers as values: a key is a pair of i32, and the same key always gives the same numbers, so a graph with
// random nodes may be interned, replayed, batched and run by any number of threads. No derivative flows.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numbers>
#include <numeric>
#include <utility>
#include <vector>

#include "kernels/philox.hpp"
#include "kernels/random.hpp"
#include "ops/family.hpp"
#include "ops/reference.hpp"

namespace metac {
namespace {

void require_keys(const Site& site) {
  const Tensor& keys = site.inputs[0];
  require_dtype(site.op, keys, Dtype::i32);
  if (keys.shape().empty() || keys.shape().back() != 2)
    throw Error(
        fmt::format("[{}] {} was given for a key; i32[..., 2] is needed", site.op.name, to_string(keys.type())));
}

Shape batch_of_keys(const Shape& keys) { return leading(keys, keys.rank() - 1); }

Type fold_in_type(const Site& site) {
  require_keys(site);
  require_dtype(site.op, site.inputs[1], Dtype::i32);
  if (batch_of_keys(site.inputs[0].shape()) != site.inputs[1].shape())
    throw Error(fmt::format("[fold_in] keys {} and numbers {} were given; as many of each are needed",
                            to_string(site.inputs[0].type()), to_string(site.inputs[1].type())));
  return site.inputs[0].type();
}

PhiloxKey key_at(const Array& keys, std::int64_t i) {
  const auto words = keys.as<std::int32_t>();
  return {static_cast<std::uint32_t>(words[2 * i]), static_cast<std::uint32_t>(words[2 * i + 1])};
}

void fold_in_reference(const Node&, std::span<const Array> inputs, Array& result) {
  for (std::int64_t i = 0; i < inputs[1].elements(); ++i) {
    const auto number = static_cast<std::uint32_t>(inputs[1].as<std::int32_t>()[i]);
    const auto words = philox({number, 0, 0, for_keys}, key_at(inputs[0], i));
    for (int j : {0, 1}) store(result, 2 * i + j, static_cast<std::int32_t>(words[j]));
  }
}

constexpr std::int64_t any_low = -1000000, any_high = 1000000;  // of keys and numbers in samples

const Operator fold_in_operator = {
    .name = "fold_in",
    .doc = "new keys from keys i32[..., 2] and numbers i32[...]",
    .arity = 2,
    .type = fold_in_type,
    .batch = batch_by_broadcast,
    .kernel = [](const Node& node, std::span<const Layout>) { return make_fold_in(batch_of_keys(node.type.shape)); },
    .samples =
        [] {
          std::vector<Sample> samples;
          for (const auto& batch : {Shape{}, Shape{0}, Shape{1}, Shape{7}, Shape{2, 3, 5}})
            samples.push_back({.inputs = {{Dtype::i32, concatenated(batch, {2})}, {Dtype::i32, batch}},
                               .integer_low = any_low,
                               .integer_high = any_high});
          return samples;
        },
    .reference = fold_in_reference};

// ---- random: attributes.numbers are the distribution, the dtype and the shape of one key's samples ----

Dtype random_dtype(const Attributes& attributes) { return static_cast<Dtype>(attributes.numbers.at(1)); }

Distribution distribution_of(const Attributes& attributes) {
  return static_cast<Distribution>(attributes.numbers.at(0));
}

Shape random_shape(const Attributes& attributes) {
  return unpacked(attributes, 2, static_cast<int>(attributes.numbers.size()) - 2);
}

Type random_type(const Site& site) {
  require_keys(site);
  const Dtype dtype = random_dtype(site.attributes);
  const bool bits = distribution_of(site.attributes) == Distribution::bits;
  if (bits ? dtype != Dtype::i32 : !is_float(dtype))
    throw Error(fmt::format("[random] samples of {} were asked for; {} is needed", to_string(dtype),
                            bits ? "i32 for bits" : "f32 or f64"));
  const Shape shape = random_shape(site.attributes);
  if (std::any_of(shape.begin(), shape.end(), [](auto size) { return size < 0; }))
    throw Error(
        fmt::format("[random] samples of shape {} were asked for; sizes of at least 0 are needed", to_string(shape)));
  return {dtype, concatenated(batch_of_keys(site.inputs[0].shape()), shape)};
}

// Sample i of a key: four neighbours share a block of words. Normal numbers by Box and Muller (1958).
double sample_at(Distribution distribution, PhiloxKey key, std::int64_t i) {
  const auto block = static_cast<std::uint64_t>(i / 4);
  for (std::uint32_t attempt = 0;; ++attempt) {
    const auto words =
        philox({static_cast<std::uint32_t>(block), static_cast<std::uint32_t>(block >> 32), attempt, for_samples}, key);
    if (distribution == Distribution::bits) return static_cast<std::int32_t>(words[i % 4]);
    if (distribution == Distribution::uniform) return (words[i % 4] >> 8) * 0x1p-24;
    const std::int64_t pair = i % 4 / 2 * 2;
    const double radius = std::sqrt(-2 * std::log((words[pair] + 1.0) * 0x1p-32));
    const double angle = 2 * std::numbers::pi * (words[pair + 1] * 0x1p-32);
    const double drawn = radius * (i % 2 == 0 ? std::cos(angle) : std::sin(angle));
    if (distribution == Distribution::normal || std::abs(drawn) <= 2) return drawn;
  }
}

void random_reference(const Node& node, std::span<const Array> inputs, Array& result) {
  const std::int64_t each = random_shape(node.attributes).elements();
  for (std::int64_t i = 0; i < result.elements(); ++i)
    store(result, i, sample_at(distribution_of(node.attributes), key_at(inputs[0], i / each), i % each));
}

std::vector<Sample> random_samples() {
  std::vector<Sample> samples;
  const auto add = [&](Distribution distribution, Dtype dtype, const Shape& batch, const Shape& shape) {
    std::vector<std::int64_t> values = {static_cast<std::int64_t>(distribution), static_cast<std::int64_t>(dtype)};
    values.insert(values.end(), shape.begin(), shape.end());
    samples.push_back({.inputs = {{Dtype::i32, concatenated(batch, {2})}},
                       .attributes = numbers(std::move(values)),
                       .integer_low = any_low,
                       .integer_high = any_high});
  };
  add(Distribution::bits, Dtype::i32, {}, {5});
  for (Dtype dtype : {Dtype::f32, Dtype::f64})
    for (Distribution distribution : {Distribution::uniform, Distribution::normal, Distribution::truncated_normal}) {
      add(distribution, dtype, {}, {});
      add(distribution, dtype, {}, {0, 3});
      add(distribution, dtype, {0}, {2});
      add(distribution, dtype, {}, {7, 3});
      add(distribution, dtype, {2, 3}, {5});
    }
  return samples;
}

const Operator random_operator = {.name = "random",
                                  .doc = "samples of a distribution for each of the keys i32[..., 2]",
                                  .arity = 1,
                                  .type = random_type,
                                  .batch = batch_by_broadcast,
                                  .kernel =
                                      [](const Node& node, std::span<const Layout> inputs) {
                                        return make_random(distribution_of(node.attributes), node.type.dtype,
                                                           batch_of_keys(inputs[0].shape),
                                                           random_shape(node.attributes));
                                      },
                                  .samples = random_samples,
                                  .reference = random_reference};

// ---- distinct: attributes.numbers are how many indices there are, and how many of them are drawn ----

Type distinct_type(const Site& site) {
  require_keys(site);
  const std::int64_t n = site.attributes.numbers.at(0), count = site.attributes.numbers.at(1);
  if (count < 0 || count > n || n > largest_i32)
    throw Error(
        fmt::format("[distinct] {} different ones of {} were asked for; at most as many as there are, of at most 2^31 "
                    "- 1, are needed",
                    count, n));
  return {Dtype::i32, concatenated(batch_of_keys(site.inputs[0].shape()), {count})};
}

// A number below n, all equally likely: drawn again where the low word would favour some (Lemire 2019).
std::int64_t number_below(std::int64_t n, PhiloxKey key, std::uint32_t turn) {
  for (std::uint32_t attempt = 0;; ++attempt) {
    const std::uint64_t product = static_cast<std::uint64_t>(n) * philox({turn, 0, attempt, for_indices}, key)[0];
    if (product % 0x100000000u >= 0x100000000u % static_cast<std::uint64_t>(n))
      return static_cast<std::int64_t>(product / 0x100000000u);
  }
}

// The first turns of the shuffle of Fisher and Yates.
void distinct_reference(const Node& node, std::span<const Array> inputs, Array& result) {
  const std::int64_t n = node.attributes.numbers[0], count = node.attributes.numbers[1];
  for (std::int64_t first = 0; first < result.elements(); first += count) {
    std::vector<double> order(static_cast<std::size_t>(n));
    std::iota(order.begin(), order.end(), 0);
    for (std::int64_t turn = 0; turn < count; ++turn) {
      const auto pick = number_below(n - turn, key_at(inputs[0], first / count), static_cast<std::uint32_t>(turn));
      std::swap(order[turn], order[turn + pick]);
      store(result, first + turn, order[turn]);
    }
  }
}

const Operator distinct_operator = {
    .name = "distinct",
    .doc = "for each of the keys i32[..., 2] some different ones of 0 .. n - 1, in random order",
    .arity = 1,
    .type = distinct_type,
    .batch = batch_by_broadcast,
    .kernel =
        [](const Node& node, std::span<const Layout> inputs) {
          return make_distinct(batch_of_keys(inputs[0].shape), node.attributes.numbers[0], node.attributes.numbers[1]);
        },
    .samples =
        [] {
          std::vector<Sample> samples;
          const auto add = [&](const Shape& batch, std::int64_t n, std::int64_t count) {
            samples.push_back({.inputs = {{Dtype::i32, concatenated(batch, {2})}},
                               .attributes = numbers({n, count}),
                               .integer_low = any_low,
                               .integer_high = any_high});
          };
          add({}, 0, 0);
          add({}, 1, 1);
          add({}, 7, 0);
          add({0}, 3, 2);
          add({3}, 9, 4);
          add({2, 3}, 5, 5);
          return samples;
        },
    .reference = distinct_reference};

const Register registered[] = {Register(fold_in_operator), Register(random_operator), Register(distinct_operator)};

}  // namespace

Tensor key(Graph& graph, std::uint64_t seed) {
  const auto word = [&](std::uint64_t bits) {
    return reshape(constant(graph, static_cast<std::int32_t>(static_cast<std::uint32_t>(bits)), Dtype::i32), {1});
  };
  return concatenate({word(seed), word(seed >> 32)}, 0);
}

Tensor fold_in(Tensor keys, Tensor number) {
  require_present("fold_in", {keys, number});
  if (keys.shape().empty())
    throw Error(fmt::format("[fold_in] {} was given; i32[..., 2] is needed", to_string(keys.type())));
  const Shape batch = common_shape("fold_in", batch_of_keys(keys.shape()), number.shape());
  return apply(fold_in_operator,
               {broadcast_to(keys, concatenated(batch, {keys.shape().back()})), broadcast_to(number, batch)});
}

Tensor fold_in(Tensor keys, std::int32_t number) {
  require_present("fold_in", {keys});
  return fold_in(keys, constant(keys.graph(), number, Dtype::i32));
}

Tensor random(Tensor keys, Distribution distribution, const Shape& shape, Dtype dtype) {
  std::vector<std::int64_t> values = {static_cast<std::int64_t>(distribution), static_cast<std::int64_t>(dtype)};
  values.insert(values.end(), shape.begin(), shape.end());
  return apply(random_operator, {keys}, numbers(std::move(values)));
}

Tensor distinct(Tensor keys, std::int64_t n, std::int64_t count) {
  return apply(distinct_operator, {keys}, numbers({n, count}));
}

// 32 random bits as a fraction of 2^32, times the limit, in double precision: no number is likelier than another by
// more than the limit / 2^32.
Tensor random_below(Tensor key, Tensor limit) {
  require_present("random_below", {key, limit});
  if (limit.dtype() != Dtype::i32)
    throw Error(fmt::format("[random_below] a limit {} was given; i32 is needed", to_string(limit.type())));
  const Tensor bits = cast(random(key, Distribution::bits, limit.shape(), Dtype::i32), Dtype::f64);
  return cast(floor((bits + 0x1p31) * 0x1p-32 * cast(limit, Dtype::f64)), Dtype::i32);
}

}  // namespace metac
