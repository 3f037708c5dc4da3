// The quantile by which random.cpp's compositions draw from the gamma distribution. Private to this room.
#pragma once

#include "graph/graph.hpp"

namespace metac {

// Logarithm of the number below which the gamma distribution of this shape (and scale 1) has this share. Both are of
// one float type and broadcast. Derivatives exist to both, to any order up to 8.
Tensor log_gamma_quantile(Tensor shape, Tensor share);

}  // namespace metac
