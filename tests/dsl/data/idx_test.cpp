// IDX of every type and rank, and every way in which one can be wrong.
#include <boost/test/unit_test.hpp>

#include "data/idx.hpp"
#include "files.hpp"

using namespace metac;
using namespace metac::data;
using namespace metac::data::testing;

BOOST_AUTO_TEST_SUITE(data_idx)

BOOST_AUTO_TEST_CASE(every_type_is_read_big_endian) {
  struct Case {
    std::uint8_t type;
    Bytes elements;
    double expected;
  };
  const Case cases[] = {
      {0x08, {200}, 200},
      {0x09, {0xff}, -1},
      {0x0B, {0x01, 0x02}, 258},
      {0x0B, {0xff, 0xfe}, -2},
      {0x0C, {0x80, 0, 0, 0}, -2147483648.0},
      {0x0D, {0xc0, 0x20, 0, 0}, -2.5},
      {0x0E, {0x40, 0x09, 0x21, 0xfb, 0x54, 0x44, 0x2d, 0x18}, 3.141592653589793},
  };
  for (const auto& c : cases) {
    const Idx idx = parse_idx(idx_bytes(c.type, {1}, c.elements), "test");
    BOOST_TEST(idx.at(0) == c.expected);
    BOOST_TEST((idx.shape == Shape{1}));
  }
}

BOOST_AUTO_TEST_CASE(ranks_from_1_to_8_plain_or_gzip) {
  const TemporaryFolder folder;
  for (std::size_t rank = 1; rank <= 8; ++rank) {
    std::vector<std::uint32_t> sizes(rank, 1);
    sizes[0] = 3;
    const Bytes file = idx_bytes(8, sizes, {5, 6, 7});
    for (const auto& path : {write(folder / "plain", file), write(folder / "packed.gz", gzip(file))}) {
      const Idx idx = read_idx(path);
      BOOST_TEST(idx.shape.rank() == static_cast<int>(rank));
      BOOST_TEST(idx.at(2) == 7.0);
    }
  }
}

BOOST_AUTO_TEST_CASE(wrong_files_are_errors_with_the_numbers) {
  struct Case {
    Bytes file;
    std::vector<std::string> words;
  };
  Bytes bad_magic = idx_bytes(8, {1}, {5});
  bad_magic[1] = 1;
  const Case cases[] = {
      {{}, {"at least 4 bytes", "0"}},
      {bad_magic, {"no IDX", "00 01"}},
      {idx_bytes(0x0A, {1}, {5}), {"type 0x0a"}},
      {idx_bytes(8, {}, {5}), {"0 axes"}},
      {idx_bytes(8, {1, 1, 1, 1, 1, 1, 1, 1, 1}, {5}), {"9 axes"}},
      {{0, 0, 8, 2, 0, 0, 0, 1}, {"header of 2 axes has 12 bytes", "8"}},
      {idx_bytes(8, {2, 3}, {1, 2, 3, 4, 5}), {"needs 6 bytes", "5 were found", "cut short"}},
      {idx_bytes(8, {2, 3}, {1, 2, 3, 4, 5, 6, 7}), {"needs 6 bytes", "7 were found", "after its end"}},
      {idx_bytes(8, {0x80000000}, {1}), {"axis 0 is negative"}},
      {idx_bytes(0x0E, {0x7fffffff, 0x7fffffff, 0x7fffffff}, {1}), {"too many elements"}},
  };
  const TemporaryFolder folder;
  for (const auto& c : cases) {
    auto words = c.words;
    words.push_back("broken");
    BOOST_TEST(fails_with([&] { read_idx(write(folder / "broken", c.file)); }, words));
    BOOST_TEST(fails_with([&] { read_idx(write(folder / "broken.gz", gzip(c.file))); }, words));
  }
}

// 4 GB in a few bytes must not be allocated first; a gzip file that unpacks to far more than it says, not unpacked.
BOOST_AUTO_TEST_CASE(sizes_are_checked_before_memory_is_taken) {
  const TemporaryFolder folder;
  BOOST_TEST(fails_with(
      [&] {
        read_idx(write(folder / "huge", idx_bytes(8, {65536, 65535}, Bytes(1000, 0))));
      },
      {"4294901760", "at most"}));
  BOOST_TEST(fails_with(
      [&] {
        read_idx(write(folder / "large", idx_bytes(8, {1 << 15, 1 << 15}, Bytes(1000, 0))));
      },
      {"1073741824", "1000 were found"}));
  const auto path = write(folder / "bomb.gz", gzip(idx_bytes(8, {10}, Bytes(30000000, 0))));
  BOOST_TEST(fails_with([&] { read_idx(path); }, {"more than"}));
}

BOOST_AUTO_TEST_SUITE_END()
