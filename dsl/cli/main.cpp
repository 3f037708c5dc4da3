// The command `metac`: command line in, exit code out.
#include <fmt/format.h>

#include "base/error.hpp"
#include "cli/command_line.hpp"

int main(int argc, char** argv) {
  try {
    return metac::dsl::perform(argc, argv);
  } catch (const metac::Error& error) {
    fmt::print(stderr, "metac: error: {}\n", error.what());
    return 2;
  } catch (const std::exception& error) {
    fmt::print(stderr, "metac: this is a bug of metac: {}\n", error.what());
    return 70;
  }
}
