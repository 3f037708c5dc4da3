// The frames of the protocol: `Content-Length: n`, an empty line, and n bytes; each line of the header ends with \r\n.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace metac::dsl {

std::string framed(std::string_view message);

class Frames {
 public:
  void add(std::string_view bytes) { waiting_ += bytes; }
  // The next message, if all of it is there. Nothing more comes once the bytes were wrong.
  std::optional<std::string> next();
  // What was wrong with the bytes; empty: nothing.
  const std::string& mistake() const { return mistake_; }
  bool is_empty() const { return waiting_.empty(); }

 private:
  std::optional<std::size_t> length_in(std::string_view header);

  std::string waiting_;
  std::string mistake_;
};

}  // namespace metac::dsl
