// Tables of text: comma-separated (with quotes, RFC 4180) or tab-separated (without), by the ending of the file's name.
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <vector>

namespace metac::data {

struct Table {
  std::string name;                            // of the file, for messages
  std::vector<std::string> columns;            // their names: of the first line, or "0", "1", ...
  std::vector<std::vector<std::string>> rows;  // each with a value for each column
  std::vector<std::size_t> lines;              // row: the line of the file that it begins on

  std::size_t column(const std::string& name) const;         // its number; Error that names those there are
  std::string place(std::size_t row) const;                  // "weather.csv, line 7"
  double number(std::size_t row, std::size_t column) const;  // Error if it is none, or not finite
};

// `.csv`: values between commas; a value in quotes may hold commas, line breaks and doubled quotes. Else: values
// between tabs. Empty lines are skipped. Errors, with the line: no UTF-8, other numbers of values than in the first
// line, quotes that do not close, columns of one name, no rows.
Table read_table(const std::filesystem::path&, bool header);

}  // namespace metac::data
