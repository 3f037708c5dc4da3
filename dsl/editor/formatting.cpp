// `print`, and a check that what it wrote can be read again.
#include "editor/formatting.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "base/error.hpp"
#include "syntax/syntax.hpp"

namespace metac::dsl {

std::optional<std::string> formatted(Sources& sources, std::uint32_t file, Report& report) {
  const Module module = parse(sources, file, report);
  if (report.has_errors()) return std::nullopt;
  std::string text = print(module, sources);
  Report of_result;
  parse(sources, sources.add(sources.name(file), text), of_result);
  if (of_result.has_errors())
    throw Bug(fmt::format("{} can be read, but not after it was formatted", sources.name(file)));
  return text;
}

std::optional<Change> change_between(const std::string& before, const std::string& after) {
  if (before == after) return std::nullopt;
  const std::size_t shorter = std::min(before.size(), after.size());
  std::size_t begin = 0, end = 0;  // equal bytes at the beginning, and at the end
  while (begin < shorter && before[begin] == after[begin]) ++begin;
  while (begin > 0 && before[begin - 1] != '\n') --begin;
  while (end < shorter - begin && before[before.size() - 1 - end] == after[after.size() - 1 - end]) ++end;
  while (end > 0 && before[before.size() - 1 - end] != '\n') --end;
  return Change{static_cast<std::uint32_t>(begin), static_cast<std::uint32_t>(before.size() - end),
                after.substr(begin, after.size() - end - begin)};
}

}  // namespace metac::dsl
