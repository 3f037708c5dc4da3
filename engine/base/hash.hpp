// A short number for what is equal: FNV-1a over bytes (Fowler, Noll and Vo). It tells apart what differs by chance, not
// what somebody made to look alike.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace metac {

class Hash {
 public:
  explicit Hash(std::uint64_t start = 0xcbf29ce484222325u) : value_(start) {}
  void byte(std::uint8_t byte) { value_ = (value_ ^ byte) * 0x100000001b3u; }
  void bytes(const void* data, std::size_t size) {
    for (const auto *at = static_cast<const std::uint8_t*>(data), *end = at + size; at != end; ++at) byte(*at);
  }
  void number(std::uint64_t number) {
    for (int shift = 0; shift < 64; shift += 8) byte(static_cast<std::uint8_t>(number >> shift));
  }
  // With its length: "ab", "c" is not "a", "bc".
  void text(std::string_view text) {
    number(text.size());
    bytes(text.data(), text.size());
  }
  std::uint64_t value() const { return value_; }
  std::uint32_t short_value() const { return static_cast<std::uint32_t>(value_ ^ value_ >> 32); }

 private:
  std::uint64_t value_;
};

}  // namespace metac
