// What the table tests check of a case. Failures name the case.
#pragma once

#include "engine/ops/cases.hpp"

namespace metac::testing {

// The derivatives of orders 1, 2 and 3 along random directions, against central differences. For cases in f64.
void check_derivatives(const Case&);
// Batched over the inputs in the bit mask, against one row after the other.
void check_batch(const Case&, unsigned subset, std::int64_t size);
// The plan against the interpreter, which runs the obvious references.
void check_plan(const Case&);
// The same with NaN, infinities, zeros of both signs and ties in every floating input.
void check_special_values(const Case&);
// The same with inputs that come transposed, flipped, sliced out of something larger, and repeated.
void check_views(const Case&);

// All of these, with f32 and f64 in place of f32, where they make sense.
void check_all(const std::string& name, const std::vector<Sample>&,
               const std::function<Tensor(std::span<const Tensor>)>& composition);

}  // namespace metac::testing
