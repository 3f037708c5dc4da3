// Small files with the names and forms of MNIST, Fashion-MNIST, MNIST-M and Omniglot.
#include "dsl/command/made_data.hpp"

#include <string>
#include <utility>
#include <vector>

#include "files.hpp"

namespace metac::dsl::test {

namespace fs = std::filesystem;
using data::Bytes;

namespace {

// Images of ten classes that differ in brightness, for the loader of these names.
void write_digits(const fs::path& folder, const std::string& images, const std::string& labels, std::uint32_t rows,
                  std::uint32_t channels) {
  Bytes pixels, classes;
  for (std::uint32_t row = 0; row < rows; ++row) {
    classes.push_back(static_cast<std::uint8_t>(row % 10));
    for (std::uint32_t pixel = 0; pixel < 28 * 28 * channels; ++pixel)
      pixels.push_back(static_cast<std::uint8_t>(20 * (row % 10) + (pixel * 7 + row) % 50));
  }
  std::vector<std::uint32_t> sizes{rows, 28, 28};
  if (channels > 1) sizes.push_back(channels);
  data::testing::write(folder / images, data::testing::idx_bytes(8, sizes, pixels));
  data::testing::write(folder / labels, data::testing::idx_bytes(8, {rows}, classes));
}

void write_characters(const fs::path& folder) {
  constexpr std::uint32_t classes = 80, each = 20;
  Bytes pixels, labels;
  std::string table = "index\tset\talphabet\tcharacter\tvinyals_split\n";
  for (std::uint32_t cls = 0; cls < classes; ++cls) {
    const std::string part = cls < 40 ? "train" : cls < 50 ? "val" : "test", name = std::to_string(cls);
    table += name + "\tmade\tHere\tcharacter" + name + "\t" + part + "\n";
    for (std::uint32_t drawing = 0; drawing < each; ++drawing) {
      labels.insert(labels.end(), {0, static_cast<std::uint8_t>(cls)});  // int16, the high byte first
      for (std::uint32_t pixel = 0; pixel < 28 * 28; ++pixel)
        pixels.push_back((pixel * (cls + 3) + drawing) % 9 == 0 ? 255 : 0);
    }
  }
  using namespace data::testing;
  write(folder / "omniglot-all-28x28-images-idx3-ubyte", idx_bytes(8, {classes * each, 28, 28}, pixels));
  write(folder / "omniglot-all-labels-idx1-int16", idx_bytes(11, {classes * each}, labels));
  write(folder / "classes.tsv", table);
}

}  // namespace

void write_data(const fs::path& folder) {
  for (const std::string set : {"mnist", "fashion-mnist"})
    for (const auto& [part, rows] : std::vector<std::pair<std::string, std::uint32_t>>{{"train", 200}, {"t10k", 50}})
      write_digits(folder / set, part + "-images-idx3-ubyte", part + "-labels-idx1-ubyte", rows, 1);
  for (const std::string part : {"train", "test"})
    write_digits(folder / "mnist-m", "mnistm-" + part + "-images-idx4-ubyte", "mnistm-" + part + "-labels-idx1-ubyte",
                 60, 3);
  write_characters(folder / "omniglot");
}

}  // namespace metac::dsl::test
