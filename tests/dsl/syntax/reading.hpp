// What the tests of this room share: a text, read.
#pragma once

#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "dsl/syntax/dump.hpp"
#include "syntax/syntax.hpp"

namespace metac::dsl {

struct Reading {
  Sources sources;
  Report report;
  Module module;

  explicit Reading(std::string text) {
    const std::uint32_t file = sources.add("t.meta", std::move(text));
    module = parse(sources, file, report);
  }
  std::string tree() const { return dump(module); }
  std::string printed() const { return print(module, sources); }
  std::string messages() const {
    std::string all;
    for (const Diagnostic& diagnostic : report.all()) all += render(diagnostic, sources);
    return all;
  }
  // `2:5 E0101 expected ..., found ...`, one a line.
  std::string summary() const {
    std::string all;
    for (const Diagnostic& d : report.all()) {
      const Position at = sources.position(d.span.file, d.span.begin);
      all += std::to_string(at.line) + ":" + std::to_string(at.column) + " " + d.code + " " + d.message + "\n";
    }
    return all;
  }
};

inline std::vector<std::filesystem::path> script_paths() {
  std::vector<std::filesystem::path> paths;
  for (const auto& entry : std::filesystem::directory_iterator(METAC_TESTS_DIR "/dsl/syntax/scripts")) {
    paths.push_back(entry.path());
  }
  return paths;
}

inline std::string read_text(const std::filesystem::path& path) {
  std::stringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

}  // namespace metac::dsl
