// Random numbers as values: a key is a pair of i32, and the same key always gives the same numbers, so a graph with
// random nodes may be interned, replayed, batched and run by any number of threads. No derivative flows.
#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <memory>
#include <vector>

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

// The last word of the counter for derived keys ("fold" in ASCII); that of samples is 0, so the two never share a
// block.
constexpr std::uint32_t derived_keys = 0x666f6c64;

// Philox4x32-10 (Salmon et al. 2011): the first two words, for the counter (number, 0, 0, derived_keys).
void philox(std::uint32_t key0, std::uint32_t key1, std::uint32_t number, std::uint32_t words[2]) {
  std::uint32_t c[4] = {number, 0, 0, derived_keys};
  for (int round = 0; round < 10; ++round) {
    const std::uint64_t a = std::uint64_t{0xD2511F53u} * c[0], b = std::uint64_t{0xCD9E8D57u} * c[2];
    const std::uint32_t next[4] = {static_cast<std::uint32_t>(b >> 32) ^ c[1] ^ key0, static_cast<std::uint32_t>(b),
                                   static_cast<std::uint32_t>(a >> 32) ^ c[3] ^ key1, static_cast<std::uint32_t>(a)};
    std::copy(next, next + 4, c);
    key0 += 0x9E3779B9u;
    key1 += 0xBB67AE85u;
  }
  words[0] = c[0];
  words[1] = c[1];
}

void fold_in_reference(const Node&, std::span<const Array> inputs, Array& result) {
  const auto keys = inputs[0].as<std::int32_t>(), counters = inputs[1].as<std::int32_t>();
  const auto folded = result.as<std::int32_t>();
  for (std::size_t i = 0; i < counters.size(); ++i) {
    std::uint32_t words[2];
    philox(static_cast<std::uint32_t>(keys[2 * i]), static_cast<std::uint32_t>(keys[2 * i + 1]),
           static_cast<std::uint32_t>(counters[i]), words);
    for (int j : {0, 1}) folded[2 * i + j] = static_cast<std::int32_t>(words[j]);
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

KernelPtr random_kernel(const Attributes& attributes, const Shape& keys) {
  return make_random(distribution_of(attributes), random_dtype(attributes), batch_of_keys(keys),
                     random_shape(attributes));
}

// The kernel itself: what it draws is defined (and tested) beside it, not twice.
void run_kernel(const Kernel& kernel, const Array& keys, Array& result) {
  const auto state = kernel.make_state();
  std::vector<std::byte> scratch(kernel.scratch_bytes() + 64);
  void* aligned = scratch.data();
  std::size_t room = scratch.size();
  std::align(64, kernel.scratch_bytes(), aligned, room);
  void* const operands[] = {result.data(), const_cast<void*>(keys.data())};
  kernel.run(operands, static_cast<std::byte*>(aligned), state.get());
}

void random_reference(const Node& node, std::span<const Array> inputs, Array& result) {
  run_kernel(*random_kernel(node.attributes, inputs[0].shape()), inputs[0], result);
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
      add(distribution, dtype, {}, {7, 3});
      add(distribution, dtype, {2, 3}, {5});
    }
  return samples;
}

const Operator random_operator = {
    .name = "random",
    .doc = "samples of a distribution for each of the keys i32[..., 2]",
    .arity = 1,
    .type = random_type,
    .batch = batch_by_broadcast,
    .kernel = [](const Node& node,
                 std::span<const Layout> inputs) { return random_kernel(node.attributes, inputs[0].shape); },
    .samples = random_samples,
    .reference = random_reference};

// ---- distinct: attributes.numbers are how many indices there are, and how many of them are drawn ----

Type distinct_type(const Site& site) {
  require_keys(site);
  const std::int64_t n = site.attributes.numbers.at(0), count = site.attributes.numbers.at(1);
  if (count < 0 || count > n || n > std::numeric_limits<std::int32_t>::max())
    throw Error(
        fmt::format("[distinct] {} different ones of {} were asked for; at most as many as there are, of at most 2^31 "
                    "- 1, are needed",
                    count, n));
  return {Dtype::i32, concatenated(batch_of_keys(site.inputs[0].shape()), {count})};
}

KernelPtr distinct_kernel(const Attributes& attributes, const Shape& keys) {
  return make_distinct(batch_of_keys(keys), attributes.numbers.at(0), attributes.numbers.at(1));
}

const Operator distinct_operator = {
    .name = "distinct",
    .doc = "for each of the keys i32[..., 2] some different ones of 0 .. n - 1, in random order",
    .arity = 1,
    .type = distinct_type,
    .batch = batch_by_broadcast,
    .kernel = [](const Node& node,
                 std::span<const Layout> inputs) { return distinct_kernel(node.attributes, inputs[0].shape); },
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
          add({3}, 9, 4);
          add({2, 3}, 5, 5);
          return samples;
        },
    .reference =
        [](const Node& node, std::span<const Array> inputs, Array& result) {
          run_kernel(*distinct_kernel(node.attributes, inputs[0].shape()), inputs[0], result);
        }};

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
