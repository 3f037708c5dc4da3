// The header is JSON; offsets are checked against the file before anything is allocated.
#include "store/safetensors.hpp"

#include <fmt/format.h>
#include <zlib.h>

#include <algorithm>
#include <bit>
#include <fstream>
#include <nlohmann/json.hpp>
#include <numeric>
#include <set>

#include "base/error.hpp"
#include "store/atomic_file.hpp"

namespace metac::store {
namespace {

static_assert(std::endian::native == std::endian::little, "the format is little-endian");

constexpr std::pair<Dtype, const char*> types[] = {
    {Dtype::f32, "F32"}, {Dtype::f64, "F64"}, {Dtype::i32, "I32"}, {Dtype::boolean, "BOOL"}};
constexpr std::uint64_t largest_header = 100'000'000;  // bytes, as the format says
constexpr const char* cut_short = "it was cut short while it was read";

std::string_view bytes_of(const Array& array) { return {static_cast<const char*>(array.data()), array.type().bytes()}; }

// Of pieces that follow each other.
class Checksum {
 public:
  void add(std::string_view piece) {  // a piece of nothing may have no address, which zlib takes for a beginning
    if (!piece.empty()) crc_ = crc32_z(crc_, reinterpret_cast<const Bytef*>(piece.data()), piece.size());
  }
  std::string text() const { return fmt::format("{:08x}", crc_); }

