// Reading tables: lines, values, quotes, and the check that all of it is UTF-8.
#include "data/table.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>

#include "base/error.hpp"
#include "data/file.hpp"

namespace metac::data {

namespace {

constexpr std::size_t most_text = std::size_t{512} << 20;  // bytes

// The length of the UTF-8 character that begins at `at`; 0 if it is none (also: longer than needed, surrogates).
std::size_t character(const Bytes& text, std::size_t at) {
  const unsigned first = text[at];
  const std::size_t length = first < 0x80 ? 1 : first >> 5 == 6 ? 2 : first >> 4 == 14 ? 3 : first >> 3 == 30 ? 4 : 0;
  if (length == 0 || at + length > text.size()) return 0;
  unsigned code = length == 1 ? first : first & (0x7fu >> length);
  for (std::size_t i = 1; i < length; ++i) {
    if (text[at + i] >> 6 != 2) return 0;
    code = code << 6 | (text[at + i] & 0x3fu);
  }
  constexpr unsigned least[] = {0, 0, 0x80, 0x800, 0x10000};
  return code < least[length] || code > 0x10ffff || (code >= 0xd800 && code < 0xe000) ? 0 : length;
}

// Reads a text value by value.
class Reader {
 public:
  Reader(const Bytes& text, std::string name, bool commas) : text_(text), name_(std::move(name)), commas_(commas) {
    if (text.size() >= 3 && text[0] == 0xef && text[1] == 0xbb && text[2] == 0xbf) at_ = 3;  // a mark of UTF-8
  }
  bool done() const { return at_ >= text_.size(); }
  std::size_t line() const { return line_; }

  std::vector<std::string> row() {
    std::vector<std::string> values;
    do values.push_back(commas_ && here('"') ? quoted() : plain());
    while (take(commas_ ? ',' : '\t'));
    if (!done() && !end_of_line()) fail(line_, "a value in quotes ends before its comma");
    return values;
  }
  [[noreturn]] void fail(std::size_t line, const std::string& what) const {
    throw Error(fmt::format("{}, line {}: {}", name_, line, what));
  }

 private:
  bool here(char c) const { return !done() && text_[at_] == static_cast<std::uint8_t>(c); }
  bool take(char c) {
    const bool is = here(c);
    at_ += is;
    return is;
  }
  bool end_of_line() {
    const std::size_t before = at_;
    take('\r');
    if (take('\n') || done()) {
      ++line_;
      return true;
    }
    at_ = before;
    return false;
  }
  void append(std::string& value) {
    const std::size_t length = character(text_, at_);
    if (length == 0) fail(line_, fmt::format("the byte {:02x} is not UTF-8", text_[at_]));
    value.append(text_.begin() + static_cast<std::ptrdiff_t>(at_),
                 text_.begin() + static_cast<std::ptrdiff_t>(at_ + length));
    at_ += length;
  }
  std::string plain() {
    std::string value;
    while (!done() && !here(commas_ ? ',' : '\t') && !here('\n')) append(value);
    if (value.ends_with('\r') && (done() || here('\n'))) value.pop_back();
    return value;
  }
  std::string quoted() {
    const std::size_t begin = line_;
    std::string value;
    for (++at_; !done(); append(value)) {
      if (take('"') && !here('"')) return value;
      if (here('\n')) ++line_;
    }
    fail(begin, "a quote is not closed");
  }

  const Bytes& text_;
  std::string name_;
  bool commas_;
  std::size_t at_ = 0, line_ = 1;
};

}  // namespace

std::size_t Table::column(const std::string& name) const {
  const auto found = std::find(columns.begin(), columns.end(), name);
  if (found == columns.end())
    throw Error(fmt::format("{}: has no column {}; it has {}", this->name, name, fmt::join(columns, ", ")));
  return static_cast<std::size_t>(found - columns.begin());
}

std::string Table::place(std::size_t row) const { return fmt::format("{}, line {}", name, lines[row]); }

double Table::number(std::size_t row, std::size_t column) const {
  std::string_view text = rows[row][column];
  while (text.starts_with(' ')) text.remove_prefix(1);
  while (text.ends_with(' ')) text.remove_suffix(1);
  if (text.starts_with('+')) text.remove_prefix(1);
  double value = 0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), value);
  if (read.ec != std::errc() || read.ptr != text.data() + text.size() || !std::isfinite(static_cast<float>(value)))
    throw Error(
        fmt::format("{}: the column {} needs numbers, this is \"{}\"", place(row), columns[column], rows[row][column]));
  return value;
}

Table read_table(const std::filesystem::path& path, bool header) {
  const Bytes text = read_file(path, most_text);
  Table table{path.string(), {}, {}, {}};
  const std::string file = path.filename().string();
  Reader reader(text, table.name, file.ends_with(".csv") || file.ends_with(".csv.gz"));
  while (!reader.done()) {
    const std::size_t line = reader.line();
    auto values = reader.row();
    if (values.size() == 1 && values[0].empty()) continue;
    if (table.columns.empty()) {
      if (header) {
        table.columns = std::move(values);
        continue;
      }
      for (std::size_t i = 0; i < values.size(); ++i) table.columns.push_back(std::to_string(i));
    }
    if (values.size() != table.columns.size())
      reader.fail(line, fmt::format("{} values were needed, {} found", table.columns.size(), values.size()));
    table.rows.push_back(std::move(values));
    table.lines.push_back(line);
  }
  if (table.rows.empty()) throw Error(fmt::format("{}: has no rows", table.name));
  auto names = table.columns;
  std::sort(names.begin(), names.end());
  if (const auto twice = std::adjacent_find(names.begin(), names.end()); twice != names.end())
    throw Error(fmt::format("{}: two columns are named {}", table.name, *twice));
  return table;
}

}  // namespace metac::data
