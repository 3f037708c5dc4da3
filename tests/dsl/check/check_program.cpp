// Texts and files for the checker's tests.
#include "dsl/check/check_program.hpp"

#include <fstream>
#include <iterator>
#include <stdexcept>

namespace metac::dsl::test {

std::string read_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) throw std::runtime_error("cannot read " + path);
  return {std::istreambuf_iterator<char>(in), {}};
}

namespace {

std::span<const LibraryFile> small_library() {
  static const std::string text = read_file(METAC_TESTS_DIR "/dsl/check/library.meta");
  static const LibraryFile file{"library.meta", text};
  return {&file, 1};
}

Checked run(std::string name, std::string text, const ModuleLoader& loader) {
  Checked result;
  result.sources = std::make_shared<Sources>();
  const std::uint32_t script = result.sources->add(std::move(name), std::move(text));
  result.program = check(result.sources, script, loader, result.report, small_library());
  for (const Diagnostic& diagnostic : result.report.all()) result.text += render(diagnostic, *result.sources);
  return result;
}

}  // namespace

Checked check_text(std::string script, const std::map<std::string, std::string>& modules) {
  return run("script.meta", std::move(script),
             [&](const std::string& path, const std::string&) -> std::optional<std::string> {
               const auto found = modules.find(path);
               return found == modules.end() ? std::nullopt : std::optional(found->second);
             });
}

Checked check_file(const std::string& folder, const std::string& name) {
  const auto loader = [&](const std::string& path, const std::string& user) -> std::optional<std::string> {
    const std::size_t slash = user.rfind('/');
    const std::string beside = slash == std::string::npos ? "" : user.substr(0, slash + 1);
    std::ifstream in(folder + "/" + beside + path, std::ios::binary);
    if (!in) return std::nullopt;
    return std::string(std::istreambuf_iterator<char>(in), {});
  };
  return run(name, read_file(folder + "/" + name), loader);
}

}  // namespace metac::dsl::test
