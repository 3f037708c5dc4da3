// Characters that the project draws itself, so that examples with images need no files.
#pragma once

#include <cstdint>

#include "data/dataset.hpp"
#include "data/random.hpp"

namespace metac::data {

// `classes` invented characters, each of 2 to 4 strokes (smooth curves through a few random points), and `per_class`
// drawings of each: every drawing moves the points a little, turns, slants, scales and shifts the whole, and has a
// width of pen of its own. [size, size, 1], ink 1 on 0; classes are named "glyph000", "glyph001", ... A character
// depends on the key and its number only, so more classes or drawings change nothing of those before. All arithmetic is
// on whole numbers: the same bits on any machine. Errors: counts below 1, sizes outside of 8 to 256, more than fits a
// file.
Dataset glyphs(std::int64_t classes, std::int64_t per_class, std::int64_t size, Key key);

}  // namespace metac::data
