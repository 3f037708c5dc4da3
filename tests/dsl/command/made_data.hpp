// Data that tests make: what the loaders of named data sets read, small.
#pragma once

#include <filesystem>

namespace metac::dsl::test {

void write_data(const std::filesystem::path& folder);

}  // namespace metac::dsl::test
