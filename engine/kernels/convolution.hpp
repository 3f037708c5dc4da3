// The own convolution kernels, for f64, for the shapes that oneDNN does badly, and for every edge case. Internal to
// this room: callers use kernels/linear.hpp.
#pragma once

#include "kernels/linear.hpp"

namespace metac {

enum class ConvolutionPart { forward, data, weights };

const char* to_string(ConvolutionPart);
std::string describe(const Convolution&, ConvolutionPart, const std::string& by);

// Sums of products over windows that skip the places outside the image (so an infinite weight meets no zero there).
// Handles every size, zero included.
KernelPtr make_own_convolution(const Convolution&, ConvolutionPart);

// Empty where oneDNN has no fast implementation. f32, two spatial axes, no zero sizes.
KernelPtr make_onednn_convolution(const Convolution&, ConvolutionPart);

}  // namespace metac
