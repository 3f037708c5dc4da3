// Data sets from files: the known ones by name from a data directory, folders of images, IDX files. A missing file is
// an Error that says which path was looked for, which data directory was used and how to give one, and where the data
// is at home.
#pragma once

#include <filesystem>
#include <string>

#include "data/dataset.hpp"

namespace metac::data {

struct TrainTest {
  Dataset train, test;
};

// `given` (of --data), else the environment variable METAC_DATA, else an empty path, which the loaders refuse.
std::filesystem::path data_directory(const std::string& given);

// Omniglot (Lake et al. 2015): all 1,623 characters, 20 drawings each, [size, size, 1], ink 1 on 0. Classes are named
// "alphabet/character" and have the columns set, alphabet, character, vinyals_split. Size 28 is the file of that size,
// every other size is resized from the drawings of 105 x 105 and rounded to bytes.
Dataset omniglot(const std::filesystem::path& directory, int size = 28);

// [28, 28, 1], classes "0" to "9", or the names of clothes. Of Fashion-MNIST, the 60,000 training images if they are
// there, else the first 10,000 (files "train10k-..."); its name says which: "fashion_mnist.train" or "...train10k".
TrainTest mnist(const std::filesystem::path& directory);
TrainTest fashion_mnist(const std::filesystem::path& directory);

// MNIST-M (Ganin and Lempitsky 2015), digits of MNIST on photographs: [28, 28, 3], classes "0" to "9". The full set in
// files "mnistm-train-images-idx4-ubyte", ... if they are there, else the first 2,000 and 1,000 made with photographs
// in the public domain (files "mnistm-open-train2k-...").
TrainTest mnist_m(const std::filesystem::path& directory);

// PNG images below a folder, or in a zip archive. The class of an image is the first `class_depth` folders on its way,
// joined with `/`; in an archive a folder round everything is not counted. Classes, and images within a class, are
// sorted by the bytes of their paths. Images become [size, size, channels], rounded to bytes; with size 0 they stay as
// they are and must all be of one size. `invert` turns black on white into white on black. Files that start with a dot
// and "__MACOSX" are skipped, as is everything that is no image by its ending. Errors: no images, an image too few
// folders deep, an image that is no PNG (jpg, gif, ...) or damaged (named), images that differ in channels or size.
struct ImageOptions {
  int class_depth = 1;
  int size = 0;
  bool invert = false;
};
Dataset images(const std::filesystem::path& path, const ImageOptions&);

// An IDX file of images, [n, height, width] or [n, height, width, channels], or of rows of any other shape, and one of
// labels, [n]; the labels' file may be empty (no classes). Bytes are scaled to [0, 1], other types are kept as they
// are. The class table is numbered up to the largest label, unless one is given.
Dataset idx(const std::filesystem::path& images, const std::filesystem::path& labels, ClassTable classes = {});

// A class table: tab-separated, a first line of column names. The class of line i is i. `name` makes its name from
// these columns, joined with `/`. A column "index" must count from 0; it is checked and dropped.
ClassTable read_classes(const std::filesystem::path&, const std::vector<std::string>& name);

}  // namespace metac::data
