// images: a data set from PNG files below a folder or in a zip archive.
#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <map>
#include <memory>

#include "data/image.hpp"
#include "data/load.hpp"
#include "data/reading.hpp"

namespace metac::data {

namespace {

namespace fs = std::filesystem;

constexpr std::size_t most_png = std::size_t{256} << 20;  // bytes of one file

using Folders = std::vector<std::string>;  // the parts of a path; the last one is the file

// The files of a folder or an archive, by their paths in it, and how to read one.
struct Collection {
  std::vector<std::string> names;
  std::function<Bytes(const std::string&)> read;
};

Folders parts_of(const std::string& name) { return pieces_of(name, '/'); }

bool hidden(const std::string& name) {
  const auto parts = parts_of(name);
  return std::any_of(parts.begin(), parts.end(),
                     [](const auto& part) { return part.starts_with('.') || part == "__MACOSX"; });
}

std::string ending_of(const std::string& name) {
  std::string ending = fs::path(name).extension().string();
  for (char& c : ending) c = static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
  return ending;
}

Collection open_zip(const fs::path& path) {
  const auto zip = std::make_shared<const Zip>(path);
  return {zip->names(), [zip](const std::string& name) { return zip->read(name, most_png); }};
}

Collection open_folder(const fs::path& path) {
  Collection collection;
  std::error_code error;
  fs::recursive_directory_iterator entries(path, fs::directory_options::none, error), end;
  for (; !error && entries != end; entries.increment(error)) {
    std::error_code unknown;
    if (entries->is_regular_file(unknown))
      collection.names.push_back(entries->path().lexically_relative(path).generic_string());
  }
  if (error) throw Error(fmt::format("{}: the folder cannot be read: {}", path.string(), error.message()));
  collection.read = [path](const std::string& name) { return read_file(path / name, most_png); };
  return collection;
}

Collection open(const fs::path& path) {
  std::error_code unknown;
  if (!fs::exists(path, unknown))
    throw Error(fmt::format("images: there is no folder or zip archive {}", path.string()));
  if (fs::is_directory(path, unknown)) return open_folder(path);
  if (is_zip(path)) return open_zip(path);
  throw Error(fmt::format("images: {} is neither a folder nor a zip archive", path.string()));
}

// Sorted names of the PNG files. Other images by their ending are refused, not silently left out.
std::vector<std::string> png_names(const Collection& collection, const fs::path& path) {
  std::vector<std::string> names;
  for (const auto& name : collection.names) {
    if (hidden(name)) continue;
    const auto ending = ending_of(name);
    if (ending == ".png") names.push_back(name);
    for (const char* other : {".jpg", ".jpeg", ".gif", ".bmp", ".tif", ".tiff", ".webp"})
      if (ending == other)
        throw Error(fmt::format("images: {}: only PNG can be read, there is {}", path.string(), name));
  }
  if (names.empty()) throw Error(fmt::format("images: {}: holds no PNG files", path.string()));
  std::sort(names.begin(), names.end());
  return names;
}

// How many folders round everything an archive has: they are no classes.
std::size_t folders_round_everything(const std::vector<Folders>& files, std::size_t class_depth) {
  for (std::size_t depth = 0;; ++depth)
    for (const auto& file : files)
      if (file.size() < depth + 2 + class_depth || file[depth] != files[0][depth]) return depth;
}

std::vector<std::string> class_names(const std::vector<std::string>& names, const fs::path& path, int class_depth) {
  const auto depth = static_cast<std::size_t>(class_depth);
  std::vector<Folders> files;
  for (const auto& name : names) files.push_back(parts_of(name));
  const std::size_t begin = is_zip(path) ? folders_round_everything(files, depth) : 0;
  std::vector<std::string> classes;
  for (std::size_t i = 0; i < files.size(); ++i) {
    if (files[i].size() < begin + depth + 1)
      throw Error(fmt::format("images: {}: {} is in {} folders; its class needs {}", path.string(), names[i],
                              files[i].size() - 1 - begin, class_depth));
    const auto first = files[i].begin() + static_cast<std::ptrdiff_t>(begin);
    classes.push_back(fmt::format("{}", fmt::join(first, first + class_depth, "/")));
  }
  return classes;
}

// Decodes one image after the other into bytes, and sees that they are alike.
class Collector {
 public:
  Collector(const ImageOptions& options, std::size_t count) : options_(options), count_(count) {}

  void add(const Bytes& content, const std::string& shown) {
    Image image = decode_png(content, shown);
    if (options_.invert) image = inverted(std::move(image));
    if (options_.size > 0) image = resize(image, options_.size, options_.size);
    const Shape shape{image.height, image.width, image.channels};
    if (first_.empty()) {
      first_ = shown;
      shape_ = shape;
      bytes_.reserve(std::min(count_ * image.pixels.size(), file_limit));
    }
    if (!(shape == shape_))
      throw Error(fmt::format("images: all must be alike: {} is {}, {} is {} (height, width, channels){}", first_,
                              to_string(shape_), shown, to_string(shape),
                              shape[2] == shape_[2] ? "; give a size to resize them to" : ""));
    if (bytes_.size() + image.pixels.size() > file_limit)
      throw Error(fmt::format("images: {} and those before are more than {} bytes", shown, file_limit));
    for (float value : image.pixels) bytes_.push_back(to_byte(value));
  }
  const Shape& shape() const { return shape_; }
  Bytes take() { return std::move(bytes_); }

 private:
  ImageOptions options_;
  std::size_t count_;  // of the images that come
  std::string first_;
  Shape shape_;
  Bytes bytes_;
};

}  // namespace

Dataset images(const fs::path& path, const ImageOptions& options) {
  if (options.class_depth < 1 || options.class_depth > 64)
    throw Error(fmt::format("images: a class is 1 to 64 folders, {} was given", options.class_depth));
  if (options.size < 0) throw Error(fmt::format("images: the size must be positive, {} was given", options.size));
  const Collection collection = open(path);
  auto names = png_names(collection, path);
  const auto classes = class_names(names, path, options.class_depth);

  ClassTable table;
  std::map<std::string, std::int32_t> numbers;
  for (const auto& cls : classes) numbers.emplace(cls, 0);
  for (auto& [cls, number] : numbers) {
    number = static_cast<std::int32_t>(table.size());
    table.names.push_back(cls);
  }
  std::vector<std::int32_t> labels;
  Collector collector(options, names.size());
  for (std::size_t i = 0; i < names.size(); ++i) {
    labels.push_back(numbers.at(classes[i]));
    collector.add(collection.read(names[i]), fmt::format("{}: {}", path.string(), names[i]));
  }
  return Dataset::from_bytes(path.filename().string(), collector.shape(), collector.take(), std::move(labels),
                             std::move(table), lineage_of(path));
}

}  // namespace metac::data
