// Elementary functions in f32, written without branches so that a loop over them is vectorised. Right for NaN,
// infinity, -0 and denormal numbers. Polynomials are the classical single-precision minimax ones; where one more digit
// is needed the core is done in f64. Measured errors are in tests/engine/kernels/vector_math.cpp.
#pragma once

#include <cstdint>

namespace metac::METAC_SIMD_NAMESPACE {
namespace {

#define METAC_INLINE __attribute__((always_inline)) inline

METAC_INLINE std::int32_t bits_of(float x) { return __builtin_bit_cast(std::int32_t, x); }
METAC_INLINE float float_of(std::int32_t bits) { return __builtin_bit_cast(float, bits); }
METAC_INLINE std::int64_t bits_of(double x) { return __builtin_bit_cast(std::int64_t, x); }
METAC_INLINE double double_of(std::int64_t bits) { return __builtin_bit_cast(double, bits); }

constexpr float infinity_f = __builtin_inff(), nan_f = __builtin_nanf("");
constexpr float ln2_high = 0.693359375f, ln2_low = -2.12194440e-4f, log2_e = 1.44269504088896341f;
constexpr float round_f = 12582912.0f;          // 1.5 * 2^23: added, it leaves the nearest integer in the low bits
constexpr double round_d = 6755399441055744.0;  // 1.5 * 2^52

// x = n ln 2 + r with |r| <= ln 2 / 2.
struct Reduced {
  std::int32_t n;
  float r;
};

METAC_INLINE Reduced reduce_exponent(float x) {
  const float shifted = x * log2_e + round_f;
  const float n = shifted - round_f;
  return {bits_of(shifted) - bits_of(round_f), (x - n * ln2_high) - n * ln2_low};
}

METAC_INLINE float power_of_two(std::int32_t n) {
  return float_of(static_cast<std::int32_t>(static_cast<std::uint32_t>(n + 127) << 23));
}

// (e^r - 1 - r) / r^2
METAC_INLINE float exp_tail(float r) {
  float p = 1.9875691500e-4f;
  p = p * r + 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  return p * r + 5.0000001201e-1f;
}

METAC_INLINE float exp_f(float x) {
  x = x < -104.0f ? -104.0f : x;
  x = x > 89.0f ? 89.0f : x;
  const Reduced e = reduce_exponent(x);
  const float y = exp_tail(e.r) * (e.r * e.r) + e.r + 1.0f;
  const std::int32_t half = e.n >> 1;  // in two steps, so that denormal results are rounded once
  return y * power_of_two(half) * power_of_two(e.n - half);
}

METAC_INLINE float expm1_f(float x) {
  float limited = x < -18.0f ? -18.0f : x;
  limited = limited > 89.0f ? 89.0f : limited;
  const Reduced e = reduce_exponent(limited);
  const float y = exp_tail(e.r) * (e.r * e.r) + e.r;
  const float half = power_of_two(e.n - 1);  // 2^128 is no number, 2^127 is
  const float result = (y * half + (half - 0.5f)) * 2.0f;
  const float small = e.n == 0 ? y : result;
  return x == 0.0f ? x : small;
}

METAC_INLINE float log_f(float x) {
  const bool denormal = x < 1.17549435e-38f;
  const float scaled = denormal ? x * 8388608.0f : x;
  // The mantissa is taken from [sqrt(1/2), sqrt(2)).
  const auto shifted = static_cast<std::int32_t>(static_cast<std::uint32_t>(bits_of(scaled)) - 0x3f3504f3u);
  const float n = static_cast<float>((shifted >> 23) - (denormal ? 23 : 0));
  const float f = float_of((shifted & 0x007fffff) + 0x3f3504f3) - 1.0f;
  float p = 7.0376836292e-2f;
  p = p * f - 1.1514610310e-1f;
  p = p * f + 1.1676998740e-1f;
  p = p * f - 1.2420140846e-1f;
  p = p * f + 1.4249322787e-1f;
  p = p * f - 1.6668057665e-1f;
  p = p * f + 2.0000714765e-1f;
  p = p * f - 2.4999993993e-1f;
  p = p * f + 3.3333331174e-1f;
  const float square = f * f;
  float y = p * (f * square) + n * ln2_low;
  y = y - 0.5f * square;
  y = f + y + n * ln2_high;
  y = x == infinity_f ? x : y;
  y = x == 0.0f ? -infinity_f : y;
  return x < 0.0f || x != x ? nan_f : y;
}

// Natural logarithm of a positive finite normal number, to 1e-12.
METAC_INLINE double log_core(double x) {
  const std::int64_t shifted = bits_of(x) - 0x3fe6a09e667f3bcd;
  // The exponent as a double, without a conversion that AVX2 does not have: it is made non-negative first.
  const std::uint64_t biased = (static_cast<std::uint64_t>(shifted) + (std::uint64_t{1024} << 52)) >> 52;
  const double n = double_of(static_cast<std::int64_t>(biased | 0x4330000000000000)) - (4503599627370496.0 + 1024.0);
  const double m = double_of((shifted & 0x000fffffffffffff) + 0x3fe6a09e667f3bcd);
  const double s = (m - 1.0) / (m + 1.0), z = s * s;
  double p = 1.0 / 13;
  p = p * z + 1.0 / 11;
  p = p * z + 1.0 / 9;
  p = p * z + 1.0 / 7;
  p = p * z + 1.0 / 5;
  p = p * z + 1.0 / 3;
  return n * 0.69314718055994530942 + 2.0 * (s + s * (z * p));
}

// e^x for |x| <= 700, to 1e-11.
METAC_INLINE double exp_core(double x) {
  const double shifted = x * 1.4426950408889634074 + round_d;
  const double r = x - (shifted - round_d) * 0.69314718055994530942;
  double p = 1.0 / 362880;
  p = p * r + 1.0 / 40320;
  p = p * r + 1.0 / 5040;
  p = p * r + 1.0 / 720;
  p = p * r + 1.0 / 120;
  p = p * r + 1.0 / 24;
  p = p * r + 1.0 / 6;
  p = p * r + 0.5;
  p = p * r + 1.0;
  p = p * r + 1.0;
  return p * double_of(static_cast<std::int64_t>((static_cast<std::uint64_t>(bits_of(shifted)) << 52) +
                                                 (std::uint64_t{1023} << 52)));
}

METAC_INLINE float log1p_f(float x) {
  const double wide = x;
  const double sum = 1.0 + wide;
  const double safe = sum > 0.0 && x < infinity_f ? sum : 1.0;
  const double small = wide - wide * wide * (0.5 - wide * (1.0 / 3));
  double y = __builtin_fabs(wide) < 1e-4 ? small : log_core(safe);
  y = x == -1.0f ? -__builtin_inf() : y;
  y = x == infinity_f ? __builtin_inf() : y;
  return static_cast<float>(x < -1.0f || x != x ? __builtin_nan("") : y);
}

constexpr float largest_angle = 262144.0f;  // beyond, the quadrant is no longer certain in f32: the system's library

// x = k pi / 2 + r, |r| <= pi / 4 and a little; pi / 2 is a sum of 25 and 53 bits.
METAC_INLINE Reduced reduce_angle(float x) {
  const float shifted = x * 0.636619772367581343f + round_f;
  const double k = shifted - round_f;
  const double r = (x - k * 1.57079631090164184570) - k * 1.58932547735281966916e-08;
  return {bits_of(shifted), static_cast<float>(r)};
}

METAC_INLINE float sine_of_quadrant(Reduced angle) {
  const float r = angle.r, z = r * r;
  float s = -1.9515295891e-4f;
  s = s * z + 8.3321608736e-3f;
  s = s * z - 1.6666654611e-1f;
  s = s * (z * r) + r;
  float c = 2.443315711809948e-5f;
  c = c * z - 1.388731625493765e-3f;
  c = c * z + 4.166664568298827e-2f;
  c = c * (z * z) - 0.5f * z + 1.0f;
  const float y = (angle.n & 1) != 0 ? c : s;
  return float_of(bits_of(y) ^ static_cast<std::int32_t>(static_cast<std::uint32_t>(angle.n & 2) << 30));
}

METAC_INLINE float sin_f(float x) {
  const float y = sine_of_quadrant(reduce_angle(x));
  return x == 0.0f ? x : y;
}

METAC_INLINE float cos_f(float x) {
  Reduced angle = reduce_angle(x);
  angle.n = static_cast<std::int32_t>(static_cast<std::uint32_t>(angle.n) + 1u);
  return sine_of_quadrant(angle);
}

METAC_INLINE float tanh_f(float x) {
  const float size = __builtin_fabsf(x), z = x * x;
  float p = -5.70498872745e-3f;
  p = p * z + 2.06390887954e-2f;
  p = p * z - 5.37397155531e-2f;
  p = p * z + 1.33314422036e-1f;
  p = p * z - 3.33332819422e-1f;
  const float small = p * (z * size) + size;
  const float large = 1.0f - 2.0f / (exp_f(2.0f * size) + 1.0f);
  const float y = size < 0.625f ? small : large;
  return float_of(bits_of(y) | (bits_of(x) & static_cast<std::int32_t>(0x80000000u)));
}

// An odd polynomial below 1; above, 1 - exp(q) with a polynomial q for the logarithm of 1 - erf. In f64: the exponent
// needs it, and so do the small values.
METAC_INLINE float erf_f(float x) {
  const double size = __builtin_fabs(static_cast<double>(x)), near = size < 1.0 ? size : 1.0, z = near * near;
  double p = 1.05893806410750192e-6;
  p = p * z - 1.39093400219e-5;
  p = p * z + 1.19565625682073e-4;
  p = p * z - 8.542637997087225e-4;
  p = p * z + 5.2237834771892482e-3;
  p = p * z - 2.6866133235095592e-2;
  p = p * z + 0.112837913086045815;
  p = p * z - 0.376126388896353068;
  p = p * z + 1.12837916709467673;
  const double far = size < 4.0 ? size : 4.0;  // from there on f32 is 1
  double q = -3.83471414223868916e-8;
  q = q * far + 8.92532166951398344e-7;
  q = q * far - 7.46704747449674302e-6;
  q = q * far + 7.44757627985706648e-6;
  q = q * far + 3.96488281133673622e-4;
  q = q * far - 4.26109428758862791e-3;
  q = q * far + 2.55869292047717324e-2;
  q = q * far - 0.109153721894647027;
  q = q * far - 0.632479330294624274;
  q = q * far - 1.12996908860490977;
  q = q * far + 2.73475166174571687e-4;
  const double y = size < 1.0 ? p * size : 1.0 - exp_core(q);
  const float result = float_of(bits_of(static_cast<float>(y)) | (bits_of(x) & static_cast<std::int32_t>(0x80000000u)));
  return x != x ? x : result;
}

// The angle of the smaller to the larger of both sizes, by an odd polynomial in f64, then put into its octant.
METAC_INLINE float atan2_f(float y, float x) {
  const float size_x = __builtin_fabsf(x), size_y = __builtin_fabsf(y);
  const bool steep = size_y > size_x;
  const double large = steep ? size_y : size_x, small = steep ? size_x : size_y;
  // Twice infinity is a diagonal, twice zero has no slope.
  const double slope = small == large ? (large == 0.0 ? 0.0 : 1.0) : small / large, z = slope * slope;
  double p = 4.19227860112728953e-4;
  p = p * z - 3.19542524073639458e-3;
  p = p * z + 1.14276332773755939e-2;
  p = p * z - 2.60059959776086194e-2;
  p = p * z + 4.36465894428166734e-2;
  p = p * z - 6.02219638793743267e-2;
  p = p * z + 7.49526237809969631e-2;
  p = p * z - 9.04917909372057728e-2;
  p = p * z + 0.111053067324244643;
  p = p * z - 0.142852256081602097;
  p = p * z + 0.199999783362170838;
  p = p * z - 0.333333329516572161;
  p = p * z + 0.999999999988738125;
  double angle = p * slope;
  angle = steep ? 1.57079632679489661923 - angle : angle;
  angle = bits_of(x) < 0 ? 3.14159265358979323846 - angle : angle;
  const float result =
      float_of(bits_of(static_cast<float>(angle)) | (bits_of(y) & static_cast<std::int32_t>(0x80000000u)));
  return x != x || y != y ? nan_f : result;
}

METAC_INLINE float sigmoid_f(float x) {
  const float e = exp_f(-__builtin_fabsf(x));
  const float y = (x < 0.0f ? e : 1.0f) / (1.0f + e);
  return x != x ? x : y;
}

// The special cases of C's pow.
METAC_INLINE float power_f(float x, float y) {
  const float size = __builtin_fabsf(x);
  const bool ordinary = size > 0.0f && size < infinity_f;
  double logarithm = log_core(ordinary ? static_cast<double>(size) : 1.0);
  logarithm = size == 0.0f ? -__builtin_inf() : logarithm;
  logarithm = size == infinity_f ? __builtin_inf() : logarithm;
  double t = logarithm * y;
  t = t > 200.0 ? 200.0 : t;
  t = t < -200.0 ? -200.0 : t;  // NaN stays
  float result = static_cast<float>(exp_core(t));
  result = y != y || x != x ? nan_f : result;
  result = size == 1.0f && y == y ? 1.0f : result;
  const float whole = __builtin_floorf(y);
  const float half = y * 0.5f;
  const bool integer = whole == y;
  const bool odd = integer && __builtin_fabsf(y) < 16777216.0f && __builtin_floorf(half) != half;
  const std::int32_t sign = odd ? bits_of(x) & static_cast<std::int32_t>(0x80000000u) : 0;
  result = float_of(bits_of(result) ^ sign);
  result = x < 0.0f && size < infinity_f && !integer ? nan_f : result;
  return y == 0.0f || x == 1.0f ? 1.0f : result;
}

}  // namespace
}  // namespace metac::METAC_SIMD_NAMESPACE
