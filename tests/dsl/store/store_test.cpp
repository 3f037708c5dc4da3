// Files of arrays: what is written is read back to the bit, and what is damaged is refused with the reason.
#include <boost/test/unit_test.hpp>
#include <fstream>

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

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace metac::store
