// The header is JSON; offsets are checked against the file before anything is allocated.
#include "store/safetensors.hpp"

#include <fmt/format.h>
#include <zlib.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>

#include "base/error.hpp"
#include "store/atomic_file.hpp"

namespace metac::store {
namespace {

static_assert(std::endian::native == std::endian::little, "the format is little-endian");

constexpr std::pair<Dtype, const char*> types[] = {
    {Dtype::f32, "F32"}, {Dtype::f64, "F64"}, {Dtype::i32, "I32"}, {Dtype::boolean, "BOOL"}};
constexpr std::uint64_t largest_header = 100'000'000;  // bytes, as the format says

std::string_view bytes_of(const Array& array) { return {static_cast<const char*>(array.data()), array.type().bytes()}; }

std::string checksum(std::string_view data) {
  uLong crc = crc32_z(0, nullptr, 0);
  return fmt::format("{:08x}", crc32_z(crc, reinterpret_cast<const Bytef*>(data.data()), data.size()));
}

struct RepeatedKey {
  std::string name;
};

// The library keeps the last of two equal keys; here that is damage. RepeatedKey, or an exception of the library.
nlohmann::ordered_json parsed(const std::string& text) {
  using Json = nlohmann::ordered_json;
  std::vector<std::set<std::string>> keys;  // of the objects around the place at hand
  return Json::parse(text, [&](int, Json::parse_event_t event, Json& value) {
    if (event == Json::parse_event_t::object_start) keys.emplace_back();
    if (event == Json::parse_event_t::object_end) keys.pop_back();
    if (event == Json::parse_event_t::key && !keys.back().insert(value.get<std::string>()).second)
      throw RepeatedKey{value.get<std::string>()};
    return true;
  });
}

}  // namespace

const Array* Tensors::find(const std::string& name) const {
  for (const auto& [known, array] : arrays)
    if (known == name) return &array;
  return nullptr;
}

std::string write_safetensors(const std::filesystem::path& path, const Tensors& tensors) {
  nlohmann::ordered_json header;
  std::string data;
  for (const auto& [name, array] : tensors.arrays) {
    const char* type = nullptr;
    for (const auto& [dtype, word] : types)
      if (dtype == array.dtype()) type = word;
    const auto begin = data.size();
    data += bytes_of(array);
    header[name] = {{"dtype", type},
                    {"shape", std::vector<std::int64_t>(array.shape().begin(), array.shape().end())},
                    {"data_offsets", {begin, data.size()}}};
  }
  auto metadata = tensors.metadata;
  const std::string crc32 = metadata["crc32"] = checksum(data);
  header["__metadata__"] = metadata;
  std::string text = header.dump();
  text.append((8 - text.size() % 8) % 8, ' ');
  const std::uint64_t length = text.size();
  std::string content(8, '\0');
  std::memcpy(content.data(), &length, 8);
  content += text;
  content += data;
  write_atomically(path, content);
  return crc32;
}

Tensors read_safetensors(const std::filesystem::path& path, const std::string& crc32) {
  const auto fail = [&](const std::string& what) { throw Error(fmt::format("{}: {}", path.string(), what)); };
  std::error_code code;
  const auto size = std::filesystem::file_size(path, code);
  std::ifstream file(path, std::ios::binary);
  if (code || !file) fail("there is no such file, or it cannot be read");
  std::uint64_t length = 0;
  if (size < 8 || !file.read(reinterpret_cast<char*>(&length), 8) || length > size - 8 || length > largest_header)
    fail("this is no safetensors file: its header does not fit in it");
  std::string text(length, '\0'), data(size - 8 - length, '\0');
  if (!file.read(text.data(), static_cast<std::streamsize>(length)) ||
      !file.read(data.data(), static_cast<std::streamsize>(data.size())))
    fail("it was cut short while it was read");

  Tensors result;
  std::vector<std::pair<std::uint64_t, std::uint64_t>> places;  // of the arrays: they tile the data, as the format says
  try {
    const auto header = parsed(text);
    for (const auto& [name, entry] : header.items()) {
      if (name == "__metadata__") {
        result.metadata = entry.get<std::map<std::string, std::string>>();
        continue;
      }
      const auto word = entry.at("dtype").get<std::string>();
      const Dtype* dtype = nullptr;
      for (const auto& [known, name_of_it] : types)
        if (word == name_of_it) dtype = &known;
      if (dtype == nullptr) fail(fmt::format("`{}` has the type {}; F32, F64, I32 and BOOL can be read", name, word));
      const auto sizes = entry.at("shape").get<std::vector<std::int64_t>>();
      if (sizes.size() > static_cast<std::size_t>(max_rank)) fail(fmt::format("`{}` has {} axes", name, sizes.size()));
      Shape shape;
      double elements = 1;
      for (const auto n : sizes) {
        if (n < 0) fail(fmt::format("`{}` has a negative size", name));
        shape.push_back(n);
        elements *= static_cast<double>(n);
      }
      const auto offsets = entry.at("data_offsets").get<std::vector<std::uint64_t>>();
      if (offsets.size() != 2) fail(fmt::format("`{}` has {} data offsets, not 2", name, offsets.size()));
      const auto begin = offsets[0], end = offsets[1];
      const Type type{*dtype, shape};
      if (elements > static_cast<double>(data.size()) || begin > end || end > data.size() ||
          end - begin != type.bytes())
        fail(fmt::format("`{}` {} does not fit its place in the file", name, to_string(type)));
      Array array(type);
      if (end > begin) std::memcpy(array.data(), data.data() + begin, end - begin);
      places.emplace_back(begin, end);
      result.arrays.emplace_back(name, std::move(array));
    }
  } catch (const nlohmann::json::exception& error) {
    fail(fmt::format("its header is damaged ({})", error.what()));
  } catch (const RepeatedKey& key) {
    fail(fmt::format("its header is damaged: `{}` stands there twice", key.name));
  }
  std::sort(places.begin(), places.end());
  std::uint64_t covered = 0;
  for (const auto& [begin, end] : places) {
    if (begin != covered)
      fail(fmt::format("its arrays {} at byte {}", begin < covered ? "overlap" : "leave a hole", covered));
    covered = end;
  }
  if (covered != data.size()) fail(fmt::format("{} bytes after its arrays belong to none", data.size() - covered));
  if (const auto crc = result.metadata.find("crc32"); crc != result.metadata.end()) {
    if (crc->second != checksum(data)) fail("it is damaged: the checksum of its data is wrong");
    if (!crc32.empty() && crc->second != crc32) fail("it is another file than the one that was written here");
    result.metadata.erase(crc);
  } else if (!crc32.empty()) {
    fail("it has no checksum, so it is not the file that was written here");
  }
  return result;
}

}  // namespace metac::store
