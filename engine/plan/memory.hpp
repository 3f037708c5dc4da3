// Gives every stored value of a frame, and the scratch of every step, its offset in the arena.
#pragma once

#include "plan/frame.hpp"

namespace metac {

// A value occupies its range from the step that writes it to the last step that reads it (or to the end). A result takes over
// the memory of an input that is used for the last time where the kernel allows it. Time: n log n.
void assign_memory(Frame&);

std::size_t round_up_to_alignment(std::size_t bytes);

}  // namespace metac
