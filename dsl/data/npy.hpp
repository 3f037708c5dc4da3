// NPY, the format of NumPy's arrays, versions 1 to 3: a text that says type, order and shape, then the elements. NPZ is
// a zip archive of such files. What is returned has exactly the elements that its shape says.
#pragma once

#include <filesystem>
#include <string>

#include "data/dataset.hpp"
#include "data/file.hpp"

namespace metac::data {

struct Npy {
  char kind = 'f';  // b: boolean, i, u: integers, f: floats
  int size = 4;     // bytes of an element: 1, 2, 4 or 8
  Shape shape;
  Bytes elements;  // in this machine's byte order

  double at(std::int64_t index) const;
  std::string type() const;  // "float32", "uint8", "bool"
};

// Errors: no NPY, another type than the above, columns stored first (Fortran order), more than max_rank axes, too few
// or too many bytes. `name` stands for the file in messages.
Npy parse_npy(Bytes content, const std::string& name);

// x [n, ...] with y [n] (whole numbers: class labels) or [n], [n, k] (floats: targets); `y` may be empty. x of uint8 is
// an image and scaled by 1/255, [n, h, w] gets an axis of one channel; other types are kept as they are.
Dataset npy(const std::filesystem::path& x, const std::filesystem::path& y);
// The same from members of an archive, named without ".npy".
Dataset npz(const std::filesystem::path&, const std::string& x, const std::string& y);

}  // namespace metac::data
