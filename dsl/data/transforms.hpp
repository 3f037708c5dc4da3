// Transforms of a data set. They are done whenever rows are gathered, so a transformed set costs no memory and its rows
// are still those of its origin: splits, `overlap` and lineage see through them. What is random depends only on the key
// of the gathering and the number of the row in the set.
//
// Errors: examples that are no images (or no numbers) where such are needed, settings that make no sense.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "data/dataset.hpp"
#include "data/random.hpp"

namespace metac::data {

// (x - mean) / deviation: one number for all, or one for each entry of the last axis (channel, column).
Dataset normalize(const Dataset&, const std::vector<double>& mean, const std::vector<double>& deviation);

// Mean and deviation of each entry of the last axis over all examples, as they are gathered without a key. An entry
// that never changes has the deviation 1, so normalizing only shifts it.
struct Moments {
  std::vector<double> mean, deviation;
};
Moments moments(const Dataset&);

// As data::resize does it for one image (image.hpp).
Dataset resize(const Dataset&, std::int64_t height, std::int64_t width);

// Turned counter-clockwise about the centre, linear between pixels, 0 outside. A range draws an angle for each row.
// Whole quarters of square images are exact.
Dataset rotate(const Dataset&, double degrees);
Dataset rotate(const Dataset&, double least, double most);

// The reverse order along an axis of an example (of images: 0 upside down, 1 left to right), always or with a chance.
Dataset flip(const Dataset&, int axis, double chance = 1);

// `padding` zeros on all four sides, then a window of that size: centred, at a place, or at a random one.
enum class Window { centred, placed, random };
struct Crop {
  std::int64_t height = 0, width = 0, padding = 0;
  Window window = Window::centred;
  std::int64_t top = 0, left = 0;  // of `placed`, in the padded image
};
Dataset crop(const Dataset&, const Crop&);

// Plus normal noise of mean 0.
Dataset noise(const Dataset&, double deviation);

// The pixels (the first axis, where there are no images) in one fixed random order, channels together. `what` names the
// key in lineage: sets permuted with one key have one name.
Dataset permute(const Dataset&, Key, const std::string& what);

// Grey images with that many equal channels; images of several channels with one, their mean.
Dataset channels(const Dataset&, std::int64_t count);

}  // namespace metac::data
