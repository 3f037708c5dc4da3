// The known data sets by name, and pairs of IDX files. Folders of images are in images.cpp.
#include "data/load.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <future>
#include <limits>

#include "data/idx.hpp"
#include "data/image.hpp"
#include "data/reading.hpp"

namespace metac::data {

namespace {

namespace fs = std::filesystem;

// A known data set: how it is called, its folder in the data directory, and where to get it.
struct Home {
  const char* name;
  const char* folder;
  const char* address;
};

constexpr Home omniglot_home{"omniglot", "omniglot", "https://github.com/brendenlake/omniglot"};
constexpr Home mnist_home{"mnist", "mnist", "http://yann.lecun.com/exdb/mnist/"};
constexpr Home mnist_m_home{"mnist_m", "mnist-m", "http://yaroslav.ganin.net (Ganin and Lempitsky 2015; as IDX files)"};
constexpr Home fashion_home{"fashion_mnist", "fashion-mnist", "https://github.com/zalandoresearch/fashion-mnist"};

bool is_file(const fs::path& path) {
  std::error_code unknown;
  return fs::is_regular_file(path, unknown);
}

// The first of the given files that is there, as it is or with ".gz" added. Error that says where it was looked for.
fs::path find(const Home& home, const fs::path& directory, const std::vector<std::string>& names) {
  if (directory.empty())
    throw Error(
        fmt::format("{}: no data directory was given: use --data DIR or set METAC_DATA; the files belong into "
                    "DIR/{} and are at home at {}",
                    home.name, home.folder, home.address));
  for (const auto& name : names)
    for (const char* ending : {"", ".gz"})
      if (const fs::path path = directory / home.folder / (name + ending); is_file(path)) return path;
  throw Error(
      fmt::format("{}: there is no file {} (nor .gz); the data directory is {}: give another one by --data DIR or "
                  "METAC_DATA, or get the files from {}",
                  home.name, (directory / home.folder / names.front()).string(), directory.string(), home.address));
}

std::vector<std::int32_t> labels_of(const Idx& idx, const fs::path& path) {
  if (idx.shape.rank() != 1 || idx.type == IdxType::f32 || idx.type == IdxType::f64)
    throw Error(fmt::format("{}: labels are whole numbers with one axis; this file has {} {}", path.string(),
                            to_string(idx.type), to_string(idx.shape)));
  std::vector<std::int32_t> labels(static_cast<std::size_t>(idx.shape[0]));
  for (std::size_t i = 0; i < labels.size(); ++i)
    labels[i] = static_cast<std::int32_t>(idx.at(static_cast<std::int64_t>(i)));
  return labels;
}

std::vector<std::int32_t> read_labels(const fs::path& path) { return labels_of(read_idx(path), path); }

// Grey images have a channel axis too.
Shape example_shape(const Shape& shape) {
  Shape example = shape.without(0);
  if (example.rank() == 2) example.push_back(1);
  return example;
}

// A class table for labels without one. A damaged label must not make a table of two thousand million classes.
ClassTable numbered_up_to(const std::vector<std::int32_t>& labels, const fs::path& path) {
  constexpr std::int32_t largest_allowed = 1 << 20;
  const auto negative = std::find_if(labels.begin(), labels.end(), [](std::int32_t label) { return label < 0; });
  if (negative != labels.end())
    throw Error(fmt::format("{}: example {} has the label {}; labels are from 0", path.string(),
                            negative - labels.begin(), *negative));
  const std::int32_t largest = labels.empty() ? 0 : *std::max_element(labels.begin(), labels.end());
  if (largest > largest_allowed)
    throw Error(fmt::format("{}: has the label {}; without a class table the largest is {}", path.string(), largest,
                            largest_allowed));
  return numbered_classes(std::int64_t{largest} + 1);
}

void check_counts(const fs::path& images, std::int64_t examples, const fs::path& labels, std::size_t count) {
  if (examples != static_cast<std::int64_t>(count))
    throw Error(fmt::format("{} has {} examples, {} has {} labels: these must be as many", images.string(), examples,
                            labels.string(), count));
}

// What a known image set promises about its file: grey images have no axis of channels.
Idx read_images(const fs::path& path, int size, int channels = 1) {
  Idx images = read_idx(path);
  Shape promised{images.shape[0], size, size};
  if (channels > 1) promised.push_back(channels);
  if (images.type != IdxType::u8 || !(images.shape == promised))
    throw Error(fmt::format("{}: uint8 [images, {}, {}{}] was needed, the file has {} {}", path.string(), size, size,
                            channels > 1 ? fmt::format(", {}", channels) : "", to_string(images.type),
                            to_string(images.shape)));
  return images;
}

Dataset load_part(const Home& home, const fs::path& directory, const std::string& part,
                  const std::vector<std::string>& prefixes, const ClassTable& classes, int channels = 1) {
  std::vector<std::string> names;
  for (const auto& prefix : prefixes)
    names.push_back(fmt::format("{}-images-idx{}-ubyte", prefix, channels > 1 ? 4 : 3));
  const fs::path images_path = find(home, directory, names);
  const std::string file = images_path.filename().string();
  const std::string prefix = file.substr(0, file.find("-images"));
  const fs::path labels_path = find(home, directory, {prefix + "-labels-idx1-ubyte"});
  Idx images = read_images(images_path, 28, channels);
  auto labels = read_labels(labels_path);
  check_counts(images_path, images.shape[0], labels_path, labels.size());
  const std::string shown = prefix == prefixes.front() ? part : prefix;
  return Dataset::from_bytes(fmt::format("{}.{}", home.name, shown), Shape{28, 28, channels},
                             std::move(images.elements), std::move(labels), classes, Lineage{home.name, part, {}});
}

using Names = std::vector<std::string>;

// Both parts at once: unpacking them is nearly all the work, and one thread's.
TrainTest load_both(const Home& home, const fs::path& directory, const Names& train, const Names& test,
                    const ClassTable& classes, int channels = 1) {
  auto other = std::async([&] { return load_part(home, directory, "test", test, classes, channels); });
  Dataset first = load_part(home, directory, "train", train, classes, channels);
  return {std::move(first), other.get()};
}

// The drawings of Omniglot at full size, one bit a pixel: "OMG1", then classes, drawings of a class, height, width.
struct Drawings {
  static constexpr int side = 105;
  static constexpr std::size_t header = 20, bytes = (side * side + 7) / 8;  // of the file; of one drawing
  Bytes content;
  std::int64_t count = 0;

