// The two errors of the engine, by whose fault it is. (The third kind, a mistake in a script, is a diagnostic with a
// place; see dsl/report.) The library never prints and never exits.
#pragma once

#include <stdexcept>
#include <string>

namespace [[gnu::visibility("default")]] metac {

// The caller's fault: says what was given and what was needed.
class Error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// No memory, or more than the limit that was set.
class OutOfMemory : public Error {
 public:
  using Error::Error;
};

// Our fault: something that the code promises did not hold.
class Bug : public std::logic_error {
 public:
  using std::logic_error::logic_error;
};

}  // namespace metac
