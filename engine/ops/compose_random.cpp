// Draws from further distributions, each of a key and parameters. Those that can be are reparameterised: the derivative
// of a draw to a parameter says how the draw moves while its random bits stay.
#include <fmt/format.h>

#include "ops/family.hpp"
#include "ops/gamma.hpp"

namespace metac {
namespace {

void require_one_key(const char* name, const Tensor& key) {
  require_present(name, {key});
  if (key.type() != Type{Dtype::i32, {2}})
    throw Error(fmt::format("[{}] {} was given for a key; i32[2] is needed", name, to_string(key.type())));
}

// In the middle of one of 2^32 equal parts of (0, 1), so neither 0 nor 1; f64.
Tensor open_uniform(Tensor key, const Shape& shape) {
  const Tensor bits = cast(random(key, Distribution::bits, shape, Dtype::i32), Dtype::f64);
  return (bits + (0x1p31 + 0.5)) * 0x1p-32;
}

// Gumbel's distribution: what is added to logits so that the largest is one drawn by them.
Tensor perturbed(const char* name, Tensor key, Tensor logits) {
  require_one_key(name, key);
  require_float(name, logits);
  return logits - cast(log(neg(log(open_uniform(key, logits.shape())))), logits.dtype());
}

}  // namespace

// In double precision throughout: the logarithm of a small uniform number is large.
Tensor random_log_gamma(Tensor key, Tensor shape) {
  require_one_key("random_log_gamma", key);
  require_float("random_log_gamma", shape);
  const Tensor share = open_uniform(key, shape.shape());
  return cast(log_gamma_quantile(cast(shape, Dtype::f64), share), shape.dtype());
}

Tensor random_gamma(Tensor key, Tensor shape) { return exp(random_log_gamma(key, shape)); }

// x / (x + y) of two gamma draws.
Tensor random_beta(Tensor key, Tensor a, Tensor b) {
  require_present("random_beta", {a, b});
  require_same_dtype("random_beta", a, b);
  const Shape shape = common_shape("random_beta", a.shape(), b.shape());
  const Tensor x = random_log_gamma(fold_in(key, 0), broadcast_to(a, shape));
  const Tensor y = random_log_gamma(fold_in(key, 1), broadcast_to(b, shape));
  return sigmoid(x - y);
}

Tensor random_dirichlet(Tensor key, Tensor concentration) {
  require_float("random_dirichlet", concentration);
  if (concentration.shape().empty() || concentration.shape().back() == 0)
    throw Error(fmt::format("[random_dirichlet] {} was given; [..., n] with n of at least 1 is needed",
                            to_string(concentration.type())));
  return softmax(random_log_gamma(key, concentration), -1);
}

Tensor random_bernoulli(Tensor key, Tensor probability) {
  require_one_key("random_bernoulli", key);
  require_float("random_bernoulli", probability);
  return less(open_uniform(key, probability.shape()), cast(probability, Dtype::f64));
}

Tensor random_categorical(Tensor key, Tensor logits) {
  return argmax(perturbed("random_categorical", key, logits), -1);
}

Tensor random_choice(Tensor key, Tensor logits, std::int64_t count) {
  const Tensor order = perturbed("random_choice", key, logits);
  if (logits.shape().empty() || count < 0 || count > logits.shape().back())
    throw Error(
        fmt::format("[random_choice] {} different ones by logits {} were asked for; [..., n] and at most n are "
                    "needed",
                    count, to_string(logits.type())));
  return top_k(order, count, -1).indices;
}

Tensor random_permutation(Tensor key, std::int64_t n) {
  if (n < 0) throw Error(fmt::format("[random_permutation] {} was given; a length of at least 0 is needed", n));
  return distinct(key, n, n);
}

}  // namespace metac
