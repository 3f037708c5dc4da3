// Reads line by line.
#include "report/sections.hpp"

namespace metac::dsl {

namespace {

class Reader {
 public:
  std::vector<Section> read(std::string_view text) {
    while (!text.empty()) {
      const std::size_t end = text.find('\n');
      add(text.substr(0, end));
      text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    }
    for (Section& section : sections_)
      while (section.text.ends_with('\n')) section.text.pop_back();
    return std::move(sections_);
  }

 private:
  void add(std::string_view line) {
    const bool fence = line.starts_with("```"), heading = !fence && !in_example_ && line.starts_with("## ");
    if (fence) {
      in_example_ = !in_example_;
      if (in_example_) sections_.back().examples.emplace_back();
    } else if (in_example_) {
      sections_.back().examples.back() += std::string(line) + "\n";
    } else if (heading) {
      if (!after_heading_) sections_.emplace_back();
      sections_.back().headings.emplace_back(line.substr(3));
    } else if (!sections_.empty() && (!line.empty() || !sections_.back().text.empty())) {
      sections_.back().text += std::string(line) + "\n";
    }
    after_heading_ = heading;
  }

  std::vector<Section> sections_;
  bool in_example_ = false, after_heading_ = false;
};

}  // namespace

std::vector<Section> sections_of(std::string_view text) { return Reader().read(text); }

}  // namespace metac::dsl