 private:
  uLong crc_ = crc32_z(0, nullptr, 0);
};

[[noreturn]] void fail(const std::filesystem::path& path, const std::string& what) {
  throw Error(fmt::format("{}: {}", path.string(), what));
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

// The text of a header, filled up with spaces to whole words.
std::string dumped(const std::filesystem::path& path, const nlohmann::ordered_json& header) {
  try {
    std::string text = header.dump();
    text.append((8 - text.size() % 8) % 8, ' ');
    if (text.size() <= largest_header) return text;
    fail(path, fmt::format("its header would have {} bytes, {} are the most", text.size(), largest_header));
  } catch (const nlohmann::json::type_error&) {
    fail(path, "a name of an array, or a text of the metadata, is no UTF-8");
  }
}

// What the header says of an array.
struct Place {
  std::string name;
  Type type;
  std::uint64_t begin = 0, end = 0;  // in the data
};

Place place_of(const std::filesystem::path& path, const std::string& name, const nlohmann::ordered_json& entry,
               std::uint64_t size) {
  const auto word = entry.at("dtype").get<std::string>();
  const Dtype* dtype = nullptr;
  for (const auto& [known, name_of_it] : types)
    if (word == name_of_it) dtype = &known;
  if (dtype == nullptr) fail(path, fmt::format("`{}` has the type {}; F32, F64, I32 and BOOL can be read", name, word));
  const auto sizes = entry.at("shape").get<std::vector<std::int64_t>>();
  if (sizes.size() > static_cast<std::size_t>(max_rank))
    fail(path, fmt::format("`{}` has {} axes", name, sizes.size()));
  double elements = 1;
  for (const auto n : sizes) {
    if (n < 0) fail(path, fmt::format("`{}` has a negative size", name));
    elements *= static_cast<double>(n);
  }
  const auto offsets = entry.at("data_offsets").get<std::vector<std::uint64_t>>();
  if (offsets.size() != 2) fail(path, fmt::format("`{}` has {} data offsets, not 2", name, offsets.size()));
  const Place place{name, {*dtype, Shape(sizes)}, offsets[0], offsets[1]};
  if (elements > static_cast<double>(size) || place.begin > place.end || place.end > size ||
      place.end - place.begin != place.type.bytes())
    fail(path, fmt::format("`{}` {} does not fit its place in the file", name, to_string(place.type)));
  return place;
}

// In the order of the header; the metadata goes to the result.
std::vector<Place> places_in(const std::filesystem::path& path, const std::string& header, std::uint64_t size,
                             Tensors& result) {
  std::vector<Place> places;
  try {
    const auto entries = parsed(header);
    for (const auto& [name, entry] : entries.items())
      if (name == "__metadata__")
        result.metadata = entry.get<std::map<std::string, std::string>>();
      else
        places.push_back(place_of(path, name, entry, size));
  } catch (const nlohmann::json::exception& error) {
    fail(path, fmt::format("its header is damaged ({})", error.what()));
  } catch (const RepeatedKey& key) {
    fail(path, fmt::format("its header is damaged: `{}` stands there twice", key.name));
  }
  return places;
}

// The numbers of the places in the order of the data, which they tile, as the format says.
std::vector<std::size_t> in_order(const std::filesystem::path& path, const std::vector<Place>& places,
                                  std::uint64_t size) {
  std::vector<std::size_t> order(places.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  const auto key = [&](std::size_t i) { return std::pair(places[i].begin, places[i].end); };
  std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return key(a) < key(b); });
  std::uint64_t covered = 0;
  for (const auto i : order) {
    if (places[i].begin != covered)
      fail(path,
           fmt::format("its arrays {} at byte {}", places[i].begin < covered ? "overlap" : "leave a hole", covered));
    covered = places[i].end;
  }
  if (covered != size) fail(path, fmt::format("{} bytes after its arrays belong to none", size - covered));
  return order;
}

}  // namespace

const Array* Tensors::find(const std::string& name) const {
  for (const auto& [known, array] : arrays)
    if (known == name) return &array;
  return nullptr;
}

std::string write_safetensors(const std::filesystem::path& path, const Tensors& tensors) {
  nlohmann::ordered_json header;
  Checksum checksum;
  std::uint64_t end = 0;
  for (const auto& [name, array] : tensors.arrays) {
    const char* type = nullptr;
    for (const auto& [dtype, word] : types)
      if (dtype == array.dtype()) type = word;
    if (header.contains(name)) fail(path, fmt::format("two arrays are called `{}`", name));
    const std::uint64_t begin = end;
    end += array.bytes();
    header[name] = {{"dtype", type},
                    {"shape", std::vector<std::int64_t>(array.shape().begin(), array.shape().end())},
                    {"data_offsets", {begin, end}}};
    checksum.add(bytes_of(array));
  }
  auto metadata = tensors.metadata;
  const std::string crc32 = metadata["crc32"] = checksum.text();
  header["__metadata__"] = metadata;
  const std::string text = dumped(path, header);
  const std::uint64_t length = text.size();
  AtomicFile file(path);  // in pieces: the arrays are held once, however large they are
  file.write({reinterpret_cast<const char*>(&length), sizeof length});
  file.write(text);
  for (const auto& [name, array] : tensors.arrays) file.write(bytes_of(array));
  file.keep();
  return crc32;
}

Tensors read_safetensors(const std::filesystem::path& path, const std::string& crc32) {
  std::error_code code;
  const std::uint64_t size = std::filesystem::file_size(path, code);
  std::ifstream file;
  if (!code) file.open(path, std::ios::binary);
  if (code || !file) fail(path, "there is no such file, or it cannot be read");
  std::uint64_t length = 0;
  if (size < 8 || !file.read(reinterpret_cast<char*>(&length), 8) || length > size - 8 || length > largest_header)
    fail(path, "this is no safetensors file: its header does not fit in it");
  std::string header(length, '\0');
  if (!file.read(header.data(), static_cast<std::streamsize>(length))) fail(path, cut_short);

  Tensors result;
  const auto places = places_in(path, header, size - 8 - length, result);
  const auto order = in_order(path, places, size - 8 - length);
  for (const auto& place : places) result.arrays.emplace_back(place.name, Array(place.type));
  Checksum checksum;
  for (const auto i : order) {  // each from its place in the file into its own memory
    Array& array = result.arrays[i].second;
    if (!file.read(static_cast<char*>(array.data()), static_cast<std::streamsize>(array.bytes())))
      fail(path, cut_short);
    checksum.add(bytes_of(array));
  }
  if (const auto crc = result.metadata.find("crc32"); crc != result.metadata.end()) {
    if (crc->second != checksum.text()) fail(path, "it is damaged: the checksum of its data is wrong");
    if (!crc32.empty() && crc->second != crc32) fail(path, "it is another file than the one that was written here");
    result.metadata.erase(crc);
  } else if (!crc32.empty()) {
    fail(path, "it has no checksum, so it is not the file that was written here");
  }
  return result;
}

}  // namespace metac::store
