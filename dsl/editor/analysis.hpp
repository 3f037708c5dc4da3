// One document, read and checked with all that it uses: what every answer about it is made from.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "check/occurrences.hpp"
#include "report/report.hpp"

namespace metac::dsl {

// The text of a file by its path: of an open document, what the editor has. nullopt if there is none.
using ReadText = std::function<std::optional<std::string>(const std::string& path)>;

struct Analysis {
  std::shared_ptr<Sources> sources;
  std::uint32_t file = 0;                // of the document, among the sources
  std::uint32_t first_library_file = 0;  // from here on they are the standard library's
  Report report;
  Occurrences names;
  bool is_valid = false;  // no errors

  const std::string& path(std::uint32_t of) const { return sources->name(of); }
  bool is_library(std::uint32_t of) const { return of >= first_library_file; }
  std::optional<std::uint32_t> file_of(const std::string& path) const;
  const Module* module(std::uint32_t of) const;
  bool has_experiments() const;
  // The name at a byte of a file, or that ends there; null if there is none.
  const Occurrence* at(std::uint32_t of, std::uint32_t byte) const;
};

// `path` may be that of a file of the standard library. `probe`: what the check shall say of the bytes [begin, end).
struct ProbedBytes {
  std::uint32_t begin = 0, end = 0;
};
Analysis analyse(const std::string& path, std::string text, const ReadText&, std::optional<ProbedBytes> probe = {});

// For check(): files beside the one that uses them.
ModuleLoader loader(ReadText);

}  // namespace metac::dsl
