// Reads codes.md: headings are `E0203 title`.
#include "report/codes.hpp"

#include <algorithm>
#include <charconv>
#include <cstdlib>

#include "report/sections.hpp"

namespace metac::dsl {

extern const std::string_view codes_text;  // made from codes.md

namespace {

std::vector<CodeFamily> families_in(std::string_view text) {
  std::vector<CodeFamily> families;
  for (Section& section : sections_of(text)) {
    CodeFamily& family = families.emplace_back();
    for (const std::string& heading : section.headings) {
      const std::size_t blank = heading.find(' ');
      family.codes.push_back({heading.substr(0, blank), heading.substr(blank + 1)});
    }
    family.text = std::move(section.text);
    family.examples = std::move(section.examples);
  }
  return families;
}

int number_of(std::string_view code) {
  int number = -1;
  std::from_chars(code.data() + 1, code.data() + code.size(), number);
  return number;
}

auto place_of(const CodeFamily& family, std::string_view code) {
  return std::find_if(family.codes.begin(), family.codes.end(), [&](const Code& each) { return each.code == code; });
}

}  // namespace

std::vector<std::string> CodeFamily::examples_of(std::string_view code) const {
  if (examples.size() != codes.size()) return examples;
  return {examples[place_of(*this, code) - codes.begin()]};
}

const std::vector<CodeFamily>& code_families() {
  static const std::vector<CodeFamily> families = families_in(codes_text);
  return families;
}

const CodeFamily* find_code(std::string_view code) {
  for (const auto& family : code_families())
    if (place_of(family, code) != family.codes.end()) return &family;
  return nullptr;
}

std::vector<Code> codes_near(std::string_view code) {
  std::vector<Code> near;
  if (code.empty() || number_of(code) < 0) return near;
  for (const auto& family : code_families())
    for (const auto& each : family.codes)
      if (each.code.front() == code.front()) near.push_back(each);
  const auto distance = [&](const Code& each) { return std::abs(number_of(each.code) - number_of(code)); };
  std::stable_sort(near.begin(), near.end(), [&](const Code& a, const Code& b) { return distance(a) < distance(b); });
  near.resize(std::min<std::size_t>(near.size(), 3));
  return near;
}

}  // namespace metac::dsl
