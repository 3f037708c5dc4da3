// Loading from files: folders and archives of images, IDX pairs, class tables, and errors for what is missing or wrong.
#include <png.h>

#include <boost/test/unit_test.hpp>
#include <cstdlib>
#include <fstream>

#include "data/load.hpp"
#include "files.hpp"

using namespace metac;
using namespace metac::data;
using namespace metac::data::testing;

namespace {

std::vector<std::string> names_of(const Dataset& set) { return set.classes().names; }

Members four_images() {
  return {{"b/x/2.png", grey_png(2, 2, 51)},
          {"a/y/1.png", grey_png(2, 2, 102)},
          {"a/x/1.PNG", grey_png(2, 2, 0)},
          {"a/x/0.png", grey_png(2, 2, 255)},
          {"a/.hidden.png", {1}},
          {"__MACOSX/a/x/0.png", {1}},
          {"a/readme.txt", {1}}};
}

void write_folder(const TemporaryFolder& folder, const Members& members) {
  for (const auto& [name, content] : members) write(folder / name, content);
}

Bytes zeros(std::size_t count) { return Bytes(count, 0); }

}  // namespace

BOOST_AUTO_TEST_SUITE(data_load)

BOOST_AUTO_TEST_CASE(folders_and_archives_of_images_are_the_same) {
  const TemporaryFolder folder, elsewhere;
  write_folder(folder, four_images());
  write_zip(elsewhere / "plain.zip", four_images());
  Members wrapped;
  for (const auto& [name, content] : four_images()) wrapped.emplace_back("all/of/it/" + name, content);
  write_zip(elsewhere / "wrapped.zip", wrapped);
  for (const auto& path : {folder.path(), elsewhere / "plain.zip", elsewhere / "wrapped.zip"}) {
    const Dataset two = images(path, {.class_depth = 2});
    BOOST_TEST(names_of(two) == (std::vector<std::string>{"a/x", "a/y", "b/x"}), boost::test_tools::per_element());
    BOOST_TEST((two.example_shape() == Shape{2, 2, 1}));
    BOOST_TEST(two.y().as<std::int32_t>() == (std::vector<std::int32_t>{0, 0, 1, 2}), boost::test_tools::per_element());
    const Array x = two.x();
    BOOST_TEST(x.at(0) == 1);
    BOOST_TEST(x.at(4) == 0);
    BOOST_TEST(x.at(8) == 102 / 255.0f);
  }
  const Dataset one = images(folder.path(), {.class_depth = 1, .size = 5, .invert = true});
  BOOST_TEST(names_of(one) == (std::vector<std::string>{"a", "b"}), boost::test_tools::per_element());
  BOOST_TEST((one.example_shape() == Shape{5, 5, 1}));
  BOOST_TEST(one.x().at(0) == 0);
}

BOOST_AUTO_TEST_CASE(wrong_folders_and_archives_are_errors) {
  const TemporaryFolder folder;
  const auto fails = [&](const Members& members, const ImageOptions& options, const std::vector<std::string>& words) {
    const TemporaryFolder one, two;
    write_folder(one, members);
    write_zip(two / "set.zip", members);
    return fails_with([&] { images(one.path(), options); }, words) &&
           fails_with([&] { images(two / "set.zip", options); }, words);
  };
  const Bytes good = grey_png(2, 2, 0);
  Bytes damaged = good, cut(good.begin(), good.end() - 20);
  damaged[45] ^= 0x10;
  const Bytes colour = png_bytes({2, 2, 8, PNG_COLOR_TYPE_RGB, {zeros(6), zeros(6)}, {}, {}, false});
  BOOST_TEST(fails({{"readme", {1}}}, {}, {"holds no PNG"}));
  BOOST_TEST(fails({{"a/1.png", good}, {"a/2.png", damaged}}, {}, {"a/2.png", "damaged"}));
  BOOST_TEST(fails({{"a/1.png", good}, {"a/2.png", cut}}, {}, {"a/2.png", "damaged"}));
  BOOST_TEST(fails({{"a/1.png", good}, {"a/2.png", {1, 2}}}, {}, {"a/2.png", "no PNG"}));
  BOOST_TEST(
      fails({{"a/1.png", good}, {"a/2.png", colour}}, {}, {"alike", "a/1.png is [2, 2, 1]", "a/2.png is [2, 2, 3]"}));
  BOOST_TEST(fails({{"a/1.png", good}, {"a/2.png", grey_png(3, 3, 0)}}, {}, {"a/2.png is [3, 3, 1]", "give a size"}));
  BOOST_TEST(fails({{"a/1.png", good}, {"2.png", good}}, {}, {"2.png is in 0 folders", "needs 1"}));
  BOOST_TEST(fails({{"a/1.png", good}}, {.class_depth = 2}, {"a/1.png is in 1 folders", "needs 2"}));
  BOOST_TEST(fails({{"a/1.png", good}, {"a/2.JPG", good}}, {}, {"only PNG", "a/2.JPG"}));
  BOOST_TEST(fails({{"a/1.png", good}}, {.class_depth = 0}, {"0 was given"}));
  BOOST_TEST(fails({{"a/1.png", good}}, {.size = -4}, {"-4 was given"}));
  BOOST_TEST(fails_with([&] { images(folder / "none", {}); }, {"no folder or zip", "none"}));
  BOOST_TEST(fails_with([&] { images(write(folder / "text", "hello"), {}); }, {"neither a folder nor a zip"}));
  BOOST_TEST(fails_with([&] { images(folder.path() / "..", {.class_depth = 65}); }, {"65 was given"}));
}

