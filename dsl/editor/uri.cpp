// Addresses after RFC 3986, as far as files need it.
#include "editor/uri.hpp"

#include <filesystem>
#include <string_view>

namespace metac::dsl {

namespace {

constexpr std::string_view file_scheme = "file:";
constexpr std::string_view library_scheme = "metac-stdlib:";
constexpr std::string_view library_folder = "stdlib";

int digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

std::string decoded(std::string_view text) {
  std::string result;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool escaped = text[i] == '%' && i + 2 < text.size() && digit(text[i + 1]) >= 0 && digit(text[i + 2]) >= 0;
    result += escaped ? static_cast<char>(digit(text[i + 1]) * 16 + digit(text[i + 2])) : text[i];
    if (escaped) i += 2;
  }
  return result;
}

bool is_plain(char c) {
  const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
  return letter || std::string_view("-._~/").find(c) != std::string_view::npos;
}

std::string encoded(std::string_view path) {
  constexpr std::string_view digits = "0123456789ABCDEF";
  std::string result;
  for (const char c : path) {
    const auto byte = static_cast<unsigned char>(c);
    if (is_plain(c))
      result += c;
    else
      result += {'%', digits[byte >> 4], digits[byte & 15]};
  }
  return result;
}

std::string normal(const std::string& path) { return std::filesystem::path(path).lexically_normal().string(); }

}  // namespace

bool is_library_uri(const std::string& uri) { return uri.starts_with(library_scheme); }

std::string path_of(const std::string& uri) {
  std::string_view rest = uri;
  if (is_library_uri(uri)) {
    rest.remove_prefix(library_scheme.size());
    while (rest.starts_with('/')) rest.remove_prefix(1);
    return normal(decoded(rest));
  }
  if (!rest.starts_with(file_scheme)) return uri;
  rest.remove_prefix(file_scheme.size());
  if (rest.starts_with("//")) rest.remove_prefix(std::min(rest.find('/', 2), rest.size()));  // the host is this one
  return normal(decoded(rest));
}

std::string uri_of(const std::string& path) {
  if (path.starts_with('/')) return "file://" + encoded(path);
  if (path.starts_with(library_folder)) return std::string(library_scheme) + "/" + encoded(path);
  return path;
}

}  // namespace metac::dsl
