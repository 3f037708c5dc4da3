// Files of arrays: what is written is read back to the bit, and what is damaged is refused with the reason.
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <boost/test/unit_test.hpp>
#include <csignal>
#include <fstream>

#include "base/memory.hpp"
#include "dsl/store/largest_piece.hpp"
#include "files.hpp"
#include "store/atomic_file.hpp"
#include "store/safetensors.hpp"

namespace metac::store {
namespace {

using data::testing::TemporaryFolder;
using data::testing::write;

std::string content_of(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

Tensors some() {
  const float numbers[] = {1.5f, -0.0f, std::numeric_limits<float>::quiet_NaN(), 4};
  const std::int32_t counts[] = {-7, 2147483647};
  Array mask(Type{Dtype::boolean, {3}});
  mask.as<bool>()[1] = true;
  return {{{"a.weight", Array::from<float>(Shape{2, 2}, numbers)},
           {"count", Array::from<std::int32_t>(Shape{2}, counts)},
           {"precise", Array::scalar<double>(0.1)},
           {"mask", mask},
           {"none", Array(Type{Dtype::f32, {0, 5}})}},
          {{"by", "a test"}}};
}

std::string refusal(const std::filesystem::path& path, const std::string& crc32 = "") {
  try {
    read_safetensors(path, crc32);
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

BOOST_AUTO_TEST_SUITE(store)

BOOST_AUTO_TEST_CASE(arrays_come_back_to_the_bit) {
  const TemporaryFolder folder;
  const Tensors written = some();
  const std::string crc32 = write_safetensors(folder / "x", written);
  const Tensors read = read_safetensors(folder / "x", crc32);
  BOOST_REQUIRE(read.arrays.size() == written.arrays.size());
  for (std::size_t i = 0; i < read.arrays.size(); ++i) {
    BOOST_TEST(read.arrays[i].first == written.arrays[i].first);
    BOOST_TEST(same_bits(read.arrays[i].second, written.arrays[i].second));
  }
  BOOST_TEST((read.metadata == written.metadata));
  BOOST_TEST(read.find("count") != nullptr);
  BOOST_TEST(read.find("coun") == nullptr);
}

BOOST_AUTO_TEST_CASE(the_bytes_of_a_file_are_known) {
  const TemporaryFolder folder;
  const float numbers[] = {1, 2};
  Array mask(Type{Dtype::boolean, {1}});
  mask.as<bool>()[0] = true;
  write_safetensors(
      folder / "x",
      {{{"w", Array::from<float>(Shape{2, 1}, numbers)}, {"none", Array(Type{Dtype::f32, {0}})}, {"mask", mask}},
       {{"by", "me"}}});
  std::string header =
      R"({"w":{"dtype":"F32","shape":[2,1],"data_offsets":[0,8]},"none":{"dtype":"F32","shape":[0],"data_offsets":[8,8]},)"
      R"("mask":{"dtype":"BOOL","shape":[1],"data_offsets":[8,9]},"__metadata__":{"by":"me","crc32":"1c4d34b7"}})";
  header += std::string((8 - header.size() % 8) % 8, ' ');
  std::string length(8, '\0');
  length[0] = static_cast<char>(header.size());
  BOOST_TEST((content_of(folder / "x") == length + header + std::string("\0\0\x80\x3f\0\0\0\x40\x01", 9)));
}

BOOST_AUTO_TEST_CASE(arrays_are_held_once_while_they_are_written_and_read) {
  const TemporaryFolder folder;
  const std::int64_t elements = 1 << 20;
  Array array(Type{Dtype::f32, {elements}});
  for (std::int64_t i = 0; i < elements; ++i) array.as<float>()[static_cast<std::size_t>(i)] = static_cast<float>(i);
  const std::size_t before = memory_in_use();
  largest_piece = 0;
  write_safetensors(folder / "x", {{{"first", array}, {"second", array}}, {}});
  const Tensors read = read_safetensors(folder / "x");
  BOOST_TEST(largest_piece < array.bytes() / 10);
  BOOST_TEST(memory_in_use() - before >= 2 * array.bytes());  // what was read is counted
  BOOST_TEST(same_bits(read.arrays[1].second, array));
}

BOOST_AUTO_TEST_CASE(what_could_not_be_read_back_is_not_written) {
  const TemporaryFolder folder;
  const Array one = Array::scalar<float>(1);
  const auto refused = [&](const Tensors& tensors, const std::string& word) {
    return data::testing::fails_with([&] { write_safetensors(folder / "x", tensors); }, {"x: ", word});
  };
  BOOST_TEST(refused({{{"w", one}, {"w", one}}, {}}, "two arrays are called `w`"));
  BOOST_TEST(refused({{{"caf\xe9", one}}, {}}, "no UTF-8"));
  BOOST_TEST(refused({{{"w", one}}, {{"place", "caf\xe9"}}}, "no UTF-8"));
  BOOST_TEST(refused({{{"w", one}}, {{"long", std::string(100'000'000, ' ')}}}, "bytes, 100000000 are the most"));
  BOOST_TEST(std::filesystem::is_empty(folder.path()));
}

BOOST_AUTO_TEST_CASE(every_cut_and_every_flipped_bit_is_found) {
  const TemporaryFolder folder;
  write_safetensors(folder / "x", some());
  const std::string good = content_of(folder / "x");
  for (std::size_t length = 0; length < good.size(); length += 3) {
    write(folder / "cut", good.substr(0, length));
    BOOST_TEST(!refusal(folder / "cut").empty(), "a file cut to " << length << " bytes was read");
  }
  std::uint64_t header = 0;
  std::copy_n(good.begin(), 8, reinterpret_cast<char*>(&header));
  for (std::size_t at = 8 + header; at < good.size(); ++at) {
    std::string bad = good;
    bad[at] ^= 4;
    write(folder / "bad", bad);
    BOOST_TEST(refusal(folder / "bad").find("checksum") != std::string::npos);
  }
  for (std::size_t at = 0; at < 8 + header; ++at) {  // the header: refused, or the same arrays under another name
    std::string bad = good;
    bad[at] ^= 1;
    write(folder / "bad", bad);
    BOOST_CHECK_NO_THROW(refusal(folder / "bad"));
  }
}

BOOST_AUTO_TEST_CASE(refusals_say_what_was_found) {
  const TemporaryFolder folder;
  BOOST_TEST(refusal(folder / "missing").find("no such file") != std::string::npos);
  write(folder / "text", std::string("these are no arrays at all"));
  BOOST_TEST(refusal(folder / "text").find("no safetensors file") != std::string::npos);
  const auto with_header = [&](const std::string& header) {
    std::string content(8, '\0');
    content[0] = static_cast<char>(header.size());
    write(folder / "made", content + header + std::string(16, '\0'));
    return refusal(folder / "made");
  };
  BOOST_TEST(with_header(R"({"w":{"dtype":"F16","shape":[2],"data_offsets":[0,4]}})").find("type F16") !=
             std::string::npos);
  BOOST_TEST(with_header(R"({"w":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}})").find("does not fit") !=
             std::string::npos);
  BOOST_TEST(with_header(R"({"w":{"dtype":"F32","shape":[-2],"data_offsets":[0,4]}})").find("negative") !=
             std::string::npos);
  BOOST_TEST(with_header(R"({"w":{"dtype":"F32","shape":[9000000000,9000000000,9],"data_offsets":[0,4]}})")
                 .find("does not fit") != std::string::npos);
  BOOST_TEST(with_header(R"({"w":[1,2]})").find("damaged") != std::string::npos);
  BOOST_TEST(with_header(R"({"w":{"dtype":"F32","shape":[4],"data_offsets":[0]}})").find("1 data offsets") !=
             std::string::npos);
  BOOST_TEST(with_header(R"({"w":{"dtype":"F32","shape":[4],"data_offsets":[0,16,16]}})").find("3 data offsets") !=
             std::string::npos);
  const auto two = [&](const std::string& first, const std::string& second) {
    const auto entry = [](const std::string& offsets) {
      return R"({"dtype":"F32","shape":[2],"data_offsets":[)" + offsets + "]}";
    };
    return with_header("{\"v\":" + entry(first) + ",\"w\":" + entry(second) + "}");
  };
  BOOST_TEST(two("0,8", "8,16").empty());
  BOOST_TEST(two("8,16", "0,8").empty());
  BOOST_TEST(two("0,8", "4,12").find("overlap at byte 8") != std::string::npos);
  BOOST_TEST(with_header(R"({"w":{"dtype":"F32","shape":[2],"data_offsets":[8,16]}})").find("hole at byte 0") !=
             std::string::npos);
  BOOST_TEST(with_header(R"({"w":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})").find("8 bytes after") !=
             std::string::npos);
  BOOST_TEST(with_header(R"({"w":{"dtype":"F32","shape":[4],"shape":[2,2],"data_offsets":[0,16]}})")
                 .find("`shape` stands there twice") != std::string::npos);
  BOOST_TEST(
      with_header(R"({"w":{"dtype":"F32","shape":[4],"data_offsets":[0,16]},"w":[]})").find("`w` stands there twice") !=
      std::string::npos);
  BOOST_TEST(with_header(R"({"w":{"dtype":"F32","shape":[4],"data_offsets":[0,16]}})").empty());  // of elsewhere
  write_safetensors(folder / "x", some());
  BOOST_TEST(refusal(folder / "x", "00000000").find("another file") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_file_is_replaced_whole_or_stays) {
  const TemporaryFolder folder;
  write_atomically(folder / "x", "first");
  using std::filesystem::perms;
  std::filesystem::permissions(folder / "x", perms::owner_all);
  write_atomically(folder / "x", "second");
  BOOST_TEST((std::filesystem::status(folder / "x").permissions() == perms::owner_all));
  BOOST_TEST(content_of(folder / "x") == "second");
  BOOST_CHECK_THROW(write_atomically(folder / "no" / "such", "x"), Error);
  std::filesystem::create_directory(folder / "taken");
  BOOST_CHECK_THROW(write_atomically(folder / "taken", "x"), Error);
  int files = 0;
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator(folder.path())) ++files;
  BOOST_TEST(files == 2);  // no temporary file is left
}

// A full disk stops a file in its middle; so does this limit.
BOOST_AUTO_TEST_CASE(a_file_that_stops_in_its_middle_leaves_the_old_one) {
  const TemporaryFolder folder;
  write_atomically(folder / "x", "first");
  rlimit before{};
  BOOST_REQUIRE(::getrlimit(RLIMIT_FSIZE, &before) == 0);
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  const rlimit least{.rlim_cur = 10, .rlim_max = before.rlim_max};
  BOOST_REQUIRE(::setrlimit(RLIMIT_FSIZE, &least) == 0);
  const bool failed = data::testing::fails_with(
      [&] {
        AtomicFile file(folder / "x");
        file.write("second, ");
        file.write("which is too long");
        file.keep();
      },
      {"x cannot be written", "File too large"});
  ::setrlimit(RLIMIT_FSIZE, &before);
  std::signal(SIGXFSZ, handler);
  BOOST_TEST(failed);
  BOOST_TEST(content_of(folder / "x") == "first");
  BOOST_TEST(std::distance(std::filesystem::directory_iterator(folder.path()), {}) == 1);
}

BOOST_AUTO_TEST_CASE(a_symbolic_link_stays_one) {
  namespace fs = std::filesystem;
  const TemporaryFolder folder;
  fs::create_directory(folder / "far");
  fs::create_symlink("far/middle", folder / "link");
  fs::create_symlink("end", folder / "far" / "middle");
  for (const char* content : {"first", "second"}) {  // there is nothing at its end yet, then there is
    write_atomically(folder / "link", content);
    BOOST_TEST(fs::is_symlink(folder / "link"));
    BOOST_TEST(fs::is_symlink(folder / "far" / "middle"));
    BOOST_TEST(content_of(folder / "far" / "end") == content);
  }
  fs::create_symlink("circle", folder / "circle");
  BOOST_TEST(data::testing::fails_with([&] { write_atomically(folder / "circle", "x"); }, {"have no end"}));
}

BOOST_AUTO_TEST_CASE(no_file_takes_the_place_of_a_pipe) {
  const TemporaryFolder folder;
  const auto pipe = folder / "pipe";
  BOOST_REQUIRE(::mkfifo(pipe.c_str(), 0600) == 0);
  const int reader = ::open(pipe.c_str(), O_RDWR | O_NONBLOCK);
  write_atomically(pipe, "through it");
  char text[32] = {};
  BOOST_TEST(::read(reader, text, sizeof text) == 10);
  ::close(reader);
  BOOST_TEST(std::string(text) == "through it");
  BOOST_TEST(std::filesystem::is_fifo(pipe));
  BOOST_TEST(refusal(pipe).find("cannot be read") != std::string::npos);  // and does not wait for one who writes
}

// What an earlier process left must not be written over: it may be a link.
BOOST_AUTO_TEST_CASE(a_temporary_file_has_a_name_of_its_own) {
  const TemporaryFolder folder;
  write(folder / "precious", std::string("kept"));
  const std::string name = "x." + std::to_string(::getpid()) + "-0.tmp";
  std::filesystem::create_symlink("precious", folder / name);
  write_atomically(folder / "x", "new");
  BOOST_TEST(content_of(folder / "x") == "new");
  BOOST_TEST(content_of(folder / "precious") == "kept");
  BOOST_TEST(file_of_temporary(name).value_or("") == "x");
  for (const char* other : {"x", "x.tmp", "x.77.tmp", "x.77-0.tmp.gz", ".77-0.tmp", "x.a-0.tmp"})
    BOOST_TEST(!file_of_temporary(other).has_value(), other);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace metac::store