  bool ink(std::int64_t drawing, int pixel) const {
    const auto byte = content[header + static_cast<std::size_t>(drawing) * bytes + static_cast<std::size_t>(pixel) / 8];
    return byte >> (7 - pixel % 8) & 1;
  }
};

std::uint32_t little_endian(const std::uint8_t* bytes) {
  return bytes[0] | bytes[1] << 8 | bytes[2] << 16 | static_cast<std::uint32_t>(bytes[3]) << 24;
}

Drawings read_drawings(const fs::path& path) {
  Drawings drawings{read_file(path), 0};
  const auto& content = drawings.content;
  if (content.size() < Drawings::header || !std::equal(content.begin(), content.begin() + 4, "OMG1"))
    throw Error(fmt::format("{}: does not start with \"OMG1\" and four sizes", path.string()));
  const std::uint64_t classes = little_endian(&content[4]), each = little_endian(&content[8]);
  const std::uint32_t height = little_endian(&content[12]), width = little_endian(&content[16]);
  if (height != Drawings::side || width != Drawings::side)
    throw Error(fmt::format("{}: drawings of 105 x 105 were needed, these are {} x {}", path.string(), height, width));
  const std::uint64_t found = content.size() - Drawings::header;
  if (classes * each > file_limit / Drawings::bytes || classes * each * Drawings::bytes != found)
    throw Error(fmt::format("{}: {} classes of {} drawings need {} bytes each, {} bytes follow the header",
                            path.string(), classes, each, Drawings::bytes, found));
  drawings.count = static_cast<std::int64_t>(classes * each);
  return drawings;
}

Bytes draw(const Drawings& drawings, int size) {
  const auto pixels = static_cast<std::size_t>(size) * static_cast<std::size_t>(size);
  if (pixels > file_limit / static_cast<std::size_t>(std::max<std::int64_t>(drawings.count, 1)))
    throw Error(
        fmt::format("omniglot: {} drawings of {} x {} are more than {} bytes", drawings.count, size, size, file_limit));
  Bytes bytes(static_cast<std::size_t>(drawings.count) * pixels);
  Image image{Drawings::side, Drawings::side, 1, std::vector<float>(Drawings::side * Drawings::side)};
  for (std::int64_t drawing = 0; drawing < drawings.count; ++drawing) {
    for (int pixel = 0; pixel < Drawings::side * Drawings::side; ++pixel)
      image.pixels[static_cast<std::size_t>(pixel)] = drawings.ink(drawing, pixel) ? 1.0f : 0.0f;
    const Image resized = resize(image, size, size);
    std::transform(resized.pixels.begin(), resized.pixels.end(),
                   bytes.begin() + static_cast<std::ptrdiff_t>(static_cast<std::size_t>(drawing) * pixels), to_byte);
  }
  return bytes;
}

}  // namespace

fs::path data_directory(const std::string& given) {
  if (!given.empty()) return given;
  const char* variable = std::getenv("METAC_DATA");
  return variable ? variable : "";
}

Dataset omniglot(const fs::path& directory, int size) {
  if (size < 1) throw Error(fmt::format("omniglot: the size of images must be positive, {} was given", size));
  const fs::path images_path =
      find(omniglot_home, directory,
           {size == 28 ? "omniglot-all-28x28-images-idx3-ubyte" : "omniglot-all-105x105-1bit.bin"});
  const fs::path labels_path = find(omniglot_home, directory, {"omniglot-all-labels-idx1-int16"});
  auto classes = read_classes(find(omniglot_home, directory, {"classes.tsv"}), {"alphabet", "character"});
  auto labels = read_labels(labels_path);
  Bytes images = size == 28 ? read_images(images_path, size).elements : draw(read_drawings(images_path), size);
  const auto count = static_cast<std::int64_t>(images.size()) / size / size;
  check_counts(images_path, count, labels_path, labels.size());
  return Dataset::from_bytes("omniglot", Shape{size, size, 1}, std::move(images), std::move(labels), std::move(classes),
                             Lineage{"omniglot", "", {}});
}

TrainTest mnist(const fs::path& directory) {
  return load_both(mnist_home, directory, {"train"}, {"t10k"}, numbered_classes(10));
}

TrainTest mnist_m(const fs::path& directory) {
  return load_both(mnist_m_home, directory, {"mnistm-train", "mnistm-open-train2k"},
                   {"mnistm-test", "mnistm-open-test1k"}, numbered_classes(10), 3);
}

TrainTest fashion_mnist(const fs::path& directory) {
  const ClassTable classes{
      {"T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"},
      {},
      {}};
  return load_both(fashion_home, directory, {"train", "train10k"}, {"t10k"}, classes);
}

Dataset idx(const fs::path& images_path, const fs::path& labels_path, ClassTable classes) {
  Idx images = read_idx(images_path);
  std::vector<std::int32_t> labels;
  if (!labels_path.empty()) {
    labels = read_labels(labels_path);
    check_counts(images_path, images.shape[0], labels_path, labels.size());
    if (classes.size() == 0) classes = numbered_up_to(labels, labels_path);
  }
  const std::string name = images_path.filename().string();
  const Lineage lineage = lineage_of(images_path);
  const Shape example = example_shape(images.shape);
  if (images.type == IdxType::u8)
    return Dataset::from_bytes(name, example, std::move(images.elements), std::move(labels), std::move(classes),
                               lineage);
  return Dataset::from_floats(name, finite_floats(images, example.with_front(images.shape[0]), images_path.string()),
                              std::move(labels), std::move(classes), lineage);
}

}  // namespace metac::data
