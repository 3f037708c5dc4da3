// Reading whole files, gzip and zip: what is right is read, what is damaged is an Error that says so.
#include <boost/test/unit_test.hpp>
#include <cstring>

#include "data/file.hpp"
#include "files.hpp"

using namespace metac::data;
using namespace metac::data::testing;

namespace {

Bytes some_bytes(std::size_t count) {
  Bytes bytes(count);
  for (std::size_t i = 0; i < count; ++i) bytes[i] = static_cast<std::uint8_t>(i * 2654435761u >> 13);
  return bytes;
}

Bytes joined(Bytes a, const Bytes& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

Bytes cut(Bytes bytes, std::size_t off) {
  bytes.resize(bytes.size() - off);
  return bytes;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(data_file)

BOOST_AUTO_TEST_CASE(plain_and_gzip_files_are_read_whole) {
  const TemporaryFolder folder;
  for (std::size_t size : {0u, 1u, 1000u, 3000000u}) {
    const Bytes content = some_bytes(size);
    BOOST_TEST((read_file(write(folder / "plain", content)) == content));
    BOOST_TEST((read_file(write(folder / "packed", gzip(content))) == content));
    BOOST_TEST((read_start(folder / "packed", 10) ==
                Bytes(content.begin(), content.begin() + std::min<std::size_t>(size, 10))));
    BOOST_TEST((read_start(folder / "plain", 10) == read_start(folder / "packed", 10)));
  }
  const Bytes a = some_bytes(100), b = some_bytes(50);
  BOOST_TEST((read_file(write(folder / "two", joined(gzip(a), gzip(b)))) == joined(a, b)));
}

BOOST_AUTO_TEST_CASE(a_file_that_is_not_there_is_named) {
  const TemporaryFolder folder;
  BOOST_TEST(fails_with([&] { read_file(folder / "nowhere"); }, {"nowhere", "no such file"}));
  BOOST_TEST(fails_with([&] { read_file(folder.path()); }, {"this is a folder"}));
  BOOST_TEST(fails_with([&] { read_file("/dev/zero"); }, {"device"}));
}

BOOST_AUTO_TEST_CASE(damaged_gzip_is_an_error) {
  const TemporaryFolder folder;
  const Bytes packed = gzip(some_bytes(5000));
  for (std::size_t off : {1u, 4u, 8u, 20u, 1000u})
    BOOST_TEST(fails_with([&] { read_file(write(folder / "cut", cut(packed, off))); }, {"cut short"}));
  BOOST_TEST(fails_with([&] { read_file(write(folder / "cut", Bytes{0x1f, 0x8b})); }, {"cut short"}));
  BOOST_TEST(fails_with([&] { read_file(write(folder / "more", joined(packed, {1, 2, 3}))); }, {"3 bytes follow"}));
  Bytes wrong_checksum = packed;
  wrong_checksum[wrong_checksum.size() - 8] ^= 1;
  BOOST_TEST(fails_with([&] { read_file(write(folder / "wrong", wrong_checksum)); }, {"damaged"}));
}

// Any single damaged byte of the body is found, by the format or by its checksum; none crashes.
BOOST_AUTO_TEST_CASE(every_damaged_byte_of_gzip_data_is_found) {
  const TemporaryFolder folder;
  const Bytes packed = gzip(some_bytes(300));
  for (std::size_t at = 10; at < packed.size(); ++at) {
    Bytes damaged = packed;
    damaged[at] ^= 0x55;
    BOOST_CHECK_THROW(read_file(write(folder / "damaged", damaged)), metac::Error);
  }
}

BOOST_AUTO_TEST_CASE(the_limit_is_kept) {
  const TemporaryFolder folder;
  const Bytes zeros(1000000, 0);
  const auto plain = write(folder / "plain", zeros), packed = write(folder / "packed", gzip(zeros));
  for (const auto& path : {plain, packed}) {
    BOOST_TEST(read_file(path, 1000000).size() == 1000000u);
    BOOST_TEST(fails_with([&] { read_file(path, 999999); }, {"more than 999999 bytes"}));
    BOOST_TEST(fails_with([&] { read_file(path, 10); }, {"more than 10 bytes"}));
  }
}

BOOST_AUTO_TEST_CASE(members_of_a_zip_are_read) {
  const TemporaryFolder folder;
  const auto path = folder / "a.zip";
  write_zip(path, {{"b/two", some_bytes(70000)}, {"a/one", some_bytes(3)}, {"empty", {}}});
  BOOST_TEST(is_zip(path));
  const Zip zip(path);
  BOOST_TEST(zip.names() == (std::vector<std::string>{"a/one", "b/two", "empty"}), boost::test_tools::per_element());
  BOOST_TEST((zip.read("b/two") == some_bytes(70000)));
  BOOST_TEST(zip.read("empty").empty());
  BOOST_TEST(fails_with([&] { zip.read("none"); }, {"a.zip", "none", "no such member"}));
  BOOST_TEST(fails_with([&] { zip.read("b/two", 100); }, {"70000", "at most 100"}));
}

BOOST_AUTO_TEST_CASE(what_is_no_zip_is_an_error) {
  const TemporaryFolder folder;
  BOOST_TEST(fails_with([&] { Zip zip(folder / "none.zip"); }, {"none.zip", "no such file"}));
  BOOST_TEST(
      fails_with([&] { Zip zip(write(folder / "text.zip", "PK\x03\x04 and then nothing")); }, {"text.zip", "no zip"}));
  BOOST_TEST(!is_zip(folder / "none.zip"));
}

// Damage anywhere gives an Error or the right bytes (some bytes of a zip say nothing), never a crash or other bytes.
BOOST_AUTO_TEST_CASE(a_damaged_zip_never_gives_wrong_bytes) {
  const TemporaryFolder folder;
  const Bytes content = some_bytes(400);
  write_zip(folder / "good.zip", {{"one", content}});
  const Bytes good = read_file(folder / "good.zip");
  int found = 0;
  for (std::size_t at = 0; at < good.size(); ++at) {
    Bytes damaged = good;
    damaged[at] ^= 0x41;
    write(folder / "damaged.zip", damaged);
    try {
      const Zip zip(folder / "damaged.zip");
      for (const auto& name : zip.names()) BOOST_TEST((zip.read(name) == content));
    } catch (const metac::Error&) {
      ++found;
    }
  }
  BOOST_TEST(found > 400);  // at the least, all of the content
  for (std::size_t size = 0; size < good.size(); ++size) {
    write(folder / "cut.zip", Bytes(good.begin(), good.begin() + static_cast<std::ptrdiff_t>(size)));
    BOOST_CHECK_THROW(Zip(folder / "cut.zip").read("one"), metac::Error);
  }
}

BOOST_AUTO_TEST_SUITE_END()