BOOST_AUTO_TEST_CASE(idx_pairs) {
  const TemporaryFolder folder;
  const auto grey = write(folder / "grey", idx_bytes(8, {2, 1, 3}, {0, 51, 102, 153, 204, 255}));
  const auto colour = write(folder / "colour", gzip(idx_bytes(8, {2, 1, 1, 3}, {0, 51, 102, 153, 204, 255})));
  const auto rows = write(folder / "rows", idx_bytes(0x0B, {2, 1}, {1, 0, 0xff, 0xff}));
  const auto labels = write(folder / "labels", idx_bytes(0x0B, {2}, {0, 4, 0, 0}));
  BOOST_TEST((idx(grey, labels).example_shape() == Shape{1, 3, 1}));
  BOOST_TEST(idx(grey, labels).class_count() == 5);
  BOOST_TEST(idx(grey, labels).label(0) == 4);
  BOOST_TEST((idx(colour, labels).example_shape() == Shape{1, 1, 3}));
  BOOST_TEST(idx(rows, {}).x().at(0) == 256.0);
  BOOST_TEST(idx(rows, {}).x().at(1) == -1.0);
  BOOST_TEST(!idx(rows, {}).labelled());

  const auto three = write(folder / "three", idx_bytes(8, {3}, {0, 1, 2}));
  const auto large = write(folder / "large", idx_bytes(0x0C, {2}, {0x7f, 0xff, 0xff, 0xff, 0, 0, 0, 0}));
  const auto negative = write(folder / "negative", idx_bytes(9, {2}, {0xff, 0}));
  const auto real = write(folder / "real", idx_bytes(0x0D, {2}, zeros(8)));
  const auto none = write(folder / "none", idx_bytes(8, {0, 2, 2}, {}));
  const auto odd = write(
      folder / "odd", idx_bytes(0x0E, {2, 1}, {0, 0, 0, 0, 0, 0, 0, 0, 0x7e, 0x37, 0xe4, 0x3c, 0x88, 0, 0x75, 0x9c}));
  BOOST_TEST(fails_with([&] { idx(odd, {}); }, {"odd", "row 1", "no finite number"}));  // 1e300
  BOOST_TEST(fails_with([&] { idx(grey, three); }, {"grey has 2 examples", "three has 3 labels"}));
  BOOST_TEST(fails_with([&] { idx(grey, labels, numbered_classes(3)); }, {"label 4", "0 to 2"}));
  BOOST_TEST(fails_with([&] { idx(grey, large); }, {"large", "2147483647"}));
  BOOST_TEST(fails_with([&] { idx(grey, negative); }, {"label -1"}));
  BOOST_TEST(fails_with([&] { idx(grey, real); }, {"whole numbers", "float32"}));
  BOOST_TEST(fails_with([&] { idx(grey, grey); }, {"one axis", "[2, 1, 3]"}));
  BOOST_TEST(fails_with([&] { idx(none, {}); }, {"no examples"}));
  BOOST_TEST(fails_with([&] { idx(folder / "nowhere", {}); }, {"nowhere", "no such file"}));
}

BOOST_AUTO_TEST_CASE(class_tables) {
  const TemporaryFolder folder;
  const auto table = read_classes(write(folder / "t", "index\tgroup\tsign\n0\tg\ta\r\n1\tg\tb\n"), {"group", "sign"});
  BOOST_TEST(table.names == (std::vector<std::string>{"g/a", "g/b"}), boost::test_tools::per_element());
  BOOST_TEST(table.columns == (std::vector<std::string>{"group", "sign"}), boost::test_tools::per_element());
  const auto fails = [&](const std::string& text, const std::vector<std::string>& words) {
    return fails_with([&] { read_classes(write(folder / "t", text), {"sign"}); }, words);
  };
  BOOST_TEST(fails("", {"line of column names"}));
  BOOST_TEST(fails("sign\n", {"one line a class"}));
  BOOST_TEST(fails("index\tsign\n0\ta\n1\n", {"line 3", "2 values were needed, 1 found"}));
  BOOST_TEST(fails("index\tsign\n0\ta\n2\tb\n", {"line 3", "index is 2, 1 was needed"}));
  BOOST_TEST(fails("index\tgroup\n0\ta\n", {"no column sign"}));
}

