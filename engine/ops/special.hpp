// Special functions of one number, in double precision, that more than one operator is made of. Private to this room.
#pragma once

namespace metac {

inline constexpr int highest_polygamma = 100;  // factorials stay far from overflow

double log_gamma(double x);  // of the size of the gamma function; safe for threads
// The derivative of this order (rounded to a whole number) of the logarithmic derivative of the gamma function.
double polygamma_at(double order, double x);

}  // namespace metac
