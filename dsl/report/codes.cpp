// Reads codes.md: headings `## E0203 title`, paragraphs, and examples between fences.
#include "report/codes.hpp"

#include <algorithm>
#include <charconv>
#include <cstdlib>

namespace metac::dsl {

extern const std::string_view codes_text;  // made from codes.md

namespace {

class Reader {
 public:
  std::vector<CodeFamily> read(std::string_view text) {
    while (!text.empty()) {
      const std::size_t end = text.find('\n');
      add(text.substr(0, end));
      text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    }
    for (auto& family : families_) trim(family.text);
    return std::move(families_);
  }

 private:
  void add(std::string_view line) {
    const bool fence = line.starts_with("```");
    if (fence) {
      in_example_ = !in_example_;
      if (in_example_) families_.back().examples.emplace_back();
    } else if (in_example_) {
      families_.back().examples.back() += std::string(line) + "\n";
    } else if (line.starts_with("## ")) {
      add_heading(line.substr(3));
    } else if (!families_.empty()) {  // else the opening of the file
      families_.back().text += std::string(line) + "\n";
    }
    after_heading_ = !fence && line.starts_with("## ");
  }

  void add_heading(std::string_view heading) {
    if (!after_heading_) families_.emplace_back();
    const std::size_t blank = heading.find(' ');
    families_.back().codes.push_back({std::string(heading.substr(0, blank)), std::string(heading.substr(blank + 1))});
  }

  static void trim(std::string& text) {
    while (text.ends_with('\n')) text.pop_back();
  }

  std::vector<CodeFamily> families_;
  bool in_example_ = false, after_heading_ = false;
};

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
  static const std::vector<CodeFamily> families = Reader().read(codes_text);
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