BOOST_AUTO_TEST_CASE(missing_sets_say_how_to_get_them) {
  const TemporaryFolder folder;
  BOOST_TEST(fails_with([] { omniglot(""); }, {"--data", "METAC_DATA", "github.com/brendenlake/omniglot"}));
  BOOST_TEST(
      fails_with([&] { omniglot(folder.path()); }, {folder.path().string(), "--data", "METAC_DATA", "brendenlake"}));
  BOOST_TEST(
      fails_with([&] { mnist(folder.path()); }, {"mnist/train-images-idx3-ubyte", "--data", "METAC_DATA", "http"}));
  BOOST_TEST(
      fails_with([&] { fashion_mnist(folder.path()); }, {"fashion-mnist/train-images", "--data", "zalandoresearch"}));
  BOOST_TEST(fails_with([&] { omniglot(folder.path(), 0); }, {"size", "0"}));
  BOOST_TEST((data_directory("here") == "here"));
}

BOOST_AUTO_TEST_CASE(digits_on_photographs_have_three_channels) {
  const TemporaryFolder folder;
  const auto put = [&](const std::string& part, std::uint32_t images, std::uint32_t channels) {
    write(folder / ("mnist-m/mnistm-" + part + "-images-idx4-ubyte"),
          idx_bytes(8, {images, 28, 28, channels}, zeros(images * 784 * channels)));
    write(folder / ("mnist-m/mnistm-" + part + "-labels-idx1-ubyte"), idx_bytes(8, {images}, Bytes(images, 9)));
  };
  BOOST_TEST(fails_with([&] { mnist_m(folder.path()); }, {"mnist-m/mnistm-train-images-idx4-ubyte", "--data"}));
  put("open-train2k", 3, 3);
  put("open-test1k", 2, 3);
  BOOST_TEST(mnist_m(folder.path()).train.name() == "mnist_m.mnistm-open-train2k");
  BOOST_TEST((mnist_m(folder.path()).test.example_shape() == Shape{28, 28, 3}));
  put("train", 4, 3);  // the full set comes first
  BOOST_TEST(mnist_m(folder.path()).train.size() == 4);
  BOOST_TEST(mnist_m(folder.path()).train.name() == "mnist_m.train");
  put("test", 2, 1);
  BOOST_TEST(fails_with([&] { mnist_m(folder.path()); }, {"[images, 28, 28, 3]", "[2, 28, 28, 1]"}));
}

BOOST_AUTO_TEST_CASE(known_sets_check_their_files) {
  const TemporaryFolder folder;
  const auto train = folder / "mnist/train-images-idx3-ubyte", labels = folder / "mnist/train-labels-idx1-ubyte";
  const auto fails = [&](const std::vector<std::string>& words) {
    return fails_with([&] { mnist(folder.path()); }, words);
  };
  write(train, idx_bytes(8, {2, 5, 5}, zeros(50)));
  BOOST_TEST(fails({"train-labels"}));
  write(labels, idx_bytes(8, {3}, {0, 1, 2}));
  BOOST_TEST(fails({"[images, 28, 28]", "[2, 5, 5]"}));
  write(train, idx_bytes(8, {2, 28, 28}, zeros(2 * 784)));
  BOOST_TEST(fails({"2 examples", "3 labels"}));
  write(labels, idx_bytes(8, {2}, {0, 10}));
  BOOST_TEST(fails({"mnist.train", "label 10"}));

  write(folder / "omniglot/classes.tsv", "index\talphabet\tcharacter\n0\ta\tb\n");
  write(folder / "omniglot/omniglot-all-labels-idx1-int16", idx_bytes(0x0B, {1}, {0, 0}));
  const auto drawings = folder / "omniglot/omniglot-all-105x105-1bit.bin";
  const auto bad = [&](Bytes content, const std::vector<std::string>& words) {
    write(drawings, content);
    return fails_with([&] { omniglot(folder.path(), 105); }, words);
  };
  Bytes good{'O', 'M', 'G', '1', 1, 0, 0, 0, 1, 0, 0, 0, 105, 0, 0, 0, 105, 0, 0, 0};
  good.resize(20 + 1379);
  good[20] = 0b01000000;
  write(drawings, good);
  const Dataset set = omniglot(folder.path(), 105);
  BOOST_TEST(set.size() == 1);
  BOOST_TEST(set.x().at(0) == 0);
  BOOST_TEST(set.x().at(1) == 1);
  BOOST_TEST(bad(zeros(20), {"OMG1"}));
  BOOST_TEST(bad(Bytes(good.begin(), good.end() - 1), {"1379 bytes each", "1378 bytes follow"}));
  Bytes more = good, huge = good, square = good;
  more[4] = 2;
  for (std::size_t i = 4; i < 12; ++i) huge[i] = 0xff;
  square[12] = 28;
  BOOST_TEST(bad(more, {"2 classes of 1", "1379"}));
  BOOST_TEST(bad(huge, {"4294967295 classes"}));
  BOOST_TEST(bad(square, {"28 x 105"}));
}

BOOST_AUTO_TEST_SUITE_END()
