// Gives every stored value of a frame, and the scratch of every step, its offset in the arena.
#pragma once

#include "plan/frame.hpp"

namespace metac {

// A value occupies its range from the step that writes it to the last step that reads it (or to the end). A result
// takes over the memory of an input that is used for the last time where the kernel allows it. OutOfMemory where it is
// more than can be counted. Time: n log n.
void assign_memory(Frame&);

// Bytes to set aside for so many: aligned, and never none, so that every value has a place of its own.
std::size_t room_for(std::size_t bytes);

}  // namespace metac
