// Reading NPY and NPZ, and making data sets of what they hold.
#include "data/npy.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <charconv>
#include <cstring>
#include <limits>

#include "data/reading.hpp"

namespace metac::data {

namespace {

namespace fs = std::filesystem;

[[noreturn]] void fail(const std::string& name, const std::string& what) {
  throw Error(fmt::format("{}: {}", name, what));
}

// The text after `'key':`, without the spaces before it.
std::string_view value_of(std::string_view header, const std::string& key, const std::string& name) {
  const auto at = header.find(fmt::format("'{}'", key));
  auto colon = at == std::string_view::npos ? at : header.find(':', at);
  if (colon == std::string_view::npos) fail(name, fmt::format("its header does not say '{}'", key));
  header.remove_prefix(colon + 1);
  header.remove_prefix(std::min(header.find_first_not_of(' '), header.size()));
  return header;
}

Shape shape_of(std::string_view text, const std::string& name) {
  const auto end = text.find(')');
  if (text.empty() || text[0] != '(' || end == std::string_view::npos) fail(name, "its shape cannot be read");
  Shape shape;
  for (std::string_view rest = text.substr(1, end - 1);;) {
    rest.remove_prefix(std::min(rest.find_first_not_of(", "), rest.size()));
    if (rest.empty()) return shape;
    std::int64_t size = -1;
    const auto read = std::from_chars(rest.data(), rest.data() + rest.size(), size);
    if (read.ec != std::errc() || size < 0 || size > std::numeric_limits<std::int32_t>::max())
      fail(name, "its shape cannot be read, or has a size over 2^31-1");
    if (shape.rank() == max_rank) fail(name, fmt::format("has more than {} axes", max_rank));
    shape.push_back(size);
    rest.remove_prefix(static_cast<std::size_t>(read.ptr - rest.data()));
  }
}

bool is_whole(const Npy& array) { return array.kind != 'f'; }

std::vector<std::int32_t> labels_of(const Npy& y, const std::string& name) {
  constexpr std::int64_t most_classes = 1 << 20;
  std::vector<std::int32_t> labels(static_cast<std::size_t>(y.shape[0]));
  for (std::size_t row = 0; row < labels.size(); ++row) {
    const double label = y.at(static_cast<std::int64_t>(row));
    if (label < 0 || label >= most_classes)
      fail(name, fmt::format("row {} has the label {}; labels are from 0 to {}", row, label, most_classes - 1));
    labels[row] = static_cast<std::int32_t>(label);
  }
  return labels;
}

Dataset dataset_of(Npy x, const std::string& x_name, const Npy* y, const std::string& y_name, const std::string& name,
                   const fs::path& origin) {
  if (x.shape.rank() < 1) fail(x_name, "holds one number; [examples, ...] was needed");
  std::vector<std::int32_t> labels;
  std::optional<Array> targets;
  if (y != nullptr) {
    if (y->shape.rank() < 1 || y->shape.rank() > 2 || (is_whole(*y) && y->shape.rank() != 1))
      fail(y_name, fmt::format("labels are whole numbers [n], targets floats [n] or [n, k]; this is {} {}", y->type(),
                               to_string(y->shape)));
    if (y->shape[0] != x.shape[0])
      throw Error(fmt::format("{} has {} examples, {} has {} values: these must be as many", x_name, x.shape[0], y_name,
                              y->shape[0]));
    if (is_whole(*y))
      labels = labels_of(*y, y_name);
    else
      targets = finite_floats(*y, Shape{y->shape[0], y->shape.rank() == 2 ? y->shape[1] : 1}, y_name);
  }
  const std::int64_t classes = labels.empty() ? 0 : *std::max_element(labels.begin(), labels.end()) + 1;
  const Lineage lineage = lineage_of(origin);
  if (x.kind != 'u' || x.size != 1)
    return Dataset::from_floats(name, finite_floats(x, x.shape, x_name), std::move(labels), numbered_classes(classes),
                                lineage, std::move(targets));
  Shape example = x.shape.without(0);
  if (example.rank() == 2) example.push_back(1);
  return Dataset::from_bytes(name, example, std::move(x.elements), std::move(labels), numbered_classes(classes),
                             lineage, std::move(targets));
}

}  // namespace

double Npy::at(std::int64_t index) const {
  switch (kind == 'f' ? 16 + size : kind == 'i' ? size : 32 + size) {
    case 16 + 4:
      return element<float>(elements, index);
    case 16 + 8:
      return element<double>(elements, index);
    case 1:
      return element<std::int8_t>(elements, index);
    case 2:
      return element<std::int16_t>(elements, index);
    case 4:
      return element<std::int32_t>(elements, index);
    case 8:
      return element<std::int64_t>(elements, index);
    case 32 + 1:
      return element<std::uint8_t>(elements, index);
    case 32 + 2:
      return element<std::uint16_t>(elements, index);
    case 32 + 4:
      return element<std::uint32_t>(elements, index);
    case 32 + 8:
      return element<std::uint64_t>(elements, index);
  }
  throw Bug("Npy::at: no such type");
}

std::string Npy::type() const {
  if (kind == 'b') return "bool";
  return fmt::format("{}{}", kind == 'f' ? "float" : kind == 'i' ? "int" : "uint", 8 * size);
}

static constexpr std::string_view readable[] = {"b1", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f4", "f8"};

Npy parse_npy(Bytes content, const std::string& name) {
  if (content.size() < 10 || std::memcmp(content.data(), "\x93NUMPY", 6) != 0)
    fail(name, "is no NPY file: it does not start with 93 \"NUMPY\"");
  const int version = content[6];
  if (version < 1 || version > 3) fail(name, fmt::format("is of version {}; 1 to 3 can be read", version));
  const std::size_t start = version == 1 ? 10 : 12;
  if (content.size() < start) fail(name, "is cut short in its header");
  std::size_t length = 0;
  for (std::size_t i = start; i-- > 8;) length = length << 8 | content[i];
  if (length > content.size() - start) fail(name, "is cut short in its header");
  const std::string header(content.begin() + static_cast<std::ptrdiff_t>(start),
                           content.begin() + static_cast<std::ptrdiff_t>(start + length));

  const std::string_view type = value_of(header, "descr", name);
  const std::string descr(type.substr(0, std::min(type.find(','), type.size())));
  // '<f4': byte order, kind, bytes.
  if (descr.size() != 5 || descr[0] != '\'' || descr[4] != '\'' || std::strchr("<>|=", descr[1]) == nullptr ||
      std::find(std::begin(readable), std::end(readable), descr.substr(2, 2)) == std::end(readable))
    fail(name,
         fmt::format("has elements of type {}; booleans, integers, and floats of 4 or 8 bytes can be read", descr));
  if (value_of(header, "fortran_order", name).starts_with("True"))
    fail(name, "is stored by columns (Fortran order); save it with numpy.ascontiguousarray");
  Npy array{descr[2], descr[3] - '0', shape_of(value_of(header, "shape", name), name), {}};

  std::int64_t needed = array.size;
  for (auto size : array.shape)
    if (__builtin_mul_overflow(needed, size, &needed))
      fail(name, fmt::format("its shape {} has too many elements", to_string(array.shape)));
  const std::size_t found = content.size() - start - length;
  if (found != static_cast<std::size_t>(needed))
    fail(name, fmt::format("{} {} needs {} bytes after the header, {} were found: the file {}", array.type(),
                           to_string(array.shape), needed, found,
                           found < static_cast<std::size_t>(needed) ? "is cut short" : "has bytes after its end"));
  content.erase(content.begin(), content.begin() + static_cast<std::ptrdiff_t>(start + length));
  const bool big = descr[1] == '>', big_here = std::endian::native == std::endian::big;
  if (array.size > 1 && big != big_here && (descr[1] == '>' || descr[1] == '<'))
    for (std::size_t at = 0; at < content.size(); at += static_cast<std::size_t>(array.size))
      std::reverse(content.begin() + static_cast<std::ptrdiff_t>(at),
                   content.begin() + static_cast<std::ptrdiff_t>(at) + array.size);
  array.elements = std::move(content);
  return array;
}

Dataset npy(const fs::path& x, const fs::path& y) {
  Npy examples = parse_npy(read_file(x), x.string());
  const Npy said = y.empty() ? Npy{} : parse_npy(read_file(y), y.string());
  return dataset_of(std::move(examples), x.string(), y.empty() ? nullptr : &said, y.string(), x.filename().string(), x);
}

Dataset npz(const fs::path& path, const std::string& x, const std::string& y) {
  const Zip zip(path);
  const auto read = [&](const std::string& member) {
    const auto& names = zip.names();
    if (std::find(names.begin(), names.end(), member + ".npy") == names.end())
      fail(path.string(), fmt::format("has no array {}; it has {}", member, fmt::join(names, ", ")));
    return parse_npy(zip.read(member + ".npy"), fmt::format("{}: {}", path.string(), member));
  };
  Npy examples = read(x);
  const Npy said = y.empty() ? Npy{} : read(y);
  const auto shown = [&](const std::string& member) { return fmt::format("{}: {}", path.string(), member); };
  return dataset_of(std::move(examples), shown(x), y.empty() ? nullptr : &said, shown(y), path.filename().string(),
                    path);
}

}  // namespace metac::data
