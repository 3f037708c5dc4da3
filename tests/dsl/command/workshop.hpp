// Where the command is run: a folder with the scripts of cases/, and good and bad data files of every kind.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace metac::dsl::test {

// Made once; removed when the tests end.
const std::filesystem::path& workshop();

std::string read_all(const std::filesystem::path&);
std::vector<std::string> words_of(const std::string& line);

// The arguments of a script whose first line may say them: "# metac check --data data" in x.meta is `metac check x.meta
// --data data`. Without such a line: `metac check x.meta`.
std::vector<std::string> arguments_of(const std::string& text, const std::string& file);

}  // namespace metac::dsl::test
