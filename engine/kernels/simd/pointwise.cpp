// One loop over a tile for each pointwise function, dtype and pattern of operands that are single elements. The loops
// are plain: the compiler vectorises them. A result may lie on an operand of the same element size.
#include "kernels/pointwise.hpp"

#include "kernels/simd/math.hpp"
#include "kernels/simd/table.hpp"
#include "kernels/simd/transpose.hpp"

namespace metac::METAC_SIMD_NAMESPACE {
namespace {

using Bool = unsigned char;
using I32 = std::int32_t;
using U32 = std::uint32_t;

// Whether T is float or double; without <type_traits>, whose inline functions are not ours to instantiate.
template <class T>
constexpr bool is_floating = false;
template <>
constexpr bool is_floating<float> = true;
template <>
constexpr bool is_floating<double> = true;
template <class T>
constexpr bool is_i32 = false;
template <>
constexpr bool is_i32<I32> = true;

// clang-format off
struct Copy { template <class T> METAC_INLINE static T of(T a) { return a; } };
struct Negate {
  METAC_INLINE static float of(float a) { return -a; }
  METAC_INLINE static double of(double a) { return -a; }
  METAC_INLINE static I32 of(I32 a) { return static_cast<I32>(0u - static_cast<U32>(a)); }
};
struct Absolute {
  METAC_INLINE static float of(float a) { return __builtin_fabsf(a); }
  METAC_INLINE static double of(double a) { return __builtin_fabs(a); }
  METAC_INLINE static I32 of(I32 a) { return a < 0 ? Negate::of(a) : a; }
};
struct Sign {  // of zeros and NaN: themselves
  template <class T> METAC_INLINE static T of(T a) { return a > 0 ? T(1) : a < 0 ? T(-1) : a; }
};
struct Floor {
  METAC_INLINE static float of(float a) { return __builtin_floorf(a); }
  METAC_INLINE static double of(double a) { return __builtin_floor(a); }
  METAC_INLINE static I32 of(I32 a) { return a; }
};
struct Round {
  METAC_INLINE static float of(float a) { return __builtin_rintf(a); }
  METAC_INLINE static double of(double a) { return __builtin_rint(a); }
  METAC_INLINE static I32 of(I32 a) { return a; }
};
struct IsFinite {
  METAC_INLINE static Bool of(float a) { return (bits_of(a) & 0x7fffffff) < 0x7f800000; }
  METAC_INLINE static Bool of(double a) { return __builtin_fabs(a) <= 1.7976931348623157e308; }
  METAC_INLINE static Bool of(I32) { return 1; }
};
struct Sqrt { METAC_INLINE static float of(float a) { return __builtin_sqrtf(a); } METAC_INLINE static double of(double a) { return __builtin_sqrt(a); } };
struct Exp { METAC_INLINE static float of(float a) { return exp_f(a); } METAC_INLINE static double of(double a) { return __builtin_exp(a); } };
struct Expm1 { METAC_INLINE static float of(float a) { return expm1_f(a); } METAC_INLINE static double of(double a) { return __builtin_expm1(a); } };
struct Log { METAC_INLINE static float of(float a) { return log_f(a); } METAC_INLINE static double of(double a) { return __builtin_log(a); } };
struct Log1p { METAC_INLINE static float of(float a) { return log1p_f(a); } METAC_INLINE static double of(double a) { return __builtin_log1p(a); } };
struct Sin { METAC_INLINE static float of(float a) { return sin_f(a); } METAC_INLINE static double of(double a) { return __builtin_sin(a); } };
struct Cos { METAC_INLINE static float of(float a) { return cos_f(a); } METAC_INLINE static double of(double a) { return __builtin_cos(a); } };
struct Tanh { METAC_INLINE static float of(float a) { return tanh_f(a); } METAC_INLINE static double of(double a) { return __builtin_tanh(a); } };
struct Erf { METAC_INLINE static float of(float a) { return erf_f(a); } METAC_INLINE static double of(double a) { return __builtin_erf(a); } };
struct Atan2 { METAC_INLINE static float of(float a, float b) { return atan2_f(a, b); } METAC_INLINE static double of(double a, double b) { return __builtin_atan2(a, b); } };
struct Sigmoid {
  METAC_INLINE static float of(float a) { return sigmoid_f(a); }
  METAC_INLINE static double of(double a) {
    const double e = __builtin_exp(-__builtin_fabs(a));
    return (a < 0 ? e : 1.0) / (1.0 + e);
  }
};

struct Add { template <class T> METAC_INLINE static T of(T a, T b) { return a + b; }
  METAC_INLINE static I32 of(I32 a, I32 b) { return static_cast<I32>(static_cast<U32>(a) + static_cast<U32>(b)); } };
struct Subtract { template <class T> METAC_INLINE static T of(T a, T b) { return a - b; }
  METAC_INLINE static I32 of(I32 a, I32 b) { return static_cast<I32>(static_cast<U32>(a) - static_cast<U32>(b)); } };
struct Multiply { template <class T> METAC_INLINE static T of(T a, T b) { return a * b; }
  METAC_INLINE static I32 of(I32 a, I32 b) { return static_cast<I32>(static_cast<U32>(a) * static_cast<U32>(b)); } };
struct Divide { template <class T> METAC_INLINE static T of(T a, T b) { return a / b; }
  METAC_INLINE static I32 of(I32 a, I32 b) { return b == 0 ? 0 : b == -1 ? Negate::of(a) : a / b; } };
struct Power {
  METAC_INLINE static float of(float a, float b) { return power_f(a, b); }
  METAC_INLINE static double of(double a, double b) { return __builtin_pow(a, b); }
  METAC_INLINE static I32 of(I32 a, I32 b) {  // 1 / a^-b truncated; 0 for a = 0, like division
    if (b < 0) return a == 1 ? 1 : a == -1 ? ((b & 1) != 0 ? -1 : 1) : 0;
    U32 result = 1, base = static_cast<U32>(a);
    for (; b != 0; b >>= 1, base *= base) result *= (b & 1) != 0 ? base : 1u;
    return static_cast<I32>(result);
  }
};
// The second of equals (so of +0 and -0).
struct Maximum { template <class T> METAC_INLINE static T of(T a, T b) { return (a > b) | (a != a) ? a : b; } };
struct Minimum { template <class T> METAC_INLINE static T of(T a, T b) { return (a < b) | (a != a) ? a : b; } };
struct Equal { template <class T> METAC_INLINE static Bool of(T a, T b) { return a == b; } };
struct NotEqual { template <class T> METAC_INLINE static Bool of(T a, T b) { return a != b; } };
struct Less { template <class T> METAC_INLINE static Bool of(T a, T b) { return a < b; } };
struct LessEqual { template <class T> METAC_INLINE static Bool of(T a, T b) { return a <= b; } };
struct And { METAC_INLINE static Bool of(Bool a, Bool b) { return a & b; } };
struct Or { METAC_INLINE static Bool of(Bool a, Bool b) { return a | b; } };
struct Not { METAC_INLINE static Bool of(Bool a) { return a ^ 1; } };
// clang-format on

template <class F, class T>
void unary(void* result, const void* a, const void*, const void*, std::int64_t n) {
  using R = decltype(F::of(T()));
  auto* out = static_cast<R*>(result);
  const auto* x = static_cast<const T*>(a);
#pragma GCC ivdep
  for (std::int64_t i = 0; i < n; ++i) out[i] = F::of(x[i]);
}

// Sine and cosine in f32: a tile with an angle that is too large for the fast way takes the library's for those.
template <class F, float (*Library)(float)>
void angle(void* result, const void* a, const void* b, const void* c, std::int64_t n) {
  const auto* x = static_cast<const float*>(a);
  I32 far = 0;
  for (std::int64_t i = 0; i < n; ++i) far |= !(__builtin_fabsf(x[i]) <= largest_angle);
  if (far == 0) return unary<F, float>(result, a, b, c, n);
  auto* out = static_cast<float*>(result);
  for (std::int64_t i = 0; i < n; ++i) out[i] = __builtin_fabsf(x[i]) <= largest_angle ? F::of(x[i]) : Library(x[i]);
}
float library_sin(float x) { return __builtin_sinf(x); }
float library_cos(float x) { return __builtin_cosf(x); }

template <class F, class T, bool one_a, bool one_b>
void binary(void* result, const void* a, const void* b, const void*, std::int64_t n) {
  using R = decltype(F::of(T(), T()));
  auto* out = static_cast<R*>(result);
  const auto* x = static_cast<const T*>(a);
  const auto* y = static_cast<const T*>(b);
  const T x0 = x[0], y0 = y[0];
#pragma GCC ivdep
  for (std::int64_t i = 0; i < n; ++i) out[i] = F::of(one_a ? x0 : x[i], one_b ? y0 : y[i]);
}

// Squares are by far the most frequent power. Other exponents are repeated, for the compiler takes a loop with a single
// exponent apart into one with branches, which it cannot vectorise.
void power_of_one_exponent(void* result, const void* a, const void* b, const void* c, std::int64_t n) {
  const float exponent = *static_cast<const float*>(b);
  if (exponent == 2.0f) return binary<Multiply, float, false, false>(result, a, a, c, n);
  constexpr std::int64_t piece = 128;
  float exponents[piece];
  for (float& e : exponents) e = exponent;
  for (std::int64_t i = 0; i < n; i += piece)
    binary<Power, float, false, false>(static_cast<float*>(result) + i, static_cast<const float*>(a) + i, exponents, c,
                                       n - i < piece ? n - i : piece);
}

template <class T, bool one_a, bool one_b, bool one_c>
void choose(void* result, const void* a, const void* b, const void* c, std::int64_t n) {
  auto* out = static_cast<T*>(result);
  const auto* condition = static_cast<const Bool*>(a);
  const auto* x = static_cast<const T*>(b);
  const auto* y = static_cast<const T*>(c);
  const Bool condition0 = condition[0];
  const T x0 = x[0], y0 = y[0];
#pragma GCC ivdep
  for (std::int64_t i = 0; i < n; ++i) {
    const T if_true = one_b ? x0 : x[i], if_false = one_c ? y0 : y[i];
    out[i] = (one_a ? condition0 : condition[i]) != 0 ? if_true : if_false;
  }
}

// Floats to i32 are truncated; what is out of range gives the nearest integer there is, NaN gives 0.
template <class From, class To>
METAC_INLINE To convert(From a) {
  if constexpr (is_floating<From> && is_i32<To>) {
    constexpr From low = From(-2147483648.0), beyond = From(2147483648.0);
    const From inside = a > low && a < beyond ? a : low;
    const I32 whole = static_cast<I32>(inside);
    const I32 limited = a >= beyond ? 2147483647 : whole;
    return a != a ? 0 : limited;
  } else if constexpr (sizeof(To) == 1) {
    return a != From(0);
  } else {
    return static_cast<To>(a);
  }
}

template <class From, class To>
void cast(void* result, const void* a, const void*, const void*, std::int64_t n) {
  auto* out = static_cast<To*>(result);
  const auto* x = static_cast<const From*>(a);
#pragma GCC ivdep
  for (std::int64_t i = 0; i < n; ++i) out[i] = convert<From, To>(x[i]);
}

template <class T>
void gather(void* result, const void* source, std::int64_t outer, std::int64_t outer_stride, std::int64_t inner,
            std::int64_t inner_stride) {
  auto* out = static_cast<T*>(result);
  const auto* row = static_cast<const T*>(source);
  if (outer_stride == 1 && outer > 1 && inner_stride > 1) return transpose(row, inner_stride, inner, outer, out, inner);
  for (std::int64_t o = 0; o < outer; ++o, row += outer_stride, out += inner) {
    if (inner_stride == 1) {
      for (std::int64_t i = 0; i < inner; ++i) out[i] = row[i];
    } else if (inner_stride == 0) {
      const T value = *row;
      for (std::int64_t i = 0; i < inner; ++i) out[i] = value;
    } else {
      for (std::int64_t i = 0; i < inner; ++i) out[i] = row[i * inner_stride];
    }
  }
}

constexpr int index(Fn fn) { return static_cast<int>(fn); }
constexpr int f32 = static_cast<int>(Dtype::f32), f64 = static_cast<int>(Dtype::f64),
              i32 = static_cast<int>(Dtype::i32), boolean = static_cast<int>(Dtype::boolean);

template <class F, class T>
void add_binary(PointwiseTable& table, Fn fn, int dtype) {
  MapFunction* map = table.map[index(fn)][dtype];
  map[0] = map[4] = binary<F, T, false, false>;
  map[1] = map[5] = binary<F, T, true, false>;
  map[2] = map[6] = binary<F, T, false, true>;
  map[3] = map[7] = map[0];  // then n = 1
}

template <class F, class T>
void add_unary(PointwiseTable& table, Fn fn, int dtype) {
  for (auto& function : table.map[index(fn)][dtype]) function = unary<F, T>;
}

template <class F>
void add_floating(PointwiseTable& table, Fn fn) {
  add_unary<F, float>(table, fn, f32);
  add_unary<F, double>(table, fn, f64);
}

template <class F>
void add_numeric(PointwiseTable& table, Fn fn) {
  add_floating<F>(table, fn);
  add_unary<F, I32>(table, fn, i32);
}

template <class F>
void add_arithmetic(PointwiseTable& table, Fn fn) {
  add_binary<F, float>(table, fn, f32);
  add_binary<F, double>(table, fn, f64);
  add_binary<F, I32>(table, fn, i32);
}

template <class F>
void add_comparison(PointwiseTable& table, Fn fn) {
  add_arithmetic<F>(table, fn);
  add_binary<F, Bool>(table, fn, boolean);
}

template <class T>
void add_choice(PointwiseTable& table, int dtype) {
  MapFunction* map = table.map[index(Fn::select)][dtype];
  map[0] = choose<T, false, false, false>, map[1] = choose<T, true, false, false>;
  map[2] = choose<T, false, true, false>, map[3] = choose<T, true, true, false>;
  map[4] = choose<T, false, false, true>, map[5] = choose<T, true, false, true>;
  map[6] = choose<T, false, true, true>, map[7] = map[0];  // then n = 1
}

template <class From>
void add_casts(PointwiseTable& table, int from) {
  table.cast[from][f32] = cast<From, float>;
  table.cast[from][f64] = cast<From, double>;
  table.cast[from][i32] = cast<From, I32>;
  table.cast[from][boolean] = cast<From, Bool>;
}

void fill_unary(PointwiseTable& table) {
  add_numeric<Copy>(table, Fn::copy);
  add_unary<Copy, Bool>(table, Fn::copy, boolean);
  add_numeric<Negate>(table, Fn::negate);
  add_numeric<Absolute>(table, Fn::absolute);
  add_numeric<Sign>(table, Fn::sign);
  add_numeric<Floor>(table, Fn::floor);
  add_numeric<Round>(table, Fn::round);
  add_numeric<IsFinite>(table, Fn::is_finite);
  add_floating<Exp>(table, Fn::exp);
  add_floating<Expm1>(table, Fn::expm1);
  add_floating<Log>(table, Fn::log);
  add_floating<Log1p>(table, Fn::log1p);
  add_floating<Sqrt>(table, Fn::sqrt);
  add_floating<Tanh>(table, Fn::tanh);
  add_floating<Sigmoid>(table, Fn::sigmoid);
  add_floating<Erf>(table, Fn::erf);
  add_unary<Sin, double>(table, Fn::sin, f64);
  add_unary<Cos, double>(table, Fn::cos, f64);
  for (auto& function : table.map[index(Fn::sin)][f32]) function = angle<Sin, library_sin>;
  for (auto& function : table.map[index(Fn::cos)][f32]) function = angle<Cos, library_cos>;
  add_unary<Not, Bool>(table, Fn::logical_not, boolean);
}

}  // namespace

void fill_pointwise(PointwiseTable& table) {
  fill_unary(table);
  add_arithmetic<Add>(table, Fn::add);
  add_arithmetic<Subtract>(table, Fn::subtract);
  add_arithmetic<Multiply>(table, Fn::multiply);
  add_arithmetic<Divide>(table, Fn::divide);
  add_arithmetic<Power>(table, Fn::power);
  table.map[index(Fn::power)][f32][2] = table.map[index(Fn::power)][f32][6] = power_of_one_exponent;
  add_binary<Atan2, float>(table, Fn::atan2, f32);
  add_binary<Atan2, double>(table, Fn::atan2, f64);
  add_comparison<Maximum>(table, Fn::maximum);
  add_comparison<Minimum>(table, Fn::minimum);
  add_comparison<Equal>(table, Fn::equal);
  add_comparison<NotEqual>(table, Fn::not_equal);
  add_comparison<Less>(table, Fn::less);
  add_comparison<LessEqual>(table, Fn::less_equal);
  add_binary<And, Bool>(table, Fn::logical_and, boolean);
  add_binary<Or, Bool>(table, Fn::logical_or, boolean);
  add_choice<float>(table, f32);
  add_choice<double>(table, f64);
  add_choice<I32>(table, i32);
  add_choice<Bool>(table, boolean);
  add_casts<float>(table, f32);
  add_casts<double>(table, f64);
  add_casts<I32>(table, i32);
  add_casts<Bool>(table, boolean);
  table.gather[1] = gather<Bool>;
  table.gather[4] = gather<U32>;
  table.gather[8] = gather<std::uint64_t>;
}

}  // namespace metac::METAC_SIMD_NAMESPACE
