// Reading scripts: only text files, of a size that people write.
#include "driver/script_file.hpp"

#include <fmt/format.h>

#include <fstream>
#include <sstream>

#include "syntax/syntax.hpp"

namespace metac::dsl {

void add_plain(Report& report, const char* code, std::string message, std::string hint) {
  Diagnostic diagnostic;
  diagnostic.code = code;
  diagnostic.message = std::move(message);
  diagnostic.hint = std::move(hint);
  diagnostic.span = {0xffffffff, 0, 0};
  report.add(std::move(diagnostic));
}

std::optional<std::string> read_text(const std::filesystem::path& path) {
  std::error_code error;
  if (!std::filesystem::is_regular_file(path, error) || std::filesystem::file_size(path, error) > longest_text)
    return std::nullopt;
  std::ifstream file(path, std::ios::binary);
  if (!file) return std::nullopt;
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

std::optional<std::string> read_script(const std::string& path, Report& report) {
  auto text = read_text(path);
  if (text && text->find('\0') == std::string::npos) return text;
  if (text) {
    add_plain(report, "E0001", fmt::format("`{}` is no text: it has bytes that are 0", path),
              "a script is a text file, such as `examples/first.meta`");
    return std::nullopt;
  }
  std::error_code error;
  const bool exists = std::filesystem::exists(path, error);
  add_plain(report, "E0001",
            std::filesystem::is_directory(path, error) ? fmt::format("`{}` is a folder, a script was needed", path)
            : exists ? fmt::format("`{}` is no text file of at most {} MiB that can be read", path, longest_text >> 20)
                     : fmt::format("there is no file `{}`", path));
  return std::nullopt;
}

}  // namespace metac::dsl
