// Data files that are right, cut off, too large, or of another kind.
#include "dsl/command/workshop.hpp"

#include <fstream>
#include <iterator>
#include <sstream>

#include "dsl/data/files.hpp"

namespace metac::dsl::test {

namespace fs = std::filesystem;
using data::Bytes;

namespace {

Bytes npy(const std::string& type, const std::string& shape, const Bytes& values) {
  std::string header = "{'descr': '" + type + "', 'fortran_order': False, 'shape': " + shape + ", }";
  header += std::string(63 - (10 + header.size()) % 64, ' ') + "\n";
  std::string file("\x93NUMPY\x01\x00", 8);
  file += {static_cast<char>(header.size()), 0};
  file += header;
  Bytes bytes(file.begin(), file.end());
  bytes.insert(bytes.end(), values.begin(), values.end());
  return bytes;
}

}  // namespace

const fs::path& workshop() {
  static const data::testing::TemporaryFolder folder;
  static const bool made = [] {
    for (const auto& entry : fs::directory_iterator(METAC_TESTS_DIR "/dsl/command/cases"))
      if (entry.path().extension() == ".meta") fs::copy_file(entry.path(), folder.path() / entry.path().filename());
    const fs::path data = folder.path() / "data";
    const Bytes images(12 * 64, 100);
    Bytes labels;
    for (int i = 0; i < 12; ++i) labels.push_back(static_cast<std::uint8_t>(i % 3));
    using namespace data::testing;
    write(data / "images", idx_bytes(8, {12, 8, 8}, images));
    write(data / "rectangles", idx_bytes(8, {12, 8, 4}, Bytes(12 * 32, 1)));
    write(data / "labels", idx_bytes(8, {12}, labels));
    write(data / "labels_below_zero", idx_bytes(11, {12}, Bytes(24, 0xff)));  // int16
    write(data / "x.npy", npy("<f4", "(3, 4)", Bytes(48)));
    write(data / "labels_below_zero.npy", npy("<i4", "(3,)", {0, 0, 0, 0, 1, 0, 0, 0, 0xfe, 0xff, 0xff, 0xff}));
    write(data / "few_labels.npy", npy("<i4", "(2,)", Bytes(8)));
    for (const std::string part : {"train", "t10k"}) {
      write(data / "mnist" / (part + "-images-idx3-ubyte"), idx_bytes(8, {3, 28, 28}, Bytes(3 * 28 * 28)));
      write(data / "mnist" / (part + "-labels-idx1-ubyte"), idx_bytes(8, {3}, {0, 1, 12}));
    }
    write(data / "few_labels", idx_bytes(8, {5}, Bytes(5, 0)));
    write(data / "truncated", idx_bytes(8, {12, 8, 8}, Bytes(100, 1)));
    write(data / "huge", idx_bytes(8, {0xffffffff, 0xffffffff, 0xffffffff}, Bytes(100, 1)));
    write(data / "text", std::string("these are no images\n"));
    write(data / "table.csv", std::string("station,day,rain\nA,0,0.5\nB,0,1\nA,1,2\nB,1,0\nA,2,3\n"));
    write(data / "sentences.tsv", std::string("b\tthe cat\na\ta bird\n"));
    write(data / "latin.tsv", std::string("b\tthe cat\na\tcaf\xe9\n"));
    Bytes packed = gzip(idx_bytes(8, {12, 8, 8}, images));
    write(data / "cut.gz", Bytes(packed.begin(), packed.begin() + static_cast<std::ptrdiff_t>(packed.size() / 2)));
    fs::create_directories(data / "empty");
    write(data / "drawings" / "a" / "1.png", grey_png(4, 4, 200));
    write(data / "drawings" / "b" / "1.png", grey_png(6, 4, 100));
    Bytes png = grey_png(16, 16, 7);
    png.resize(png.size() / 2);
    write(data / "corrupt_png" / "a" / "1.png", png);
    write(data / "no_png" / "a" / "1.png", std::string("no picture"));
    write(data / "corrupt.zip", std::string("PK\x03\x04 and then nothing good"));
    return true;
  }();
  (void)made;
  return folder.path();
}

std::string read_all(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

std::vector<std::string> words_of(const std::string& line) {
  std::istringstream in(line);
  return {std::istream_iterator<std::string>(in), {}};
}

std::vector<std::string> arguments_of(const std::string& text, const std::string& file) {
  const std::string first = text.substr(0, text.find('\n')), prefix = "# metac ";
  auto arguments =
      first.starts_with(prefix) ? words_of(first.substr(prefix.size())) : std::vector<std::string>{"check"};
  arguments.insert(arguments.begin() + 1, file);
  return arguments;
}

}  // namespace metac::dsl::test
